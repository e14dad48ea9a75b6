"""Kubernetes probes: liveness checks no dependency; readiness needs the store, which may be away
for half a minute, but no bus."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection

import gevent
import pytest
from flask import Flask

from lct.config import Settings
from lct.web import health
from lct.web.app import App

from .http_client import app_here
from .support import wait_until

WELL = {"store": True, "bus": True}


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    with app_here(settings) as made:
        yield made


def depend(app: Flask, ask: Callable[[], dict[str, bool]]) -> None:
    """Replace the app's dependency check by ``ask``."""

    class Depending(App):
        ready = staticmethod(ask)

    app.extensions["lct"] = Depending(**vars(app.extensions["lct"]))


def ready(app: Flask) -> tuple[int, dict[str, object]]:
    answer = app.test_client().get("/readiness")
    return answer.status_code, answer.get_json()


def test_it_is_ready_with_real_servers(app: Flask) -> None:
    assert ready(app) == (200, {"status": "ready", **WELL, "draining": False})


def test_liveness_checks_no_dependency(app: Flask) -> None:
    depend(app, lambda: pytest.fail("asked"))
    assert app.test_client().get("/liveness").status_code == 200


AWAY = {"store": False, "bus": True}


@pytest.mark.parametrize(("answers", "status"), [(AWAY, 503), ({"store": True, "bus": False}, 200)])
def test_a_worker_gets_ready_with_the_store_and_needs_no_bus(
    app: Flask, answers: dict[str, bool], status: int
) -> None:
    depend(app, lambda: answers)
    code, said = ready(app)
    assert code == status
    assert said.items() >= answers.items()


def test_a_worker_stays_ready_for_half_a_minute_without_the_store(app: Flask) -> None:
    """An election takes ten seconds, and a page that says so is better than the balancer's."""
    lookout = app.extensions["lct-lookout"]

    def later(seconds: float) -> tuple[int, dict[str, object]]:
        lookout.at -= seconds
        if lookout.away_since:
            lookout.away_since -= seconds
        return ready(app)

    for _ in range(2):  # the second time away starts anew
        depend(app, lambda: WELL)
        assert later(60)[0] == 200
        depend(app, lambda: AWAY)
        assert later(60) == (200, {"status": "ready", **AWAY, "draining": False})
        assert later(29)[0] == 200
        assert later(2) == (503, {"status": "not ready", **AWAY, "draining": False})


def test_a_worker_that_stops_is_not_ready_although_the_store_is_away_for_a_moment(
    app: Flask,
) -> None:
    assert ready(app)[0] == 200
    depend(app, lambda: AWAY)
    app.extensions["lct-lookout"].at = -1e9
    assert ready(app)[0] == 200
    app.extensions["lct"].hub.draining = True
    assert ready(app)[0] == 503


def test_a_store_that_hangs_counts_as_away(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.05)
    monkeypatch.setattr(health, "GRACE", 0.3)
    assert ready(app)[0] == 200
    app.extensions["lct-lookout"].at = -1e9

    def ask() -> dict[str, bool]:
        gevent.sleep(1)
        return AWAY

    depend(app, ask)
    assert ready(app)[0] == 200
    gevent.sleep(0.3)
    assert ready(app)[0] == 503


def test_many_probes_share_one_check_every_two_seconds(app: Flask) -> None:
    asked = []

    def ask() -> dict[str, bool]:
        asked.append(1)
        gevent.sleep(0.05)
        return WELL

    depend(app, ask)
    probes = [gevent.spawn(ready, app) for _ in range(10)]
    gevent.joinall(probes)
    assert {probe.value[0] for probe in probes} == {200}
    assert len(asked) == 1
    lookout = app.extensions["lct-lookout"]
    for age, questions in ((health.FRESH / 2, 1), (health.FRESH + 0.1, 2)):
        lookout.at = time.monotonic() - age
        assert ready(app)[0] == 200
        assert len(asked) == questions


def test_a_hanging_store_does_not_hang_the_probe(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.1)
    asked = []

    def ask() -> dict[str, bool]:
        asked.append(1)
        gevent.sleep(1)
        return WELL

    depend(app, ask)
    began = time.monotonic()
    assert [ready(app)[0], ready(app)[0]] == [503, 503]
    assert time.monotonic() - began < 0.9
    assert len(asked) == 1  # the second probe waited for the same check
    gevent.sleep(1.1)
    assert ready(app)[0] == 200
    assert len(asked) == 1


def test_a_failed_check_is_repeated(app: Flask) -> None:
    def broken() -> dict[str, bool]:
        raise RuntimeError("a defect")

    depend(app, broken)
    assert ready(app)[0] == 503
    depend(app, lambda: WELL)
    assert ready(app)[0] == 200


def test_a_stopping_worker_is_not_ready_and_checks_nothing(app: Flask) -> None:
    assert ready(app)[0] == 200
    depend(app, lambda: pytest.fail("asked"))
    app.extensions["lct-lookout"].at = -1e9
    app.extensions["lct"].hub.draining = True
    assert ready(app) == (503, {"status": "not ready", **WELL, "draining": True})


@pytest.mark.slow
def test_a_stopping_worker_reports_draining_on_open_connections(live_server) -> None:
    server = live_server(workers=1, LCT_DRAIN_SECONDS="2")
    host, _, port = server.url.removeprefix("http://").partition(":")
    connection = HTTPConnection(host, int(port), timeout=5)

    def ask() -> tuple[int, dict[str, object]]:
        connection.request("GET", "/readiness")
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    assert ask()[0] == 200
    server.server.process.send_signal(signal.SIGTERM)
    status, said = wait_until(lambda: (told := ask())[1]["draining"] and told, 2)
    connection.close()
    assert (status, said["draining"]) == (503, True)
