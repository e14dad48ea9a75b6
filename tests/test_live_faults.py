"""Live screens while something breaks: the bus, a worker, the store, or the whole server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import redis
from websockets.exceptions import ConnectionClosed

from lct.application.messages import CHANNEL, Moved, decode, encode
from lct.laptop.local_servers import LocalServer, start_bus, start_store
from lct.places import ROOT

from .conftest import Servers
from .http_client import PATIENCE, Evening, House, Screen, at_once, open_house
from .support import wait_until


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def bus(folder: Path) -> Iterator[LocalServer]:
    """A bus of this module's own, to be broken."""
    server = start_bus(folder / "bus")
    server.wait_ready()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[LocalServer]:
    """A store of this module's own, to be broken."""
    server = start_store(folder / "store")
    server.wait_ready()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def house(bus: LocalServer, store: LocalServer, folder: Path) -> Iterator[House]:
    """The last test stops it, hence the drain time."""
    with open_house(Servers(store.uri, bus.uri), folder, drain_seconds=2) as made:
        yield made


def screens_of(e: Evening) -> list[Screen]:
    """The board and a phone, on each worker."""
    made = [
        e.house.phone(worker).live(e.live(view)) for view in ("board", "me") for worker in (0, 1)
    ]
    for screen in made:
        screen.take()
    return made


def all_show(screens: list[Screen], text: str, seconds: float) -> None:
    at_once(*(partial(screen.until, lambda s: text in s.text, seconds) for screen in screens))
    assert [text in screen.text for screen in screens] == [True] * len(screens)


def close_all(screens: list[Screen]) -> None:
    for screen in screens:
        screen.ws.close()


def test_a_killed_bus_subscription_is_restored(house: House) -> None:
    e = house.evening()
    screens = screens_of(e)
    assert house.redis.client_kill_filter(_type="pubsub") >= 2
    e.guest("Ola", worker=0)  # may be published while no worker is subscribed
    all_show(screens, "Ola", 5)
    house.redis.client_kill_filter(_type="pubsub")
    name = CHANNEL + e.code
    wait_until(lambda: dict(house.redis.pubsub_numsub(name))[name.encode()] == 2)
    e.guest("Max", worker=1)
    all_show(screens, "Max", 5)
    close_all(screens)


# A worker's bus behind a relay that keeps its connections open, but no longer passes on what Redis
# says.
QUIET = """
from gevent import monkey
monkey.patch_all()
import socket, sys, time
from urllib.parse import unquote
import gevent
from gevent.server import StreamServer
from lct.application.messages import Moved
from lct.infrastructure import redis_bus
from tests.support import wait_until

redis_bus.SILENT_SECONDS = 1.7
code, quiet, told, heard = "BCDF2345", set(), [], []

def relay(client, _):
    redis = socket.socket(socket.AF_UNIX)
    redis.connect(unquote(sys.argv[1].removeprefix("unix://")))
    gevent.spawn(pass_on, client, redis)
    open.append(client)
    pass_on(redis, client)

def pass_on(one, other):
    while data := one.recv(65536):
        if other not in quiet:
            other.sendall(data)

open = []
server = StreamServer(("127.0.0.1", 0), relay)
server.start()
bus = redis_bus.RedisBus(f"redis://127.0.0.1:{server.server_port}")
bus.subscribe(code)
gevent.spawn(bus.listen, heard.append, told.append, lambda: True)
gevent.spawn(bus.keep, lambda: True)
wait_until(lambda: told == [code])
began = time.monotonic()
time.sleep(2.5)
assert (bus.connected, told, bus.age()) == (True, [code], 0)  # its own pings keep it
quiet.update(open)
wait_until(lambda: told == [code, code], 10)
assert bus.connected and bus.lost_at > began
bus.publish(code, 7)
wait_until(lambda: heard == [Moved(code, 7)])
"""


