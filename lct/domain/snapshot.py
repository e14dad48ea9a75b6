"""A tournament as plain values, and back: a cache that saves a replay, never the truth."""

from __future__ import annotations

from typing import Any

from . import codec
from .tournament import Tournament

# Raise it whenever Tournament, Player or Draw changes, or fold(), which made Player.folded: older
# snapshots are then discarded.
SCHEMA = 10


def dump(t: Tournament) -> dict[str, Any]:
    """Plain values that JSON and BSON can hold."""
    state: dict[str, Any] = codec.plain(t)
    return state


def restore(state: dict[str, Any]) -> Tournament:
    """The tournament that was dumped; TypeError if ``state`` is not one."""
    t: Tournament = codec.reader(Tournament)(state)
    return t
