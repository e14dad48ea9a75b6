"""Who acts, and which right a command needs. The check is part of the decision (fact.py)."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Right(Enum):
    """Whom an action is open to; the player is the one that it is about."""

    ANYONE = "anyone"
    PLAYER = "that player"
    ORGANISER = "the organiser"
    EITHER = "that player or the organiser"
    OWNER = "the owner"  # an organiser who created the tournament or showed its recovery code
    OPERATOR = "the operator"


class Actor(NamedTuple):
    """Who acts. ``id`` is the player's, or that of the organiser's device. ``renewed`` is how often
    that player had got a new personal code when this phone came in."""

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
# Opening a tournament makes an organiser; there is no device in it yet.
CREATOR = Actor("organiser")


def player(player_id: str, renewed: int = 0) -> Actor:
    return Actor("player", player_id, renewed)


def organiser(device_id: str) -> Actor:
    return Actor("organiser", device_id)
