"""Probes: liveness (checks no dependency), readiness (the store answers, and this worker is not
stopping).

There is no startup probe: gunicorn listens before its workers have loaded the app, so the first
answer to /liveness serves as one.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import gevent
from flask import Blueprint, current_app

from .app import app

bp = Blueprint("health", __name__)
FRESH = 2.0  # seconds that an answer about the dependencies is cached
# Seconds that a probe waits for an answer. A hanging bus takes 2, and lct is ready without it.
PATIENCE = 2.5


class Lookout:
    """The last answers of this worker's dependencies; all probes share one check at a time."""

    def __init__(self) -> None:
        self.answers = {"store": False, "bus": False}
        self.at = -FRESH
        self._asking: gevent.Greenlet | None = None

    def look(self, ask: Callable[[], dict[str, bool]]) -> dict[str, bool]:
        """The answers, at most FRESH seconds old; all False when there are none in time."""
        if time.monotonic() - self.at > FRESH:
            if self._asking is None:
                self._asking = gevent.spawn(self._ask, ask)
            asking = self._asking
            asking.join(PATIENCE)
            if not asking.successful():
                return dict.fromkeys(self.answers, False)
        return self.answers

    def _ask(self, ask: Callable[[], dict[str, bool]]) -> None:
        try:
            self.answers = ask()
            self.at = time.monotonic()
        finally:
            self._asking = None


@bp.get("/liveness")
def liveness() -> tuple[dict[str, str], int]:
    return {"status": "alive"}, 200


@bp.get("/readiness")
def readiness() -> tuple[dict[str, object], int]:
    """Ready while the store answers. Pages work without the bus, so its state is only reported."""
    lookout = current_app.extensions.setdefault("lct-lookout", Lookout())
    draining = app().hub.draining
    answers = lookout.answers if draining else lookout.look(app().ready)
    ok = answers["store"] and not draining
    return {"status": "ready" if ok else "not ready", **answers, "draining": draining}, (
        200 if ok else 503
    )
