"""Helpers for tests: free ports, waiting, a served app, a browser."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from lct.config import Settings, environ_of
from lct.laptop.machine import listen
from lct.laptop.web_server import WebServer
from lct.places import ROOT

BROWSERS = (
    "chromium-headless-shell",  # half the processor time of the others
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)


def free_port() -> int:
    """A free port of 127.0.0.1, to be used a moment later. It is outside the ephemeral range, so
    the system assigns it to no other process meanwhile."""
    while True:
        port = 20_000 + secrets.randbelow(10_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def wait_until(holds: Callable[[], Any], seconds: float = 10, what: str = "") -> Any:
    """Poll holds() until it is true and return its result; fail with ``what`` after ``seconds``."""
    end = time.monotonic() + seconds
    while not (result := holds()):
        assert time.monotonic() < end, f"not within {seconds} s: {what or holds}"
        time.sleep(0.02)
    return result


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Give all store operations of a command or page this many seconds together, instead of 4."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lct.infrastructure.event_store.DEADLINE", seconds)
        yield


def get(url: str) -> str:
    """The body of a page; an error status raises."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def answers(url: str) -> bool:
    """Whether a GET of that address is a 200."""
    try:
        get(url)
    except OSError:
        return False
    return True


def forget_limits(redis_url: str) -> None:
    """Reset the rate limits, since all tests share one address. Attempts counted in the background
    (page, tap, taps, call) may still be added, but fewer than any limit."""
    with redis.from_url(redis_url) as bus:
        if counted := list(bus.scan_iter("LIMITS*")):
            bus.delete(*counted)


def children_of(pid: int) -> list[int]:
    """The running child processes of a process."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [child.pid for child in psutil.Process(pid).children()]
    return []


def is_running(pid: int) -> bool:
    """Whether that process exists and is no zombie."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def browser_options() -> dict[str, Any]:
    """Playwright's launch options: the machine's own Chromium if it has one."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    return {"args": flags, **({"executable_path": found} if found else {})}


class LiveServer:
    """The app behind gunicorn, as in a pod, on a port of 127.0.0.1."""

    def __init__(self, settings: Settings, log: Path, **environ: str) -> None:
        self.log = log
        self.listener = listen("127.0.0.1", 0)
        port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        given = {**clean_environ(), **environ_of(settings), "LCT_PORT": str(port), **environ}
        self.server = WebServer(self.listener, given, log)
        self.server.start()
        try:
            self.server.wait_ready()
        except BaseException:
            self.stop()
            raise
        # From now on only gunicorn listens, so a test can see it refuse when it stops.
        self.listener.close()

    @property
    def pid(self) -> int:
        """The process of gunicorn's master."""
        return self.server.process.pid

    @property
    def pids(self) -> list[int]:
        """The processes of its workers."""
        return children_of(self.pid)

    def terminate(self) -> float:
        """Stop it as Kubernetes does; returns the seconds it took."""
        began = time.monotonic()
        self.server.process.send_signal(signal.SIGTERM)
        self.server.process.wait(60)
        return time.monotonic() - began

    def stop(self) -> None:
        """Stop it and its workers, gracefully if that takes at most 5 s."""
        self.listener.close()
        self.server.stop(5)


def clean_environ() -> dict[str, str]:
    """This process's environment without lct's own variables, with the checkout importable."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LCT_")}
    path = os.pathsep.join(filter(None, [str(ROOT), kept.get("PYTHONPATH")]))
    return {**kept, "PYTHONPATH": path}


PREPARED = """if True:
    import json, os, runpy, signal, sys
    import lct.bootstrap, lct.cli, lct.commands.demo, flask.cli
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in iter(sys.stdin.readline, ""):
        if os.fork() == 0:
            break
    else:
        sys.exit()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    asked = json.loads(line)
    if child := os.fork():
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with open(asked["code"] + ".new", "w") as file:
            file.write(str(code))
        os.rename(file.name, asked["code"])
        os._exit(0)
    for number, (path, how) in enumerate(zip(asked["files"], ("r", "w", "w"))):
        with open(path, how) as file:
            os.dup2(file.fileno(), number)
    sys.stdin = open(0, closefd=False)
    os.environ.clear()
    os.environ.update(asked["environ"])
    sys.argv = asked["words"]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


class Prepared:
    """Runs `python -m <words>` in processes forked from one that has loaded lct. Each has its own
    environment, files and exit code."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asking = folder, threading.Lock()
        self.process = subprocess.Popen(
            [sys.executable, "-c", PREPARED], env=clean_environ(), stdin=subprocess.PIPE, text=True
        )

    def run(
        self, *words: str, environ: dict[str, str], said: str = "", seconds: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Like subprocess.run with text=True; ``said`` is its standard input."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        files = [folder / name for name in ("in", "out", "error", "code")]
        files[0].write_text(said)
        given = {"words": words, "environ": environ, "files": [str(file) for file in files[:3]]}
        asked = json.dumps({**given, "code": str(files[3])})
        assert self.process.stdin
        with self.asking:
            self.process.stdin.write(asked + "\n")
            self.process.stdin.flush()
        wait_until(files[3].exists, seconds, f"the end of {words}")
        code, out, error = (file.read_text() for file in (files[3], files[1], files[2]))
        return subprocess.CompletedProcess(words, int(code), out, error)

    def stop(self) -> None:
        self.process.communicate()
