"""The websocket itself: what a client may send, and slow readers."""

from __future__ import annotations

import json
import socket
import struct
import time
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from .http_client import PATIENCE, Evening, House, Phone, Raw, Screen, parse
from .support import wait_until


@pytest.fixture(scope="module")
def quiet(house: House) -> tuple[Evening, Phone]:
    """An evening with one player, for tests that change nothing in it."""
    e = house.evening()
    return e, e.guest("Ola")


def close_code(ws: Any, seconds: float = PATIENCE) -> int:
    """The code with which the server closes the connection."""
    end = time.monotonic() + seconds
    while True:
        try:
            ws.recv(timeout=max(0.001, end - time.monotonic()))
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006


def still_serves(e: Evening) -> None:
    with e.house.phone().live(e.live("board")) as screen:
        screen.take()
        assert screen.ws.ping().wait(2)


# --- what a client may send -----------------------------------------------------------------------


@pytest.mark.parametrize("size", [1001, 200_000])
def test_a_message_above_one_kilobyte_ends_the_connection(
    quiet: tuple[Evening, Phone], size: int
) -> None:
    e, ola = quiet
    ws = ola.open_socket(e.live("me"))
    with suppress(ConnectionClosed):
        ws.send("x" * size)
    assert close_code(ws) == 1009
    still_serves(e)


def test_a_large_message_in_small_pieces_ends_the_connection_too(
    quiet: tuple[Evening, Phone],
) -> None:
    e, ola = quiet
    ws = ola.open_socket(e.live("me"))
    with pytest.raises(ConnectionClosed):
        ws.send("x" * 100 for _ in range(100_000))
    assert close_code(ws) == 1009


@pytest.mark.parametrize(
    "message",
    ["", "{", "[]", "null", "1", '"look"', "{}", '{"look"}', "[" * 900, '{"look": "3"}',
     '{"look": -1}', '{"look": 1e999}', '{"look": NaN}', '{"look": ' + "9" * 900 + "}", b"\x00"],
)  # fmt: skip
def test_a_malformed_message_is_logged_and_ignored(
    quiet: tuple[Evening, Phone], message: str | bytes
) -> None:
    e, ola = quiet
    before = e.house.log().count("websocket message malformed")
    with ola.live(e.live("me")) as screen:
        screen.take()
        screen.ws.send(message)
        assert screen.ws.ping().wait(2)
        assert screen.quiet(0.05) == []
    lines = [x for x in e.house.lines() if x["message"] == "websocket message malformed"]
    assert len(lines) == before + 1
    assert lines[-1]["labels"]["tournament"] == e.code
    assert len(e.events) == 2


def read_to_the_end(raw: socket.socket) -> bytes:
    received = b""
    while True:
        try:
            data = raw.recv(65536)
        except ConnectionResetError:
            return received
        if not data:
            return received
        received += data


