"""Snapshots: a cache of one stream's state, so that a read replays the last events only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from ..domain import snapshot
from .documents import SnapshotDocument
from .stream import Stream

FIRST, EVERY = 50, 100  # events (docs/store.md)


def is_due(stream: Stream) -> bool:
    """Whether one is to be written now that the stream has grown by one event."""
    return stream.seq == FIRST or stream.seq % every(stream) == 0


def every(stream: Stream) -> int:
    """The events from one snapshot to the next. An event of a large league takes 0.3 ms to read,
    any other 0.02, so once matches are played a snapshot comes sooner."""
    return FIRST if stream.tournament.play.entrants else EVERY


def made_of(stream: Stream) -> dict[str, Any]:
    """The document of the stream's current state."""
    made = SnapshotDocument(
        id=stream.code,
        seq=stream.seq,
        schema=snapshot.SCHEMA,
        state=snapshot.dump(stream.tournament),
        claims={kind: list(claim) for kind, claim in stream.claims.items()},
        stale=list(stream.stale),
    )
    made.validate()
    document: dict[str, Any] = made.to_mongo()
    return document


def restored(code: str, cached: Mapping[str, Any]) -> Stream:
    """The stream from the snapshot; an empty one if the snapshot cannot be used."""
    stream = Stream(code)
    try:
        if cached["schema"] == snapshot.SCHEMA and type(cached["seq"]) is int:
            state = snapshot.restore(cached["state"])
            stream.claims = {kind: (seq, text) for kind, (seq, text) in cached["claims"].items()}
            stream.stale = list(cached["stale"])
            for draw in state.draws:
                draw.at = draw.at.replace(tzinfo=UTC)
            for gathering in (state.gathering, *(draw.gathering for draw in state.draws)):
                if gathering:
                    gathering.at = gathering.at.replace(tzinfo=UTC)
            stream.tournament, stream.seq = state, cached["seq"]
            return stream
    except (KeyError, TypeError, ValueError, AttributeError):
        pass
    return Stream(code)
