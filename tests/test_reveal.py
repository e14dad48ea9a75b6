"""The cards turn on the board and on the phones."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask

from bench.reveal import frames_of
from lct.application.screens import VIEWS
from lct.application.screens.phone import personal
from lct.application.screens.region import Scene
from lct.places import ROOT
from lct.web.picture import Picture
from lct.web.render import Renderer

from .evening import START, Evening
from .http_client import Element, parse


def test_the_board_of_a_large_draw_gets_small_frames_and_shows_every_card() -> None:
    flask = Flask("lct", root_path=str(ROOT), template_folder="templates", static_folder="static")
    for cards in (128, 1024):
        evening, frames = Evening(cards, cards), list[bytes]()
        evening.all_picked(cards)
        page = parse(Picture(Renderer(flask), VIEWS["board"], Scene(evening.t, START)).whole())
        for frame in frames_of(evening, Renderer(flask)):
            frames.append(frame)
            if cards < 1000:  # a larger page takes seconds
                for region in parse(frame.decode()).children:
                    assert isinstance(region, Element)
                    region.fill_in(page)
                    page.replace(region)
        assert max(map(len, frames)) < 20_000
        if cards < 1000:
            whole = Picture(Renderer(flask), VIEWS["board"], Scene(evening.t, evening.now)).whole()
            assert page.picture() == parse(whole).picture()


def test_a_phone_counts_the_cards_before_the_wave_that_its_card_is_in() -> None:
    evening = Evening(128, 128)
    players = evening.all_picked(128)
    evening.draw()

    def ahead(player: int) -> int:
        me = personal(Scene(evening.t, evening.now), players[player])["me"]
        return me.data.ahead  # type: ignore[attr-defined, no-any-return]

    assert [ahead(n) for n in (0, 4, 5, 127)] == [0, 0, 5, 127]
    evening.now += timedelta(seconds=3 + 4)  # the second wave lies face down
    assert [ahead(n) for n in (5, 9, 10)] == [0, 0, 5]
