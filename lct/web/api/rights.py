"""Who may call what: the one place that decides it."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from ...domain.errors import NotAllowed, NotAPlayer, NotTheOrganiser, Unauthenticated
from ...domain.tournament import Tournament
from .. import identity
from ..identity import ORGANISER, PLAYER


class Right(Enum):
    """What an operation asks of its caller; the player is the one in the address."""

    ANYONE = "anyone"
    PLAYER = "that player"
    ORGANISER = "the organiser"
    EITHER = "that player or the organiser"


class Caller(NamedTuple):
    kind: str = ""  # PLAYER or ORGANISER; empty: anyone
    who: str = ""  # the player's id, or the device's

    @property
    def actor(self) -> str:
        """As events name who caused them."""
        return f"organiser:{self.who}" if self.kind == ORGANISER else self.who


def check(right: Right, t: Tournament, player_id: str) -> Caller:
    """The caller, who has that right in ``t``; else Unauthenticated or NotAllowed.

    A bearer token is all that counts: a cookie grants nothing here, so no other site can make a
    browser call in somebody's name.
    """
    if right is Right.ANYONE:
        return Caller()
    code, kind, who = identity.bearer()
    if code == t.code and kind == ORGANISER:
        if who not in t.devices:
            raise Unauthenticated("This key has been signed out.")
        if right is not Right.PLAYER:
            return Caller(ORGANISER, who)
    if code == t.code and kind == PLAYER and who == player_id and right is not Right.ORGANISER:
        if who not in t.players:
            raise NotAPlayer
        return Caller(PLAYER, who)
    raise NotTheOrganiser if right is Right.ORGANISER else NotAllowed
