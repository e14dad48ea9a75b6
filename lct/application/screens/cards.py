"""The cards of the draw in force; a card that lies face down has no team."""

from __future__ import annotations

from typing import NamedTuple

from ...domain.reveal import LARGEST_WAVE
from ...domain.tournament import Draw
from .names import short_names
from .region import Region, Scene

IN_HAT = 30  # teams of the hat that are shown one by one
ONE_PAGE = 32  # cards that the TV shows at once, if there are no more
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
    """The card in the spotlight, or the wave that turns: then ``wave`` is its number."""

    turned: int
    cards: int
    player: str
    team: str  # empty while the card lies face down
    league: str
    stars: float
    left: int  # teams still in the hat
    hat: tuple[str, ...]  # these teams, if they are few and cards turn one by one
    wave: int = 0  # of ``waves``; 0: cards turn one by one
    waves: int = 0


class Page(NamedTuple):
    """The cards that the TV shows at once: ``cells`` of them, after the ``first`` ones."""

    first: int
    cells: int
    in_waves: bool


def cards(s: Scene) -> tuple[Row, ...]:
    """All cards, in order."""
    draw = s.t.current_draw
    return tuple(_row(s, draw, place) for place in range(len(draw.hands))) if draw else ()


def card_rows(s: Scene, template: str) -> tuple[Region, ...]:
    return tuple(Region(f"row-{card.number}", template, card) for card in cards(s))


def page(s: Scene, draw: Draw) -> Page:
    """The page of the newest card. No wave is on two pages; the last cards have their own."""
    line, out = draw.timeline, max(0, s.turned + s.facing - 1)
    if line.cards <= ONE_PAGE:
        return Page(0, line.cards, False)
    act_first, act = line.act(out)
    most = act.at_once * (LARGEST_WAVE // act.at_once)
    first = act_first + (out - act_first) // most * most
    return Page(first, min(most, act_first + act.cards - first), act.at_once > 1)


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
        status = "now" if place < s.turned + s.facing else "waiting"
        return Row(place + 1, name, "", 0.0, status, False, called)
    team = s.t.teams[hand.team]
    return Row(place + 1, name, team.name, team.stars, "done", False, called)


def spot(s: Scene, draw: Draw) -> Spot:
    (turned, facing), line = draw.timeline.at(s.now), draw.timeline
    left = draw.hands[turned:]
    hat = tuple(sorted(s.t.teams[hand.team].name for hand in left)) if len(left) <= IN_HAT else ()
    nobody = Spot(turned, len(draw.hands), "", "", "", 0.0, len(left), hat)
    newest = turned if facing else turned - 1
    act_first, act = line.act(max(0, newest))
    if act.at_once > 1:
        number = (newest - act_first) // act.at_once + 1
        return nobody._replace(hat=(), wave=number, waves=-(-act.cards // act.at_once))
    if facing:
        return nobody._replace(player=draw.hands[turned].name)
    if turned == 0:
        return nobody
    hand = draw.hands[newest]
    team = s.t.teams[hand.team]
    return nobody._replace(player=hand.name, team=team.name, league=team.league, stars=team.stars)
