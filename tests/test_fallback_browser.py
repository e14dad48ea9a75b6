"""A page finds a way to stay live by itself, whatever the network lets through."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from .browser import TV, Screens, create, is_live, join, see

pytestmark = pytest.mark.browser


class Network:
    """A proxy between browsers and the server, which lets through what it is told to.

    ``rules`` maps the end of a path (live, events, now) or "" for everything to what happens to
    such requests: "refuse" answers 403, "hang" answers never, "cut" drops the connection.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.rules: dict[str, str] = {}
        self.seen: list[str] = []
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(
                    target=self._serve, args=(self._listener.accept()[0],), daemon=True
                ).start()

    def _serve(self, browser: socket.socket) -> None:
        with suppress(OSError), browser:
            self._open.add(browser)
            head = b""
            while b"\r\n\r\n" not in head:
                if not (got := browser.recv(65536)):
                    return
                head += got
            path = head.split(b" ", 2)[1].decode()
            what = path.partition("?")[0].rpartition("/")[2]
            self.seen.append(what)
            rule = self.rules.get(what) or self.rules.get("")
            if rule == "refuse":
                browser.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            elif rule == "hang":
                while browser.recv(65536):
                    pass
            elif not rule:
                with socket.create_connection(("127.0.0.1", self.port)) as server:
                    self._open.add(server)
                    if (
                        b"\r\nUpgrade:" not in head
                    ):  # one request a connection: each meets the rules
                        head = head.replace(b"\r\nConnection: keep-alive", b"\r\nConnection: close")
                    server.sendall(head)
                    answers = threading.Thread(target=self._pump, args=(server, browser))
                    answers.start()
                    self._pump(browser, server)
                    answers.join()

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while got := source.recv(65536):
                target.sendall(got)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def set(self, **rules: str) -> None:
        """Let these rules hold, for connections that are open as well."""
        self.rules = {"" if name == "everything" else name: rule for name, rule in rules.items()}
        self.cut()

    def cut(self) -> None:
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def close(self) -> None:
        self._listener.close()
        self.cut()


@pytest.fixture
def network(live_server: Callable[..., Any]) -> Iterator[Network]:
    made = Network(int(live_server(workers=1).url.rpartition(":")[2]))
    yield made
    made.close()


def is_by(page: Any, way: str, state: str, timeout: int = 20_000) -> None:
    page.locator(f"#live-mark[data-state={state}][data-way={way}]").wait_for(timeout=timeout)


@pytest.fixture
def evening(network: Network, screens: Screens) -> tuple[str, Any, Any]:
    """The code, the TV, and the phone of somebody who reaches the server as always."""
    tv, phone = screens.open(**TV), screens.open()
    code = create(phone, network.url, "Friday Cup", 4)
    straight = f"http://127.0.0.1:{network.port}"
    join(phone, f"{straight}/t/{code}/join", "Ola", "Nowak")
    is_live(phone, 10_000)
    return code, tv, phone


def pick(phone: Any, team: int) -> None:
    phone.locator(f"#team-{team} button").click()


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
    taken = tv.locator("#seat-1.is-picked")
    taken.wait_for(timeout=3_000)
    max_.locator("#team-1 .is-taken").wait_for(timeout=3_000)
    max_.locator("#team-3 button").hover()
    tv.locator("#seat-2.is-looking").wait_for(timeout=5_000)
    pick(max_, 4)
    tv.locator("#seat-2.is-picked").wait_for(timeout=3_000)
    network.set()  # and when websockets get through again
    for page in (tv, max_):
        page.evaluate("dispatchEvent(new Event('online'))")
        is_by(page, "ws", "live")


@pytest.mark.parametrize("events", ["refuse", "hang"], ids=["refused", "held up by a proxy"])
def test_without_either_the_page_asks(
    network: Network, screens: Screens, evening: tuple[str, Any, Any], events: str
) -> None:
    code, tv, ola = evening
    network.set(live="refuse", events=events)
    answers: list[int] = []
    tv.on("response", lambda r: answers.append(r.status) if "/now?" in r.url else None)
    tv.goto(f"{network.url}/t/{code}")
    is_by(tv, "poll", "slow")
    see(tv, "Delayed")
    pick(ola, 1)
    tv.locator("#seat-1.is-picked").wait_for(timeout=9_000)
    end = time.monotonic() + 20
    while 204 not in answers:
        assert time.monotonic() < end, answers
        tv.wait_for_timeout(200)
    assert set(answers) == {200, 204}


def test_without_anything_the_last_board_stays_and_comes_right_by_itself(
    network: Network, screens: Screens, evening: tuple[str, Any, Any]
) -> None:
    code, tv, ola = evening
    tv.goto(f"{network.url}/t/{code}")
    is_by(tv, "ws", "live")
    see(tv, "Ola Nowak")
    network.set(everything="cut")
    tv.locator("#live-mark[data-state=off]").wait_for(timeout=15_000)
    see(tv, "Not live since")
    pick(ola, 1)
    tv.wait_for_timeout(4_000)
    see(tv, "Ola Nowak")
    assert tv.locator("#seat-1.is-picked").count() == 0
    network.set()
    tv.locator("#seat-1.is-picked").wait_for(timeout=30_000)
    is_by(tv, "ws", "live", 60_000)


def test_a_socket_that_neither_opens_nor_fails_is_not_waited_for(
    network: Network, screens: Screens, evening: tuple[str, Any, Any]
) -> None:
    code, tv, ola = evening
    network.set(live="hang")
    tv.goto(f"{network.url}/t/{code}")
    is_by(tv, "sse", "live", 30_000)
    pick(ola, 2)
    tv.locator("#seat-1.is-picked").wait_for(timeout=3_000)


def test_a_page_that_nobody_looks_at_is_shown_asleep(
    network: Network, screens: Screens, evening: tuple[str, Any, Any]
) -> None:
    code, tv, ola = evening
    tv.goto(f"{network.url}/t/{code}")
    tv.locator("#seat-1:not(.is-away, .is-asleep)").wait_for(timeout=8_000)
    hide = """(hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    ola.evaluate(hide, True)
    tv.locator("#seat-1.is-asleep").wait_for(timeout=5_000)
    ola.evaluate(hide, False)
    tv.locator("#seat-1:not(.is-asleep)").wait_for(timeout=5_000)
