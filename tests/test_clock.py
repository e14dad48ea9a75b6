"""Pods whose clocks differ follow the bus's clock and accept each other's signatures."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, request
from itsdangerous import TimestampSigner

from lct.config import Settings
from lct.infrastructure import redis_bus
from lct.infrastructure.redis_bus import RedisBus
from lct.web.sessions import Sessions

DAYS_90 = 90 * 86400


@pytest.mark.parametrize("skew", [-90.0, 0.0, 3600.0])
def test_a_pod_with_a_wrong_clock_follows_the_bus_clock(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, skew: float
) -> None:
    real = time.time
    monkeypatch.setattr(redis_bus.time, "time", lambda: real() + skew)
    bus = RedisBus(settings.redis_url)
    assert bus.time() == pytest.approx(real() + skew, abs=1)
    bus._set_clock()
    assert bus.time() == pytest.approx(real(), abs=0.5)
    if not skew:
        before, told, after = real(), bus.time(), real()
        assert before - 0.001 <= told <= after + 0.001  # no jitter on one machine


def test_a_difference_within_the_round_trip_time_is_ignored() -> None:
    bus = RedisBus("redis://127.0.0.1:1")

    def answer_late() -> tuple[int, int]:
        time.sleep(0.2)
        now = time.time()  # as if the request alone had taken all of the time
        return int(now), int(now % 1 * 1e6)

    bus.redis.time = answer_late  # type: ignore[method-assign, assignment]
    bus._set_clock()
    before, told, after = time.time(), bus.time(), time.time()
    assert before - 0.001 <= told <= after + 0.001


@pytest.fixture
def signing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``taken(cookie)`` is the session that this pod reads; ``sign(ahead)`` is a cookie from a
    pod whose clock is ``ahead`` seconds ahead."""
    app = Flask("pod")
    app.secret_key = "a secret key for tests only"
    app.permanent_session_lifetime = timedelta(seconds=DAYS_90)
    sessions = Sessions(app)
    serializer = sessions.get_signing_serializer(app)
    assert serializer is not None
    now = [0.0]
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: int(time.time() + now[0]))

    def sign(ahead: float) -> str:
        now[0] = ahead
        try:
            return str(serializer.dumps({"id": "x"}))
        finally:
            now[0] = 0

    def taken(cookie: str) -> dict[str, Any]:
        name = sessions.get_cookie_name(app)
        with app.test_request_context(headers={"Cookie": f"{name}={cookie}"}):
            return dict(sessions.open_session(app, request) or {})

    return taken, sign


@pytest.mark.parametrize("ahead", [0, 2, 90, -90, -DAYS_90 + 60])
def test_a_session_signed_by_a_pod_with_another_clock_is_valid(signing: Any, ahead: float) -> None:
    taken, sign = signing
    assert taken(sign(ahead)) == {"id": "x"}


def test_a_session_that_is_too_old_or_not_ours_is_ignored(signing: Any) -> None:
    taken, sign = signing
    for bad in (sign(-DAYS_90 - 60), sign(90)[:-3] + "abc", ""):
        assert taken(bad) == {}
