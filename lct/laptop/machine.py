"""What `lct up` makes on a laptop: its secret key, listening socket and QR code."""

from __future__ import annotations

import errno
import io
import secrets
import socket
from pathlib import Path

import qrcode

from lct.running import write_private

ANYWHERE = ("0.0.0.0", "::", "")


class LaptopError(RuntimeError):
    """lct cannot start here; the text is one sentence that says what to do about it."""


def secret_key(folder: Path) -> str:
    """The key that signs this laptop's cookies, made once; a new one would sign every guest out."""
    path = folder / "secret-key"
    if not path.exists():
        write_private(path, secrets.token_hex(32))
    return path.read_text().strip()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket for gunicorn to take over; LaptopError if it cannot be opened."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server(
            (host, port), family=family, backlog=2048, dualstack_ipv6=host == "::"
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = f"Port {port} is taken by another program: set LCT_PORT to a free one."
        elif error.errno == errno.EACCES:
            reason = f"This user may not use port {port}: set LCT_PORT to 1024 or more."
        else:
            reason = f"LCT_HOST is {host!r}, which is not an address of this machine."
        raise LaptopError(reason) from None


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
