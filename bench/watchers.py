"""Many live screens in one process, controlled on stdin: `python -m bench.watchers`.

The first line is `{"port", "screens": [[path, cookie], ...]}`, answered with `{"ready": n}` once
each screen has its whole page. Every further line is `[[id, text], ...]`, one pair per screen,
answered with `{"wanting": n}` at once and then with `{"seen": [...]}`: when each screen got a frame
whose element `id` shows `text` (CLOCK_MONOTONIC seconds, which all processes share; null if not
within PATIENCE).

The screens share two processors with the app, which real ones do not. So they only read while
messages come, and look into them once it is quiet.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import struct
import sys
import time
import zlib

PATIENCE = 5.0
QUIET = 0.002  # seconds without a message, after which the screens look at what they have
PING, CLOSE = 0x9, 0x8
COMPRESSED = 0x40  # the bit RSV1 of a frame
OFFER = "permessage-deflate; client_max_window_bits"  # as browsers do


class Screen:
    """One websocket: its frames, and the text it waits for."""

    def __init__(self, port: int, path: str, cookie: str, *headers: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=15)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            f"Origin: http://127.0.0.1:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            f"Cookie: {cookie}",
            f"Sec-WebSocket-Extensions: {OFFER}",
            *headers,
        ]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self.data = bytearray()
        while b"\r\n\r\n" not in self.data:
            self.data += self._receive()
        head, _, rest = bytes(self.data).partition(b"\r\n\r\n")
        if b" 101 " not in head.splitlines()[0]:
            raise RuntimeError(f"{path}: {head.decode()}")
        self.data = bytearray(rest)
        self.read_at = time.monotonic()
        self.wanted: tuple[bytes, bytes] | None = (b' id="', b"")
        self.seen: float | None = None

    def want(self, region: str, text: str) -> None:
        self.wanted, self.seen = (f' id="{region}"'.encode(), text.encode()), None

    def read(self) -> None:
        """Read what has arrived."""
        self.data += self._receive()
        self.read_at = time.monotonic()

    def handle(self) -> None:
        """Handle the complete messages, and answer pings."""
        while (frame := self._frame()) is not None:
            first, payload = frame
            opcode = first & 0xF
            if opcode == PING:
                self.socket.sendall(bytes((0x8A, 0x80 | len(payload), 0, 0, 0, 0)) + payload)
            elif opcode == CLOSE:
                raise RuntimeError(f"the server closed a screen: {payload!r}")
            elif self.looks:
                self.take(inflated(payload) if first & COMPRESSED else payload)

    @property
    def looks(self) -> bool:
        """Whether it cares for what messages show."""
        return self.wanted is not None

    def take(self, payload: bytes) -> None:
        """Note when it was read if the message shows the wanted text."""
        if self.wanted and shows(payload, *self.wanted):
            self.wanted, self.seen = None, self.read_at

    def _receive(self) -> bytes:
        received = self.socket.recv(65536)
        if not received:
            raise RuntimeError("the server hung up on a screen")
        return received

    def _frame(self) -> tuple[int, bytes] | None:
        """The first byte of a complete frame, and its payload."""
        data = self.data
        if len(data) < 2:
            return None
        size, start = data[1], 2
        if size in (126, 127):
            form = ">H" if size == 126 else ">Q"
            start += struct.calcsize(form)
            if len(data) < start:
                return None
            (size,) = struct.unpack_from(form, data, 2)
        if len(data) < start + size:
            return None
        first, payload = data[0], bytes(data[start : start + size])
        del data[: start + size]
        return first, payload


def inflated(payload: bytes) -> bytes:
    """A compressed message, which needs none before it."""
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(payload + b"\0\0\xff\xff")


def shows(html: bytes, region: bytes, text: bytes) -> bool:
    """Whether the HTML has the list item with that id, and it holds the text."""
    start = html.find(region)
    return start >= 0 and text in html[start:].partition(b"</li>")[0]


def wait(screens: list[Screen], selector: selectors.BaseSelector) -> list[float | None]:
    """Wait up to PATIENCE; returns when each screen saw the text it waits for."""
    # What came with a handshake has been read, and wakes no selector.
    end, unseen = time.monotonic() + PATIENCE, {screen for screen in screens if screen.data}
    while any(screen.wanted for screen in screens) and (left := end - time.monotonic()) > 0:
        ready = [key.data for key, _ in selector.select(min(left, QUIET) if unseen else left)]
        for screen in filter(None, ready):
            if screen in unseen:
                screen.handle()
            screen.read()
            unseen.add(screen)
        while unseen and not ready:
            unseen.pop().handle()
    return [screen.seen for screen in screens]


def main() -> None:
    """Obey the lines of stdin until they end, and answer pings in between."""
    told = json.loads(sys.stdin.readline())
    screens = [Screen(told["port"], path, cookie) for path, cookie in told["screens"]]
    selector = selectors.DefaultSelector()
    for screen in screens:
        selector.register(screen.socket, selectors.EVENT_READ, screen)
    print(json.dumps({"ready": sum(seen is not None for seen in wait(screens, selector))}))
    sys.stdout.flush()
    selector.register(sys.stdin.fileno(), selectors.EVENT_READ, None)
    heard = b""
    while True:
        for key, _ in selector.select():
            if key.data is not None:
                key.data.read()
                key.data.handle()
                continue
            part = os.read(sys.stdin.fileno(), 65536)
            if not part:
                return
            heard += part
        while b"\n" in heard:
            line, _, heard = heard.partition(b"\n")
            for screen, (region, text) in zip(screens, json.loads(line), strict=True):
                screen.want(region, text)
            print(json.dumps({"wanting": len(screens)}), flush=True)
            print(json.dumps({"seen": wait(screens, selector)}), flush=True)


if __name__ == "__main__":
    main()
