"""Guests without a phone: the organiser gives them a seat by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from . import errors
from .fact import Command, Event, Public, Touched
from .people import check_new_name
from .text import Text, text
from .tournament import Player, Tournament
from .values import fold, is_person_name, person_name


@dataclass(frozen=True, slots=True)
class PlayerAdded(Event):
    """The organiser gave a guest without a phone a seat."""

    type = "player-added"

    player_id: Public[str]
    first: Public[str]
    last: Public[str]

    def touches(self, t: Tournament) -> Touched:
        return Touched(frozenset((self.player_id,)))

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.players[self.player_id] = Player(self.player_id, self.first, self.last, added=True)
        t.removed.discard(self.player_id)

    def sentence(self, t: Tournament) -> Text:
        name = f"{self.first} {self.last}"
        return text("gave %(player)s a seat", player=name)

    def sound(self) -> bool:
        return is_person_name(self.first, self.last) and Event.sound(self)


@dataclass(frozen=True, kw_only=True)
class AddPlayer(Command):
    """The door's lock is for guests who come by themselves, so it does not stop the organiser."""

    player_id: str
    first: str
    last: str

    def decide(self, t: Tournament, now: datetime) -> PlayerAdded | None:
        if self.player_id in t.players:
            return None
        t.check_picking()
        t.check_seats()
        first, last = person_name(self.first, self.last)
        name = f"{first} {last}"
        if fold(name) in map(fold, t.blocked.values()):
            raise errors.Invalid(last=text("%(name)s is blocked. Unblock them first.", name=name))
        check_new_name(t, first, last)
        return PlayerAdded(self.player_id, first, last)
