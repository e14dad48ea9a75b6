"""Finished draws, with everything needed to check them."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ..domain import draw, shares
from ..domain.draw import V1, V2, Ticket, commitment, hand_out
from ..domain.gathering import Missing
from ..domain.shares import Opened, Pledged, fingerprint_of_picks, fingerprint_of_shares
from ..domain.tournament import Draw, Gathering, Tournament


class Shares(NamedTuple):
    """What protocol v2 adds to a draw."""

    shares: tuple[Opened, ...]  # in the order of their picks
    missing: tuple[Missing, ...]
    roll: bool
    number: str
    picks_fingerprint: str
    shares_fingerprint: str


class DrawFacts(NamedTuple):
    """A finished draw with everything needed to check it; all of it is public."""

    protocol: str
    code: str
    attempt: int
    option: str
    seal: str
    secret: str
    picks: tuple[Ticket | Pledged, ...]  # in the order they were made
    given: tuple[str, ...]  # the team each of them got
    names: tuple[str, ...]
    gathered: Shares | None  # of protocol v2

    @property
    def message(self) -> bytes:
        """What the secret signs."""
        if self.gathered:
            return shares.message(self.gathered.shares_fingerprint, self.gathered.number)
        return draw.message(self.attempt, [Ticket(*pick) for pick in self.picks])

    @property
    def holds(self) -> bool:
        """Whether the secret fits the seal, the shares fit their pledges, the fingerprints are
        theirs, and all of them give exactly these hands."""
        seal = commitment(self.code, self.secret, self.protocol)
        if not hmac.compare_digest(seal, self.seal) or not (self.gathered is None or self._fixed):
            return False
        own = [pick.team for pick in self.picks]
        return hand_out(self.secret, self.message, own, self.option) == list(self.given)

    @property
    def _fixed(self) -> bool:
        """Whether picks, shares and the missing are what the fingerprints and pledges say."""
        if not (of := self.gathered) or (of.number and not of.roll):
            return False
        picks, opened = [Pledged(*pick) for pick in self.picks], dict(of.shares)
        if of.shares != shares.in_order(picks, opened):
            return False  # in another order, two of one player, or of somebody who did not pick
        without = [pick.player_id for pick in picks if pick.player_id not in opened]
        if [each.player_id for each in of.missing] != without:
            return False
        pledged = (pick for pick in picks if pick.player_id in opened)
        if not all(shares.fits(self.code, pick, opened[pick.player_id]) for pick in pledged):
            return False
        fixed = fingerprint_of_picks(
            self.code, self.seal, self.attempt, self.option, picks, of.roll
        )
        closed = fingerprint_of_shares(fixed, of.shares)
        return (fixed, closed) == (of.picks_fingerprint, of.shares_fingerprint)

    @property
    def record(self) -> dict[str, Any]:
        """As docs/verify_draw.py reads it."""
        found = self._asdict() | {"picks": _rows(self.picks)}
        gathered = found.pop("gathered")
        if gathered is None:
            return found
        rows = {"shares": _rows(gathered.shares), "missing": _rows(gathered.missing)}
        return {**found, **gathered._asdict(), **rows}


def _rows(found: Sequence[Ticket | Pledged | Opened | Missing]) -> list[dict[str, str]]:
    return [each._asdict() for each in found]


def finished_draws(t: Tournament, now: datetime) -> tuple[DrawFacts, ...]:
    """Every draw whose last card has been turned, oldest first."""
    over = (d for d in t.draws if d is not t.current_draw or d.is_over(now))
    return tuple(_facts(t, draw) for draw in over)


def _facts(t: Tournament, of: Draw) -> DrawFacts:
    hands = {hand.player_id: hand for hand in of.hands}
    dealt = [hands[pick.player_id] for pick in of.picked]
    return DrawFacts(
        V2 if of.gathering else V1,
        t.code,
        of.attempt,
        of.option,
        of.commitment,
        of.secret,
        tuple(of.picked),
        tuple(t.teams[hand.team].name for hand in dealt),
        tuple(hand.name for hand in dealt),
        _gathered(of.gathering, of.number) if of.gathering else None,
    )


def _gathered(of: Gathering, number: str) -> Shares:
    return Shares(
        shares.in_order(of.picks, of.shares),
        tuple(Missing(*each) for each in of.missing.items()),
        of.roll,
        number,
        of.fingerprint,
        of.closed,
    )
