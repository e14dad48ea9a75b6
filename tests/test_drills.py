"""Failure drills: in each, an operator sees what docs/operations.md says.

test_live_faults.py, test_store_failure.py and test_store_crash.py cover taps and screens;
tests/cluster covers a whole cluster.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPConnection, HTTPException, RemoteDisconnected
from pathlib import Path
from typing import Any

import pytest
import yaml
from yaml import CSafeLoader

from lct.laptop.local_servers import LocalServer, start_bus, start_store
from lct.places import ROOT
from lct.web import health

from .conftest import Servers
from .http_client import Evening, House, Phone, open_house
from .support import LiveServer, wait_until
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
        self.house, self.worker = house, worker
        self.connection = HTTPConnection(house.host, house.port, timeout=10)
        self._connect()

    def _connect(self) -> None:
        self.connection.close()
        with self.house.only(self.worker):
            self.connection.connect()
            self._ask("/liveness")

    def get(self, path: str) -> tuple[int, str]:
        try:
            return self._ask(path)
        except (RemoteDisconnected, ConnectionResetError):  # it was idle for too long
            self._connect()
            return self._ask(path)

    def _ask(self, path: str) -> tuple[int, str]:
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
    end = time.monotonic() + health.GRACE + 15
    while waiting:
        assert time.monotonic() < end, f"{what}: not seen: {list(waiting)}"
        for name in [name for name, holds in waiting.items() if holds()]:
            del waiting[name]
        if any("health.readiness" in name for name in waiting):  # counts probes
            ask.get("/readiness")
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


class Balancer:
    """Forwards connections as a Kubernetes service does: to the pods that are ready by the
    readinessProbe of the manifests. While there is none, guests get its own page."""

    OWN = b"no pod is ready"

    def __init__(self, *ports: int) -> None:
        manifest = yaml.load((ROOT / "kube/base/deployment.yaml").read_text(), CSafeLoader)
        (pod,) = manifest["spec"]["template"]["spec"]["containers"]
        self.probe = pod["readinessProbe"]
        self.period: float = self.probe["periodSeconds"]
        self.ready = dict.fromkeys(ports, False)
        self.began = time.monotonic()
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        for work in (self._accept, *(partial(self._look, port) for port in ports)):
            threading.Thread(target=work, daemon=True).start()

    def __enter__(self) -> Balancer:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _look(self, port: int) -> None:
        """Probe one pod as the kubelet does, until the end."""
        failures = 0
        while True:
            failures = 0 if self._answers(port) else failures + 1
            if failures in (0, self.probe["failureThreshold"]):
                self.ready[port] = not failures
            if self._over.wait(self.until_the_next_probe):
                return

    @property
    def until_the_next_probe(self) -> float:
        """Seconds; all pods are probed at the same moment."""
        return self.period - (time.monotonic() - self.began) % self.period

    def _answers(self, port: int) -> bool:
        seconds = self.probe["timeoutSeconds"]
        connection = HTTPConnection("127.0.0.1", port, timeout=seconds)
        try:
            connection.request("GET", self.probe["httpGet"]["path"])
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        pods = [port for port, ready in self.ready.items() if ready]
        with client, suppress(OSError):
            if not pods:
                client.recv(65536)
                head = f"HTTP/1.1 503 Service Unavailable\r\nContent-Length: {len(self.OWN)}"
                client.sendall(f"{head}\r\nConnection: close\r\n\r\n".encode() + self.OWN)
                return
            with socket.create_connection(("127.0.0.1", random.choice(pods))) as pod:
                back = threading.Thread(target=forward, args=(pod, client), daemon=True)
                back.start()
                forward(client, pod)
                back.join()


def forward(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


class Guests:
    """Phones that load their page again and again, each time on a new connection. ``read`` has
    (seconds, status, text) of every answer; status 0: none."""

    def __init__(self, e: Evening, phones: list[Phone], port: int) -> None:
        self.e, self.port, self.began = e, port, time.monotonic()
        self.read: list[tuple[float, int, str]] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._load, args=(each,)) for each in phones]
        for thread in self._threads:  # apart: without the store each waits 4 s for its page
            thread.start()
            time.sleep(0.7)

    def _load(self, phone: Phone) -> None:
        at = self.e.at("me")
        headers = {"Cookie": phone.cookie_header(at), "Connection": "close"}
        while not self._over.wait(0.5):
            connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
            try:
                connection.request("GET", at, headers=headers)
                answer = connection.getresponse()
                status, text = answer.status, answer.read().decode()
            except (OSError, HTTPException) as error:
                status, text = 0, repr(error)
            finally:
                connection.close()
            self.read.append((time.monotonic() - self.began, status, text))

    def leave(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)


@pytest.mark.drill
def test_guests_read_our_page_while_the_store_elects_a_primary(
    house: House, servers_to_break: tuple[LocalServer, LocalServer], tmp_path: Path
) -> None:
    """Two pods behind a balancer that honours readiness; the store is away for 12 s."""
    store, _ = servers_to_break
    e = house.evening(limit=8, teams=8)
    phones = [e.guest(f"N{number}") for number in range(6)]
    second = LiveServer(replace(house.settings, workers=2), tmp_path / "second.log")
    port = int(second.url.rpartition(":")[2])
    try:
        with Balancer(house.port, port) as balancer:
            wait_until(lambda: all(balancer.ready.values()), 15, "both pods are ready")
            guests = Guests(e, phones, balancer.port)
            try:
                time.sleep((balancer.until_the_next_probe - 0.5) % balancer.period)
                store.kill()  # just before the probes
                time.sleep(12)
                store.start()
                store.wait_ready()
                back = time.monotonic() - guests.began
                time.sleep(balancer.period + 3)  # a pod that left would come back
            finally:
                guests.leave()
            assert all(balancer.ready.values())
    finally:
        second.stop()
    assert not [text for _, _, text in guests.read if text == Balancer.OWN.decode()]
    assert {status for _, status, _ in guests.read} == {200, 503}
    refused = [(at, text) for at, status, text in guests.read if status == 503]
    assert len(refused) >= 2 * len(phones)
    for _, text in refused:
        assert "Nothing is lost: try again in a moment." in text
    assert max(at for at, _ in refused) < back + 5
    assert [status for at, status, _ in guests.read if at > back + 5]


def test_events_are_missing_or_damaged(house: House) -> None:
    with house.desk() as desk:
        gone, damaged, whole = (desk.create(f"Cup {number}") for number in range(3))
        for code in (gone, damaged, whole):
            desk.join(code, "Ola")
            desk.join(code, "Max")

    def status(code: str) -> int:
        return house.phone().get(f"/t/{code}").status

    events = house.mongo[house.settings.database]["events"]
    with drill(house, "data are gone or wrong", Kept(house, 0)):
        events.delete_one({"_id": f"{gone}:2"})
        events.update_one({"_id": f"{damaged}:2"}, {"$set": {"type": "from-the-future"}})
        assert [status(code) for code in (gone, damaged, whole)] == [503, 503, 200]
    events.delete_many({"stream": gone})
    assert [status(code) for code in (gone, whole)] == [404, 200]


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
    assert len(ROWS) == 5
    for what, row in ROWS.items():
        assert f'"{what}"' in source
        seen = [name.partition("{")[0] for name in row.metrics]
        seen += [actions[line] for line in row.log if line in actions]
        for alert in row.alerts:
            assert any(each in asked[alert] for each in seen), alert
