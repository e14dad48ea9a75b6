"""Who may do what: one table, of which the tests of rights and, by `make docs`, docs/rights.md are
made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lct.domain.rights import Right
from lct.web.api import operations

ROLES = (
    "anyone", "player", "other player", "player elsewhere", "removed player",
    "host", "host elsewhere", "revoked device",
)  # fmt: skip
IN = "in"

Cells = tuple[object, ...]  # in the order of ROLES


class Row(NamedTuple):
    """What everybody gets; the path may name what the evening under test has."""

    method: str
    rule: str
    path: str
    cells: Cells
    form: dict[str, str] = {}  # noqa: RUF012 - read only


def everybody(status: int) -> Cells:
    return (status,) * len(ROLES)


def players(status: int) -> Cells:
    """Each for themselves: the cookie says who it is."""
    return (403, status, status, 403, 403, 403, 403, 403)


def host(status: int) -> Cells:
    return (403, 403, 403, 403, 403, status, 403, 403)


T = "/t/<code>"
ACT = {"do": "lock"}
NEW = {"name": "{random}", "limit": "4", "source": "classic"}
PICK_FOR = {"player": "{player}", "team": "1"}
NAME = {"first": "{random}", "last": "Nowak"}

PAGES = (
    Row("GET", "/", "/", everybody(200)),
    Row("POST", "/", "/", everybody(303), NEW),
    Row("GET", "/go", "/go?code={code}", everybody(303)),
    Row("GET", "/metrics", "/metrics", everybody(404)),  # without a token: tests/test_metrics.py
    Row("GET", "/liveness", "/liveness", everybody(200)),
    Row("GET", "/readiness", "/readiness", everybody(200)),
    Row("GET", "/static/<path:filename>", "/static/app.css", everybody(200)),
    Row("GET", "/swagger/index.html", "/swagger/index.html", everybody(200)),
    Row("GET", "/swagger/openapi.json", "/swagger/openapi.json", everybody(200)),
    Row("GET", T, "/t/{code}", everybody(200)),
    Row("GET", f"{T}/verify", "/t/{code}/verify", everybody(200)),
    Row("GET", f"{T}/draw.json", "/t/{code}/draw.json", everybody(409)),  # not drawn yet
    Row("GET", f"{T}/join", "/t/{code}/join", (200, 303, 303, 200, 200, 200, 200, 200)),
    Row("POST", f"{T}/join", "/t/{code}/join", everybody(303), NAME),
    Row("GET", f"{T}/back", "/t/{code}/back", everybody(200)),
    Row("POST", f"{T}/back", "/t/{code}/back", everybody(422), {"code": "BBBBBBBB"}),
    Row("POST", f"{T}/back", "/t/{code}/back", everybody(303), {"code": "{seat}"}),
    Row("GET", f"{T}/seat/<seat>", "/t/{code}/seat/BBBBBBBB", everybody(303)),
    Row("GET", f"{T}/seat/<seat>", "/t/{code}/seat/{seat}", everybody(303)),
    Row("GET", f"{T}/me", "/t/{code}/me", (303, 200, 200, 303, 200, 303, 303, 303)),
    Row("GET", f"{T}/seat.svg", "/t/{code}/seat.svg", players(200)),  # each their own
    Row("POST", f"{T}/team", "/t/{code}/team", players(303), {"team": "{free}"}),
    Row("POST", f"{T}/let-go", "/t/{code}/let-go", players(303)),
    Row("POST", f"{T}/name", "/t/{code}/name", players(303), NAME),
    Row("POST", f"{T}/look", "/t/{code}/look", players(204)),
    Row("GET", f"{T}/host/<key>", "/t/{code}/host/{random}", everybody(303)),
    Row("GET", f"{T}/host/<key>", "/t/{code}/host/{key}", everybody(303)),
    Row("GET", f"{T}/recover", "/t/{code}/recover", everybody(200)),
    Row("POST", f"{T}/recover", "/t/{code}/recover", everybody(403), {"code": "{random}"}),
    Row("POST", f"{T}/recover", "/t/{code}/recover", everybody(303), {"code": "{recovery}"}),
    Row("GET", f"{T}/created", "/t/{code}/created", host(303)),
    Row("GET", f"{T}/organise", "/t/{code}/organise", host(200)),
    Row("POST", f"{T}/organise", "/t/{code}/organise", host(303), ACT),
    Row("GET", f"{T}/pick-for", "/t/{code}/pick-for?player={player}", host(200)),
    Row("POST", f"{T}/pick-for", "/t/{code}/pick-for", host(303), PICK_FOR),
    Row("GET", f"{T}/history", "/t/{code}/history", host(200)),
    Row("GET", f"{T}/history.jsonl", "/t/{code}/history.jsonl", host(200)),
    *(
        Row("GET", f"{T}/{way}", f"/t/{{code}}/{way}?view={view}", cells(status))
        for way, status in (("live", 101), ("events", 200), ("now", 200))
        for view, cells in (
            ("board", everybody), ("watch", everybody), ("me", everybody), ("organise", host),
        )
    ),
)  # fmt: skip

# What a websocket may say (view "me"), and whose word counts.
MESSAGES = {
    '{"look": 3}': ("dropped", "shown", "shown", *("dropped",) * 5),
    '{"asleep": true}': ("dropped", "shown", "shown", *("dropped",) * 5),
}

# The API: an operation names its right, and these are all there are.
API: dict[Right, Cells] = {
    Right.ANYONE: (IN,) * len(ROLES),
    Right.PLAYER: (401, IN, 403, 403, 403, 403, 403, 401),
    Right.ORGANISER: (401, 403, 403, 403, 403, IN, 403, 401),
    Right.EITHER: (401, IN, 403, 403, 403, IN, 403, 401),
}

HEAD = """# Who may do what

