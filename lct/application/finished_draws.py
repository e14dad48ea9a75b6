"""Finished draws, with everything needed to check them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from ..domain.draw import PROTOCOL, Ticket, verify
from ..domain.tournament import Draw, Tournament


class DrawFacts(NamedTuple):
    """A finished draw with everything needed to check it; all of it is public."""

    protocol: str
    code: str
    attempt: int
    option: str
    seal: str
    secret: str
    picks: tuple[Ticket, ...]  # in the order they were made
    given: tuple[str, ...]  # the team each of them got
    names: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether the secret fits the seal and gives exactly these hands."""
        return verify(
            self.code, self.seal, self.secret, self.attempt, self.picks, self.option, self.given
        )


def finished_draws(t: Tournament, now: datetime) -> tuple[DrawFacts, ...]:
    """Every draw whose last card has been turned, oldest first."""
    over = (d for d in t.draws if d is not t.current_draw or d.is_over(now))
    return tuple(_facts(t, draw) for draw in over)


def _facts(t: Tournament, draw: Draw) -> DrawFacts:
    hands = {hand.player_id: hand for hand in draw.hands}
    dealt = [hands[pick.player_id] for pick in draw.picks]
    return DrawFacts(
        PROTOCOL,
        t.code,
        draw.attempt,
        draw.option,
        draw.commitment,
        draw.secret,
        tuple(draw.picks),
        tuple(t.teams[hand.team].name for hand in dealt),
        tuple(hand.name for hand in dealt),
    )
