"""The shares in the chance, while a draw begins and afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...domain.tournament import Draw, Gathering, Tournament
from .lobby import share_of
from .region import Region, Scene

NAMES_SHOWN = 3


class Without(NamedTuple):
    """A player whose share is not in, and why: a word of domain/drawing.py."""

    name: str
    why: str


class Gathered(NamedTuple):
    """How the gathering of a draw is doing, or went."""

    shares: int  # that are in
    pledged: int  # that there are at all
    players: int
    closed: bool
    roll: bool
    number: str
    fingerprint: str  # of the picks; of the shares, once they are closed
    without: tuple[Without, ...]  # the first few, once it is closed
    more: int  # without, too


class Opened(NamedTuple):
    """A seat of this phone, and what its share is made from."""

    player: str
    value: str
    pledge: str
    is_in: bool


class Opening(NamedTuple):
    """The shares of a phone, for the person and for its script."""

    state: str = ""  # opening, in, late, none (no share came with the pick); empty: no draw yet
    why: str = ""  # there is none, as in Without
    attempt: int = 0
    picks: str = ""  # the fingerprints
    shares: str = ""
    over: bool = False  # the record may be checked
    seats: tuple[Opened, ...] = ()
    players: int = 0


NO_SHARE = Region("share", "me/_share.html", Opening())


def _in_force(t: Tournament) -> tuple[Gathering | None, Draw | None]:
    """The gathering of the draw in force, and that draw, once the teams are dealt."""
    draw = t.current_draw
    return (draw.gathering if draw else t.gathering), draw


def gathered(s: Scene) -> Gathered | None:
    """None before the draw, and after one of protocol v1."""
    return s.once(_gathered)


def _gathered(s: Scene) -> Gathered | None:
    t = s.t
    found, draw = _in_force(t)
    if found is None:
        return None
    missing = list(found.missing.items())
    without = tuple(Without(_short(t, who), why) for who, why in missing[:NAMES_SHOWN])
    return Gathered(
        len(found.shares),
        sum(bool(pick.pledge) for pick in found.picks),
        len(found.picks),
        bool(found.closed),
        found.roll,
        draw.number if draw else "",
        found.closed or found.fingerprint,
        without,
        len(missing) - len(without),
    )


def _short(t: Tournament, player_id: str) -> str:
    player = t.players.get(player_id)
    return player.short if player else str(t.name_of(player_id))


def share_region(s: Scene, player_id: str, seats: Sequence[str]) -> dict[str, Region]:
    """What a phone has to know about its shares; nothing before the draw."""
    t = s.t
    found, draw = _in_force(t)
    player = t.players.get(player_id)
    if found is None or player is None:
        return {}
    state, why = share_of(found, player), ""
    if state not in ("in", "opening"):
        state, why = "late" if player.pledge else "none", state
    theirs = (t.players[each] for each in dict.fromkeys((player_id, *seats)) if each in t.players)
    opened = tuple(Opened(p.id, p.value, p.pledge, p.id in found.shares) for p in theirs)
    over = draw is not None and draw.is_over(s.now)
    data = Opening(
        state, why, t.attempt, found.fingerprint, found.closed, over, opened, len(found.picks)
    )
    return {"share": NO_SHARE._replace(data=data)}
