"""Actors, and the right that a command needs. The check is part of the decision (fact.py)."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Right(Enum):
    """Who may do an action; the player is the one that the action is about."""

    ANYONE = "anyone"
    PLAYER = "that player"
    ORGANISER = "the organiser"
    EITHER = "that player or the organiser"
    OWNER = "the owner"  # an organiser who created the tournament or showed its recovery code
    OPERATOR = "the operator"


class Actor(NamedTuple):
    """``id`` identifies the player, or the organiser's device. ``renewed`` is how often the
    player's personal code had been renewed when this phone signed in."""

    kind: str
    id: str = ""
    renewed: int = 0

    def __str__(self) -> str:
        """As it is stored with an event."""
        if self.kind == "player":
            return self.id
        return f"{self.kind}:{self.id}" if self.id else self.kind


ANYONE = Actor("anyone")
SYSTEM = Actor("system")
OPERATOR = Actor("operator")
# Creates a tournament, which has no devices yet.
CREATOR = Actor("organiser")


def player(player_id: str, renewed: int = 0) -> Actor:
    return Actor("player", player_id, renewed)


def organiser(device_id: str) -> Actor:
    return Actor("organiser", device_id)
