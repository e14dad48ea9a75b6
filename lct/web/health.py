"""Probes: liveness (checks no dependency), readiness (the store answers, or has been away for less
than GRACE seconds, and this worker is not stopping).

There is no startup probe: gunicorn listens before its workers have loaded the app, so the first
answer to /liveness serves as one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import gevent
from flask import Blueprint, current_app
from flask.blueprints import BlueprintSetupState

from .app import app

bp = Blueprint("health", __name__)
FRESH = 2.0  # seconds that an answer about the dependencies is cached
# Seconds that a probe waits for an answer. A hanging bus takes 2, and lct is ready without it.
PATIENCE = 2.5
# Seconds without the store for which a worker stays ready. An election takes about ten, in which
# every pod has lost the store at once. If all of them left the balancer, guests would get its error
# page instead of ours, which asks them to try again in a moment.
GRACE = 30.0


class Lookout:
    """The last answers of this worker's dependencies; all probes share one check at a time."""

    def __init__(self) -> None:
        self.answers = {"store": False, "bus": False}
        self.at = -FRESH
        # When the store was first found away. None: it answers; -inf: it has never answered, so a
        # new pod with a wrong address of the store does not become ready.
        self.away_since: float | None = -math.inf
        self._asking: gevent.Greenlet | None = None

    @property
    def serves(self) -> bool:
        """Whether the store answers, or has been away for less than GRACE seconds."""
        return self.away_since is None or time.monotonic() - self.away_since < GRACE

    def look(self, ask: Callable[[], dict[str, bool]]) -> dict[str, bool]:
        """The answers, at most FRESH seconds old; all False when there are none in time."""
        if time.monotonic() - self.at > FRESH:
            if self._asking is None:
                self._asking = gevent.spawn(self._ask, ask)
            asking = self._asking
            asking.join(PATIENCE)
            if not asking.successful():
                self._note(False)
                return dict.fromkeys(self.answers, False)
        return self.answers

    def _ask(self, ask: Callable[[], dict[str, bool]]) -> None:
        try:
            self.answers = ask()
            self.at = time.monotonic()
            self._note(self.answers["store"])
        finally:
            self._asking = None

    def _note(self, store: bool) -> None:
        if store:
            self.away_since = None
        elif self.away_since is None:
            self.away_since = time.monotonic()


@bp.record
def _look_out(state: BlueprintSetupState) -> None:
    state.app.extensions["lct-lookout"] = Lookout()


@bp.get("/liveness")
def liveness() -> tuple[dict[str, str], int]:
    return {"status": "alive"}, 200


@bp.get("/readiness")
def readiness() -> tuple[dict[str, object], int]:
    """Ready while pages can be served, if only to say that the store is away for a moment. Pages
    work without the bus, so its state is only reported."""
    lookout: Lookout = current_app.extensions["lct-lookout"]
    draining = app().hub.draining
    answers = lookout.answers if draining else lookout.look(app().ready)
    ok = lookout.serves and not draining
    return {"status": "ready" if ok else "not ready", **answers, "draining": draining}, (
        200 if ok else 503
    )
