"""The most expensive request without any rights: every kind in its worst legal form.

Two tournaments have 1,024 players and 2,000 teams with long names; one is picking, one is drawn.
Each kind of request runs a few times; the figure is the CPU time of the one worker.
"""

from __future__ import annotations

import http.client
import json
import re
import secrets
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlencode

from lct.application.execute import Execute
from lct.domain.draw import PLAIN
from lct.domain.drawing import DrawTeams, SkipReveal
from lct.domain.evening import CreateTournament, Keys
from lct.domain.people import Join
from lct.domain.picking import PickTeam
from lct.domain.rights import SYSTEM
from lct.domain.teams import MAX_ELABORATE, MAX_TEAMS, pasted_teams
from lct.domain.tournament import MAX_PLAYERS
from lct.domain.values import new_code
from lct.infrastructure.event_store import EventStore
from tests.support import forget_limits

from .figures import Figure, measures
from .place import Place, cpu_ms, place

TIMES = 5
SEATS_LEFT = 12
BROWSER = {"Accept-Encoding": "gzip, deflate, br", "Host": "laptop.example"}
BIG_FILE = "/static/vendor/swagger-ui@5.35.0/swagger-ui-bundle.js"


def names(letters: str) -> list[str]:
    return [f"{number:04} " + letters * 35 for number in range(MAX_TEAMS)]


def lists() -> dict[str, list[str]]:
    """The most expensive team lists that are accepted."""
    found = {"ASCII": names("a"), "Cyrillic": names("\u0436")}
    for what, letter in {"emoji": "\U0001f600", "marks": "e\u0301\u0317"}.items():
        some = [f"{number:04}{letter * 12}" for number in range(MAX_TEAMS)]
        fit = MAX_ELABORATE // len(some[0])
        found[what] = some[:fit] + names("\u0436")[fit:]
    return found


def filled(name: str, drawn: bool) -> str:
    """Create a tournament with a player on every seat, all but one of whom have picked; if
    ``drawn``, all have, and the teams are drawn. Returns its code."""
    code = new_code(secrets.choice)
    store = EventStore(defer=lambda work: None)
    execute = Execute(store, [], lambda: datetime.now(UTC))
    execute(
        CreateTournament(
            by=SYSTEM, code=code, name=name, limit=MAX_PLAYERS,
            teams=pasted_teams(names("\u0436")), option=PLAIN, secret=secrets.token_hex(32),
            keys=Keys("device", "hash", "recovery"),
        )
    )  # fmt: skip
    about = {"by": SYSTEM, "code": code}
    for number in range(MAX_PLAYERS):
        player, first = f"player{number:06}", f"{number:04} " + "\u0436" * 35
        execute(Join(**about, player_id=player, first=first, last="\u017b" * 40))
        if drawn or number:
            value = secrets.token_hex(32)
            execute(PickTeam(**about, player_id=player, team=number, value=value))
    if drawn:
        execute(DrawTeams(**about, attempt=1))
        execute(SkipReveal(**about))
    store.write_snapshot(store.stream(code))
    return code


