"""This worker's sockets, a room per tournament: each change is rendered once and sent to all."""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import gevent
from gevent.event import Event

from ..application.messages import Looked, Moved
from ..application.queries import VIEWS, Region, next_change, personal
from ..domain.errors import LctError
from ..domain.tournament import Tournament
from .outbox import PING, Outbox, frame
from .render import Renderer, out_of_band

log = logging.getLogger(__name__)

COALESCE = 0.05  # seconds between two frames of a tournament
HEARTBEAT = 5.0
TICK = 30.0  # every so often each room compares itself with the store
SILENCE = 60.0  # a peer that answered no ping for so long is gone
YIELD_EVERY = 200


class Picture:
    """What one view of one tournament looks like now: its regions, in order."""

    def __init__(self, render: Renderer) -> None:
        self._render = render
        self.top: tuple[Region, ...] = ()
        self.regions: dict[str, Region] = {}

    def update(self, top: tuple[Region, ...]) -> tuple[str, set[str]]:
        """Take the new regions; returns the HTML of the changed ones and every id within it."""
        before, html, ids = self.regions, [], set()
        self.top, self.regions = top, {}
        for region in top:
            self.regions[region.id] = region
            children = {child.id: child for child in region.children}
            self.regions.update(children)
            old = before.get(region.id)
            if old == region:
                continue
            if old is None or _shell(old) != _shell(region):
                html.append(out_of_band(self._render.html(region)))
                ids |= {region.id, *children}
                continue
            for child_id, child in children.items():
                if before.get(child_id) != child:
                    html.append(out_of_band(self._render.html(child)))
                    ids.add(child_id)
        return "".join(html), ids

    def html(self, ids: set[str], mine: dict[str, Region]) -> str:
        """The HTML now of some regions, as the reader sees it whose own regions are ``mine``."""
        out = []
        for region in self.top:
            if region.id in ids:
                out.append(out_of_band(self._render.html(mine.get(region.id, region), mine)))
            else:
                out += [
                    out_of_band(self._render.html(mine.get(child.id, child)))
                    for child in region.children
                    if child.id in ids
                ]
        return "".join(out)


def _shell(region: Region) -> tuple[object, ...]:
    return region.template, region.data, tuple(child.id for child in region.children)


