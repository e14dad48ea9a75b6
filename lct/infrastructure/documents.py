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

# For each operation on the store; a tap is one, on a worker that does not know the evening yet
# three or four. A replica set elects a new primary in less.
TIMEOUTS = {
    "serverSelectionTimeoutMS": 2000,
    "connectTimeoutMS": 2000,
    "socketTimeoutMS": 5000,
    "timeoutMS": 4000,
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
        retryWrites=True,
        retryReads=True,
        appname="lct",
        **TIMEOUTS,
    )


def ensure_indexes() -> list[str]:
    """Create every index that is missing; returns the names of the collections."""
    for document in DOCUMENTS:
        document.ensure_indexes()
    return [document._get_collection_name() for document in DOCUMENTS]
