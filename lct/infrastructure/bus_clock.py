"""The clock that all workers share. It does not jump while cards turn.

Each worker counts from its own monotonic clock, so a jump of the system's clock (a small computer
that gets its time, a laptop that woke) changes nothing by itself. Redis has the wall clock, and in
``{lct:clock}`` by how much the shared clock is held off it. Every worker asks every two seconds.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

import redis

log = logging.getLogger(__name__)

CLOCK_SECONDS, TOLERANCE = 2, 0.01  # seconds between time queries; drift to ignore
KEYS = ("{lct:clock}", "{lct:clock}:turning")  # in one slot of a cluster
# All times are microseconds. The first key expires after 5 s without a worker, and at once when the
# wall clock leaps ahead: then the worker that asks first says what time it is. The shared clock
# never goes back. If it is behind, it leaps to the wall clock once no worker has a card to turn.
SHARED = """
local t = redis.call('TIME')
local wall, own = t[1] * 1000000 + t[2], tonumber(ARGV[1])
local before = tonumber(redis.call('GET', KEYS[1]))
local held = before or 0
if own and (not before or own > wall + held + 1000000) then held = own - wall end
if math.abs(held) < 1000000 then held = 0 end
if ARGV[2] == '1' or (held ~= 0 and held ~= before) then
  redis.call('SET', KEYS[2], 1, 'PX', 5000)
end
if held < 0 and redis.call('EXISTS', KEYS[2]) == 0 then held = 0 end
redis.call('SET', KEYS[1], string.format('%.0f', held), 'PX', 5000)
return {string.format('%.0f', wall + held), string.format('%.0f', held)}
"""


class Clock:
    """``turning(now)`` tells whether this worker knows of a draw whose cards still turn."""

    def __init__(self, connection: redis.Redis, turning: Callable[[datetime], bool]) -> None:
        self._script = connection.register_script(SHARED)
        self._turning = turning
        self._base = time.time() - time.monotonic()  # of our monotonic clock
        self._known = False  # from the bus
        self._held = 0.0

    def time(self) -> float:
        """Seconds since the epoch. Our own clock until the bus has answered; while the bus is
        down, it runs on."""
        return time.monotonic() + self._base

    def now(self) -> datetime:
        """UTC by that clock, in whole milliseconds as the store keeps it."""
        at = datetime.fromtimestamp(self.time(), UTC)
        return at.replace(microsecond=at.microsecond // 1000 * 1000)

    def ask(self) -> None:
        """Follow the shared clock; RedisError if the bus does not answer."""
        turning = bool(self._held) and self._turning(self.now())
        began = time.monotonic()
        own = f"{(began + self._base) * 1e6:.0f}" if self._known else ""
        told, held = self._script(keys=KEYS, args=[own, int(turning)])
        took = time.monotonic() - began
        base = int(told) / 1e6 - (began + took / 2)
        # Ignore a difference that the round trip may explain; on one machine there is none.
        if abs(base - self._base) > took / 2 + TOLERANCE:
            self._base = base
        if int(held) / 1e6 != self._held:
            self._held = int(held) / 1e6
            log.warning("clock jumped", extra={"labels.held_seconds": f"{self._held:.0f}"})
        self._known = True
