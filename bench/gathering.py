"""The draw with its gathering: from the host's tap until the first card, with all phones there.

`python -m bench.gathering` is the phones and the board, all in one lean process. Its one line of
input is `{"port", "board", "phones": [[path, cookie, player, share], ...]}`, answered with
`{"ready": n}` once each screen has its whole page. From then on a phone whose frame says that the
draw has begun opens its share, as static/shares.js does; one without a share sleeps. When the first
card has turned it prints `{"seen": {...}}`: when the board first showed what is in SHOWN
(CLOCK_MONOTONIC seconds), and how many messages with shares were sent. A phone that does not see
its share in sends it again, here by websocket too.
"""

from __future__ import annotations

import json
import secrets
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from lct.application.execute import Execute
from lct.bootstrap import secrets_of
from lct.domain.drawing import DrawTeams
from lct.domain.fact import Event
from lct.domain.gathering import OpenShares, SharesOpened
from lct.domain.people import Join
from lct.domain.picking import PickTeam
from lct.domain.rights import SYSTEM, player
from lct.domain.shares import Opened, pledge
from lct.infrastructure.event_store import EventStore
from lct.infrastructure.stream import Stream
from lct.places import ROOT
from lct.web.identity import ORGANISER, PLAYER, _signer

from .client import Phone, Wire
from .figures import Figure, measures, percentile
from .place import Place, cpu_ms, place
from .watchers import Screen, wait

SIZES = (32, 1024)
ROUNDS = 5
AIMS = {32: "< 6", 1024: "< 8"}  # seconds, as promised
SLEEPERS = 0.1  # of the phones, when some are asleep
SETTLE = 1.0  # seconds for what the screens' arrival causes
AGAIN = 1.0  # seconds after which a phone sends its share again
TIMES = ("drawn", "card", "turned")
SHOWN = {"begun": b"is-gather", "card": b'"row is-now', "turned": b'"row is-done'}


# --- the phones -----------------------------------------------------------------------------------


class Board(Screen):
    """The board, which notes when it first showed what is in SHOWN."""

    def __init__(self, port: int, path: str) -> None:
        self.seen_at: dict[str, float] = {}
        super().__init__(port, path, "")

    @property
    def looks(self) -> bool:
        return True

    def take(self, payload: bytes) -> None:
        super().take(payload)
        for what, mark in SHOWN.items():
            if what not in self.seen_at and mark in payload:
                self.seen_at[what] = self.read_at


class Sharer(Screen):
    """A player's phone."""

    def __init__(self, port: int, path: str, cookie: str, player: str, share: str) -> None:
        self.player, self.share, self.due = player, share, 0.0
        super().__init__(port, path, cookie)

    @property
    def looks(self) -> bool:
        return super().looks or bool(self.share)

    def take(self, payload: bytes) -> None:
        super().take(payload)
        _, found, rest = payload.partition(b"data-share='")
        if found:
            told = json.loads(rest.partition(b"'")[0])
            is_in = {seat[0]: seat[3] for seat in told["seats"]}
            if is_in.get(self.player) or told["shares"]:
                self.share = ""
            elif not self.due:
                self.due = time.monotonic()

    def open(self, now: float) -> bool:
        """Send the share if it is time; whether it was."""
        if not (self.share and self.due and self.due <= now):
            return False
        text = json.dumps({"shares": {self.player: self.share}})
        # A short text message, masked with zeros.
        self.socket.sendall(bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text.encode())
        self.due = now + AGAIN
        return True


def phones() -> None:
    """Be the phones and the board until the first card has turned."""
    told = json.loads(sys.stdin.readline())
    selector = selectors.DefaultSelector()
    board = Board(told["port"], told["board"])
    screens: list[Any] = []
    for screen in chain((board,), (Sharer(told["port"], *each) for each in told["phones"])):
        selector.register(screen.socket, selectors.EVENT_READ, screen)
        screens.append(screen)
        for key, _ in selector.select(0):  # else the first ones would be cut as stuck
            key.data.read()
            key.data.handle()
    ready = sum(seen is not None for seen in wait(screens, selector))
    print(json.dumps({"ready": ready}), flush=True)
    sent = 0
    while "turned" not in board.seen_at:
        for key, _ in selector.select(0.05):
            key.data.read()
            key.data.handle()
        now = time.monotonic()
        sent += sum(sharer.open(now) for sharer in screens[1:])
    print(json.dumps({"seen": {**board.seen_at, "sent": sent}}), flush=True)


# --- the evening ----------------------------------------------------------------------------------


