"""The environment of a measurement: store, bus and app in a temporary folder, and CPU clocks."""

from __future__ import annotations

import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mongoengine

from lct.application.execute import Execute
from lct.config import Settings, environ_of
from lct.domain.draw import PLAIN
from lct.domain.evening import CreateTournament, Keys
from lct.domain.fact import Command
from lct.domain.rights import SYSTEM
from lct.domain.teams import STAR_STEPS, parse_catalogue, rated_teams
from lct.domain.tournament import Tournament
from lct.domain.values import new_code
from lct.infrastructure.documents import connect_store, ensure_indexes
from lct.infrastructure.event_store import EventStore
from lct.laptop.children import start_child
from lct.laptop.local_servers import LocalServer, start_bus, start_store
from lct.laptop.machine import listen
from lct.laptop.web_server import WebServer
from lct.places import ROOT
from tests.support import children_of, clean_environ

CATALOGUE = parse_catalogue((ROOT / "lct/data/teams.csv").read_text(encoding="utf-8"))
TEAMS = rated_teams(CATALOGUE, ("club", "nation"), STAR_STEPS[-1], STAR_STEPS[0])
MORE_TEAMS = tuple(
    team._replace(name=f"{team.name} {number}") for number in range(2, 8) for team in TEAMS
)


class App(WebServer):
    """The app behind gunicorn; ``target`` may be another module than wsgi, ``more`` are further
    gunicorn options."""

    target = "wsgi:app"
    more: tuple[str, ...] = ()

    def start(self) -> None:
        descriptor = self.listener.fileno()
        command = [sys.executable, "-m", "gunicorn", "--config", "python:lct.serving"]
        command += ["--bind", f"fd://{descriptor}", *self.more, self.target]
        with self.log.open("ab") as log:
            self.process = start_child(
                command, environ=self.environ, log=log, pass_fds=(descriptor,)
            )

    @property
    def workers(self) -> list[int]:
        """The processes that answer requests."""
        return children_of(self.process.pid)


@dataclass(frozen=True)
class Place:
    """A served app, with its settings, store and bus."""

    settings: Settings
    port: int
    app: App
    store: LocalServer
    bus: LocalServer

    def create(self, seats: int, teams: int = 0) -> str:
        """Create a tournament with empty seats; returns its code. It has ``teams`` teams, by
        default all TEAMS or one per seat if more, made up if TEAMS has too few."""
        wanted = teams or max(seats, len(TEAMS))
        code = new_code(secrets.choice)
        self.execute(
            CreateTournament(
                by=SYSTEM,
                code=code,
                name=f"Bench {code}",
                limit=seats,
                teams=(TEAMS + MORE_TEAMS)[:wanted],
                option=PLAIN,
                secret=secrets.token_hex(32),
                keys=Keys("device", "hash", "recovery"),
            )
        )
        return code

    def execute(self, *commands: Command) -> None:
        """Run commands in this process; the app hears of them with its next read of the store."""
        execute = Execute(EventStore(defer=lambda work: work()), [], lambda: datetime.now(UTC))
        for command in commands:
            execute(command)

    def read(self, code: str) -> Tournament:
        return EventStore(defer=lambda work: work()).read(code).tournament


@contextmanager
def place(workers: int, target: str = "wsgi:app", **more: Any) -> Iterator[Place]:
    """Serve the app from a new folder; everything is stopped and removed afterwards. ``more`` are
    settings that differ from the defaults."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lct-bench-")))
        store, bus = start_store(folder), start_bus(folder)
        stack.callback(bus.stop)
        stack.callback(store.stop)
        store.wait_ready()
        bus.wait_ready()
        listener = stack.enter_context(listen("127.0.0.1", 0))
        port = listener.getsockname()[1]
        settings = Settings(
            mongo_uri=store.uri,
            redis_url=bus.uri,
            secret_key=secrets.token_hex(16),
            workers=workers,
            host="127.0.0.1",
            port=port,
            var=folder,
            environment="bench",
            **more,
        )
        connect_store(settings)
        stack.callback(mongoengine.disconnect)
        ensure_indexes()
        app = stack.enter_context(served(settings, listener, target))
        yield Place(settings, port, app, store, bus)


@contextmanager
def served(
    settings: Settings, listener: socket.socket, target: str, *more: str, **environ: str
) -> Iterator[App]:
    """``target`` behind gunicorn, with ``more`` of its options, until the block ends."""
    log = settings.var / f"{target.partition(':')[0]}.log"
    app = App(listener, {**clean_environ(), **environ_of(settings), **environ}, log)
    app.target, app.more = target, more
    app.start()
    try:
        app.wait_ready()
        yield app
    finally:
        app.stop(settings.drain_seconds + 2)


def cpu_ms(*pids: int) -> float:
    """The CPU time that processes have used so far: user and system, all threads.

    Linux derives the id of another process's CPU clock from its pid (clock_getcpuclockid);
    nanosecond resolution.
    """
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids) * 1000


def rss_mb(pid: int) -> float:
    """The resident memory of a process, including shared pages."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
