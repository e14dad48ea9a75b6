"""Stored events as the application reads them: a stream, one event, a command's receipt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any

from .. import this_request
from ..application.history import Receipt, Stored
from ..domain.errors import UnknownTournament
from ..domain.fact import EVENTS, MOST
from .documents import patience
from .event_store import EventStore, reachable
from .stream import Stream, read_event

VERSIONED = [kind for kind, event in EVENTS.items() if event.versioned]
LISTING_SECONDS = 600  # no tap waits for it


def stored(store: EventStore, code: str, until: int = MOST) -> list[Stored]:
    """A stream's events up to place ``until``, in order; UnknownTournament if there is none."""
    this_request.check()
    wanted = {"stream": code, "seq": {"$gt": 0, "$lte": until}}
    with reachable():
        documents = list(store.events.find(wanted).sort("seq", 1))
    if not documents:
        raise UnknownTournament
    return list(map(_stored, documents))


def codes(store: EventStore) -> list[str]:
    """The codes of all streams, also of those whose first event is missing."""
    with reachable(), patience(LISTING_SECONDS):
        return sorted(store.events.distinct("stream"))


def replayed(store: EventStore, code: str) -> Stream:
    """The stream by its events alone, without its snapshot; Unreadable if one of them is missing or
    damaged."""
    with reachable():
        documents = list(store.tail(code))
    stream = Stream(code)
    for document in documents:
        stream.take(document)
    return stream


def stored_at(store: EventStore, code: str, seq: int) -> Stored | None:
    """The event at place ``seq``, or None while there is none."""
    with store.deadline(), reachable():
        document = store.events.find_one({"_id": f"{code}:{seq}"})
    return _stored(document) if document else None


def places_taken(store: EventStore, places: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
    """The subset of the places (stream, seq) that have an event."""
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
    """The receipt of the command whose id starts with ``prefix``; None if it changed nothing."""
    with store.deadline(), reachable():
        found = store.events.find_one({"command_id": {"$gte": prefix, "$lt": prefix + "~"}})
        if found is None:
            return None
        until = {"stream": found["stream"], "seq": {"$lte": found["seq"]}}
        # Counting would be an aggregation, for which the local store reads all tournaments' events.
        counted = store.events.find(until | {"type": {"$in": VERSIONED}}, {"_id": 1})
        version = sum(1 for _ in counted)
    at = found["at"].replace(tzinfo=UTC)
    return Receipt(found["command_id"], found["stream"], found["seq"], found["type"], version, at)
