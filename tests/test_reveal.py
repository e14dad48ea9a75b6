"""The cards turn on the board and on the phones."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from bench.reveal import changes
from lct.application.screens import VIEWS
from lct.application.screens.board import ROWS
from lct.application.screens.phone import personal
from lct.application.screens.region import Scene
from lct.places import ROOT
from lct.web.outbox import deflated, messages
from lct.web.picture import Picture
from lct.web.render import Renderer

from .evening import START, Evening
from .http_client import Element, parse


@pytest.mark.parametrize("cards", [128, 300])
def test_the_board_of_a_large_draw_shows_every_card(cards: int) -> None:
    flask = Flask("lct", root_path=str(ROOT), template_folder="templates", static_folder="static")
    evening = Evening(cards, cards)
    evening.all_picked(cards)
    page = parse(Picture(Renderer(flask), VIEWS["board"], Scene(evening.t, START)).whole())
    found = list(changes(evening, Renderer(flask)))
    assert max(map(len, found if cards <= ROWS else found[:-1])) < 20_000
    for html in found:
        for message in messages(html):
            for region in parse(message).children:
                assert isinstance(region, Element)
                region.fill_in(page)
                page.replace(region)
    whole = Picture(Renderer(flask), VIEWS["board"], Scene(evening.t, evening.now)).whole()
    assert page.picture() == parse(whole).picture()


def test_every_message_to_a_board_of_a_thousand_is_small_as_it_is_sent() -> None:
    flask = Flask("lct", root_path=str(ROOT), template_folder="templates", static_folder="static")
    evening = Evening(1024, 1024)
    evening.all_picked(1024)
    renderer, found, sent = Renderer(flask), list[bytes](), list[bytes]()
    for html in changes(evening, renderer):
        found.append(html)
        whole = Picture(renderer, VIEWS["board"], Scene(evening.t, evening.now)).whole()
        sent += [html, whole] if len(sent) < 20 or evening.t.dealt else [html]
    assert max(map(len, found[:-1])) < 20_000  # until the list of all
    assert max(len(deflated(m)) for html in sent for m in messages(html)) < 20_000


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