Every address and every message of a websocket, for everybody. Made by `make docs`; the tests try each cell, and fail when the app serves what is not here, when a row leads nowhere, or when this page is not the table's (`tests/test_rights.py`, `tests/test_api_rights.py`).

*Player* is the one whom the address or the form names, *other player* somebody else of that evening, *elsewhere* of another one. *Host* is an admitted device; a *revoked device* was one. The numbers are statuses: 303 leads on, 403 and 401 are refusals. A HEAD is refused where a GET is, any other method is a 405, and no POST counts without the page's own CSRF token."""  # noqa: E501
ABOUT_PAGES = """## Pages and screens

Where everybody may knock, what is shown counts: a personal code, a co-organiser link and a recovery code are rights by themselves, and a wrong one leads to the page where it can be typed, or is refused (two rows)."""  # noqa: E501
ABOUT_MESSAGES = """## Messages

On a websocket with the view `me`. Nothing else is understood; what is dropped is no reason to close it."""  # noqa: E501
ABOUT_API = """## The API

*in*: the call is let in, and then it depends on what it says. Cookies grant nothing here. `admit` and `come_back` let everybody in to show a secret."""  # noqa: E501


def markdown() -> str:
    """docs/rights.md."""
    return "\n\n".join(
        [
            HEAD,
            ABOUT_PAGES,
            _table((f"`{row.method} {_shown(row)}`", row.cells) for row in PAGES),
            ABOUT_MESSAGES,
            _table((f"`{message}`", cells) for message, cells in MESSAGES.items()),
            ABOUT_API,
            _table((f"`{o.method} {o.path}` ({o.name})", API[o.right]) for o in operations()),
        ]
    )


def _shown(row: Row) -> str:
    """The rule, and whatever makes it another row: the view, the action, or that it is wrong."""
    view = row.path.partition("?view=")[2]
    wrong = "BBBBBBBB" in (row.path + str(row.form)) or (
        "{random}" in (row.path + row.form.get("code", ""))
    )
    return row.rule + (f"?view={view}" if view else "") + (" (wrong)" if wrong else "")


def _table(rows: Iterator[tuple[str, Cells]]) -> str:
    lines: list[list[object]] = [["", *ROLES], ["---"] * (len(ROLES) + 1)]
    lines += [[name, *cells] for name, cells in rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


if __name__ == "__main__":
    print(markdown())
