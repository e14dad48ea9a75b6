"""The tables: brought up to date by what is new in their groups, and the best across them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from .competition import Basis, Table
from .match import Match
from .standings import Across, Row, across, standings
from .tallies import Outcome, count
from .withdrawals import KNOCKED_OUT


@dataclass(slots=True)
class News:
    """What is new in a group since its table was made."""

    added: list[Outcome] = field(default_factory=list)
    removed: list[Outcome] = field(default_factory=list)
    decided: int = 0  # how many more of its matches

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


def table_after(
    old: Table | None,
    news: News,
    group: str,
    members: Collection[str],
    matches: int,
    basis: Basis,
) -> Table:
    """The table of a group that has so many matches, moved on from ``old`` or made from nothing."""
    tallies = count(news.added, old.tallies if old else None, news.removed)
    decided = (old.decided if old else 0) + news.decided
    finished = decided == matches
    lots, rules = _numbered(basis.lots), basis.format.rules
    gone = {entrant for entrant, policy in basis.left.items() if policy != KNOCKED_OUT}
    ranked = [entrant for entrant in members if entrant not in gone]
    left = [entrant for entrant in members if entrant in gone]
    rows = standings(ranked, tallies, rules, lots, finished, _untouched(old, news, finished))
    without = (row._replace(place=0, parted=None) for row in standings(left, tallies, rules))
    return Table(group, rows, tuple(without), finished, decided, tallies)


def _untouched(old: Table | None, news: News, finished: bool) -> list[list[Row]]:
    """The levels of a table of whose members nothing is new; none where lots may count now."""
    if old is None or finished or old.finished:
        return []
    outcomes = (*news.added, *news.removed)
    touched = {side for each in outcomes for side in (each.home, each.away)}
    levels = (list(level) for _, level in groupby(old.rows, key=lambda row: row.points))
    return [level for level in levels if touched.isdisjoint(row.entrant for row in level)]


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
