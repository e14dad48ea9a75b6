"""What happened in a match: goals, extra time and penalties, or who did not come."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import Invalid
from ..text import text
from ..values import not_between

MOST_GOALS = 99
HOME, AWAY, NEITHER = "home", "away", "neither"
PLAYERS, ORGANISER = "players", "organiser"


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

    @property
    def lead(self) -> int:
        """Above 0 if home won, below 0 if away did, 0 for a draw."""
        home, away = self.goals
        return home - away or (self.penalties[0] - self.penalties[1] if self.penalties else 0)


class Result(NamedTuple):
    """A decided match. Without a score, one side did not come, or neither did: then ``came`` says
    who did. ``by`` is who decided it: both players, or the organiser."""

    score: Score | None = None
    came: str = ""  # HOME, AWAY or NEITHER
    by: str = PLAYERS

    @property
    def lead(self) -> int:
        if self.score:
            return self.score.lead
        return {HOME: 1, AWAY: -1}.get(self.came, 0)


def check(score: Score, needs_winner: bool) -> None:
    """Invalid (field ``score``) if no match can end like this; one that ``needs_winner`` goes on
    with extra time and penalties, or with penalties alone, while it is level."""
    numbers = [score.home, score.away, *(score.extra or ()), *(score.penalties or ())]
    if not all(0 <= number <= MOST_GOALS for number in numbers):
        raise Invalid(score=not_between(0, MOST_GOALS))
    level = score.home == score.away
    if (score.extra or score.penalties) and not needs_winner:
        raise Invalid(score=text("This match may end level, so it has no extra time."))
    if score.extra and not level:
        raise Invalid(score=text("Extra time is played only if it is level after 90 minutes."))
    if score.penalties and score.goals[0] != score.goals[1]:
        raise Invalid(score=text("Penalties are taken only if it is level before them."))
    if needs_winner and score.lead == 0:
        raise Invalid(score=text("A cup match needs a winner: add extra time or penalties."))