class Room:
    """The sockets that watch one tournament here."""

    def __init__(self, hub: Hub, code: str) -> None:
        self.hub, self.code = hub, code
        self.boxes: dict[str, set[Outbox]] = {}
        self.pictures: dict[str, Picture] = {}
        self.looks: dict[str, tuple[int, float]] = {}  # player -> (team, until)
        self.wake = Event()
        self.refetch = True
        self.seq = 0
        self.greenlet = gevent.spawn(self._run)

    @property
    def empty(self) -> bool:
        return not any(self.boxes.values())

    def look(self, message: Looked, seconds: float) -> None:
        if message.team is None:
            self.looks.pop(message.player_id, None)
        else:
            self.looks[message.player_id] = (message.team, time.monotonic() + seconds)
        self.wake.set()

    def enter(self, box: Outbox) -> None:
        """Register the socket, then send it everything."""
        t, now = self._state()
        picture = self._picture(box.view, t, now)
        self.boxes.setdefault(box.view, set()).add(box)
        box.open(self._current)
        if box.player_id:
            box.personal = {r.id: r for r in personal(t, box.player_id, now, self.looks_now())}
        ids = set(picture.regions)
        box.offer(frame(picture.html(ids, box.personal).encode()), ids)

    def leave(self, box: Outbox) -> None:
        boxes = self.boxes.get(box.view, set())
        boxes.discard(box)
        if not boxes:
            self.boxes.pop(box.view, None)
            self.pictures.pop(box.view, None)

    def all_boxes(self) -> list[Outbox]:
        return [box for boxes in self.boxes.values() for box in boxes]

    def _current(self, box: Outbox, ids: set[str]) -> str:
        picture = self.pictures.get(box.view)
        return picture.html(ids, box.personal) if picture else ""

    def _state(self) -> tuple[Tournament, datetime]:
        stream = self.hub.read(self.code)
        self.seq = stream.seq
        return stream.tournament, datetime.now(UTC)

    def looks_now(self) -> dict[str, int]:
        return {player_id: team for player_id, (team, _) in self.looks.items()}

    def _picture(self, view: str, t: Tournament, now: datetime) -> Picture:
        picture = self.pictures.get(view)
        if picture is None:
            picture = self.pictures[view] = Picture(self.hub.renderer)
            picture.update(VIEWS[view](t, now, self.looks_now(), self.hub.join_url(self.code)))
        return picture

    def _run(self) -> None:
        pause = TICK
        while True:
            self.wake.wait(timeout=pause)
            self.wake.clear()
            if self.empty:
                pause = TICK
                continue
            try:
                pause = self._refresh()
            except LctError:  # logged where it arose; the screens keep what they show
                pause = 1.0
            except Exception:
                log.exception("room refresh failed", extra={"labels.tournament": self.code})
                pause = 1.0
            gevent.sleep(COALESCE)

    def _refresh(self) -> float:
        """Bring every screen up to date; returns the seconds until time alone changes them."""
        if self.refetch:
            self.refetch = False
            until = time.monotonic()
            stored = self.hub.bus.looks(self.code)
            self.looks = {p: (team, until + left) for p, (team, left) in stored.items()}
        clock = time.monotonic()
        self.looks = {p: look for p, look in self.looks.items() if look[1] > clock}
        t, now = self._state()
        looks, url = self.looks_now(), self.hub.join_url(self.code)
        for view, boxes in list(self.boxes.items()):
            html, ids = self._picture(view, t, now).update(VIEWS[view](t, now, looks, url))
            data = frame(html.encode()) if html else b""
            for count, box in enumerate(list(boxes), 1):
                if ids:
                    box.offer(data, ids)
                if box.player_id and not box.closed:
                    self._refresh_personal(box, t, now, looks, ids)
                if count % YIELD_EVERY == 0:
                    gevent.sleep(0)
        waits = [TICK, *(until - clock + 0.01 for _, until in self.looks.values())]
        if (turn := next_change(t, now)) is not None:
            waits.append(turn + 0.005)
        return max(0.0, min(waits))

    def _refresh_personal(
        self, box: Outbox, t: Tournament, now: datetime, looks: dict[str, int], sent: set[str]
    ) -> None:
        mine = {r.id: r for r in personal(t, box.player_id or "", now, looks)}
        old, box.personal = box.personal, mine
        ids = {i for i, region in mine.items() if i in sent or old.get(i) != region}
        ids |= old.keys() - mine.keys() - sent
        if ids:
            html = self._current(box, ids)
            if html:
                box.offer(frame(html.encode()), ids)


class Hub:
    """Rooms, the one bus connection of this worker, heartbeats and draining."""

    def __init__(
        self,
        read: Callable[[str], Any],
        bus: Any,
        renderer: Renderer,
        join_url: Callable[[str], str],
        drain_seconds: float,
        look_seconds: float,
    ) -> None:
        self.read, self.bus, self.renderer, self.join_url = read, bus, renderer, join_url
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
            room = self._rooms[code] = Room(self, code)
            self.bus.subscribe(code)
        room.enter(box)
        return room

    def leave(self, room: Room, box: Outbox) -> None:
        room.leave(box)
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

    def _on_message(self, message: Moved | Looked) -> None:
        room = self._rooms.get(message.code)
        if room is None:
            return
        if isinstance(message, Looked):
            room.look(message, self._look_seconds)
        elif message.seq > room.seq:
            room.wake.set()

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
                text = json.dumps({"live": self.bus.connected, "seq": room.seq})
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
        boxes = [box for room in self._rooms.values() for box in room.all_boxes()]
        log.info("draining", extra={"labels.sockets": str(len(boxes))})
        for box in boxes:
            gevent.spawn_later(random.uniform(0, self._drain_seconds), box.close, 1012, "restart")
