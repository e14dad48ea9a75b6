"""The seats of a phone that several players share: whose page it shows, and what waits for the
others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...domain.play import state
from ...domain.text import Text
from ...domain.tournament import Player
from .matches import console_text
from .own import everyones, own_match
from .region import Region, Scene


class Seat(NamedTuple):
    id: str
    name: str
    shown: bool  # the page is this player's
    choosing: bool  # they have no team yet
    console: Text | None  # where they are called to


class Seats(NamedTuple):
    seats: tuple[Seat, ...]


NO_SEATS = Region("seats", "me/_seats.html", Seats(()))


def seats_region(s: Scene, player_id: str, seats: Sequence[str]) -> dict[str, Region]:
    """The way from one seat of the phone to another; nothing if it has no other."""
    theirs = [s.t.players[each] for each in reversed(seats) if each in s.t.players]
    if all(player.id == player_id for player in theirs):
        return {}
    shown = tuple(_seat(s, player, player.id == player_id) for player in theirs)
    return {"seats": NO_SEATS._replace(data=Seats(shown))}


def _seat(s: Scene, player: Player, shown: bool) -> Seat:
    choosing = player.team is None and not s.t.dealt
    return Seat(player.id, player.name, shown, choosing, None if shown else _called_to(s, player))


def _called_to(s: Scene, player: Player) -> Text | None:
    if not s.has_matches or s.t.closed:
        return None
    play = s.t.play
    match = own_match(s, player.id, s.once(everyones).get(player.id, ()))
    if match is None or play.state_of(match) != state.CALLED:
        return None
    name = play.console_of(match.key)
    return console_text(name) if name else None
