"""Standings: the table of a group, and the ranking across groups."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from .tallies import NOTHING, Outcome, Tallies, count
from .tie_breaks import Parting, Rule, Rules, measure, part


class Row(NamedTuple):
    """One entrant's line of a table; a place can be shared."""

    entrant: str
    place: int
    played: int
    won: int
    drawn: int
    lost: int
    goals_for: int
    goals_against: int
    points: int
    parted: Parting | None  # None: nobody else has as many points


def by_points(entrants: Iterable[str], tallies: Tallies, rules: Rules) -> list[list[str]]:
    """The entrants by points, most first."""
    level: dict[int, list[str]] = {}
    for entrant in entrants:
        points = measure(Rule.POINTS, tallies.of.get(entrant, NOTHING), rules)
        level.setdefault(points, []).append(entrant)
    return [level[points] for points in sorted(level, reverse=True)]


def standings(
    entrants: Collection[str],
    tallies: Tallies,
    rules: Rules,
    lots: Mapping[str, int] | None = None,
    finished: bool = False,
    before: Iterable[Sequence[Row]] = (),
) -> tuple[Row, ...]:
    """The table of ``entrants``, the same for every order of input.

    ``lots`` is each entrant's recorded lot, the smallest first. It counts only when the group is
    ``finished``. Those whom nothing parts share a place and stand in the order of their ids.
    Outcomes against others, such as someone who left, count for points and goals alone.
    ``before`` are levels of an earlier table of whose members no outcome is new or gone since: who
    of them are still alone on their points stand as they did.
    """
    rows: list[Row] = []
    known = {level[0].points: level for level in before}
    for level in by_points(entrants, tallies, rules):
        points = measure(Rule.POINTS, tallies.of.get(level[0], NOTHING), rules)
        same = known.get(points, ())
        if {row.entrant for row in same} == set(level):
            moved = len(rows) + 1 - same[0].place
            rows += [row._replace(place=row.place + moved) for row in same] if moved else same
            continue
        for members, parted in part(level, tallies, rules, lots if finished else None):
            place = len(rows) + 1
            for entrant in members:
                tally = tallies.of.get(entrant, NOTHING)
                played = tally.won + tally.drawn + tally.lost
                points = measure(Rule.POINTS, tally, rules)
                rows.append(Row(entrant, place, played, *tally, points, parted))
    return tuple(rows)


class Across(NamedTuple):
    """A ranking across groups, and the opponents whose matches it left out."""

    rows: tuple[Row, ...]
    left_out: tuple[str, ...]


def across(
    groups: Sequence[tuple[Sequence[Row], Tallies]],
    place: int,
    rules: Rules,
    lots: Mapping[str, int] | None = None,
    finished: bool = False,
) -> Across:
    """Rank those on ``place`` (1 is the winner) of each group: best runners-up, best thirds.

    Of a larger group, and of one that somebody left, only the matches among as many of the best
    as the smallest group has count. Head-to-head rules are passed over. A group without that place
    takes no part. Before the groups are finished the ranking is provisional.
    """
    compared = [(rows, tallies) for rows, tallies in groups if len(rows) >= place]
    size = min((len(rows) for rows, _ in compared), default=0)
    outcomes: list[Outcome] = []
    left_out: set[str] = set()
    for rows, tallies in compared:
        entrant = rows[place - 1].entrant
        kept = {row.entrant for row in rows[:size]}
        for outcome in (o for at_home in tallies.at_home.values() for o in at_home):
            if entrant in (outcome.home, outcome.away):
                opponent = outcome.away if outcome.home == entrant else outcome.home
                if opponent in kept:
                    outcomes.append(outcome)
                else:
                    left_out.add(opponent)
    ranked = [rows[place - 1].entrant for rows, _ in compared]
    rows = standings(
        ranked, count(outcomes), replace(rules, order=rules.order.overall), lots, finished
    )
    return Across(rows, tuple(sorted(left_out)))
