"""Finds and deletes outdated tournaments."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from .documents import EventDocument, SnapshotDocument, WebhookDocument, patience
from .event_store import EventStore, reachable

log = logging.getLogger(__name__)

SWEEP_SECONDS = 600  # for finding outdated streams: no tap waits for it


def outdated(days: float, now: datetime) -> list[str]:
    """The codes of streams without an event for ``days``."""
    limit = (now - timedelta(days=days)).replace(tzinfo=None)
    # There is no index on times, because every tap would pay for it: all events are scanned. The
    # first event of an old stream is old too, so each returns one document.
    with reachable(), patience(SWEEP_SECONDS):
        old = list(EventDocument.objects(seq=1, at__lt=limit).scalar("stream"))
        return sorted(code for code in old if _last_at(code) < limit)


def _last_at(code: str) -> datetime:
    last: datetime = EventDocument.objects(stream=code).order_by("-seq").scalar("at").first()
    return last


def delete_stream(store: EventStore, code: str) -> int:
    """Delete a tournament; returns how many events there were. It may be interrupted and run again:
    the second event goes first, so that what is left cannot be read, and nobody draws an evening
    again whose draw is gone but whose secret is known. The first event, which ``outdated`` finds,
    goes last."""
    with reachable():
        WebhookDocument.objects(stream=code).delete()
        SnapshotDocument.objects(id=code).delete()
        seqs = list(EventDocument.objects(stream=code).scalar("seq"))
        for seq in sorted(seqs, key=lambda seq: (seq != 2, -seq)):
            EventDocument.objects(id=f"{code}:{seq}").delete()
        SnapshotDocument.objects(id=code).delete()
    store.forget(code)
    if seqs:
        log.info(
            "evening deleted",
            extra={"event.action": "privacy.retention", "labels.tournament": code},
        )
    return len(seqs)
