"""Three instances of the app behind nginx, on one store and one bus, with 300 screens.

Not part of `make test`: it takes minutes and needs a real reverse proxy. `make test-cluster` runs
it. With LCT_IMAGES the instances are containers run by LCT_ENGINE: of the first image before a
rollout, of the last one after it. `make image-check` does so.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.request import Request, urlopen

import pytest
import redis
import yaml

from lct.config import Settings, environ_of
from lct.infrastructure.documents import connect_store, disconnect, ensure_indexes
from lct.laptop.children import kill_group
from lct.laptop.local_servers import start_bus, start_store

from ..http_client import Evening, House, Phone
from ..support import answers, children_of, clean_environ, wait_until
from .crowd import Crowd, Watcher

PODS, PLAYERS, TEAMS = 3, 100, 130
ENGINE, IMAGES = os.environ.get("LCT_ENGINE", "podman"), os.environ.get("LCT_IMAGES", "").split()
COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"
collect_ignore = [] if IMAGES else ["test_image.py"]

NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  upstream pods {{
    {servers}
    keepalive 32;
  }}
  upstream screens {{
    {trusted}
  }}
  {hosts}
}}
"""

HOST = """
  server {{
    listen 127.0.0.1:{port};
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_connect_timeout 1s;
    proxy_read_timeout 60s;
    proxy_next_upstream error timeout non_idempotent;
    proxy_next_upstream_tries 6;
    {also}
    location / {{
      proxy_pass http://pods;
    }}
    location ~ ^/t/[^/]+/(live|events)$ {{
      proxy_pass http://screens;
      {again}
    }}
  }}
"""


def quiet_port() -> int:
    """A free port below the range for outgoing connections."""
    while True:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@dataclass
class Pod:
    """One instance with a host name of its own."""

    name: str
    settings: Settings
    log: Path
    image: str = ""
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self, **environ: str) -> None:
        command = [sys.executable, "-m", "gunicorn", "--config", "python:lct.serving", "wsgi:app"]
        variables = environ_of(self.settings) | environ
        if self.image:  # one of that name is left if an earlier run was cut off
            subprocess.run([ENGINE, "rm", "--force", self.name], capture_output=True, check=False)
            command = in_container(self.image, self.name, self.settings.var, variables)
        elif os.geteuid() == 0 and shutil.which("unshare"):  # a host name needs its own namespace
            shell = f'hostname {self.name} && exec "$@"'
            command = ["unshare", "--uts", "sh", "-c", shell, "sh", *command]
        given = {**clean_environ(), **variables}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=given, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(lambda: answers(f"{self.url}/readiness"), 20, self.name)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    @property
    def worker(self) -> int:
        return children_of(self.process.pid)[0]

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def stop(self) -> None:
        if self.image:  # its process is a child of the engine
            subprocess.run([ENGINE, "kill", self.name], capture_output=True, check=False)
        kill_group(self.process)


def in_container(image: str, name: str, sockets: Path, variables: Iterable[str]) -> list[str]:
    """The command that runs an image in the foreground, with the limits of docker-compose.yml and
    the host's network. It forwards signals and the exit code."""
    app = yaml.safe_load(COMPOSE.read_text())["services"]["app"]
    assert app["read_only"]
    return [
        ENGINE, "run", "--rm", "--name", name, "--hostname", name, "--network", "host",
        "--read-only", *(f"--tmpfs={path}" for path in app["tmpfs"]),
        *(f"--cap-drop={each}" for each in app["cap_drop"]),
        *(f"--security-opt={option}" for option in app["security_opt"]),
        f"--memory={app['mem_limit']}", f"--volume={sockets}:{sockets}",
        *(f"--env={variable}" for variable in variables), image,
    ]  # fmt: skip


@dataclass
class Row:
    """A fault's effect: seconds until every screen was right, reconnects, results of taps."""

    fault: str
    seconds: float
    reconnects: int
    taps: str

    def __str__(self) -> str:
        return f"| {self.fault} | {self.seconds:.1f} | {self.reconnects} | {self.taps} |"


