"""The messages that a page sends over its websocket, limited in size and rate."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import gevent
from wsproto import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.extensions import PerMessageDeflate
from wsproto.utilities import RemoteProtocolError

from . import metrics
from .outbox import CLOSE, PONG, Outbox

log = logging.getLogger(__name__)

MAX_MESSAGE = 1000  # bytes; a page's messages are under 30
MESSAGES_PER_SECOND, MESSAGES_AT_ONCE = 20, 60  # a page sends five looks a second at most
LOOKS_PER_SECOND = 5
DEFLATE = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"


class Inline:
    """Replaces the thread that simple-websocket would start: the route reads the socket itself."""

    def __init__(self, target: Any) -> None:
        self.name = ""

    def start(self) -> None:
        pass


def deflates(offer: str) -> bool:
    """Whether a client that offers these extensions agrees on DEFLATE (RFC 7692): it must not ask
    for a smaller window of ours."""
    for each in offer.split(","):
        name, *params = (part.strip() for part in each.split(";"))
        if name == "permessage-deflate" and not any(
            param.startswith("server_max_window_bits") for param in params
        ):
            return True
    return False


def messages(box: Outbox, code: str) -> Iterator[str]:
    """Yield each complete text message. Pongs and closes go through the outbox, the only writer."""
    extension = PerMessageDeflate()
    if box.deflates:
        extension.finalize(DEFLATE)
    incoming = Connection(ConnectionType.SERVER, [extension])
    text, size = "", 0
    left, filled = float(MESSAGES_AT_ONCE), time.monotonic()
    while not box.closing:
        try:
            data = box.sock.recv(4096)
        except OSError:
            return
        if not data:
            return
        box.heard = time.monotonic()
        try:
            incoming.receive_data(data)
            events = list(incoming.events())
        except RemoteProtocolError:
            log.warning("websocket frame malformed", extra={"labels.tournament": code})
            metrics.DROPPED.labels("malformed").inc()
            box.close(1002, "protocol error")
            return
        left = min(MESSAGES_AT_ONCE, left + (box.heard - filled) * MESSAGES_PER_SECOND)
        left, filled = left - len(events), box.heard
        if left < 0:
            log.warning("websocket floods", extra={"labels.tournament": code})
            metrics.DROPPED.labels("limit").inc()
            box.close(1008, "too many messages")
            return
        for event in events:
            if isinstance(event, Ping):
                box.control(PONG, bytes(event.payload))
            elif isinstance(event, CloseConnection):
                # wsproto reports a missing code as 1005, which must not be sent.
                said = int(event.code or 1005)
                box.control(CLOSE, b"" if said in (1005, 1006, 1015) else said.to_bytes(2, "big"))
                box.abort()
                return
            elif isinstance(event, TextMessage | BytesMessage):
                size += len(event.data)
                if size > MAX_MESSAGE:
                    log.warning("websocket frame too large", extra={"labels.tournament": code})
                    metrics.DROPPED.labels("limit").inc()
                    box.close(1009, "too large")
                    return
                text += event.data if isinstance(event, TextMessage) else ""
                if event.message_finished:
                    yield text
                    text, size = "", 0


class Looks:
    """Sends a player's looks to the bus, at most LOOKS_PER_SECOND in any second. Of those that come
    faster, the last one is sent as soon as the limit allows."""

    def __init__(self, send: Callable[[int | None], None]) -> None:
        self._send = send
        self._sent: deque[float] = deque([-1.0] * LOOKS_PER_SECOND, maxlen=LOOKS_PER_SECOND)
        self._last: int | None = None
        self._waiting = False

    def look(self, team: int | None) -> None:
        self._last = team
        if not self._waiting:
            self._waiting = True
            wait = self._sent[0] + 1 - time.monotonic()
            if wait > 0:
                gevent.spawn_later(wait, self._go)
            else:
                self._go()

    def _go(self) -> None:
        self._waiting = False
        self._sent.append(time.monotonic())
        self._send(self._last)
