"""The matches: what a score costs beside a pick."""

from __future__ import annotations

import secrets
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
from .figures import Figure, measures
from .place import Place, cpu_ms, place
from .screens import seated

TURNS, PLAYERS = 24, 16
CONSOLES = tuple(map(str, range(1, 33)))
PADDING = (CONSOLES[1:], CONSOLES) * 7


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
