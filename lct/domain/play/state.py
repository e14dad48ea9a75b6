"""The play part of a tournament's state: what was chosen, reported and decided, and the queue."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from . import schedule
from .competition import Basis, Competition, Match, derive
from .formats import BY_HAND, BY_LOTS, DRAW_ONLY, Format
from .results import PLAYERS, Result, Score
from .schedule import Queue
from .slots import Ready

# Matches looked at for a free console, in the order of the plan: several rounds of the largest
# league. If they fill too few consoles, all are.
NEAREST = 128

# The states of a match, besides those in which it is not to be played (off).
WAITING, READY, CALLED, REPORTED, DISPUTED, DECIDED, LEVEL, OFF = (
    "waiting", "ready", "called", "reported", "disputed", "decided", "level", "off",
)  # fmt: skip


class After(NamedTuple):
    """The competition after a change of results."""

    competition: Competition
    fallen: tuple[str, ...]  # later matches that lose their result, reports or extra time


@dataclass(slots=True)
class Play:
    """``reports`` are by match and player. ``results`` are in the order in which matches were
    decided. The competition is derived from the rest, and kept until a result changes."""

    format: Format = field(default_factory=Format)
    entrants: tuple[str, ...] = ()  # in the order of the seeding; empty: not begun
    lots: tuple[str, ...] = ()  # the entrants, in the order that lots gave them
    reports: dict[str, dict[str, Score]] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)
    # Of a Swiss system, as far as they are paired. Of each round the entrants: home and away of its
    # matches in turn, then who has the bye.
    rounds: tuple[tuple[str, ...], ...] = ()
    queue: Queue = field(default_factory=lambda: schedule.with_consoles(Queue(), ("1",)))
    _derived: Competition | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def competition(self) -> Competition:
        if self._derived is None:
            basis = Basis(self.format, self.entrants, self.lots, self.rounds)
            self._derived = derive(basis, self.results)
        return self._derived

    @property
    def begun(self) -> bool:
        return bool(self.entrants)

    def begin(self, entrants: Sequence[str], lots: Sequence[str]) -> None:
        """Start from nothing with these entrants; without a format that has matches, do not."""
        self._clear()
        if self.format.kind != DRAW_ONLY:
            self.entrants, self.lots = tuple(entrants), tuple(lots)
            self.call()

    def seed(self, order: Sequence[str]) -> None:
        """Start from nothing with the entrants in this order."""
        self.format = replace(self.format, seeding=BY_HAND)
        self.begin(order, self.lots)

    def end(self) -> None:
        """Forget everything but the format and the consoles."""
        self._clear()
        if self.format.seeding == BY_HAND:
            self.format = replace(self.format, seeding=BY_LOTS)

    def _clear(self) -> None:
        self.entrants, self.lots, self._derived = (), (), None
        self.reports, self.results, self.rounds = {}, {}, ()
        self.queue = schedule.with_consoles(Queue(), self.queue.consoles)

    def call(self) -> None:
        """Put the next matches on the free consoles."""
        self.queue = schedule.call_next(self.queue, self.nearest())
        waiting = self.competition.ready
        if len(waiting) > NEAREST and None in self.queue.consoles.values():
            rest = [match for key, match in waiting.items() if key not in self.reports]
            self.queue = schedule.call_next(self.queue, rest)

    def nearest(self) -> list[Ready]:
        """The matches that may be called next, in the order of the plan: not one that has been
        played, of which a score is in."""
        ready = self.competition.ready.values()
        waiting = [match for match in ready if match.key not in self.reports]
        return heapq.nsmallest(NEAREST, waiting, key=lambda match: match.order)

    # --- what is so -------------------------------------------------------------------------------

    def console_of(self, key: str) -> str | None:
        """The console that a match is on."""
        calls = self.queue.consoles.items()
        return next((name for name, call in calls if call and call.key == key), None)

    def state_of(self, match: Match) -> str:
        if match.result:
            return LEVEL if match.level else DECIDED
        if match.off:
            return OFF
        said = {score.outcome for score in self.reports.get(match.key, {}).values()}
        if said:
            return REPORTED if len(said) == 1 else DISPUTED
        if not match.playable:
            return WAITING
        return CALLED if self.console_of(match.key) else READY

    # --- what changes -----------------------------------------------------------------------------

    def after(self, key: str, result: Result | None) -> After:
        """The play if that match had this result, or none."""
        new, changed = self.competition.moved_on(key, result)
        fallen = [name for name in changed if name in self.results or name in self.reports]
        fixture = new.matches[key].fixture
        if fixture.leg == 1 and self._shortened(new, fixture.legs[1]):
            fallen.insert(0, fixture.legs[1])
        return After(new, tuple(fallen))

    def _shortened(self, new: Competition, second: str) -> bool:
        """Whether a second leg loses its reports, or its extra time as no longer due."""
        first, before = new.matches[second].first, self.competition.matches[second]
        if second in self.reports:
            return first != before.first
        return bool(first and before.score and before.score.due(first) != before.score)

    def decide(self, key: str, result: Result | None) -> None:
        """Give a match its result, or take it away, with everything that follows."""
        before, (new, fallen), queue = self.competition, self.after(key, result), self.queue
        corrected = _played(before.matches[key]) and _played(new.matches[key])
        for name in (key, *fallen):
            self.reports.pop(name, None)
            if name == key or not new.matches[name].result:
                if name != key or not corrected:
                    queue = _without(queue, before.matches[name])
                self.results.pop(name, None)
        for call in filter(None, queue.consoles.values()):
            match = new.matches[call.key]
            if not match.playable or match.sides != (call.home, call.away):
                queue = schedule.freed(queue, call.key)
        if result:
            self.results[key] = result
            queue = queue if corrected else _with(queue, new.matches[key])
        self._derived, self.queue = new, queue
        self.call()

    def pair(self, number: int, entrants: tuple[str, ...]) -> None:
        """Pair a Swiss round, or the last one again. Matches between other people than before start
        over: nothing is reported of them, and they are on no console."""
        rounds = *self.rounds[: number - 1], entrants
        new, changed = self.competition.paired(rounds)
        for key in changed:
            self.reports.pop(key, None)
            self.queue = schedule.freed(self.queue, key)
        self.rounds, self._derived = rounds, new
        self.call()

    def move(self, key: str, console: str) -> None:
        """Put a match on a console, from another one or from those that are ready."""
        ready = self.competition.ready[key]
        self.queue = schedule.moved(self.queue, ready, console)
        self.call()

    def take_back(self, key: str) -> None:
        """Take a match off its console, until another one is over."""
        self.queue = schedule.taken_back(self.queue, key)
        self.call()

    def report(self, key: str, player_id: str, score: Score) -> None:
        """Note what a player said. If the other side said the same, it counts; if it said something
        else, the match waits for the two, and its console goes on."""
        said = {**self.reports.get(key, {}), player_id: score}
        self.reports[key] = said
        if len(said) < 2:
            return
        if len({each.outcome for each in said.values()}) == 1:
            self.decide(key, Result(score, by=PLAYERS))
        else:
            self.queue = schedule.freed(self.queue, key)
            self.call()

    def withdraw(self, key: str, player_id: str) -> None:
        """Forget what a player said."""
        said = {who: score for who, score in self.reports.get(key, {}).items() if who != player_id}
        if said:
            self.reports[key] = said
        else:
            self.reports.pop(key, None)
            self.call()


def _played(match: Match) -> bool:
    """Whether it was played to its end: without a score, nobody has played."""
    return bool(match.result and match.result.score)


def _with(queue: Queue, match: Match) -> Queue:
    """The queue after that match was decided."""
    if _played(match) and match.home and match.away:
        return schedule.finished(queue, match.key, match.home, match.away)
    return schedule.freed(queue, match.key)


def _without(queue: Queue, match: Match) -> Queue:
    """The queue without that match's result."""
    if _played(match) and match.home and match.away:
        return schedule.reopened(queue, match.home, match.away)
    return queue
