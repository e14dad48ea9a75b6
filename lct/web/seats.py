"""The seats of one phone: most have one, and players who share a phone have one each.

A page says whose seat it shows, so two tabs may show two seats, and each acts for its own.
"""

from __future__ import annotations

from flask import Response, request

from ..domain.errors import NotAPlayer, PlayerIsBlocked, Refused
from ..domain.text import text
from ..domain.tournament import Tournament
from .identity import (
    PLAYER,
    believed,
    browser_id,
    new_player_id,
    read_cookie,
    signed_in,
    ticket,
    write_cookie,
)

SEAT = "Lct-Seat"  # the header in which a live page says whose seat it shows
MOST_SEATS = 8  # of one phone


def seats_here(t: Tournament) -> tuple[str, ...]:
    """The players whose seats this phone has, the newest first. They need not be in the tournament
    (any more)."""
    shown = (read_cookie(PLAYER, t.code) or "").split()
    return tuple(filter(None, (signed_in(t, each) for each in shown)))


def player_here(t: Tournament, seats: tuple[str, ...] | None = None) -> str | None:
    """The player who is asking, or None: the seat that the page says it shows, if this phone has
    it. A tap that says none is nobody's where there are several. ``seats``: seats_here(), if
    known."""
    seats = seats_here(t) if seats is None else seats
    if said := request.headers.get(SEAT) or request.values.get("seat"):
        return said if said in seats else None
    if len(seats) > 1 and request.method == "POST":
        return None
    return next((each for each in seats if each in t.players), seats[0] if seats else None)


def with_seat(t: Tournament, player_id: str) -> tuple[str, ...]:
    """The seats of this phone with that one too, first; Refused if they are too many."""
    known = t.players.keys() | t.blocked
    others = [each for each in seats_here(t) if each in known and each != player_id]
    if len(others) >= MOST_SEATS:
        raise Refused(text("This phone has %(n)s seats already. Use another one.", n=MOST_SEATS))
    return player_id, *others


def player_of(t: Tournament) -> str:
    """The player in ``t`` who is asking, or NotAPlayer."""
    player_id = player_here(t)
    if player_id is None or player_id not in t.players:
        raise NotAPlayer
    return player_id


def own_player_id(t: Tournament) -> str:
    """The player that this browser is, or would become by joining."""
    if here := player_here(t):
        return here
    ids = _first_ids(t)
    return next((each for each in ids if each in t.players or each in t.blocked), ids[0])


def another_player_id(t: Tournament, first: str, last: str) -> str:
    """The player that somebody else of that name becomes by joining on this browser: the same one
    if the form is sent twice. Refused if a seat of this phone is blocked, or it has too many."""
    seats = seats_here(t)
    if any(each in t.blocked for each in (*seats, *_first_ids(t))):
        raise PlayerIsBlocked
    with_seat(t, "")
    return new_player_id(t.code, "|".join((browser_id(), str(len(seats)), first, last)))


def _first_ids(t: Tournament) -> list[str]:
    return [raw.hex()[:12] for raw in believed("player", t.code, browser_id())]


def remember_seats(response: Response, t: Tournament, seats: tuple[str, ...]) -> Response:
    return write_cookie(response, PLAYER, t.code, " ".join(ticket(t, each) for each in seats))
