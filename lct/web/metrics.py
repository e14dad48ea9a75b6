"""The metrics of all workers, for Prometheus at GET /metrics.

A label has a few known values, never a code, a name or an address.
"""

from __future__ import annotations

import hmac
import os
from functools import cache

from flask import Blueprint, Response, abort, current_app, request
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector

from ..application.screens import VIEWS
from ..domain.errors import NotAllowed

bp = Blueprint("metrics", __name__)

# The folder in which workers share their metrics (lct/serving.py). A single process, such as a
# test or a command, has none.
FOLDER = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
REGISTRY = CollectorRegistry()
SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

disable_created_metrics()  # type: ignore[no-untyped-call]


class Tally(Counter):
    """A counter to which one change may add a thousand times. The library takes microseconds for
    each addition, so it gets their sum, by flush(), once a second."""

    more = 0

    def add(self, more: int) -> None:
        self.more += more

    def flush(self) -> None:
        if self.more:
            self.inc(self.more)
            self.more = 0


def flush() -> None:
    for each in (FRAMES, FRAME_BYTES, RENDERS):
        each.flush()


# --- screens ----------------------------------------------------------------------------------

SOCKETS = Gauge(
    "lct_sockets",
    "Open websockets (ws) and event streams (sse).",
    ["way", "view"],
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
FRAMES = Tally("lct_frames", "Frames with regions, counted per socket.", registry=REGISTRY)
FRAME_BYTES = Tally("lct_frame_bytes", "Bytes of those frames.", registry=REGISTRY)
RENDERS = Tally("lct_renders", "Regions rendered, not taken from the cache.", registry=REGISTRY)
WAITING = Gauge(
    "lct_outbox_waiting",
    "Sockets with a partly written frame.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
DROPPED = Counter(
    "lct_sockets_dropped", "Sockets ended by the server.", ["reason"], registry=REGISTRY
)
HEALS = Counter(
    "lct_heals", "Changes that a room found without a message.", ["cause"], registry=REGISTRY
)
COMMIT_TO_FRAME = Histogram(
    "lct_commit_to_frame_seconds",
    "From the event's time in the store to its frame.",
    registry=REGISTRY,
    buckets=SECONDS,
)
BUS_AGE = Gauge(
    "lct_bus_age_seconds",
    "Seconds since the bus was last reachable, in the worker that has missed it longest.",
    registry=REGISTRY,
    multiprocess_mode="livemax",
)
BUS_CONNECTED = Gauge(
    "lct_bus_connected",
    "1 while every worker is connected to the bus.",
    registry=REGISTRY,
    multiprocess_mode="livemin",
)

# --- webhooks ---------------------------------------------------------------------------------

WEBHOOKS = Counter("lct_webhooks", "Messages sent to webhooks.", ["outcome"], registry=REGISTRY)

# --- requests ---------------------------------------------------------------------------------

# Its count is that of the answered requests.
REQUEST_SECONDS = Histogram(
    "lct_request_seconds",
    "From a request's arrival until its answer is ready to be sent.",
    ["method", "route", "status"],
    registry=REGISTRY,
    buckets=SECONDS,
)
ERRORS = Counter("lct_errors", "Requests refused or failed.", ["kind"], registry=REGISTRY)

# Without this a worker without screens has no series, and alerts have nothing to compare.
for way in ("ws", "sse"):
    for view in VIEWS:
        SOCKETS.labels(way, view)
# A counter that begins with its first event hides that event from increase() and its alert.
for reason in ("stuck", "silent", "error", "limit", "malformed", "drain"):
    DROPPED.labels(reason)
for cause in ("tick", "subscribe", "retry"):
    HEALS.labels(cause)
for outcome in ("delivered", "failed", "refused", "gone", "given-up"):
    WEBHOOKS.labels(outcome)
for kind in ("validation", "business", "security", "service", "moved", "cancelled"):
    ERRORS.labels(kind)


def count_webhook(outcome: str) -> None:
    WEBHOOKS.labels(outcome).inc()


def count_request(
    method: str, route: str | None, status: int, seconds: float, kind: str | None
) -> None:
    """Count an answered request; ``route`` is the endpoint, ``kind`` that of its error."""
    # A client may send any method, and a path that no route has.
    method = method if method in ("GET", "HEAD", "POST", "DELETE", "OPTIONS") else "other"
    _of_requests(method, route or "none", f"{status // 100}xx").observe(seconds)
    if kind:
        ERRORS.labels(kind).inc()


@cache
def _of_requests(*labels: str) -> Histogram:
    """Cached: the library looks each series up under a lock."""
    return REQUEST_SECONDS.labels(*labels)


@bp.get("/metrics")
def text() -> Response:
    """All metrics, for callers with LCT_METRICS_TOKEN; 404 where that is not set."""
    token = current_app.config.get("LCT_METRICS_TOKEN")
    if not token:
        abort(404)
    given = request.headers.get("Authorization", "").encode("latin-1")
    if not hmac.compare_digest(given, f"Bearer {token}".encode()):
        raise NotAllowed
    flush()
    shared = FOLDER and MultiProcessCollector(None, FOLDER)  # type: ignore[no-untyped-call]
    return Response(generate_latest(shared or REGISTRY), content_type=CONTENT_TYPE_PLAIN_0_0_4)
