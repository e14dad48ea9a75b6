"""The sheet on which the organiser mends the list of teams."""

from __future__ import annotations

from typing import NamedTuple

from ...domain.listing import is_mendable
from ...domain.text import Text
from .region import Region, Scene
from .settling import SHEET


class Listing(NamedTuple):
    version: int
    teams: str  # one per line; empty: the list can no longer be changed
    wrong: Text | None


def listing(s: Scene, typed: str = "", wrong: Text | None = None) -> Region:
    """The sheet with what was typed, or else with the list in force."""
    names = typed or "\n".join(team.name for team in s.t.teams)
    data = Listing(s.t.version, names if is_mendable(s.t) else "", wrong)
    return Region(SHEET, "organise/_listing.html", data)
