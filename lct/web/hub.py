"""This worker's rooms, its one ear on the bus, heartbeats and draining."""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable
from typing import Any

import gevent

from ..application.messages import Dropped, Looked, Message
from ..domain.errors import LctError
from .outbox import PING, Outbox, frame
from .render import Renderer
from .room import Room

log = logging.getLogger(__name__)

HEARTBEAT = 5.0
SILENCE = 60.0  # a peer that answered no ping for so long is gone


class Hub:
    """Rooms, the one bus connection of this worker, heartbeats and draining."""

    def __init__(
        self,
        read: Callable[[str], Any],
        known: Callable[[str], Any],
        forget: Callable[[str], None],
        bus: Any,
        renderer: Renderer,
        join_url: Callable[[str], str],
        drain_seconds: float,
        look_seconds: float,
    ) -> None:
        self.read, self.known, self.bus = read, known, bus
        self.renderer, self.join_url = renderer, join_url
        self._forget = forget
        self._drain_seconds, self._look_seconds = drain_seconds, look_seconds
        self._rooms: dict[str, Room] = {}
        self._started = False
        self._alive: Callable[[], bool] = lambda: True
        self.draining = False

    # --- sockets ------------------------------------------------------------------------------

    def enter(self, code: str, box: Outbox) -> Room:
        """Put a socket into its tournament's room; the room's first one subscribes."""
        self._start()
        room = self._rooms.get(code)
        if room is None:
            room = Room(
                code,
                self.read,
                self.known,
                self.bus.looks,
                self.renderer,
                self.join_url(code),
            )
            self._rooms[code] = room
            self.bus.subscribe(code)
        try:
            room.enter(box)
        except LctError:
            self._close_if_empty(room)
            raise
        return room

    def leave(self, room: Room, box: Outbox) -> None:
        room.leave(box)
        self._close_if_empty(room)

    def _close_if_empty(self, room: Room) -> None:
        if room.empty and self._rooms.get(room.code) is room:
            del self._rooms[room.code]
            self.bus.unsubscribe(room.code)
            room.greenlet.kill(block=False)

    def looks(self, code: str) -> dict[str, int]:
        """Player -> team they look at, as far as this worker has heard."""
        room = self._rooms.get(code)
        return room.looks_now() if room else {}

    def sockets(self) -> int:
        return sum(len(room.all_boxes()) for room in self._rooms.values())

    # --- what the bus says --------------------------------------------------------------------

    def _on_message(self, message: Message) -> None:
        room = self._rooms.get(message.code)
        if isinstance(message, Dropped):
            self._forget(message.code)
            self.renderer.forget()
        if room is None:
            return
        if isinstance(message, Dropped):
            room.wake.set()
        elif isinstance(message, Looked):
            room.look(message, self._look_seconds)
        else:
            room.moved(message.seq)

    def _on_refetch(self, code: str) -> None:
        if room := self._rooms.get(code):
            room.refetch = True
            room.wake.set()

    # --- life ---------------------------------------------------------------------------------

    def watch(self, alive: Callable[[], bool]) -> None:
        """Learn how to see that the worker has been told to stop."""
        self._alive = alive
        self._start()

    def _start(self) -> None:
        if not self._started:
            self._started = True
            gevent.spawn(self.bus.listen, self._on_message, self._on_refetch, self._alive)
            gevent.spawn(self._beat)
            gevent.spawn(self._drain_when_told)

    def _beat(self) -> None:
        beats = 0
        while not self.draining:
            gevent.sleep(HEARTBEAT)
            beats += 1
            for room in list(self._rooms.values()):
                text = json.dumps({"live": self.bus.connected and not room.behind, "seq": room.seq})
                data = frame(text.encode())
                for box in room.all_boxes():
                    if time.monotonic() - box.heard > SILENCE:
                        box.abort()
                    elif not box.lagging:
                        box.offer(data, set())
                        if beats % 5 == 0:
                            box.control(PING)
                gevent.sleep(0)

    def _drain_when_told(self) -> None:
        while self._alive():
            gevent.sleep(0.1)
        self.draining = True
        log.info("draining", extra={"labels.sockets": str(self.sockets())})
        deadline, told = time.monotonic() + self._drain_seconds, set[Outbox]()
        while True:  # until the process ends: gunicorn may still accept for a second
            left = max(0.0, deadline - time.monotonic())
            for room in list(self._rooms.values()):
                for box in set(room.all_boxes()) - told:
                    told.add(box)
                    gevent.spawn_later(random.uniform(0, left), box.close, 1012, "restart")
            gevent.sleep(0.1)
