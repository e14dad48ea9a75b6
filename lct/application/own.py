"""What one player sees differently from all others: their card, their row, their tiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from ..domain.tournament import Tournament
from .around import Around, firsts, look, lookers
from .phases import phase
from .pieces import row, tile, wait
from .regions import Card, Region


class Moment(NamedTuple):
    """What the phones of all players have in common at one moment."""

    phase: str
    turned: int
    facing: bool  # the next card lies face down in the spotlight
    places: Mapping[str, int]  # player id -> place among the cards
    lookers: Mapping[int, list[str]]  # team -> the players who look at it
    around: Around


class Own(NamedTuple):
    """Everything that one player's own regions show: equal ones look the same."""

    player_id: str
    status: str  # playing, removed or blocked
    phase: str
    name: str = ""
    team: int | None = None
    place: int | None = None  # among the cards
    ahead: int = 0  # cards before theirs; -1 once theirs is turned
    facing: bool = False
    drawn: int | None = None  # their team, once their card is turned
    look: int | None = None  # the free team that they look at
    with_them: tuple[str, ...] = ()  # who else looks at it


def moment(t: Tournament, now: datetime, around: Around) -> Moment:
    """What own_of() needs to know; worked out once for all players."""
    if not (draw := t.current_draw):
        return Moment(phase(t, now), 0, False, {}, lookers(t, around), around)
    facing = draw.timeline.at(now)[1] and not draw.skipped
    places = {hand.player_id: i for i, hand in enumerate(draw.hands)}
    return Moment(phase(t, now), draw.revealed(now), facing, places, {}, around)


def own_of(t: Tournament, player_id: str, at: Moment) -> Own:
    """What one player's own regions depend on; cheap, for it is asked of everyone each time."""
    player = t.players.get(player_id)
    if player is None:
        return Own(player_id, "blocked" if player_id in t.blocked else "removed", at.phase)
    name, place = player.name, at.places.get(player_id)
    if place is not None:
        ahead = max(-1, place - at.turned)
        facing = at.facing and ahead == 0
        drawn = player.dealt if ahead < 0 else None
        return Own(player_id, "playing", at.phase, name, player.team, place, ahead, facing, drawn)
    team = look(t, at.around, player_id)
    if team is None:
        return Own(player_id, "playing", at.phase, name, player.team)
    others = firsts(t, at.lookers.get(team, ()), but=player_id)
    return Own(player_id, "playing", at.phase, name, player.team, look=team, with_them=others)


def own_regions(t: Tournament, o: Own) -> tuple[Region, ...]:
    """The regions of ``me`` that one player sees differently."""
    if o.status != "playing":
        card = Card(o.status, o.phase, t.code, "", "", 0.0, "", "", 0.0, 0)
        return (Region("me", "me/_me.html", card),)
    team = t.teams[o.team] if o.team is not None else None
    draw, drawn, rows = t.current_draw, None, []
    if draw and o.place is not None:
        turned = o.place - o.ahead if o.ahead >= 0 else o.place + 1
        drawn = t.teams[draw.hands[o.place].team] if o.ahead < 0 else None
        rows = [row(t, draw, o.place, o.player_id, turned, o.facing, "me/_row.html", mine=True)]
    card = Card(
        "playing",
        o.phase,
        t.code,
        o.name,
        team.name if team else "",
        team.stars if team else 0.0,
        drawn.name if drawn else "",
        drawn.league if drawn else "",
        drawn.stars if drawn else 0.0,
        max(0, o.ahead),
    )
    regions = [Region("me", "me/_me.html", card), *rows]
    if not draw:
        if o.team is not None:
            regions.append(tile(t, o.team, mine=True))
        if o.look is not None:
            regions.append(tile(t, o.look, o.with_them))
    return tuple(regions)


def personal(t: Tournament, player_id: str, now: datetime, around: Around) -> dict[str, Region]:
    """One player's own regions by id, as they are laid over the shared ones."""
    found = own_regions(t, own_of(t, player_id, moment(t, now, around)))
    return {region.id: region for region in found}


def after_tap(
    t: Tournament, player_id: str, teams: Iterable[int], now: datetime, around: Around
) -> tuple[Region, ...]:
    """The regions of a player's phone that their tap on ``teams`` may have changed."""
    at = moment(t, now, around)
    mine = {region.id: region for region in own_regions(t, own_of(t, player_id, at))}
    if not t.dealt:
        for number in teams:
            if 0 <= number < len(t.teams):
                looking = firsts(t, at.lookers.get(number, ()))
                mine.setdefault(f"team-{number}", tile(t, number, looking))
    return (wait(t, now), *mine.values())
