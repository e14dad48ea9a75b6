"""Raw bytes sent to a running app: partial requests, odd headers and arbitrary socket data."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ..http_client import Evening, House, Raw
from ..support import wait_until
from .shapes import HEADERS, STREAMS

pytestmark = pytest.mark.slow

often = settings(
    max_examples=60,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # no shrinking: a failure may be a long wait
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def evening(house: House) -> Iterator[Evening]:
    """An evening; its server must have logged no error by the end of this module."""
    before = len(house.lines())
    yield house.evening()
    for line in house.lines()[before:]:
        assert line["log.level"] != "error", line
    assert "Traceback" not in house.log()


@often
@given(data=STREAMS, ends=st.booleans())
def test_arbitrary_socket_data_causes_no_error(evening: Evening, data: bytes, ends: bool) -> None:
    raw = Raw(evening.host, evening.live("board"))
    raw.socket.sendall(data)
    if ends:
        raw.socket.shutdown(socket.SHUT_WR)
    raw.close()


def test_screens_still_open_afterwards_and_none_is_leaked(evening: Evening) -> None:
    with evening.host.live(evening.live("board")) as screen:
        screen.take()

    def is_over() -> bool:
        said = Counter(line["message"] for line in evening.house.lines())
        return said["screen opened"] == said["screen closed"]

    wait_until(is_over, what="every screen closed")


LINES = st.sampled_from(
    [
        b"GET / HTTP/1.1", b"POST / HTTP/1.1", b"HEAD / HTTP/1.0", b"GET //x HTTP/1.1",
        b"GET /t/%s/live?view=board HTTP/1.1", b"PUT /t/%s/team HTTP/1.1", b"GET * HTTP/1.1",
        b"GET /%%00 HTTP/1.1", b"GET http://[/ HTTP/1.1", b"GET /t/%s/me?q=%%ff HTTP/1.1",
        b"OPTIONS /api/v1/x HTTP/1.1",
    ]
)  # fmt: skip
UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
BODIES = st.binary(max_size=60) | st.sampled_from([b"5\r\nhello\r\n0\r\n\r\n", b"zz\r\n", b"a=b"])


@often
@given(data=st.data())
def test_an_arbitrary_request_gets_a_status_below_500_or_is_cut_off(
    evening: Evening, data: Any
) -> None:
    line = data.draw(LINES)
    head = {"Host": "x", **(UPGRADE if b"live" in line and data.draw(st.booleans()) else {})}
    head |= data.draw(HEADERS, "headers")
    head |= data.draw(
        st.sampled_from([{}, {"Content-Length": "5"}, {"Transfer-Encoding": "chunked"}])
    )
    lines = [line.replace(b"%s", evening.code.encode()).replace(b"%%", b"%")]
    lines += [f"{name}: {value}".encode("latin-1") for name, value in head.items()]
    where = (evening.house.host, evening.house.port)
    with socket.create_connection(where, timeout=5) as connection:
        connection.sendall(b"\r\n".join([*lines, b"", data.draw(BODIES, "body")]))
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(16)
    assert answer == b"" or answer[9:10] in b"1234", (lines, answer)
