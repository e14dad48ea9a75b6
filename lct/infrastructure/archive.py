"""Whole streams: out as JSON lines, in again, and what privacy asks of them.

Each of these may be interrupted and run again: it goes on where it stopped.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from .. import cancellation
from ..application.history import Receipt, Stored
from ..domain.errors import Invalid, LctError, UnknownTournament, Unreadable
from ..domain.fact import EVENTS, Seen, seen
from ..domain.people import PlayerForgotten
from ..domain.values import normal_code
from .documents import WebhookDocument, patience
from .event_store import EventStore, reachable
from .stream import Stream, read_event

log = logging.getLogger(__name__)

FIELDS = frozenset(
    ("_id", "stream", "seq", "type", "schema", "data", "unique", "command_id", "at", "actor",
     "request_id")
)  # fmt: skip
VERSIONED = [kind for kind, event in EVENTS.items() if event.versioned]
TEXTS = FIELDS - {"seq", "schema", "data"}
NEEDED = FIELDS - {"unique", "command_id", "request_id"}
SWEEP_SECONDS = 600  # for finding what is outdated: nobody who taps waits for it


def stored(store: EventStore, code: str) -> list[Stored]:
    """Every event of a stream, in order; UnknownTournament if there is none."""
    cancellation.check()
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


# --- out and in -------------------------------------------------------------------------------


def exported(store: EventStore, code: str, finished: set[int] | None) -> Iterator[str]:
    """The stream as JSON lines, with the fields that may leave: those of a draw only if its attempt
    is ``finished``. None: nothing is left out, for moving house.

    The stream is read at once, so that a failing store is reported while there is no answer yet;
    the lines are made as they are taken."""
    cancellation.check()
    with reachable():
        documents = list(store.tail(code))
    return _lines(documents, finished)


def _lines(documents: Iterable[Mapping[str, Any]], finished: set[int] | None) -> Iterator[str]:
    for document in documents:
        line = dict(document)
        if finished is not None:
            event = read_event(document)
            line |= {"schema": event.schema, "data": event.exported(finished)}
        line["at"] = document["at"].replace(tzinfo=UTC).isoformat(timespec="milliseconds")
        yield json.dumps(line, ensure_ascii=False)


def imported(store: EventStore, lines: Iterable[str]) -> tuple[str, int]:
    """Store an exported stream; returns its code and how many events were new.

    Everything is read and replayed before anything is written. Invalid (field ``file``) if a line
    is no event of ours, a place is missing, or another tournament has the code or the name.
    """
    documents = [_parsed(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not documents:
        raise Invalid(file="The file has no events.")
    stream = Stream(documents[0]["stream"])
    for number, document in enumerate(documents, 1):
        expected = {"_id": f"{stream.code}:{number}", "seq": number, "stream": stream.code}
        if any(document[name] != value for name, value in expected.items()):
            raise Invalid(file=f"Line {number} is not event {number} of {stream.code}.")
        try:
            event = read_event(document)
            if not event.sound():
                raise Unreadable
            if document.pop("unique", None) and event.unique:
                document["unique"] = event.unique  # the event's own claim, whatever the file says
            stream.take(document)
        except LctError:
            raise Invalid(file=f"Line {number} is an event that cannot be read.") from None
    with reachable():
        there = {document["seq"]: document for document in store.tail(stream.code)}
    for document in documents:
        if (known := there.get(document["seq"])) and not _same(known, document):
            raise Invalid(file=f"Another tournament has the code {stream.code} here.")
    if len(there) > len(documents):
        raise Invalid(file=f"{stream.code} has gone on here since the file was made.")
    new = [document for document in documents if document["seq"] not in there]
    for document in new:
        try:
            with reachable():
                store.events.insert_one(document)
        except DuplicateKeyError:
            raise Invalid(
                file=f"Event {document['seq']} clashes with one here: an open tournament has the "
                "same name. Close or rename it, then import again."
            ) from None
    store.forget(stream.code)
    log.info("stream imported", extra={"labels.tournament": stream.code})
    return stream.code, len(new)


def _parsed(number: int, line: str) -> dict[str, Any]:
    try:
        line.encode()  # no lone surrogates, and below none written as escapes
        document = json.loads(line, parse_constant=_not_a_number)
        json.dumps(document, ensure_ascii=False).encode()
        fits = isinstance(document, dict) and NEEDED <= document.keys() <= FIELDS
        fits = fits and all(isinstance(document[name], str) for name in TEXTS & document.keys())
        if not (fits and normal_code(document["stream"]) == document["stream"]):
            raise ValueError("fields")
        if _is_sealed(document["type"], document["data"]):
            raise Invalid(file=f"Line {number} is sealed: this export leaves a secret out.")
        document["at"] = datetime.fromisoformat(document["at"]).astimezone(UTC)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError, OverflowError):
        raise Invalid(file=f"Line {number} is not an event of lct.") from None
    return document


def _is_sealed(kind: str, data: Mapping[str, Any]) -> bool:
    """Whether nothing is missing but what an export may leave out."""
    moments = seen(EVENTS[kind]) if kind in EVENTS else {}
    missing = moments.keys() - data.keys()
    return bool(missing) and all(
        moments[name] not in (Seen.AT_ONCE, Seen.IN_EXPORTS) for name in missing
    )


def _not_a_number(name: str) -> None:
    raise ValueError(name)


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    def key(document: Mapping[str, Any]) -> dict[str, Any]:
        # A claim is taken off an event when a later one supersedes it.
        kept = {name: value for name, value in document.items() if name != "unique"}
        return kept | {"at": document["at"].replace(tzinfo=UTC)}

    return key(one) == key(other)


# --- privacy -----------------------------------------------------------------------------------


def rewrite_forgotten(store: EventStore, code: str, player_id: str) -> int:
    """Put the neutral name of a forgotten player into their older events; returns how many were
    rewritten."""
    rewritten = 0
    with reachable():
        documents = list(store.tail(code))
        named = next(
            document["data"]
            for document in documents
            if document["type"] == PlayerForgotten.type
            and document["data"]["player_id"] == player_id
        )
        first, last = named["first"], named["last"]
        for document in documents:
            data = document["data"]
            if data.get("player_id") != player_id or "first" not in data:
                continue
            if (data["first"], data["last"]) != (first, last):
                new = data | {"first": first, "last": last}
                store.events.update_one({"_id": document["_id"]}, {"$set": {"data": new}})
                rewritten += 1
    # Written anew and not just deleted: no slower worker can put back an older one.
    store.forget(code)
    store.write_snapshot(store.read(code))
    log.info(
        "player forgotten",
        extra={"event.action": "privacy.forget", "labels.tournament": code},
    )
    return rewritten


def outdated(store: EventStore, days: float, now: datetime) -> list[str]:
    """The codes of streams in which nothing has happened for ``days``."""
    limit = (now - timedelta(days=days)).replace(tzinfo=None)
    # No index has the times, which every tap would pay for: all events are looked through. Of a
    # stream that is old its first event is, so one document comes back for each.
    with reachable(), patience(SWEEP_SECONDS):
        begun = store.events.find({"seq": 1, "at": {"$lt": limit}}, {"stream": 1})
        old = [document["stream"] for document in begun]
        return sorted(code for code in old if _last_at(store, code) < limit)


def _last_at(store: EventStore, code: str) -> datetime:
    last = store.events.find({"stream": code}, {"at": 1}).sort("seq", -1).limit(1)
    return max(document["at"] for document in last)


def delete_stream(store: EventStore, code: str) -> int:
    """Delete a whole evening, from its last event to its first: whatever interrupts this leaves
    an older but whole state of it. Returns how many events there were."""
    with reachable():
        WebhookDocument.objects(stream=code).delete()
        store.snapshots.delete_one({"_id": code})
        seqs = sorted((d["seq"] for d in store.tail(code)), reverse=True)
        for seq in seqs:
            store.events.delete_one({"_id": f"{code}:{seq}"})
        store.snapshots.delete_one({"_id": code})
    store.forget(code)
    log.info(
        "evening deleted",
        extra={"event.action": "privacy.retention", "labels.tournament": code},
    )
    return len(seqs)
