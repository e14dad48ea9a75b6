"""gunicorn's gevent worker, which waits for nobody for ever."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

import gevent
from gunicorn.workers.ggevent import GeventWorker

# Bytes of an answer that the system keeps for a peer who takes none; by itself it keeps up to 4 MB,
# and a thousand such peers fill the memory that it has for all connections. It doubles the number.
SEND_BUFFER = 64 * 1024
# For how long a peer may take nothing of an answer; longer than a live screen's 20 seconds. So a
# download has no deadline as a whole, and each part of it has this one.
TAKEN_SECONDS = 30


class Worker(GeventWorker):
    """gunicorn gives a peer ``keepalive`` seconds for the head of a request, and all the time in
    the world for its body and for taking the answer. Here both end after ``timeout`` seconds: the
    connection is closed. Live screens do not count: they go on in greenlets of their own."""

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        with suppress(OSError):  # macOS: the peer has gone already
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        with suppress(OSError, AttributeError):  # a Unix socket; not on this system
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TAKEN_SECONDS * 1000)
        super().handle(listener, client, addr)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        with gevent.Timeout(self.cfg.timeout or None) as timeout:
            try:
                super().handle_request(listener_name, req, sock, addr)
                return
            except gevent.Timeout as ended:
                if ended is not timeout:
                    raise
        self.log.warning("request took too long", extra={"event.action": "request.cut"})
        raise StopIteration  # gunicorn's sign that the connection is over
