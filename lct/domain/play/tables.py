"""The tables: brought up to date by what is new in their groups, and the best across them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from .match import Match
from .plan import Basis
from .standings import Across, Row, across, standings
from .tallies import NONE, Outcome, Tallies, count
from .withdrawals import KNOCKED_OUT


@dataclass(slots=True)
class News:
    """What is new in a group since its table was made."""

    added: list[Outcome] = field(default_factory=list)
    removed: list[Outcome] = field(default_factory=list)
    decided: int = 0  # how many more of its matches

    @property
    def sides(self) -> frozenset[str]:
        """Who is in its outcomes."""
        outcomes = (*self.added, *self.removed)
        return frozenset(side for each in outcomes for side in (each.home, each.away))

    def note(self, before: Match | None, now: Match, walkover: int) -> None:
        """A match of the group has changed, or is there for the first time."""
        if before and (outcome := before.outcome(walkover)):
            self.removed.append(outcome)
        if outcome := now.outcome(walkover):
            self.added.append(outcome)
        self.decided += _over(now) - (before is not None and _over(before))


def _over(match: Match) -> bool:
    """Whether it is decided; a Swiss bye is not before its round is paired."""
    return match.decided and match.home is not None


@dataclass(eq=False, slots=True)
class Table:
    """The standings of a league (no name) or of a group. Those who ``left`` have no place in it.

    The rows are made when they are first asked for: of many results in a row nobody sees the tables
    in between. Until then the table knows the latest one before it with rows, and who has played
    since.
    """

    group: str
    members: tuple[str, ...]
    basis: Basis
    finished: bool = False
    decided: int = 0  # of its matches
    tallies: Tallies = NONE
    before: Table | None = None
    touched: frozenset[str] = frozenset()
    _made: tuple[tuple[Row, ...], tuple[Row, ...]] | None = None

    @property
    def rows(self) -> tuple[Row, ...]:
        return self._ranked()[0]

    @property
    def left(self) -> tuple[Row, ...]:
        return self._ranked()[1]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self._compared() == other._compared()

    __hash__ = None  # type: ignore[assignment]

    def _compared(self) -> tuple[object, ...]:
        return self.group, self.rows, self.left, self.finished, self.decided

    def _ranked(self) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
        if self._made is None:
            lots, rules = _numbered(self.basis.lots), self.basis.format.rules
            gone = {entrant for entrant, how in self.basis.left.items() if how != KNOCKED_OUT}
            ranked = [entrant for entrant in self.members if entrant not in gone]
            left = [entrant for entrant in self.members if entrant in gone]
            rows = standings(ranked, self.tallies, rules, lots, self.finished, self._untouched())
            unranked = standings(left, self.tallies, rules)
            without = tuple(row._replace(place=0, parted=None) for row in unranked)
            self._made, self.before = (rows, without), None
        return self._made

    def _untouched(self) -> list[list[Row]]:
        """The levels of the table before of whose members nothing is new; none where lots may count
        now."""
        if self.before is None or self.finished or self.before.finished:
            return []
        levels = (list(level) for _, level in groupby(self.before.rows, key=lambda row: row.points))
        return [level for level in levels if self.touched.isdisjoint(row.entrant for row in level)]

    def after(self, news: News, basis: Basis, matches: int) -> Table:
        """The table with that news; its group has so many matches."""
        tallies = count(news.added, self.tallies, news.removed)
        decided = self.decided + news.decided
        known = self._made is not None
        before = self if known else self.before
        touched = news.sides if known else self.touched | news.sides
        return Table(
            self.group, self.members, basis, decided == matches, decided, tallies, before, touched
        )


def best_of_next_place(basis: Basis, tables: Mapping[str, Table]) -> Across:
    """The ranking of the best of the next place across the groups; provisional until all groups are
    finished."""
    groups = [(table.rows, table.tallies) for table in tables.values()]
    finished = all(table.finished for table in tables.values())
    place, rules = basis.format.through + 1, basis.format.rules
    return across(groups, place, rules, _numbered(basis.lots), finished)


def best_from(basis: Basis, tables: Mapping[str, Table]) -> tuple[str, ...] | None:
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


def _numbered(lots: Sequence[str]) -> dict[str, int]:
    return {entrant: number for number, entrant in enumerate(lots)}
