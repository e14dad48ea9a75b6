"""Pages whose scripts do not run: an older TV, and a script that did not arrive."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Error

from .browser import PHONE, TV, Screens, be, hurry, pass_time, see
from .http_client import House

pytestmark = pytest.mark.browser

SCRIPT = re.compile(r"\.js\?")
DROPPED = re.compile(r"[\w-]+:[^;{}]*\b(?:min|max|clamp)\([^;{}]*;?|inset:[^;{}]*;?")
RULE = re.compile(r"[^{};]*:(?:is|has|where)\([^{}]*\{[^{}]*\}")


def older(page: Any) -> None:
    """Let the page's browser be one that parses neither the scripts nor newer CSS."""
    page.context.add_init_script("CSS.supports = () => false;")
    page.route(SCRIPT, lambda route: route.fallback() if "asking" in route.request.url else
               route.fulfill(body="a?.?.b;", content_type="text/javascript"))  # fmt: skip

    def styles(route: Any) -> None:
        css = re.sub(r"/\*.*?\*/", "", route.fetch().text(), flags=re.S)
        css = re.sub(r"@supports not \([^{]*", "@supports (top: 0) ", css)
        route.fulfill(body=DROPPED.sub("", RULE.sub("", css)), content_type="text/css")

    page.route(re.compile(r"\.css\?"), styles)


def test_an_older_tv_follows_the_evening_and_keeps_its_sizes(
    house: House, screens: Screens
) -> None:
    e = house.evening(limit=40, teams=[f"Team {n}" for n in range(40)])
    tv = screens.open(**TV)
    tv.clock.install()
    older(tv)
    tv.goto(house.url + e.at())
    e.guest("Ola")
    name = tv.locator(".seat .name")
    hurry(tv, lambda: "Ola" in name.first.inner_text())
    see(tv.locator("#live-mark"), "Delayed: every 15 s")
    # The sizes are those of a newer TV: a hundredth of the height, and the head is on its one line.
    assert tv.evaluate("getComputedStyle(document.querySelector('h1')).fontSize") == "47.52px"
    box = tv.locator(".stadium").bounding_box()
    assert (box["width"], box["height"]) == (1280, 720)
    assert tv.evaluate("document.documentElement.scrollWidth") == 1280
    # Its pages turn: 40 seats are two of them.
    shown = tv.locator(".seat:visible")
    hurry(tv, lambda: shown.count() == 8)
    hurry(tv, lambda: shown.count() == 32)
    # What cannot be reached is said, and what is shown stays.
    tv.route("**/t/*", lambda route: route.abort())
    hurry(tv, lambda: "Not live since" in tv.locator("#live-mark").text_content())
    assert "Ola" in name.first.inner_text()
    screens.problems = [each for each in screens.problems if "Unexpected token" not in each]


@pytest.mark.parametrize(
    "lost", ["htmx", pytest.param("trusted", marks=pytest.mark.drill), "hx-ws"]
)
def test_a_page_that_a_script_did_not_reach_asks_and_gets_it_again(
    house: House, screens: Screens, lost: str
) -> None:
    e = house.evening(limit=2)
    ola, max_ = e.guest("Ola"), e.guest("Max")
    page = screens.open(**PHONE)
    be(page, ola)
    page.clock.install()
    page.route(re.compile(rf"/{re.escape(lost)}\.(min\.)?js"), lambda route: route.abort())
    page.goto(house.url + e.at("me"))
    mark = page.locator("#live-mark")

    def reloaded(times: int) -> Callable[[], bool]:
        def enough() -> bool:
            with suppress(Error):  # it is being loaded
                return int(page.evaluate("sessionStorage.getItem('reloads')") or 0) >= times
            return False

        return enough

    hurry(page, reloaded(1), 15)
    e.pick(max_, 3)
    there = page.locator("#seat-2, #team-3").first
    hurry(page, lambda: "Max" in there.inner_text(), 20)
    assert "Connecting" not in mark.text_content()
    page.locator("#team-5 .tile").click()  # by plain form, where htmx is not whole
    see(page.locator("#me"), e.teams[5])
    if lost == "trusted":
        for times in (2, 3):
            pass_time(page, 9)
            page.clock.fast_forward(46_000)
            hurry(page, reloaded(times), 5)
        hurry(page, lambda: "Incomplete, every 15 s: reload" in mark.text_content(), 15)
        page.clock.fast_forward(60_000)
        page.wait_for_timeout(300)
        assert reloaded(3)()
        assert not reloaded(4)()
    # Once it arrives, the page is live, and counts from the start.
    page.unroute_all()
    page.goto(house.url + e.at("me"))
    hurry(page, lambda: mark.get_attribute("data-state") == "live")
    hurry(page, lambda: page.evaluate("sessionStorage.getItem('reloads')") == "0", 15)
    known = "is not defined", "incomplete", "'Trusted"
    screens.problems = [p for p in screens.problems if not any(part in p for part in known)]
