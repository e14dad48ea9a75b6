"""A WSGI app with an endless answer. It writes how it ended to the file that ENDLESS names."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """Send chunks of 64 kB until the client disconnects."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    option = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux has it
    connection = environ["gunicorn.socket"]
    taken = connection.getsockopt(socket.IPPROTO_TCP, option) if option else 0
    chunks = 0
    try:
        while True:
            yield b"x" * 65536
            chunks += 1
    finally:
        Path(os.environ["ENDLESS"]).write_text(f"{taken} {chunks}")
