"""Pods whose clocks differ follow the bus's clock and accept each other's signatures."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, request
from itsdangerous import TimestampSigner

from lct.application.execute import Execute
from lct.config import Settings
from lct.domain.door import LockJoining, UnlockJoining
from lct.domain.rights import SYSTEM
from lct.infrastructure import bus_clock
from lct.infrastructure.redis_bus import RedisBus
from lct.web.sessions import Sessions

from .desk import Desk, utc_now

DAYS_90 = 90 * 86400


@pytest.mark.parametrize("skew", [-90.0, 0.0, 3600.0])
def test_a_pod_with_a_wrong_clock_follows_the_bus_clock(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, skew: float
) -> None:
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + skew)
    bus = RedisBus(settings.redis_url)
    assert bus.time() == pytest.approx(real() + skew, abs=1)
    bus.clock.ask()
    assert bus.time() == pytest.approx(real(), abs=0.5)
    if not skew:
        before, told, after = real(), bus.time(), real()
        assert before - 0.001 <= told <= after + 0.001  # no jitter on one machine


def test_a_difference_within_the_round_trip_time_is_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bus = RedisBus("redis://127.0.0.1:1")

    def answer_late(**_: object) -> tuple[str, str]:
        time.sleep(0.2)
        return f"{time.time() * 1e6:.0f}", "0"  # as if the request alone had taken all of the time

    monkeypatch.setattr(bus.clock, "_script", answer_late)
    bus.clock.ask()
    before, told, after = time.time(), bus.time(), time.time()
    assert before - 0.001 <= told <= after + 0.001


class Jumpy:
    """Workers on one bus whose wall clock jumps: for the bus that is as if theirs did."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.turning = settings, True
        self.off = 0.0  # of the shared clock from the wall clock
        self.workers = [self.join(), self.join()]
        self.redis = self.workers[0].redis
        self.redis.delete(*bus_clock.KEYS)
        self.ask()

    def join(self) -> RedisBus:
        bus = RedisBus(self.settings.redis_url, lambda now: self.turning)
        bus.clock.ask()
        return bus

    def ask(self) -> None:
        for bus in self.workers:
            bus.clock.ask()

    def jump(self, seconds: float) -> None:
        for bus in self.workers:
            bus.clock._base -= seconds
        self.off -= seconds
        if seconds > 5:
            self.redis.delete(*bus_clock.KEYS)  # expired

    def agree(self) -> bool:
        return all(abs(bus.time() - time.time() - self.off) < 0.3 for bus in self.workers)


@pytest.fixture
def jumpy(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Jumpy:
    # The tests' other servers are on this bus too, and must not follow this clock.
    monkeypatch.setattr(bus_clock, "KEYS", ("test:clock", "test:clock:turning"))
    return Jumpy(settings)


@pytest.mark.parametrize("seconds", [600.0, -600.0, 86_400 * 300])
def test_a_jump_of_the_wall_clock_neither_spoils_nor_freezes_a_reveal(
    jumpy: Jumpy, seconds: float
) -> None:
    e = jumpy
    assert e.agree()
    for _ in range(2):
        e.jump(seconds)
        e.ask()
        assert e.agree()
    e.workers.append(e.join())  # one that starts now joins the others
    e.ask()
    assert e.agree()
    # Once no card turns, a clock that is behind leaps ahead. None goes back.
    e.turning = False
    e.ask()
    assert e.agree()  # another worker may not have said yet that it has some
    e.redis.delete(bus_clock.KEYS[1])
    e.ask()
    if seconds > 0:
        e.off = 0.0
    assert e.agree()


def test_a_worker_that_was_suspended_alone_follows_the_others(jumpy: Jumpy) -> None:
    jumpy.workers[0].clock._base -= 600
    jumpy.ask()
    assert jumpy.agree()


def test_the_history_never_runs_backwards(desk: Desk) -> None:
    code = desk.create()
    later = utc_now() + timedelta(minutes=10)
    for kind, moment in ((LockJoining, later), (UnlockJoining, later - timedelta(minutes=10))):
        desk.store.write_snapshot(desk.store.stream(code))
        desk.store.forget(code)  # another worker, which knows the snapshot
        Execute(desk.store, [], lambda moment=moment: moment)(kind(code=code, by=SYSTEM))  # type: ignore[misc]
    times = [event["at"] for event in desk.store.events.find({"stream": code}).sort("seq", 1)]
    assert len(times) == 3
    assert times == sorted(times)


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
