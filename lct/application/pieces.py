"""The regions that several screens share."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import cast

from ..domain.teams import Team
from ..domain.tournament import Draw, Player, Tournament
from .around import Around, firsts, look, lookers
from .phases import cards_turned, phase
from .regions import Region, Row, Seat, Tile, Wait

NAMES_SHOWN = 4


def picked(t: Tournament) -> int:
    return len(t.holders)


def waiting_for(t: Tournament) -> tuple[str, ...]:
    return tuple(p.first for p in t.choosing()[:NAMES_SHOWN])


def wait(t: Tournament, now: datetime) -> Region:
    data = Wait(
        phase(t, now), len(t.players), picked(t), t.limit, waiting_for(t), *cards_turned(t, now)
    )
    return Region("wait", "me/_wait.html", data)


def bar(t: Tournament, now: datetime) -> Region:
    return Region("bar", "me/_bar.html", (t.name, phase(t, now)))


# --- cards ------------------------------------------------------------------------------------


def card_rows(t: Tournament, draw: Draw, now: datetime, template: str) -> tuple[Region, ...]:
    turned, facing = draw.revealed(now), draw.timeline.at(now)[1] and not draw.skipped
    rows = []
    for i, hand in enumerate(draw.hands):
        rows.append(row(t, draw, i, hand.player_id, turned, facing, template))
    return tuple(rows)


def row(
    t: Tournament,
    draw: Draw,
    i: int,
    player_id: str,
    turned: int,
    facing: bool,
    template: str,
    mine: bool = False,
) -> Region:
    hand = draw.hands[i]
    name = t.players[player_id].name if player_id in t.players else hand.name
    team = t.teams[hand.team]
    if i < turned:
        status, shown, stars = "done", team.name, team.stars
    else:
        status, shown, stars = ("now" if facing and i == turned else "waiting"), "", 0.0
    return Region(f"row-{i + 1}", template, Row(i + 1, name, shown, stars, status, mine))


def cards(t: Tournament, now: datetime) -> tuple[Row, ...]:
    """The cards of the draw in force, in their order; those face down without their team."""
    draw = t.current_draw
    return tuple(cast(Row, region.data) for region in card_rows(t, draw, now, "")) if draw else ()


# --- seats ------------------------------------------------------------------------------------


def seats(t: Tournament, around: Around, template: str) -> tuple[Region, ...]:
    found = [_seat(t, i, player, around) for i, player in enumerate(t.players.values())]
    found += [Seat(i + 1, "", "empty", "", "") for i in range(len(found), t.limit)]
    return tuple(_seat_region(seat, template) for seat in found)


@lru_cache(maxsize=20_000)
def _seat_region(seat: Seat, template: str) -> Region:
    return Region(f"seat-{seat.number}", template, seat)


def _seat(t: Tournament, i: int, player: Player, around: Around) -> Seat:
    here = around.presence(player.id)
    if player.team is not None:
        return Seat(i + 1, player.name, "picked", t.teams[player.team].name, here)
    looked_at = look(t, around, player.id)
    if looked_at is not None:
        return Seat(i + 1, player.name, "looking", t.teams[looked_at].name, here)
    return Seat(i + 1, player.name, "choosing", "", here)


# --- teams ------------------------------------------------------------------------------------


def tiles(t: Tournament, around: Around) -> tuple[Region, ...]:
    looking, holders, players = lookers(t, around), t.holders, t.players
    found = []
    for number, team in enumerate(t.teams):
        if (holder := holders.get(number)) is not None:
            found.append(_tile(number, team, players[holder].name))
        elif number in looking:
            found.append(_tile(number, team, "", firsts(t, looking[number])))
        else:
            found.append(_tile(number, team))
    return tuple(found)


# A list of a thousand teams is made at every change, and all but one of them are as before.
@lru_cache(maxsize=20_000)
def _tile(
    number: int, team: Team, holder: str = "", looking: tuple[str, ...] = (), mine: bool = False
) -> Region:
    data = Tile(number, *team, holder, mine, looking[:2])
    return Region(f"team-{number}", "me/_tile.html", data)


def tile(t: Tournament, number: int, looking: tuple[str, ...] = (), mine: bool = False) -> Region:
    """One team on a phone, as anyone (or, with ``mine``, as its holder) sees it."""
    holder = t.holders.get(number)
    name = t.players[holder].name if holder is not None else ""
    return _tile(number, t.teams[number], name, () if holder else looking, mine)
