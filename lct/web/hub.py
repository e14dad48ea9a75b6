"""This worker's rooms, its one subscription to the bus, heartbeats and draining."""

from __future__ import annotations

import json
import logging
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import gevent

from ..application.messages import (
    LOOK_SECONDS,
    BusMessage,
    Dropped,
    Looked,
    Moved,
    Present,
    Revision,
    WebhookAdded,
)
from ..application.screens.live_now import NOBODY
from ..application.screens.region import Scene
from ..domain.tournament import Tournament
from ..locale import Language
from ..running import PublicAddress
from ..spans import span
from . import metrics
from .admission import Admission
from .links import join_urls
from .outbox import Outbox
from .picture import Pictures
from .render import Renderer
from .rollout import Rollout
from .room import Room

if TYPE_CHECKING:
    from ..infrastructure.event_store import EventStore
    from ..infrastructure.redis_bus import RedisBus

log = logging.getLogger(__name__)

HEARTBEAT = 5  # seconds
TOLD_SECONDS = 0.25  # between looks whether the worker has to stop
SILENCE = 30.0  # a peer that has answered no ping for this long is gone


class Hub:
    """Rooms, the one bus connection of this worker, heartbeats and draining."""

    def __init__(
        self,
        *,
        store: EventStore,
        bus: RedisBus,
        renderer: Renderer,
        address: PublicAddress,
        drain_seconds: float,
        sockets_per_address: int,
        sockets_per_tournament: int,
        revision: str,
        on_webhook: Callable[[str], None] | None,
        go_on: Callable[[Tournament, Mapping[str, str]], None],
        languages: tuple[Language, ...],
    ) -> None:
        self.store, self.bus, self.renderer = store, bus, renderer
        self._address, self._on_webhook, self._drain_seconds = address, on_webhook, drain_seconds
        self._go_on = go_on
        self.admission = Admission(sockets_per_address, sockets_per_tournament)
        self._revision, self.rollout = revision, Rollout(revision)
        self._worker, self._rooms = uuid.uuid4().hex, dict[str, Room]()
        self.pictures = Pictures(renderer, languages)
        self._alive: Callable[[], bool] = lambda: True
        self.greenlets, self.draining = list[gevent.Greenlet](), False

    # --- screens ------------------------------------------------------------------------------

    def enter(self, code: str, box: Outbox, seen: str = "") -> Room:
        """Put a screen into its tournament's room; the first one opens the room."""
        self._start()
        with self._room(code) as room:
            room.enter(box, seen)
        metrics.SOCKETS.labels(box.way, box.shared.view).inc()
        return room

    def leave(self, room: Room, box: Outbox) -> None:
        metrics.SOCKETS.labels(box.way, box.shared.view).dec()
        room.leave(box)
        self._close_if_empty(room)

    @contextmanager
    def _room(self, code: str) -> Iterator[Room]:
        """The tournament's room, kept open inside the block even if nobody is in it yet."""
        room = self._rooms.get(code)
        if room is None:
            room = Room(
                code,
                store=self.store,
                bus=self.bus,
                renderer=self.renderer,
                address=self._address,
                go_on=self._go_on,
                worker=self._worker,
            )
            self._rooms[code] = room
            room.coming += 1
            self.bus.subscribe(code)
        else:
            room.coming += 1
        try:
            yield room
        finally:
            room.coming -= 1
            self._close_if_empty(room)

    def _close_if_empty(self, room: Room) -> None:
        if room.empty and not room.presence.needed and self._rooms.get(room.code) is room:
            del self._rooms[room.code]
            if not self.draining:  # then the phones only move to another worker
                self._tell_presence(room)
            self.bus.unsubscribe(room.code)
            room.greenlet.kill(block=False)

    def polled(self, code: str, *seats: str) -> None:
        """Note a screen that polls by HTTP; the players whose phone it is (or BOARD) are here."""
        self._start()
        with self._room(code) as room:
            room.presence.polled(*seats)

    def dozes(self, code: str, seats: tuple[str, ...]) -> None:
        """Note that the phone of these players (or a BOARD), without a websocket, sleeps."""
        self._start()
        with self._room(code) as room:
            room.presence.dozes(seats, room.noticed())

    def scene(self, t: Tournament) -> Scene:
        """The tournament now, with the looks and the presence that this worker knows of."""
        live = room.live_now() if (room := self._rooms.get(t.code)) else NOBODY
        return Scene(t, self.bus.now(), live, join_urls(self._address, t.code))

    def sockets(self) -> int:
        return sum(len(room.audience) for room in self._rooms.values())

    def drained(self) -> None:
        """Wait until every screen has gone, or the time for draining is over."""
        end = time.monotonic() + self._drain_seconds + 1
        while self.admission.open and time.monotonic() < end:
            gevent.sleep(0.05)

    # --- messages from the bus ----------------------------------------------------------------

    def _on_message(self, message: BusMessage) -> None:
        if isinstance(message, Revision):
            self.rollout.heard(message)
        elif isinstance(message, WebhookAdded):
            if self._on_webhook:
                self._on_webhook(message.code)
        else:
            if isinstance(message, Dropped):
                self.store.forget(message.code)
                self.renderer.forget()
                self.pictures.forget(message.code)
            if room := self._rooms.get(message.code):
                self._tell(room, message)

    def _tell(self, room: Room, message: Moved | Looked | Present | Dropped) -> None:
        if isinstance(message, Dropped):
            room.wake.set()
        elif isinstance(message, Looked):
            room.look(message, LOOK_SECONDS)
        elif isinstance(message, Present):
            room.present(message)
        else:
            with span("bus receive", [message.trace] if message.trace else []) as trace:
                room.moved(message.seq, trace)

    def _on_refetch(self, code: str) -> None:
        if (room := self._rooms.get(code)) is not None:
            room.refetch = True
            room.wake.set()

    # --- life ---------------------------------------------------------------------------------

    def watch(self, alive: Callable[[], bool]) -> None:
        """Start the hub, which drains once ``alive()`` is false."""
        self._alive = alive
        self._start()
        self.bus.send(Revision(self._revision, leaving=False))

    def _start(self) -> None:
        if not self.greenlets:
            self.greenlets = [
                gevent.spawn(self.bus.listen, self._on_message, self._on_refetch, self._alive),
                gevent.spawn(self.bus.keep, self._alive),
                gevent.spawn(self._beat),
                gevent.spawn(self._drain_when_told),
            ]

    def _beat(self) -> None:
        """Publish presence every second, and send heartbeats and pings every fifth."""
        beats = 0
        while not self.draining:
            gevent.sleep(1)
            beats += 1
            metrics.flush()
            metrics.BUS_AGE.set(self.bus.age())
            metrics.BUS_CONNECTED.set(int(self.bus.connected))
            self._address.look()
            waiting = 0
            for room in list(self._rooms.values()):
                try:
                    boxes = room.audience.all_boxes()
                    waiting += sum(box.lagging for box in boxes)
                    if beats % HEARTBEAT == 0:
                        self._show_life(room, boxes)
                    self._tell_presence(room)
                    self._close_if_empty(room)
                except Exception:  # one room's trouble must not end the others' heartbeats
                    log.exception("heartbeat failed", extra={"labels.tournament": room.code})
                gevent.sleep(0)
            metrics.WAITING.set(waiting)

    def _show_life(self, room: Room, boxes: list[Outbox]) -> None:
        said = {"live": self.bus.connected and not room.behind, "seq": room.seq}
        text = json.dumps(said).encode()
        clock = time.monotonic()
        for count, box in enumerate(boxes, 1):
            if not box.answers(clock, SILENCE):
                box.abort("silent")
            else:
                box.beat(text)
            if count % 200 == 0:
                gevent.sleep(0)

    def _tell_presence(self, room: Room) -> None:
        if word := room.presence.say(room.noticed()):
            self.bus.send(word)
        room.look_around()

    def _drain_when_told(self) -> None:
        while self._alive():
            gevent.sleep(TOLD_SECONDS)
        self.draining = True
        self.bus.send(Revision(self._revision, leaving=True))
        log.info("draining", extra={"labels.sockets": str(self.sockets())})
        deadline, told = time.monotonic() + self._drain_seconds, set[Outbox]()
        while True:  # until the process ends: gunicorn may still accept for a second
            metrics.flush()
            left = max(0.0, deadline - time.monotonic())
            for room in list(self._rooms.values()):
                for box in set(room.audience.all_boxes()) - told:
                    told.add(box)
                    metrics.DROPPED.labels("drain").inc()
                    gevent.spawn_later(random.uniform(0, left), box.close, 1012, "restart")
            gevent.sleep(0.1)
