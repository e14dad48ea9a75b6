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
from http.client import HTTPConnection, HTTPException, HTTPResponse
from io import BufferedReader, RawIOBase
from typing import Any
from urllib.parse import SplitResult, urlsplit

import gevent
from gevent.monkey import get_original
from gevent.threadpool import ThreadPool

from .target import is_public

# Seconds: for finding the name, for connecting, and for all that follows the finding. Together they
# are fewer than a lease (deliver.py) has: one that ends in the middle would be tried for ever.
LOOKUP, CONNECT, TOTAL = 5.0, 3.0, 5.0
LOOKUPS = 16  # at once, those included that nobody waits for any more
READ = 16 * 1024  # bytes of the answer: its head, mostly; what it says does not matter


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
        found = _found(parts.hostname or "", port)
        if not private and not all(is_public(str(address[0])) for *_, address in found):
            raise NotSent(PRIVATE)
        # The socket's own timeouts are for each read; this one is for all of it.
        with gevent.Timeout(TOTAL, NotSent(SLOW)):
            return _post(parts, found, headers, body)
    except TimeoutError:
        raise NotSent(SLOW) from None
    except (OSError, HTTPException, ValueError):
        raise NotSent(UNREACHABLE) from None


def _found(host: str, port: int) -> list[Any]:
    """What the name leads to. A lookup that takes too long goes on in its thread, so these are not
    gevent's own few, in which the names of store and bus are looked up."""
    with gevent.Timeout(LOOKUP, NotSent(SLOW)):
        lookup = get_original("socket", "getaddrinfo")
        return _threads(gevent.get_hub()).spawn(lookup, host, port, type=socket.SOCK_STREAM).get()


@cache
def _threads(hub: Any) -> ThreadPool:
    return ThreadPool(LOOKUPS, hub)


class _Start(RawIOBase):
    """Another file, which ends after READ bytes."""

    def __init__(self, whole: Any) -> None:
        self._whole, self._left = whole, READ

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        size = self._whole.readinto(memoryview(into)[: self._left])
        self._left -= size
        return int(size)

    def close(self) -> None:
        self._whole.close()
        super().close()


class _Answer(HTTPResponse):
    """An answer that is read no further than READ bytes. Without that a receiver could send "100
    Continue" without end: gevent lets nobody else run, and no timeout end, while there is more."""

    def __init__(self, sock: socket.socket, *more: Any, **named: Any) -> None:
        super().__init__(sock, *more, **named)
        self.fp = BufferedReader(_Start(self.fp.detach()))


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
    connection.response_class = _Answer
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
    for number, (family, kind, protocol, _, address) in enumerate(found):
        sock = socket.socket(family, kind, protocol)
        try:
            # An address that is silent leaves their share of the time to those behind it.
            sock.settimeout(max(0.1, (end - time.monotonic()) / (len(found) - number)))
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
