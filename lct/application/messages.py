"""What travels on the bus: "the stream is at seq", and in passing who looks at what and is here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import NamedTuple

from ..domain.values import normal_code

CHANNEL = "lct:t:"
EVERYWHERE = "lct:all"
_TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C traceparent
MAX_BYTES = 64 * 1024  # a Present that names 1,024 players has 17 kB
LOOK_SECONDS = 8  # how long a look lasts that is not repeated
PRESENT_SECONDS = 10  # how long a worker's word counts about who is connected to it


class Moved(NamedTuple):
    """The tournament has ``seq`` events; whoever knows fewer reads the store. Where taps are traced
    (lct/spans.py) it brings the trace along."""

    code: str
    seq: int
    trace: str | None = None


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


def merged(words: Iterable[Present]) -> dict[str, str]:
    """Player -> "here" or "asleep", by what the workers say; a phone that is awake counts more."""
    said = list(words)
    found = {player_id: "asleep" for word in said for player_id in word.asleep}
    return found | {player_id: "here" for word in said for player_id in word.here}


class Dropped(NamedTuple):
    """The stream was rewritten or deleted: every worker forgets all it has cached of it."""

    code: str
    dropped: bool = True


class WebhookAdded(NamedTuple):
    """The tournament has a webhook more: from now on every worker tells it what happens."""

    code: str
    hooked: bool = True


class Revision(NamedTuple):
    """A worker of this revision of the app begins to serve, or leaves. Never stored."""

    revision: str
    leaving: bool


Message = Moved | Looked | Present | Dropped | WebhookAdded | Revision


def channel(message: Message) -> str:
    """Where a message is published: at its tournament's, or at the one that all workers hear."""
    if isinstance(message, Dropped | WebhookAdded | Revision):
        return EVERYWHERE
    return CHANNEL + message.code


def encode(message: Message) -> str:
    fields = message._asdict()
    if isinstance(message, Moved) and message.trace is None:
        del fields["trace"]
    return json.dumps(fields, separators=(",", ":"))


def decode(data: bytes | str) -> Message | None:
    """The message, or None when it is none of ours (malformed, another version's)."""
    if len(data) > MAX_BYTES:
        return None
    try:
        fields = json.loads(data)
        if "revision" in fields:
            revision, leaving = fields["revision"], fields["leaving"]
            fits = _all_short((revision,)) and isinstance(leaving, bool)
            return Revision(revision, leaving) if fits else None
        code = fields["code"]
        if not isinstance(code, str) or normal_code(code) != code:
            return None
        if "dropped" in fields:
            return Dropped(code)
        if "hooked" in fields:
            return WebhookAdded(code)
        if "seq" in fields:
            seq, trace = fields["seq"], fields.get("trace")
            if not (isinstance(trace, str) and _TRACE.fullmatch(trace)):
                trace = None  # which is no reason to miss the news
            return Moved(code, seq, trace) if type(seq) is int and seq > 0 else None
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
