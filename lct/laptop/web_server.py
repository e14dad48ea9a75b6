"""The app behind gunicorn, as a child process on a socket that already listens."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from lct.laptop.children import SAFELY, kill_group, start_child, stop_child
from lct.locks import private

LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}
LAST_LINES = 8


class WebServerError(RuntimeError):
    """The app does not serve; the text ends with what it logged last."""


@dataclass
class WebServer:
    """gunicorn and its workers; their output is appended to the log."""

    listener: socket.socket
    environ: Mapping[str, str]
    log: Path
    name: str = "app"
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start gunicorn; kill the workers of an earlier one first, which may still run."""
        if hasattr(self, "process"):
            kill_group(self.process)
        descriptor = self.listener.fileno()
        command = [sys.executable, *SAFELY, "gunicorn", "--config", "python:lct.serving"]
        command += ["--bind", f"fd://{descriptor}", "lct.wsgi:app"]
        with open(self.log, "ab", opener=private) as log:
            # gunicorn imports from its working directory, so that has to be our own.
            self.process = start_child(
                command,
                environ=self.environ,
                log=log,
                pass_fds=(descriptor,),
                folder=self.log.parent,
            )

    def run_command(self, name: str, pause: Callable[[float], None] = time.sleep) -> None:
        """Run one of lct's own commands to its end; WebServerError if it fails."""
        command = [sys.executable, *SAFELY, "lct", name]
        with open(self.log, "ab", opener=private) as log:
            process = start_child(command, environ=self.environ, log=log)
        while process.poll() is None:
            pause(0.02)
        if process.returncode != 0:
            raise WebServerError(f"`lct {name}` failed; {self.last_lines()}")

    def wait_ready(self, timeout: float = 20, pause: Callable[[float], None] = time.sleep) -> None:
        """Return once the front page is served; WebServerError if it fails, or not in time."""
        end = time.monotonic() + timeout
        while (status := self.front_page()) != 200:
            if status is not None:
                reason = f"The front page is answered with {status or 'a closed connection'}"
            elif self.process.poll() is not None:
                reason = f"The app ended with code {self.process.returncode}"
            elif time.monotonic() > end:
                reason = f"The app did not answer in {timeout:g} s"
            else:
                pause(0.05)
                continue
            raise WebServerError(f"{reason}; {self.last_lines()}")

    def front_page(self) -> int | None:
        """The front page's status, as a guest's browser would get it. 0: the app closes the
        connection, None: no answer yet."""
        host, port = self.listener.getsockname()[:2]
        guests = urlsplit(self.environ.get("LCT_PUBLIC_URL", ""))
        # lct answers to this name whatever LCT_ALLOWED_HOSTS is.
        name = {"Host": guests.netloc} if guests.netloc else {}
        connection = http.client.HTTPConnection(LOOPBACK.get(host, host), port, timeout=2)
        try:
            connection.request("GET", f"{guests.path.rstrip('/')}/", headers=name)
            return connection.getresponse().status
        except http.client.RemoteDisconnected:
            return 0
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def last_lines(self) -> str:
        """The end of the log in readable form, for an error."""
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return "\n  ".join([f"the end of {self.log}:", *map(_plain, lines[-LAST_LINES:])])

    def stop(self, timeout: float) -> bool:
        """Stop all of it, by force after timeout seconds; True if no force was needed."""
        obeyed = stop_child(self.process, timeout)
        kill_group(self.process)
        return obeyed


def _plain(line: str) -> str:
    """The message and the error of a JSON line; any other line unchanged."""
    try:
        entry = json.loads(line)
        error = entry.get("error", {})
        said = (entry["message"], error.get("type"), error.get("message"))
    except (ValueError, LookupError, AttributeError):
        return line
    return ": ".join(filter(None, said))
