"""A tournament as plain values, and back: a cache that saves a replay, never the truth."""

from __future__ import annotations

from typing import Any

from . import codec
from .tournament import Tournament

# Raise it whenever a field of Tournament, Player, Draw or Play changes or moves, or fold(), which
# made Player.folded: older snapshots are then discarded.
SCHEMA = 11
_read = codec.record(Tournament)


def dump(t: Tournament) -> dict[str, Any]:
    """Plain values that JSON and BSON can hold."""
    return codec.plain_record(t)


def restore(state: dict[str, Any]) -> Tournament:
    """The tournament that was dumped; TypeError if ``state`` is not one."""
    t: Tournament = _read(state)
    return t
