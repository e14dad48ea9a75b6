"""Rate limits kept in Redis, shared by all workers. Without Redis nobody is turned away."""

from __future__ import annotations

import logging
import time

from limits import parse
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError

from .. import cancellation
from ..domain.errors import TooMany

log = logging.getLogger(__name__)

# A whole bar may come from one address, so these only stop machines.
LIMITS = {
    "call": parse("6000/minute"),
    "create": parse("30/minute"),
    "guess": parse("600/minute"),
    "join": parse("1200/minute"),
    "passphrase": parse("10/minute"),
    "look": parse("5/second"),
    "sleep": parse("5/second"),
    "tap": parse("600/minute"),
    "taps": parse("6000/minute"),
    "wrong-code": parse("60/minute"),
    "wrong-key": parse("20/minute"),
}
ANSWER_SECONDS = 2.0  # that one question to Redis takes at most

REMEMBERED = 1000  # full windows, before those that are over are forgotten


class Limiter:
    def __init__(self, url: str) -> None:
        scheme = "redis+unix" if url.startswith("unix:") else ""
        self._storage = RedisStorage(
            url.replace("unix:", f"{scheme}:", 1) if scheme else url,
            socket_connect_timeout=0.5,
            socket_timeout=0.5,
            wrap_exceptions=False,
        )
        self._strategy = FixedWindowRateLimiter(self._storage)
        self._full: dict[tuple[str, str], float] = {}  # until when, as far as this worker knows

    def check(self, name: str, who: str) -> None:
        """Count nothing; TooMany if a hit in this worker found the window full. Asks nobody."""
        left = self._full.get((name, who), 0) - time.monotonic()
        if left > 0:
            raise TooMany(int(left) + 1)

    def hit(self, name: str, who: str) -> None:
        """Count one attempt; TooMany once the limit's window is full."""
        limit = LIMITS[name]
        if not cancellation.allows(ANSWER_SECONDS):
            return
        try:
            if self._strategy.hit(limit, name, who):
                return
            reset = self._strategy.get_window_stats(limit, name, who).reset_time
        except RedisError as error:
            log.error(
                "limits unreachable",
                extra={"event.action": "bus.unavailable", "error.type": type(error).__name__},
            )
            return
        left = max(1, int(reset - time.time()) + 1)
        now = time.monotonic()
        if len(self._full) >= REMEMBERED:
            self._full = {key: end for key, end in self._full.items() if end > now}
        self._full[name, who] = now + left
        raise TooMany(left)
