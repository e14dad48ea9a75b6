"""The matches: what a score costs beside a pick."""

from __future__ import annotations

import os
import random
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from statistics import median

from lct.domain.drawing import DrawTeams, SkipReveal
from lct.domain.picking import PickTeam
from lct.domain.play.calling import NameConsoles
from lct.domain.play.choosing import ChooseFormat
from lct.domain.play.formats import KNOCKOUT, Format
from lct.domain.rights import SYSTEM

from .client import Phone, Wire
from .figures import Figure, measures, percentile
from .place import TEAMS, Place, cpu_ms, place
from .screens import IDLE, PHONES, Watchers, seated, wanted

TURNS, PLAYERS = 24, 16
CONSOLES = tuple(map(str, range(1, 33)))
PADDING = (CONSOLES[1:], CONSOLES) * 7
SEEN = 46  # picks and scores that the screens wait for, each
WARM = 3  # of them, after a board has come


class Match:
    """A match of the evening, with the phones of its two players, the home side's first."""

    def __init__(self, key: str, names: list[str], phones: list[Phone]) -> None:
        self.key, self.names, self.phones = key, names, phones

    def report(self, side: int) -> float:
        """One of the two reports 7:6; returns milliseconds until the answer."""
        phone = self.phones[side]
        fields = {"match": self.key, "home": 7, "away": 6}
        return phone.tap(f"/t/{phone.code}/score", fields)


class Cup:
    """A cup of ``players``, or matches of another format, with as many consoles as it can use."""

    def __init__(
        self, where: Place, wire: Wire, players: int, chosen: Format = Format(KNOCKOUT)
    ) -> None:
        self.where, self.code, self.chosen = where, where.create(players), chosen
        self.phones = seated(wire, self.code, players)
        self.picks = 0

    def pick(self) -> None:
        self.phones[self.picks].pick(self.picks)
        self.picks += 1

    def begin(self) -> None:
        """Let the others pick, draw, and begin the matches."""
        players = self.where.read(self.code).choosing()
        picks = [
            PickTeam(
                code=self.code,
                by=SYSTEM,
                player_id=player.id,
                team=team,
                value=secrets.token_hex(16),
            )
            for team, player in enumerate(players, self.picks)
        ]
        self.where.execute(
            *picks,
            DrawTeams(code=self.code, by=SYSTEM, attempt=1),
            SkipReveal(code=self.code, by=SYSTEM),
            NameConsoles(code=self.code, by=SYSTEM, names=CONSOLES),
            ChooseFormat(code=self.code, by=SYSTEM, format=self.chosen),
            # A snapshot is written every 50 events: with these, none falls into picks or scores.
            *(NameConsoles(code=self.code, by=SYSTEM, names=names) for names in PADDING),
        )
        self.phones[0].get("me")  # every worker knows it

    def called(self) -> list[Match]:
        """The matches on consoles."""
        t = self.where.read(self.code)
        by_name = {phone.name: phone for phone in self.phones}
        found = []
        for call in filter(None, t.play.queue.consoles.values()):
            names = [t.players[who].name for who in (call.home, call.away)]
            found.append(Match(call.key, names, [by_name[name] for name in names]))
        return found


@measures("score_cpu_vs_pick_cpu", "score_cpu_ms")
def scores_and_picks() -> Iterator[Figure]:
    """CPU of the app for a reported score, relative to a pick, by turns in one run."""
    ratios, costs = [], []
    with ExitStack() as stack:
        where = stack.enter_context(place(workers=1))
        wire = Wire(where.port)
        stack.callback(wire.hang_up)
        (worker,) = where.app.workers
        for turn in range(TURNS + 1):
            cup = Cup(where, wire, PLAYERS)
            pick = spent(worker, [cup.pick] * PLAYERS)
            cup.begin()
            taps = [partial(m.report, side) for m in cup.called() for side in (0, 1)]
            score = spent(worker, taps)
            if turn:  # the first one only warms up
                ratios.append(score / pick)
                costs.append(score)
    yield Figure("score_cpu_vs_pick_cpu", median(ratios), "x", "<= 1.3")
    yield Figure("score_cpu_ms", median(costs), "ms")


def spent(worker: int, taps: Sequence[Callable[[], object]]) -> float:
    """CPU milliseconds of the worker for each tap."""
    before = cpu_ms(worker)
    for tap in taps:
        tap()
    time.sleep(0.01)
    return (cpu_ms(worker) - before) / len(taps)


Shows = list[tuple[str, str]]  # for each screen: the id of an element, and a text in it


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

    def wants(self, phones: Shows, board: tuple[str, str]) -> None:
        """Wait for these texts on the screens."""
        assert self._board
        for watchers, shown in ((self._phones, phones), (self._board, [board])):
            watchers.tell(shown)
            watchers.hear()

    def seen(self) -> float:
        """When the last screen had its text, on the clock of time.monotonic()."""
        assert self._board
        seen = [*self._phones.hear()["seen"], *self._board.hear()["seen"]]
        if None in seen:
            raise RuntimeError("not on every screen")
        return float(max(seen))


@measures(
    "score_vs_tap_to_50_screens_p95",
    "score_vs_tap_to_50_screens_p50",
    "score_to_50_screens_p95_ms",
)
def scores_and_screens() -> Iterator[Figure]:
    """How long a result takes to reach 49 phones and the board, relative to a pick in another
    evening; by turns, so that whatever else the machine does slows both. The boards of both are in
    the same worker, half of the time in each: whichever did not take the tap has to read the store
    first, and then to draw the board."""
    chance = random.Random(2)
    with ExitStack() as stack:
        where = stack.enter_context(place(workers=2))
        wire = Wire(where.port)
        stack.callback(wire.hang_up)
        picking, playing = (Watched(stack, where, wire) for _ in range(2))
        playing.cup.begin()

        def until_seen(
            evening: Watched, tap: Callable[[], object], phones: Shows, board: tuple[str, str]
        ) -> float:
            wire.hang_up()
            time.sleep(chance.uniform(*IDLE))
            evening.wants(phones, board)
            began = time.monotonic()
            tap()
            return (evening.seen() - began) * 1000

        def pick(actor: int) -> float:
            cup = picking.cup
            *phones, board = wanted(cup.phones, actor, actor, TEAMS[actor].name, PHONES)
            return until_seen(picking, cup.pick, phones, board)

        def score(match: Match) -> float:
            match.report(0)
            home = match.names[0]
            shown = [("wait", home)] * PHONES
            return until_seen(playing, partial(match.report, 1), shown, ("foot", home))

        picks, scores = list[float](), list[float]()
        for half, worker in enumerate(where.app.workers):
            for evening in (picking, playing):
                evening.put_board_into(worker)
            for turn in range(SEEN // 2):
                taps = {
                    "pick": partial(pick, half * (SEEN // 2) + turn),
                    "score": partial(score, playing.cup.called()[0]),
                }
                took = {kind: taps[kind]() for kind in chance.sample(list(taps), 2)}
                if turn >= WARM:
                    picks.append(took["pick"])
                    scores.append(took["score"])
    for percent, aim in ((95, "<= 1.2"), (50, "")):
        ratio = percentile(scores, percent) / percentile(picks, percent)
        yield Figure(f"score_vs_tap_to_50_screens_p{percent}", ratio, "x", aim)
    yield Figure("score_to_50_screens_p95_ms", percentile(scores, 95), "ms")
