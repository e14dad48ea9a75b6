"""A page finds a way to stay live by itself, whatever the network lets through.

Only the pages under test run in a browser. Where they would wait, their clocks are advanced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .browser import QUICK, TV, Screens, be, hurry, is_by, is_live, pass_time, see
from .http_client import Evening, House, Phone, Screen
from .network import Network

pytestmark = pytest.mark.browser

# The addresses that a page tries before it uses each transport.
BEFORE = {"ws": (), "sse": ("live",), "poll": ("live", "events")}


@pytest.fixture
def network(house: House) -> Iterator[Network]:
    made = Network(house.port)
    yield made
    made.close()


@pytest.fixture
def evening(house: House) -> Evening:
    return house.evening()


@pytest.fixture
def ola(evening: Evening) -> Phone:
    """A phone that reaches the server directly."""
    return evening.guest("Ola")


@pytest.fixture
def show(
    network: Network, screens: Screens, evening: Evening
) -> Callable[[str, Phone | None], Any]:
    """Opens a page of the evening through the network, on a TV or as the phone's owner."""

    def opened(path: str = "", phone: Phone | None = None) -> Any:
        page = screens.open(**({} if phone else TV))
        page.clock.install()
        if phone:
            be(page, phone)
        page.goto(f"{network.url}{evening.at(path)}")
        return page

    return opened


@pytest.fixture
def max_(evening: Evening, ola: Phone) -> Phone:
    """The phone of the second player."""
    return evening.guest("Max", "Brandt")


def pick(page: Any, team: int) -> None:
    page.locator(f"#team-{team} button").click()


def states(page: Any) -> Callable[[], set[str]]:
    """Start recording the states of the live mark; returns a function that gives those seen."""
    page.evaluate(
        """() => {
            const mark = document.querySelector("#live-mark");
            const said = window.said = [mark.dataset.state];
            new MutationObserver(() => said.push(mark.dataset.state))
                .observe(mark, { attributes: true });
        }"""
    )
    return lambda: set(page.evaluate("window.said"))


def test_without_websockets_server_sent_events_keep_every_screen_live(
    network: Network, evening: Evening, ola: Phone, max_: Phone, show: Callable[..., Any]
) -> None:
    network.set(live="refuse")
    phone, tv = show("me", max_), show()
    for page in (tv, phone):
        is_by(page, "sse", "live")
    assert evening.pick(ola, 1).status == 200
    tv.locator("#seat-1.is-picked").wait_for(timeout=QUICK)
    phone.locator("#team-1 .is-taken").wait_for(timeout=QUICK)
    phone.locator("#team-3 button").hover()
    tv.locator("#seat-2.is-looking").wait_for(timeout=QUICK)
    phone.locator("#team-3 button").focus()
    with ola.live(evening.live("me")) as hers:
        hers.ws.send('{"look": 3}')
        see(phone.locator("#team-3"), "Ola is looking")
    assert phone.evaluate("document.activeElement.value") == "3"
    pick(phone, 4)
    tv.locator("#seat-2.is-picked").wait_for(timeout=QUICK)
    # When websockets get through again, the page switches back without a visible change.
    said = states(tv)
    network.rules = {}
    for page in (tv, phone):
        is_by(page, "ws", "live", 90_000)
    assert said() == {"live"}
    assert evening.pick(ola, 2).status == 200
    phone.locator("#team-2 .is-taken").wait_for(timeout=QUICK)


@pytest.mark.parametrize("events", ["refuse", "hang", "hold"])
def test_without_websockets_and_events_the_page_polls(
    network: Network, evening: Evening, ola: Phone, show: Callable[..., Any], events: str
) -> None:
    network.set(live="refuse", events=events)
    tv = show()
    answers: list[int] = []
    tv.on("response", lambda r: answers.append(r.status) if "/now?" in r.url else None)
    hurry(tv, lambda: "now" in network.seen)
    is_by(tv, "poll", "slow")
    see(tv, "Delayed: every 5 s")
    assert evening.pick(ola, 1).status == 200
    network.seen.clear()
    hurry(tv, lambda: "now" in network.seen, 8)
    tv.locator("#seat-1.is-picked").wait_for(timeout=QUICK)
    hurry(tv, lambda: 204 in answers, 20)
    assert set(answers) == {200, 204}
    said = states(tv)
    network.rules = {"live": "refuse"}
    tv.evaluate("dispatchEvent(new Event('online'))")  # otherwise it retries once a minute
    is_by(tv, "sse", "live")
    assert said() == {"slow", "live"}


