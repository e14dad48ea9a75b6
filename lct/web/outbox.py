"""One socket's way out: never blocks, never queues more than the page, one writer.

A socket that takes everything gets each frame as it comes. One that does not keeps the unwritten
tail of its frame and the ids of the regions that changed meanwhile; when it drains it gets one
frame with their current HTML. So a slow phone stalls nobody and misses no state.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gevent
from gevent.socket import wait_write

STUCK_SECONDS = 20.0
MAX_CONTROL_BYTES = 1024

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """One unfragmented, unmasked websocket frame (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 65536:
        return struct.pack(">BBH", 0x80 | opcode, 126, size) + payload
    return struct.pack(">BBQ", 0x80 | opcode, 127, size) + payload


class Outbox:
    """The writing half of a websocket. ``current(ids)`` gives the HTML of regions as it is now."""

    __slots__ = (
        "_control",
        "_current",
        "_fd",
        "_pending",
        "_rest",
        "_sock",
        "closed",
        "closing",
        "device_id",
        "heard",
        "personal",
        "player_id",
        "view",
    )

    def __init__(
        self, sock: Any, view: str, player_id: str | None = None, device_id: str | None = None
    ) -> None:
        self._sock = sock
        self._fd = sock.fileno()
        self._rest: bytes | None = None
        self._pending: set[str] = set()
        self._control = b""
        self._current: Callable[[Outbox, set[str]], str] | None = None
        self.closed = False
        self.closing = False
        self.heard = time.monotonic()
        self.view = view
        self.player_id = player_id
        self.device_id = device_id
        self.personal: dict[str, Any] = {}

    def open(self, current: Callable[[Outbox, set[str]], str]) -> None:
        self._current = current

    @property
    def lagging(self) -> bool:
        return self._rest is not None

    def offer(self, data: bytes, ids: set[str]) -> None:
        """Send a ready frame, or remember which regions it was about."""
        if self.closing:
            return  # nothing may follow a close frame
        if self._rest is not None:
            self._pending |= ids
        else:
            self._write(data)

    def control(self, opcode: int, payload: bytes = b"") -> None:
        """Send a control frame, never inside a half-written one."""
        if self.closing:
            return
        self.closing = opcode == CLOSE
        if self._rest is None:
            self._write(frame(payload, opcode))
        elif len(self._control) < MAX_CONTROL_BYTES:
            self._control += frame(payload, opcode)

    def close(self, code: int, reason: str = "") -> None:
        """Say goodbye with a close code; the peer gets two seconds to answer."""
        if not self.closed and not self.closing:
            self.control(CLOSE, struct.pack(">H", code) + reason.encode()[:120])
            gevent.spawn_later(2, self.abort)

    def abort(self) -> None:
        """Cut the connection; the reader then ends, which is where everything is cleaned up."""
        if not self.closed:
            self.closed = True
            with suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)

    def _write(self, data: bytes) -> None:
        if self.closed:
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
        except OSError:  # gone, or stuck: TimeoutError is one
            self.abort()

    def _next(self) -> bytes | None:
        data, self._control = self._control, b""
        ids, self._pending = self._pending, set()
        if ids and self._current and not self.closing:
            html = self._current(self, ids)
            data += frame(html.encode()) if html else b""
        return data or None
