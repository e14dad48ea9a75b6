"""Failure drills: in each, an operator sees what docs/operations.md says.

test_live_faults.py, test_store_failure.py and test_store_crash.py cover taps and screens;
tests/cluster covers a whole cluster.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from lct.laptop.local_servers import LocalServer, start_bus, start_store

from .conftest import Servers
from .http_client import House, open_house
from .support import wait_until
from .test_observability import RULES, alerts

pytestmark = pytest.mark.slow

TOKEN = "a token for tests only"
TEXT = (Path(__file__).parent.parent / "docs/operations.md").read_text()


@dataclass
class Row:
    """One row of the table of failures."""

    readiness: int
    told: dict[str, Any]  # further fields of the probe's answer
    log: list[str]
    metrics: list[str]
    alerts: list[str]


def table() -> dict[str, Row]:
    _, _, rest = TEXT.partition("\n## When something fails\n")
    made = {}
    for line in re.findall(r"(?m)^\| (?!what|-)(.*) \|$", rest.partition("\n## ")[0]):
        what, readiness, log, metrics, told, _ = line.split(" | ")
        quoted = [re.findall(r"`([^`]+)`", cell) for cell in (readiness, log, metrics, told)]
        said = json.loads("{" + ", ".join(quoted[0]) + "}")
        made[what] = Row(int(readiness[:3]), said, *quoted[1:])
    return made


ROWS = table()


class Kept:
    """An open connection to one worker, as a balancer or Prometheus may hold one."""

    def __init__(self, house: House, worker: int) -> None:
        self.connection = HTTPConnection(house.host, house.port, timeout=10)
        with house.only(worker):
            self.connection.connect()
            self.get("/liveness")

    def get(self, path: str) -> tuple[int, str]:
        self.connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
        answer = self.connection.getresponse()
        return answer.status, answer.read().decode()

    def sample(self, wanted: str) -> float:
        """The sum of the samples with that name and those labels."""
        status, text = self.get("/metrics")
        assert status == 200
        name, _, labels = wanted.rstrip("}").partition("{")
        values = [
            float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if re.match(rf"{name}[ {{]", line) and labels in line
        ]
        assert values or labels, f"there is no {wanted}"
        return sum(values)


@contextmanager
def drill(house: House, what: str, ask: Kept) -> Iterator[Row]:
    """After the block, wait for the row's readiness and log lines, and for changed metrics."""
    row = ROWS[what]
    before = {name: ask.sample(name) for name in row.metrics}
    seen = len(house.log())
    yield row

    def ready() -> bool:
        status, text = ask.get("/readiness")
        return status == row.readiness and json.loads(text).items() >= row.told.items()

    def logged(sentence: str) -> bool:
        pattern = re.escape(sentence).replace("…", r"\d+")
        return bool(re.search(rf'"message": ?"{pattern}"', house.log()[seen:]))

    def moved(name: str) -> bool:
        return ask.sample(name) != before[name]

    waiting: dict[str, Callable[[], bool]] = {"readiness": ready}
    waiting |= {sentence: partial(logged, sentence) for sentence in row.log}
    waiting |= {name: partial(moved, name) for name in row.metrics}
    # Polled in turn, since some of them do not last.
    end = time.monotonic() + 15
    while waiting:
        assert time.monotonic() < end, f"{what}: not seen: {list(waiting)}"
        for name in [name for name, holds in waiting.items() if holds()]:
            del waiting[name]
        time.sleep(0.05)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def servers_to_break(folder: Path) -> Iterator[tuple[LocalServer, LocalServer]]:
    store, bus = start_store(folder / "store"), start_bus(folder / "bus")
    for server in (store, bus):
        server.wait_ready()
    yield store, bus
    store.stop()
    bus.stop()


@pytest.fixture(scope="module")
def house(servers_to_break: tuple[LocalServer, LocalServer], folder: Path) -> Iterator[House]:
    """Each drill restores what it breaks, except the last, which stops the server."""
    store, bus = servers_to_break
    with open_house(
        Servers(store.uri, bus.uri), folder, metrics_token=TOKEN, drain_seconds=3
    ) as made:
        yield made


def test_the_bus_and_then_the_store_go_away_and_come_back(
    house: House, servers_to_break: tuple[LocalServer, LocalServer]
) -> None:
    store, bus = servers_to_break
    e = house.evening()
    ola = e.guest("Ola")
    ask = Kept(house, 0)
    wait_until(lambda: ask.sample("lct_bus_connected") == 1, 15, what="both connected to the bus")
    for server, what, status in (
        (bus, "the bus is away", 200),
        (store, "the store is away", 503),
    ):
        with drill(house, what, ask):
            server.kill()
            assert e.pick(ola, 1 if server is bus else 2).status == status
        server.start()
        server.wait_ready()
        wait_until(
            lambda: (
                json.loads(ask.get("/readiness")[1]).items() >= {"store": True, "bus": True}.items()
            ),
            15,
        )
    assert e.pick(ola, 3).status == 200


def test_a_worker_is_killed(house: House) -> None:
    e = house.evening()
    lost = house.phone(0).live(e.live("board"))
    lost.take()
    with drill(house, "SIGKILL of a worker, or out of memory", Kept(house, 1)):
        os.kill(house.workers[0], signal.SIGKILL)
    lost.ws.close()
    wait_until(lambda: len(house.server.pids) == 2 and house.server.pids != house.workers)
    house.workers = sorted(house.server.pids)
    for worker in (0, 1):  # a worker that answers also handles SIGTERM
        assert house.phone(worker).get("/liveness").status == 200


def test_the_server_is_told_to_stop(house: House) -> None:
    e = house.evening()
    screens = [house.phone(0).live(e.live("board")) for _ in range(5)]
    for screen in screens:  # so many that the first is disconnected soon
        screen.take()
    # Both have seen the store answer, so only draining can make them not ready.
    ask, other = Kept(house, 0), Kept(house, 1)
    assert [each.get("/readiness")[0] for each in (ask, other)] == [200, 200]
    with drill(house, "SIGTERM", ask):
        house.server.server.process.send_signal(signal.SIGTERM)


def test_every_failure_has_a_drill_and_every_alert_queries_what_changes() -> None:
    source = Path(__file__).read_text()
    asked = {path.stem: path.read_text() for path in RULES}
    asked |= {name: alert["expr"] for name, alert in alerts().items()}
    actions = {"store unavailable": "store.unavailable", "bus unavailable": "bus.unavailable"}
    assert len(ROWS) == 4
    for what, row in ROWS.items():
        assert f'"{what}"' in source
        seen = [name.partition("{")[0] for name in row.metrics]
        seen += [actions[line] for line in row.log if line in actions]
        for alert in row.alerts:
            assert any(each in asked[alert] for each in seen), alert
