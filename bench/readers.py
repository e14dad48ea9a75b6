"""Thousands of live screens in one process: compiles and starts readers.c.

A reader notes every number that follows a mark in its messages, for example the 17 in
`id="team-17"`, with the time of the read. The notes are interpreted after the measurement.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import tempfile
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_name("readers.c")
FILES = 12_000  # open files allowed per process: 5,000 sockets and headroom


class Note(NamedTuple):
    at: float  # CLOCK_MONOTONIC seconds
    socket: int  # in the order of opening
    number: int


class Readers:
    """The process that holds the sockets; every command blocks until it is done."""

    def __init__(self, program: Path, folder: Path, port: int, engine_io: bool = False) -> None:
        self.port, self.engine_io = port, engine_io
        self.opened = self.noted = self.closed = self.bad = 0
        self._dump = folder / f"notes-{port}"
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def open(self, path: str, count: int = 1, cookie: str = "", buffer: int = 0) -> None:
        """Open sockets, with a receive ``buffer`` of that many bytes unless it is 0."""
        self._do(f"open {self.port} {count} {self.engine_io:d} {buffer} {path} {cookie}".rstrip())
        self.opened += count

    def mark(self, text: str) -> None:
        self._do(f"mark {text}")

    def mute(self, count: int) -> None:
        """Stop reading from the first ``count`` sockets; 0: read from all again."""
        self._do(f"mute {count}")

    def close(self, count: int) -> None:
        """Close the last ``count`` sockets."""
        self._do(f"close {count}")
        self.opened -= count

    def wait(self, notes: int, seconds: float) -> bool:
        """Wait for that many notes; False if they did not come in time."""
        end = time.monotonic() + seconds
        self._do("count")
        while self.noted < notes and time.monotonic() < end:
            time.sleep(0.02)
            self._do("count")
        return self.noted >= notes

    def notes(self) -> list[Note]:
        """The notes since the last call; raises RuntimeError if a socket was closed."""
        self._do("count")
        if self.closed or self.bad:
            raise RuntimeError(f"{self.closed} sockets were closed, {self.bad} frames were bad")
        self._do(f"dump {self._dump}")
        raw = array("q", self._dump.read_bytes())
        pairs = zip(raw[::2], raw[1::2], strict=True)
        return [Note(at / 1e9, what >> 32, what & 0xFFFFFFFF) for at, what in pairs]

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()

    def _do(self, command: str) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer:
            raise RuntimeError(f"the readers ended at {command!r}")
        self.noted, self.closed, self.bad = map(int, answer)


@contextmanager
def compiled() -> Iterator[Path]:
    """The compiled program, in a temporary folder."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise RuntimeError("There is no C compiler (cc); bench/readers.c needs one.")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FILES:
        if hard < FILES:
            raise RuntimeError(f"`ulimit -Hn` is {hard}; 5,000 sockets need {FILES}.")
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, hard))  # children inherit it
    with tempfile.TemporaryDirectory(prefix="lct-readers-") as folder:
        program = Path(folder) / "readers"
        subprocess.run([compiler, "-O2", "-o", program, SOURCE], check=True, timeout=60)
        yield program
