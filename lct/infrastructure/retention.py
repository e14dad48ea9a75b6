"""Deleting old tournaments: which are outdated, and all of one."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from .documents import EventDocument, SnapshotDocument, WebhookDocument, patience
from .event_store import EventStore, reachable

log = logging.getLogger(__name__)

SWEEP_SECONDS = 600  # for finding what is outdated: nobody who taps waits for it


def outdated(days: float, now: datetime) -> list[str]:
    """The codes of streams in which nothing has happened for ``days``."""
    limit = (now - timedelta(days=days)).replace(tzinfo=None)
    # No index has the times, which every tap would pay for: all events are looked through. Of a
    # stream that is old its first event is, so one document comes back for each.
    with reachable(), patience(SWEEP_SECONDS):
        old = list(EventDocument.objects(seq=1, at__lt=limit).scalar("stream"))
        return sorted(code for code in old if _last_at(code) < limit)


def _last_at(code: str) -> datetime:
    last: datetime = EventDocument.objects(stream=code).order_by("-seq").scalar("at").first()
    return last


def delete_stream(store: EventStore, code: str) -> int:
    """Delete a whole evening, from its last event to its first: whatever interrupts this leaves
    an older but whole state of it, and it may be run again. Returns how many events there were."""
    with reachable():
        WebhookDocument.objects(stream=code).delete()
        SnapshotDocument.objects(id=code).delete()
        seqs = list(EventDocument.objects(stream=code).order_by("-seq").scalar("seq"))
        for seq in seqs:
            EventDocument.objects(id=f"{code}:{seq}").delete()
        SnapshotDocument.objects(id=code).delete()
    store.forget(code)
    log.info(
        "evening deleted",
        extra={"event.action": "privacy.retention", "labels.tournament": code},
    )
    return len(seqs)
