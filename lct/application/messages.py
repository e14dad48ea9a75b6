"""What travels on the bus: "the stream is at seq", and in passing "she looks at that team"."""

from __future__ import annotations

import json
from typing import NamedTuple

from ..domain.values import normal_code

CHANNEL = "lct:t:"
EVERYWHERE = "lct:all"


class Moved(NamedTuple):
    """The tournament has ``seq`` events; whoever knows fewer reads the store."""

    code: str
    seq: int


class Looked(NamedTuple):
    """A player looks at a team (None: looks away). Never stored."""

    code: str
    player_id: str
    team: int | None


class Dropped(NamedTuple):
    """The stream was rewritten or deleted: every worker forgets all it has cached of it."""

    code: str
    dropped: bool = True


Message = Moved | Looked | Dropped


def channel(message: Message) -> str:
    """Where a message is published: at its tournament's, or at the one that all workers hear."""
    return EVERYWHERE if isinstance(message, Dropped) else CHANNEL + message.code


def encode(message: Message) -> str:
    return json.dumps(message._asdict(), separators=(",", ":"))


def decode(data: bytes | str) -> Message | None:
    """The message, or None when it is none of ours (malformed, another version's)."""
    if len(data) > 1000:
        return None
    try:
        fields = json.loads(data)
        code = fields["code"]
        if not isinstance(code, str) or normal_code(code) != code:
            return None
        if "dropped" in fields:
            return Dropped(code)
        if "seq" in fields:
            seq = fields["seq"]
            return Moved(code, seq) if type(seq) is int and seq > 0 else None
        player_id, team = fields["player_id"], fields["team"]
        if isinstance(player_id, str) and (team is None or (type(team) is int and team >= 0)):
            return Looked(code, player_id, team)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    return None
