"""Child processes that never outlive the process that started them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

PR_SET_PDEATHSIG = 1
# Before the name of a module: keeps Python from importing from its working directory, which may be
# anybody's and have a redis.py in it.
SAFELY = ("-P", "-m")
LOOK_SECONDS = 0.5
STEADY_SECONDS = 60


def start_child(
    command: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    log: IO[bytes] | None = None,
    pass_fds: Sequence[int] = (),
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command that gets SIGTERM when this process ends, however it ends.

    It runs in a session of its own, so a Ctrl-C in the terminal reaches only the parent, which
    can then stop its children in the right order.
    """
    options: dict[str, Any] = {"preexec_fn": _die_with_parent(os.getpid())}
    if sys.platform != "linux":
        # Other kernels have no PR_SET_PDEATHSIG, so a small process watches the parent.
        command = guarded(command)
        options = {}
    return subprocess.Popen(
        list(command),
        env=environ,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        pass_fds=pass_fds,
        umask=0o077,  # its databases and sockets are this user's only
        **options,
    )


def stop_child(process: subprocess.Popen[bytes], timeout: float) -> bool:
    """Send a child SIGTERM, and kill it after timeout seconds; True if it ended before that."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        kill_group(process)
        return False
    return True


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a child and what it has started, with no chance to clean up."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Child(Protocol):
    """Something that runs as one process, and can be restarted."""

    name: str
    process: subprocess.Popen[bytes]

    def start(self) -> None:
        """Start the process."""


@dataclass
class Watch:
    """Restarts a child that ended by itself, at once and then with growing pauses."""

    child: Child
    warn: Callable[[str], None]
    ends: int = 0
    started: float = field(default_factory=time.monotonic)
    due: float | None = None

    def look(self, now: float) -> None:
        """Notice an end, and restart: at once, or after 0.4 s, 0.8 s ... up to 10 s."""
        process = self.child.process
        if self.due is None and process.poll() is not None:
            # A child that had run for a while did not fail at startup.
            self.ends = 1 if now - self.started > STEADY_SECONDS else self.ends + 1
            self.due = now + (0 if self.ends == 1 else min(10, 0.2 * 2 ** (self.ends - 1)))
            self.warn(
                f"the {self.child.name} ended by itself (code {process.returncode});"
                " starting it again"
            )
        if self.due is not None and now >= self.due:
            self.due, self.started = None, now
            self.child.start()


def guarded(command: Sequence[str]) -> list[str]:
    """The command that runs another one and ends it when the parent has gone."""
    return [sys.executable, *SAFELY, "lct.laptop.children", *command]


def _die_with_parent(parent: int) -> Any:
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def ask_kernel() -> None:
        # Runs between fork and exec, so it does nothing but this.
        assert libc is not None
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(0)

    return ask_kernel


def _guard(command: Sequence[str]) -> int:
    parent = os.getppid()
    process = subprocess.Popen(list(command), close_fds=False)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while process.poll() is None:
        if os.getppid() != parent:
            process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_SECONDS)
    return abs(int(process.returncode))


if __name__ == "__main__":
    sys.exit(_guard(sys.argv[1:]))
