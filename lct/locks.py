"""Files for one user only, and locks on folders, which the system releases when their holder ends,
however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TextIO


class Locked(Exception):
    """Another process holds the folder; ``owner`` is its id."""

    def __init__(self, owner: str) -> None:
        super().__init__(owner)
        self.owner = owner


def private(path: str, flags: int) -> int:
    """An opener for ``open``: the file is this user's only, whatever the umask, before anything is
    written to it."""
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


def take_lock(folder: Path) -> TextIO:
    """Lock the folder for this process and those that inherit the file; Locked if it is taken."""
    lock = open(folder / "lock", "a+", opener=private)  # noqa: SIM115 - held by the caller
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise Locked(lock.read().strip()) from None
    lock.truncate(0)
    print(os.getpid(), file=lock, flush=True)
    return lock


def is_locked(folder: Path) -> bool:
    """Whether a process holds the folder."""
    with open(folder / "lock", "a+", opener=private) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
