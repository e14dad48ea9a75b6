"""A POST to an address that a stranger typed, on the internet only.

The name is resolved once, all its addresses are checked, and the connection goes to one of these,
so DNS rebinding gains nothing. Redirects are not followed, and proxies in the environment are not
used.
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

# Seconds for the lookup, for connecting, and for everything after the lookup. Together they are
# shorter than a lease (deliver.py): a try that outlasts its lease would be repeated for ever.
LOOKUP, CONNECT, TOTAL = 5.0, 3.0, 5.0
LOOKUPS = 16  # at once, including those that have timed out
READ = 16 * 1024  # bytes of the response, mostly its head; its content does not matter


class NotSent(Exception):
    """No answer came; ``reason`` is for the organiser."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


PRIVATE = "the name does not lead to a public address"
UNREACHABLE, SLOW = "no connection", "no answer in time"


def post(url: str, headers: Mapping[str, str], body: bytes, private: bool) -> int:
    """The status of the answer, or NotSent. ``private``: home networks and this machine too."""
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = _found(parts.hostname or "", port)
        if not private and not all(is_public(str(address[0])) for *_, address in found):
            raise NotSent(PRIVATE)
        # The socket's own timeouts are for each read; this one is for the whole exchange.
        with gevent.Timeout(TOTAL, NotSent(SLOW)):
            return _post(parts, found, headers, body)
    except TimeoutError:
        raise NotSent(SLOW) from None
    except (OSError, HTTPException, ValueError):
        raise NotSent(UNREACHABLE) from None


def _found(host: str, port: int) -> list[Any]:
    """The name's addresses. A lookup that takes too long goes on in its thread, so these are not
    gevent's own few threads, which resolve the names of the store and the bus."""
    with gevent.Timeout(LOOKUP, NotSent(SLOW)):
        found = _threads(gevent.get_hub()).spawn(_looked_up, host, port).get()
    if isinstance(found, Exception):
        raise found
    return found


def _looked_up(host: str, port: int) -> list[Any] | Exception:
    """Errors are returned, since gevent would log one raised in a thread as a defect."""
    try:
        lookup = get_original("socket", "getaddrinfo")
        return list(lookup(host, port, type=socket.SOCK_STREAM))
    except (OSError, ValueError) as error:
        return error


@cache
def _threads(hub: Any) -> ThreadPool:
    return ThreadPool(LOOKUPS, hub)


class _Start(RawIOBase):
    """The first READ bytes of another file."""

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
    """A response that is read no further than READ bytes. Else a receiver could send "100 Continue"
    without end: while there is more to read, gevent runs no other greenlet and no timeout."""

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
            response.read1(READ)  # else its sender gets a reset
        return response.status
    finally:
        connection.close()


def _connected(found: list[Any]) -> socket.socket:
    end, last = time.monotonic() + CONNECT, OSError("the name has no address")
    for number, (family, kind, protocol, _, address) in enumerate(found):
        sock = socket.socket(family, kind, protocol)
        try:
            # A silent address leaves the ones after it their share of the time.
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
