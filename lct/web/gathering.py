"""The shares that phones send while a draw begins, stored in batches: a thousand come at once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import gevent

from ..domain.errors import LctError, Refused
from ..domain.gathering import OpenShares, check_share
from ..domain.rights import SYSTEM
from ..domain.shares import Opened

if TYPE_CHECKING:
    from ..application.execute import Execute
    from ..infrastructure.event_store import EventStore
    from ..infrastructure.stream import Stream

log = logging.getLogger(__name__)

PAUSE = 0.1  # seconds that shares are collected


class Gatherer:
    """Collects the shares that come to this worker. One that is lost, with the worker or because
    the store does not answer, is sent again: a phone goes on until it sees that its share is in."""

    def __init__(self, store: EventStore, execute: Execute[Stream]) -> None:
        self._store, self._execute = store, execute
        self._waiting: dict[tuple[str, int], dict[str, str]] = {}

    def take(self, code: str, player_id: str, share: str, certain: bool = False) -> None:
        """Take in a share; the refusal if it cannot go into the draw. It is ``certain``, if newer
        events were read first: this worker may not have heard that the draw has begun."""
        t = self._store.stream(code).tournament
        try:
            check_share(t, player_id, share)
        except Refused:
            if not certain:
                raise
            t = self._store.read(code).tournament
            self._execute.follow_up(t)  # in case a worker ended before it could
            check_share(t, player_id, share)
        batch = code, t.attempt
        if t.gathering is None:
            return
        if player_id in t.gathering.shares:
            self._execute.follow_up(t)
            return
        if batch not in self._waiting:
            self._waiting[batch] = {}
            gevent.spawn_later(PAUSE, self._store_batch, *batch)
        self._waiting[batch][player_id] = share

    def _store_batch(self, code: str, attempt: int) -> None:
        opened = tuple(Opened(*each) for each in self._waiting.pop((code, attempt)).items())
        try:
            self._execute(OpenShares(code=code, by=SYSTEM, attempt=attempt, shares=opened))
        except LctError:
            extra = {"labels.tournament": code}
            log.warning("shares not stored", extra=extra, exc_info=True)
