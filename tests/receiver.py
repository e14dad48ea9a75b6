"""A webhook receiver on 127.0.0.1, and a courier whose clock tests can advance."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from flask import Flask

from lct.webhooks import post as outgoing
from lct.webhooks.deliver import Delivery
from lct.webhooks.schedule import Courier

from .api_client import ApiEvening, good


@dataclass
class Sent:
    """One request that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.time)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def is_signed_with(self, secret: str) -> bool:
        """Verify the signature by the specification, independently of lct's code."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        text = f"{self.id}.{self.headers['webhook-timestamp']}.{self.body.decode()}"
        mac = hmac.new(key, text.encode(), hashlib.sha256).digest()
        return f"v1,{base64.b64encode(mac).decode()}" in self.headers["webhook-signature"].split()


def talks_on(chunk: bytes, times: int, cut: threading.Event) -> Callable[[Any], None]:
    """An answer sent as fast as possible; sets ``cut`` when the reader closes the connection."""

    def answer(handler: Any) -> None:
        try:
            for _ in range(times):
                handler.wfile.write(chunk)
        except OSError:
            cut.set()

    return answer


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n" * 2000


class Receiver:
    """Keeps the requests and sends ``answers`` in order, then ``always``. An answer is a status,
    a status with headers, or a function of the handler."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.sent: list[Sent] = []
        self.answers: list[Any] = []
        self.always: Any = 204
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.sent.append(Sent(self.path, headers, body))
                answer = receiver.answers.pop(0) if receiver.answers else receiver.always
                if callable(answer):
                    answer(self)
                    return
                status, more = answer if isinstance(answer, tuple) else (answer, {})
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer((host, port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://{host}:{self.port}/hook?token=hush"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def types(self) -> list[str]:
        return [sent.json["type"] for sent in self.sent]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def receiver(**how: Any) -> Iterator[Receiver]:
    made = Receiver(**how)
    yield made
    made.close()


class Desk:
    """A courier that delivers when a test asks, with a clock that the test can advance."""

    def __init__(self, app: Flask) -> None:
        self.hooks = app.extensions["lct"].webhooks.hooks
        self.ahead = timedelta()
        self.counted: list[str] = []
        self.store = app.extensions["lct"].store
        post = partial(outgoing.post, private=True)
        keys = app.extensions["lct"].secrets
        self.deliver = Delivery(self.store, self.hooks, post, keys, self.now, self.counted.append)
        self.courier = Courier(self.deliver)
        self._now = app.extensions["lct"].now

    def now(self) -> datetime:
        return self._now() + self.ahead

    def later(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)

    def sweep(self) -> None:
        """Run the sweep and the deliveries that it finds."""
        self.courier.sweep()
        self.courier.look()
        self.courier._pool.join()

    def work(self, e: ApiEvening) -> None:
        """Run the deliveries that are due for the tournament."""
        self.courier.added(e.code)
        self.courier.look()
        self.courier._pool.join()


def add(e: ApiEvening, url: str, **headers: str) -> Any:
    """A new webhook of the evening, with its secret."""
    return good(e.host.post(e.at("/webhooks"), {"url": url}, **headers), 201)


def listed(e: ApiEvening) -> Any:
    return good(e.host.get(e.at("/webhooks")))
