"""An evening goes on while somebody holds 1,000 connections open."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from .http_client import Evening, House, open_house
from .support import wait_until

pytestmark = pytest.mark.slow

CONNECTIONS = 1000
CUT = 3  # seconds that a request may take on this server
PATIENT = 2  # seconds for a tap to be answered and shown; an idle machine takes a hundredth
BIG_FILE = "/static/vendor/swagger-ui@5.35.0/swagger-ui-bundle.js"

HEAD = "GET / HTTP/1.1\r\nHost: x\r\n"
BODY = (
    "POST {board}/team HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
)
CHUNKS = BODY.replace("Content-Length: 5000", "Transfer-Encoding: chunked")
ANSWER = f"GET {BIG_FILE} HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = (
    "GET {board}/live?view=board HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
STREAM = "GET {board}/events?view=board HTTP/1.1\r\nHost: x\r\n\r\n"


class Attack:
    """Connections that send an opening, then a few bytes four times a second, and read nothing."""

    def __init__(self, house: House, opening: str, drip: str) -> None:
        self.where, self.drip = (house.host, house.port), drip.encode()
        self.open = [self.connection(opening.encode()) for _ in range(CONNECTIONS)]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def connection(self, opening: bytes) -> socket.socket:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.settimeout(10)
        made.connect(self.where)
        made.sendall(opening)
        made.setblocking(False)
        return made

    def _run(self) -> None:
        while not self._over.wait(0.25):
            self.open = [each for each in self.open if self._holds(each)]

    def _holds(self, connection: socket.socket) -> bool:
        """Send more; return whether the server still seems to hold the connection."""
        try:
            connection.send(self.drip)
            if connection.recv(1, socket.MSG_PEEK):
                return True
        except BlockingIOError:
            return True
        except OSError:
            pass
        connection.close()
        return False

    def end(self) -> None:
        self._over.set()
        self._thread.join()
        for each in self.open:
            each.close()


@pytest.fixture(scope="module")
def house(servers: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One worker takes the whole attack."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    folder = tmp_path_factory.mktemp("attacked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GUNICORN_CMD_ARGS", f"--timeout {CUT}")
        with open_house(servers, folder, workers=1) as made:
            yield made


def evening_goes_on(e: Evening, rounds: int) -> list[float]:
    """Guests join and pick while a board is open; return the seconds from each tap to the board."""
    seconds = []
    with e.house.phone().live(e.live("board")) as board:
        board.take()
        for number in range(rounds):
            guest = e.guest(f"N{number}")
            began = time.monotonic()
            assert e.pick(guest, number).status == 200
            board.until(lambda s, n=number: f"Team {n}" in s.shows(f"seat-{n + 1}"), PATIENT)
            seconds.append(time.monotonic() - began)
    return seconds


def cut(house: House, before: int) -> int:
    """The number of requests cut off for taking too long, from byte ``before`` of the log."""
    with house.server.log.open("rb") as log:
        log.seek(before)
        return log.read().count(b"request took too long")


@pytest.mark.parametrize(
    ("opening", "drip"),
    [("", ""), (HEAD, "X-A: b\r\n"), (BODY, "a"), (CHUNKS, "1\r\na\r\n"), (ANSWER, "")],
    ids=["silent", "slow head", "slow body", "slow chunks", "answer not read"],
)
def test_a_thousand_slow_connections_do_not_stop_an_evening_and_are_cut_off(
    house: House, opening: str, drip: str
) -> None:
    e = house.evening(limit=10, teams=10)
    before = house.server.log.stat().st_size
    attack = Attack(house, opening.format(board=e.at()), drip)
    try:
        assert len(evening_goes_on(e, 10)) == 10
        # A client that reads nothing does not see the close, so the log is counted.
        wait_until(lambda: len(attack.open) <= cut(house, before), 5 * CUT, "all of them closed")
    finally:
        attack.end()
    assert len(evening_goes_on(house.evening(), 4)) == 4


@pytest.mark.parametrize("opening", [UPGRADE, STREAM], ids=["websocket", "events"])
def test_a_thousand_screens_that_read_nothing_do_not_stop_an_evening(
    house: House, opening: str
) -> None:
    e = house.evening(limit=10, teams=10)
    attack = Attack(house, opening.format(board=e.at()), "")
    try:
        assert len(evening_goes_on(e, 10)) == 10
    finally:
        attack.end()
