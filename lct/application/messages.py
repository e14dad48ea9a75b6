"""What travels on the bus: "the stream is at seq", and in passing who looks at what and is here."""

from __future__ import annotations

import json
from typing import NamedTuple

from ..domain.values import normal_code

CHANNEL = "lct:t:"
EVERYWHERE = "lct:all"
MAX_BYTES = 64 * 1024  # a Present that names 1,024 players has 17 kB


class Moved(NamedTuple):
    """The tournament has ``seq`` events; whoever knows fewer reads the store."""

    code: str
    seq: int


class Looked(NamedTuple):
    """A player looks at a team (None: looks away). Never stored."""

    code: str
    player_id: str
    team: int | None


class Present(NamedTuple):
    """Whose phones are connected to one worker; in place of all that it said before. Said again
    every few seconds, and no longer believed when it is not. Never stored."""

    code: str
    worker: str
    here: tuple[str, ...]
    asleep: tuple[str, ...]


class Dropped(NamedTuple):
    """The stream was rewritten or deleted: every worker forgets all it has cached of it."""

    code: str
    dropped: bool = True


Message = Moved | Looked | Present | Dropped


def channel(message: Message) -> str:
    """Where a message is published: at its tournament's, or at the one that all workers hear."""
    return EVERYWHERE if isinstance(message, Dropped) else CHANNEL + message.code


def encode(message: Message) -> str:
    return json.dumps(message._asdict(), separators=(",", ":"))


def decode(data: bytes | str) -> Message | None:
    """The message, or None when it is none of ours (malformed, another version's)."""
    if len(data) > MAX_BYTES:
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
        if "worker" in fields:
            here, asleep = tuple(fields["here"]), tuple(fields["asleep"])
            texts = (fields["worker"], *here, *asleep)
            return Present(code, texts[0], here, asleep) if _all_short(texts) else None
        player_id, team = fields["player_id"], fields["team"]
        if isinstance(player_id, str) and (team is None or (type(team) is int and team >= 0)):
            return Looked(code, player_id, team)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    return None


def _all_short(texts: tuple[object, ...]) -> bool:
    return all(isinstance(text, str) and len(text) <= 64 for text in texts)
