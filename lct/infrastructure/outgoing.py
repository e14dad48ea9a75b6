"""A POST to an address that a stranger typed: to the internet only, and to nowhere else.

The name is looked up once, everything it leads to is checked, and the connection goes to the very
address that was checked: a name that changes its mind in between (DNS rebinding) gains nothing.
Redirects are not followed, and proxies in the environment are not used.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import SplitResult, urlsplit

import gevent

from ..application.addresses import is_public

CONNECT, TOTAL = 3.0, 5.0  # seconds, the lookup of the name aside
READ = 4096  # bytes of the answer; what it says does not matter


class NotSent(Exception):
    """No answer came; ``reason`` is for the organiser."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


PRIVATE = "the name does not lead to the internet"
UNREACHABLE, SLOW = "no connection", "no answer in time"


def post(url: str, headers: Mapping[str, str], body: bytes, private: bool) -> int:
    """The status of the answer, or NotSent. ``private``: home networks and this machine too."""
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        # Not within the timeout: a lookup that is given up goes on in its thread, of which there
        # are few.
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        if not private and not all(is_public(str(address[0])) for *_, address in found):
            raise NotSent(PRIVATE)
        # The socket's own timeouts are for each read; this one is for all of it.
        with gevent.Timeout(TOTAL, NotSent(SLOW)):
            return _post(parts, found, headers, body)
    except TimeoutError:
        raise NotSent(SLOW) from None
    except (OSError, HTTPException, ValueError):
        raise NotSent(UNREACHABLE) from None


def _post(parts: SplitResult, found: list[Any], headers: Mapping[str, str], body: bytes) -> int:
    host = parts.hostname or ""
    plain = _connected(found)
    try:
        plain.settimeout(TOTAL)
        sock = _tls().wrap_socket(plain, server_hostname=host) if parts.scheme == "https" else plain
    except BaseException:
        plain.close()
        raise
    connection = HTTPConnection(host)
    connection.sock = sock
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        fixed = {"Host": parts.netloc, "Connection": "close", "Content-Type": "application/json"}
        connection.request("POST", target, body, {**fixed, "User-Agent": "lct", **headers})
        response = connection.getresponse()
        with suppress(OSError, HTTPException, ValueError, NotSent):
            response.read1(READ)  # or its sender meets a reset
        return response.status
    finally:
        connection.close()


def _connected(found: list[Any]) -> socket.socket:
    end, last = time.monotonic() + CONNECT, OSError("the name leads nowhere")
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(max(0.1, end - time.monotonic()))
            sock.connect(address)
        except OSError as error:
            sock.close()
            last = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise last


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
