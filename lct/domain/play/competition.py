"""The competition as the results have made it: who plays in each match, the tables, the champion.

All of it is derived from the plan and the results, and nothing of it is stored. A result moves it
on by the matches that follow from it, which gives the same as deriving it from nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import chain, groupby
from types import MappingProxyType
from typing import NamedTuple

from .formats import Format, in_table
from .match import NOBODY, Match
from .matches import BestOf, Bye, Fixture, LoserOf, Paired, Part, PlaceIn, Seed, Source, WinnerOf
from .plan import Plan, needs, plan_of
from .results import ALONE, WITHDRAWAL, FirstLeg, Result
from .slots import Ready, Unplayed
from .standings import Across, Row, across, standings
from .tallies import Outcome, Tallies, count
from .withdrawals import KNOCKED_OUT, ruled


@dataclass(frozen=True, slots=True)
class Table:
    """The standings of a league (no name) or of a group. Those who ``left`` have no place in it."""

    group: str
    rows: tuple[Row, ...]
    left: tuple[Row, ...]
    finished: bool
    decided: int  # of its matches
    tallies: Tallies = field(compare=False)


class Basis(NamedTuple):
    """What a competition is made of besides the results. ``lots`` are the entrants in the order
    that lots gave them. ``left`` has the policy for each of those who left: withdrawals.py."""

    format: Format
    entrants: tuple[str, ...]  # in the order of the seeding
    lots: tuple[str, ...]
    left: Mapping[str, str] = MappingProxyType({})
    rounds: tuple[tuple[str, ...], ...] = ()  # of a Swiss system, as far as they are paired


@dataclass(frozen=True, slots=True)
class Competition:
    """The matches by key, the tables by group, the matches that can be called in the order of the
    plan, the champion.

    ``best_from`` names the groups that the best of the next place come from, once all groups are
    finished. Until then the bracket after such groups is open, and so is every match of it.
    """

    basis: Basis
    matches: Mapping[str, Match] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    ready: Mapping[str, Ready] = field(default_factory=dict)
    decided: int = 0  # matches with a result that counts
    off: int = 0  # matches that are not played
    best_from: tuple[str, ...] | None = None
    champion: str | None = None

    @property
    def plan(self) -> Plan:
        return plan_of(self.basis.format, len(self.basis.entrants), self.best_from)

    def moved_on(self, key: str, result: Result | None) -> Moved:
        """The competition after that match got this result, or lost the one it had."""
        change = _Change(self)
        change.decide(key, result)
        return change.made()

    def moved_to(self, left: Mapping[str, str], results: Mapping[str, Result]) -> Moved:
        """The competition with these results if those had left, and nobody else."""
        change = _Change(replace(self, basis=self.basis._replace(left=left)))
        change.look_at_all(results)
        return change.made()

    def paired(self, rounds: tuple[tuple[str, ...], ...]) -> Moved:
        """The competition with these Swiss rounds paired, and no others."""
        before = self.basis.rounds
        change = _Change(replace(self, basis=self.basis._replace(rounds=rounds)))
        for place, fixture in enumerate(change.plan.fixtures):
            this = slice(fixture.round - 1, fixture.round)
            if fixture.part is Part.SWISS and before[this] != rounds[this]:
                change.look_at(place, self.matches[fixture.key].result)
        change.follow()
        return change.made()

    def is_paired(self, fixture: Fixture) -> bool:
        """Whether it is no match of a Swiss round that is still to be paired."""
        return fixture.part is not Part.SWISS or fixture.round <= len(self.basis.rounds)

    def unplayed(self) -> list[Unplayed]:
        """The matches that are still to be played, in the order of the plan. Not those of Swiss
        rounds that are not paired yet."""
        open_ = (match for match in self.matches.values() if not match.decided)
        undecided = [match for match in open_ if self.is_paired(match.fixture)]
        in_groups = (match.key for match in reversed(undecided) if in_table(match.fixture))
        last = next(in_groups, None) if self.basis.format.best else None
        found: list[Unplayed] = []
        passed: dict[str, tuple[str, ...]] = {}  # walkovers to come, and what they follow from
        for match in undecided:
            needs = self._needs(match.fixture, last)
            if passed:
                needs = tuple(chain.from_iterable(passed.get(key, (key,)) for key in needs))
            if match.home in self.basis.left or match.away in self.basis.left:
                passed[match.key] = needs
                continue
            conditional = match.fixture.only_if_away_won is not None
            sides = match.home or None, match.away or None
            found.append(Unplayed(match.key, *sides, needs, conditional))
        return found

    def _needs(self, fixture: Fixture, last: str | None) -> tuple[str, ...]:
        """The matches that a match follows from, those of a group for one of its places too. A
        bracket that is open waits for all groups: the ``last`` match of them stands for all."""
        sources = fixture.home, fixture.away
        groups = {s.group for s in sources if isinstance(s, PlaceIn)}
        tables = [key for group in sorted(groups) for key in self.plan.table[group]]
        if last and any(isinstance(source, PlaceIn | BestOf) for source in sources):
            tables.append(last)
        return *sorted(needs(fixture)), *tables


class Moved(NamedTuple):
    competition: Competition
    changed: tuple[str, ...]  # matches that lose their result: their sides are others, or it is off


def derive(basis: Basis, results: Mapping[str, Result]) -> Competition:
    """The competition after these results."""
    change = _Change(Competition(basis))
    change.look_at_all(results)
    return change.made().competition


def best_of_next_place(basis: Basis, tables: Mapping[str, Table]) -> Across:
    """The ranking of the best of the next place across the groups; provisional until all groups are
    finished."""
    groups = [(table.rows, table.tallies) for table in tables.values()]
    finished = all(table.finished for table in tables.values())
    place, rules = basis.format.through + 1, basis.format.rules
    return across(groups, place, rules, _numbered(basis.lots), finished)


def _numbered(lots: Sequence[str]) -> dict[str, int]:
    return {entrant: number for number, entrant in enumerate(lots)}


def _best_from(basis: Basis, tables: Mapping[str, Table]) -> tuple[str, ...] | None:
    """The groups that the best come from, in their order; None while it is open. If too few are
    left who have that place, groups without it fill up, and their slots stay empty."""
    if not all(table.finished for table in tables.values()):
        return None
    most, place = basis.format.best or 0, basis.format.through
    best = {row.entrant for row in best_of_next_place(basis, tables).rows[:most]}
    behind = {name: row.entrant for name, table in tables.items() for row in table.rows[place:][:1]}
    chosen = {name for name, entrant in behind.items() if entrant in best}
    chosen.update([name for name in tables if name not in behind][: most - len(chosen)])
    return tuple(name for name in tables if name in chosen)


@dataclass(slots=True)
class _News:
    """What is new in a group since its table was made."""

    added: list[Outcome] = field(default_factory=list)
    removed: list[Outcome] = field(default_factory=list)
    decided: int = 0  # how many more of its matches


def _untouched(old: Table | None, news: _News, finished: bool) -> list[list[Row]]:
    """The levels of a table of whose members nothing is new; none where lots may count now."""
    if old is None or finished or old.finished:
        return []
    outcomes = (*news.added, *news.removed)
    touched = {side for each in outcomes for side in (each.home, each.away)}
    levels = (list(level) for _, level in groupby(old.rows, key=lambda row: row.points))
    return [level for level in levels if touched.isdisjoint(row.entrant for row in level)]


class _Change:
    """A competition that is being made or moved on."""

    def __init__(self, before: Competition) -> None:
        self.before, self.plan, self.best_from = before, before.plan, before.best_from
        self.matches, self.ready = dict(before.matches), dict(before.ready)
        self.in_order = True  # those that are ready
        self.decided, self.off = before.decided, before.off
        self.tables = dict(before.tables)
        self.news: dict[str, _News] = {}  # by group
        self.changed: list[str] = []
        self.waiting: list[int] = []  # places of matches to look at again, a heap

    def decide(self, key: str, result: Result | None) -> None:
        self.put(self.after_withdrawals(self.matches[key], result))
        self.follow()

    def look_at_all(self, results: Mapping[str, Result]) -> None:
        """Make every match and every table again."""
        self.news = {group: _News() for group in self.plan.table}
        for place, fixture in enumerate(self.plan.fixtures):
            self.look_at(place, results.get(fixture.key))
        self.follow()

    def follow(self) -> None:
        """Look again at whatever follows from what has changed."""
        while self.waiting or self.news:
            self.close_tables()
            if not self.waiting:
                continue
            place = heappop(self.waiting)
            self.look_at(place, self.matches[self.plan.fixtures[place].key].result)

    def look_at(self, place: int, result: Result | None) -> None:
        """Make the match again. If its sides have changed, or it is off, it loses its result."""
        if self.news and not in_table(self.plan.fixtures[place]):
            self.close_tables()  # which can change the bracket
        fixture = self.plan.fixtures[place]
        sides = self.entrant(fixture.home), self.entrant(fixture.away)
        match = Match(fixture, *sides, first=self.first_leg(fixture))
        old = self.matches.get(fixture.key)
        off = self.is_off(match)
        if old is not None and (off or old.sides != match.sides):
            self.changed.append(fixture.key)
            result = None
        if result and result.by == WITHDRAWAL:
            result = None
        if off:
            match = match._replace(off=True)
        elif match.known:
            match = self.after_withdrawals(match, result)
        if match != old:
            self.put(match)

    def after_withdrawals(self, match: Match, result: Result | None) -> Match:
        """The match with what counts of that recorded result."""
        counting, off = ruled(result, match.home, match.away, self.before.basis.left)
        return match._replace(result=counting, off=off)

    def put(self, match: Match) -> None:
        key, old = match.key, self.matches.get(match.key)
        self.matches[key] = match
        self.decided += (match.result is not None) - (old is not None and old.result is not None)
        self.off += match.off - (old is not None and old.off)
        if match.playable and not match.decided:
            order, ahead = self.plan.order[key], self.plan.ahead[key]
            if key not in self.ready and self.ready:
                last = next(reversed(self.ready.values()))
                self.in_order = self.in_order and last.order < order
            self.ready[key] = Ready(key, match.home or "", match.away or "", order, ahead)
        else:
            self.ready.pop(key, None)
        if in_table(match.fixture):
            news = self.news.setdefault(match.fixture.group, _News())
            walkover = self.before.basis.format.walkover
            if old and (outcome := old.outcome(walkover)):
                news.removed.append(outcome)
            if outcome := match.outcome(walkover):
                news.added.append(outcome)
            news.decided += _over(match) - (old is not None and _over(old))
        if old is not None:
            for later in self.plan.after.get(key, ()):
                heappush(self.waiting, self.plan.order[later])

    def is_off(self, match: Match) -> bool:
        nobody = NOBODY in match.sides and None not in match.sides
        if nobody or isinstance(match.fixture.away, Bye):
            return True
        if (first := match.fixture.only_if_away_won) is None:
            return False
        decider = self.matches[first]
        return decider.decided and decider.winner != decider.away

    def first_leg(self, fixture: Fixture) -> FirstLeg | None:
        if fixture.leg != 2:
            return ALONE
        chosen = self.before.basis.format
        goals = self.matches[fixture.legs[0]].goals(chosen.walkover)
        return FirstLeg(*goals[::-1], chosen.away_goals) if goals else None

    def entrant(self, source: Source) -> str | None:
        match source:
            case Seed(n):
                return self.before.basis.entrants[n - 1]
            case WinnerOf(key):
                return self.matches[key].winner
            case LoserOf(key):
                return self.matches[key].loser
            case PlaceIn(group, place):
                table = self.tables[group]
                if not table.finished or (self.before.basis.format.best and self.best_from is None):
                    return None
                return table.rows[place - 1].entrant if place <= len(table.rows) else NOBODY
            case Paired(number, place):
                rounds = self.before.basis.rounds
                return rounds[number - 1][place - 1] if number <= len(rounds) else None
            case Bye():
                return NOBODY
        return None

    def close_tables(self) -> None:
        """Bring the tables up to date with the news since the last time."""
        for group, news in self.news.items():
            old = self.tables.get(group)
            tallies = count(news.added, old.tallies if old else None, news.removed)
            decided = (old.decided if old else 0) + news.decided
            finished = decided == len(self.plan.table[group])
            lots, rules = _numbered(self.before.basis.lots), self.before.basis.format.rules
            members = self._members(group, old)
            left = [e for e in members if self.before.basis.left.get(e, KNOCKED_OUT) != KNOCKED_OUT]
            ranked = [e for e in members if e not in left] if left else members
            rows = standings(
                ranked, tallies, rules, lots, finished, _untouched(old, news, finished)
            )
            without = (
                row._replace(place=0, parted=None) for row in standings(left, tallies, rules)
            )
            self.tables[group] = Table(group, rows, tuple(without), finished, decided, tallies)
            if old is not None:
                for later in self.plan.out_of.get(group, ()):
                    heappush(self.waiting, self.plan.order[later])
        if self.news and self.before.basis.format.best:
            self._find_best()
        self.news = {}

    def _find_best(self) -> None:
        found = _best_from(self.before.basis, self.tables)
        if found == self.best_from:
            return
        basis, self.best_from = self.before.basis, found
        self.plan = plan_of(basis.format, len(basis.entrants), found)
        for place, fixture in enumerate(self.plan.fixtures):
            if fixture.key in self.matches and not in_table(fixture):
                heappush(self.waiting, place)

    def _members(self, group: str, old: Table | None) -> Sequence[str]:
        if old:
            return [row.entrant for row in (*old.rows, *old.left)]
        if not group:
            return sorted(self.before.basis.entrants)
        played = (self.matches[key] for key in self.plan.table[group])
        return sorted({side for match in played for side in match.sides if side})

    def made(self) -> Moved:
        self.close_tables()
        if not self.in_order:
            by_order = sorted(self.ready.values(), key=lambda match: match.order)
            self.ready = {match.key: match for match in by_order}
        new = replace(
            self.before, matches=self.matches, tables=self.tables, ready=self.ready,
            decided=self.decided, off=self.off, best_from=self.best_from,
            champion=_champion(self.matches, self.tables, self.before.basis.left),
        )  # fmt: skip
        return Moved(new, tuple(self.changed))


def _over(match: Match) -> bool:
    """Whether it is decided; a Swiss bye is not before its round is paired."""
    return match.decided and match.home is not None


def _champion(
    matches: Mapping[str, Match], tables: Mapping[str, Table], left: Mapping[str, str]
) -> str | None:
    finals = [matches[key] for key in ("F2", "F1", "K2.1") if key in matches]
    if not finals:
        table = tables.get("")
        return table.rows[0].entrant if table and table.finished and table.rows else None
    last = finals[1] if finals[0].fixture.only_if_away_won and finals[0].off else finals[0]
    winner = last.winner if last.decided else None
    return winner if winner and winner not in left else None
