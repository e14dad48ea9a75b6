"""Authorises every API call, in this one place. The command checks the right again, on the state
that it is decided on."""

from __future__ import annotations

from ...domain.errors import NotAllowed, NotAPlayer, NotTheOrganiser, NotTheOwner, Unauthenticated
from ...domain.rights import ANYONE, Actor, Right, organiser, player
from ...domain.text import text
from ...domain.tournament import Tournament
from .. import identity
from ..identity import ORGANISER, PLAYER


def check(right: Right, t: Tournament, player_id: str) -> Actor:
    """The caller, if they have that right in ``t``; else Unauthenticated or NotAllowed.

    Only a bearer token counts. A cookie grants nothing here, so no other site can make a browser
    call in somebody's name.
    """
    if right is Right.ANYONE:
        return ANYONE
    code, kind, who = identity.bearer()
    if code == t.code and kind == ORGANISER:
        if who not in t.devices:
            raise Unauthenticated(text("This key has been signed out."))
        if right is Right.OWNER and who not in t.owners:
            raise NotTheOwner
        if right is not Right.PLAYER:
            return organiser(who)
    if code == t.code and kind == PLAYER and right in (Right.PLAYER, Right.EITHER):
        signed_in = identity.signed_in(t, who)
        if signed_in is None:
            raise Unauthenticated(text("This key has been replaced."))
        if signed_in == player_id:
            if player_id not in t.players:
                raise NotAPlayer
            return player(player_id, t.seat_codes.get(player_id, 0))
    raise NotTheOrganiser if right in (Right.ORGANISER, Right.OWNER) else NotAllowed
