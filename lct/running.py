"""What a running `lct up` shares with the other commands on its machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from .locks import is_locked, private
from .places import data_folder

# Settings that `lct up` chose and other commands need as well.
SHARED = ("LCT_MONGO_URI", "LCT_REDIS_URL", "LCT_SECRET_KEY", "LCT_PUBLIC_URL")


def share_environ(folder: Path, environ: Mapping[str, str]) -> None:
    """Write the settings of this run for the other commands on this machine."""
    shared = {name: environ[name] for name in SHARED}
    write_private(folder / "environ.json", json.dumps(shared, indent=1))


def unshare_environ(folder: Path) -> None:
    """Remove them: the servers are about to stop."""
    (folder / "environ.json").unlink(missing_ok=True)


def running_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, completed by the settings of a running `lct up`.

    So `lct demo` in a second terminal reaches the servers of the first.
    """
    folder = Path(environ.get("LCT_VAR") or data_folder())
    path = folder / "environ.json"
    # One that was killed leaves the file behind, but not its lock.
    shared = json.loads(path.read_text()) if path.exists() and is_locked(folder) else {}
    return {**shared, **{name: value for name, value in environ.items() if value.strip()}}


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user may read, whole or not at all."""
    half = path.with_name(path.name + ".new")
    half.unlink(missing_ok=True)
    with open(half, "x", opener=private) as file:
        file.write(text + "\n")
    half.rename(path)
