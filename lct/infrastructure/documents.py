"""The collections, as mongoengine documents: every field and every index is declared here.

The hot paths read and write the same collections raw (plain dicts through ``_get_collection``):
building documents costs about twice the time of loading a tournament.
"""

from __future__ import annotations

from mongoengine import (
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

from ..config import Settings


class EventDocument(Document):
    """One domain event. The unique ``_id`` (``<code>:<seq>``) is the concurrency check."""

    id = StringField(primary_key=True)
    stream = StringField(required=True)
    seq = IntField(required=True, min_value=1)
    type = StringField(required=True)
    schema = IntField(required=True)
    data = DictField(required=True)
    unique = StringField()  # absent where unused: a stored null would count as a value
    command_id = StringField()
    at = DateTimeField(required=True)
    actor = StringField(required=True)
    request_id = StringField()

    meta = {  # noqa: RUF012 - mongoengine's way
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


class SnapshotDocument(Document):
    """A cache of one stream's state after ``seq`` events; never truth."""

    id = StringField(primary_key=True)  # the stream
    seq = IntField(required=True)
    schema = IntField(required=True)
    state = DictField(required=True)
    claims = DictField()
    stale = ListField(IntField())

    meta = {"collection": "snapshots", "auto_create_index": False}  # noqa: RUF012


DOCUMENTS = (EventDocument, SnapshotDocument)

# How the driver waits and tries again. Whoever taps waits 4 seconds at most: a command has them
# for all of its operations together (EventStore.deadline), any other operation for itself.
TIMEOUTS = {
    "serverSelectionTimeoutMS": 2000,  # to find a primary; one is elected in less, as a rule
    "connectTimeoutMS": 2000,  # to open a connection
    "socketTimeoutMS": 5000,  # a connection that is silent for longer than any of this is dead
    "timeoutMS": 4000,  # an operation as a whole: selection, sending, waiting, one retry
}
RETRIES = {
    "retryWrites": True,  # once, on a replica set: a failover is not even noticed; counts once
    "retryReads": True,  # once, on any server
}


def connect_store(settings: Settings) -> MongoClient:
    """Connect mongoengine's documents; call it after the fork. Does not wait for the server."""
    disconnect()
    return connect(
        db=settings.database,
        host=settings.mongo_uri,
        uuidRepresentation="standard",
        w="majority",
        journal=True,
        appname="lct",
        **RETRIES,
        **TIMEOUTS,
    )


def ensure_indexes() -> list[str]:
    """Create every index that is missing; returns the names of the collections."""
    for document in DOCUMENTS:
        document.ensure_indexes()
    return [document._get_collection_name() for document in DOCUMENTS]
