"""Transient state, never stored: looks and presence."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

BOARD = "board"  # stands among the players for the boards on TVs


class LiveNow(NamedTuple):
    """Looks and presence, as far as this worker has heard."""

    looks: Mapping[str, int] = MappingProxyType({})  # player id -> the team they are looking at
    # Player id -> "here" or "asleep"; absent: away. None: not known, and not shown. A BOARD that
    # has stopped answering is "lost".
    here: Mapping[str, str] | None = None

    def presence(self, player_id: str) -> str:
        """here, asleep or away; empty: not known."""
        return "" if self.here is None else self.here.get(player_id, "away")


NOBODY = LiveNow()
