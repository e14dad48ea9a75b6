"""Every measurement of bench/ still runs, once and tiny: what is measured here says nothing."""

from __future__ import annotations

import math
import shutil
from typing import Any

import pytest

from bench import dearest, layers, page, scale, screens, startup, store, taps
from bench.figures import MEASUREMENTS, Figure, Measurement

TINY: dict[Any, dict[str, Any]] = {
    taps: {"ROUNDS": 1, "PLAYERS": 3},
    store: {
        "APPEND_ROUNDS": 1,
        "APPENDS": 3,
        "LOAD_ROUNDS": 3,
        "CONTENDED_ROUNDS": 1,
        "CONTENDED_SECONDS": 0.2,
        "WRITERS": 2,
    },
    layers: {"ROUNDS": 1, "POSTS": 3},
    startup: {"STARTS": 1, "PHONES": 2},
    screens: {"PHONES": 2, "PICKS": 3, "TURNS": 1, "PICKS_A_TURN": 2, "MANY_TEAMS": 200},
    scale: {"PODS": 4, "TOURNAMENTS": 12, "SCREENS": 6, "CHANGES": 1},
    page: {},
    dearest: {"TIMES": 1, "MAX_PLAYERS": 20, "MAX_TEAMS": 60},
}
NEEDS = {"screens": "cc"}
MARKS = {"page": (pytest.mark.browser,)}


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
def test_a_measurement_runs_and_gives_figures_that_it_declares(
    measurement: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (tool := NEEDS.get(measurement.subject)) and not shutil.which(tool):
        pytest.skip(f"needs {tool}")
    for module, values in TINY.items():
        for name, value in values.items():
            assert hasattr(module, name), f"{module.__name__} has no {name} any more"
            monkeypatch.setattr(module, name, value)
    figures: list[Figure] = list(measurement.run())
    assert figures
    assert {figure.name for figure in figures} <= set(measurement.names)
    assert all(math.isfinite(figure.value) for figure in figures)


def test_what_a_request_costs_is_declared_with_its_aims() -> None:
    (of_taps,) = [each for each in MEASUREMENTS if each.subject == "taps"]
    assert {"constant_vs_plain_flask", "pick_cpu_vs_raw_store"} <= set(of_taps.names)
