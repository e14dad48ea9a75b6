"""The collections, as mongoengine documents: every field and every index is declared here.

The hot path, events, reads and writes its collection raw (plain dicts through ``collection``):
building documents costs about twice the time of loading a tournament. All else uses documents.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from pymongo import MongoClient
from pymongo.collection import Collection

from ..config import Settings


class PrimaryDocument(Document):
    """A document that is read from the primary even if the store's address says otherwise: a
    secondary may be behind what was acknowledged. (mongoengine leaves no other way to set it above
    the address.)"""

    meta: ClassVar[dict[str, Any]] = {"abstract": True}

    @classmethod
    def _get_collection(cls) -> Collection[dict[str, Any]]:
        raw = super()._get_collection()
        return raw.with_options(read_preference=pymongo.ReadPreference.PRIMARY)


class EventDocument(PrimaryDocument):
    """One domain event. The unique ``_id`` (``<code>:<seq>``) is the concurrency check.
    The fields stand in the order in which exports have them."""

    id = StringField(primary_key=True)
    stream = StringField(required=True)
    seq = IntField(required=True, min_value=1)
    type = StringField(required=True)
    schema = IntField(required=True)
    data = DictField(default=None)  # mongoengine takes an empty one for none at all
    at = DateTimeField(required=True)
    actor = StringField(required=True)
    # Absent where unused: a stored null would count as a value.
    command_id = StringField()
    request_id = StringField()
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


class SnapshotDocument(PrimaryDocument):
    """A cache of one stream's state after ``seq`` events; never truth."""

    id = StringField(primary_key=True)  # the stream
    seq = IntField(required=True)
    schema = IntField(required=True)
    state = DictField(required=True)
    claims = DictField()
    stale = ListField(IntField())

    meta: ClassVar = {"collection": "snapshots", "auto_create_index": False}


class WebhookDocument(PrimaryDocument):
    """Who is told what happens in a tournament, and how far. Its signing secret is in no field.

    Times are milliseconds since the epoch: the local store keeps a date that is set as a text.
    """

    id = StringField(primary_key=True)  # <code>:<1 to 5>, so that there cannot be more
    stream = StringField(required=True)
    hook = StringField(required=True)
    url = StringField(required=True)
    device = StringField(required=True)  # that added it, and whose rights it has
    seq = IntField(required=True)
    version = IntField(required=True)
    draw = IntField(required=True)
    tries = IntField(required=True, default=0)  # that failed since the last one that did not
    since = IntField(required=True, default=0)  # the first of them; 0: none
    next_at = IntField(required=True, default=0)  # not before
    reason = StringField(default="")
    failed = BooleanField(required=True, default=False)  # so long that nothing is sent any more
    holder = StringField(default="")  # the worker that is at it ...
    lease = IntField(required=True, default=0)  # ... until then

    meta: ClassVar = {
        "collection": "webhooks",
        "auto_create_index": False,
        "indexes": ["stream"],
    }

    @property
    def host(self) -> str:
        """What of its address may be shown and logged: the rest may be a secret."""
        return urlsplit(self.url).hostname or ""


DOCUMENTS = (EventDocument, SnapshotDocument, WebhookDocument)

# How long the driver waits. A command, or a page, has EventStore.deadline for all of its operations
# together; any other operation has timeoutMS for itself. Within either the driver goes by the time
# that is left, whatever it does, and leaves its other settings aside; they are for what it does on
# its own account.
TIMEOUTS = {
    # An operation as a whole: finding the primary, connecting, sending, waiting, trying again.
    # Whoever taps waits no longer. The server is told as well (maxTimeMS), and stops.
    "timeoutMS": 4000,
    # Its look at each server, every ten seconds: how soon it notices that one has gone silent.
    "connectTimeoutMS": 2000,
    # Tidying up, such as ending its sessions when a worker stops: with the store down that takes
    # as long as this, and half a minute if it were not set.
    "serverSelectionTimeoutMS": 2000,
    "socketTimeoutMS": 2000,
}
# Building indexes is no tap: an operator waits, and a big collection takes longer.
INDEX_SECONDS = 600
# For a store that starts at the same time; one that says nothing shall not look like a long build.
START_SECONDS = 10

# Again and again while there is time: a failover that ends within it is not even noticed.
RETRIES = {
    "retryWrites": True,  # on a replica set; the server knows the write again and does it once
    "retryReads": True,  # on any server
}
CONCERNS = {
    # What was acknowledged is on the disks of a majority, and outlives any one of them.
    "w": "majority",
    "journal": True,
    # Only what cannot be taken back any more. With an event in memory that a failover took back a
    # worker would write the one behind it, and leave a gap that stops the evening for good.
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
    """The document's collection, raw."""
    return document._get_collection()


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """So much time for what no tap waits for, once the store has said something."""
    with pymongo.timeout(START_SECONDS):
        EventDocument._get_collection().database.command("ping")
    with pymongo.timeout(seconds):
        yield


def ensure_indexes() -> list[str]:
    """Create every index that is missing; returns the names of the collections."""
    with patience(INDEX_SECONDS):
        for document in DOCUMENTS:
            document.ensure_indexes()
    return [document._get_collection_name() for document in DOCUMENTS]
