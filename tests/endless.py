"""An answer without end, for gunicorn; what becomes of it is written to the file ENDLESS names."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """Chunks of 64 kB for as long as somebody takes them."""
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
