"""A tournament as plain values and back: a cache that spares replaying, never the truth."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from .draw import Pick
from .records import Draw, Player
from .teams import Team
from .tournament import Tournament

# Raise it whenever Tournament, Player or Draw change: older snapshots are then thrown away.
SCHEMA = 1


def dump(t: Tournament) -> dict[str, Any]:
    """Plain values that JSON and BSON can hold."""
    state = asdict(t)
    del state["holders"]  # follows from the players
    state["players"] = list(state["players"].values())
    state["blocked"] = [list(pair) for pair in t.blocked.items()]
    state["devices"] = [list(pair) for pair in t.devices.items()]
    state["removed"] = sorted(t.removed)
    state["forgotten"] = sorted(t.forgotten)
    state["teams"] = [list(team) for team in t.teams]
    for record, drawn in zip(state["draws"], t.draws, strict=True):
        record["picks"] = [list(pick) for pick in drawn.picks]
        record["hands"] = [list(hand) for hand in drawn.hands]
    return state


def restore(state: dict[str, Any]) -> Tournament:
    """The tournament that ``dump`` saw."""
    players = [Player(**player) for player in state["players"]]
    draws = [
        Draw(
            **record
            | {
                "picks": [Pick(*pick) for pick in record["picks"]],
                "hands": [(player_id, name, team) for player_id, name, team in record["hands"]],
            }
        )
        for record in state["draws"]
    ]
    return Tournament(
        **state
        | {
            "players": {player.id: player for player in players},
            "holders": {player.team: player.id for player in players if player.team is not None},
            "blocked": dict(state["blocked"]),
            "devices": dict(state["devices"]),
            "removed": set(state["removed"]),
            "forgotten": set(state["forgotten"]),
            "teams": tuple(Team(*team) for team in state["teams"]),
            "draws": draws,
        }
    )
