"""The competition as the results have made it: who plays in each match, the tables, the champion.

All of it is derived from the plan and the results (``derivation``), and nothing of it is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

from .formats import in_table
from .match import Match
from .matches import BestOf, Fixture, Part, PlaceIn
from .plan import Basis, Plan, plan_of
from .slots import Ready, Unplayed
from .tables import Table


@dataclass(frozen=True)
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

    @cached_property
    def plan(self) -> Plan:
        return plan_of(self.basis.format, len(self.basis.entrants), self.best_from)

    def matches_of(self, entrant: str) -> list[Match]:
        """The matches that an entrant is in, in the order of the plan."""
        try:
            number = self.basis.entrants.index(entrant) + 1
        except ValueError:
            return []
        fixed = self.plan.fixed.get(number, ())
        others = map(self.matches.__getitem__, self.plan.open)
        theirs = [m for m in others if m.home == entrant or m.away == entrant]
        return [*map(self.matches.__getitem__, fixed), *theirs]

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
        follows = self.plan.needs
        passed: dict[str, tuple[str, ...]] = {}  # walkovers to come, and what they follow from
        for match in undecided:
            fixture, needs = match.fixture, follows[match.key]
            # A bracket that is open waits for all groups: the last match of them stands for all.
            if last and any(isinstance(s, PlaceIn | BestOf) for s in (fixture.home, fixture.away)):
                needs += (last,)
            if passed:
                needs = tuple(chain.from_iterable(passed.get(key, (key,)) for key in needs))
            if match.home in self.basis.left or match.away in self.basis.left:
                passed[match.key] = needs
                continue
            conditional = fixture.only_if_away_won is not None
            sides = match.home or None, match.away or None
            found.append(Unplayed(match.key, *sides, needs, conditional))
        return found
