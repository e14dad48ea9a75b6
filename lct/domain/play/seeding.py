"""Seeding by hand: the organiser puts those who play in order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ..fact import Command, Event, Public
from ..text import Text, text
from ..tournament import Tournament
from . import refusals
from .checks import check_under_way
from .choosing import after_choosing, choose
from .formats import BY_HAND, Format


def _by_hand(t: Tournament) -> Format:
    return replace(t.play.format, seeding=BY_HAND)


@dataclass(frozen=True, slots=True)
class EntrantsSeeded(Event):
    """The organiser put the players in order, the first seed first. The matches began again in
    this order, so results of before are gone."""

    type = "entrants-seeded"
    versioned = True

    order: Public[tuple[str, ...]]  # player ids

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        choose(t.play, _by_hand(t), self.order, t.play.lots)

    def sentence(self, t: Tournament) -> Text:
        return text("put the players in order, %(first)s first", first=t.name_of(self.order[0]))

    def sound(self) -> bool:
        return bool(self.order) and Event.sound(self)


@dataclass(frozen=True, kw_only=True)
class SeedEntrants(Command):
    """``order`` names everyone who plays, the first seed first. ``falls`` are the results that the
    organiser was told are lost, by match."""

    order: tuple[str, ...]
    falls: tuple[str, ...] = ()

    def decide(self, t: Tournament, now: datetime) -> EntrantsSeeded | None:
        check_under_way(t, now)
        if sorted(self.order) != sorted(t.play.entrants):
            raise refusals.OthersPlay
        if self.order == t.play.entrants:
            return None
        fallen = after_choosing(t.play, _by_hand(t), self.order).fallen
        if fallen != self.falls:
            raise refusals.ResultsFall(fallen)
        return EntrantsSeeded(self.order)
