"""gunicorn's gevent worker, with limits on slow peers, and responses in fewer packets."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import Any

import gevent
from greenlet import greenlet
from gunicorn.http import errors, wsgi
from gunicorn.workers.ggevent import GeventWorker
from werkzeug.test import create_environ
from werkzeug.wrappers import Response

# Bytes of a response that the kernel buffers for a peer that reads nothing. By default it takes up
# to 4 MB, and a thousand such peers fill its memory for all connections. It doubles the number.
SEND_BUFFER = 64 * 1024
# Seconds for which a peer may take nothing of a response; longer than a live screen's 20 seconds.
TAKEN_SECONDS = 30
# The statuses for a request head that could not be read; any other fault of it is a 400.
STATUSES = {
    errors.LimitRequestLine: 414,
    errors.ExpectationFailed: 417,
    errors.LimitRequestHeaders: 431,
    errors.UnsupportedTransferCoding: 501,
}
OURS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)  # not the peer's fault
# For how long, and for how many pieces of up to 64 KB, the rest of such a request is read: closing
# the connection before that would discard the response.
LINGER_SECONDS, LINGER_PIECES = 1.0, 16


class Answer(wsgi.Response):
    """gunicorn sends a response's head and its body one after the other. Here the head and the
    body's first piece are one system call and one packet."""

    sock: Any

    def write(self, arg: bytes) -> None:
        if self.headers_sent:
            super().write(arg)
            return
        connection, self.sock = self.sock, _Together()
        try:
            super().write(arg)
        finally:
            together, self.sock = self.sock, connection
            self.sock.sendall(b"".join(together))


class _Together(list[bytes]):
    """Takes what gunicorn would send."""

    sendall = list.append


wsgi.Response = Answer  # no setting names it; wsgi.create() looks here for each request


class TookTooLong(BaseException):
    """A request's time is over. No handler of errors in the app may take it for one."""


class Worker(GeventWorker):
    """gunicorn gives a peer ``keepalive`` seconds for the head of a request, and unlimited time for
    its body and for taking the response. Here both end after ``timeout`` seconds, or up to one
    more: the connection is closed. Live screens do not count: they go on in greenlets of their own.
    """

    def init_process(self) -> None:
        # gunicorn looks up a setting at each use, a dozen times a request.
        self.cfg.__dict__.update({name: each.get() for name, each in self.cfg.settings.items()})
        self.ends: dict[greenlet, float] = {}  # of requests that are being answered
        super().init_process()

    def run(self) -> None:
        if self.cfg.timeout:
            gevent.spawn(self._cut)
        super().run()

    def _cut(self) -> None:
        """End overdue requests. A timer for each of them would take a tenth of a small one."""
        loop = gevent.get_hub().loop
        while True:
            gevent.sleep(1)
            now = time.monotonic()
            for waiting, end in list(self.ends.items()):
                if end < now:
                    loop.run_callback(self._cut_one, waiting, end)

    def _cut_one(self, waiting: greenlet, end: float) -> None:
        if self.ends.get(waiting) == end:  # it has not come to its end since
            waiting.throw(TookTooLong)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        with suppress(OSError):  # macOS: the peer has gone already
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        with suppress(OSError, AttributeError):  # a Unix socket; not on this system
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TAKEN_SECONDS * 1000)
        super().handle(listener, client, addr)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        current = gevent.getcurrent()
        self.ends[current] = time.monotonic() + self.cfg.timeout
        try:
            super().handle_request(listener_name, req, sock, addr)
        except TookTooLong:
            self.log.warning("request took too long", extra={"event.action": "request.cut"})
            raise StopIteration from None  # gunicorn's sign that the connection is over
        finally:
            del self.ends[current]

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Let the app answer a request that could not be read, and log it as any other. gunicorn
        would log what was sent, secrets and all."""
        if not isinstance(exc, errors.ParseException) or isinstance(exc, OURS):
            super().handle_error(None, client, addr, exc)  # without the request: no address
            return
        # UNREADABLE in lct/web/requests.py
        environ = create_environ("/***", environ_overrides={
            "lct.unreadable": STATUSES.get(type(exc), 400),
            "REMOTE_ADDR": addr[0] if addr else "",
        })  # fmt: skip
        with suppress(OSError), gevent.Timeout(LINGER_SECONDS, False):
            answer = Response.from_app(self.wsgi, environ)
            answer.headers["Connection"] = "close"
            head = f"HTTP/1.1 {answer.status}\r\n{answer.headers}".encode("latin-1")
            client.sendall(head + answer.get_data())
            client.shutdown(socket.SHUT_WR)
            for _ in range(LINGER_PIECES):
                if not client.recv(65536):
                    break
