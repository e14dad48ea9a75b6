"""A screen's stay in its tournament's room, which outlasts the request that began it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextvars import Context
from typing import NamedTuple

import gevent
from flask import g

from ..domain.errors import LctError
from ..this_request import request_id
from . import metrics
from .admission import Place
from .app import App
from .outbox import Outbox

log = logging.getLogger(__name__)


class Stay(NamedTuple):
    """What is kept of a request whose connection stays open. It is small, since a screen may be one
    of thousands: the request itself, its context and its stack end with its view."""

    app: App
    place: Place
    request_id: str
    seen: str = ""

    def begin(self, box: Outbox, read: Callable[[Stay, Outbox], None]) -> None:
        """Stay in the tournament's room while ``read`` runs, in a greenlet of its own."""
        del g.admitted  # from now on _stay() releases it
        g.upgraded, box.seats = True, g.get("seats", ())
        Context().run(gevent.spawn, self._stay, box, read)

    @property
    def code(self) -> str:
        return self.place.code

    def _stay(self, box: Outbox, read: Callable[[Stay, Outbox], None]) -> None:
        request_id.set(self.request_id)
        hub, room, started = self.app.hub, None, time.monotonic()
        about = {
            "labels.tournament": self.code,
            "labels.view": box.shared.view,
            "labels.way": box.way,
            "http.request.id": self.request_id,
        }
        log.info("screen opened", extra={"event.action": "screen.open", **about})
        try:
            room = hub.enter(self.code, box, self.seen)
            read(self, box)
        except LctError:
            box.close(1013, "try again later")
        except Exception:
            log.exception("screen failed", extra={"labels.error_kind": "service", **about})
            metrics.DROPPED.labels("error").inc()
            box.close(1011, "error")
        finally:
            if room is not None:
                hub.leave(room, box)
            box.see_off()
            hub.admission.release(self.place)
            duration = int((time.monotonic() - started) * 1e9)
            ended = {"event.action": "screen.close", "event.duration": duration}
            log.info("screen closed", extra={**ended, **about})
