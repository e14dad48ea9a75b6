"""The seats of a phone that several players share: whose page it shows, and what waits for the
others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...domain.play import state
from ...domain.text import Text
from ...domain.tournament import Player
from ...domain.values import fold
from .matches import console_text
from .own import everyones, own_match
from .region import Region, Scene


class Seat(NamedTuple):
    id: str
    name: str
    short: str  # the first name, if it is only one's on this phone
    shown: bool  # the page is this player's
    waits: str  # what waits for them: pick, match or score; empty: nothing
    console: Text | None  # of the match


class Seats(NamedTuple):
    seats: tuple[Seat, ...]


NO_SEATS = Region("seats", "me/_seats.html", Seats(()))


def seats_region(s: Scene, player_id: str, seats: Sequence[str]) -> dict[str, Region]:
    """The way from one seat of the phone to another; nothing if it has no other."""
    theirs = [s.t.players[each] for each in reversed(seats) if each in s.t.players]
    if all(player.id == player_id for player in theirs):
        return {}
    firsts = [fold(player.first) for player in theirs]
    same = {first for first in firsts if firsts.count(first) > 1}
    shown = tuple(
        Seat(
            player.id,
            player.name,
            player.name if first in same else player.first,
            player.id == player_id,
            *(_waits(s, player) if player.id != player_id else ("", None)),
        )
        for player, first in zip(theirs, firsts, strict=True)
    )
    return {"seats": NO_SEATS._replace(data=Seats(shown))}


def _waits(s: Scene, player: Player) -> tuple[str, Text | None]:
    t, play = s.t, s.t.play
    if t.closed or not s.has_matches:
        return "pick" if player.team is None and not t.closed else "", None
    match = own_match(s, player.id, s.once(everyones).get(player.id, ()))
    if match is None:
        return "", None
    found = play.state_of(match)
    if found == state.CALLED:
        return "match", console_text(play.console_of(match.key) or "")
    silent = found == state.REPORTED and player.id not in play.reports[match.key]
    return "score" if silent or found == state.DISPUTED else "", None
