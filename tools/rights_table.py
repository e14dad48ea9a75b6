"""Who may do what: the table behind the rights tests and docs/rights.md (`make docs`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lct.domain.rights import Right
from lct.web.api import operations

ROLES = (
    "anyone", "player", "other player", "player elsewhere", "removed player",
    "host", "co-organiser", "host elsewhere", "revoked device",
)  # fmt: skip
IN = "in"

Cells = tuple[object, ...]  # in the order of ROLES


class Row(NamedTuple):
    """One request and its status for each role; the tests fill in the path's {…}."""

    method: str
    rule: str
    path: str
    cells: Cells
    form: dict[str, str] = {}  # noqa: RUF012 - read only


def everybody(status: int) -> Cells:
    return (status,) * len(ROLES)


def players(status: int) -> Cells:
    """Players act for themselves: the cookie says who it is."""
    return (403, status, status, *(403,) * 6)


def organisers(status: int) -> Cells:
    return (*(403,) * 5, status, status, 403, 403)


def owner(status: int) -> Cells:
    return (*(403,) * 5, status, *(403,) * 3)


T = "/t/<code>"
ACT = {"do": "lock"}
REVOKE = {"do": "revoke", "device": "{device}"}  # somebody else's
NEW = {"name": "{random}", "limit": "4", "source": "classic"}
PICK_FOR = {"player": "{player}", "team": "1"}
SHARE = {"player": "{player}", "share": "5a" * 32}
SCORE = {"match": "K2.1", "home": "2", "away": "1"}
NAME = {"first": "{random}", "last": "Nowak"}

PAGES = (
    Row("GET", "/", "/", everybody(200)),
    Row("POST", "/", "/", everybody(303), NEW),
    Row("POST", "/reading", "/reading", everybody(200), {"pasted": "Roma"}),
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
    Row("GET", f"{T}/matches.csv", "/t/{code}/matches.csv", everybody(409)),  # not begun yet
    Row("GET", f"{T}/standings.csv", "/t/{code}/standings.csv", everybody(409)),
    Row("GET", f"{T}/join", "/t/{code}/join", (200, 303, 303, *(200,) * 6)),
    Row("POST", f"{T}/join", "/t/{code}/join", everybody(303), NAME),
    Row("GET", f"{T}/back", "/t/{code}/back", everybody(200)),
    Row("POST", f"{T}/back", "/t/{code}/back", everybody(422), {"code": "BBBBBBBB"}),
    Row("POST", f"{T}/back", "/t/{code}/back", everybody(303), {"code": "{seat}"}),
    Row("GET", f"{T}/seat/<seat>", "/t/{code}/seat/BBBBBBBB", everybody(303)),
    # A player of this evening with another seat must confirm first.
    Row("GET", f"{T}/seat/<seat>", "/t/{code}/seat/{seat}", (303, 303, 200, *(303,) * 6)),
    Row("POST", f"{T}/seat/<seat>", "/t/{code}/seat/BBBBBBBB", everybody(303)),
    Row("POST", f"{T}/seat/<seat>", "/t/{code}/seat/{seat}", everybody(303)),
    Row("GET", f"{T}/me", "/t/{code}/me", (303, 200, 200, 303, 200, *(303,) * 4)),
    Row("GET", f"{T}/seat.svg", "/t/{code}/seat.svg", players(200)),  # each their own
    Row("POST", f"{T}/team", "/t/{code}/team", players(303), {"team": "{free}"}),
    Row("POST", f"{T}/let-go", "/t/{code}/let-go", players(303)),
    Row("POST", f"{T}/share", "/t/{code}/share", players(409), SHARE),  # no draw has begun
    Row("POST", f"{T}/score", "/t/{code}/score", players(409), SCORE),  # not drawn yet
    Row("POST", f"{T}/withdraw", "/t/{code}/withdraw", players(409), SCORE),
    Row("POST", f"{T}/name", "/t/{code}/name", players(303), NAME),
    Row("POST", f"{T}/call-name", "/t/{code}/call-name", players(303), {"call_name": "{random}"}),
    Row("POST", f"{T}/look", "/t/{code}/look", players(204)),
    Row("GET", f"{T}/host/<key>", "/t/{code}/host/{random}", everybody(303)),
    # A page with one button; organisers are redirected to their page.
    Row("GET", f"{T}/host/<key>", "/t/{code}/host/{key}", (*(200,) * 5, 303, 303, 200, 200)),
    Row("POST", f"{T}/host/<key>", "/t/{code}/host/{random}", everybody(303)),
    Row("POST", f"{T}/host/<key>", "/t/{code}/host/{key}", everybody(303)),
    Row("GET", f"{T}/recover", "/t/{code}/recover", everybody(200)),
    Row("POST", f"{T}/recover", "/t/{code}/recover", everybody(403), {"code": "{random}"}),
    Row("POST", f"{T}/recover", "/t/{code}/recover", everybody(303), {"code": "{recovery}"}),
    Row("GET", f"{T}/created", "/t/{code}/created", organisers(303)),
    Row("GET", f"{T}/organise", "/t/{code}/organise", organisers(200)),
    Row("POST", f"{T}/organise", "/t/{code}/organise", organisers(303), ACT),
    Row("POST", f"{T}/organise", "/t/{code}/organise", owner(303), {"do": "new-recovery"}),
    Row("POST", f"{T}/organise", "/t/{code}/organise", owner(303), {"do": "new-seat-codes"}),
    Row("POST", f"{T}/organise", "/t/{code}/organise", owner(303), REVOKE),
    Row("GET", f"{T}/pick-for", "/t/{code}/pick-for?player={player}", organisers(200)),
    Row("POST", f"{T}/pick-for", "/t/{code}/pick-for", organisers(303), PICK_FOR),
    Row("GET", f"{T}/history", "/t/{code}/history", organisers(200)),
    Row("GET", f"{T}/history.jsonl", "/t/{code}/history.jsonl", organisers(200)),
    *(
        Row("GET", f"{T}/{way}", f"/t/{{code}}/{way}?view={view}", cells(status))
        for way, status in (("live", 101), ("events", 200), ("now", 200))
        for view, cells in (
            ("board", everybody), ("watch", everybody), ("me", everybody), ("organise", organisers),
        )
    ),
)  # fmt: skip

