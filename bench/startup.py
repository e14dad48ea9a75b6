"""Startup: the time until `lct up` prints its address, and the memory of a worker."""

from __future__ import annotations

import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lct.laptop.children import start_child, stop_child
from tests.support import clean_environ

from .client import Phone, Wire
from .figures import Figure, measures
from .place import place, rss_mb

STARTS = 3
UP = "import sys; from lct.cli import main; sys.exit(main(['up']))"
OPEN = re.compile(r"lct is open at +(\S+)\n")
PHONES = 50


@measures("start_seconds")
def start() -> Iterator[Figure]:
    yield Figure("start_seconds", statistics.median(_start() for _ in range(STARTS)), "s")


def _start() -> float:
    began = time.monotonic()
    with lct_up():
        return time.monotonic() - began


@contextmanager
def lct_up(**settings: str) -> Iterator[str]:
    """Run `lct up` in a new folder on a free port of 127.0.0.1; yields its address."""
    with tempfile.TemporaryDirectory(prefix="lct-bench-") as name:
        said, var = Path(name, "said"), str(Path(name, "var"))
        environ = {"LCT_VAR": var, "LCT_HOST": "127.0.0.1", "LCT_PORT": "0", **settings}
        began = time.monotonic()
        with said.open("wb") as log:
            process = start_child(
                [sys.executable, "-c", UP], environ=clean_environ() | environ, log=log
            )
        try:
            while not (found := OPEN.search(said.read_text())):
                if process.poll() is not None or time.monotonic() > began + 60:
                    raise RuntimeError(f"lct up did not start: {said.read_text()}")
                time.sleep(0.005)
            yield found[1]
        finally:
            stop_child(process, 30)


@measures("worker_rss_after_start_mb", "worker_rss_mb")
def memory() -> Iterator[Figure]:
    with place(workers=1) as where:
        (worker,) = where.app.workers
        yield Figure("worker_rss_after_start_mb", rss_mb(worker), "MB")
        wire, code = Wire(where.port), where.create(PHONES)
        for number in range(PHONES):  # 4 requests each
            phone = Phone(wire, code, number)
            phone.get("join")
            phone.join()
            phone.get("me")
            phone.pick(number)
        wire.hang_up()
        yield Figure("worker_rss_mb", rss_mb(worker), "MB")
