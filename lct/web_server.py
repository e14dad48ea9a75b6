"""The app behind gunicorn, as a child process on a socket that already listens."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import lct
from lct.infrastructure.children import kill_group, start_child, stop_child

ROOT = Path(lct.__file__ or "").resolve().parent.parent
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}
LAST_LINES = 8


class WebServerError(RuntimeError):
    """The app does not serve; the text ends with what it logged last."""


@dataclass
class WebServer:
    """gunicorn and its workers; what they say goes to the end of the log."""

    listener: socket.socket
    environ: Mapping[str, str]
    log: Path
    name: str = "app"
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start gunicorn; the workers of an earlier one, which may still live, are ended."""
        if hasattr(self, "process"):
            kill_group(self.process)
        descriptor = self.listener.fileno()
        command = [sys.executable, "-m", "gunicorn", "--config", "python:lct.serving"]
        command += ["--bind", f"fd://{descriptor}", "wsgi:app"]
        with self.log.open("ab") as log:
            self.process = start_child(
                command, environ=with_checkout(self.environ), log=log, pass_fds=(descriptor,)
            )

    def run_command(self, name: str, pause: Callable[[float], None] = time.sleep) -> None:
        """Run one of the app's own commands to its end; WebServerError when it fails."""
        command = [sys.executable, "-m", "flask", "--app", "wsgi", name]
        with self.log.open("ab") as log:
            process = start_child(command, environ=with_checkout(self.environ), log=log)
        while process.poll() is None:
            pause(0.02)
        if process.returncode != 0:
            raise WebServerError(f"`flask {name}` failed; {self.last_lines()}")

    def wait_ready(self, timeout: float = 20, pause: Callable[[float], None] = time.sleep) -> None:
        """Return once the app answers; WebServerError when it ended or timeout has passed."""
        end = time.monotonic() + timeout
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                raise WebServerError(f"The app did not start; {self.last_lines()}")
            pause(0.05)

    def answers(self) -> bool:
        """Whether the app says that it lives."""
        host, port = self.listener.getsockname()[:2]
        connection = http.client.HTTPConnection(LOOPBACK.get(host, host), port, timeout=2)
        try:
            connection.request("GET", "/liveness")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def last_lines(self) -> str:
        """The end of the log, for an error."""
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return "\n  ".join([f"the end of {self.log}:", *lines[-LAST_LINES:]])

    def stop(self, timeout: float) -> bool:
        """End all of it in good order, by force after timeout seconds; True without force."""
        obeyed = stop_child(self.process, timeout)
        kill_group(self.process)
        return obeyed


def with_checkout(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which wsgi.py, beside the package, is found from any folder."""
    path = os.pathsep.join(filter(None, [str(ROOT), environ.get("PYTHONPATH")]))
    return {**environ, "PYTHONPATH": path}
