"""Work stops once the client has gone or the deadline has passed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask

from lct import this_request
from lct.domain.errors import ClientGone, DeadlineExceeded
from lct.infrastructure.limiter import Limiter
from lct.infrastructure.redis_bus import RedisBus
from lct.laptop.local_servers import LocalServer, start_bus, start_store
from lct.laptop.machine import listen

from .api_client import ApiEvening, good, refused, served, settings_for
from .conftest import Servers
from .http_client import House, Phone, open_house
from .proxy import Proxy, slow
from .support import clean_environ, wait_until

SECONDS = 1.0  # the deadline of a request here
LATE = 0.8  # seconds of delay on a busy machine; without a deadline, a lock is waited for 2 s


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalServer, LocalServer]]:
    """This module's own store and bus, which its tests may pause."""
    folder = tmp_path_factory.mktemp("local")
    servers = start_store(folder), start_bus(folder)
    for server in servers:
        server.wait_ready()
    yield servers
    for server in servers:
        server.stop()


# --- the deadline ---------------------------------------------------------------------------------


@pytest.fixture
def slowed(local: Any) -> Iterator[tuple[Flask, Proxy]]:
    """The app in this process, with a proxy between it and the store."""
    store, bus = local
    with Proxy(store.socket) as proxy, served(settings_for(Servers(proxy.uri, bus.uri))) as app:
        yield app, proxy


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    began = time.monotonic()
    return call(), time.monotonic() - began


