"""Many live screens in one thread. Each behaves like the page (htmx's hx-ws)."""

from __future__ import annotations

import asyncio
import os
import random
import re
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import wait
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.frames import Frame, Opcode

COMES_BACK = {None, 1001, 1005, 1006, 1011, 1012, 1013, 1014}
FIRST_DELAY, LONGEST_DELAY, JITTER = 0.5, 8.0, 0.3
SILENCE = 15.0  # seconds of silence after which a page opens a new socket
REGION = re.compile(
    r'<(?:li|section|header|p|div|footer|aside)(?: hx-swap-oob="outerMorph")? id="([\w-]+)"'
)
STAMP = re.compile(r' data-at="[^"]*"')


class Watcher:
    """One screen: what each region shows, and how often it connected."""

    def __init__(self, port: int, path: str, cookie: str = "", narrow: bool = False) -> None:
        self.where, self.narrow = ("127.0.0.1", port), narrow
        self.url, self.cookie = f"ws://127.0.0.1:{port}{path}", cookie
        self.regions: dict[str, str] = {}
        self.connects = self.frames = 0
        self.live = False
        self.over: int | None = None
        self.codes: list[int | None] = []  # the close codes of its sockets
        self.reading = asyncio.Event()
        self.reading.set()
        self.awake = asyncio.Event()
        self.awake.set()
        self.socket: Any = None
        self.gone_at = self.back_at = 0.0
        self.heard = 0.0

    async def run(self) -> None:
        attempt, again = 0, ""
        headers = {"Cookie": self.cookie} if self.cookie else {}
        while True:
            await self.awake.wait()
            try:
                async with connect(
                    self.url + again, additional_headers=headers, compression=None,
                    ping_interval=None, close_timeout=0.5, open_timeout=10, max_size=None,
                    max_queue=None, sock=await self._narrow() if self.narrow else None,
                ) as self.socket:  # fmt: skip
                    self.connects += 1
                    attempt, again = 0, ""
                    self.heard = time.monotonic()
                    await self._take()
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else None
                self.codes.append(code)
                if code not in COMES_BACK:
                    self.over = code
                    return
            except (OSError, InvalidHandshake, TimeoutError, EOFError):
                again = "&again"
            if self.live:
                self.gone_at = time.monotonic()
            self.live = False
            if not self.awake.is_set():
                continue
            attempt += 1
            delay = min(FIRST_DELAY * 2 ** (attempt - 1), LONGEST_DELAY)
            await asyncio.sleep(delay * random.uniform(1 - JITTER, 1 + JITTER))

    async def _narrow(self) -> socket.socket:
        """A connection that buffers little unread data, as one over radio does. With the large
        segments of the loopback it would buffer megabytes."""
        made = socket.socket()
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
        await asyncio.get_running_loop().sock_connect(made, self.where)
        return made

    async def _take(self) -> None:
        while True:
            await self.reading.wait()
            try:
                message = await asyncio.wait_for(self.socket.recv(), SILENCE)
            except TimeoutError:
                if not self.reading.is_set():
                    continue  # a stalled page does not check its timeout either
                await self.socket.close()
                return
            self.heard = time.monotonic()
            if message.startswith("{"):
                continue
            self.frames += 1
            if not self.live:
                self.live, self.back_at = True, time.monotonic()
            message = STAMP.sub("", message)  # when a region was made is no part of what it shows
            found = list(REGION.finditer(message))
            for this, after in zip(found, [*found[1:], None], strict=True):
                self.regions[this[1]] = message[this.start() : after.start() if after else None]


class Crowd:
    """Watchers in an event loop of their own."""

    def __init__(self) -> None:
        self.watchers: list[Watcher] = []
        self._loop = asyncio.new_event_loop()
        self._tasks: dict[Watcher, Any] = {}
        self._lost: list[int] = []
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def add(self, *watchers: Watcher) -> None:
        self.watchers += watchers
        for watcher in watchers:
            self._tasks[watcher] = asyncio.run_coroutine_threadsafe(watcher.run(), self._loop)

    def leave(self, *watchers: Watcher) -> None:
        for watcher in watchers:
            self.watchers.remove(watcher)
            self._tasks.pop(watcher).cancel()

    def call(self, act: Callable[[], Any]) -> None:
        """Run something in the watchers' event loop."""
        self._loop.call_soon_threadsafe(act)

    def sleep(self, watcher: Watcher) -> None:
        """Close the socket until it wakes, as a browser does when the screen is off."""

        def doze() -> None:
            watcher.awake.clear()
            asyncio.ensure_future(watcher.socket.close(1001))  # noqa: RUF006 - it ends by itself

        self.call(doze)

    def stall(self, watcher: Watcher) -> None:
        """Stop reading until read_on(), so the system's buffers fill."""

        def stop() -> None:
            watcher.reading.clear()
            watcher.socket.transport.pause_reading()

        self.call(stop)

    def read_on(self, watcher: Watcher) -> None:
        def go() -> None:
            watcher.socket.transport.resume_reading()
            watcher.reading.set()

        self.call(go)

    def hush(self, watcher: Watcher) -> None:
        """Stop answering pings on the current socket, but keep reading."""

        def stop() -> None:
            protocol = watcher.socket.protocol
            send = protocol.send_frame

            def all_but_pongs(frame: Frame) -> None:
                if frame.opcode is not Opcode.PONG:
                    send(frame)

            protocol.send_frame = all_but_pongs

        self.call(stop)

    def lose(self, watcher: Watcher) -> None:
        """Drop a socket without closing it, as a phone does when it changes networks."""

        def drop() -> None:
            transport = watcher.socket.transport
            transport.pause_reading()
            # Kept open: closing it would notify the peer.
            self._lost.append(os.dup(transport.get_extra_info("socket").fileno()))
            watcher.socket.connection_lost(None)  # its watcher reconnects

        self.call(drop)

    def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        wait(self._tasks.values(), 5)
        for descriptor in self._lost:
            os.close(descriptor)
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._loop.stop)
