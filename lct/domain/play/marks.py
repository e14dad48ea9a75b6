"""The marks in a table: who is certain to be first, to go through, or to be out."""

from __future__ import annotations

from .certain import certain
from .competition import Competition
from .formats import GROUPS, LEAGUE
from .open_places import Range
from .tables import Table

FIRST, THROUGH, OUT = "first", "through", "out"


def marks(of: Competition, table: Table) -> dict[str, str]:
    """Entrant -> FIRST, THROUGH or OUT, for those of whom no match left can change it.

    No match of others can, nor can lots before they are drawn. Only leagues and groups have marks:
    elsewhere the matches left are not known. See ``certain`` for the method.
    """
    chosen = of.basis.format
    if chosen.kind not in (LEAGUE, GROUPS):
        return {}
    through = chosen.through if chosen.kind == GROUPS else 1
    last = through + bool(chosen.best) if chosen.kind == GROUPS else len(table.rows)
    found = {}
    for entrant, (best, worst) in _ranges(of, table, {1, through, last}).items():
        if worst == 1:
            found[entrant] = FIRST
        elif worst <= through:
            found[entrant] = THROUGH
        elif best > last:
            found[entrant] = OUT
        elif of.best_from is not None:
            found[entrant] = THROUGH if table.group in of.best_from else OUT
    return found


def _ranges(of: Competition, table: Table, cuts: set[int]) -> dict[str, Range]:
    if table.finished:  # lots have parted those who were level
        return {row.entrant: Range(row.place, row.place) for row in table.rows}
    matches = map(of.matches.__getitem__, of.plan.table[table.group])
    left = [(m.home or "", m.away or "") for m in matches if m.result is None and not m.off]
    entrants = [row.entrant for row in table.rows]
    return certain(entrants, table.tallies, of.basis.format.rules, left, cuts=cuts)
