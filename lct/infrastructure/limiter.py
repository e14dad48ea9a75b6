"""Rate limits, kept in Redis and shared by all workers. Without Redis, attempts are allowed."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter

from limits import parse
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError

from .. import this_request
from ..domain.errors import TooMany

log = logging.getLogger(__name__)

# A whole bar may share one address, so the limits only stop scripts.
LIMITS = {
    "call": parse("6000/minute"),
    "create": parse("30/minute"),
    "guess": parse("600/minute"),
    "join": parse("1200/minute"),
    "page": parse("20000/minute"),
    "passphrase": parse("10/minute"),
    "look": parse("5/second"),
    "sleep": parse("5/second"),
    "tap": parse("600/minute"),
    "taps": parse("6000/minute"),
    "wrong-code": parse("60/minute"),
    "wrong-key": parse("20/minute"),
}
ANSWER_SECONDS = 2.0  # the most that one Redis query takes

COUNT_SECONDS = 0.1  # between two batches of background counts
REMEMBERED = 1000  # full windows kept before expired ones are dropped


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
        self._full: dict[tuple[str, str], float] = {}  # until when, as this worker knows
        self._uncounted = Counter[tuple[str, str]]()
        self._suspects: set[tuple[str, str]] = set()  # found over a limit in the background
        self._counter: threading.Thread | None = None
        self._due = threading.Event()

    def check(self, name: str, who: str) -> None:
        """TooMany if a hit in this worker found the window full. Does not count or ask Redis."""
        left = self._full.get((name, who), 0) - time.monotonic()
        if left > 0:
            raise TooMany(int(left) + 1)

    def hit(self, name: str, who: str) -> None:
        """Count one attempt; TooMany once the limit's window is full."""
        limit = LIMITS[name]
        if not this_request.allows(ANSWER_SECONDS):
            return
        try:
            if self._strategy.hit(limit, name, who):
                return
            reset = self._strategy.get_window_stats(limit, name, who).reset_time
        except RedisError as error:
            _unreachable(error)
            return
        left = max(1, int(reset - time.time()) + 1)
        now = time.monotonic()
        if len(self._full) >= REMEMBERED:
            self._full = {key: end for key, end in self._full.items() if end > now}
        self._full[name, who] = now + left
        raise TooMany(left)

    def count(self, name: str, who: str) -> None:
        """Count one attempt in the background. Callers already over the limit are counted
        synchronously, as in hit().

        For limits that every tap counts towards: two Redis queries would be a third of a tap's
        cost, so a worker counts them in batches.
        """
        if (name, who) in self._suspects:
            self.hit(name, who)
            self._suspects.discard((name, who))
            return
        self._uncounted[name, who] += 1
        if self._counter is None:
            self._counter = threading.Thread(target=self._count_on, name="limits", daemon=True)
            self._counter.start()
        self._due.set()

    def _count_on(self) -> None:
        while self._due.wait():
            self._due.clear()
            counts, self._uncounted = self._uncounted, Counter()
            try:
                self._count_in_redis(counts)
            except RedisError as error:
                _unreachable(error)
            except Exception:  # nothing would start another counter
                log.exception("limits failed", extra={"labels.error_kind": "service"})
            time.sleep(COUNT_SECONDS)

    def _count_in_redis(self, counts: Counter[tuple[str, str]]) -> None:
        asked = self._storage.storage.pipeline()
        for (name, who), attempts in counts.items():
            key = self._storage.prefixed_key(LIMITS[name].key_for(name, who))
            asked.set(key, 0, ex=LIMITS[name].get_expiry(), nx=True)
            asked.incrby(key, attempts)
        answers = asked.execute()
        if len(self._suspects) >= REMEMBERED:
            self._suspects.clear()  # they will soon be found again
        for (name, who), found in zip(counts, answers[1::2], strict=True):
            if found > LIMITS[name].amount:
                self._suspects.add((name, who))


def _unreachable(error: RedisError) -> None:
    extra = {"event.action": "bus.unavailable", "error.type": type(error).__name__}
    log.error("limits unreachable", extra=extra)
