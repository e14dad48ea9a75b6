"""The sending half of the bus, in its own thread: no tap ever waits for Redis."""

from __future__ import annotations

import atexit
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator

import redis
from redis.exceptions import RedisError

from .. import spans
from ..application.messages import (
    LOOK_SECONDS,
    PRESENT_SECONDS,
    BusMessage,
    Looked,
    Moved,
    Present,
    channel,
    encode,
)
from ..this_request import request_id

log = logging.getLogger(__name__)

LOOKS, HERE = "lct:looks:", "lct:here:"


def failed(what: str, error: Exception, asked: str | None = None) -> None:
    """Log a Redis failure, with the id of the request that it was for, if any."""
    extra = {"event.action": "bus.unavailable", "error.type": type(error).__name__}
    log.error(what, extra=extra | ({"http.request.id": asked} if asked else {}))


def _commands(message: BusMessage, now: float) -> Iterator[tuple[str | int, ...]]:
    """The Redis commands for a message: publish it, and keep looks and presence for workers that
    start later."""
    if isinstance(message, Looked):
        key = LOOKS + message.code
        if message.team is None:
            yield "HDEL", key, message.player_id
        else:
            until = int((now + LOOK_SECONDS) * 1000)
            yield "HSET", key, message.player_id, f"{message.team}|{until}"
            yield "EXPIRE", key, LOOK_SECONDS * 2
    elif isinstance(message, Present):
        key = HERE + message.code
        yield "SET", f"{key}:{message.worker}", encode(message), "EX", PRESENT_SECONDS
        yield "SADD", key, message.worker
        yield "EXPIRE", key, PRESENT_SECONDS * 6
    yield "PUBLISH", channel(message), encode(message)


def _end_spans(batch: list[tuple[str | None, BusMessage]], error: Exception | None = None) -> None:
    for _, message in batch:
        if isinstance(message, Moved):
            spans.end(message.trace, error)


class Sender:
    """Sends messages in the order they were put. ``now`` is the bus's clock."""

    def __init__(self, connections: redis.ConnectionPool, now: Callable[[], float]) -> None:
        self._connections, self._now = connections, now
        self._outgoing: queue.SimpleQueue[tuple[str | None, BusMessage]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._idle = True

    def put(self, message: BusMessage) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._deliver, name="bus", daemon=True)
            self._thread.start()
            atexit.register(self.flush)
        self._outgoing.put((request_id.get(), message))

    def flush(self, seconds: float = 1.0) -> None:
        """Wait until everything is sent, at most ``seconds``: the process is about to end."""
        end = time.monotonic() + seconds
        while not (self._outgoing.empty() and self._idle) and time.monotonic() < end:
            time.sleep(0.005)

    def _deliver(self) -> None:
        """Send everything queued in one write. Messages that cannot be sent are dropped: they only
        say "look at the store", which every room also does now and then."""
        connection = None
        while True:
            batch = [self._outgoing.get()]
            self._idle = False
            while not self._outgoing.empty():
                batch.append(self._outgoing.get())
            commands = [
                command for _, message in batch for command in _commands(message, self._now())
            ]
            for again in (True, False):  # the connection may predate a restart
                try:
                    connection = connection or self._connections.get_connection()
                    connection.send_packed_command(connection.pack_commands(commands))
                    for _ in commands:
                        connection.read_response()
                    _end_spans(batch)
                    break
                except Exception as error:
                    if connection is not None:
                        connection.disconnect()
                    if again and isinstance(error, RedisError | OSError):
                        continue  # sending twice does no harm
                    for asked in {asked for asked, _ in batch}:
                        failed("bus publish failed", error, asked)
                    _end_spans(batch, error)
                    break
            self._idle = True
