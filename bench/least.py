"""The floor under a tap that every screen shows: an insert, a message on the bus, a write a screen.

With lct's libraries, store and bus, but none of its code: nothing is checked, decided or rendered,
and the message itself has what the screens show.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from typing import Any

import gevent
import pymongo
import redis
from flask import Flask, request
from flask_sock import Sock

from lct.config import Settings
from lct.infrastructure.documents import CONCERNS
from lct.web.outbox import frame

CHANNEL = "bench-least"
SIZE = 600  # bytes of what a screen gets

settings = Settings.from_env()
app = Flask(__name__)
sock = Sock(app)
screens: set[int] = set()  # file descriptors of this worker's websockets


@app.get("/")
def front() -> str:
    """Polled until the server is ready."""
    return "ok"


@app.post("/tap")
def tap() -> str:
    said = request.get_data()
    _store().insert_one({"said": said})
    _bus().publish(CHANNEL, said)
    return "ok"


@sock.route("/live")
def live(ws: Any) -> None:
    screen = ws.sock.fileno()
    os.write(screen, _shown(b""))
    screens.add(screen)
    try:
        while True:
            ws.receive()
    finally:
        screens.discard(screen)


@cache
def _store() -> pymongo.collection.Collection[dict[str, Any]]:
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
        settings.mongo_uri, **CONCERNS
    )
    return client[settings.database]["bench_least"]


@cache
def _bus() -> redis.Redis:
    return redis.Redis.from_url(settings.redis_url)


def pass_on() -> None:
    """Write what the bus says to every screen."""
    heard = _bus().pubsub()
    heard.subscribe(CHANNEL)
    for message in heard.listen():
        if message["type"] == "message":
            data = _shown(message["data"])
            for screen in list(screens):
                with suppress(OSError):
                    os.write(screen, data)


def _shown(said: bytes) -> bytes:
    return frame((b'<li id="least">' + said + b"</li>").ljust(SIZE))


gevent.spawn(pass_on)  # in each worker, which imports this module for itself
