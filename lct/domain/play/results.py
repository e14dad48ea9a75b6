"""What happened in a match: goals, extra time and penalties, or who did not come."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import Invalid
from ..text import text
from ..values import not_between

MOST_GOALS = 99
HOME, AWAY, NEITHER = "home", "away", "neither"
PLAYERS, ORGANISER, WITHDRAWAL = "players", "organiser", "withdrawal"


class FirstLeg(NamedTuple):
    """What the first leg of a tie counts in the second one: its goals, those of the second leg's
    home side first, and whether goals scored away part those who are level over both legs."""

    home: int
    away: int
    away_goals: bool = False


ALONE = FirstLeg(0, 0)  # a match without a first leg


class Score(NamedTuple):
    """Goals, the home side's first: after 90 minutes, then in extra time alone, then the penalties
    of the shoot-out, which are no goals."""

    home: int
    away: int
    extra: tuple[int, int] | None = None
    penalties: tuple[int, int] | None = None

    @property
    def goals(self) -> tuple[int, int]:
        """Goals after extra time."""
        more = self.extra or (0, 0)
        return self.home + more[0], self.away + more[1]

    @property
    def outcome(self) -> tuple[tuple[int, int], tuple[int, int] | None]:
        """Goals and penalties: two scores with the same ones agree, whether or not somebody counts
        an extra time without goals."""
        return self.goals, self.penalties

    def lead(self, first: FirstLeg = ALONE) -> int:
        """Above 0 if home won, below 0 if away did, 0 for a draw; of a second leg, in the tie.

        A tie goes to the side with more goals in both legs; then, if they count, to the one with
        more away goals; then to the winner of the penalties. Source: docs/play.md.
        """
        home, away = self.goals
        by_goals = home + first.home - away - first.away
        by_away_goals = first.home - away if first.away_goals else 0
        by_penalties = self.penalties[0] - self.penalties[1] if self.penalties else 0
        return by_goals or by_away_goals or by_penalties

    def due(self, first: FirstLeg = ALONE) -> Score:
        """The score without an extra time or penalties that were not due. A second leg can have
        such, once the first one is corrected."""
        played = Score(self.home, self.away)
        if played.lead(first):
            return played
        if self.penalties and self._replace(penalties=None).lead(first):
            return self._replace(penalties=None)
        return self


class Result(NamedTuple):
    """A decided match. Without a score, one side did not come, or neither did: then ``came`` says
    who did. ``by`` is who decided it: both players, the organiser, or a side who left."""

    score: Score | None = None
    came: str = ""  # HOME, AWAY or NEITHER
    by: str = PLAYERS

    def lead(self, first: FirstLeg = ALONE) -> int:
        """As a score's; whoever came to a second leg wins the tie."""
        if self.score:
            return self.score.due(first).lead(first)
        return {HOME: 1, AWAY: -1}.get(self.came, 0)


def check(score: Score, needs_winner: bool, first: FirstLeg = ALONE) -> None:
    """Invalid (field ``score``) if no match can end like this; one that ``needs_winner`` goes on
    with extra time and penalties, or with penalties alone, while it is level: a second leg, over
    both legs."""
    numbers = [score.home, score.away, *(score.extra or ()), *(score.penalties or ())]
    if not all(0 <= number <= MOST_GOALS for number in numbers):
        raise Invalid(score=not_between(0, MOST_GOALS))
    if (score.extra or score.penalties) and not needs_winner:
        raise Invalid(score=text("This match may end level, so it has no extra time."))
    if score.extra and Score(score.home, score.away).lead(first):
        if first[:2] != ALONE[:2]:
            raise Invalid(score=text("Over both legs it is not level after 90 minutes."))
        raise Invalid(score=text("Extra time is played only if it is level after 90 minutes."))
    if score.penalties and score._replace(penalties=None).lead(first):
        raise Invalid(score=text("Penalties are taken only if it is level before them."))
    if needs_winner and score.lead(first) == 0:
        if first[:2] != ALONE[:2]:
            raise Invalid(score=text("Over both legs it is level: add extra time or penalties."))
        raise Invalid(score=text("A cup match needs a winner: add extra time or penalties."))