def test_all_store_operations_of_a_request_share_one_deadline(
    slowed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, proxy = slowed
    e = ApiEvening(app)
    monkeypatch.setattr(this_request, "REQUEST_SECONDS", SECONDS)
    proxy.break_all(slow(0.7))  # each response is in time; the second is too late for the request
    answer, took = timed(lambda: e.host.get(e.at("/history")))
    refused(answer, 503, "deadline-exceeded" if took < SECONDS else "unavailable")
    assert "Retry-After" in answer.headers
    assert SECONDS - 0.1 < took < SECONDS + LATE
    proxy.break_all(None)
    good(e.host.get(e.at("/history")))  # the next one has a deadline of its own


def test_waiting_for_other_commands_ends_by_the_deadline(
    slowed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _ = slowed
    e = ApiEvening(app)
    ola = e.join("Ola")
    monkeypatch.setattr(this_request, "REQUEST_SECONDS", SECONDS)
    with app.extensions["lct"].store.stream(e.code).lock:
        answer, took = timed(lambda: e.pick(ola, 1))
    refused(answer, 503, "busy")
    assert SECONDS - 0.1 < took < SECONDS + LATE
    good(e.pick(ola, 1))


def test_a_redis_call_that_could_outlast_the_deadline_is_skipped(
    slowed: Any, local: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _ = slowed
    e = ApiEvening(app)
    monkeypatch.setattr(this_request, "REQUEST_SECONDS", SECONDS)
    os.killpg(local[1].process.pid, signal.SIGSTOP)
    try:
        answer, took = timed(lambda: e.anyone.get(e.at("/teams")))
    finally:
        os.killpg(local[1].process.pid, signal.SIGCONT)
    assert len(good(answer)["items"]) == 10
    assert took < SECONDS


def test_a_call_to_a_paused_redis_ends_in_time(local: Any) -> None:
    bus = RedisBus(local[1].uri)
    limiter = Limiter(local[1].uri)
    limiter.hit("join", "warm")
    assert bus.looks("BB3K7QXM") == {}  # so that both have a connection already
    os.killpg(local[1].process.pid, signal.SIGSTOP)
    try:
        for _ in range(2):  # with that connection, and with a new one
            assert timed(lambda: bus.looks("BB3K7QXM"))[1] < 2.5
            assert timed(lambda: limiter.hit("join", "someone"))[1] < 2.0
    finally:
        os.killpg(local[1].process.pid, signal.SIGCONT)


def test_there_is_no_deadline_outside_a_request(slowed: Any) -> None:
    this_request.check()
    assert this_request.left(3600) == 3600
    assert this_request.allows(10**9)
    app, _ = slowed
    good(ApiEvening(app).anyone.get("/liveness"))
    assert this_request.left(3600) == 3600  # a request leaves nothing behind


def test_nothing_begins_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(this_request, "REQUEST_SECONDS", 0.0)
    this_request.begin("abcdefgh", {})
    try:
        for ask in (this_request.check, lambda: this_request.left(1)):
            with pytest.raises(DeadlineExceeded):
                ask()
        assert not this_request.allows(0.1)
    finally:
        this_request.end()


# --- the client -----------------------------------------------------------------------------------


class Plain:
    """A socket as gunicorn passes it on: gevent's, around a plain one."""

    def __init__(self, plain: socket.socket) -> None:
        self._sock = plain


@pytest.mark.parametrize("sent", [b"", b"GET /next HTTP/1.1\r\n"])
def test_a_client_counts_as_connected_until_it_closes_its_side(sent: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        this_request.begin("abcdefgh", {"gunicorn.socket": Plain(ours)})
        try:
            theirs.sendall(sent)
            this_request.check()
            assert ours.recv(100, socket.MSG_DONTWAIT) == sent if sent else True
            theirs.close()
            with pytest.raises(ClientGone):
                this_request.check()
        finally:
            this_request.end()


@pytest.fixture
def slow_house(local: Any, tmp_path: Path) -> Iterator[tuple[House, Proxy]]:
    """The app with one worker, with a proxy between it and the store."""
    store, bus = local
    with Proxy(store.socket) as proxy:
        servers = Servers(proxy.uri, bus.uri)
        with open_house(servers, tmp_path, workers=1, public_url="http://cup.example") as house:
            yield house, proxy


def send(phone: Phone, path: str, **fields: Any) -> socket.socket:
    """Send a tap, and return without waiting for the response."""
    body = urlencode(fields).encode()
    lines = [
        f"POST {path} HTTP/1.1", f"Host: {phone.house.host}", "HX-Request: true",
        f"X-CSRFToken: {phone.token}", f"Cookie: {phone.cookie_header(path)}",
        "Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}", "", "",
    ]  # fmt: skip
    connection = socket.create_connection((phone.house.host, phone.house.port), timeout=10)
    connection.sendall("\r\n".join(lines).encode() + body)
    return connection


def test_a_command_not_begun_when_its_client_leaves_never_runs(slow_house: Any) -> None:
    house, proxy = slow_house
    e = house.evening(limit=4)
    ola = e.guest("Ola")
    before = len(e.events)
    proxy.break_next("insert", slow(1.0))
    first = send(ola, e.at("team"), team=1, value="ab" * 16)
    wait_until(lambda: proxy.spent, what="the first tap holds the lock")
    for team in range(2, 6):
        for _ in range(12):
            send(ola, e.at("team"), team=team, value="cd" * 16).close()
    stays = send(ola, e.at("team"), team=7, value="ef" * 16)
    assert first.recv(12) == b"HTTP/1.1 200"
    assert stays.recv(12) == b"HTTP/1.1 200"
    first.close()
    stays.close()
    lines = wait_until(
        lambda: (
            (found := [m for m in house.lines() if m["message"] == "client gone"])[47:] and found
        ),
        what="the cancelled taps in the log",
    )
    assert [event["data"]["team"] for event in e.events[before:]] == [1, 7]
    assert {line["event"]["action"] for line in lines} == {"request.cancel"}
    asked = {line["http"]["request"]["id"] for line in lines}
    ended = [
        line
        for line in house.lines()
        if line["message"] == "request" and line["http"]["request"]["id"] in asked
    ]
    assert len(ended) == len(asked) == 48
    assert {
        (line["http"]["response"]["status_code"], line["labels"]["error_kind"], line["log.level"])
        for line in ended
    } == {(499, "cancelled", "info")}


@pytest.mark.parametrize(
    "body", [b"zz\r\n", b"5\r\nab", b"5\r\nabcdeXX", b"-1\r\n\r\n", b"ffffffffffffffffff\r\n"]
)
def test_malformed_chunks_are_a_bad_request(house: House, body: bytes) -> None:
    with socket.create_connection((house.host, house.port), timeout=15) as phone:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        phone.sendall(head + body)
        phone.shutdown(socket.SHUT_WR)
        assert phone.recv(12) in (b"HTTP/1.1 400", b"HTTP/1.1 413")


def test_a_download_ends_when_its_reader_has_gone(tmp_path: Path) -> None:
    """Even on a connection made before gunicorn started."""
    told, listener = tmp_path / "told", listen("127.0.0.1", 0)
    reader = socket.create_connection(listener.getsockname(), timeout=20)
    environ = {
        **clean_environ(), "ENDLESS": str(told), "LCT_MONGO_URI": "mongodb://127.0.0.1:1",
        "LCT_REDIS_URL": "unix:///none", "LCT_SECRET_KEY": "x" * 16, "LCT_WORKERS": "1",
        "LCT_DRAIN_SECONDS": "0",
    }  # fmt: skip
    command = [sys.executable, "-m", "gunicorn", "-c", "python:lct.serving", "tests.endless:app"]
    command += ["--bind", f"fd://{listener.fileno()}"]
    with listener, (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            command, env=environ, stdout=log, stderr=log, pass_fds=[listener.fileno()]
        )
    try:
        reader.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert reader.recv(8) == b"HTTP/1.1"
        for _ in range(10):  # more than its first chunk
            assert reader.recv(20_000, socket.MSG_WAITALL)
        assert not told.exists()
        reader.close()
        wait_until(told.exists, what="the end of the download")
        timeout, chunks = map(int, wait_until(told.read_text).split())
        assert timeout == (30_000 if sys.platform == "linux" else 0)  # for one that reads nothing
        assert 2 <= chunks < 1000
    finally:
        server.terminate()
        server.wait(20)
