"""The limits of a scenario's steps, and whether they were kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..figures import Figure

# Of one step, as Locust counted it (a StatsEntry; milliseconds).
MEASURES: dict[str, tuple[str, Callable[[Any], float]]] = {
    "mean": ("s", lambda entry: entry.avg_response_time / 1000),
    "p90": ("s", lambda entry: entry.get_response_time_percentile(0.90) / 1000),
    "p95": ("s", lambda entry: entry.get_response_time_percentile(0.95) / 1000),
    "failed": ("%", lambda entry: entry.fail_ratio * 100),
}


class Limit(NamedTuple):
    """An aim, for example ``< 2``, for one measure of one step."""

    step: str
    measure: str
    aim: str

    def figure(self, entries: Mapping[str, Any]) -> Figure:
        """The measured figure. A step that never ran is NaN, which misses every aim."""
        unit, of = MEASURES[self.measure]
        entry = entries.get(self.step)
        value = of(entry) if entry and entry.num_requests else math.nan
        return Figure(f"{self.step}, {self.measure}", value, unit, self.aim)
