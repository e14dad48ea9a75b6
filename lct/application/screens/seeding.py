"""The sheet on which the organiser puts the players in order by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...domain.play.fixtures import groups
from ...domain.play.formats import GROUPS
from ...domain.text import Text
from .phases import FINISHED, PLAY
from .region import Region, Scene
from .settling import SHEET
from .table import group_text


class Seed(NamedTuple):
    """A player in the order, and the group that this place leads to."""

    player_id: str
    name: str
    team: str
    group: Text | None


class Seeding(NamedTuple):
    version: int
    seeds: tuple[Seed, ...]
    results: int  # lost by another order
    wrong: Text | None


def seeding(s: Scene, order: Sequence[str] = (), wrong: Text | None = None) -> Region:
    """The sheet with this order, or else with the one in force."""
    play = s.t.play if s.phase in (PLAY, FINISHED) else None
    entrants = play.entrants if play else ()
    shown = order if sorted(order) == sorted(entrants) else entrants
    leads_to: dict[int, Text] = {}
    if play and play.format.kind == GROUPS:
        for group in groups(len(entrants), play.format.groups):
            leads_to |= dict.fromkeys(group.seeds, group_text(group.name))
    seeds = tuple(_seed(s, who, leads_to.get(place)) for place, who in enumerate(shown, 1))
    data = Seeding(s.t.version, seeds, len(s.t.play.results), wrong)
    return Region(SHEET, "organise/_seeding.html", data)


def _seed(s: Scene, player_id: str, group: Text | None) -> Seed:
    player = s.t.players[player_id]
    team = s.t.teams[player.dealt].name if player.dealt is not None else ""
    return Seed(player_id, player.name, team, group)


def moved(order: Sequence[str], player_id: str, by: int) -> tuple[str, ...]:
    """The order with that player ``by`` places further down; unchanged if that is not possible."""
    rest = [each for each in order if each != player_id]
    if len(rest) == len(order):
        return tuple(order)
    rest.insert(min(max(0, order.index(player_id) + by), len(rest)), player_id)
    return tuple(rest)
