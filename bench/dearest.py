"""The most expensive request without any rights: every kind in its worst legal form.

Two tournaments have 1,024 players and 1,200 teams with long names; one is picking, one is drawn.
Each kind of request runs a few times in one worker, and a few times as the first in a new one that
has loaded no tournament. The figures are the worker's CPU time.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import secrets
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from lct.application.execute import Execute
from lct.domain.draw import PLAIN
from lct.domain.drawing import DrawTeams, SkipReveal
from lct.domain.evening import CreateTournament, Keys
from lct.domain.pasted import read_list
from lct.domain.people import Join
from lct.domain.picking import PickTeam
from lct.domain.rights import SYSTEM
from lct.domain.teams import MAX_ELABORATE, MAX_TEAMS, pasted_teams
from lct.domain.tournament import MAX_PLAYERS
from lct.domain.values import new_code
from lct.infrastructure.event_store import EventStore
from lct.web.forms import seen_by
from tests.support import answers, forget_limits, wait_until

from .figures import Figure, measures
from .place import Place, cpu_ms, place

TIMES = 5
NEW_WORKERS = 2  # per kind of request; other programs can only add to its cost, so the least counts
COLD: int | None = None  # kinds of requests that new workers answer; None: all
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


class DifferentAnswer(RuntimeError):
    """The answer has another status than those accepted."""


class Server:
    """The app with one worker; while ``cold``, a new worker answers each measured request."""

    def __init__(self, where: Place) -> None:
        self.where, self.cold = where, False

    @property
    def worker(self) -> int:
        (worker,) = self.where.app.workers
        return worker

    def replace_worker(self) -> None:
        """Returns once the new one has answered a probe, and has compiled its templates."""
        old = self.worker
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: set(self.where.app.workers) - {old}, 30, "another worker")
        wait_until(lambda: answers(f"http://127.0.0.1:{self.where.port}/liveness"), 30)
        wait_until(self._is_idle, 30, "an idle worker")

    def _is_idle(self) -> bool:
        before = cpu_ms(self.worker)
        time.sleep(0.1)
        return cpu_ms(self.worker) - before < 1


class Client:
    """A browser that measures the worker's CPU time per request."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.cookies: dict[str, str] = {}

    def cost(self, *request: Any, **more: Any) -> float:
        """The CPU time of a request, as ``ask`` takes it, in milliseconds."""
        if self.server.cold:
            self.server.replace_worker()
        return self.ask(*request, **more)[0]

    def ask(
        self, method: str, path: str, body: bytes = b"", accepted: tuple[int, ...] = (200,),
        **headers: str,
    ) -> tuple[float, http.client.HTTPResponse, bytes]:  # fmt: skip
        sent = BROWSER | {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = http.client.HTTPConnection("127.0.0.1", self.server.where.port, timeout=30)
        worker = self.server.worker
        before = cpu_ms(worker)
        connection.request(method, path, body or None, sent)
        answer = connection.getresponse()
        content = b"" if "event-stream" in answer.headers.get("Content-Type", "") else answer.read()
        time.sleep(0.02)  # work after the answer counts too
        spent = cpu_ms(worker) - before
        connection.close()
        if answer.status not in accepted:
            raise DifferentAnswer(f"{method} {path}: {answer.status} {content[:300]!r}")
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
    for _ in range(5):
        tag = browser.ask("GET", path)[1].headers["ETag"]
        with suppress(DifferentAnswer):  # a screen may just have left, which changes the picture
            return browser.cost("GET", path, accepted=(204,), If_None_Match=tag)
    raise RuntimeError(f"{path} is different each time")


def multipart(fields: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    """A form without percent-encoding, which would make names in other scripts too long."""
    parts = [
        f'--lct\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    body = "".join([*parts, "--lct--\r\n"]).encode()
    return body, {"Content_Type": "multipart/form-data; boundary=lct"}


def requests(server: Server) -> Iterator[tuple[str, Callable[[], float]]]:
    """Each kind of request, and a function that makes it and returns its cost."""
    picking, drawn = filled("Picking", drawn=False), filled("Drawn", drawn=True)
    anyone = Client(server)

    def get(path: str) -> Callable[[], float]:
        return partial(anyone.cost, "GET", path)

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
            browser = Client(server)
            body, kind = browser.form("/")
            fields = dict(pair.split("=") for pair in body.decode().split("&"))
            fields |= {"name": f"Cup {secrets.token_hex(8)}", "limit": str(MAX_PLAYERS)}
            fields |= {"source": "pasted", "option": "not-own", "pasted": "\n".join(teams)}
            fields["read"] = seen_by(read_list(fields["pasted"]))
            body, kind = multipart(fields)
            return browser.cost("POST", "/", body, (303,), **kind)

        def create_by_api(teams: list[str] = teams) -> float:
            about = {
                "name": f"Cup {secrets.token_hex(8)}",
                "limit": MAX_PLAYERS,
                "source": "pasted",
            }
            body = json.dumps(about | {"pasted": teams}, ensure_ascii=False).encode()
            kind = {"Content_Type": "application/json"}
            return anyone.cost("POST", "/api/v1/tournaments", body, (201,), **kind)

        yield f"POST /, {what}", create
        yield f"POST API tournaments, {what}", create_by_api
    open_one = opened()

    def join_page() -> float:
        EventStore(defer=lambda work: None).snapshots.delete_one({"_id": open_one})
        return anyone.cost("GET", f"/t/{open_one}/join")

    yield "GET join, no snapshot", join_page

    def join(letter: str) -> float:
        guest = Client(server)
        body, kind = guest.form(
            f"/t/{open_one}/join", first=secrets.token_hex(4) + letter * 150, last=letter * 320
        )
        return guest.cost("POST", f"/t/{open_one}/join", body, (303, 422), **kind)

    yield "POST join, marks", lambda: join("e\u0301\u0317")
    guest = Client(server)
    body, kind = guest.form(f"/t/{open_one}/join", first="Ola", last="Nowak")
    guest.ask("POST", f"/t/{open_one}/join", body, (303,), **kind)
    yield "GET me", partial(guest.cost, "GET", f"/t/{open_one}/me")
    yield "GET now me", partial(guest.cost, "GET", f"/t/{open_one}/now?view=me")
    body, kind = guest.form(f"/t/{open_one}/me")
    turns = iter(range(10**6))

    def tap() -> tuple[str, str, bytes, tuple[int, ...]]:
        fields = body + f"&team={MAX_TEAMS - 1 - next(turns)}".encode()
        return "POST", f"/t/{open_one}/team", fields, (303,)

    yield "POST team", lambda: guest.cost(*tap(), **kind)

    def me_after_a_tap() -> float:
        guest.ask(*tap(), **kind)
        return guest.cost("GET", f"/t/{open_one}/me")

    yield "GET me, after a tap", me_after_a_tap


def opened() -> str:
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
        server = Server(where)
        for number, (what, ask) in enumerate(requests(server)):
            server.cold = COLD is None or number < COLD
            if server.cold:
                first.append(min(ask() for _ in range(NEW_WORKERS)))
                print(f"{first[-1]:8.1f} ms in a new worker   {what}", file=sys.stderr)
            server.cold = False
            again.append(statistics.median(ask() for _ in range(TIMES)))
            print(f"{again[-1]:8.1f} ms                   {what}", file=sys.stderr)
            forget_limits(where.settings.redis_url)
    yield Figure("dearest_request_cpu_ms", max(again), "ms", "<= 50")
    yield Figure("dearest_first_request_cpu_ms", max(first), "ms", "<= 50")
