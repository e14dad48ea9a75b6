"""The event store: one insert per command, a cache of states per worker, snapshots as a cache."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pymongo
from mongoengine.errors import NotUniqueError, OperationError
from pymongo.errors import DuplicateKeyError, PyMongoError

from .. import this_request
from ..application.execute import CommandRepeated, SeqTaken
from ..domain import snapshot
from ..domain.errors import LctError, Unavailable, UnknownTournament, Unreadable
from ..domain.fact import Command, Event
from ..kept import Kept
from ..this_request import carried
from . import snapshots
from .documents import EventDocument, SnapshotDocument, collection
from .stream import Stream

log = logging.getLogger(__name__)

# Of states that a worker caches, as Stream.size() estimates: 500 typical ones (174 teams, 16
# players: 127 kB), or 24 of the largest (1,200 teams, 1,024 players, a draw: 2.7 MB).
STREAM_BYTES = 64_000_000
CHECK_SECONDS = 60.0
DEADLINE = 4.0  # seconds for all store operations of a command or a page


def in_time() -> AbstractContextManager[None]:
    """Within a request, end the operations inside by its deadline; elsewhere, set no limit."""
    seconds = this_request.left(math.inf)
    return nullcontext() if seconds == math.inf else pymongo.timeout(min(DEADLINE, seconds))


@contextmanager
def reachable() -> Iterator[None]:
    """Turn every failure of the store except a duplicate key into Unavailable."""
    try:
        with in_time():
            yield
    except (DuplicateKeyError, NotUniqueError):
        raise
    except (PyMongoError, OperationError) as error:
        log.error(
            "store unavailable",
            extra={"event.action": "store.unavailable", "error.type": type(error).__name__},
        )
        raise Unavailable from error


class EventStore:
    """Streams of events in MongoDB. ``defer`` runs a function later."""

    def __init__(self, defer: Callable[[Callable[[], None]], object]) -> None:
        self.events = collection(EventDocument)
        self.snapshots = collection(SnapshotDocument)
        self._defer = defer
        self._streams: Kept[str, Stream] = Kept(STREAM_BYTES, Stream.size)

    def deadline(self) -> AbstractContextManager[None]:
        """All operations inside, retries included, share DEADLINE seconds. A nested deadline can
        only end sooner. Deferred work must not inherit this context."""
        return pymongo.timeout(this_request.left(DEADLINE))

    # --- reading ------------------------------------------------------------------------------

    def stream(self, code: str) -> Stream:
        """The cached stream, which may lag the store, or the stored one; else UnknownTournament."""
        if cached := self._streams.get(code):
            return cached
        with self.deadline():
            stream = self._load(code)
        if stream.seq == 0:
            raise UnknownTournament
        return self._remember(stream)

    def turning(self, now: datetime) -> bool:
        """Whether a draw that this worker knows is being made, or still has a card to turn."""
        known = [stream.tournament for stream in self._streams.values()]
        draws = (t.current_draw for t in known)
        turning = any(draw is not None and not draw.is_over(now) for draw in draws)
        return turning or any(t.gathering for t in known)

    def read(self, code: str) -> Stream:
        """The stream with every event that was acknowledged before this call."""
        this_request.check()
        with self.deadline():
            known = code in self._streams
            stream = self.stream(code)
            if known:
                self.catch_up(stream)
            return stream

    def new_stream(self, code: str) -> Stream:
        """A stream to create a tournament in; it is cached once its first event is stored."""
        return self._streams.get(code) or Stream(code)

    def catch_up(self, stream: Stream, certain: bool = False) -> int:
        """Apply newer events; returns how many there were. Usually there are none, which takes
        one lookup by ``_id``; it is skipped if it is ``certain`` that there are some."""
        before = stream.seq
        try:
            with reachable():
                next_id = f"{stream.code}:{before + 1}"
                if not certain and self.events.find_one({"_id": next_id}) is None:
                    self._check_existence(stream)
                    return 0
                newer = list(self.tail(stream.code, before))
            for document in newer:
                stream.take(document)
            stream.seen_at = time.monotonic()
        except Unreadable:
            self.forget(stream.code)
            raise
        return stream.seq - before

    def _check_existence(self, stream: Stream) -> None:
        """Every CHECK_SECONDS, make sure that a cached stream has not been deleted elsewhere."""
        if stream.seq and time.monotonic() - stream.seen_at > CHECK_SECONDS:
            with reachable():
                there = self._event_at(stream.code, stream.seq)
            if not there:
                self.forget(stream.code)
                raise UnknownTournament
            stream.seen_at = time.monotonic()

    def tail(self, code: str, after: int = 0) -> Iterable[Mapping[str, Any]]:
        """The stored documents of a stream after place ``after``, in order."""
        return self.events.find({"stream": code, "seq": {"$gt": after}}).sort("seq", 1)

    def stream_of_command(self, command_id: str) -> str | None:
        """The stream in which a command with this id was stored, or None."""
        with reachable():
            found = self.events.find_one({"command_id": command_id}, {"stream": 1})
        return found["stream"] if found else None

    def forget(self, code: str) -> None:
        self._streams.pop(code)

    def answers(self) -> bool:
        try:
            with reachable():
                self.events.database.command("ping")
        except Unavailable:
            return False
        return True

    def _load(self, code: str) -> Stream:
        with reachable():
            cached = self.snapshots.find_one({"_id": code})
            stream = snapshots.restored(code, cached) if cached else Stream(code)
            documents = list(self.tail(code, stream.seq))
            # Ignore a snapshot from another history, or one that outlived its stream.
            if stream.seq and not documents:
                if last := self._event_at(code, stream.seq):
                    stream.at = last["at"].replace(tzinfo=UTC)
                else:
                    stream, documents = Stream(code), list(self.tail(code))
            if cached and not stream.seq:
                log.warning("snapshot ignored", extra={"labels.tournament": code})
                self.snapshots.delete_one({"_id": code, "seq": cached.get("seq")})
        known = stream.seq
        for document in documents:
            stream.take(document)
        stream.seen_at = time.monotonic()
        if len(documents) >= (snapshots.every(stream) if known else snapshots.FIRST):
            self._put_off(partial(self.write_snapshot, stream))
        return stream

    def _event_at(self, code: str, seq: int) -> Mapping[str, Any] | None:
        """The time of an event; None if it is not there."""
        return self.events.find_one({"_id": f"{code}:{seq}"}, {"at": 1})

    def _remember(self, stream: Stream) -> Stream:
        known = self._streams.get(stream.code) or stream
        self._streams.put(stream.code, known)  # it may have grown
        return known

    # --- writing ------------------------------------------------------------------------------

    def append(
        self, stream: Stream, seq: int, event: Event, command: Command, at: datetime
    ) -> None:
        """Store one event at place ``seq``, the next after the state it was decided on, and apply
        it. Raises SeqTaken, CommandRepeated, the refusal of the event's claim, or Unavailable.
        """
        self._check_existence(stream)
        self._free_stale(stream)
        document: dict[str, Any] = {
            "_id": f"{stream.code}:{seq}",
            "stream": stream.code,
            "seq": seq,
            "type": event.type,
            "schema": event.schema,
            "data": event.to_data(),
            "at": at,
            "actor": str(command.by),
        }
        if command.command_id:
            document["command_id"] = command.command_id
        if command.request_id:
            document["request_id"] = command.request_id
        if (text := event.unique) and text not in (held for _, held in stream.claims.values()):
            document["unique"] = text
        try:
            with reachable():
                self.events.insert_one(document)
        except DuplicateKeyError:
            raise self._refusal(event, document) from None
        stream.take(document)
        stream.seen_at = time.monotonic()
        self._remember(stream)
        with suppress(Unavailable):  # the event is stored; the next command frees the text
            self._free_stale(stream)
        if snapshots.is_due(stream):
            self._put_off(partial(self.write_snapshot, stream))

    def _refusal(self, event: Event, document: dict[str, Any]) -> Exception:
        """The error for the unique value that was taken. Queries the store, because the details
        of a duplicate-key error differ between servers."""
        command_id, text = document.get("command_id"), document.get("unique")
        if not command_id and not text:
            return SeqTaken()  # no other field is unique
        if command_id and (code := self.stream_of_command(command_id)):
            return CommandRepeated(code)
        with reachable():
            if self.events.find_one({"_id": document["_id"]}, {"_id": 1}):
                return SeqTaken()
            if text and event.claims and self.events.find_one({"unique": text}, {"_id": 1}):
                return event.claims.taken(getattr(event, event.claims.field))
        # Gone again, or not yet stored by a majority and so not visible: decide again.
        return SeqTaken()

    def _free_stale(self, stream: Stream) -> None:
        """Free the texts of superseded events. If a crash leaves a text held, the next command on
        the stream frees it."""
        while stream.stale:
            seq = stream.stale[0]
            with reachable():
                self.events.update_one({"_id": f"{stream.code}:{seq}"}, {"$unset": {"unique": ""}})
            stream.stale = [other for other in stream.stale if other != seq]

    def _put_off(self, work: Callable[[], None]) -> None:
        self._defer(carried(work))

    def write_snapshot(self, stream: Stream) -> None:
        """Replace the stream's snapshot with its current state, unless a newer one is there."""
        code = stream.code
        # Replaced whole, so raw: mongoengine uses $set, in which the local store makes dates text.
        document = snapshots.made_of(stream)
        try:
            with reachable():
                found = self.snapshots.find_one({"_id": code}, {"seq": 1, "schema": 1})
                if found is None:
                    self.snapshots.insert_one(document)
                elif found["seq"] < document["seq"] or found["schema"] != snapshot.SCHEMA:
                    self.snapshots.replace_one({"_id": code, "seq": found["seq"]}, document)
        except (LctError, DuplicateKeyError):
            log.warning("snapshot not written", extra={"labels.tournament": code})
