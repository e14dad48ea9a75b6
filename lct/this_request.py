"""This request: its id, and whether its work is still wanted (its deadline has not passed, and
its client is there).

Cancellation is cooperative: code that waits or costs much checks here before it begins, and is
never interrupted midway. A new greenlet or thread starts outside any request: a long-lived one,
such as a room or the bus, has no request's id and no deadline, like a command at a terminal.
Deferred work takes the id along.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Mapping
from contextvars import Context, ContextVar
from functools import partial
from typing import Any, NamedTuple

from .domain.errors import ClientGone, DeadlineExceeded

log = logging.getLogger(__name__)

REQUEST_SECONDS = 10.0  # from a request's arrival until all work for its response has ended


class _Request(NamedTuple):
    until: float
    connection: Any  # gevent's socket, or None where no server of ours has the connection


request_id: ContextVar[str] = ContextVar("request_id", default="")  # every log line reads it
_request: ContextVar[_Request | None] = ContextVar("request", default=None)


def begin(given_id: str, environ: Mapping[str, Any]) -> None:
    """All work in this context is for that WSGI request, until end()."""
    request_id.set(given_id)
    _request.set(_Request(time.monotonic() + REQUEST_SECONDS, environ.get("gunicorn.socket")))


def end() -> None:
    """All later work in this context is for no request."""
    request_id.set("")
    _request.set(None)


def carried(work: Callable[[], None]) -> Callable[[], None]:
    """``work`` for later: with the request's id for the log, but without its deadline."""
    context = Context()
    context.run(request_id.set, request_id.get())
    return partial(context.run, work)


def left(most: float) -> float:
    """The seconds that one wait may take: ``most``, or fewer if the deadline is near;
    DeadlineExceeded once it has passed."""
    request = _request.get()
    if request is None:
        return most
    seconds = request.until - time.monotonic()
    if seconds <= 0:
        log.error("deadline exceeded", extra={"event.action": "request.deadline"})
        raise DeadlineExceeded
    return min(most, seconds)


def allows(seconds: float) -> bool:
    """Whether work that takes up to ``seconds`` will have ended before the deadline."""
    request = _request.get()
    return request is None or time.monotonic() + seconds <= request.until


def check() -> None:
    """Return if the work is still wanted; ClientGone or DeadlineExceeded if it is not."""
    request = _request.get()
    if request is not None and _is_closed(request.connection):
        log.info("client gone", extra={"event.action": "request.cancel"})
        raise ClientGone
    left(REQUEST_SECONDS)


def _is_closed(connection: Any) -> bool:
    """Whether the peer has closed its side, as a browser does when it cancels a request or goes
    away. Data that it sent already stays unread."""
    if connection is None:
        return False
    try:
        # On the plain socket: gevent's own would wait until there is something to read.
        return not connection._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
