"""Locks on folders, which the system takes back when their holder ends, however it ends."""

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


def take_lock(folder: Path) -> TextIO:
    """Hold the folder for this process and what inherits the file; Locked if another has it."""
    lock = (folder / "lock").open("a+")
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
    with (folder / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
