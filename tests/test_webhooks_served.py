"""Webhooks with two real workers: a tap does not wait for a receiver, and a worker that dies loses
no message.

All tests but the last share a server. The slow scenes run while the other tests do.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.request import Request, urlopen

import pymongo
import pytest

from lct.config import Settings

from .http_client import House, open_house
from .receiver import CONTINUE, Receiver, receiver, talks_on
from .support import LiveServer, forget_limits, wait_until

TOKEN = "a token for these tests"
ON = {"webhooks": True, "webhooks_private": True, "metrics_token": TOKEN}


class Caller:
    """An evening on a running server, over HTTP."""

    def __init__(self, server: LiveServer, redis_url: str) -> None:
        forget_limits(redis_url)
        self.base, self.token = f"{server.url}/api/v1/tournaments", ""
        about = {
            "name": f"Cup {secrets.token_hex(4)}",
            "limit": 50,
            "source": "rated",
            "least": 3.0,
        }
        made = self.post("", about)
        self.token, self.code = made["organiser_key"], made["code"]
        self.base += f"/{self.code}"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        sent = None if body is None else json.dumps(body).encode()
        request = Request(self.base + path, sent, headers, method=method)
        with urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or "null")

    def post(self, path: str, body: Any = None) -> Any:
        return self.call("POST", path, body)

    def join(self, first: str) -> float:
        """Add a player; return the seconds it took."""
        began = time.monotonic()
        self.post("/players", {"first": first, "last": "Nowak"})
        return time.monotonic() - began

    @property
    def hooks(self) -> Any:
        return self.call("GET", "/webhooks")


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture(scope="module")
def house(servers: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(servers, tmp_path_factory.mktemp("webhooks"), **ON) as made:
        yield made


@pytest.fixture(scope="module")
def evening(house: House) -> Callable[[], Caller]:
    return lambda: Caller(house.server, house.settings.redis_url)


@pytest.fixture(scope="module")
def scenes(evening: Callable[[], Caller]) -> Iterator[Callable[[Any], Any]]:
    """Start all scenes together; yield a function that waits for the result of one."""
    with ThreadPoolExecutor() as pool:
        running: dict[Any, Future[Any]] = {scene: pool.submit(scene, evening()) for scene in SCENES}
        yield lambda scene: running[scene].result(60)


def seqs(there: Receiver) -> list[int]:
    return [sent.json["seq"] for sent in there.sent]


def outcomes(server: LiveServer) -> dict[str, float]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with urlopen(Request(f"{server.url}/metrics", headers=headers), timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    found = (line.rsplit(" ", 1) for line in lines if line.startswith("lct_webhooks_total{"))
    return {name.split('"')[1]: float(value) for name, value in found if float(value)}


def test_events_of_two_workers_arrive_in_order_and_soon(
    house: House, evening: Callable[[], Caller], there: Receiver
) -> None:
    e, before = evening(), Counter(outcomes(house.server))
    secret = e.post("/webhooks", {"url": there.url})["secret"]
    for number in range(30):
        e.join(f"N{number}")
    began = time.monotonic()
    wait_until(lambda: len(there.sent) == 30, what="all have arrived")
    assert time.monotonic() - began < 5
    assert seqs(there) == list(range(2, 32))
    assert all(sent.is_signed_with(secret) for sent in there.sent)
    wait_until(lambda: e.hooks[0]["seq"] == 31)
    assert Counter(outcomes(house.server)) - before == {"delivered": 30}


# --- slow scenes ----------------------------------------------------------------------------------


def seconds_of_a_drip(e: Caller) -> float:
    """Seconds until lct gives up on an answer whose bytes come in time but which never ends."""

    def drip(handler: Any) -> None:
        for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: a\r\n" * 20:
            handler.wfile.write(bytes([byte]))
            time.sleep(0.2)

    with receiver() as there:
        there.always = drip
        e.post("/webhooks", {"url": there.url})
        e.join("Ola")
        wait_until(lambda: there.sent)
        began = there.sent[0].at
        wait_until(lambda: e.hooks[0]["tries"] == 1, seconds=10)
        return time.time() - began


def seconds_of_a_draw(e: Caller) -> float:
    """Seconds from the draw to the message about its last card, without any taps."""
    with receiver() as there:
        players = [e.post("/players", {"first": n, "last": "Nowak"})["player_id"] for n in "AB"]
        for team, player in enumerate(players):
            e.post(f"/players/{player}/team", {"team": team})
        e.post("/close-list")
        e.post("/webhooks", {"url": there.url})
        e.post("/draw", {"attempt": 1})
        wait_until(lambda: there.types[-1:] == ["teams-drawn"])
        drawn = time.time()
        before = len(there.sent)
        wait_until(lambda: len(there.sent) > before, seconds=20)
        assert there.types[-2:] == ["teams-drawn", "draw-over"]
        assert not any(b"secret" in sent.body for sent in there.sent[:-1])
        return there.sent[-1].at - drawn


SCENES = (seconds_of_a_drip, seconds_of_a_draw)


@pytest.mark.usefixtures("scenes")
def test_a_tap_does_not_wait_for_a_slow_receiver(
    evening: Callable[[], Caller], there: Receiver
) -> None:
    there.always = lambda _: time.sleep(20)
    slow, e = evening(), evening()
    for _ in range(5):
        slow.post("/webhooks", {"url": there.url})
    e.post("/webhooks", {"url": there.url.replace("/hook", "/quick")})
    slow.join("First")
    wait_until(lambda: len(there.sent) == 5, what="five deliveries are pending")
    there.always = 204
    taps = sorted([slow.join(f"N{n}") for n in range(20)] + [e.join(f"N{n}") for n in range(20)])
    assert len(there.sent) <= 25  # the five are still pending
    assert taps[-1] < 1
    assert taps[20] < 0.2
    # The other tournament's webhook is not delayed either.
    wait_until(lambda: sum(s.path.startswith("/quick") for s in there.sent) == 20, seconds=4)
    wait_until(lambda: all(hook["state"] == "retrying" for hook in slow.hooks))
    assert {hook["reason"] for hook in slow.hooks} == {"no answer in time"}


def test_a_receiver_that_never_stops_sending_blocks_no_worker(
    evening: Callable[[], Caller], there: Receiver
) -> None:
    cut = threading.Event()
    there.always = talks_on(CONTINUE, 1000, cut)
    e = evening()
    e.post("/webhooks", {"url": there.url})
    e.join("First")
    wait_until(lambda: there.sent)
    assert max(e.join(f"N{n}") for n in range(20)) < 1
    assert cut.wait(5)
    wait_until(lambda: e.hooks[0]["reason"] == "no connection")


def test_an_unknown_host_name_logs_one_warning_and_no_error(
    house: House, evening: Callable[[], Caller]
) -> None:
    before = len(house.lines())
    e = evening()
    e.post("/webhooks", {"url": "https://nowhere.invalid/"})
    e.join("Ola")
    wait_until(lambda: e.hooks[0]["tries"] == 1, seconds=10)
    # A resolver may answer at once that there is no such name, or not in time.
    assert e.hooks[0]["reason"] in ("no connection", "no answer in time")
    lines = house.lines()[before:]
    told = [line for line in lines if line["message"] == "webhook failed"]
    mine = [line for line in told if line["labels"]["tournament"] == e.code]
    assert [line["log.level"] for line in mine] == ["warning"]
    assert [line for line in lines if line["log.level"] == "error" or "error" in line] == []


def test_an_answer_that_comes_byte_by_byte_is_cut_off(scenes: Callable[[Any], Any]) -> None:
    assert 4 < scenes(seconds_of_a_drip) < 8


def test_the_last_card_is_sent_without_any_taps(scenes: Callable[[Any], Any]) -> None:
    assert 8 < scenes(seconds_of_a_draw) < 13  # 3 s, and two cards of 4 s less a half


# --- workers that stop ----------------------------------------------------------------------------


@pytest.mark.slow
def test_a_killed_worker_loses_no_message(
    house: House, evening: Callable[[], Caller], there: Receiver
) -> None:
    """Both workers are killed during a delivery; a new one repeats the same message."""
    e = evening()
    e.post("/webhooks", {"url": there.url})
    there.answers = [lambda _: time.sleep(20)]
    e.join("First")
    wait_until(lambda: there.sent)
    for pid in house.server.pids:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: try_to(lambda: e.join("Second")), seconds=20)
    # The dead worker's lease lasts up to 20 s; expire it now.
    hooks = house.mongo[house.settings.database]["webhooks"]
    (hook,) = hooks.find({"stream": e.code})
    assert 0 < hook["lease"] - time.time() * 1000 <= 20_000
    hooks.update_one({"_id": hook["_id"]}, {"$set": {"lease": 0}})
    wait_until(lambda: len(there.sent) >= 3, seconds=60, what="the message is sent again")
    assert seqs(there) == [2, 2, 3]
    assert Counter(sent.id for sent in there.sent)[f"{e.code}-2"] == 2


def try_to(work: Callable[[], Any]) -> bool:
    try:
        work()
    except OSError:
        return False
    return True


def test_a_stopping_worker_exits_in_time_and_records_the_delivery_in_progress(
    live_server: Callable[..., LiveServer], there: Receiver, settings: Settings
) -> None:
    """One receiver never answers; another answers while the worker stops."""

    def late(handler: Any) -> None:
        time.sleep(0.6)
        handler.send_response(204)
        handler.end_headers()

    served = {f"LCT_{name.upper()}": str(value) for name, value in ON.items()}
    server = live_server(workers=2, **served)
    never, e = Caller(server, settings.redis_url), Caller(server, settings.redis_url)
    there.always = lambda _: time.sleep(20)
    never.post("/webhooks", {"url": there.url})
    never.join("Ola")
    wait_until(lambda: there.sent)
    with receiver() as other:
        other.always = late
        e.post("/webhooks", {"url": other.url})
        e.join("Ola")
        wait_until(lambda: other.sent)
        assert server.terminate() < 6
        assert len(other.sent) == 1
    with pymongo.MongoClient[dict[str, Any]](settings.mongo_uri) as store:
        (hook,) = store[settings.database]["webhooks"].find({"stream": e.code})
    assert (hook["seq"], hook["tries"], hook["lease"]) == (2, 0, 0)
