"""Deriving the competition: from nothing, or moved on by what has changed.

A change looks again at the matches that follow from it, in the order of the plan, and at the
tables it counts in. That gives the same as deriving everything from nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from heapq import heappop, heappush
from typing import NamedTuple

from .competition import Competition
from .formats import in_table
from .match import NOBODY, Match
from .matches import Bye, Fixture, LoserOf, Paired, Part, PlaceIn, Seed, Source, WinnerOf
from .plan import Basis, plan_of
from .results import ALONE, WITHDRAWAL, FirstLeg, Result
from .slots import Ready
from .tables import News, Table, best_from
from .withdrawals import ruled


class Moved(NamedTuple):
    competition: Competition
    changed: tuple[str, ...]  # matches that lose their result: their sides are others, or it is off


def derive(basis: Basis, results: Mapping[str, Result]) -> Competition:
    """The competition after these results."""
    change = _Change(Competition(basis), basis)
    change.look_at_all(results)
    return change.made().competition


def moved_on(before: Competition, key: str, result: Result | None) -> Moved:
    """The competition after that match got this result, or lost the one it had."""
    change = _Change(before, before.basis)
    change.decide(key, result)
    return change.made()


def with_left(before: Competition, left: Mapping[str, str], results: Mapping[str, Result]) -> Moved:
    """The competition with these results if those had left, and nobody else."""
    change = _Change(before, before.basis._replace(left=left))
    change.look_at_all(results)
    return change.made()


def with_rounds(before: Competition, rounds: tuple[tuple[str, ...], ...]) -> Moved:
    """The competition with these Swiss rounds paired, and no others."""
    old = before.basis.rounds
    change = _Change(before, before.basis._replace(rounds=rounds))
    for place, fixture in enumerate(change.plan.fixtures):
        this = slice(fixture.round - 1, fixture.round)
        if fixture.part is Part.SWISS and old[this] != rounds[this]:
            change.look_at(place, before.matches[fixture.key].result)
    change.follow()
    return change.made()


class _Change:
    """A competition that is being made or moved on. A match or a table that has changed puts the
    matches that follow from it on the heap, and they are made again in the order of the plan."""

    def __init__(self, before: Competition, basis: Basis) -> None:
        self.before, self.basis = before, basis
        self.plan, self.best_from = before.plan, before.best_from
        self.matches, self.ready = dict(before.matches), dict(before.ready)
        self.in_order = True  # those that are ready
        self.decided, self.off = before.decided, before.off
        self.tables = dict(before.tables)
        self.news: dict[str, News] = {}  # by group
        self.changed: list[str] = []
        self.waiting: list[int] = []  # places of matches to look at again, a heap

    def decide(self, key: str, result: Result | None) -> None:
        self.put(self.after_withdrawals(self.matches[key], result))
        self.follow()

    def look_at_all(self, results: Mapping[str, Result]) -> None:
        """Make every match and every table again."""
        self.news = {group: News() for group in self.plan.table}
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
        counting, off = ruled(result, match.home, match.away, self.basis.left)
        return match._replace(result=counting, off=off)

    def put(self, match: Match) -> None:
        """Take the match as it is now, and note whatever follows from it."""
        key, old = match.key, self.matches.get(match.key)
        self.matches[key] = match
        self.decided += (match.result is not None) - (old is not None and old.result is not None)
        self.off += match.off - (old is not None and old.off)
        self.put_in_ready(match)
        if in_table(match.fixture):
            news = self.news.setdefault(match.fixture.group, News())
            news.note(old, match, self.basis.format.walkover)
        if old is not None:
            for later in self.plan.after.get(key, ()):
                heappush(self.waiting, self.plan.order[later])

    def put_in_ready(self, match: Match) -> None:
        """Keep it with the matches that can be called, or not."""
        key = match.key
        if match.playable and not match.decided:
            order, ahead = self.plan.order[key], self.plan.ahead[key]
            if key not in self.ready and self.ready:
                last = next(reversed(self.ready.values()))
                self.in_order = self.in_order and last.order < order
            self.ready[key] = Ready(key, match.home or "", match.away or "", order, ahead)
        else:
            self.ready.pop(key, None)

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
        chosen = self.basis.format
        goals = self.matches[fixture.legs[0]].goals(chosen.walkover)
        return FirstLeg(*goals[::-1], chosen.away_goals) if goals else None

    def entrant(self, source: Source) -> str | None:
        match source:
            case Seed(n):
                return self.basis.entrants[n - 1]
            case WinnerOf(key):
                return self.matches[key].winner
            case LoserOf(key):
                return self.matches[key].loser
            case PlaceIn(group, place):
                table = self.tables[group]
                if not table.finished or (self.basis.format.best and self.best_from is None):
                    return None
                return table.rows[place - 1].entrant if place <= len(table.rows) else NOBODY
            case Paired(number, place):
                rounds = self.basis.rounds
                return rounds[number - 1][place - 1] if number <= len(rounds) else None
            case Bye():
                return NOBODY
        return None

    def close_tables(self) -> None:
        """Bring the tables up to date with the news since the last time."""
        for group, news in self.news.items():
            old, matches = self.tables.get(group), len(self.plan.table[group])
            table = old or Table(group, self.members(group), self.basis)
            self.tables[group] = table.after(news, self.basis, matches)
            if old is not None:
                for later in self.plan.out_of.get(group, ()):
                    heappush(self.waiting, self.plan.order[later])
        if self.news and self.basis.format.best:
            self.find_best()
        self.news = {}

    def find_best(self) -> None:
        """Open the bracket, or close it, once it is known which groups the best come from."""
        found = best_from(self.basis, self.tables)
        if found == self.best_from:
            return
        self.best_from = found
        self.plan = plan_of(self.basis.format, len(self.basis.entrants), found)
        for place, fixture in enumerate(self.plan.fixtures):
            if fixture.key in self.matches and not in_table(fixture):
                heappush(self.waiting, place)

    def members(self, group: str) -> tuple[str, ...]:
        if not group:
            return tuple(sorted(self.basis.entrants))
        played = (self.matches[key] for key in self.plan.table[group])
        return tuple(sorted({side for match in played for side in match.sides if side}))

    def made(self) -> Moved:
        self.close_tables()
        if not self.in_order:
            by_order = sorted(self.ready.values(), key=lambda match: match.order)
            self.ready = {match.key: match for match in by_order}
        new = replace(
            self.before, basis=self.basis, matches=self.matches, tables=self.tables,
            ready=self.ready, decided=self.decided, off=self.off, best_from=self.best_from,
            champion=_champion(self.matches, self.tables, self.basis.left),
        )  # fmt: skip
        return Moved(new, tuple(self.changed))


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
