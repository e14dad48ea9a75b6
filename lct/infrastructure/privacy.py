"""Removes a forgotten player's name from the events already stored."""

from __future__ import annotations

import logging

from ..domain.people import PlayerForgotten
from .event_store import EventStore, reachable

log = logging.getLogger(__name__)


def rewrite_forgotten(store: EventStore, code: str, player_id: str) -> int:
    """Replace the name of a forgotten player in their older events by the neutral one; returns how
    many were rewritten. It may be interrupted and run again."""
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
            if data.get("player_id") != player_id:
                continue
            neutral = {"first": first, "last": last, "call_name": ""}
            new = {name: neutral.get(name, value) for name, value in data.items()}
            if new != data:
                store.events.update_one({"_id": document["_id"]}, {"$set": {"data": new}})
                rewritten += 1
    # Replace the snapshot, not just delete it: a slower worker could write an older one back.
    store.forget(code)
    store.write_snapshot(store.read(code))
    log.info(
        "player forgotten",
        extra={"event.action": "privacy.forget", "labels.tournament": code},
    )
    return rewritten
