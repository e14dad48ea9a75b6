"""One tournament's screens in this worker: each change is rendered once and sent to all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import gevent
from gevent.event import Event

from ..application.messages import Looked, Present
from ..application.screens import VIEWS
from ..application.screens.change import ANYTHING, Change, Shown, change
from ..application.screens.live_now import LiveNow
from ..application.screens.phases import next_change
from ..application.screens.phone import personal
from ..application.screens.region import Scene
from ..domain.errors import LctError, UnknownTournament
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
        self._shown: Shown | None = None  # by all pictures, since the last refresh
        self._looked: list[Looked] = []  # what has come since then
        self._moved_on = False  # the state did, while that refresh was being sent
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
        self._looked.append(message)
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
        if self._shown is None or self._here() != self._shown.live.here:
            self.wake.set()

    def _here(self) -> dict[str, str] | None:
        return self.presence.now(deaf=not self._bus.connected)

    # --- screens ------------------------------------------------------------------------------

    def enter(self, box: Outbox, seen: str = "") -> None:
        """Register the screen, then send it everything, unless ``seen`` is the tag of just that."""
        scene = self._scene()
        picture = self._picture(box.view, scene)
        self._shown = self._shown or _shown(scene)
        self.boxes.setdefault(box.view, set()).add(box)
        box.open(self._current)
        try:
            self._welcome(box, seen, picture, scene)
        except BaseException:
            self.leave(box)
            raise
        # The state just read may be newer than what the others (and this picture) show.
        self.wake.set()

    def _welcome(self, box: Outbox, seen: str, picture: Picture, scene: Scene) -> None:
        if box.player_id:
            box.personal = personal(scene, box.player_id)
        tag = picture.tag(box.personal) if isinstance(box, EventOutbox) else ""
        if not seen or seen != tag:
            html = picture.whole(box.personal, scene.stamp)
            self._send(box, html, set(picture.regions))

    def leave(self, box: Outbox) -> None:
        self.presence.left(box)
        boxes = self.boxes.get(box.view, set())
        boxes.discard(box)
        if not boxes:
            self.boxes.pop(box.view, None)
            self.pictures.pop(box.view, None)
        if not self.boxes:
            self._shown = None

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

    # --- the state ----------------------------------------------------------------------------

    def _scene(self, fresh: bool = True) -> Scene:
        stream = self._known(self.code)
        if fresh or stream.seq < self._target:
            stream = self._read(self.code)
            self._read_at = time.monotonic()
        self.seq = stream.seq
        return Scene(stream.tournament, self._now(), self.live_now(), self._join_url)

    def live_now(self) -> LiveNow:
        clock = time.monotonic()
        looks = {p: team for p, (team, until) in self.looks.items() if until > clock}
        return LiveNow(looks, self._here())

    def _picture(self, view: str, scene: Scene) -> Picture:
        picture = self.pictures.get(view)
        if picture is None:
            picture = self.pictures[view] = Picture(self._renderer, VIEWS[view], scene)
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
            if refetch:
                self._fetch_transient(clock)
            scene = self._scene(fresh)
        except BaseException:
            self.refetch = refetch or self.refetch
            raise
        if self.seq > max(before, target) and before:
            cause = "subscribe" if refetch else "retry" if self.behind else "tick"
            metrics.HEALS.labels(cause).inc()  # nobody had told
        self.looks = {p: look for p, look in self.looks.items() if look[1] > clock}
        looked, self._looked = self._looked, []
        try:
            self._show(scene, looked)
        except BaseException:
            self._looked = [*looked, *self._looked]
            raise
        if self.seq > before > 0:
            age = (self._now() - self._known(self.code).at).total_seconds()
            metrics.COMMIT_TO_FRAME.observe(max(0.0, age))
        waits = [TICK, *(until - clock + 0.01 for _, until in self.looks.values())]
        if (turn := next_change(scene.t, scene.now)) is not None:
            waits.append(turn + 0.005)
        return max(0.0, min(waits))

    def _show(self, scene: Scene, looked: list[Looked]) -> None:
        """Send every screen what is different in the scene from what is shown; then this is."""
        shown, now = self._shown, _shown(scene)
        found = ANYTHING
        if shown is not None:
            events = self._known(self.code).touched_since(shown.seq)
            found = change(shown, scene, events, looked)
            if self._moved_on and events:
                found = found._replace(again=True)
        # All pictures first: while they are sent, the state may move on.
        frames, failed = dict[str, tuple[str, set[str]]](), None
        for view in list(self.boxes):
            try:
                frames[view] = self._picture(view, scene).update(scene, found)
            except Exception as error:  # the other views shall have theirs
                failed = error
        for view, (html, ids) in frames.items():
            self._sending = True
            try:
                self._send_all(view, html, ids, scene, found)
            finally:
                self._sending = False
        if failed:
            raise failed
        self._shown, self._moved_on = now, scene.t.seq != now.seq

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

    def _send_all(self, view: str, html: str, ids: set[str], scene: Scene, found: Change) -> None:
        """Offer the change to every screen of a view: the same bytes to all, except where a
        player's own regions are in it, who gets them all in one frame."""
        data = frame(html.encode())
        sent = 0
        costly = 0
        boxes = list(self.boxes.get(view, ()))
        concerned = None if found.touched is None else found.touched.players
        for start in range(0, len(boxes), YIELD_EVERY):
            for box in boxes[start : start + YIELD_EVERY]:
                if box.player_id is None:
                    if box.device_id is not None and box.device_id not in scene.t.devices:
                        box.close(1008, "signed out")
                elif (
                    concerned is None
                    or box.player_id in concerned
                    or not ids.isdisjoint(box.personal)
                ):
                    try:
                        self._send_own(box, ids, scene, found.again)
                    except Exception:  # the others shall have theirs; this one comes back
                        log.exception("own regions failed", extra=self._defect)
                        box.close(1011, "error")
                    costly += 1
                    if costly % YIELD_EVERY_OWN == 0:
                        gevent.sleep(0)
                    continue
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

    def _send_own(self, box: Outbox, sent: set[str], scene: Scene, again: bool) -> None:
        old = box.personal
        own = box.personal = personal(scene, box.player_id or "")
        ids = sent | (old.keys() - own.keys())
        ids |= {i for i, region in own.items() if again or old.get(i) != region}
        if ids and (html := self.pictures[box.view].html(ids, own)):
            self._send(box, html, ids)


def _shown(scene: Scene) -> Shown:
    return Shown(scene.t.seq, scene.phase, scene.live)