@pytest.mark.parametrize("how", ["cut", "portal"])
def test_without_a_connection_the_last_board_stays_and_recovers_by_itself(
    network: Network, evening: Evening, ola: Phone, max_: Phone, show: Callable[..., Any], how: str
) -> None:
    phone, tv = show("me", max_), show()
    for page in (tv, phone):
        is_by(page, "ws", "live")
    see(tv, "Max Brandt")
    network.set(everything=how)
    for page in (tv, phone):
        page.locator("#live-mark[data-state=off]").wait_for(timeout=15_000)
        see(page, "Not live since")
    assert evening.pick(ola, 1).status == 200
    pick(phone, 2)
    if how == "cut":
        see(phone, "No connection. Nothing is lost: try again.")
    hurry(tv, lambda: "now" in network.seen)
    is_by(tv, "poll", "off")
    said = states(tv)
    network.seen.clear()
    pass_time(tv, 7)
    assert "now" in network.seen
    assert said() == {"off"}
    see(tv, "Max Brandt")
    assert tv.locator("#seat-1.is-picked").count() == 0
    network.set()
    for page in (tv, phone):
        hurry(page, page.locator("#live-mark:not([data-state=off])").count)
    tv.locator("#seat-1.is-picked").wait_for(timeout=QUICK)
    for page in (tv, phone):
        is_by(page, "ws", "live", 60_000)
    pick(phone, 2)
    tv.locator("#seat-2.is-picked").wait_for(timeout=QUICK)


@pytest.mark.parametrize("how", ["hang", "hold"])
def test_a_page_gives_up_a_silent_websocket(
    network: Network, evening: Evening, ola: Phone, show: Callable[..., Any], how: str
) -> None:
    network.set(live=how)
    tv = show()
    said = states(tv)
    hurry(tv, lambda: "events" in network.seen)
    is_by(tv, "sse", "live")
    assert said() == {"wait", "live"}
    assert evening.pick(ola, 2).status == 200
    tv.locator("#seat-1.is-picked").wait_for(timeout=QUICK)


@pytest.mark.parametrize("way", ["ws", "sse", "poll"])
def test_a_hidden_page_is_shown_asleep(
    network: Network,
    house: House,
    evening: Evening,
    ola: Phone,
    max_: Phone,
    show: Callable[..., Any],
    way: str,
) -> None:
    network.set(**dict.fromkeys(BEFORE[way], "refuse"))
    page = show("me", max_)
    is_by(page, way, "slow" if way == "poll" else "live")

    def seat(board: Screen, number: int = 2) -> set[str]:
        return set(board.page.by_id(f"seat-{number}").attrs["class"].split())

    hide = """(hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    with house.phone().live(evening.live("board")) as board:
        # In its first seconds the board knows nobody's presence. Ola has no page open.
        board.until(lambda b: "is-away" in seat(b, 1) and "is-away" not in seat(b), 8)
        page.evaluate(hide, True)
        board.until(lambda b: "is-asleep" in seat(b), 8)
        network.seen.clear()
        pass_time(page, 7)
        assert network.seen == []  # a hidden page sends no requests
        page.evaluate(hide, False)
        board.until(lambda b: not seat(b) & {"is-away", "is-asleep"}, QUICK / 1000)
    assert evening.pick(ola, 1).status == 200
    hurry(page, page.locator("#team-1 .is-taken").count, 8)


def test_a_page_shows_delayed_while_its_server_is_not_live(
    house: House, evening: Evening, screens: Screens
) -> None:
    tv, deaf = screens.open(**TV), True

    def between(socket: Any) -> None:
        def passed_on(text: str) -> None:
            socket.send(text.replace('{"live": true', '{"live": false') if deaf else text)
            if deaf:
                socket.send('{"live": false, "seq": 1}')  # a heartbeat comes within 5 s

        socket.connect_to_server().on_message(passed_on)

    tv.route_web_socket("**/live?*", between)
    tv.goto(f"{house.url}{evening.at()}")
    is_by(tv, "ws", "slow")
    assert tv.locator("#live-mark").text_content() == "Delayed"
    deaf = False
    is_by(tv, "ws", "live")


@pytest.mark.parametrize("way", ["ws", "sse", "poll"])
def test_the_page_of_a_revoked_device_stops_asking_for_updates(
    network: Network,
    house: House,
    screens: Screens,
    evening: Evening,
    show: Callable[..., Any],
    way: str,
) -> None:
    second = house.phone()
    second.get(evening.at("recover"))
    assert second.post(evening.at("recover"), {"code": evening.recovery}).status == 303
    network.set(**dict.fromkeys(BEFORE[way], "refuse"))
    other, host = show("organise", second), screens.open(**TV)
    is_by(other, way, "slow" if way == "poll" else "live")
    be(host, evening.host)
    host.goto(f"{house.url}{evening.at('organise')}")
    is_live(host)
    host.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    host.get_by_role("button", name="Yes, revoke it").last.click()
    hurry(other, other.locator("#live-mark[data-state=over]").count, 10)
    see(other, "Updates ended: reload")
    network.seen.clear()
    pass_time(other, 7)
    assert not {"live", "events", "now"} & set(network.seen)
