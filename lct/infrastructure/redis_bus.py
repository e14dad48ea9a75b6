"""The bus between workers: Redis pub/sub, one listening connection per worker.

A lost connection is restored by itself, but messages published meanwhile are lost. The only sign
is an unrequested ``subscribe`` message, so every ``subscribe`` means "refetch".
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from .. import spans, this_request
from ..application.messages import (
    CHANNEL,
    EVERYWHERE,
    LOOK_SECONDS,
    BusMessage,
    Moved,
    Present,
    decode,
)
from .bus_clock import CLOCK_SECONDS, Clock
from .bus_sender import HERE, LOOKS, Sender, failed

log = logging.getLogger(__name__)

SILENT_SECONDS = 6  # give up the connection after so long without even our own ping
# The most that one query takes: two tries, each with a handshake if the connection is new.
ANSWER_SECONDS = 2.5


def _text(raw: bytes | str) -> str:
    return raw.decode() if isinstance(raw, bytes) else raw


class RedisBus:
    """Publishes, subscribes and listens. Nothing here raises when Redis is down.

    One greenlet owns the listening connection. Others change the wanted channels, and wake it
    by a message on this worker's own channel.
    """

    def __init__(self, url: str, turning: Callable[[datetime], bool] = lambda now: False) -> None:
        quick: dict[str, Any] = {
            "socket_connect_timeout": 0.5,
            "socket_timeout": 0.5,
            "retry": Retry(NoBackoff(), 1),
            "health_check_interval": 15,
        }
        self.redis = redis.Redis.from_url(url, **quick)
        # redis-py reads a message of RESP 2 in five sixths of the time that one of RESP 3 takes it.
        self._pubsub = redis.Redis.from_url(url, **quick, protocol=2).pubsub()
        self.clock = Clock(self.redis, turning)
        self._sender = Sender(self.redis.connection_pool, self.time)
        self._own_channel = f"lct:w:{uuid.uuid4()}"
        self._wanted: set[str] = set()
        self._heard: set[str] = set()
        self.connected = False
        self._known = False  # whether it is connected or lost
        self._heard_at = 0.0
        self.lost_at = time.monotonic()

    # --- sending ------------------------------------------------------------------------------

    def publish(self, code: str, seq: int) -> None:
        """Tell every worker the stream's ``seq``. A failure is logged; the 30 s tick repairs it."""
        self.send(Moved(code, seq, spans.begin("bus publish")))
        time.sleep(0)  # the sender's turn: others read the event while this worker answers the tap

    def send(self, message: BusMessage) -> None:
        """Publish to the workers concerned; looks and presence are also kept for later workers."""
        self._sender.put(message)

    def looks(self, code: str) -> dict[str, tuple[int, float]]:
        """Player id -> (team, seconds left) for every look in force."""
        if not this_request.allows(ANSWER_SECONDS):
            return {}
        try:
            stored = self.redis.hgetall(LOOKS + code)
        except RedisError as error:
            failed("bus looks unreadable", error)
            return {}
        found: dict[str, tuple[int, float]] = {}
        for player_id, value in stored.items():
            team, _, until = _text(value).partition("|")
            try:
                left = min(int(until) / 1000 - self.time(), LOOK_SECONDS)
                if left > 0:
                    found[_text(player_id)] = (int(team), left)
            except ValueError:
                log.warning("bus look malformed", extra={"labels.error_kind": "service"})
        return found

    def presences(self, code: str) -> list[Present]:
        """The last unexpired Present of every worker."""
        try:
            workers = sorted(map(_text, self.redis.smembers(HERE + code)))
            said = self.redis.mget(f"{HERE}{code}:{w}" for w in workers) if workers else []
        except RedisError as error:
            failed("bus presence unreadable", error)
            return []
        found = (decode(raw) for raw in said if raw)
        return [m for m in found if isinstance(m, Present) and m.code == code]

    def ping(self) -> bool:
        try:
            return bool(self.redis.ping())
        except RedisError as error:
            # The listener logs an outage once. Monitoring must see how long it lasts, even without
            # taps.
            failed("bus unavailable", error)
            return False

    def age(self) -> float:
        """Seconds since the bus was lost; 0 while it is connected."""
        return 0.0 if self.connected or not self._known else time.monotonic() - self.lost_at

    # --- the clock ----------------------------------------------------------------------------

    def time(self) -> float:
        """Seconds since the epoch by the clock that all workers share: a card turns at the same
        moment everywhere, although the pods' own clocks differ."""
        return self.clock.time()

    def now(self) -> datetime:
        """UTC by that clock."""
        return self.clock.now()

    # --- listening ----------------------------------------------------------------------------

    def subscribe(self, code: str) -> None:
        self._wanted.add(code)
        self._wake()

    def unsubscribe(self, code: str) -> None:
        self._wanted.discard(code)
        self._wake()

    def _wake(self) -> None:
        if not this_request.allows(ANSWER_SECONDS):
            return
        with suppress(RedisError):  # keep() tries again within a second
            self.redis.publish(self._own_channel, "")

    def listen(
        self,
        on_message: Callable[[BusMessage], None],
        on_refetch: Callable[[str], None],
        alive: Callable[[], bool],
    ) -> None:
        """Pass on every message while ``alive()`` is true; call ``on_refetch(code)`` whenever
        messages may have been missed. ``keep`` has to run beside it."""
        pause, self._heard_at = 0.1, time.monotonic()
        while alive():
            try:
                self._follow_wanted()
                # A timeout for each message would cost half as much as reading it.
                message = self._pubsub.get_message(timeout=None)
            except (RedisError, OSError, ValueError) as error:
                self._lose(error)  # ValueError: keep() disconnected it while redis-py was reading
                time.sleep(pause)
                pause = min(pause * 2, 2.0)
                continue
            if message is None:
                continue
            self.connected = self._known = True
            self._heard_at, pause = time.monotonic(), 0.1
            try:
                self._hand_over(message, on_message, on_refetch)
            except Exception:  # one message must not end the loop
                log.exception("bus message failed", extra={"labels.error_kind": "service"})

    def keep(self, alive: Callable[[], bool]) -> None:
        """Follow the shared clock, and end a silent connection, so that ``listen`` makes another.
        It pings this worker itself first: silence alone does not mean a loss."""
        asked = 0.0
        while alive():
            if time.monotonic() - asked > CLOCK_SECONDS:
                asked = time.monotonic()
                with suppress(RedisError):  # listen() detects a lost connection
                    self.clock.ask()
            silent = time.monotonic() - self._heard_at
            if silent > SILENT_SECONDS:
                self._lose(redis.ConnectionError("silent"))
                if self._pubsub.connection is not None:
                    self._pubsub.connection.disconnect()
            elif silent > SILENT_SECONDS / 3 or self._wanted != self._heard:
                self._wake()
            time.sleep(1)

    def _lose(self, error: Exception) -> None:
        """Note that the bus is lost, and log it once."""
        if self.connected or not self._known:
            failed("bus lost", error)
        if self.connected:
            self.lost_at = time.monotonic()
        self.connected, self._known = False, True
        self._heard_at = time.monotonic()

    def _follow_wanted(self) -> None:
        if not self._pubsub.subscribed:
            self._pubsub.subscribe(self._own_channel, EVERYWHERE)
        if new := self._wanted - self._heard:
            self._pubsub.subscribe(*(CHANNEL + code for code in new))
            self._heard |= new
        if old := self._heard - self._wanted:
            self._pubsub.unsubscribe(*(CHANNEL + code for code in old))
            self._heard -= old

    def _hand_over(
        self,
        raw: dict[str, bytes],
        on_message: Callable[[BusMessage], None],
        on_refetch: Callable[[str], None],
    ) -> None:
        name = raw["channel"].decode(errors="replace")
        if name == self._own_channel:
            return
        if raw["type"] == "subscribe" and name != EVERYWHERE:
            on_refetch(name.removeprefix(CHANNEL))
        elif raw["type"] == "message":
            message = decode(raw["data"], name)
            if message is not None:
                on_message(message)