def test_a_bus_connection_that_has_gone_silent_is_replaced(bus: LocalServer) -> None:
    worker = [sys.executable, "-c", QUIET, bus.uri]
    done = subprocess.run(worker, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


# A worker that has other work to do right after a tap, such as a large answer. Its first message
# only opens the connection.
BUSY = """
from gevent import monkey
monkey.patch_all()
import os, sys
from lct.infrastructure.redis_bus import RedisBus
bus = RedisBus(sys.argv[1])
bus.publish("BCDF2345", 1)
bus._sender.flush()
bus.publish("BCDF2345", 2)
os.read(0, 1)  # blocks every greenlet
"""


def test_others_hear_of_an_event_before_its_worker_goes_on(bus: LocalServer) -> None:
    with redis.Redis.from_url(bus.uri).pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(CHANNEL + "BCDF2345")
        worker = subprocess.Popen(
            [sys.executable, "-c", BUSY, bus.uri], cwd=ROOT, stdin=subprocess.PIPE
        )
        try:
            told: list[object] = []

            def both() -> bool:
                if found := heard.get_message(timeout=0.1):
                    told.append(decode(found["data"]))
                return len(told) == 2

            wait_until(both, 20)
        finally:
            worker.communicate(b"!")
    assert told == [Moved("BCDF2345", 1), Moved("BCDF2345", 2)]


def test_taps_work_without_the_bus_and_screens_catch_up_when_it_returns(
    house: House, bus: LocalServer
) -> None:
    e = house.evening(limit=8)
    ola, max_ = e.guest("Ola", worker=0), e.guest("Max", worker=1)
    screens = screens_of(e)
    bus.kill()
    for number, phone in enumerate((ola, max_, ola, max_)):
        began = time.monotonic()
        assert e.pick(phone, number).status == 200
        assert time.monotonic() - began < 4
    assert e.guest("Zoe").get(e.at("me")).status == 200
    for screen in screens:
        while not screen.beats or screen.beats[-1]["live"]:
            screen.take()
    ready = house.phone().get("/readiness")
    assert (ready.status, json.loads(ready.text)["bus"]) == (200, False)
    assert "bus unavailable" in {line["message"] for line in house.lines()}

    bus.start()
    bus.wait_ready()
    all_show(screens, "Zoe", 5)
    assert e.pick(ola, 6).status == 200
    all_show(screens, "Ola Nowak", 5)
    board, phone = screens[0], screens[2]
    board.until(lambda s: "Team 6" in s.shows("seat-1"), 5)
    phone.until(lambda s: "Ola Nowak" in s.shows("team-6"), 5)
    for screen in screens:
        screen.beats.clear()
        while not screen.beats:
            screen.take()
        assert screen.beats[-1]["live"]
    close_all(screens)


def test_screens_stay_open_while_the_store_is_down_and_then_catch_up(
    house: House, store: LocalServer
) -> None:
    e = house.evening()
    ola = e.guest("Ola")
    screens = screens_of(e)
    store.kill()
    try:
        house.redis.publish(f"lct:t:{e.code}", encode(Moved(e.code, 99)))
        assert e.pick(ola, 1).status == 503
        for screen in screens:
            assert screen.ws.ping().wait(5)
    finally:
        store.start()
        store.wait_ready()
    wait_until(lambda: e.pick(ola, 2).status == 200, 10)
    screens[0].until(lambda s: "Team 2" in s.shows("seat-1"), 5)
    screens[3].until(lambda s: "Ola Nowak" in s.shows("team-2"), 5)
    close_all(screens)


def test_a_killed_worker_drops_only_its_own_screens(house: House) -> None:
    e = house.evening()
    lost, kept = (house.phone(worker).live(e.live("board")) for worker in (0, 1))
    lost.take()
    os.kill(house.workers[0], signal.SIGKILL)
    with pytest.raises(ConnectionClosed) as closed:
        lost.quiet(PATIENCE)  # a frame may have been on its way
    assert closed.value.rcvd is None  # no close frame, so htmx reconnects
    wait_until(lambda: len(house.server.pids) == 2 and house.server.pids != house.workers)
    house.workers = sorted(house.server.pids)
    e.guest("Ola")
    kept.until(lambda s: "Ola Nowak" in s.shows("seat-1"), 5)
    for worker in (0, 1):
        with house.phone(worker).live(e.live("board")) as again:
            again.until(lambda s: "Ola Nowak" in s.shows("seat-1"), 5)
    kept.ws.close()


def test_a_stopping_server_closes_its_screens_one_by_one_and_loses_no_tap(
    house: House,
) -> None:
    e = house.evening(limit=8, teams=60)
    guests = [e.guest(f"N{number}", worker=number % 2) for number in range(4)]
    screens = [guest.copy().live(e.live("me")) for guest in guests for _ in range(3)]
    for guest in guests:
        guest.worker = None  # any worker that still accepts
    began = time.monotonic()
    codes, closed_at, acknowledged = [], [], []

    def watch(screen: Screen) -> None:
        try:
            while True:
                screen.take()
        except ConnectionClosed as closed:
            codes.append(closed.rcvd.code if closed.rcvd else None)
            closed_at.append(time.monotonic() - began)

    def tap(number: int) -> None:
        team = number
        try:
            while e.pick(guests[number], team).status == 200:
                acknowledged.append((number, team))
                team = (team + 4) % 60
        except OSError:
            pass  # the server is gone

    taken = at_once(
        house.server.terminate,
        *(partial(watch, screen) for screen in screens),
        *(partial(tap, number) for number in range(4)),
    )[0]
    assert codes == [1012] * len(screens)
    assert max(closed_at) < 2 + 1.5
    assert max(closed_at) - min(closed_at) > 0.3
    assert taken < 5
    stored = [fact["team"] for fact in e.facts("team-picked")]
    assert len(acknowledged) > 4
    assert len(acknowledged) <= len(stored) <= len(acknowledged) + 4
    assert "Traceback" not in house.log()
