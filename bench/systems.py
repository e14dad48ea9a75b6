"""The systems whose fan-out is compared: ours, the floor, and the peers, installed in .bench/.

All receive the same message, a Moved, on the same bus, each on its own channel, and send
the same HTML for it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from lct.application.messages import CHANNEL, Moved, encode
from lct.laptop.children import kill_group, start_child
from lct.places import ROOT
from tests.support import free_port, wait_until

from .place import Place, cpu_ms, place, rss_mb
from .readers import Note, Readers

PEERS = ROOT / "bench/peers"
INSTALLED = ROOT / ".bench"
ENGINE_IO = "/socket.io/?EIO=4&transport=websocket"
WARM = 20  # sockets opened and closed before memory is measured
PATIENCE = 3.0  # seconds to wait for the last frames of a run


@dataclass
class System:
    """A server, its readers, and the bus that drives it."""

    name: str
    pid: int
    path: str
    readers: Readers
    bus: redis.Redis
    channel: str
    code: str
    seq: int = 1
    kb: float = 0.0  # of memory per socket

    def open(self, count: int, settle: float = 0.5, buffer: int = 0) -> None:
        """Open ``count`` more sockets and measure their memory."""
        before = rss_mb(self.pid)
        self.readers.open(self.path, count, buffer=buffer)
        time.sleep(settle)
        self.kb = (rss_mb(self.pid) - before) * 1024 / count

    def warm_up(self) -> None:
        self.readers.open(self.path, WARM)
        self.send(5, 20, WARM)
        self.readers.close(WARM)
        time.sleep(0.3)

    def send(self, messages: int, rate: float, listening: int | None = None) -> Run:
        """Publish messages at ``rate`` a second, and follow them to all listening sockets."""
        listening = self.readers.opened if listening is None else listening
        sent: dict[int, float] = {}
        self.readers.notes()
        cpu, began = cpu_ms(self.pid), time.monotonic()
        for number in range(messages):
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            self.seq += 1
            sent[self.seq] = time.monotonic()
            self.bus.publish(self.channel, encode(Moved(self.code, self.seq)))
        time.sleep(max(0.0, began + messages / rate - time.monotonic()))
        self.readers.wait(messages * listening, PATIENCE)
        seconds = time.monotonic() - began
        cpu = cpu_ms(self.pid) - cpu
        return Run(cpu, seconds, sent, [n for n in self.readers.notes() if n.number in sent])


@dataclass
class Run:
    """What one run cost the server, and the notes of its readers."""

    cpu_ms: float
    seconds: float
    sent: dict[int, float]
    notes: list[Note]

    @property
    def waits(self) -> list[float]:
        """Milliseconds from publishing a message to reading each of its frames."""
        return [(note.at - self.sent[note.number]) * 1000 for note in self.notes]

    @property
    def each_us(self) -> float:
        """CPU microseconds per frame that arrived."""
        return self.cpu_ms * 1000 / len(self.notes)


class Systems:
    """Starts and stops systems that share one store and bus."""

    def __init__(self, stack: ExitStack, program: Path, size: int) -> None:
        self._stack, self._program, self._size = stack, program, str(size)
        os.environ["BENCH_BYTES"] = self._size
        self.where: Place = stack.enter_context(
            place(1, "bench.fanout_app:app", sockets_per_address=20_000,
                  sockets_per_tournament=20_000)
        )  # fmt: skip
        self.code = self.where.create(8)

    def ours(self) -> System:
        (pid,) = self.where.app.workers
        path = f"/t/{self.code}/live?view=board"
        return self._system("ours", pid, self.where.port, path, CHANNEL + self.code)

    def beat_every(self, seconds: int) -> None:
        """Set our server's heartbeat interval."""
        address = f"http://127.0.0.1:{self.where.port}/bench/heartbeat/{seconds}"
        urllib.request.urlopen(address, timeout=5).close()

    def floor(self) -> System:
        return self._start("floor", [sys.executable, str(PEERS / "floor.py")], "/")

    def flask_socketio(self) -> System:
        python = installed("flask-socketio", "requirements.txt", _install_python)
        command = [str(python / "bin/python"), str(PEERS / "flask_socketio_app.py")]
        return self._start("flask_socketio", command, ENGINE_IO)

    def socketio_node(self) -> System:
        node = shutil.which("node")
        if not (node and shutil.which("npm")):
            raise Missing("there is no node and npm on this machine")
        folder = installed("socketio", "package-lock.json", _install_node)
        script = shutil.copy(PEERS / "socketio.js", folder)  # require() looks beside the script
        return self._start("socketio_node", [node, str(script)], ENGINE_IO)

    def _start(self, name: str, command: list[str], path: str) -> System:
        port = free_port()
        log = self.where.settings.var / f"{name}.log"
        about = [str(port), self.where.bus.uri, name, self._size]
        with log.open("ab") as output:
            process = start_child([*command, *about], log=output)
        self._stack.callback(kill_group, process)

        def accepts() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended: {log.read_text()[-1000:]}")
            with socket.socket() as attempt:
                return attempt.connect_ex(("127.0.0.1", port)) == 0

        wait_until(accepts, 15, f"{name} listens")
        return self._system(name, process.pid, port, path, name)

    def _system(self, name: str, pid: int, port: int, path: str, channel: str) -> System:
        readers = Readers(self._program, self.where.settings.var, port, path == ENGINE_IO)
        self._stack.callback(readers.stop)
        readers.mark("k=")
        bus = redis.Redis.from_url(self.where.bus.uri)
        system = System(name, pid, path, readers, bus, channel, self.code)
        system.warm_up()
        return system


# --- peers ------------------------------------------------------------------------------------


class Missing(Exception):
    """A peer cannot be measured on this machine; the text says why."""


def installed(name: str, pins: str, install: Callable[[Path], None]) -> Path:
    """The folder of a peer in .bench/, reinstalled when its pinned versions change."""
    folder, wanted = INSTALLED / name, (PEERS / pins).read_bytes()
    stamp = folder / "pinned"
    if not (stamp.exists() and stamp.read_bytes() == wanted):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            install(folder)
        except subprocess.SubprocessError as error:
            output = getattr(error, "stderr", None) or b""
            raise Missing(f"it could not be installed: {error} {output.decode()[-300:]}") from None
        stamp.write_bytes(wanted)
    return folder


def _install_python(folder: Path) -> None:
    venv.create(folder, with_pip=True)
    options = ["--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--no-deps"]
    command = [folder / "bin/pip", "install", *options, "-r", PEERS / "requirements.txt"]
    subprocess.run(command, check=True, timeout=120, capture_output=True)


def _install_node(folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PEERS / name, folder)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(command, check=True, timeout=120, cwd=folder, capture_output=True)


@contextmanager
def systems(program: Path, size: int) -> Iterator[Systems]:
    with ExitStack() as stack:
        yield Systems(stack, program, size)
