"""What a running `lct up` shares with its app and the other commands on its machine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
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


ADDRESSES, CHOSEN = "addresses.json", "address"


def share_addresses(folder: Path, first: str, found: Sequence[str]) -> None:
    """Write the addresses that guests may use, the likeliest first, for the app: it was started
    with ``first``, and the machine may have moved to another network since."""
    write_private(folder / ADDRESSES, json.dumps({"first": first, "found": list(found)}))


def unshare_addresses(folder: Path) -> None:
    (folder / ADDRESSES).unlink(missing_ok=True)


class PublicAddress:
    """The address in QR codes and links: the given one, or one that `lct up` found. ``found`` are
    all of those, of which a host may choose another."""

    def __init__(self, given: str, folder: Path) -> None:
        self.url, self.found = given, tuple[str, ...]()
        self._given, self._folder = given, folder
        self.look()

    def look(self) -> None:
        """Read what was found and chosen since."""
        found, chosen = tuple[str, ...](), ""
        # Without `lct up`, or once it has ended, there is nothing to read.
        with suppress(OSError, ValueError, LookupError, TypeError):
            shared = json.loads((self._folder / ADDRESSES).read_text())
            found = tuple(shared["found"]) if shared["first"] == self._given else ()
        with suppress(OSError):
            chosen = (self._folder / CHOSEN).read_text().strip()
        self.found = found
        self.url = chosen if chosen in found else found[0] if found else self._given

    def choose(self, url: str) -> bool:
        """Use another one of those found, on all workers; False if it is none of them."""
        if url not in self.found:
            return False
        write_private(self._folder / CHOSEN, url)
        self.look()
        return True


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user may read, whole or not at all."""
    half = path.with_name(path.name + ".new")
    half.unlink(missing_ok=True)
    with open(half, "x", opener=private) as file:
        file.write(text + "\n")
    half.rename(path)
