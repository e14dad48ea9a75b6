"""The reveal of a draw: how long it takes, and the frames that it sends to the board."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from flask import Flask

from lct.application.screens import VIEWS
from lct.application.screens.change import change, shown
from lct.application.screens.phases import next_change
from lct.application.screens.region import Scene
from lct.places import ROOT
from lct.web.outbox import deflated
from lct.web.picture import Picture
from lct.web.render import Renderer
from tests.evening import Evening

from .figures import Figure, measures

SIZES = (16, 128, 1024)


@measures(
    *(f"reveal_{cards}_{what}" for cards in SIZES for what in ("seconds", "frame_kb", "sent_kb"))
)
def reveal() -> Iterator[Figure]:
    """From the draw to the last card, the largest frame as text and as it is sent."""
    flask = Flask("lct", root_path=str(ROOT), template_folder="templates", static_folder="static")
    renderer = Renderer(flask)
    for cards in SIZES:
        evening = Evening(cards, cards)
        evening.all_picked(cards)
        frames = list(frames_of(evening, renderer))
        draw = evening.t.current_draw
        assert draw
        seconds = (draw.timeline.end - draw.at).total_seconds()
        yield Figure(f"reveal_{cards}_seconds", seconds, "s", "<= 180")
        yield Figure(f"reveal_{cards}_frame_kb", max(map(len, frames)) / 1000, "kB", "<= 20")
        sent = max(len(deflated(frame)) for frame in frames)
        yield Figure(f"reveal_{cards}_sent_kb", sent / 1000, "kB")


def frames_of(evening: Evening, renderer: Renderer) -> Iterator[bytes]:
    """The frames to a board, from the draw until the last card has turned."""
    scene = Scene(evening.t, evening.now)
    picture, before = Picture(renderer, VIEWS["board"], scene), shown(scene)
    event = evening.draw()
    assert event
    touched = [event.touches(evening.t)]
    while True:
        scene = Scene(evening.t, evening.now)
        html, _ = picture.update(scene, change(before, scene, touched, ()))
        yield html.encode()
        before, touched = shown(scene), []
        wait = next_change(evening.t, evening.now)
        if wait is None:
            return
        evening.now += timedelta(seconds=wait)
