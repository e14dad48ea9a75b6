"""Flask-SocketIO on gevent: a Redis subscriber emits to a room. Takes floor.py's arguments."""

# ruff: noqa: E402 - gevent patches before anything else is imported
from gevent import monkey

monkey.patch_all()

import json
import sys

import redis
from flask import Flask
from flask_socketio import SocketIO, join_room
from prepared import prepared

port, bus, channel, size = sys.argv[1:]
html = prepared(int(size))
app = Flask(__name__)
io = SocketIO(app, async_mode="gevent", cors_allowed_origins="*")


@io.on("connect")
def connect():
    join_room("board")


def fan_out():
    listener = redis.Redis.from_url(bus).pubsub(ignore_subscribe_messages=True)
    listener.subscribe(channel)
    for message in listener.listen():
        io.emit("f", html(json.loads(message["data"])["seq"]), to="board")


io.start_background_task(fan_out)
io.run(app, host="127.0.0.1", port=int(port))
