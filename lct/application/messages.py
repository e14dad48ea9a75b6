"""What travels on the bus: "the stream is at seq", and in passing who looks at what and is here.

A message is JSON with its tag in ``type``. Two versions of lct run side by side during a rollout:
fields that are not known here are overlooked, and a message with such a tag is dropped.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..domain.codec import record
from ..domain.values import normal_code

log = logging.getLogger(__name__)

CHANNEL = "lct:t:"
EVERYWHERE = "lct:all"
_TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C traceparent
MAX_BYTES = 64 * 1024  # a Present that names 1,024 players has 17 kB
LONGEST = 64  # of a text in a message
STRANGERS = 100  # unknown tags that are logged
LOOK_SECONDS = 8  # how long a look lasts that is not repeated
PRESENT_SECONDS = 10  # how long a worker's word counts about who is connected to it


@dataclass(frozen=True, slots=True)
class Moved:
    """The tournament has ``seq`` events; whoever knows fewer reads the store. Where taps are traced
    (lct/spans.py) it brings the trace along."""

    code: str
    seq: int
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """A player looks at a team (None: looks away). Never stored."""

    code: str
    player_id: str
    team: int | None


@dataclass(frozen=True, slots=True)
class Present:
    """Whose phones are connected to one worker; in place of all that it said before. Said again
    every few seconds, and no longer believed when it is not. Never stored."""

    code: str
    worker: str
    here: tuple[str, ...]
    asleep: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dropped:
    """The stream was rewritten or deleted: every worker forgets all it has cached of it."""

    code: str


@dataclass(frozen=True, slots=True)
class WebhookAdded:
    """The tournament has a webhook more: from now on every worker tells it what happens."""

    code: str


@dataclass(frozen=True, slots=True)
class Revision:
    """A worker of this revision of the app begins to serve, or leaves. Never stored."""

    revision: str
    leaving: bool


BusMessage = Moved | Looked | Present | Dropped | WebhookAdded | Revision

KINDS: dict[str, type[BusMessage]] = {
    "moved": Moved,
    "looked": Looked,
    "present": Present,
    "dropped": Dropped,
    "webhook-added": WebhookAdded,
    "revision": Revision,
}
_TAGS = {kind: tag for tag, kind in KINDS.items()}
_READERS = {tag: record(kind) for tag, kind in KINDS.items()}
_unknown: set[str] = set()  # tags that were logged


def merged(words: Iterable[Present]) -> dict[str, str]:
    """Player -> "here" or "asleep", by what the workers say; a phone that is awake counts more."""
    said = list(words)
    found = {player_id: "asleep" for word in said for player_id in word.asleep}
    return found | {player_id: "here" for word in said for player_id in word.here}


def channel(message: BusMessage) -> str:
    """Where a message is published: at its tournament's, or at the one that all workers hear."""
    if isinstance(message, Dropped | WebhookAdded | Revision):
        return EVERYWHERE
    return CHANNEL + message.code


def encode(message: BusMessage) -> str:
    fields = {name: getattr(message, name) for name in message.__slots__}
    if isinstance(message, Moved) and message.trace is None:
        del fields["trace"]
    return json.dumps({"type": _TAGS[type(message)], **fields}, separators=(",", ":"))


def decode(data: bytes | str, heard_on: str = "") -> BusMessage | None:
    """The message, or None when it is none of ours or of another channel, which is logged; an
    unknown tag only once."""
    try:
        fields: Any = json.loads(data) if len(data) <= MAX_BYTES else None
        tag = fields["type"]
        if isinstance(tag, str) and tag not in KINDS:
            _log_unknown(tag)
            return None
        message: BusMessage = _READERS[tag](_known(KINDS[tag], fields))
        if _is_sound(message) and (not heard_on or channel(message) == heard_on):
            return message
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    log.warning("bus message malformed", extra={"labels.error_kind": "service"})
    return None


def _known(kind: type[BusMessage], fields: dict[str, Any]) -> dict[str, Any]:
    found = {name: fields.get(name) for name in kind.__slots__}
    trace = found.get("trace")
    if trace is not None and not (isinstance(trace, str) and _TRACE.fullmatch(trace)):
        found["trace"] = None  # which is no reason to miss the news
    return found


def _is_sound(message: BusMessage) -> bool:
    if isinstance(message, Revision):
        return _all_short(message.revision)
    if normal_code(message.code) != message.code:
        return False
    if isinstance(message, Moved):
        return message.seq > 0
    if isinstance(message, Looked):
        return _all_short(message.player_id) and (message.team is None or message.team >= 0)
    if isinstance(message, Present):
        return _all_short(message.worker, *message.here, *message.asleep)
    return True


def _all_short(*texts: str) -> bool:
    return all(len(text) <= LONGEST for text in texts)


def _log_unknown(tag: str) -> None:
    if len(tag) <= LONGEST and len(_unknown) < STRANGERS and tag not in _unknown:
        _unknown.add(tag)
        log.warning("bus message unknown", extra={"labels.message": tag})
