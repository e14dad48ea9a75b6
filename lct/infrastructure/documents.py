"""The collections, as mongoengine documents: every field and every index is declared here.

Events are the hot path, so they are read and written raw (plain dicts through ``collection``):
building documents costs about twice the time of loading a tournament. All else uses documents.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pymongo
from mongoengine import (
    BooleanField,
    DateTimeField,
    DictField,
    Document,
    IntField,
    ListField,
    StringField,
    connect,
    disconnect,
)
from mongoengine.base import BaseField
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from ..config import Settings


class PrimaryDocument(Document):
    """A document that is read from the primary even if the connection string says otherwise: a
    secondary may lag behind acknowledged writes. (mongoengine has no other way to override the
    connection string.)"""

    meta: ClassVar[dict[str, Any]] = {"abstract": True}

    @classmethod
    def _get_collection(cls) -> Collection[dict[str, Any]]:
        raw = super()._get_collection()
        return raw.with_options(read_preference=pymongo.ReadPreference.PRIMARY)


LONGEST_ID = 200  # characters; checked in an import


class EventDocument(PrimaryDocument):
    """One domain event. The unique ``_id`` (``<code>:<seq>``) is the concurrency check.
    Exports have the fields in this order."""

    id = StringField(primary_key=True)
    stream = StringField(required=True)
    seq = IntField(required=True, min_value=1)
    type = StringField(required=True)
    schema = IntField(required=True)
    data = DictField(default=None)  # mongoengine treats an empty one as missing
    at = DateTimeField(required=True)
    actor = StringField(required=True, max_length=LONGEST_ID)
    # Absent if unused: a stored null would count as a value.
    command_id = StringField(max_length=LONGEST_ID)
    request_id = StringField(max_length=LONGEST_ID)
    unique = StringField()

    meta: ClassVar = {
        "collection": "events",
        "auto_create_index": False,  # indexes come from ensure-indexes, before the first write
        "id_field": "id",
        "indexes": [
            {"fields": ["stream", "seq"], "unique": True},
            # The local store does not use a compound index for its first field alone.
            "stream",
            {"fields": ["unique"], "unique": True, "sparse": True},
            {"fields": ["command_id"], "unique": True, "sparse": True},
        ],
    }


class PlainField(BaseField):
    """A dict of plain values, stored as it is: a DictField copies every value in it twice, which
    for the state of 1,000 players takes longer than writing it."""

    def validate(self, value: Any, clean: bool = True) -> None:
        if type(value) is not dict:
            self.error("It is not a dict.")


class SnapshotDocument(PrimaryDocument):
    """A cache of one stream's state after ``seq`` events; never the truth."""

    id = StringField(primary_key=True)  # the stream
    seq = IntField(required=True)
    schema = IntField(required=True)
    state = PlainField(required=True)  # what domain/snapshot.py dumps; it checks what it restores
    claims = DictField()
    stale = ListField(IntField())

    meta: ClassVar = {"collection": "snapshots", "auto_create_index": False}


class WebhookDocument(PrimaryDocument):
    """A webhook of a tournament, and how far it has delivered. Its signing secret is not stored.

    Times are milliseconds since the epoch: the local store turns a date in a $set into text.
    """

    id = StringField(primary_key=True)  # <code>:<1 to 5>, which allows no more
    stream = StringField(required=True)
    hook = StringField(required=True)
    url = StringField(required=True)
    device = StringField(required=True)  # the one that added it, whose rights it has
    seq = IntField(required=True)
    version = IntField(required=True)
    draw = IntField(required=True)
    tries = IntField(required=True, default=0)  # failed since the last success
    since = IntField(required=True, default=0)  # time of the first failed try; 0: none
    next_at = IntField(required=True, default=0)  # no retry before
    reason = StringField(default="")
    failed = BooleanField(required=True, default=False)  # given up: failed for too long
    holder = StringField(default="")  # the worker that has the lease ...
    lease = IntField(required=True, default=0)  # ... until then

    meta: ClassVar = {
        "collection": "webhooks",
        "auto_create_index": False,
        "indexes": ["stream"],
    }

    @property
    def host(self) -> str:
        """The part of its URL that may be shown and logged; the rest may be a secret."""
        return urlsplit(self.url).hostname or ""


DOCUMENTS = (EventDocument, SnapshotDocument, WebhookDocument)

