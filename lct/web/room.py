"""One tournament's sockets in this worker: each change is rendered once and sent to all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import gevent
from gevent.event import Event

from ..application.messages import Looked
from ..application.queries import VIEWS, next_change, personal
from ..application.regions import Region
from ..domain.errors import LctError, UnknownTournament
from ..domain.tournament import Tournament
from .outbox import Outbox, frame
from .render import Renderer, out_of_band

log = logging.getLogger(__name__)

COALESCE = 0.05  # seconds between two frames of a tournament
TICK = 30.0  # every so often each room compares itself with the store
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

    def __init__(
        self,
        code: str,
        read: Callable[[str], Any],
        known: Callable[[str], Any],
        looks: Callable[[str], dict[str, tuple[int, float]]],
        renderer: Renderer,
        join_url: str,
    ) -> None:
        self.code = code
        self._read, self._known, self._stored_looks = read, known, looks
        self._renderer, self._join_url = renderer, join_url
        self.boxes: dict[str, set[Outbox]] = {}
        self.pictures: dict[str, Picture] = {}
        self.looks: dict[str, tuple[int, float]] = {}  # player -> (team, until)
        self._heard: set[str] = set()  # whose looks came since the stored ones were asked for
        self.wake = Event()
        self.behind = False  # the store did not answer; the screens may show the past
        self.refetch = True  # messages may have been missed: look at the store and the looks
        self._read_at = 0.0
        self._target = 0  # the place that the stream has reached, as far as was heard
        self.seq = 0
        self.greenlet = gevent.spawn(self._run)

    @property
    def empty(self) -> bool:
        return not any(self.boxes.values())

    def look(self, message: Looked, seconds: float) -> None:
        self._heard.add(message.player_id)
        if message.team is None:
            self.looks.pop(message.player_id, None)
        else:
            self.looks[message.player_id] = (message.team, time.monotonic() + seconds)
        self.wake.set()

    def moved(self, seq: int) -> None:
        """Hear that the stream has reached ``seq``."""
        if seq > self.seq:
            self._target = max(self._target, seq)
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
        # The state just read may be newer than what the others (and this picture) show.
        self.wake.set()

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

    def _state(self, fresh: bool = True) -> tuple[Tournament, datetime]:
        stream = self._known(self.code)
        if fresh or stream.seq < self._target:
            stream = self._read(self.code)
            self._read_at = time.monotonic()
        self.seq = stream.seq
        return stream.tournament, datetime.now(UTC)

    def looks_now(self) -> dict[str, int]:
        return {player_id: team for player_id, (team, _) in self.looks.items()}

    def _picture(self, view: str, t: Tournament, now: datetime) -> Picture:
        picture = self.pictures.get(view)
        if picture is None:
            picture = self.pictures[view] = Picture(self._renderer)
            picture.update(VIEWS[view](t, now, self.looks_now(), self._join_url))
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
                self.behind = False
            except UnknownTournament:
                for box in self.all_boxes():
                    box.close(1008, "deleted")
                pause = TICK
            except LctError:  # logged where it arose; the screens keep what they show
                pause, self.behind = 1.0, True
            except Exception:
                log.exception("room refresh failed", extra={"labels.tournament": self.code})
                pause, self.behind = 1.0, True
            gevent.sleep(COALESCE)

    def _refresh(self) -> float:
        """Bring every screen up to date; returns the seconds until time alone changes them."""
        clock = time.monotonic()
        fresh = self.refetch or self.behind or clock - self._read_at >= TICK
        t, now = self._state(fresh)
        if self.refetch:
            self._heard = set()
            stored = self._stored_looks(self.code)
            self.looks |= {
                p: (team, clock + left)
                for p, (team, left) in stored.items()
                if p not in self._heard  # what came while these were read is newer
            }
            self.refetch = False
        self.looks = {p: look for p, look in self.looks.items() if look[1] > clock}
        looks, url = self.looks_now(), self._join_url
        for view, boxes in list(self.boxes.items()):
            html, ids = self._picture(view, t, now).update(VIEWS[view](t, now, looks, url))
            data = frame(html.encode()) if html else b""
            for count, box in enumerate(list(boxes), 1):
                if box.device_id and box.device_id not in t.devices:
                    box.close(1008, "signed out")
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
