"""How long a result takes to reach 50 screens, beside a pick and the floor under both."""

from __future__ import annotations

import http.client
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

from lct.laptop.machine import listen

from .client import Wire
from .figures import Figure, measures, percentile
from .matches import Cup, Match
from .place import TEAMS, Place, place, served
from .screens import IDLE, PHONES, Watchers, wanted
from .taps import PLAIN

SEEN = 46  # picks, results and taps of the floor that the screens wait for, each
WARM = 3  # of them, after a board has come
KINDS = ("pick", "score", "floor")

Shows = list[tuple[str, str]]  # for each screen: the id of an element, and a text in it


class Awaited(NamedTuple):
    """A tap, and what shows it on which screens."""

    tap: Callable[[], object]
    shows: Sequence[tuple[Watchers, Shows]]

    def ms(self) -> float:
        """Tap; returns milliseconds until the last screen shows it."""
        for watchers, shown in self.shows:
            watchers.tell(shown)
            watchers.hear()
        began = time.monotonic()
        self.tap()
        seen = [when for watchers, _ in self.shows for when in watchers.hear()["seen"]]
        if None in seen:
            raise RuntimeError("not on every screen")
        return (float(max(seen)) - began) * 1000


class Watched:
    """A cup with its 49 phones live, and a board."""

    def __init__(self, stack: ExitStack, where: Place, wire: Wire) -> None:
        self._stack, self._where = stack, where
        self.cup = Cup(where, wire, PHONES)
        live = f"/t/{self.cup.code}/live?view"
        self._phones = self._watch([(f"{live}=me", phone.cookie) for phone in self.cup.phones])
        self._board: Watchers | None = None

    def _watch(self, screens: list[tuple[str, str]]) -> Watchers:
        watchers = Watchers(self._where.port, screens)
        self._stack.callback(watchers.stop)
        return watchers

    def put_board_into(self, worker: int) -> None:
        """Turn the board off if there is one, and on again in the worker with that process id."""
        if self._board:
            self._board.stop()
        others = [pid for pid in self._where.app.workers if pid != worker]
        for pid in others:
            os.kill(pid, signal.SIGSTOP)
        try:
            self._board = self._watch([(f"/t/{self.cup.code}/live?view=board", "")])
        finally:
            for pid in others:
                os.kill(pid, signal.SIGCONT)

    def awaits(self, tap: Callable[[], object], phones: Shows, board: tuple[str, str]) -> Awaited:
        assert self._board
        return Awaited(tap, ((self._phones, phones), (self._board, [board])))

    def pick(self, actor: int) -> Awaited:
        """The next pick, which is that player's, of the team with the same number."""
        *phones, board = wanted(self.cup.phones, actor, actor, TEAMS[actor].name, PHONES)
        return self.awaits(self.cup.pick, phones, board)

    def result(self, match: Match) -> Awaited:
        """The second report of a match, after the first one."""
        match.report(0)
        home = match.names[0]
        shown = [("wait", home)] * PHONES
        return self.awaits(partial(match.report, 1), shown, ("foot", home))


class Floor:
    """bench/least.py, with as many workers and screens."""

    def __init__(self, stack: ExitStack, where: Place) -> None:
        listener = stack.enter_context(listen("127.0.0.1", 0))
        stack.enter_context(served(where.settings, listener, "bench.least:app", *PLAIN))
        self._port, self._taps = listener.getsockname()[1], 0
        self._screens = Watchers(self._port, [("/live", "")] * (PHONES + 1))
        stack.callback(self._screens.stop)

    def tapped(self) -> Awaited:
        self._taps += 1
        text = f"tap {self._taps}."
        return Awaited(
            partial(self._tap, text), ((self._screens, [("least", text)] * (PHONES + 1)),)
        )

    def _tap(self, text: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=15)
        connection.request("POST", "/tap", text)
        connection.getresponse().read()
        connection.close()


@measures(
    "tap_vs_floor_to_50_screens_p95",
    "score_vs_floor_to_50_screens_p95",
    "score_vs_tap_to_50_screens_p95",
    "score_vs_tap_to_50_screens_p50",
    "score_to_50_screens_p95_ms",
    "floor_to_50_screens_p95_ms",
)
def until_seen() -> Iterator[Figure]:
    """From a tap until 49 phones and the board show it: a result, a pick in another evening, and
    the floor, by turns, so that whatever else the machine does slows all. The boards of both
    evenings are in the same worker, half of the time in each: whichever did not take the tap has to
    read the store first, and then to draw the board."""
    chance = random.Random(2)
    with ExitStack() as stack:
        where = stack.enter_context(place(workers=2))
        wire = Wire(where.port)
        stack.callback(wire.hang_up)
        picking, playing = (Watched(stack, where, wire) for _ in range(2))
        playing.cup.begin()
        floor = Floor(stack, where)
        took: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for half, worker in enumerate(where.app.workers):
            for evening in (picking, playing):
                evening.put_board_into(worker)
            for turn in range(SEEN // 2):
                awaited = {
                    "pick": partial(picking.pick, half * (SEEN // 2) + turn),
                    "score": partial(playing.result, playing.cup.called()[0]),
                    "floor": floor.tapped,
                }
                for kind in chance.sample(KINDS, len(KINDS)):
                    wanted_now = awaited[kind]()
                    wire.hang_up()
                    time.sleep(chance.uniform(*IDLE))
                    spent = wanted_now.ms()
                    if turn >= WARM:
                        took[kind].append(spent)
    p95, p50 = ({kind: percentile(took[kind], n) for kind in KINDS} for n in (95, 50))
    yield Figure("tap_vs_floor_to_50_screens_p95", p95["pick"] / p95["floor"], "x", "<= 2.2")
    # 1.2 times what a pick may take.
    yield Figure("score_vs_floor_to_50_screens_p95", p95["score"] / p95["floor"], "x", "<= 2.64")
    yield Figure("score_vs_tap_to_50_screens_p95", p95["score"] / p95["pick"], "x")
    yield Figure("score_vs_tap_to_50_screens_p50", p50["score"] / p50["pick"], "x")
    yield Figure("score_to_50_screens_p95_ms", p95["score"], "ms")
    yield Figure("floor_to_50_screens_p95_ms", p95["floor"], "ms")
