"""A page finds a way to stay live by itself, whatever the network lets through."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .browser import QUICK, TV, Screens, create, is_by, is_live, join, see
from .http_client import House
from .network import Network

pytestmark = pytest.mark.browser


@pytest.fixture
def network(house: House) -> Iterator[Network]:
    house.forget_limits()
    made = Network(house.port)
    yield made
    made.close()


@pytest.fixture
def evening(network: Network, screens: Screens) -> tuple[str, Any, Any]:
    """The code, the TV, and the phone of somebody who reaches the server as always."""
    tv, phone = screens.open(**TV), screens.open()
    code = create(phone, network.url, f"Cup {secrets.token_hex(4)}", 4)
    straight = f"http://127.0.0.1:{network.port}"
    join(phone, f"{straight}/t/{code}/join", "Ola", "Nowak")
    is_live(phone, 10_000)
    return code, tv, phone


def pick(phone: Any, team: int) -> None:
    phone.locator(f"#team-{team} button").click()


def states(page: Any) -> Callable[[], set[str]]:
    """Begin to note what the mark says; the function returned tells what it said."""
    page.evaluate(
        """() => {
            const mark = document.querySelector("#live-mark");
            const said = window.said = [mark.dataset.state];
            new MutationObserver(() => said.push(mark.dataset.state))
                .observe(mark, { attributes: true });
        }"""
    )
    return lambda: set(page.evaluate("window.said"))


def test_without_websockets_events_keep_every_screen_live(
    network: Network, screens: Screens, evening: tuple[str, Any, Any]
) -> None:
    code, tv, ola = evening
    network.set(live="refuse")
    max_ = screens.open()
    join(max_, f"{network.url}/t/{code}/join", "Max", "Brandt")
    tv.goto(f"{network.url}/t/{code}")
    for page in (tv, max_):
        is_by(page, "sse", "live")
    pick(ola, 1)
    tv.locator("#seat-1.is-picked").wait_for(timeout=QUICK)
    max_.locator("#team-1 .is-taken").wait_for(timeout=QUICK)
    max_.locator("#team-3 button").hover()
    tv.locator("#seat-2.is-looking").wait_for(timeout=QUICK)
    max_.locator("#team-3 button").focus()
    ola.locator("#team-3 button").hover()
    see(max_.locator("#team-3"), "Ola is looking")
    assert max_.evaluate("document.activeElement.value") == "3"
    pick(max_, 4)
    tv.locator("#seat-2.is-picked").wait_for(timeout=QUICK)
    # When websockets get through again, the page finds out by itself, and nobody sees it.
    said = states(tv)
    network.rules = {}
    for page in (tv, max_):
        is_by(page, "ws", "live", 90_000)
    assert said() == {"live"}
    pick(ola, 2)
    max_.locator("#team-2 .is-taken").wait_for(timeout=QUICK)


@pytest.mark.parametrize("events", ["refuse", "hang", "hold"])
def test_without_either_the_page_asks(
    network: Network, screens: Screens, evening: tuple[str, Any, Any], events: str
) -> None:
    code, tv, ola = evening
    network.set(live="refuse", events=events)
    answers: list[int] = []
    tv.on("response", lambda r: answers.append(r.status) if "/now?" in r.url else None)
    tv.goto(f"{network.url}/t/{code}")
    is_by(tv, "poll", "slow")
    see(tv, "Delayed: every 5 s")
    pick(ola, 1)
    tv.locator("#seat-1.is-picked").wait_for(timeout=8_000)
    end = time.monotonic() + 20
    while 204 not in answers:
        assert time.monotonic() < end, answers
        tv.wait_for_timeout(200)
    assert set(answers) == {200, 204}
    said = states(tv)
    network.rules = {"live": "refuse"}
    tv.evaluate("dispatchEvent(new Event('online'))")  # else it tries once a minute
    is_by(tv, "sse", "live")
    assert said() == {"slow", "live"}


@pytest.mark.parametrize("how", ["cut", "portal"])
def test_without_anything_the_last_board_stays_and_comes_right_by_itself(
    network: Network, screens: Screens, evening: tuple[str, Any, Any], how: str
) -> None:
    code, tv, ola = evening
    max_ = screens.open()
    join(max_, f"{network.url}/t/{code}/join", "Max", "Brandt")
    tv.goto(f"{network.url}/t/{code}")
    for page in (tv, max_):
        is_by(page, "ws", "live")
    see(tv, "Max Brandt")
    network.set(everything=how)
    for page in (tv, max_):
        page.locator("#live-mark[data-state=off]").wait_for(timeout=15_000)
        see(page, "Not live since")
    pick(ola, 1)
    pick(max_, 2)
    if how == "cut":
        see(max_, "No connection. Nothing is lost: try again.")
    is_by(tv, "poll", "off")
    said = states(tv)
    tv.wait_for_timeout(6_000)
    assert said() == {"off"}
    see(tv, "Max Brandt")
    assert tv.locator("#seat-1.is-picked").count() == 0
    network.set()
    tv.locator("#seat-1.is-picked").wait_for(timeout=30_000)
    for page in (tv, max_):
        is_by(page, "ws", "live", 60_000)
    pick(max_, 2)
    tv.locator("#seat-2.is-picked").wait_for(timeout=QUICK)


@pytest.mark.parametrize("how", ["hang", "hold"])
def test_a_socket_on_which_nothing_comes_is_not_waited_for(
    network: Network, screens: Screens, evening: tuple[str, Any, Any], how: str
) -> None:
    code, tv, ola = evening
    network.set(live=how)
    tv.goto(f"{network.url}/t/{code}")
    said = states(tv)
    is_by(tv, "sse", "live", 30_000)
    assert said() == {"wait", "live"}
    pick(ola, 2)
    tv.locator("#seat-1.is-picked").wait_for(timeout=QUICK)


@pytest.mark.parametrize("way", ["ws", "sse", "poll"])
def test_a_page_that_nobody_looks_at_is_shown_asleep(
    network: Network, screens: Screens, evening: tuple[str, Any, Any], way: str
) -> None:
    code, _, ola = evening
    refused = {"ws": (), "sse": ("live",), "poll": ("live", "events")}[way]
    network.set(**dict.fromkeys(refused, "refuse"))
    max_ = screens.open()
    join(max_, f"{network.url}/t/{code}/join", "Max", "Brandt")
    is_by(max_, way, "slow" if way == "poll" else "live")
    tv = screens.open(**TV)
    tv.goto(f"http://127.0.0.1:{network.port}/t/{code}")
    tv.locator("#seat-2:not(.is-away, .is-asleep)").wait_for(timeout=8_000)
    hide = """(hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    max_.evaluate(hide, True)
    tv.locator("#seat-2.is-asleep").wait_for(timeout=8_000)
    network.seen.clear()
    max_.wait_for_timeout(7_000)
    assert network.seen == []  # and asks for nothing
    max_.evaluate(hide, False)
    tv.locator("#seat-2:not(.is-away, .is-asleep)").wait_for(timeout=QUICK)
    pick(ola, 1)
    max_.locator("#team-1 .is-taken").wait_for(timeout=8_000)


def test_a_server_that_hears_nothing_new_is_not_called_live(
    network: Network, screens: Screens, evening: tuple[str, Any, Any]
) -> None:
    code, tv, _ = evening
    deaf = True

    def between(socket: Any) -> None:
        def passed_on(text: str) -> None:
            socket.send(text.replace('{"live": true', '{"live": false') if deaf else text)

        socket.connect_to_server().on_message(passed_on)

    tv.route_web_socket("**/live?*", between)
    tv.goto(f"{network.url}/t/{code}")
    is_by(tv, "ws", "slow")
    assert tv.locator("#live-mark").text_content() == "Delayed"
    deaf = False
    is_by(tv, "ws", "live")


@pytest.mark.parametrize("way", ["ws", "sse", "poll"])
def test_a_device_that_may_not_see_the_page_any_more_does_not_ask_for_ever(
    network: Network, screens: Screens, way: str
) -> None:
    host, other = screens.open(**TV), screens.open(**TV)
    straight = f"http://127.0.0.1:{network.port}"
    code = create(host, straight, f"Cup {secrets.token_hex(4)}", 4)
    recovery = host.locator(".recovery").inner_text()
    refused = {"ws": (), "sse": ("live",), "poll": ("live", "events")}[way]
    network.set(**dict.fromkeys(refused, "refuse"))
    other.goto(f"{network.url}/t/{code}/recover")
    other.get_by_label("Recovery code").fill(recovery)
    other.get_by_role("button", name="Run the evening here").click()
    is_by(other, way, "slow" if way == "poll" else "live")
    host.goto(f"{straight}/t/{code}/organise")
    is_live(host)
    host.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    host.get_by_role("button", name="Yes, revoke it").last.click()
    other.locator("#live-mark[data-state=over]").wait_for(timeout=10_000)
    see(other, "Updates ended: reload")
    network.seen.clear()
    other.wait_for_timeout(7_000)
    assert not {"live", "events", "now"} & set(network.seen)
