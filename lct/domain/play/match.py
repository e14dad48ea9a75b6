"""A match of the competition: who plays it, and what its result means."""

from __future__ import annotations

from typing import NamedTuple

from .matches import Fixture, Part
from .results import ALONE, AWAY, HOME, FirstLeg, Result, Score
from .tallies import How, Outcome

NOBODY = ""  # a side that stays empty: neither of the two it comes from came


class Match(NamedTuple):
    """A match and its sides: an entrant, None while it is open who that is, or NOBODY.

    ``first`` is what the first leg counts in a second one, None while it has no result.
    """

    fixture: Fixture
    home: str | None
    away: str | None
    result: Result | None = None  # the one that counts
    # It is not played: a side stays empty or has left, it is a bye, or the final before it was
    # enough.
    off: bool = False
    first: FirstLeg | None = ALONE

    @property
    def key(self) -> str:
        return self.fixture.key

    @property
    def sides(self) -> tuple[str | None, str | None]:
        return self.home, self.away

    @property
    def known(self) -> bool:
        """Whether both sides are there."""
        return bool(self.home and self.away) and not self.off

    @property
    def playable(self) -> bool:
        """Whether both sides are there, and a first leg has its result."""
        return self.known and self.first is not None

    @property
    def decided(self) -> bool:
        return self.result is not None or self.off

    @property
    def score(self) -> Score | None:
        """The score as it counts: without an extra time that was not due."""
        score = self.result.score if self.result else None
        return score.due(self.first) if score and self.first else score

    @property
    def level(self) -> bool:
        """Whether both legs are played and the two are still level. Only a correction of the first
        leg leads to it: the organiser has to say how the second one went on."""
        if self.fixture.leg != 2 or self.result is None or self.first is None:
            return False
        return self._lead is None

    @property
    def bye(self) -> str | None:
        """The player whose bye in a Swiss round it is; None if it is a match."""
        off = self.off and not self.away
        return (self.home or None) if off and self.fixture.part is Part.SWISS else None

    @property
    def winner(self) -> str | None:
        """The entrant who goes on; NOBODY if there is none, None while it is open."""
        if self.off:
            return NOBODY if self.home and self.away else self.home or self.away
        lead = self._lead
        return None if lead is None else self._ahead(lead)

    @property
    def loser(self) -> str | None:
        if self.off:
            return NOBODY
        lead = self._lead
        return None if lead is None else self._ahead(-lead)

    def _ahead(self, lead: int) -> str | None:
        if lead == 0:
            return NOBODY
        return self.home if lead > 0 else self.away

    @property
    def _lead(self) -> int | None:
        """Above 0 if home won, below 0 if away did, 0 if nobody; None while it is open."""
        if self.result is None or self.first is None:
            return None
        lead = self.result.lead(self.first)
        return None if lead == 0 and self.fixture.leg == 2 and self.result.score else lead

    def goals(self, walkover: int) -> tuple[int, int] | None:
        """The goals that it counts with in a table or a tie; None while it has no result."""
        if self.result is None:
            return None
        if self.result.score:
            return self.result.score.goals
        return {HOME: (walkover, 0), AWAY: (0, walkover)}.get(self.result.came, (0, 0))

    def outcome(self, walkover: int) -> Outcome | None:
        """What counts in a table; None for a match that is open."""
        if self.bye:
            return Outcome(self.bye, "", 0, 0, How.BYE)
        goals = self.goals(walkover)
        if goals is None or self.result is None:
            return None
        if self.result.score:
            how = How.PLAYED
        else:
            how = How.WALKOVER if self.result.came in (HOME, AWAY) else How.NO_SHOW
        return Outcome(self.home or "", self.away or "", *goals, how)