# What a client may send on a websocket (view "me"), and for whom it has an effect.
MESSAGES = {
    '{"look": 3}': ("dropped", "shown", "shown", *("dropped",) * 6),
    '{"asleep": true}': ("dropped", "shown", "shown", *("dropped",) * 6),
    '{"shares": {"…": "…"}}': ("dropped", "taken", "taken", *("dropped",) * 6),
}

# The API: each operation has one of these rights.
API: dict[Right, Cells] = {
    Right.ANYONE: (IN,) * len(ROLES),
    Right.PLAYER: (401, IN, *(403,) * 6, 401),
    Right.ORGANISER: (401, *(403,) * 4, IN, IN, 403, 401),
    Right.EITHER: (401, IN, *(403,) * 3, IN, IN, 403, 401),
    Right.OWNER: (401, *(403,) * 4, IN, 403, 403, 401),
}

HEAD = """# Who may do what

Every address and every websocket message, for every role. Generated by `make docs`. The tests try each cell, and fail when the app serves an address that is not listed, when a row has no route, or when this page is out of date (`tests/test_rights.py`, `tests/test_api_rights.py`).

*Player* is the player named in the address or the form, *other player* another one of that evening, *elsewhere* one of another evening. *Host* is the device that created the evening, or one that used the recovery code (an *owner*); a *co-organiser* used the link; a *revoked device* was one of these. The numbers are statuses: 303 redirects, 403 and 401 refuse. HEAD is refused where GET is, any other method gets 405, and every POST needs the page's own CSRF token."""  # noqa: E501
ABOUT_PAGES = """## Pages and screens

Some pages are open to everybody and check a secret: a personal code, a co-organiser link and a recovery code each grant a right. A wrong one redirects to the page where it can be typed, or is refused (two rows)."""  # noqa: E501
ABOUT_MESSAGES = """## Messages

On a websocket with the view `me`. No other message is understood. A dropped message does not close the socket. A share is taken if it fits its pledge, whichever player's phone sends it."""  # noqa: E501
ABOUT_API = """## The API

*in*: the role may make the call; its result depends on the request. Cookies grant nothing here. Anyone may call `admit` and `come_back`, which check a secret."""  # noqa: E501


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
    """The rule, and what tells rows of one rule apart: the view, the action, a wrong secret."""
    view = row.path.partition("?view=")[2]
    done = f" do={row.form['do']}" if "do" in row.form else ""
    wrong = "BBBBBBBB" in (row.path + str(row.form)) or (
        "{random}" in (row.path + row.form.get("code", ""))
    )
    return row.rule + (f"?view={view}" if view else "") + done + (" (wrong)" if wrong else "")


def _table(rows: Iterator[tuple[str, Cells]]) -> str:
    lines: list[list[object]] = [["", *ROLES], ["---"] * (len(ROLES) + 1)]
    lines += [[name, *cells] for name, cells in rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


if __name__ == "__main__":
    print(markdown())
