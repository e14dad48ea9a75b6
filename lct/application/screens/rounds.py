"""The rounds of the matches, between which a phone switches."""

from __future__ import annotations

from typing import NamedTuple

from ...domain.play.matches import Fixture, Part
from ...domain.text import Text, text
from .matches import listed_matches, tie_round
from .region import Scene


class Round(NamedTuple):
    id: str
    name: Text
    first: str  # the key of its first match


def round_id(fixture: Fixture) -> str:
    """The round of a match, of all groups together."""
    return f"{fixture.part}-{fixture.round}"


def rounds(s: Scene) -> tuple[Round, ...]:
    """All rounds, in the order of the plan."""
    found: dict[str, Round] = {}
    for key, match in s.once(listed_matches).items():
        fixture = match.fixture
        if (id_ := round_id(fixture)) not in found:
            grouped = fixture.part is Part.GROUP
            name = text("Round %(number)s", number=fixture.round) if grouped else tie_round(fixture)
            found[id_] = Round(id_, name, key)
    return tuple(found.values())
