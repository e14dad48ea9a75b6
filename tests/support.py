"""What tests need around lct: ports, patience, a served app, a browser."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis

from lct.config import Settings, environ_of
from lct.laptop.machine import listen
from lct.laptop.web_server import WebServer
from lct.places import ROOT

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on, and that the system gives to nobody who takes
    any: it is used a moment later."""
    while True:
        port = 20_000 + secrets.randbelow(10_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def wait_until(holds: Callable[[], Any], seconds: float = 10, what: str = "") -> Any:
    """What holds() returns as soon as it is true; fails with what after some seconds."""
    end = time.monotonic() + seconds
    while not (result := holds()):
        assert time.monotonic() < end, f"not within {seconds} s: {what or holds}"
        time.sleep(0.02)
    return result


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
    """Start counting attempts anew, since all tests come from one address. What was done just
    before may still be counted (tap, taps, call): fewer than any limit."""
    with redis.from_url(redis_url) as bus:
        if counted := list(bus.scan_iter("LIMITS*")):
            bus.delete(*counted)


def children_of(pid: int) -> list[int]:
    """The processes that a process has started and that still run."""
    if sys.platform == "linux":
        with contextlib.suppress(FileNotFoundError):
            return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return []
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(p) for p in found.stdout.split()]


def is_running(pid: int) -> bool:
    """Whether that process exists and is no zombie."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return bool(state.stdout.strip()) and not state.stdout.startswith("Z")


def browser_options() -> dict[str, Any]:
    """How Playwright shall launch Chromium: the machine's own when there is one."""
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
        """Stop as Kubernetes does; the seconds that it took."""
        began = time.monotonic()
        self.server.process.send_signal(signal.SIGTERM)
        self.server.process.wait(60)
        return time.monotonic() - began

    def stop(self) -> None:
        """End it and its workers, in good order if that takes no more than 5 s."""
        self.listener.close()
        self.server.stop(5)


def clean_environ() -> dict[str, str]:
    """This process's environment without lct's own variables, with the checkout importable."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LCT_")}
    path = os.pathsep.join(filter(None, [str(ROOT), kept.get("PYTHONPATH")]))
    return {**kept, "PYTHONPATH": path}
