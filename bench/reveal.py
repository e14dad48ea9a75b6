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
from lct.web.outbox import deflated, messages
from lct.web.picture import Picture
from lct.web.render import Renderer
from tests.evening import Evening

from .figures import Figure, measures

SIZES = (16, 128, 1024)


@measures(
    *(f"reveal_{cards}_{what}" for cards in SIZES for what in ("seconds", "html_kb", "sent_kb"))
)
def reveal() -> Iterator[Figure]:
    """From the draw to the list of all cards; the largest message to a board, as HTML (before the
    list) and as it is sent."""
    flask = Flask("lct", root_path=str(ROOT), template_folder="templates", static_folder="static")
    renderer = Renderer(flask)
    for cards in SIZES:
        evening = Evening(cards, cards)
        evening.all_picked(cards)
        found = list(changes(evening, renderer))
        sent = [each for html in found for each in messages(html)]
        draw = evening.t.current_draw
        assert draw
        seconds = (draw.timeline.end - draw.at).total_seconds()
        yield Figure(f"reveal_{cards}_seconds", seconds, "s", "<= 180")
        # The last change is the list of all cards.
        largest = max(map(len, found[:-1]))
        yield Figure(f"reveal_{cards}_html_kb", largest / 1000, "kB", "<= 20")
        packed = max(len(deflated(each)) for each in sent)
        yield Figure(f"reveal_{cards}_sent_kb", packed / 1000, "kB", "<= 20")


def changes(evening: Evening, renderer: Renderer) -> Iterator[bytes]:
    """The HTML of each change of a board, from the draw until the last card has turned."""
    scene = Scene(evening.t, evening.now)
    picture, before = Picture(renderer, VIEWS["board"], scene), shown(scene)
    event = evening.draw()
    assert event
    touched = [event.touches(evening.t)]
    while True:
        scene = Scene(evening.t, evening.now)
        html, _ = picture.update(scene, change(before, scene, touched, ()))
        yield html
        before, touched = shown(scene), []
        wait = next_change(evening.t, evening.now)
        if wait is None:
            return
        evening.now += timedelta(seconds=wait)
