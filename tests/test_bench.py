"""Every measurement of bench/ still runs, once and scaled down. Its figures here mean nothing."""

from __future__ import annotations

import importlib
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from typing import Any

import mongoengine
import pytest

from bench import (
    dearest,
    gathering,
    large,
    layers,
    matches,
    page,
    results,
    reveal,
    scale,
    screens,
    startup,
    store,
    taps,
)
from bench.calm import MOST_OTHERS, Look, disturbances, look
from bench.figures import MEASUREMENTS, Figure, Measurement, table
from bench.place import Place, place
from lct.config import Settings, environ_of
from lct.domain.play.formats import KNOCKOUT, LEAGUE, Format
from lct.infrastructure.documents import connect_store
from lct.web import metrics as web_metrics
from lct.web import requests as web_requests

from .http_client import app_here
from .support import forget_limits

TINY: dict[Any, dict[str, Any]] = {
    taps: {"ROUNDS": 1, "PLAYERS": 3},
    store: {
        "APPEND_ROUNDS": 1,
        "APPENDS": 3,
        "LOAD_ROUNDS": 3,
        "CONTENDED_ROUNDS": 1,
        "CONTENDED_SECONDS": 0.2,
        "WRITERS": 2,
        "LENGTHS": (10, 100, 1_000),
    },
    layers: {"ROUNDS": 1, "POSTS": 3, "LAYERS": ("log",)},
    startup: {"STARTS": 1, "PHONES": 2},
    screens: {
        "PHONES": 2,
        "PICKS": 3,
        "IDLE": (0.0, 0.0),
        "SETTLE": 0.01,
        "TURNS": 1,
        "PICKS_A_TURN": 2,
        "MANY_TEAMS": 200,
    },
    matches: {"TURNS": 1, "PLAYERS": 4},
    results: {"PHONES": 8, "SEEN": 4, "WARM": 0, "IDLE": (0.0, 0.0)},
    large: {
        "TURNS": 1,
        "RESULTS": 2,
        "LOADS": 1,
        "SMALL": ("16_cup", 4, Format(KNOCKOUT)),
        "LARGE": (("1024_cup", 8, Format(KNOCKOUT)), ("64_league", 4, Format(LEAGUE))),
        "SENT": (("16_league", 4, Format(LEAGUE)),),
    },
    scale: {"PODS": 4, "TOURNAMENTS": 12, "SCREENS": 6, "CHANGES": 1},
    page: {},
    reveal: {"SIZES": (16,)},
    gathering: {"SIZES": (32,), "ROUNDS": 1, "SETTLE": 0.1},
    dearest: {"TIMES": 1, "NEW_WORKERS": 1, "COLD": 2, "MAX_PLAYERS": 20, "MAX_TEAMS": 60},
}
NEEDS = {"screens": "cc"}
MARKS = {"page": (pytest.mark.browser,)}
Served = Callable[..., AbstractContextManager[Place]]


@pytest.fixture(scope="module")
def shared() -> Iterator[Served]:
    """Replaces bench.place.place. Measurements with the same arguments take turns at one place."""
    with ExitStack() as stack:

        @cache
        def opened(workers: int, target: str) -> Place:
            return stack.enter_context(place(workers, target))

        @contextmanager
        def lent(workers: int, target: str = "wsgi:app") -> Iterator[Place]:
            where = opened(workers, target)
            forget_limits(where.settings.redis_url)
            connect_store(where.settings)
            yield where
            mongoengine.disconnect()

        yield lent


def measurements() -> list[Any]:
    tiny = {module.__name__.rpartition(".")[2] for module in TINY}
    return [
        pytest.param(
            each,
            id=f"{each.subject}-{each.names[0]}",
            marks=[pytest.mark.slow, *MARKS.get(each.subject, ())],
        )
        for each in MEASUREMENTS
        if each.subject in tiny
    ]


@pytest.mark.parametrize("measurement", measurements())
def test_a_measurement_runs_and_gives_only_declared_figures(
    measurement: Measurement, shared: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (tool := NEEDS.get(measurement.subject)) and not shutil.which(tool):
        pytest.skip(f"needs {tool}")
    for module, values in TINY.items():
        for name, value in values.items():
            assert hasattr(module, name), f"{module.__name__} has no {name} any more"
            monkeypatch.setattr(module, name, value)
    for module in (dearest, gathering, layers, page, screens, startup, taps):
        monkeypatch.setattr(module, "place", shared)
    figures: list[Figure] = list(measurement.run())
    assert figures
    assert {figure.name for figure in figures} <= set(measurement.names)
    assert all(math.isfinite(figure.value) for figure in figures)


def test_every_layer_can_be_left_out(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The measurement above leaves out one layer only, since each needs another server."""
    for name, value in environ_of(settings).items():
        monkeypatch.setenv(name, value)
    with app_here(settings):  # its cleanup also covers the module's own app
        monkeypatch.delitem(sys.modules, "bench.app", raising=False)
        bench_app = importlib.import_module("bench.app")

    def seen(layer: str) -> set[str]:
        """The layers around the view when this one is left out."""
        counted, logged = [], []
        with monkeypatch.context() as patch, app_here(settings) as app:
            patch.setattr(web_metrics, "count_request", lambda *_: counted.append(1))
            patch.setattr(web_requests, "_log", lambda *_: logged.append(1))
            for name in ("security", "_receive"):
                patch.setattr(web_requests, name, getattr(web_requests, name))
            app.register_blueprint(bench_app.bp)
            bench_app.without(layer, app)
            answer = app.test_client().post("/bench/constant")
        assert (answer.status_code, answer.text) == (200, "ok") or answer.status_code == 403
        around = {
            "log": logged,
            "metrics": counted,
            "headers": "Content-Security-Policy" in answer.headers,
            "session_token_body": answer.status_code == 403,
        }
        return {name for name, there in around.items() if there}

    every = set(layers.LAYERS)
    assert seen("") == every
    for layer in layers.LAYERS:
        assert seen(layer) == every - {layer}


def test_the_taps_benchmark_declares_the_cost_of_a_request() -> None:
    (of_taps,) = [each for each in MEASUREMENTS if each.subject == "taps"]
    assert {"constant_vs_plain_flask", "pick_cpu_vs_raw_store"} <= set(of_taps.names)


# --- disturbed measurements -----------------------------------------------------------------------

QUIET = Look(stolen=5.0, at=100.0, others=0.02, loop=0.010)


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (QUIET._replace(at=110.0), ""),
        (QUIET._replace(at=110.0, stolen=5.0 + 10.0 * (os.cpu_count() or 1)), "stolen"),
        (QUIET._replace(at=110.0, others=0.5), "other processes used 50%"),
        (QUIET._replace(at=110.0, loop=0.015), "1.5 times"),
    ],
)
def test_a_measurement_names_what_disturbed_it(after: Look, said: str) -> None:
    found = disturbances(QUIET, after, best=0.010)
    assert [said in each for each in found] == ([True] if said else [])
    figure = Figure("pick_cpu_ms", 1.0, "ms", "<= 2", disturbed="; ".join(found))
    assert (json.loads(figure.line())["disturbed"] is not None) == bool(said)
    assert ("~ disturbed: " in table([figure])) == bool(said)


def test_other_work_on_the_machine_is_seen() -> None:
    work = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(work) for _ in range(os.cpu_count() or 1)]
    try:
        assert look().others > MOST_OTHERS
    finally:
        for other in others:
            other.kill()
            other.wait()
