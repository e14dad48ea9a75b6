"""One tournament's screens in this worker: each change is rendered once and sent to all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import gevent
from gevent.event import Event

from ..application.around import Around
from ..application.messages import Looked, Present
from ..application.own import Moment, Own, moment, own_of, own_regions
from ..application.phases import next_change
from ..application.queries import VIEWS
from ..domain.errors import LctError, UnknownTournament
from ..domain.tournament import Tournament
from ..spans import span
from . import metrics
from .outbox import EventOutbox, Outbox, event, frame
from .picture import Picture
from .presence import Presence
from .render import Renderer

log = logging.getLogger(__name__)

COALESCE = 0.05  # seconds between two frames of a tournament
TICK = 30.0  # every so often each room compares itself with the store
YIELD_EVERY, YIELD_EVERY_OWN = 200, 20


class Room:
    """The screens that watch one tournament here."""

    def __init__(
        self,
        code: str,
        read: Callable[[str], Any],
        known: Callable[[str], Any],
        bus: Any,
        now: Callable[[], datetime],
        renderer: Renderer,
        join_url: str,
        worker: str = "",
    ) -> None:
        self.code = code
        self._read, self._known, self._bus, self._now = read, known, bus, now
        self._renderer, self._join_url = renderer, join_url
        self.boxes: dict[str, set[Outbox]] = {}
        self.pictures: dict[str, Picture] = {}
        self.looks: dict[str, tuple[int, float]] = {}  # player -> (team, until)
        self.presence = Presence(code, worker)
        self._shown_here: Mapping[str, str] | None = None
        self._heard: set[str] = set()  # whose looks came since the stored ones were asked for
        self.wake = Event()
        self.behind = False  # the store did not answer; the screens may show the past
        self._causes: list[str] = []  # traces of what was heard since the last refresh
        self.refetch = True  # messages may have been missed: look at the store and the looks
        self._read_at = 0.0
        self._target = 0  # the place that the stream has reached, as far as was heard
        self.seq = 0
        self.coming = 0  # screens that are on their way in
        self._sending = False  # a change is on its way to some, and has not reached all
        self._defect = {"labels.error_kind": "service", "labels.tournament": code}  # in the log
        self.greenlet = gevent.spawn(self._run)

    @property
    def empty(self) -> bool:
        return not self.coming and not any(self.boxes.values())

    def __len__(self) -> int:
        return sum(map(len, self.boxes.values()))

    # --- what is heard ------------------------------------------------------------------------

    def look(self, message: Looked, seconds: float) -> None:
        self._heard.add(message.player_id)
        if message.team is None:
            self.looks.pop(message.player_id, None)
        else:
            self.looks[message.player_id] = (message.team, time.monotonic() + seconds)
        self.wake.set()

    def moved(self, seq: int, trace: str | None = None) -> None:
        """Hear that the stream has reached ``seq``."""
        if seq > self.seq:
            self._target = max(self._target, seq)
            if trace:
                self._causes.append(trace)
            self.wake.set()

    def present(self, word: Present) -> None:
        self.presence.hear(word)  # the next look around shows it: with many phones these are many

    def look_around(self) -> None:
        """Wake up if somebody has come or gone."""
        if self._here() != self._shown_here:
            self.wake.set()

    def _here(self) -> dict[str, str] | None:
        return self.presence.now(deaf=not self._bus.connected)

    # --- screens ------------------------------------------------------------------------------

    def enter(self, box: Outbox, seen: str = "") -> None:
        """Register the screen, then send it everything, unless ``seen`` is the tag of just that."""
        t, now = self._state()
        picture = self._picture(box.view, t, now)
        self.boxes.setdefault(box.view, set()).add(box)
        box.open(self._current)
        try:
            self._welcome(box, seen, picture, t, now)
        except BaseException:
            self.leave(box)
            raise
        # The state just read may be newer than what the others (and this picture) show.
        self.wake.set()

    def _welcome(
        self, box: Outbox, seen: str, picture: Picture, t: Tournament, now: datetime
    ) -> None:
        if box.player_id:
            self._mine(box, t, own_of(t, box.player_id, self._moment(t, now)))
        tag = picture.tag(box.personal) if isinstance(box, EventOutbox) else ""
        if not seen or seen != tag:
            self._send(box, picture.whole(box.personal), set(picture.regions))

    def leave(self, box: Outbox) -> None:
        self.presence.left(box)
        boxes = self.boxes.get(box.view, set())
        boxes.discard(box)
        if not boxes:
            self.boxes.pop(box.view, None)
            self.pictures.pop(box.view, None)

    def all_boxes(self) -> list[Outbox]:
        return [box for boxes in self.boxes.values() for box in boxes]

    def _current(self, box: Outbox, ids: set[str]) -> bytes:
        picture = self.pictures.get(box.view)
        html = picture.html(ids, box.personal) if picture else ""
        return self._framed(box, html) if html else b""

    def _framed(self, box: Outbox, html: str) -> bytes:
        if isinstance(box, EventOutbox):
            picture = self.pictures.get(box.view)
            # While a change has not reached everybody, nobody knows the whole of it yet: without
            # an id the browser goes on with its last one.
            whole = picture is not None and not (self._sending and box.lagging)
            return event(html.encode(), picture.tag(box.personal) if picture and whole else "")
        return frame(html.encode())

    def _send(self, box: Outbox, html: str, ids: set[str]) -> None:
        data = self._framed(box, html)
        metrics.FRAMES.inc()
        metrics.FRAME_BYTES.inc(len(data))
        box.offer(data, ids)

    def _mine(self, box: Outbox, t: Tournament, own: Own) -> None:
        box.own = own
        box.personal = {region.id: region for region in own_regions(t, own)}

    # --- the state ----------------------------------------------------------------------------

    def _state(self, fresh: bool = True) -> tuple[Tournament, datetime]:
        stream = self._known(self.code)
        if fresh or stream.seq < self._target:
            stream = self._read(self.code)
            self._read_at = time.monotonic()
        self.seq = stream.seq
        return stream.tournament, self._now()

    def around(self) -> Around:
        clock = time.monotonic()
        looks = {p: team for p, (team, until) in self.looks.items() if until > clock}
        return Around(looks, self._here(), self.seq)

    def _moment(self, t: Tournament, now: datetime) -> Moment:
        return moment(t, now, self.around())

    def _picture(self, view: str, t: Tournament, now: datetime) -> Picture:
        picture = self.pictures.get(view)
        if picture is None:
            top = VIEWS[view](t, now, self.around(), self._join_url)
            picture = self.pictures[view] = Picture(self._renderer, top)
        return picture

    def _run(self) -> None:
        pause = TICK
        while True:
            self.wake.wait(timeout=pause)
            self.wake.clear()
            causes, self._causes = self._causes, []
            if not any(self.boxes.values()):
                pause = TICK
                if self.refetch:  # somebody may be asking by HTTP
                    self.refetch = False
                    self._fetch_transient(time.monotonic())
                continue
            began = time.monotonic()
            try:
                with span("room refresh", causes):
                    pause = self._refresh()
                self.behind = False
            except UnknownTournament:
                for box in self.all_boxes():
                    box.close(1008, "deleted")
                pause = TICK
            except LctError:  # logged where it arose; the screens keep what they show
                pause, self.behind = 1.0, True
            except Exception:
                log.exception("room refresh failed", extra=self._defect)
                pause, self.behind = 1.0, True
            gevent.sleep(max(0.0, began + COALESCE - time.monotonic()))

    def _refresh(self) -> float:
        """Bring every screen up to date; returns the seconds until time alone changes them."""
        clock, before = time.monotonic(), self.seq
        tick = clock - self._read_at >= TICK
        refetch, fresh = self.refetch, self.refetch or self.behind or tick
        target = self._target
        self.refetch = False  # one that is heard from now on is another one
        try:
            t, now = self._state(fresh)
            if refetch:
                self._fetch_transient(clock)
        except BaseException:
            self.refetch = refetch or self.refetch
            raise
        if self.seq > max(before, target) and before:
            cause = "subscribe" if refetch else "retry" if self.behind else "tick"
            metrics.HEALS.labels(cause).inc()  # nobody had told
        self.looks = {p: look for p, look in self.looks.items() if look[1] > clock}
        moment = self._moment(t, now)
        self._shown_here = moment.around.here
        for view in list(self.boxes):
            if not (boxes := self.boxes.get(view)):
                continue  # the last one left while others were sent to
            picture = self._picture(view, t, now)
            html, ids = picture.update(VIEWS[view](t, now, moment.around, self._join_url))
            self._sending = True
            try:
                self._send_all(list(boxes), picture, html, ids, t, moment)
            finally:
                self._sending = False
        if self.seq > before > 0:
            age = (self._now() - self._known(self.code).at).total_seconds()
            metrics.COMMIT_TO_FRAME.observe(max(0.0, age))
        waits = [TICK, *(until - clock + 0.01 for _, until in self.looks.values())]
        if (turn := next_change(t, now)) is not None:
            waits.append(turn + 0.005)
        return max(0.0, min(waits))

    def _fetch_transient(self, clock: float) -> None:
        """Take in the looks and the presence that Redis keeps."""
        self._heard = set()
        stored = self._bus.looks(self.code)
        self.looks |= {
            p: (team, clock + left)
            for p, (team, left) in stored.items()
            if p not in self._heard  # what came while these were read is newer
        }
        for word in self._bus.presences(self.code):
            self.presence.hear(word, stored=True)

    def _send_all(
        self,
        boxes: list[Outbox],
        picture: Picture,
        html: str,
        ids: set[str],
        t: Tournament,
        moment: Moment,
    ) -> None:
        """Offer the change to every screen of a view: the same bytes to all, except where a
        player's own regions are in it, who gets them all in one frame."""
        data = frame(html.encode())
        sent = 0
        costly = 0
        for start in range(0, len(boxes), YIELD_EVERY):
            for box in boxes[start : start + YIELD_EVERY]:
                if box.player_id is not None:
                    own = own_of(t, box.player_id, moment)
                    if own != box.own or not ids.isdisjoint(box.personal):
                        try:
                            self._send_own(box, picture, ids, t, own)
                        except Exception:  # the others shall have theirs; this one comes back
                            log.exception("own regions failed", extra=self._defect)
                            box.close(1011, "error")
                        costly += 1
                        if costly % YIELD_EVERY_OWN == 0:
                            gevent.sleep(0)
                        continue
                elif box.device_id is not None and box.device_id not in t.devices:
                    box.close(1008, "signed out")
                if not ids:
                    continue
                if box.way == "ws":
                    box.offer(data, ids)
                    sent += 1
                else:
                    self._send(box, html, ids)
            gevent.sleep(0)
        if sent:
            metrics.FRAMES.inc(sent)
            metrics.FRAME_BYTES.inc(sent * len(data))

    def _send_own(
        self, box: Outbox, picture: Picture, sent: set[str], t: Tournament, own: Own
    ) -> None:
        old = box.personal
        if own != box.own:
            self._mine(box, t, own)
        mine = box.personal
        ids = sent | (old.keys() - mine.keys())
        ids |= {i for i, region in mine.items() if i in sent or old.get(i) != region}
        if ids and (html := picture.html(ids, mine)):
            self._send(box, html, ids)
