"""The cards of the draw in force; a card that lies face down has no team."""

from __future__ import annotations

from typing import NamedTuple

from ...domain.tournament import Draw
from .names import short_names
from .region import Region, Scene

WHOLE = 38  # letters of the longest name that has room in a row on the TV


class Row(NamedTuple):
    number: int
    name: str
    team: str  # empty until the card is turned
    stars: float
    status: str  # waiting, now or done
    mine: bool
    called: str = ""  # on the TV


class Spot(NamedTuple):
    """The card in the spotlight."""

    turned: int
    cards: int
    player: str
    team: str  # empty while the card lies face down
    league: str
    stars: float
    hat: tuple[str, ...]  # the teams still in the hat


def cards(s: Scene) -> tuple[Row, ...]:
    """All cards, in order."""
    draw = s.t.current_draw
    return tuple(_row(s, draw, place) for place in range(len(draw.hands))) if draw else ()


def card_rows(s: Scene, template: str) -> tuple[Region, ...]:
    return tuple(Region(f"row-{card.number}", template, card) for card in cards(s))


def own_row(s: Scene, draw: Draw, place: int) -> Region:
    """One row as its own player sees it."""
    card = _row(s, draw, place)._replace(mine=True)
    return Region(f"row-{card.number}", "me/_row.html", card)


def _row(s: Scene, draw: Draw, place: int) -> Row:
    hand = draw.hands[place]
    player = s.t.players.get(hand.player_id)
    name, called = (player.name, player.called) if player else (hand.name, hand.name)
    if player and len(called) > WHOLE:
        called = short_names(s)[player.id]
    if place >= s.turned:
        status = "now" if s.facing and place == s.turned else "waiting"
        return Row(place + 1, name, "", 0.0, status, False, called)
    team = s.t.teams[hand.team]
    return Row(place + 1, name, team.name, team.stars, "done", False, called)


def spot(s: Scene, draw: Draw) -> Spot:
    turned, facing = draw.timeline.at(s.now)
    hat = tuple(sorted(s.t.teams[hand.team].name for hand in draw.hands[turned:]))
    nobody = Spot(turned, len(draw.hands), "", "", "", 0.0, hat)
    if facing:
        return nobody._replace(player=draw.hands[turned].name)
    if turned == 0:
        return nobody
    hand = draw.hands[turned - 1]
    team = s.t.teams[hand.team]
    return nobody._replace(player=hand.name, team=team.name, league=team.league, stars=team.stars)