class Evening:
    """A tournament in which everybody has picked, with a pledge."""

    def __init__(self, where: Place, seats: int) -> None:
        self.where, self.code = where, where.create(seats)
        ids = [f"{number:012x}" for number in range(seats)]
        self.shares = {who: secrets.token_hex(32) for who in ids}
        joins = [
            Join(code=self.code, by=SYSTEM, player_id=who, first=f"Guest{n}", last=f"Number{n}")
            for n, who in enumerate(ids)
        ]
        picks = [
            PickTeam(
                code=self.code,
                by=player(who),
                player_id=who,
                team=n,
                value=secrets.token_hex(16),
                pledge=pledge(self.code, who, self.shares[who]),
            )
            for n, who in enumerate(ids)
        ]
        where.execute(*joins, *picks)

    def draw(self, asleep: int) -> dict[str, float]:
        """Draw with ``asleep`` silent phones; returns the seconds from the tap until the result's
        event, and until the board showed what is in SHOWN."""
        path = f"/t/{self.code}/live?view="
        there = dict(list(self.shares.items())[asleep:])
        screens = [
            (f"{path}me", f"{PLAYER}={self.signed(PLAYER, who)}", who, there.get(who, ""))
            for who in self.shares
        ]
        told = {"port": self.where.port, "board": f"{path}board", "phones": screens}
        with ExitStack() as stack:
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.gathering"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps(told) + "\n")
            process.stdin.flush()
            if (ready := json.loads(process.stdout.readline())["ready"]) != len(screens) + 1:
                raise RuntimeError(f"{ready} of {len(screens) + 1} screens are live")
            wire = Wire(self.where.port)
            stack.callback(wire.hang_up)
            host = Phone(wire, self.code, 0)
            host.cookies[ORGANISER] = self.signed(ORGANISER, "device")
            host.get("organise")
            time.sleep(SETTLE)
            body = {"do": "draw", "attempt": 1, "version": self.where.read(self.code).version}
            cpu = cpu_ms(*self.where.app.workers)
            began, at = time.monotonic(), datetime.now(UTC)
            host.tap(f"/t/{self.code}/organise", body)
            seen = json.loads(process.stdout.readline())["seen"]
            cpu = cpu_ms(*self.where.app.workers) - cpu
        drawn = self.where.read(self.code).draws[-1]
        assert drawn.gathering
        if len(drawn.gathering.shares) != len(there):
            raise RuntimeError(f"{len(drawn.gathering.shares)} of {len(there)} shares are in")
        # A card that turned before it was sent was never shown face down.
        spent = {what: seen.get(what, seen["turned"]) - began for what in SHOWN}
        drawn_after = (drawn.at - at).total_seconds()
        return {**spent, "drawn": drawn_after, "sent": seen["sent"], "cpu": cpu / 1000}

    def signed(self, name: str, who: str) -> str:
        """A cookie as the app would set it."""
        return str(_signer(secrets_of(self.where.settings), name).dumps([self.code, who]))

    def batches(self) -> list[list[str]]:
        """The players whose shares were stored together."""
        stored = EventStore(defer=lambda work: work()).tail(self.code)
        opened = [each["data"] for each in stored if each["type"] == "shares-opened"]
        return [[who for who, _ in each["shares"]] for each in opened]


def names(seats: int) -> Iterator[str]:
    for case in ("", "_asleep"):
        for what in TIMES:
            yield from (f"tap_to_{what}_{seats}{case}_p{percent}_s" for percent in (50, 95))
        yield f"draw_{seats}{case}_cpu_s"
    yield f"shares_opened_{seats}_events"
    yield f"shares_stored_{seats}_s"


@measures(*(name for seats in SIZES for name in names(seats)))
def gathering() -> Iterator[Figure]:
    with place(workers=2) as where:
        for seats in SIZES:
            yield from of_size(where, seats)


def of_size(where: Place, seats: int) -> Iterator[Figure]:
    batches: list[list[list[str]]] = []
    for case, asleep in (("", 0), ("_asleep", max(1, int(seats * SLEEPERS)))):
        rounds = []
        for _ in range(ROUNDS):
            evening = Evening(where, seats)
            rounds.append(evening.draw(asleep))
            if not asleep:
                batches.append(evening.batches())
        for what in TIMES:
            values = [spent[what] for spent in rounds]
            aim = AIMS.get(seats, "") if what == "card" else ""
            name = f"tap_to_{what}_{seats}{case}"
            yield Figure(f"{name}_p50_s", percentile(values, 50), "s")
            yield Figure(f"{name}_p95_s", percentile(values, 95), "s", aim)
        cpu = percentile([spent["cpu"] for spent in rounds], 50)
        yield Figure(f"draw_{seats}{case}_cpu_s", cpu, "s")
    most = max(batches, key=len)
    yield Figure(f"shares_opened_{seats}_events", len(most), "events")
    yield Figure(f"shares_stored_{seats}_s", stored(where, seats, most), "s", "<= 3")


def stored(where: Place, seats: int, batches: list[list[str]]) -> float:
    """Seconds that the store takes for shares in these batches, in this process alone."""
    evening = Evening(where, seats)
    store = Timed(defer=lambda work: work())
    execute = Execute(store, [], lambda: datetime.now(UTC))
    execute(DrawTeams(code=evening.code, by=SYSTEM, attempt=1))
    before = store.spent
    for batch in batches:
        opened = tuple(Opened(who, evening.shares[who]) for who in batch)
        execute(OpenShares(code=evening.code, by=SYSTEM, attempt=1, shares=opened))
    return store.spent - before


class Timed(EventStore):
    """Counts the seconds spent on shares."""

    spent = 0.0

    def append(self, stream: Stream, seq: int, event: Event, *more: Any) -> None:
        began = time.perf_counter()
        super().append(stream, seq, event, *more)
        if isinstance(event, SharesOpened):
            self.spent += time.perf_counter() - began


if __name__ == "__main__":
    phones()
