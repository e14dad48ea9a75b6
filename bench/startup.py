"""Starting: how soon `lct up` says where it is, and the memory of a worker."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from lct.web_server import ROOT
from tests.support import clean_environ

from .client import Phone, Wire
from .figures import Figure, measures
from .place import place, rss_mb

STARTS = 3
UP = "import sys; from lct.cli import main; sys.exit(main(['up']))"
PHONES = 50


@measures("start_seconds")
def start() -> Iterator[Figure]:
    yield Figure("start_seconds", statistics.median(_start() for _ in range(STARTS)), "s")


def _start() -> float:
    with tempfile.TemporaryDirectory(prefix="lct-bench-") as folder:
        given = {"LCT_VAR": str(Path(folder, "var")), "LCT_HOST": "127.0.0.1", "LCT_PORT": "0"}
        began = time.monotonic()
        with subprocess.Popen(
            [sys.executable, "-c", UP],
            env={**clean_environ(), **given},
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        ) as process:
            too_long = threading.Timer(60, process.kill)
            too_long.start()
            try:
                assert process.stdout
                if not any("lct is open at" in line for line in process.stdout):
                    raise RuntimeError("lct up did not say where it is")
                return time.monotonic() - began
            finally:
                process.terminate()
                process.communicate(timeout=30)
                too_long.cancel()


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
