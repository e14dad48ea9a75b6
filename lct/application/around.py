"""What is so at this moment only and never stored: who looks at what, and who is here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from ..domain.tournament import Tournament


class Around(NamedTuple):
    """As far as this worker has heard."""

    looks: Mapping[str, int] = MappingProxyType({})  # player id -> the team they are looking at
    # Player id -> "here" or "asleep", else they are away; None: not known, and not shown.
    here: Mapping[str, str] | None = None
    seq: int = 0  # the place that the stream has reached; 0: not known

    def presence(self, player_id: str) -> str:
        return "" if self.here is None else self.here.get(player_id, "away")


NOBODY = Around()


def look(t: Tournament, around: Around, player_id: str) -> int | None:
    """The free team that a player looks at; what came over the bus may be any number."""
    team = around.looks.get(player_id)
    return team if team is not None and team < len(t.teams) and team not in t.holders else None


def lookers(t: Tournament, around: Around) -> dict[int, list[str]]:
    """Team -> the players who look at it."""
    looking: dict[int, list[str]] = {}
    for player_id, team in around.looks.items():
        if player_id in t.players:
            looking.setdefault(team, []).append(player_id)
    return looking


def firsts(t: Tournament, players: Iterable[str], but: str = "") -> tuple[str, ...]:
    return tuple(t.players[p].first for p in players if p != but)