# How long the driver waits. A command or a page has EventStore.deadline for all of its operations
# together; any other operation has timeoutMS for itself. Within either, the driver uses the time
# left and ignores its other timeouts, which apply to its own background work.
TIMEOUTS = {
    # One whole operation: finding the primary, connecting, sending, waiting, retrying. A tap waits
    # no longer. The server gets the limit too (maxTimeMS), and stops.
    "timeoutMS": 4000,
    # The heartbeat to each server, every ten seconds: how soon a silent server is noticed.
    "connectTimeoutMS": 2000,
    # Cleanup, such as ending sessions when a worker stops: with the store down it takes this long,
    # and by default half a minute.
    "serverSelectionTimeoutMS": 2000,
    "socketTimeoutMS": 2000,
}
# An operator waits for index builds, and a big collection takes longer than a tap may.
INDEX_SECONDS = 600
# For a store that is still starting. A silent store must not look like a long build.
START_SECONDS = 10
TRY_SECONDS = 5  # for one try; the driver may need as long to find the primary

# Retries go on while there is time: a failover that ends within it goes unnoticed. Those of writes
# are the driver's default. The connection string may switch them off (retryWrites=false), for a
# server that refuses the numbers by which it would recognise a retry.
RETRIES = {"retryReads": True}
CONCERNS = {
    # An acknowledged write is on the disks of a majority, and survives the loss of any one.
    "w": "majority",
    "journal": True,
    # Read only what cannot be rolled back. A worker that has cached an event which a failover rolls
    # back would write the next one, and leave a gap that stops the tournament for good.
    "readConcernLevel": "majority",
}


def connect_store(settings: Settings) -> MongoClient:
    """Connect mongoengine's documents; call it after the fork. Does not wait for the server."""
    disconnect()
    return connect(
        db=settings.database,
        host=settings.mongo_uri,
        uuidRepresentation="standard",
        appname="lct",
        **CONCERNS,
        **RETRIES,
        **TIMEOUTS,
    )


def collection(document: type[PrimaryDocument]) -> Collection[dict[str, Any]]:
    """The document's raw pymongo collection."""
    return document._get_collection()


def await_store(seconds: float, told: Callable[[str], None] = lambda why: None) -> None:
    """Return once the store answers. Try for ``seconds``, whatever the error is: a store that
    starts refuses connections, then has no primary, then does not know its user yet. ``told`` gets
    each new reason to wait; the last error is raised."""
    database = EventDocument._get_collection().database
    end, before = time.monotonic() + seconds, ""
    while True:
        began = time.monotonic()
        try:
            with pymongo.timeout(max(0.1, min(TRY_SECONDS, end - began))):
                database.command("ping")
            return
        except PyMongoError as error:
            again = max(time.monotonic(), began + 1)
            if again >= end:
                raise
            if (why := reason(error)) != before:
                told(why)
                before = why
            time.sleep(max(0.0, again - time.monotonic()))


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Allow ``seconds`` for work that no tap waits for, once the store answers."""
    await_store(START_SECONDS)
    with pymongo.timeout(seconds):
        yield


def ensure_indexes(
    wait: float = START_SECONDS, told: Callable[[str], None] = lambda why: None
) -> list[str]:
    """Create missing indexes, then try a write; returns the names of the collections. ``wait`` and
    ``told`` are those of await_store."""
    await_store(wait, told)
    with pymongo.timeout(INDEX_SECONDS):
        for document in DOCUMENTS:
            document.ensure_indexes()
    try_a_write()
    return [document._get_collection_name() for document in DOCUMENTS]


def try_a_write() -> None:
    """Insert a document as a tap does, with its concerns and retries, and delete it again. A store
    may answer pings and build indexes and yet refuse every tap: the user may only read, the disk is
    full, the majority is away, or it knows no retries."""
    checks = EventDocument._get_collection().database["checks"]
    made = {"_id": secrets.token_hex(16)}
    with pymongo.timeout(START_SECONDS):
        checks.insert_one(made)
        checks.delete_one(made)


def reason(error: PyMongoError) -> str:
    """A sentence for operators, with the server's code and reason if the server gave them."""
    said = str(error).partition(", full error:")[0]
    if not isinstance(error, OperationFailure):
        return f"The database is not responding: {said.partition(' (configured timeouts')[0]}"
    if isinstance(error, DuplicateKeyError):
        said = "a value that must be unique is stored twice"  # the server's text quotes it
    if error.code is not None:
        name = (error.details or {}).get("codeName", type(error).__name__)
        said = f"code {error.code} ({name}): {said}"
    return f"The database refuses: {said}"