GARBAGE = {
    "an unmasked frame": b"\x81\x02hi",
    "reserved bits": b"\xf1\x80\x00\x00\x00\x00",
    "an unknown opcode": b"\x83\x80\x00\x00\x00\x00",
    "half a character": b"\x81\x81\x00\x00\x00\x00\xff",
    "a long control frame": b"\x89\xfe\x00\x80\x00\x00\x00\x00" + b"x" * 128,
    "a continuation without a start": b"\x80\x80\x00\x00\x00\x00",
    "plain HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "noise": bytes(range(256)) * 4,
    "an endless length": b"\x81\xff" + struct.pack(">Q", 2**62) + b"\x00" * 2000,
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_ends_only_its_own_connection(quiet: tuple[Evening, Phone], garbage: bytes) -> None:
    e, ola = quiet
    raw = Raw(ola, e.live("me"))
    raw.socket.sendall(garbage)
    received = read_to_the_end(raw.socket)
    raw.close()
    code = int.from_bytes(received[-40:].partition(b"\x88")[2][1:3], "big")
    assert code in (0, 1002, 1007, 1009)
    assert b"Traceback" not in received
    assert b"<!doctype" not in received
    still_serves(e)
    assert "websocket failed" not in e.house.log()


def test_a_client_that_resets_its_connection_is_cleaned_up(quiet: tuple[Evening, Phone]) -> None:
    e, ola = quiet
    for _ in range(20):
        raw = Raw(ola, e.live("me"))
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()
    still_serves(e)
    wait_until_all_are_closed(e)


def wait_until_all_are_closed(e: Evening) -> None:
    """Wait until every screen opened in the tournament is closed."""

    def said(what: str) -> int:
        lines = [line for line in e.house.lines() if line["message"] == what]
        return sum(line["labels"]["tournament"] == e.code for line in lines)

    wait_until(lambda: said("screen closed") == said("screen opened") > 0, 5)


def test_a_close_is_answered_with_the_code_of_the_client(quiet: tuple[Evening, Phone]) -> None:
    e, ola = quiet
    ws = ola.open_socket(e.live("me"))
    ws.recv(timeout=PATIENCE)
    ws.close(1001)
    assert ws.protocol.close_rcvd.code == 1001


def test_pings_are_answered_with_their_payload(quiet: tuple[Evening, Phone]) -> None:
    e, ola = quiet
    with ola.live(e.live("me")) as screen:
        for payload in (b"", b"x" * 125):
            assert screen.ws.ping(payload).wait(2)


def test_messages_are_compressed_each_by_itself(quiet: tuple[Evening, Phone]) -> None:
    e, ola = quiet
    ws = ola.open_socket(e.live("me"), compression="deflate")
    (extension,) = ws.protocol.extensions
    assert extension.remote_no_context_takeover
    assert extension.local_no_context_takeover
    page = parse(ws.recv(timeout=PATIENCE))
    with ola.live(e.live("me")) as plain:
        plain.take()
        assert page.by_id("stage").picture() == plain.page.by_id("stage").picture()
    ws.send(json.dumps({"look": 0}))  # compressed too
    while (said := ws.recv(timeout=PATIENCE)).startswith("{"):
        pass
    assert parse(said).has("team-0")
    ws.send("x" * 100_000)
    assert close_code(ws) == 1009


@pytest.mark.parametrize(
    "offer", ["x-webkit-deflate-frame", "permessage-deflate; server_max_window_bits=10"]
)
def test_compression_that_needs_a_window_of_ours_is_declined(
    quiet: tuple[Evening, Phone], offer: str
) -> None:
    e, ola = quiet
    ws = ola.open_socket(e.live("me"), {"Sec-WebSocket-Extensions": offer})
    assert "Sec-WebSocket-Extensions" not in ws.response.headers
    assert ws.recv(timeout=PATIENCE).startswith("<")
    ws.close()


@pytest.mark.parametrize(
    ("path", "status"),
    [("live", 404), ("live?view=", 404), ("live?view=host", 404), ("live?view=me%2F", 404),
     ("live?view=organise", 403)],
)  # fmt: skip
def test_a_view_not_meant_for_the_reader_is_refused_before_the_upgrade(
    quiet: tuple[Evening, Phone], path: str, status: int
) -> None:
    e, ola = quiet
    with pytest.raises(InvalidStatus) as refused:
        ola.open_socket(e.at(path))
    assert refused.value.response.status_code == status


def test_a_page_load_of_the_live_address_gets_an_error_page(
    quiet: tuple[Evening, Phone],
) -> None:
    e, ola = quiet
    answer = ola.get(e.live("board"))
    assert answer.status in (400, 426)
    assert answer.page.all("h1")


@pytest.mark.parametrize(
    "instead",
    [
        {"Sec-WebSocket-Key": ""}, {"Sec-WebSocket-Version": "12"}, {"Sec-WebSocket-Version": "x"},
        {"Connection": "close"}, {"X-Odd": "\xff"}, {"Sec-WebSocket-Key": "short"},
        {"Host": "\xa8"}, {"Host": "xn--\xff"}, {"Host": "xn--99999999"},
    ],
    ids=str,
)  # fmt: skip
def test_an_invalid_upgrade_logs_no_traceback(
    quiet: tuple[Evening, Phone], instead: dict[str, str]
) -> None:
    e, _ = quiet
    before = e.house.log().count("Traceback")
    host = {"Host": f"{e.house.host}:{e.house.port}"}
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    sent = {**host, **upgrade, "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", **instead}
    lines = [f"GET {e.live('board')} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in sent.items() if value]
    with socket.create_connection((e.house.host, e.house.port), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        assert connection.recv(12) in (b"HTTP/1.1 400", b"HTTP/1.1 426", b"HTTP/1.1 101")
    assert e.house.log().count("Traceback") == before


# --- slow readers ---------------------------------------------------------------------------------


def test_a_slow_reader_delays_nobody_and_gets_the_current_state_when_it_drains(
    house: House,
) -> None:
    e = house.giant_evening()
    ola = e.guest("Ola", worker=0)
    max_ = e.guest("Max", worker=0)
    slow = Screen(Raw(max_, e.live("me"), receive_buffer=4096))
    with ola.live(e.live("me")) as quick:
        quick.take()
        for team in range(60):
            began = time.monotonic()
            assert e.pick(ola, team).status == 200
            quick.until(lambda s, team=team: "yours" in s.shows(f"team-{team}"), 3)
            assert time.monotonic() - began < 3  # a stuck reader is given up to 20
        assert e.pick(max_, 100).status == 200
    # Now it reads: the frame in flight, then the current state without any history.
    slow.until(lambda s: "Ola Nowak" in s.shows("team-59"))
    slow.until(lambda s: "yours" in s.shows("team-100"), 5)
    assert slow.text.count("Ola Nowak") == 1
    # The whole view, then the current state; either may come in several frames.
    assert max(slow.text.count(f'id="team-{team}"') for team in range(60)) <= 2
    assert len(slow.frames) < 10
    e.pick(ola, 60)
    slow.until(lambda s: "Ola Nowak" in s.shows("team-60"), 5)
    with max_.live(e.live("me")) as fresh:
        fresh.take()
        assert slow.page.by_id("stage").picture() == fresh.page.by_id("stage").picture()
    slow.ws.close()


def test_a_slow_reader_that_leaves_is_forgotten(house: House) -> None:
    e = house.giant_evening()
    ola = e.guest("Ola", worker=0)
    gone = Raw(e.guest("Max").copy(0), e.live("me"), receive_buffer=4096)
    e.pick(ola, 1)
    gone.close()
    with ola.live(e.live("me")) as quick:
        quick.take()
        e.pick(ola, 2)
        quick.until(lambda s: "yours" in s.shows("team-2"), 5)
    wait_until_all_are_closed(e)
