"""Stored events as the application reads them: a whole story, one place, what a command left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any

from .. import this_request
from ..application.history import Receipt, Stored
from ..domain.errors import UnknownTournament
from ..domain.fact import EVENTS
from .event_store import EventStore, reachable
from .stream import read_event

VERSIONED = [kind for kind, event in EVENTS.items() if event.versioned]


def stored(store: EventStore, code: str) -> list[Stored]:
    """Every event of a stream, in order; UnknownTournament if there is none."""
    this_request.check()
    with reachable():
        documents = list(store.tail(code))
    if not documents:
        raise UnknownTournament
    return list(map(_stored, documents))


def stored_at(store: EventStore, code: str, seq: int) -> Stored | None:
    """The event at that place, or None while there is none."""
    with store.deadline(), reachable():
        document = store.events.find_one({"_id": f"{code}:{seq}"})
    return _stored(document) if document else None


def places_taken(store: EventStore, places: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
    """Those of the places (stream, seq) that have an event."""
    ids = {f"{stream}:{seq}": (stream, seq) for stream, seq in places}
    if not ids:
        return set()
    with store.deadline(), reachable():
        found = store.events.find({"_id": {"$in": list(ids)}}, {"_id": 1})
        return {ids[document["_id"]] for document in found}


def _stored(document: Mapping[str, Any]) -> Stored:
    return Stored(
        document["seq"],
        read_event(document),
        document["at"].replace(tzinfo=UTC),
        document["actor"],
        document.get("request_id", ""),
    )


def receipt(store: EventStore, prefix: str) -> Receipt | None:
    """What the command left whose id begins with ``prefix``, or None if it changed nothing."""
    with store.deadline(), reachable():
        found = store.events.find_one({"command_id": {"$gte": prefix, "$lt": prefix + "~"}})
        if found is None:
            return None
        until = {"stream": found["stream"], "seq": {"$lte": found["seq"]}}
        # Counting is an aggregation, for which the local store reads the events of all evenings.
        counted = store.events.find(until | {"type": {"$in": VERSIONED}}, {"_id": 1})
        version = sum(1 for _ in counted)
    at = found["at"].replace(tzinfo=UTC)
    return Receipt(found["command_id"], found["stream"], found["seq"], found["type"], version, at)
