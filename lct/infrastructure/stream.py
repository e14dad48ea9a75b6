"""A stream of events as one worker knows it, and how stored documents become events again."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ..domain.errors import Unreadable
from ..domain.fact import EVENTS, Event, Touched, apply
from ..domain.play.formats import matches
from ..domain.tournament import Tournament

log = logging.getLogger(__name__)

# (type, schema) -> a function that upgrades such data to the next schema.
UPCASTERS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {
    ("device-admitted", 1): lambda data: data | {"owner": False},
    ("device-revoked", 1): lambda data: data | {"recovery_hash": ""},
    ("team-picked", 1): lambda data: data | {"pledge": "", "picked_for": False},
    ("teams-drawn", 1): lambda data: data | {"number": ""},
}


# Bytes in memory, estimated from counts: names may take four bytes per character.
EMPTY, PER_TEAM, PER_PLAYER, PER_HAND, PER_MATCH = 40_000, 300, 1300, 1500, 900
KEPT = 200  # last events for which a stream keeps what they touched


class Stream:
    """One tournament as this worker knows it, and the unique texts that its events hold."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.seq = 0
        self.tournament = Tournament(code)
        self.lock = threading.Lock()
        self.claims: dict[str, tuple[int, str]] = {}  # kind -> (seq of the holder, text)
        self.stale: list[int] = []  # superseded events that still hold their text
        self.at = datetime.min.replace(tzinfo=UTC)  # of the last event
        self.seen_at = 0.0  # when its last event was last seen in the store
        # What the last events touched, the newest last; None: anything.
        self._touched: deque[Touched | None] = deque(maxlen=KEPT)

    def take(self, document: Mapping[str, Any]) -> None:
        """Apply the next event; one already known is ignored."""
        seq = document["seq"]
        if seq <= self.seq:
            return
        if seq != self.seq + 1:
            missing = f"{self.code}:{self.seq + 1}"
            log.error("event missing", extra={"labels.event_id": missing})
            raise Unreadable
        event = read_event(document)
        try:
            at = document["at"].replace(tzinfo=UTC)
            touched = event.touches(self.tournament)
            apply(self.tournament, event, seq, at)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            extra = {"labels.event_id": f"{self.code}:{seq}"}
            log.error("event does not apply", extra=extra, exc_info=True)
            raise Unreadable from error
        self._note_claim(event, seq, document.get("unique"))
        self.seq, self.at = seq, at
        self._touched.append(touched)

    def size(self) -> int:
        """Estimated bytes of memory, assuming the longest names."""
        t = self.tournament
        hands = sum(len(draw.hands) for draw in t.draws)
        hands += len(t.gathering.picks) if t.gathering else 0
        people = len(t.players) + len(t.blocked) + len(t.removed) + len(t.devices)
        play = matches(t.play.format, len(t.play.entrants)) if t.play.begun else 0
        listed = PER_TEAM * len(t.teams) + PER_PLAYER * people + PER_HAND * hands
        return EMPTY + listed + PER_MATCH * play

    def touched_since(self, seq: int) -> list[Touched | None]:
        """The Touched of each event after ``seq``; [None] if that is no longer known."""
        count = self.seq - seq
        if count > len(self._touched):
            return [None]
        return list(self._touched)[len(self._touched) - count :] if count > 0 else []

    def _note_claim(self, event: Event, seq: int, held: str | None) -> None:
        kind = event.claims.kind if event.claims else event.releases
        if kind is None:
            return
        before = self.claims.get(kind)
        if before and before[1] == event.unique:
            return  # the older event keeps holding the same text
        if before:
            self.stale.append(before[0])
            del self.claims[kind]
        if held:
            self.claims[kind] = (seq, held)


def read_event(document: Mapping[str, Any]) -> Event:
    """The event in a stored document, upgraded to the current schema; Unreadable if that fails."""
    try:
        kind, schema, data = document["type"], document["schema"], dict(document["data"])
        event_class = EVENTS[kind]
        while schema < event_class.schema:
            data = UPCASTERS[kind, schema](data)
            schema += 1
        if schema != event_class.schema:
            raise KeyError(f"schema {schema}")
        return event_class.from_data(data)
    except (KeyError, TypeError, ValueError) as error:
        log.error(
            "event unreadable",
            extra={
                "labels.event_type": str(document.get("type")),
                "labels.event_id": str(document.get("_id")),
            },
            exc_info=True,
        )
        raise Unreadable from error