class Cluster:
    """The pods, the proxy, the servers, one evening of 100 players, and 300 screens."""

    def __init__(self, folder: Path) -> None:
        self.rows: list[Row] = []
        self.store, self.bus = start_store(folder / "store"), start_bus(folder / "bus")
        for server in (self.store, self.bus):
            server.wait_ready()
            if IMAGES:  # for the containers' user; the folder's parents stay private
                for path in (folder, server.socket.parent, server.socket):
                    path.chmod(0o777)
        self.settings = Settings(
            mongo_uri=self.store.uri,
            redis_url=self.bus.uri,
            secret_key=secrets.token_hex(16),
            workers=1,
            host="127.0.0.1",
            trusted_proxies=1,
            drain_seconds=3,
            revision="1",
            database="lct",
            metrics_token=secrets.token_hex(16),
            var=folder,
        )
        connect_store(self.settings)
        ensure_indexes()
        self.pods = []
        for number in range(1, 2 * PODS + 1):  # the second half is for a rollout
            settings = replace(self.settings, port=quiet_port())
            pod = Pod(f"lct-{number}", settings, folder / f"pod-{number}.log")
            pod.image = (IMAGES or [""])[-1 if number > PODS else 0]
            self.pods.append(pod)
        self.port, self.plain, self.kept = quiet_port(), quiet_port(), quiet_port()
        servers = [f"server 127.0.0.1:{pod.settings.port}" for pod in self.pods]
        self.spare = self.pods[PODS:]
        del self.pods[PODS:]
        for pod in self.pods:
            pod.start()
        self.proxy = self._start_proxy(folder, servers)
        server: Any = SimpleNamespace(url=f"http://127.0.0.1:{self.port}", pids=[])
        self.house = House(server, self.settings)
        self.redis = redis.from_url(self.bus.uri)
        self.evening: Evening = self.house.evening(limit=PLAYERS, teams=TEAMS)
        self.phones: list[Phone] = [self.evening.guest(f"N{n}") for n in range(PLAYERS)]
        self.crowd = Crowd()
        at = self.evening.live
        for number in range(100):
            cookie = self.phones[number].cookie_header(at("me"))
            self.crowd.add(
                Watcher(self.port, at("board")),
                Watcher(self.port, at("watch")),
                Watcher(self.port, at("me"), cookie),
            )
        wait_until(lambda: all(w.live for w in self.crowd.watchers), 40, "300 screens")
        self.team = 0

    def _start_proxy(self, folder: Path, servers: list[str]) -> subprocess.Popen[bytes]:
        binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
        if not binary:
            pytest.fail(
                "nginx is not installed: apt-get install nginx-light (or brew install nginx)"
            )
        path = folder / "nginx.conf"
        # A pod that drains or is about to be replaced answers a screen with 503, and nginx tries
        # another pod. Only for screens: after a 503 the person repeats a tap.
        again = "proxy_next_upstream error timeout http_503;"
        # Browsers keep no page for "back" that is marked `no-store`.
        hidden = "proxy_hide_header Cache-Control;"
        hosts = HOST.format(port=self.port, again=again, also="")
        hosts += HOST.format(port=self.kept, again=again, also=hidden)
        hosts += HOST.format(port=self.plain, again="", also="")
        lines = "\n    ".join(f"{server} max_fails=1 fail_timeout=1s;" for server in servers)
        # Once a server has failed, nginx sends it one request at a time until one ends. Websockets
        # do not end, so in an upstream that has only websockets no server may count as failed.
        trusted = "\n    ".join(f"{server} max_fails=0;" for server in servers)
        path.write_text(NGINX.format(folder=folder, servers=lines, trusted=trusted, hosts=hosts))
        process = subprocess.Popen([binary, "-p", str(folder), "-c", str(path)])
        wait_until(lambda: answers(f"http://127.0.0.1:{self.port}/liveness"), 10, "nginx")
        return process

    def close(self) -> None:
        self.crowd.close()
        self.proxy.terminate()
        self.proxy.wait(10)
        for pod in self.pods:
            pod.stop()
        disconnect()
        for server in (self.bus, self.store):
            server.stop()

    # --- what people do -------------------------------------------------------------------------

    def tap(self, number: int | None = None, patience: float = 30) -> str:
        """Pick a free team, retrying until it works; returns "ok", or the first failure."""
        self.team = (self.team + 1) % TEAMS
        number = self.team % PLAYERS if number is None else number
        holders = self.truth().values()
        while self.team in holders:
            self.team = (self.team + 1) % TEAMS
        first, end = "", time.monotonic() + patience
        while True:
            try:
                answer = self.evening.pick(self.phones[number], self.team)
                status = answer.status
            except OSError:
                status = 0
                self.phones[number].connection = None
            if status == 200:
                return first or "ok"
            first = first or f"first {status or 'cut'}"
            assert time.monotonic() < end, f"{status}: no tap worked in {patience} s"
            time.sleep(0.25)

    def taps_apart(self, count: int, seconds: float) -> None:
        """Make changes, far enough apart for a frame each."""
        for _ in range(count):
            self.tap()
            time.sleep(seconds)

    def truth(self) -> dict[int, int]:
        """Seat -> team, as the store has it."""
        events = (
            self.house.mongo["lct"]["events"].find({"stream": self.evening.code}).sort("seq", 1)
        )
        seats: dict[str, int] = {}
        teams: dict[int, int] = {}
        for event in events:
            data = event["data"]
            if event["type"] == "player-joined":
                seats[data["player_id"]] = len(seats) + 1
            elif event["type"] == "team-picked":
                teams[seats[data["player_id"]]] = data["team"]
            elif event["type"] == "team-let-go":
                teams.pop(seats[data["player_id"]], None)
        return teams

    def metric(self, name: str) -> float:
        """The sum over all pods of the Prometheus metrics whose names begin with ``name``."""
        total = 0.0
        for pod in self.pods:
            shown = {"Authorization": f"Bearer {self.settings.metrics_token}"}
            with urlopen(Request(f"{pod.url}/metrics", headers=shown), timeout=10) as answer:
                lines = [line.rpartition(" ") for line in answer.read().decode().splitlines()]
            total += sum(float(value) for said, _, value in lines if said.startswith(name))
        return total

    # --- what screens show ----------------------------------------------------------------------

    def right(self, watcher: Watcher, truth: dict[int, int]) -> bool:
        """Whether a screen shows exactly the true picks."""
        if not watcher.live:
            return False
        if watcher.url.endswith("=me"):
            taken = {
                int(name[5:])
                for name, html in watcher.regions.items()
                if name.startswith("team-") and ("is-taken" in html or "is-mine" in html)
            }
            return taken == set(truth.values())
        return all(
            (f">Team {truth[seat]}<" in html) if seat in truth else ("is-picked" not in html)
            for seat in range(1, PLAYERS + 1)
            for html in [watcher.regions.get(f"seat-{seat}", "is-picked")]
        )

    def seconds_until_right(
        self, since: float, limit: float, but: tuple[Watcher, ...] = ()
    ) -> float:
        """Wait until all screens show what the store holds; returns the seconds since ``since``."""
        truth = self.truth()
        watchers = [w for w in self.crowd.watchers if w not in but]
        while wrong := [w for w in watchers if not self.right(w, truth)]:
            assert time.monotonic() - since < limit, (
                f"{len(wrong)} screens are wrong after {limit} s, for example {wrong[0].url}"
            )
            time.sleep(0.02)
        return max(0.0, time.monotonic() - since)

    def measure(
        self,
        fault: str,
        harm: Callable[[], Any],
        heal: Callable[[], Any] = lambda: None,
        limit: float = 15,
        taps: int = 3,
        during: float = 0,
    ) -> Row:
        """Inject a fault, tap meanwhile, heal it, and time how long until every screen is right."""
        self.seconds_until_right(time.monotonic(), 40)
        before = {w: w.connects for w in self.crowd.watchers}
        harm()
        began = time.monotonic()
        said = [self.tap() for _ in range(taps)]
        while time.monotonic() - began < during:
            time.sleep(0.05)
        heal()
        seconds = self.seconds_until_right(time.monotonic(), limit)
        reconnects = max(w.connects - before[w] for w in self.crowd.watchers)
        told = "ok" if set(said) <= {"ok"} else ", ".join(sorted(set(said) - {"ok"}))
        row = Row(fault, seconds, reconnects, told if taps else "–")
        self.rows.append(row)
        return row


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    yield made
    made.close()
    table = [
        "| fault | seconds until all 300 screens are right | reconnects, at most | taps |",
        "|---|---|---|---|",
        *map(str, made.rows),
    ]
    print("\n" + "\n".join(table))
    if path := os.environ.get("LCT_CLUSTER_TABLE"):
        Path(path).write_text("\n".join(table) + "\n")
