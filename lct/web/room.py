"""One tournament in this worker: hears of its changes, and decides when to update its screens."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event

from ..application.messages import Looked, Present
from ..application.screens.change import ANYTHING, Shown, change, shown
from ..application.screens.live_now import LiveNow
from ..application.screens.phases import next_change
from ..application.screens.region import Scene
from ..domain.drawing import next_step
from ..domain.errors import LctError, UnknownTournament
from ..domain.tournament import Tournament
from ..running import PublicAddress
from ..spans import span
from . import metrics
from .audience import Audience
from .links import join_urls
from .outbox import Outbox
from .presence import Presence
from .render import Renderer

if TYPE_CHECKING:
    from ..infrastructure.event_store import EventStore
    from ..infrastructure.redis_bus import RedisBus

log = logging.getLogger(__name__)

COALESCE = 0.05  # seconds between two frames of a tournament, on average
AT_ONCE = 5  # frames that a tournament at rest may send without such a pause
SPREAD = 0.05  # seconds over which the workers try to go on with a draw
TICK = 30.0  # seconds after which a room compares itself with the store


class Room:
    """Hears what happens to one tournament, and keeps its audience up to date."""

    def __init__(
        self,
        code: str,
        *,
        store: EventStore,
        bus: RedisBus,
        renderer: Renderer,
        address: PublicAddress,
        go_on: Callable[[Tournament, Mapping[str, str]], None],
        worker: str = "",
    ) -> None:
        self.code, self._go_on = code, go_on
        self._store, self._bus, self._address = store, bus, address
        self.audience = Audience(code, renderer)
        self.looks: dict[str, tuple[int, float]] = {}  # player -> (team, until)
        self.presence = Presence(code, worker)
        self._shown: Shown | None = None  # what all pictures show since the last refresh
        self._looked: set[Looked] = set()  # looks that came since then
        self._moved_on = False  # the state changed while that refresh was being sent
        self._heard: set[str] = set()  # players whose looks came since the stored ones were read
        self.wake = Event()
        self.behind = False  # the store did not answer; the screens may be out of date
        self._causes: list[str] = []  # traces of the messages since the last refresh
        self.refetch = True  # messages may have been missed: read the store and the looks
        self._read_at = 0.0
        self._target = 0  # the highest seq heard of on the bus
        self.seq = 0
        self.coming = 0  # screens that are entering
        self._defect = {"labels.error_kind": "service", "labels.tournament": code}  # in the log
        self._stepping: gevent.Greenlet | None = None  # goes on with a draw
        self.greenlet = gevent.spawn(self._run)

    @property
    def empty(self) -> bool:
        return not self.coming and not self.audience

    # --- messages -----------------------------------------------------------------------------

    def look(self, message: Looked, seconds: float) -> None:
        self._heard.add(message.player_id)
        before, _ = self.looks.pop(message.player_id, (None, 0.0))
        if message.team is not None:
            self.looks[message.player_id] = (message.team, time.monotonic() + seconds)
        # A repeated look only lasts longer.
        if message.team != before and self.audience:
            self._looked.add(message)
            self.wake.set()

    def moved(self, seq: int, trace: str | None = None) -> None:
        """Note that the stream has reached ``seq``."""
        if seq > self.seq:
            self._target = max(self._target, seq)
            if trace:
                self._causes.append(trace)
            self.wake.set()

    def present(self, word: Present) -> None:
        self.presence.hear(word)  # look_around() shows it: many phones send many of these

    def look_around(self) -> None:
        """Wake up if somebody has come or gone, or guests come by another address."""
        now = self._here(), join_urls(self._address, self.code)
        if self._shown is None or now != (self._shown.live.here, self._shown.join_urls):
            self.wake.set()

    def _here(self) -> dict[str, str] | None:
        return self.presence.now(deaf=not self._bus.connected)

    # --- screens ------------------------------------------------------------------------------

    def enter(self, box: Outbox, seen: str = "") -> None:
        """Send the screen the whole view, unless ``seen`` is already its tag, then each change."""
        scene = self._scene()
        try:
            self.audience.enter(box, seen, scene)
        except BaseException:
            self.leave(box)
            raise
        self._shown = self._shown or shown(scene)
        # The state just read may be newer than what the others (and this picture) show.
        self.wake.set()

    def leave(self, box: Outbox) -> None:
        self.presence.left(box)
        self.audience.leave(box)
        if not self.audience:
            self._shown, self._looked = None, set()

    def noticed(self) -> Iterable[Outbox]:
        """The screens whose presence is shown."""
        return self.audience.noticed()

    # --- the state ----------------------------------------------------------------------------

    def _scene(self, fresh: bool = True) -> Scene:
        stream = self._store.stream(self.code)
        if fresh or stream.seq < self._target:
            stream = self._store.read(self.code)
            self._read_at = time.monotonic()
        self.seq = stream.seq
        urls = join_urls(self._address, self.code)
        return Scene(stream.tournament, self._bus.now(), self.live_now(), urls)

    def live_now(self) -> LiveNow:
        clock = time.monotonic()
        looks = {p: team for p, (team, until) in self.looks.items() if until > clock}
        return LiveNow(looks, self._here())

    def _run(self) -> None:
        pause, due = TICK, 0.0
        while True:
            self.wake.wait(timeout=pause)
            self.wake.clear()
            causes, self._causes = self._causes, []
            if not self.audience:
                pause = TICK
                if self.refetch:  # somebody may be polling by HTTP
                    self.refetch = False
                    self._fetch_transient(time.monotonic())
                continue
            began = time.monotonic()
            try:
                with span("room refresh", causes):
                    pause = self._refresh()
                self.behind = False
            except UnknownTournament:
                for box in self.audience.all_boxes():
                    box.close(1008, "deleted")
                pause = TICK
            except LctError:  # logged where it arose; the screens keep what they show
                pause, self.behind = 1.0, True
            except Exception:
                log.exception("room refresh failed", extra=self._defect)
                pause, self.behind = 1.0, True
            due = max(due, began - (AT_ONCE - 1) * COALESCE) + COALESCE
            if (left := due - time.monotonic()) > 0:
                gevent.sleep(left)

    def _refresh(self) -> float:
        """Bring every screen up to date; returns the seconds until the next timed change."""
        clock, before = time.monotonic(), self.seq
        tick = clock - self._read_at >= TICK
        refetch, fresh = self.refetch, self.refetch or self.behind or tick
        target = self._target
        self.refetch = False  # a request from now on is a new one
        try:
            if refetch:
                self._fetch_transient(clock)
            scene = self._scene(fresh)
        except BaseException:
            self.refetch = refetch or self.refetch
            raise
        if self.seq > max(before, target) and before:
            cause = "subscribe" if refetch else "retry" if self.behind else "tick"
            metrics.HEALS.labels(cause).inc()  # no message had announced it
        self.looks = {p: look for p, look in self.looks.items() if look[1] > clock}
        looked, self._looked = self._looked, set()
        try:
            self._show(scene, looked)
        except BaseException:
            self._looked |= looked
            raise
        if self.seq > before > 0:
            age = (self._bus.now() - self._store.stream(self.code).at).total_seconds()
            metrics.COMMIT_TO_FRAME.observe(max(0.0, age))
        self._step(scene)
        waits = [TICK, *(until - clock + 0.01 for _, until in self.looks.values())]
        if (turn := next_change(scene.t, scene.now)) is not None:
            waits.append(turn + 0.005)
        return max(0.0, min(waits))

    def _step(self, scene: Scene) -> None:
        """Go on with a draw whose time has come. Every worker with a screen tries, and one does:
        they wait a random time, so that most find it done."""
        if self._stepping and not self._stepping.ready():
            return
        if scene.t.gathering and next_step(scene.t, scene.now, {}):
            self._stepping = gevent.spawn_later(random.uniform(0, SPREAD), self._take_step, scene.t)

    def _take_step(self, t: Tournament) -> None:
        here = self.live_now()
        awaited = t.gathering.awaited() if t.gathering else ()
        self._go_on(t, {player_id: here.presence(player_id) for player_id in awaited})

    def _show(self, scene: Scene, looked: set[Looked]) -> None:
        """Send every screen the differences between what is shown and the scene."""
        before, now = self._shown, shown(scene)
        found = ANYTHING
        if before is not None:
            events = self._store.stream(self.code).touched_since(before.seq)
            found = change(before, scene, events, looked)
            if self._moved_on and events:
                found = found._replace(again=True)
        self.audience.show(scene, found)
        self._shown, self._moved_on = now, scene.t.seq != now.seq

    def _fetch_transient(self, clock: float) -> None:
        """Read the looks and the presence that Redis keeps."""
        self._heard = set()
        stored = self._bus.looks(self.code)
        self.looks |= {
            p: (team, clock + left)
            for p, (team, left) in stored.items()
            if p not in self._heard  # looks that came while these were read are newer
        }
        for word in self._bus.presences(self.code):
            self.presence.hear(word, stored=True)
