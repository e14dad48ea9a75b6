"""The Locust file: the three scenarios of the project's description, and an evening in a bar.

With Locust's own page: `python -m locust -f bench/load/scenarios.py Create --host http://127.0.0.1:8000`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from contextlib import suppress

import gevent
from locust import User, between, task
from locust.exception import StopUser

from bench.load.browser import Browser, LiveScreen, step
from bench.load.limits import Limit
from bench.load.people import Guest, Host, open_board


class Scenario(User):
    """Users of one kind: how many, for how long, and their limits."""

    abstract = True
    wait_time = between(1, 3)
    users = 1
    seconds = 30.0
    limits: tuple[Limit, ...] = ()


class Create(Scenario):
    """Hosts create tournaments, one after another."""

    users = 120
    limits = (
        Limit("create", "mean", "< 2"),  # the description's
        Limit("create", "failed", "< 1"),
    )

    @task
    def create(self) -> None:
        host = Host(self.environment)
        try:
            host.create(seats=8)
        finally:
            host.browser.close()


class Assign(Scenario):
    """Six guests at a time join a tournament and pick; 20 tournaments at once, so 120 guests."""

    users = 20
    players = 6
    limits = (
        Limit("join", "p90", "< 6"),  # the description's, for assigning a player
        Limit("join", "failed", "< 2"),
        Limit("pick", "p90", "< 6"),
        Limit("pick", "failed", "< 2"),
    )

    @task
    def assign(self) -> None:
        host = Host(self.environment)
        guests = [Guest(self.environment, number) for number in range(self.players)]
        try:
            host.create(seats=self.players)
            host.open_desk()
            board = open_board(host.browser, host.path)
            _together(lambda guest: _join_and_pick(guest, host, board), guests)
        finally:
            _leave(host, guests)


def _join_and_pick(guest: Guest, host: Host, board: LiveScreen) -> None:
    guest.join(host.join_path)
    guest.pick(0.5, board)


class Get(Scenario):
    """Viewers open boards, each with its live picture, and leave again."""

    users = 80
    limits = (
        Limit("open the board", "mean", "< 3.7"),  # the description's
        Limit("open the board", "failed", "< 1"),
        Limit("first picture", "failed", "< 1"),
    )

    def on_start(self) -> None:
        host = Host(self.environment)
        try:
            host.create(seats=8)
        finally:
            host.browser.close()
        self.path = host.path

    @task
    def get(self) -> None:
        browser = Browser(self.environment)
        try:
            open_board(browser, self.path)
        finally:
            browser.close()


class Evening(Scenario):
    """50 tournaments of 20 players in a bar: join, look, pick, change picks, and the draw.

    All screens are live: every guest's phone, and a board and an organiser's page per tournament.
    """

    users = 50
    seconds = 60.0
    players = 20
    limits = (
        Limit("evening", "failed", "<= 0"),
        Limit("join", "p95", "< 1"),
        Limit("join", "failed", "<= 0"),
        Limit("pick", "p95", "< 1"),
        Limit("pick", "failed", "<= 0"),
        Limit("tap to board", "p95", "< 1"),
        Limit("tap to board", "failed", "<= 0"),
        Limit("draw to screen", "p95", "< 2"),
        Limit("draw to screen", "failed", "<= 0"),
    )

    @task
    def evening(self) -> None:
        with suppress(Exception), step(self.environment, "evening"):  # the step counts it
            self._evening()
        raise StopUser

    def _evening(self) -> None:
        host = Host(self.environment)
        guests = [Guest(self.environment, number) for number in range(self.players)]
        try:
            host.create(seats=self.players)
            board, desk = open_board(host.browser, host.path), host.open_desk()
            _together(lambda guest: self._guest(guest, host, board), guests)
            desk.until(lambda shown: 'value="draw"' in shown["controls"])
            host.act("draw", desk)
            desk.until(lambda shown: 'value="skip"' in shown["controls"])
            gevent.sleep(self.seconds / 60)
            screens = [board, desk, *(guest.screen for guest in guests)]
            watching = [gevent.spawn(self._see_the_draw, screen) for screen in screens]
            host.act("skip", desk)
            gevent.joinall(watching, raise_error=True)
            _check(board, guests)
        finally:
            _leave(host, guests)

    def _guest(self, guest: Guest, host: Host, board: LiveScreen) -> None:
        gevent.sleep(random.uniform(0, self.seconds * 0.7))
        guest.join(host.join_path)
        guest.pick(self.seconds / 30, board)
        if random.random() < 0.25:
            guest.pick(self.seconds / 30, board)

    def _see_the_draw(self, screen: LiveScreen) -> None:
        with step(self.environment, "draw to screen"):
            screen.until(_is_drawn)


def _is_drawn(regions: dict[str, str]) -> bool:
    """Whether this screen, in any view, shows that the last card is turned."""
    if "me" in regions:
        return "is-drawn" in regions["me"]
    return 'data-phase="drawn"' in regions.get("head", regions.get("controls", ""))


def _check(board: LiveScreen, guests: list[Guest]) -> None:
    """Assert that no team was held twice, and that phones and board show the same draw."""
    picked = {guest.team for guest in guests}
    assert len(picked) == len(guests), "two guests held the same team"
    rows = (html for region, html in board.regions.items() if region.startswith("row-"))
    on_the_board = dict(tuple(re.findall(r"<bdi[^>]*>(.+?)</bdi>", r)) for r in rows)
    on_the_phones = {guest.name: guest.drawn() for guest in guests}
    assert on_the_board == on_the_phones, "the board and the phones show different draws"
    assert set(on_the_board.values()) == picked, "other teams were drawn than picked"


def _together(act: Callable[[Guest], None], guests: list[Guest]) -> None:
    """Run all guests concurrently until each is done; the first failure stops all."""
    acting = [gevent.spawn(act, guest) for guest in guests]
    try:
        gevent.joinall(acting, raise_error=True)
    finally:
        gevent.killall(acting)


def _leave(host: Host, guests: list[Guest]) -> None:
    for browser in (host.browser, *(guest.browser for guest in guests)):
        browser.close()
