"""Figures and the registry of measurements.

To add a measurement, write a generator that yields `Figure`s, decorate it with
`@measures("its_name", ...)`, and import its module in __main__.py.
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

SIGNS = {"<=": operator.le, "<": operator.lt, ">=": operator.ge}


@dataclass(frozen=True)
class Figure:
    """One measured number; ``aim`` is empty or a comparison, for example ``<= 3``."""

    name: str
    value: float
    unit: str
    aim: str = ""
    disturbed: str = ""  # by what, if the figure cannot be trusted (calm.py)

    @property
    def ok(self) -> bool | None:
        """Whether the aim is met; None without one."""
        if not self.aim:
            return None
        sign, limit = self.aim.split()
        return bool(SIGNS[sign](self.value, float(limit)))

    def line(self) -> str:
        """The figure as one line of JSON."""
        return json.dumps(
            {
                "name": self.name,
                "value": float(f"{self.value:.4g}"),
                "unit": self.unit,
                "aim": self.aim or None,
                "ok": self.ok,
                "disturbed": self.disturbed or None,
                "command": f"make bench ONLY={self.name}",
            }
        )


def table(figures: Iterable[Figure]) -> str:
    """The figures as a table, whether each met its aim, and what disturbed them."""
    reasons: dict[str, None] = {}
    rows = [f"{'figure':<36}{'value':>9}  {'unit':<9}{'aim':<8}"]
    for figure in figures:
        verdict = {None: "", True: "met", False: "MISSED"}[figure.ok]
        row = f"{figure.name:<36}{figure.value:>9.4g}  {figure.unit:<9}{figure.aim:<8}{verdict}"
        rows.append(row.rstrip() + (" ~" if figure.disturbed else ""))
        reasons |= {figure.disturbed: None} if figure.disturbed else {}
    rows += [f"~ disturbed: {reason}" for reason in reasons]
    return "\n".join(rows)


class Measurement(NamedTuple):
    """A function that yields figures, their names, and its module."""

    subject: str
    names: tuple[str, ...]
    run: Callable[[], Iterator[Figure]]


MEASUREMENTS: list[Measurement] = []


def measures(*names: str) -> Callable[[Callable[[], Iterator[Figure]]], Callable[..., object]]:
    """Register a generator of figures with these names."""

    def register(run: Callable[[], Iterator[Figure]]) -> Callable[[], Iterator[Figure]]:
        MEASUREMENTS.append(Measurement(run.__module__.rpartition(".")[2], names, run))
        return run

    return register


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: a value that was measured."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]