class Client:
    """A browser that measures the worker's CPU time per request."""

    def __init__(self, where: Place) -> None:
        self.port, (self.worker,) = where.port, where.app.workers
        self.cookies: dict[str, str] = {}

    def ask(
        self, method: str, path: str, body: bytes = b"", accepted: tuple[int, ...] = (200,),
        **headers: str,
    ) -> tuple[float, http.client.HTTPResponse, bytes]:  # fmt: skip
        sent = BROWSER | {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        before = cpu_ms(self.worker)
        connection.request(method, path, body or None, sent)
        answer = connection.getresponse()
        content = b"" if "event-stream" in answer.headers.get("Content-Type", "") else answer.read()
        time.sleep(0.02)  # work after the answer counts too
        spent = cpu_ms(self.worker) - before
        connection.close()
        if answer.status not in accepted:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return spent, answer, content

    def form(self, path: str, **fields: str) -> tuple[bytes, dict[str, str]]:
        """A form as its page would send it."""
        _, _, content = self.ask("GET", path, Accept_Encoding="identity")
        token = re.search(rb'name="csrf_token" value="([^"]+)', content)
        if token is None:
            raise RuntimeError(f"{path} has no form")
        fields["csrf_token"] = token[1].decode()
        kind = {"Content_Type": "application/x-www-form-urlencoded"}
        return urlencode(fields).encode(), kind


def unchanged(browser: Client, path: str) -> float:
    """The cost of asking for a picture that has not changed."""
    for _ in range(5):  # a screen may just have left, which changes the picture
        tag = browser.ask("GET", path)[1].headers["ETag"]
        spent, answer, _ = browser.ask("GET", path, accepted=(200, 204), If_None_Match=tag)
        if answer.status == 204:
            return spent
    raise RuntimeError(f"{path} is different each time")


def multipart(fields: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    """A form without percent-encoding, which would make names in other scripts too long."""
    parts = [
        f'--lct\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    body = "".join([*parts, "--lct--\r\n"]).encode()
    return body, {"Content_Type": "multipart/form-data; boundary=lct"}


def requests(where: Place) -> Iterator[tuple[str, Callable[[], float]]]:
    """Each kind of request, and a function that makes it and returns its cost."""
    picking, drawn = filled("Picking", drawn=False), filled("Drawn", drawn=True)
    anyone = Client(where)

    def get(path: str, **more: str) -> Callable[[], float]:
        return lambda: anyone.ask("GET", path, **more)[0]

    for path in ("/", "/swagger/openapi.json", "/swagger/index.html", BIG_FILE):
        yield f"GET {path}", get(path)
    for code, what in ((picking, "picking"), (drawn, "drawn")):
        yield f"GET board, {what}", get(f"/t/{code}")
        yield f"GET door, {what}", get(f"/t/{code}/join")
        for view in ("board", "watch", "me"):
            path = f"/t/{code}/now?view={view}"
            yield f"GET now {view}, {what}", get(path)
            yield f"GET now {view}, {what}, 204", partial(unchanged, anyone, path)
            yield f"GET events {view}, {what}", get(f"/t/{code}/events?view={view}")
        for path in ("", "/teams?limit=200", "/players?limit=200", "/draws"):
            yield f"GET API {path}, {what}", get(f"/api/v1/tournaments/{code}{path}")
        yield f"GET older API teams, {what}", get(f"/api/Team?tournamentId={code}")
        yield f"GET older API tournament, {what}", get(f"/api/Tournament?Id={code}")
    yield "GET verify", get(f"/t/{drawn}/verify")
    yield "GET draw.json", get(f"/t/{drawn}/draw.json")
    yield "GET API draw", get(f"/api/v1/tournaments/{drawn}/draw")
    for what, teams in lists().items():

        def create(teams: list[str] = teams) -> float:
            browser = Client(where)
            body, kind = browser.form("/")
            fields = dict(pair.split("=") for pair in body.decode().split("&"))
            fields |= {"name": f"Cup {secrets.token_hex(8)}", "limit": str(MAX_PLAYERS)}
            fields |= {"source": "pasted", "option": "not-own", "pasted": "\n".join(teams)}
            body, kind = multipart(fields)
            return browser.ask("POST", "/", body, (303,), **kind)[0]

        def create_by_api(teams: list[str] = teams) -> float:
            about = {
                "name": f"Cup {secrets.token_hex(8)}",
                "limit": MAX_PLAYERS,
                "source": "pasted",
            }
            body = json.dumps(about | {"pasted": teams}, ensure_ascii=False).encode()
            kind = {"Content_Type": "application/json"}
            return anyone.ask("POST", "/api/v1/tournaments", body, (201,), **kind)[0]

        yield f"POST /, {what}", create
        yield f"POST API tournaments, {what}", create_by_api
    open_one = opened(where)
    yield "GET join", get(f"/t/{open_one}/join")

    def join(letter: str) -> float:
        guest = Client(where)
        body, kind = guest.form(
            f"/t/{open_one}/join", first=secrets.token_hex(4) + letter * 150, last=letter * 320
        )
        return guest.ask("POST", f"/t/{open_one}/join", body, (303, 422), **kind)[0]

    yield "POST join, marks", lambda: join("e\u0301\u0317")
    guest = Client(where)
    body, kind = guest.form(f"/t/{open_one}/join", first="Ola", last="Nowak")
    guest.ask("POST", f"/t/{open_one}/join", body, (303,), **kind)
    yield "GET me", lambda: guest.ask("GET", f"/t/{open_one}/me")[0]
    yield "GET now me", lambda: guest.ask("GET", f"/t/{open_one}/now?view=me")[0]
    body, kind = guest.form(f"/t/{open_one}/me")
    turns = iter(range(10**6))

    def tap() -> float:
        fields = body + f"&team={MAX_TEAMS - 1 - next(turns)}".encode()
        return guest.ask("POST", f"/t/{open_one}/team", fields, (303,), **kind)[0]

    yield "POST team", tap
    yield "GET me, after a tap", lambda: tap() and guest.ask("GET", f"/t/{open_one}/me")[0]


def opened(where: Place) -> str:
    """Create a tournament with hundreds of players and some seats left; returns its code."""
    code = new_code(secrets.choice)
    execute = Execute(EventStore(defer=lambda work: None), [], lambda: datetime.now(UTC))
    execute(
        CreateTournament(
            by=SYSTEM, code=code, name="Open", limit=MAX_PLAYERS,
            teams=pasted_teams(names("\u0436")), option=PLAIN, secret=secrets.token_hex(32),
            keys=Keys("device", "hash", "recovery"),
        )
    )  # fmt: skip
    for number in range(MAX_PLAYERS - SEATS_LEFT):
        first = f"{number:04} " + "\u0436" * 35
        execute(Join(by=SYSTEM, code=code, player_id=f"p{number}", first=first, last="\u017b" * 40))
    return code


@measures("dearest_request_cpu_ms", "dearest_first_request_cpu_ms")
def dearest() -> Iterator[Figure]:
    again: list[float] = []
    first: list[float] = []
    with place(workers=1) as where:
        for what, ask in requests(where):
            first.append(ask())
            again.append(statistics.median(ask() for _ in range(TIMES)))
            print(f"{again[-1]:8.1f} ms, the first {first[-1]:6.1f}  {what}", file=sys.stderr)
            forget_limits(where.settings.redis_url)
    yield Figure("dearest_request_cpu_ms", max(again), "ms", "<= 50")
    yield Figure("dearest_first_request_cpu_ms", max(first), "ms", "<= 50")
