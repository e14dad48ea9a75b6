"""What `lct up` finds or makes on a laptop: its folder, lock, secret key, port and address."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

import qrcode

from lct.places import data_folder

ANYWHERE = ("0.0.0.0", "::", "")
# What a running `lct up` decided by itself, and another command on this laptop needs as well.
SHARED = ("LCT_MONGO_URI", "LCT_REDIS_URL", "LCT_SECRET_KEY", "LCT_PUBLIC_URL")


class LaptopError(RuntimeError):
    """lct cannot start here; the text is one sentence that says what to do about it."""


def take_lock(folder: Path) -> TextIO:
    """Hold the folder for this process until it ends, however it ends; LaptopError when taken."""
    lock = (folder / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.read().strip()
        raise LaptopError(
            f"Another lct (process {owner}) is already running on this folder, {folder}:"
            " stop that one, or set LCT_VAR to another folder."
        ) from None
    lock.truncate(0)
    print(os.getpid(), file=lock, flush=True)
    return lock


def is_taken(folder: Path) -> bool:
    """Whether an lct is running on this folder."""
    with (folder / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def secret_key(folder: Path) -> str:
    """The key that signs this laptop's cookies, made once; without it every guest is a stranger."""
    path = folder / "secret-key"
    if not path.exists():
        write_private(path, secrets.token_hex(32))
    return path.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user may read, whole or not at all."""
    half = path.with_name(path.name + ".new")
    half.unlink(missing_ok=True)
    with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
    half.rename(path)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket for gunicorn to take over; LaptopError when it is not to be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server(
            (host, port), family=family, backlog=2048, dualstack_ipv6=host == "::"
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = f"Port {port} is taken by another program: set LCT_PORT to a free one."
        elif error.errno == errno.EACCES:
            reason = f"Port {port} is not allowed to this user: set LCT_PORT to 1024 or more."
        else:
            reason = f"LCT_HOST is {host!r}, which is no address of this machine."
        raise LaptopError(reason) from None


def local_network_address() -> str | None:
    """This machine's address on the local network, or None without one; nothing is sent."""
    for elsewhere in ("10.254.254.254", "192.168.254.254", "172.31.254.254"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                # Connecting a datagram socket only asks the routing table which way it would go.
                probe.connect((elsewhere, 9))
            except OSError:
                continue
            address = str(probe.getsockname()[0])
            if not address.startswith(("127.", "0.")):
                return address
    return None


def web_address(host: str, port: int) -> str:
    """The http address of a host and port, as a person would type it."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}" if port == 80 else f"http://{shown}:{port}"


def qr_code(url: str, *, coloured: bool) -> str:
    """The address as a QR code of half blocks; coloured: white on black on any terminal."""
    drawn = io.StringIO()
    code = qrcode.QRCode(border=2)
    code.add_data(url)
    code.print_ascii(drawn, invert=True)  # blocks are the light modules
    lines = drawn.getvalue().splitlines()
    return (
        "\n".join(f"\x1b[97;40m{line}\x1b[0m" for line in lines) if coloured else "\n".join(lines)
    )


def share_environ(folder: Path, environ: Mapping[str, str]) -> None:
    """Leave what this run decided for the other commands on this laptop."""
    shared = {name: environ[name] for name in SHARED}
    write_private(folder / "environ.json", json.dumps(shared, indent=1))


def unshare_environ(folder: Path) -> None:
    """Take it back: the servers behind it are about to go."""
    (folder / "environ.json").unlink(missing_ok=True)


def running_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment with what a running `lct up` decided filled in where it says nothing.

    So `lct seed` in a second terminal reaches the servers of the first.
    """
    folder = Path(environ.get("LCT_VAR") or data_folder())
    path = folder / "environ.json"
    # One that was killed leaves the file behind, but not its lock.
    shared = json.loads(path.read_text()) if path.exists() and is_taken(folder) else {}
    return {**shared, **{name: value for name, value in environ.items() if value.strip()}}
