"""The play part of a tournament's state: what was chosen, reported and decided, and the queue."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import NamedTuple

from . import schedule
from .competition import Competition
from .derivation import derive, moved_on
from .formats import BY_HAND, BY_LOTS, DRAW_ONLY, Format
from .marks import marks
from .match import Match
from .plan import Basis
from .results import PLAYERS, Result, Score
from .schedule import Queue
from .slots import Ready
from .tables import Table
from .withdrawals import at_the_start

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
    fallen: tuple[str, ...]  # other matches that lose their result, reports or extra time


class Marked(NamedTuple):
    """Marks, and what they were found from."""

    table: Table
    best_from: tuple[str, ...] | None
    of: Mapping[str, str]


@dataclass(slots=True)
class Play:
    """``reports`` are by match and player. ``results`` are in the order in which matches were
    decided; those of somebody who ``left`` may not count, and are kept for their return. The
    competition is derived from the rest, and kept until a result changes."""

    format: Format = field(default_factory=Format)
    entrants: tuple[str, ...] = ()  # in the order of the seeding; empty: not begun
    lots: tuple[str, ...] = ()  # the entrants, in the order that lots gave them
    reports: dict[str, dict[str, Score]] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)
    # Of a Swiss system, as far as they are paired. Of each round the entrants: home and away of its
    # matches in turn, then who has the bye; empty where somebody left.
    rounds: tuple[tuple[str, ...], ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)  # who left, and the policy
    queue: Queue = field(default_factory=lambda: schedule.with_consoles(Queue(), ("1",)))
    _derived: Competition | None = field(default=None, init=False, repr=False, compare=False)
    _marks: dict[str, Marked] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def competition(self) -> Competition:
        if self._derived is None:
            basis = Basis(self.format, self.entrants, self.lots, self.left, self.rounds)
            self._derived = derive(basis, self.results)
        return self._derived

    @property
    def begun(self) -> bool:
        return bool(self.entrants)

    def begin(self, entrants: Sequence[str], lots: Sequence[str]) -> None:
        """Start from nothing with these entrants, if the format has matches. Those who left stay
        away."""
        away = dict.fromkeys(self.left, at_the_start(self.format.kind))
        self._clear()
        self.left = away
        if self.format.kind != DRAW_ONLY:
            self.entrants, self.lots = tuple(entrants), tuple(lots)
            self.call()

    def end(self) -> None:
        """Forget everything but the format and the consoles."""
        self._clear()
        if self.format.seeding == BY_HAND:
            self.format = replace(self.format, seeding=BY_LOTS)

    def _clear(self) -> None:
        self.entrants, self.lots, self.left, self._derived = (), (), {}, None
        self.reports, self.results, self.rounds = {}, {}, ()
        self.queue = schedule.with_consoles(Queue(), self.queue.consoles)

    def call(self) -> None:
        """Put the next matches on the free consoles."""
        self.queue = schedule.call_next(self.queue, self.nearest())
        waiting = self.competition.ready
        if len(waiting) > NEAREST and None in self.queue.consoles.values():
            rest = dict(waiting)  # thousands, so without a look at each
            for key in self.reports:
                rest.pop(key, None)
            self.queue = schedule.call_next(self.queue, list(rest.values()))

    def nearest(self) -> list[Ready]:
        """The matches that may be called next, in the order of the plan: not one that has been
        played, of which a score is in."""
        ready = self.competition.ready.items()
        return list(islice((m for key, m in ready if key not in self.reports), NEAREST))

    def marks(self, group: str) -> Mapping[str, str]:
        """The marks of a table (see marks.py), kept until it changes."""
        of, kept = self.competition, self._marks.get(group)
        table = of.tables[group]
        if kept is None or kept.table is not table or kept.best_from != of.best_from:
            kept = self._marks[group] = Marked(table, of.best_from, marks(of, table))
        return kept.of

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

    def counts(self, key: str, competition: Competition | None = None) -> bool:
        """Whether what was said and decided in a match counts, as it is or in that competition. It
        does not if a side left under a policy that overrules it."""
        match = (competition or self.competition).matches[key]
        return match.result == self.results.get(key) and not match.off

    @property
    def newest(self) -> str | None:
        """The match decided last, of those that count."""
        return next((key for key in reversed(self.results) if self.counts(key)), None)

    # --- what changes -----------------------------------------------------------------------------

    def after(self, key: str, result: Result | None) -> After:
        """The play if that match had this result, or none."""
        new, changed = moved_on(self.competition, key, result)
        fixture = new.matches[key].fixture
        if fixture.leg == 1 and self._shortened(new, fixture.legs[1]):
            changed += (fixture.legs[1],)
        return After(new, self.noted(changed))

    def _shortened(self, new: Competition, second: str) -> bool:
        """Whether a second leg loses its reports, or its extra time as no longer due."""
        first, before = new.matches[second].first, self.competition.matches[second]
        if second in self.reports:
            return first != before.first
        return bool(first and before.score and before.score.due(first) != before.score)

    def decide(self, key: str, result: Result | None) -> None:
        """Give a match its result, or take it away, with everything that follows."""
        new, fallen = self.after(key, result)
        queue, corrected = self.queue, _played(self.results.get(key)) and _played(result)
        self._forget(key)
        if corrected:
            self.queue = queue  # nobody has played once more
        for name in fallen:
            self.reports.pop(name, None)
        lost = [name for name in fallen if not self.counts(name, new)]  # not one without extra time
        if result:
            self.results[key] = result
            if not corrected:
                self.queue = _with(self.queue, new.matches[key], result)
        self.go_on(new, lost)

    def noted(self, keys: Collection[str]) -> tuple[str, ...]:
        """Those of the matches that have a result or reports, in the order of the plan."""
        noted = [key for key in set(keys) if key in self.results or key in self.reports]
        return tuple(sorted(noted, key=self.competition.plan.order.__getitem__))

    def _forget(self, key: str) -> None:
        """Forget what was said and decided in a match."""
        self.reports.pop(key, None)
        result, match = self.results.pop(key, None), self.competition.matches[key]
        if _played(result) and match.home and match.away:
            self.queue = schedule.reopened(self.queue, match.home, match.away)

    def go_on(self, new: Competition, fallen: Iterable[str] = ()) -> None:
        """Take that competition as the one that is so, without what was said and decided in the
        matches that fell, and play on."""
        for key in fallen:
            self._forget(key)
        for call in filter(None, self.queue.consoles.values()):
            match = new.matches.get(call.key)
            sides = match.sides if match and match.playable and not match.decided else None
            if sides != (call.home, call.away):
                self.queue = schedule.freed(self.queue, call.key)
        self._derived = new
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


def _played(result: Result | None) -> bool:
    """Whether the match was played to its end: without a score, nobody has played."""
    return bool(result and result.score)


def _with(queue: Queue, match: Match, result: Result) -> Queue:
    """The queue after that match was decided."""
    if _played(result) and match.home and match.away:
        return schedule.finished(queue, match.key, match.home, match.away)
    return schedule.freed(queue, match.key)
