"""The floor: one gevent process, a minimal handshake, one ready frame written to every socket.

    floor.py PORT BUS CHANNEL BYTES

It has no routes, views or heartbeats, and drops what a socket does not accept at once. Like all
other systems it sets TCP_NODELAY. Without it the floor is a few percent cheaper, but a frame that
follows another is up to 40 ms late.
"""

# ruff: noqa: E402 - gevent patches before anything else is imported
from gevent import monkey

monkey.patch_all()

import base64
import hashlib
import json
import os
import re
import struct
import sys
from socket import IPPROTO_TCP, TCP_NODELAY

import gevent
import redis
from gevent.server import StreamServer
from prepared import prepared

port, bus, channel, size = sys.argv[1:]
html = prepared(int(size))
sockets = set()


def handle(socket, address):
    socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    head = b""
    while b"\r\n\r\n" not in head:
        part = socket.recv(4096)
        if not part:
            return
        head += part
    key = re.search(rb"(?i)sec-websocket-key: (\S+)", head)[1]
    accept = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    socket.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(accept) + b"\r\n\r\n"
    )
    sockets.add(socket)
    try:
        while socket.recv(4096):
            pass
    finally:
        sockets.discard(socket)


def fan_out():
    listener = redis.Redis.from_url(bus).pubsub(ignore_subscribe_messages=True)
    listener.subscribe(channel)
    for message in listener.listen():
        payload = html(json.loads(message["data"])["seq"]).encode()
        frame = struct.pack(">BBH", 0x81, 126, len(payload)) + payload
        for socket in list(sockets):
            os.write(socket.fileno(), frame)


gevent.spawn(fan_out)
StreamServer(("127.0.0.1", int(port)), handle, backlog=1024).serve_forever()
