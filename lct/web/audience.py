"""The screens that watch one tournament in this worker, and sending them its changes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

import gevent

from ..application.screens import VIEWS
from ..application.screens.change import Change
from ..application.screens.live_now import BOARD
from ..application.screens.phone import personal
from ..application.screens.region import Region, Scene
from ..domain.tournament import Tournament
from . import metrics
from .outbox import EventOutbox, Outbox, Shared, deflated, event, frame, messages
from .picture import Picture
from .render import Renderer

log = logging.getLogger(__name__)

YIELD_EVERY, YIELD_EVERY_OWN = 250, 20  # screens; a pause costs as much as four writes
# Bytes of a change above which players get the part that all share by itself, so that it is
# compressed once: a list of 1,000 rows takes 1.5 ms a phone.
APART = 20_000


class Audience:
    """The outboxes of a tournament by view and language, and the picture that all screens of a
    view in one language share."""

    def __init__(self, code: str, renderer: Renderer) -> None:
        self.boxes: dict[Shared, set[Outbox]] = {}
        self.pictures: dict[Shared, Picture] = {}
        self._renderer = renderer
        self._sending = False  # a change has not reached every screen yet
        self._defect = {"labels.error_kind": "service", "labels.tournament": code}  # in the log

    def __len__(self) -> int:
        return sum(map(len, self.boxes.values()))

    def all_boxes(self) -> list[Outbox]:
        return [box for boxes in self.boxes.values() for box in boxes]

    def enter(self, box: Outbox, seen: str, scene: Scene) -> None:
        """Register the screen, then send it the whole view, unless ``seen`` is already its tag."""
        picture = self._picture(box.shared, scene)
        self.boxes.setdefault(box.shared, set()).add(box)
        box.open(self._current)
        if box.player_id:
            box.personal = personal(scene, box.player_id, seats=box.seats)
        tag = picture.tag(box.personal) if isinstance(box, EventOutbox) else ""
        if not seen or seen != tag:
            html = picture.whole(box.personal, scene.stamp)
            self._send(box, html, set(picture.regions))

    def leave(self, box: Outbox) -> None:
        boxes = self.boxes.get(box.shared, set())
        boxes.discard(box)
        if not boxes:
            self.boxes.pop(box.shared, None)
            self.pictures.pop(box.shared, None)

    def show(self, scene: Scene, change: Change) -> None:
        """Send every screen what the change alters. If a view cannot be rendered, the others are
        sent before the error is raised."""
        # All pictures first: while they are sent, the state may move on.
        frames, failed = dict[Shared, tuple[bytes, set[str]]](), None
        for shared in sorted(self.boxes, key=lambda shared: shared.view != BOARD):  # the TV first
            try:
                frames[shared] = self._picture(shared, scene).update(scene, change)
            except Exception as error:
                failed = error
        self._sending = True
        try:
            for number, (shared, (html, ids)) in enumerate(frames.items()):
                if number:
                    gevent.sleep(0)
                self._send_all(shared, html, ids, scene, change)
        finally:
            self._sending = False
        if failed:
            raise failed

    def noticed(self) -> Iterator[Outbox]:
        """The screens whose presence is shown: players' phones, and boards."""
        for shared, boxes in self.boxes.items():
            if shared.view in ("me", BOARD):
                yield from boxes

    def _picture(self, shared: Shared, scene: Scene) -> Picture:
        picture = self.pictures.get(shared)
        if picture is None:
            screen = VIEWS[shared.view]
            picture = Picture(self._renderer, screen, scene, shared.language)
            self.pictures[shared] = picture
        return picture

    def _current(self, box: Outbox, ids: set[str]) -> bytes:
        picture = self.pictures.get(box.shared)
        html = picture.html(ids, box.personal) if picture else b""
        return self._framed(box, html) if html else b""

    def _framed(self, box: Outbox, html: bytes) -> bytes:
        if isinstance(box, EventOutbox):
            picture = self.pictures.get(box.shared)
            # While a change is being sent, a lagging screen may miss part of it. Without an id the
            # browser keeps its last one.
            whole = picture is not None and not (self._sending and box.lagging)
            *others, last = messages(html)
            tag = picture.tag(box.personal) if picture and whole else ""
            return b"".join(map(event, others)) + event(last, tag)
        return _frames(html, box.deflates)

    def _send(self, box: Outbox, html: bytes, ids: set[str]) -> None:
        data = self._framed(box, html)
        metrics.FRAMES.add(1)
        metrics.FRAME_BYTES.add(len(data))
        box.offer(data, ids)

    def _send_all(
        self, shared: Shared, html: bytes, ids: set[str], scene: Scene, change: Change
    ) -> None:
        """Offer the change to every screen of a picture: the same bytes to all, except that a
        player whose own regions are in it gets everything in a frame of their own."""
        frames: dict[bool, bytes] = {}  # whether it is compressed -> the bytes
        sent = size = 0
        costly = 0
        common: dict[tuple[bool, frozenset[str]], bytes] | None = {} if len(html) > APART else None
        boxes = list(self.boxes.get(shared, ()))
        concerned = None if change.touched is None else change.touched.players
        for start in range(0, len(boxes), YIELD_EVERY):
            if start:
                gevent.sleep(0)
            for box in boxes[start : start + YIELD_EVERY]:
                player_id, data = box.player_id, frames.get(box.deflates)
                if data is None:
                    data = frames[box.deflates] = _frames(html, box.deflates, for_many=True)
                if (player_id or box.device_id) and _signed_out(box, scene.t):
                    box.close(1008, "signed out")
                elif player_id and (
                    concerned is None
                    or not concerned.isdisjoint(box.seats)
                    or not ids.isdisjoint(box.personal)
                ):
                    try:
                        self._send_own(box, ids, scene, change, data, common)
                    except Exception:  # the others still get theirs; this one reconnects
                        log.exception("own regions failed", extra=self._defect)
                        box.close(1011, "error")
                    costly += 1
                    if costly % YIELD_EVERY_OWN == 0:
                        gevent.sleep(0)
                elif ids and box.way == "ws":
                    box.offer(data, ids)
                    sent, size = sent + 1, size + len(data)
                elif ids:
                    self._send(box, html, ids)
        metrics.FRAMES.add(sent)
        metrics.FRAME_BYTES.add(size)

    def _send_own(
        self,
        box: Outbox,
        sent: set[str],
        scene: Scene,
        change: Change,
        shared: bytes,
        common: dict[tuple[bool, frozenset[str]], bytes] | None,
    ) -> None:
        """Send a player the change with their own regions; as ``shared``, if none is among it.
        With ``common``, a cache of frames, what others get as well goes first, in its own frame."""
        old = box.personal
        touched = change.touched and change.touched.matches
        own = personal(scene, box.player_id or "", old, touched, box.seats)
        box.personal = own
        if own == old and not change.again and sent.isdisjoint(own) and box.way == "ws":
            if sent:
                metrics.FRAMES.add(1)
                metrics.FRAME_BYTES.add(len(shared))
                box.offer(shared, sent)
            return
        ids = sent | (old.keys() - own.keys())
        if common is not None and box.way == "ws":
            ids = self._send_common(box, sent, own, common) | (ids - sent)
        ids |= {i for i, region in own.items() if change.again or old.get(i) != region}
        if ids and (html := self.pictures[box.shared].html(ids, own)):
            self._send(box, html, ids)

    def _send_common(
        self,
        box: Outbox,
        sent: set[str],
        own: Mapping[str, Region],
        common: dict[tuple[bool, frozenset[str]], bytes],
    ) -> set[str]:
        """Send what a change has for this player and for others; returns what is left of it."""
        left, picture = sent & own.keys(), self.pictures[box.shared]
        apart = frozenset(each for each in left if picture.is_top(each))
        data = common.get(key := (box.deflates, apart))
        if data is None:
            data = common[key] = self._framed(box, picture.html(sent - apart, {}))
        metrics.FRAMES.add(1)
        metrics.FRAME_BYTES.add(len(data))
        box.offer(data, sent - apart)
        return left


def _frames(html: bytes, deflates: bool, for_many: bool = False) -> bytes:
    """A change as one websocket frame or several; the best compression is worth its time for many
    screens."""
    if not deflates:
        return b"".join(map(frame, messages(html)))
    return b"".join(
        deflated(each, smallest=for_many and len(each) > APART) for each in messages(html)
    )


def _signed_out(box: Outbox, t: Tournament) -> bool:
    """Whether the screen's device was revoked, or its player got a new personal code since."""
    if box.player_id is not None:
        return t.seat_codes.get(box.player_id, 0) != box.renewed
    return box.device_id is not None and box.device_id not in t.devices
