"""What a plan of matches is made of: fixtures, and the sources that say who plays in them.

A plan knows places, not people: entrants are their places in the seeding, from 1. So it depends
on the format and the number of entrants alone, and no correction of a result changes it.

Keys name a match for good. A key is unique in its tournament:

========= ====================================  ===========================================
``L3.2``  league                                round 3, match 2
``S3.2``  Swiss system                          round 3, match 2; the bye is the last of its round
``A2.1``  group A                               round 2, match 1
``K8.3``  knockout                              round of eight, match 3; ``K2.1`` is the final
``K8.3a`` knockout, a tie of two legs           its first leg; ``K8.3b`` is the second one
``K3.1``  knockout                              the match for third place
``W2.1``  double elimination, winners' side     round 2, match 1
``D2.1``  double elimination, losers' side      round 2, match 1
``F1``    double elimination, final             ``F2`` is the second final
========= ====================================  ===========================================

In ``K`` and ``W`` keys the match's number is its place in the full bracket, from the top: the
winner of match i plays in match (i + 1) // 2 of the next round. A bye leaves its number out. In
``D`` keys it is the place in the round, and a bye leaves its number out too. No group is called
K, because a knockout may follow the groups. Code asks ``Fixture.part``, ``Fixture.group`` and
``Fixture.leg``, and takes no key apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Seed:
    """The entrant at place ``n`` in the seeding, from 1."""

    n: int


@dataclass(frozen=True, slots=True)
class WinnerOf:
    """The winner of the match ``key``."""

    key: str


@dataclass(frozen=True, slots=True)
class LoserOf:
    """The loser of the match ``key``."""

    key: str


@dataclass(frozen=True, slots=True)
class PlaceIn:
    """The entrant who finishes in ``place``, from 1, of ``group``."""

    group: str
    place: int


@dataclass(frozen=True, slots=True)
class BestOf:
    """One of the best entrants in ``place`` across the groups, while it is open which ones.

    ``slot`` numbers these slots from 1. It is no rank: the slot that an entrant gets depends on
    the groups they all come from (``knockout_of_groups``).
    """

    place: int
    slot: int


@dataclass(frozen=True, slots=True)
class Paired:
    """The entrant at ``place``, from 1, in the pairing of the Swiss round ``round``: home and away
    of its first match, then of the next one, and in the end who has the bye."""

    round: int
    place: int


@dataclass(frozen=True, slots=True)
class Bye:
    """Nobody: the other side has a bye."""


Source = Seed | WinnerOf | LoserOf | PlaceIn | BestOf | Paired | Bye


class Part(StrEnum):
    """The part of a tournament that a match belongs to."""

    LEAGUE = "league"
    GROUP = "group"
    SWISS = "swiss"
    KNOCKOUT = "knockout"
    THIRD_PLACE = "third-place"
    WINNERS = "winners"
    LOSERS = "losers"
    FINAL = "final"


class Fixture(NamedTuple):
    """A match that is to be played. ``round`` counts from 1 within the part.

    With ``only_if_away_won``, the match is played only if the away side won the match of that key.
    A match of a tie has the keys of both ``legs``; who wins the tie is the winner of the second.
    """

    key: str
    part: Part
    round: int
    home: Source
    away: Source
    group: str = ""
    only_if_away_won: str | None = None
    legs: tuple[str, ...] = ()

    @property
    def leg(self) -> int:
        """1 or 2 in a tie, 0 in a single match."""
        return self.legs.index(self.key) + 1 if self.legs else 0

    @property
    def number(self) -> int:
        """The match's place in its round, 0 if it has none; the legs of a tie have the same."""
        return int(self.key.partition(".")[2].rstrip("ab") or 0)
