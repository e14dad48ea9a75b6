"""Decided matches, and what each entrant has of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class How(Enum):
    """How a match was decided."""

    PLAYED = "played"
    WALKOVER = "walkover"  # counts with the goals that the tournament gives for one
    NO_SHOW = "no-show"  # neither side came: both lose, no goals
    BYE = "bye"  # a Swiss bye: home wins, and there is no away


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decided match between two entrants. Goals of a penalty shoot-out are not goals."""

    home: str
    away: str
    home_goals: int
    away_goals: int
    how: How = How.PLAYED

    def __post_init__(self) -> None:
        goals = self.home_goals, self.away_goals
        if self.home == self.away or min(goals) < 0 or (self.away == "") != (self.how is How.BYE):
            raise ValueError("a match has two sides and their goals; only a bye has no away")
        if self.how is How.WALKOVER and goals[0] == goals[1]:
            raise ValueError("a walkover has a winner")
        if self.how is How.NO_SHOW and goals != (0, 0):
            raise ValueError("a double no-show has no goals")


class Tally(NamedTuple):
    """One entrant's matches, counted."""

    won: int = 0
    drawn: int = 0
    lost: int = 0
    goals_for: int = 0
    goals_against: int = 0


NOTHING = Tally()
_WON, _DRAWN, _LOST, _FOR, _AGAINST = range(5)


class Tallies(NamedTuple):
    """Every entrant's tally, and the outcomes by home entrant for comparing the tied."""

    of: Mapping[str, Tally]
    at_home: Mapping[str, tuple[Outcome, ...]]

    def among(self, entrants: Collection[str]) -> list[Outcome]:
        """The outcomes between two of ``entrants``."""
        members = frozenset(entrants)
        return [o for e in members for o in self.at_home.get(e, ()) if o.away in members]


def _results(outcome: Outcome) -> tuple[int, int]:
    """Where the match counts in the home and in the away tally."""
    if outcome.how is How.NO_SHOW:
        return _LOST, _LOST
    if outcome.how is How.BYE or outcome.home_goals > outcome.away_goals:
        return _WON, _LOST
    return (_LOST, _WON) if outcome.home_goals < outcome.away_goals else (_DRAWN, _DRAWN)


def count(
    added: Iterable[Outcome], to: Tallies | None = None, removed: Iterable[Outcome] = ()
) -> Tallies:
    """The tallies of ``added``, or ``to`` moved on by ``added`` and back by ``removed``.

    ``removed`` outcomes must be in ``to``, else ValueError.
    """
    of = dict(to.of) if to else {}
    at_home = dict(to.at_home) if to else {}
    changed: dict[str, list[int]] = {}
    homes: dict[str, list[Outcome]] = {}
    for sign, outcomes in ((1, added), (-1, removed)):
        for outcome in outcomes:
            home, away = outcome.home, outcome.away
            scored, conceded = sign * outcome.home_goals, sign * outcome.away_goals
            home_result, away_result = _results(outcome)
            if home not in changed:
                changed[home] = list(of.get(home, NOTHING))
            tally = changed[home]
            tally[home_result] += sign
            tally[_FOR] += scored
            tally[_AGAINST] += conceded
            if away:
                if away not in changed:
                    changed[away] = list(of.get(away, NOTHING))
                tally = changed[away]
                tally[away_result] += sign
                tally[_FOR] += conceded
                tally[_AGAINST] += scored
            if home not in homes:
                homes[home] = list(at_home.get(home, ()))
            if sign > 0:
                homes[home].append(outcome)
            else:
                homes[home].remove(outcome)
    of.update((entrant, Tally(*tally)) for entrant, tally in changed.items())
    at_home.update((entrant, tuple(outcomes)) for entrant, outcomes in homes.items())
    return Tallies(of, at_home)


NONE = count(())  # nothing is decided
