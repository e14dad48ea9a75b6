"""Probes: alive (no dependencies), ready (store answers, not draining)."""

from __future__ import annotations

import time

from flask import Blueprint

from .parts import parts

bp = Blueprint("health", __name__)
FRESH = 2.0  # seconds an answer about the dependencies is good for
_checked: dict[str, tuple[float, dict[str, bool]]] = {}


@bp.get("/liveness")
def liveness() -> tuple[dict[str, str], int]:
    return {"status": "alive"}, 200


@bp.get("/readiness")
def readiness() -> tuple[dict[str, object], int]:
    """Ready while the store answers; without the bus pages still work, so it is only told."""
    checked_at, answers = _checked.get("ready", (0.0, {}))
    if time.monotonic() - checked_at > FRESH:
        answers = parts().ready()
        _checked["ready"] = (time.monotonic(), answers)
    draining = parts().hub.draining
    ok = answers["store"] and not draining
    return {"status": "ready" if ok else "not ready", **answers, "draining": draining}, (
        200 if ok else 503
    )
