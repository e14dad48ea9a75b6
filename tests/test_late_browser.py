"""Late, duplicate or reordered answers to taps: a page never goes back in time."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .browser import PHONE, QUICK, TV, Screens, be, is_live, see
from .http_client import PUBLIC_URL, Evening, House, Phone

pytestmark = pytest.mark.browser


# Put HTML into the page as a frame does.
SWAP = """async (text) => {
  const live = document.querySelector("#live");
  await htmx.swap({ sourceElement: live, target: live, swap: "beforeend swapEmpty:false", text });
}"""


def as_of(html: str, stamp: str) -> str:
    """A region's HTML as a frame with this stamp."""
    bare = re.sub(r' data-at="[^"]*"', "", html)
    return bare.replace(' id="', f' data-at="{stamp}" hx-swap-oob="outerMorph" id="', 1)


class Held:
    """Holds the answers to a page's POSTs to one address: fetched at once, delivered later."""

    def __init__(self, page: Any, address: str) -> None:
        self.waiting: list[tuple[Any, Any]] = []
        page.route(f"**/{address}", self._hold)
        self.page = page

    def _hold(self, route: Any) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        self.waiting.append((route, route.fetch()))

    def wait(self) -> Any:
        """Wait until an answer is held; return its status."""
        for _ in range(100):
            if self.waiting:
                return self.waiting[-1][1].status
            self.page.wait_for_timeout(50)
        raise AssertionError("nothing was posted")

    def arrive(self) -> None:
        """Deliver the oldest answer and give the page time to show it."""
        route, answer = self.waiting.pop(0)
        with self.page.expect_response(lambda response: response.request.method == "POST"):
            route.fulfill(response=answer)
        self.page.wait_for_timeout(300)


@pytest.fixture
def evening(house: House) -> Evening:
    return house.evening()


@pytest.fixture
def host(evening: Evening, screens: Screens) -> Any:
    """The host's browser, with no page open yet."""
    page = screens.open(**TV)
    be(page, evening.host)
    return page


@pytest.fixture
def ann(evening: Evening, screens: Screens) -> Any:
    """The first player's page."""
    page = screens.open(**PHONE)
    be(page, evening.guest("Ann"))
    page.goto(evening.house.url + evening.at("me"))
    is_live(page)
    return page


@pytest.fixture
def bob(ann: Any, evening: Evening) -> Phone:
    """The second player's phone."""
    return evening.guest("Bob")


def test_a_late_refusal_does_not_show_a_freed_team_as_taken(
    evening: Evening, ann: Any, bob: Phone
) -> None:
    """Ann taps a team that Bob has just taken. Bob changes his mind before she hears of it."""
    held = Held(ann, "team")
    assert evening.pick(bob, 3).status == 200
    see(ann.locator("#team-3"), "Bob Nowak")
    # Her tile is put back to how it looked a moment ago.
    ann.evaluate(
        """() => {
          const tile = document.querySelector("#team-3 .tile");
          tile.removeAttribute("aria-disabled");
          tile.click();
        }"""
    )
    assert held.wait() == 409
    ann.evaluate("look(null)")  # a look is sent repeatedly until she looks away
    ann.wait_for_timeout(500)
    assert evening.pick(bob, 5).status == 200
    see(ann.locator("#team-5"), "Bob Nowak")
    ann.locator("#team-3 .tile:not(.is-taken)").wait_for(timeout=QUICK)
    held.arrive()
    see(ann, "was just taken by")
    assert "Bob" not in ann.locator("#team-3").inner_text()
    assert ann.locator(".tile.is-taken").count() == 1
    ann.unroute("**/team")
    ann.locator("#team-3 .tile").tap()
    see(ann.locator("#team-3"), "yours")


def test_a_late_answer_to_a_pick_does_not_undo_the_next_pick(
    evening: Evening, host: Any, ann: Any, bob: Phone
) -> None:
    held = Held(ann, "team")
    ann.locator("#team-3 .tile").tap()
    assert held.wait() == 200
    see(ann.locator("#team-3"), "yours")  # by the socket
    # The host picks for her meanwhile.
    host.goto(evening.house.url + evening.at("organise"))
    host.get_by_role("link", name="Change the pick of Ann Nowak").click()
    host.locator("#team-6 .tile").click()
    see(ann.locator("#team-6"), "yours")
    held.arrive()
    assert "yours" in ann.locator("#team-6").inner_text()
    assert "yours" not in ann.locator("#team-3").inner_text()
    see(ann.locator("#me"), ann.locator("#team-6 .tile-name").inner_text())
    assert "yours" not in bob.get(evening.at("me")).page.by_id("stage").text


def test_an_older_frame_does_not_undo_an_answer_that_overtook_it(
    ann: Any,
) -> None:
    """A frame is lost on the way and sent again; the answer has overtaken it."""
    before = ann.evaluate("document.querySelector('#team-3').outerHTML")
    ann.locator("#team-3 .tile").tap()
    see(ann.locator("#team-3"), "yours")
    ann.evaluate(SWAP, as_of(before, "1.1"))
    assert "yours" in ann.locator("#team-3").inner_text()


def test_a_late_container_does_not_undo_its_newer_regions(ann: Any) -> None:
    stage = ann.evaluate("document.querySelector('#stage').outerHTML")
    ann.locator("#team-3 .tile").tap()
    see(ann.locator("#team-3"), "yours")
    seq = int(ann.locator("#team-3").get_attribute("data-at").partition(".")[0])
    between = f"{seq - 1}.{2**45}"  # newer than the stage, older than the tile
    ann.evaluate(SWAP, as_of(stage, between))
    assert ann.locator("#stage").get_attribute("data-at") == between  # it was swapped in
    assert "yours" in ann.locator("#team-3").inner_text()


def test_a_late_answer_to_a_lock_does_not_hide_a_later_unlock(
    evening: Evening, host: Any, screens: Screens
) -> None:
    host.goto(evening.house.url + evening.at("organise"))
    is_live(host)
    held = Held(host, "organise")
    host.get_by_role("button", name="Lock the door").click()
    assert held.wait() == 200
    see(host, "Unlock the door")  # by the socket
    other = screens.open(**TV)
    link = host.locator("a[href*='/host/']").first.get_attribute("href")
    other.goto(link.replace(PUBLIC_URL, evening.house.url))
    other.get_by_role("button", name="Run the evening here").click()
    other.get_by_role("button", name="Unlock the door").click()
    host.get_by_role("button", name="Lock the door").wait_for(timeout=QUICK)
    held.arrive()
    assert host.get_by_role("button", name="Unlock the door").count() == 0
    assert host.get_by_role("button", name="Lock the door").count() == 1


def test_a_duplicate_frame_changes_nothing(evening: Evening, ann: Any, bob: Phone) -> None:
    assert evening.pick(bob, 3).status == 200
    see(ann.locator("#team-3"), "Bob Nowak")
    tile = ann.evaluate("document.querySelector('#team-3').outerHTML")
    stamp = ann.locator("#team-3").get_attribute("data-at")
    for _ in range(2):
        ann.evaluate(SWAP, as_of(tile, stamp))
    assert ann.evaluate("document.querySelector('#team-3').outerHTML") == tile
