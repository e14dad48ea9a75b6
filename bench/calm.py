"""Detects whether other work disturbed a measurement, so that its figures can say so.

Between measurements, while the bench is idle, a look at the machine measures the CPU that other
processes use and times a fixed loop.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

PAUSE = 0.3  # seconds of a look
TICK = 1 / os.sysconf("SC_CLK_TCK")
# Shares of all cores, and how much longer the loop may take than at its best.
MOST_STOLEN, MOST_OTHERS, MOST_SLOWER = 0.02, 0.15, 1.25


class Look(NamedTuple):
    """The machine at one moment. ``stolen`` and ``at`` are seconds since it was started."""

    stolen: float  # CPU seconds that the hypervisor gave to other guests, over all cores
    at: float
    others: float  # the busy share of all cores while the bench did nothing
    loop: float  # CPU seconds of the control loop


def look() -> Look:
    """Look around for PAUSE seconds."""
    busy_before, _ = _cpu()
    began = time.monotonic()
    time.sleep(PAUSE)
    busy, stolen = _cpu()
    now = time.monotonic()
    return Look(stolen, now, (busy - busy_before) / ((now - began) * _cores()), _loop())


def disturbances(before: Look, after: Look, best: float) -> list[str]:
    """What disturbed the time between two looks; ``best`` is the control loop's shortest time."""
    found = []
    stolen = (after.stolen - before.stolen) / ((after.at - before.at) * _cores())
    others = max(before.others, after.others)
    slower = max(before.loop, after.loop) / best
    if stolen > MOST_STOLEN:
        found.append(f"{stolen:.0%} of the CPU was stolen by the host")
    if others > MOST_OTHERS:
        found.append(f"other processes used {others:.0%} of the CPU")
    if slower > MOST_SLOWER:
        found.append(f"a control loop took {slower:.1f} times as long as at best")
    return found


def _cores() -> int:
    return os.cpu_count() or 1


def _cpu() -> tuple[float, float]:
    """Busy and stolen CPU seconds of the machine (proc(5), /proc/stat)."""
    fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, irq, soft, stolen = (int(field) * TICK for field in fields[:8])
    return user + nice + system + irq + soft, stolen


def _loop() -> float:
    """The CPU seconds of a fixed piece of work, the shortest of three."""
    times = []
    for _ in range(3):
        began = time.process_time()
        sum(number * number % 7 for number in range(100_000))
        times.append(time.process_time() - began)
    return min(times)
