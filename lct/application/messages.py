"""The messages on the bus: JSON, with a tag in ``type``.

Two versions of lct run side by side during a rollout, so unknown fields are ignored, and messages
with an unknown tag are dropped.
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
MAX_BYTES = 64 * 1024  # a Present that names 1,024 players takes 17 kB
LONGEST = 64  # characters of one text in a message
STRANGERS = 100  # at most so many unknown tags are logged
LOOK_SECONDS = 8  # how long a look lasts unless it is repeated
PRESENT_SECONDS = 10  # how long a worker's Present is valid


@dataclass(frozen=True, slots=True)
class Moved:
    """The tournament has ``seq`` events; a worker that knows fewer reads the store. ``trace`` is
    set where taps are traced (lct/spans.py)."""

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
    """The players whose phones are connected to one worker. Replaces that worker's last message. It
    is repeated every few seconds, and expires otherwise. Never stored."""

    code: str
    worker: str
    here: tuple[str, ...]
    asleep: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dropped:
    """The stream was rewritten or deleted: every worker drops its caches of it."""

    code: str


@dataclass(frozen=True, slots=True)
class WebhookAdded:
    """The tournament has a new webhook: every worker now delivers to it."""

    code: str


@dataclass(frozen=True, slots=True)
class Revision:
    """A worker of this revision of the app starts serving, or is leaving. Never stored."""

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
_unknown: set[str] = set()  # tags already logged


def merged(words: Iterable[Present]) -> dict[str, str]:
    """Player -> "here" or "asleep", from the workers' messages; an awake phone takes precedence."""
    said = list(words)
    found = {player_id: "asleep" for word in said for player_id in word.asleep}
    return found | {player_id: "here" for word in said for player_id in word.here}


def channel(message: BusMessage) -> str:
    """The channel of a message: its tournament's, or the one that all workers subscribe to."""
    if isinstance(message, Dropped | WebhookAdded | Revision):
        return EVERYWHERE
    return CHANNEL + message.code


def encode(message: BusMessage) -> str:
    fields = {name: getattr(message, name) for name in message.__slots__}
    if isinstance(message, Moved) and message.trace is None:
        del fields["trace"]
    return json.dumps({"type": _TAGS[type(message)], **fields}, separators=(",", ":"))


def decode(data: bytes | str, heard_on: str = "") -> BusMessage | None:
    """The message, or None if it is malformed, unknown or belongs to another channel. Failures are
    logged, each unknown tag only once."""
    try:
        fields: Any = json.loads(data) if len(data) <= MAX_BYTES else None
        tag = fields["type"]
        if isinstance(tag, str) and tag not in KINDS:
            _log_unknown(tag)
            return None
        message: BusMessage = _READERS[tag](_known(KINDS[tag], fields))
        if _is_sound(message, heard_on) and (not heard_on or channel(message) == heard_on):
            return message
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    log.warning("bus message malformed", extra={"labels.error_kind": "service"})
    return None


def _known(kind: type[BusMessage], fields: dict[str, Any]) -> dict[str, Any]:
    found = {name: fields.get(name) for name in kind.__slots__}
    trace = found.get("trace")
    if trace is not None and not (isinstance(trace, str) and _TRACE.fullmatch(trace)):
        found["trace"] = None  # a bad trace must not lose the message
    return found


def _is_sound(message: BusMessage, heard_on: str) -> bool:
    if isinstance(message, Revision):
        return _all_short(message.revision)
    # We subscribe to the channels of real codes only.
    if heard_on != CHANNEL + message.code and normal_code(message.code) != message.code:
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
