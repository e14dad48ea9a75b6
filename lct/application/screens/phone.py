"""A player's phone, a watcher's phone, and the regions that are one player's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ...domain.fact import Touched
from .cards import card_rows, own_row
from .lobby import Stage, bar, seats, seats_of, tile, tiles, tiles_of, wait
from .phases import JOIN
from .region import Region, Scene, Screen


class Card(NamedTuple):
    """The green card at the top of a phone: this person's own state."""

    status: str  # playing, removed, blocked or watching
    phase: str
    code: str
    may_join: bool
    name: str = ""
    team: str = ""
    stars: float = 0.0
    drawn: str = ""  # the team handed to them, once their card is turned
    drawn_league: str = ""
    drawn_stars: float = 0.0
    ahead: int = 0  # cards before theirs


# --- what everybody sees --------------------------------------------------------------------------


def me(s: Scene) -> tuple[Region, ...]:
    """The phone page that all players share; ``personal`` replaces some regions per player."""
    return bar(s), _me(_card(s, "watching")), wait(s), _stage(s)


def me_part(s: Scene, touched: Touched) -> Iterable[Region]:
    return wait(s), *tiles_of(s, touched)


def watch(s: Scene) -> tuple[Region, ...]:
    """The phone of somebody who could not join: a small board."""
    if s.t.current_draw:
        return bar(s), wait(s), _stage(s)
    shown = seats(s, "me/_seat.html")
    return bar(s), wait(s), Region("stage", "me/_stage.html", Stage("seats", s.t.limit), shown)


def watch_part(s: Scene, touched: Touched) -> Iterable[Region]:
    return wait(s), *seats_of(s, touched, "me/_seat.html")


def _card(s: Scene, status: str, name: str = "") -> Card:
    return Card(status, s.phase, s.t.code, s.phase == JOIN, name)


def _me(card: Card) -> Region:
    return Region("me", "me/_me.html", card)


def _stage(s: Scene) -> Region:
    if s.t.current_draw:
        rows = card_rows(s, "me/_row.html")
        return Region("stage", "me/_stage.html", Stage("list", len(rows)), rows)
    shown = tiles(s)
    return Region("stage", "me/_stage.html", Stage("teams", len(shown)), shown)


ME, WATCH = Screen(me, me_part), Screen(watch, watch_part)


# --- what one player sees differently -------------------------------------------------------------


def personal(s: Scene, player_id: str) -> dict[str, Region]:
    """One player's own regions by id: their card, their row, their tiles."""
    t, player = s.t, s.t.players.get(player_id)
    if player is None:
        status = "blocked" if player_id in t.blocked else "removed"
        return {"me": _me(_card(s, status))}
    own, card = dict[str, Region](), _card(s, "playing", player.name)
    if player.team is not None:
        team = t.teams[player.team]
        card = card._replace(team=team.name, stars=team.stars)
    draw, place = t.current_draw, s.places.get(player_id)
    if draw and place is not None:
        if place < s.turned:
            team = t.teams[draw.hands[place].team]
            card = card._replace(drawn=team.name, drawn_league=team.league, drawn_stars=team.stars)
        else:
            card = card._replace(ahead=place - s.turned)
        row = own_row(s, draw, place)
        own[row.id] = row
    elif not draw:
        for number in (player.team, s.look(player_id)):
            if number is not None:
                region = tile(s, number, player_id)
                own[region.id] = region
    return {"me": _me(card), **own}


def laid_over(shared: Iterable[Region], own: dict[str, Region]) -> tuple[Region, ...]:
    """A page with one player's own regions in it."""
    return tuple(
        own.get(r.id, r)._replace(children=tuple(own.get(c.id, c) for c in r.children))
        for r in shared
    )


def after_tap(s: Scene, player_id: str, teams: Iterable[int]) -> tuple[Region, ...]:
    """The regions of a player's phone that their tap on ``teams`` may have changed."""
    own = personal(s, player_id)
    if not s.t.dealt:
        for region in tiles_of(s, Touched(frozenset(), frozenset(teams))):
            own.setdefault(region.id, region)
    return (wait(s), *own.values())
