"""One screen's output: never blocks, never queues more than the page, has one writer.

A screen that keeps up gets each frame at once. For one that does not, the outbox keeps the
unwritten tail of the frame and the ids of the regions that changed meanwhile; once drained it
sends one frame with their current HTML. So a slow phone stalls nobody and misses no state.
"""

from __future__ import annotations

import os
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

import gevent
from gevent.socket import wait_write
from isal import isal_zlib

from ..application.screens.region import Region
from ..locale import ENGLISH, Language
from . import metrics

STUCK_SECONDS = 20.0
MAX_CONTROL_BYTES = 1024

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
DEFLATED = 0x40  # the bit RSV1 of a frame
SMALL = 300  # bytes of a message that is not worth compressing
MOST, SMALL_PART = 150_000, 50_000  # bytes of regions; as they are sent about 9 and 3 kB
SWAPPED = b' hx-swap-oob="'


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """One unfragmented, unmasked websocket frame (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 65536:
        return struct.pack(">BBH", 0x80 | opcode, 126, size) + payload
    return struct.pack(">BBQ", 0x80 | opcode, 127, size) + payload


def deflated(text: bytes, *, smallest: bool = False) -> bytes:
    """A text as a compressed message (RFC 7692) that needs none before it. So a message to many is
    compressed once, and a connection keeps no window. ``smallest`` takes ten times as long, for a
    third less."""
    if len(text) < SMALL:
        return frame(text)
    library, level = (zlib, 9) if smallest else (isal_zlib, 3)
    deflate = library.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    payload = deflate.compress(text) + deflate.flush(zlib.Z_SYNC_FLUSH)
    return frame(payload[:-4], TEXT | DEFLATED)


def messages(html: bytes) -> list[bytes]:
    """The regions of a change in messages of at most MOST bytes; a region with more takes
    small neighbours along. So a TV takes in a thousand rows bit by bit, and each message is small
    as it is sent."""
    found, first, last = list[bytes](), 0, 0
    if len(html) > MOST:
        for start in (*_starts(html), len(html)):
            before, large = last - first, start - last > SMALL_PART
            if before > SMALL_PART and start - first > MOST and (large or before <= MOST):
                found.append(html[first:last])
                first = last
            last = start
    return [*found, html[first:]]


def _starts(html: bytes) -> Iterator[int]:
    """Where each region begins that is swapped by its id."""
    at = html.find(SWAPPED)
    while at >= 0:
        start = html.rfind(b"<", 0, at)
        yield start - len(b"<table>") if html.endswith(b"<table>", 0, start) else start
        at = html.find(SWAPPED, at + 1)


def event(payload: bytes, tag: str = "", name: str = "") -> bytes:
    """One server-sent event (WHATWG HTML, section 9.2.5)."""
    head = (f"event: {name}\n" if name else "") + (f"id: {tag}\n" if tag else "")
    lines = payload.replace(b"\r", b"").replace(b"\n", b"\ndata: ")
    return head.encode() + b"data: " + lines + b"\n\n"


class Shared(NamedTuple):
    """What the screens that get the same bytes have in common."""

    view: str
    language: Language = ENGLISH


class Outbox:
    """The writing half of a websocket. ``current(box, ids)`` returns a frame with the current state
    of these regions; it may be empty."""

    way = "ws"
    __slots__ = (
        "_control",
        "_current",
        "_fd",
        "_pending",
        "_rest",
        "asleep",
        "closed",
        "closing",
        "deflates",
        "device_id",
        "heard",
        "personal",
        "player_id",
        "renewed",
        "seats",
        "shared",
        "sock",
    )

    def __init__(
        self,
        sock: socket.socket,
        shared: Shared,
        player_id: str | None = None,
        device_id: str | None = None,
        renewed: int = 0,
        deflates: bool = False,
    ) -> None:
        self.sock = sock
        self.deflates = deflates  # it takes compressed messages
        self._fd = sock.fileno()
        self._rest: bytes | None = None
        self._pending: set[str] = set()
        self._control = b""
        self._current: Callable[[Outbox, set[str]], bytes] | None = None
        self.closed = False
        self.closing = False
        self.heard = time.monotonic()
        self.asleep = False  # its page reports that nobody looks at it
        self.shared = shared
        self.player_id = player_id
        self.device_id = device_id
        self.renewed = renewed  # how many new codes its player had had when it connected
        self.seats: tuple[str, ...] = ()  # all players of its phone
        self.personal: dict[str, Region] = {}  # the regions that its player sees differently

    def open(self, current: Callable[[Outbox, set[str]], bytes]) -> None:
        self._current = current

    @property
    def lagging(self) -> bool:
        return self._rest is not None

    def offer(self, data: bytes, ids: set[str]) -> None:
        """Send a ready frame, or remember which regions it was about."""
        if self.closing or self.closed:
            return  # nothing may follow a close frame
        if self._rest is not None:
            self._pending |= ids
            return
        try:
            written = os.write(self._fd, data)
        except BlockingIOError:
            written = 0
        except OSError:
            self.abort()
            return
        if written != len(data):
            self._rest = data[written:]
            gevent.spawn(self._drain)

    def answers(self, clock: float, seconds: float) -> bool:
        """Whether the peer was heard in the last ``seconds``; a browser answers every ping."""
        return clock - self.heard < seconds

    def beat(self, text: bytes) -> None:
        """Send a heartbeat and a ping."""
        if self._rest is None:
            self.offer(frame(text) + frame(b"", PING), set())
        elif not self._control:
            self._control = frame(b"", PING)

    def control(self, opcode: int, payload: bytes = b"") -> None:
        """Send a control frame, never inside a half-written one."""
        if self.closing:
            return
        if self._rest is None:
            self.offer(frame(payload, opcode), set())
        elif opcode == CLOSE or len(self._control) < MAX_CONTROL_BYTES:
            self._control += frame(payload, opcode)
        self.closing = opcode == CLOSE

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame; the peer has two seconds to answer."""
        if not self.closed and not self.closing:
            self.control(CLOSE, struct.pack(">H", code) + reason.encode()[:120])
            gevent.spawn_later(2, self.abort)

    def abort(self, why: str = "") -> None:
        """Shut the connection down, which ends the reader; that is where cleanup happens."""
        if not self.closed:
            self.closed = True
            if why:
                metrics.DROPPED.labels(why).inc()
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)

    def see_off(self) -> None:
        """Read on until the peer has gone, then close the connection. Closing it with unread bytes
        would discard a close frame on its way, so abort() comes two seconds after close()."""
        with suppress(OSError):
            while self.closing and not self.closed and self.sock.recv(65536):
                pass
        self.abort()
        self._fd = -1  # another connection may get this number next
        self.sock.close()

    def _drain(self) -> None:
        deadline = time.monotonic() + STUCK_SECONDS
        try:
            while self._rest is not None:
                wait_write(self._fd, timeout=max(0.01, deadline - time.monotonic()))
                if self.closed:
                    return
                self._rest = self._rest[os.write(self._fd, self._rest) :] or None
                if self._rest is None:
                    self._rest = self._next()
                    deadline = time.monotonic() + STUCK_SECONDS
        except BlockingIOError:
            gevent.spawn(self._drain)
        except TimeoutError:
            self.abort("stuck")
        except OSError:
            self.abort()

    def _next(self) -> bytes | None:
        data, self._control = self._control, b""
        ids, self._pending = self._pending, set()
        if ids and self._current and not self.closing:
            data += self._current(self, ids)
        return data or None


class EventOutbox(Outbox):
    """The same for server-sent events, where no websocket gets through."""

    way = "sse"
    __slots__ = ()

    def answers(self, clock: float, seconds: float) -> bool:
        return True  # it cannot answer; TCP_USER_TIMEOUT ends a dead connection

    def beat(self, text: bytes) -> None:
        self.offer(event(text), set())

    def control(self, opcode: int, payload: bytes = b"") -> None:
        """Do nothing: event streams have no control frames."""

    def close(self, code: int, reason: str = "") -> None:
        """End the stream. The browser then reconnects, unless ``code`` is final."""
        if self.closed or self.closing:
            return
        if code in (1000, 1008):
            over = event(reason.encode(), name="over")
            if self.lagging:
                self._control = over  # sent after the half-written event
            else:
                self.offer(over, set())
        self.closing = True
        gevent.spawn_later(2 if self.lagging else 0.5, self.abort)
