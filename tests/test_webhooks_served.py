"""Webhooks with two real workers: who taps does not wait for a receiver, and a worker that dies
takes no message along."""

from __future__ import annotations

import json
import os
import secrets
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import Request, urlopen

import pymongo
import pytest

from lct.config import Settings

from .receiver import CONTINUE, Receiver, receiver, talks_on
from .support import LiveServer, wait_until

TOKEN = "a token for these tests"
ON = {"LCT_WEBHOOKS": "true", "LCT_WEBHOOKS_PRIVATE": "true", "LCT_METRICS_TOKEN": TOKEN}


class Caller:
    """An evening at a served app, over HTTP."""

    def __init__(self, server: LiveServer) -> None:
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
        """The seconds that it took."""
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


@pytest.fixture
def server(live_server: Callable[..., LiveServer]) -> LiveServer:
    return live_server(workers=2, **ON)


def seqs(there: Receiver) -> list[int]:
    return [sent.json["seq"] for sent in there.sent]


def outcomes(server: LiveServer) -> dict[str, float]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with urlopen(Request(f"{server.url}/metrics", headers=headers), timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    found = (line.rsplit(" ", 1) for line in lines if line.startswith("lct_webhooks_total{"))
    return {name.split('"')[1]: float(value) for name, value in found if float(value)}


def test_what_two_workers_do_arrives_in_order_and_soon(server: LiveServer, there: Receiver) -> None:
    e = Caller(server)
    secret = e.post("/webhooks", {"url": there.url})["secret"]
    for number in range(30):
        e.join(f"N{number}")
    began = time.monotonic()
    wait_until(lambda: len(there.sent) == 30, what="all have arrived")
    assert time.monotonic() - began < 5
    assert seqs(there) == list(range(2, 32))
    assert all(sent.is_signed_with(secret) for sent in there.sent)
    wait_until(lambda: e.hooks[0]["seq"] == 31)
    assert outcomes(server) == {"delivered": 30}


def test_who_taps_does_not_wait_for_a_slow_receiver(server: LiveServer, there: Receiver) -> None:
    there.always = lambda _: time.sleep(20)
    slow, e = Caller(server), Caller(server)
    for _ in range(5):
        slow.post("/webhooks", {"url": there.url})
    e.post("/webhooks", {"url": there.url.replace("/hook", "/quick")})
    slow.join("First")
    wait_until(lambda: len(there.sent) == 5, what="five are being waited for")
    there.always = 204
    taps = sorted([slow.join(f"N{n}") for n in range(20)] + [e.join(f"N{n}") for n in range(20)])
    assert len(there.sent) <= 25  # the five are still waited for
    assert taps[-1] < 1
    assert taps[20] < 0.2
    # The other tournament's is not held up by it either.
    wait_until(lambda: sum(s.path.startswith("/quick") for s in there.sent) == 20, seconds=4)
    wait_until(lambda: all(hook["state"] == "retrying" for hook in slow.hooks))
    assert {hook["reason"] for hook in slow.hooks} == {"no answer in time"}


def test_a_receiver_that_never_stops_talking_stops_no_worker(
    server: LiveServer, there: Receiver
) -> None:
    cut = threading.Event()
    there.always = talks_on(CONTINUE, 1000, cut)
    e = Caller(server)
    e.post("/webhooks", {"url": there.url})
    e.join("First")
    wait_until(lambda: there.sent)
    assert max(e.join(f"N{n}") for n in range(20)) < 1
    assert cut.wait(5)
    wait_until(lambda: e.hooks[0]["reason"] == "no connection")


def test_an_answer_that_comes_byte_by_byte_is_cut(server: LiveServer, there: Receiver) -> None:
    """Each byte comes in time, the whole never does."""

    def drip(handler: Any) -> None:
        for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: a\r\n" * 20:
            handler.wfile.write(bytes([byte]))
            time.sleep(0.2)

    there.always = drip
    e = Caller(server)
    e.post("/webhooks", {"url": there.url})
    e.join("Ola")
    wait_until(lambda: there.sent)
    began = there.sent[0].at
    wait_until(lambda: e.hooks[0]["tries"] == 1, seconds=10)
    assert 4 < time.time() - began < 8


def test_the_last_card_is_told_with_nobody_tapping(server: LiveServer, there: Receiver) -> None:
    e = Caller(server)
    players = [e.post("/players", {"first": n, "last": "Nowak"})["player_id"] for n in "AB"]
    for team, player in enumerate(players):
        e.post(f"/players/{player}/team", {"team": team})
    e.post("/close-list")
    e.post("/webhooks", {"url": there.url})
    e.post("/draw", {"attempt": 1})
    wait_until(lambda: there.types == ["teams-drawn"])
    drawn = time.time()
    wait_until(lambda: len(there.sent) == 2, seconds=20)  # 3 s, and two cards of 4 s less a half
    assert 8 < there.sent[1].at - drawn < 13
    assert there.types == ["teams-drawn", "draw-over"]
    assert b"secret" not in there.sent[0].body


def test_a_worker_that_stops_leaves_in_time(server: LiveServer, there: Receiver) -> None:
    there.always = lambda _: time.sleep(20)
    e = Caller(server)
    e.post("/webhooks", {"url": there.url})
    e.join("Ola")
    wait_until(lambda: there.sent)
    assert server.terminate() < 6


def test_a_worker_that_stops_notes_the_receipt_it_waits_for(
    server: LiveServer, there: Receiver, settings: Settings
) -> None:
    def late(handler: Any) -> None:
        time.sleep(0.6)
        handler.send_response(204)
        handler.end_headers()

    there.always = late
    e = Caller(server)
    e.post("/webhooks", {"url": there.url})
    e.join("Ola")
    wait_until(lambda: there.sent)
    server.terminate()
    with pymongo.MongoClient[dict[str, Any]](settings.mongo_uri) as store:
        (hook,) = store[settings.database]["webhooks"].find()
    assert (hook["seq"], hook["tries"], hook["lease"]) == (2, 0, 0)
    assert len(there.sent) == 1


@pytest.mark.slow
def test_a_killed_worker_takes_no_message_along(server: LiveServer, there: Receiver) -> None:
    """Whichever worker is at it when it is killed, the others go on with the same message."""
    e = Caller(server)
    e.post("/webhooks", {"url": there.url})
    there.answers = [lambda _: time.sleep(20)]
    e.join("First")
    wait_until(lambda: there.sent)
    for pid in server.pids:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: try_to(lambda: e.join("Second")), seconds=20)
    # The dead worker's lease, and the sweep's next round.
    wait_until(lambda: len(there.sent) >= 3, seconds=60, what="it was taken up again")
    assert seqs(there) == [2, 2, 3]
    assert Counter(sent.id for sent in there.sent)[f"{e.code}-2"] == 2


def try_to(work: Callable[[], Any]) -> bool:
    try:
        work()
    except OSError:
        return False
    return True


def test_a_name_that_leads_nowhere_is_one_warning_and_no_defect(server: LiveServer) -> None:
    e = Caller(server)
    e.post("/webhooks", {"url": "https://nowhere.invalid/"})
    e.join("Ola")
    wait_until(lambda: e.hooks[0]["tries"] == 1, seconds=10)
    assert e.hooks[0]["reason"] == "no connection"
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert [line["log.level"] for line in lines if line["message"] == "webhook failed"] == [
        "warning"
    ]
    assert [line for line in lines if line["log.level"] == "error" or "error" in line] == []
