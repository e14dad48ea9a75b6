"""A proxy between the driver and the local store that injects faults, one per request.

It knows only what it needs of MongoDB's protocol: OP_MSG, and OP_QUERY for the first hello.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bson

HEADER = struct.Struct("<iiii")
OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
OPTIONS = "journal=true&w=majority&uuidRepresentation=standard"
HELLO = {"hello", "ismaster"}

Body = dict[str, Any]
# forward() sends the request on and returns the store's answer. The driver gets what
# the fault returns; None cuts its connection.
Fault = Callable[[Callable[[], bytes]], "bytes | Body | None"]


# --- faults ---------------------------------------------------------------------------------------


def slow(seconds: float) -> Fault:
    """The store executes the request and answers late."""

    def fault(forward: Callable[[], bytes]) -> bytes:
        answer = forward()
        time.sleep(seconds)
        return answer

    return fault


def cut_before(forward: Callable[[], bytes]) -> None:
    """The connection breaks before the store has seen the request."""


def cut_after(forward: Callable[[], bytes]) -> None:
    """The store executes the request, and the connection breaks before the answer."""
    forward()


def says(**answer: Any) -> Fault:
    """The store does nothing and gives this answer."""
    return lambda forward: answer


def does_it_and_says(**answer: Any) -> Fault:
    """The store executes the request and gives this answer instead of its own."""

    def fault(forward: Callable[[], bytes]) -> Body:
        forward()
        return answer

    return fault


def error(code: int, name: str, *labels: str) -> Body:
    """MongoDB's answer to a command that failed."""
    said = {"ok": 0.0, "code": code, "codeName": name, "errmsg": f"{name}, said the proxy"}
    return said | ({"errorLabels": list(labels)} if labels else {})


NO_RETRIES = error(20, "IllegalOperation") | {
    "errmsg": "Transaction numbers are only allowed on a replica set member or mongos"
}


# --- the proxy ------------------------------------------------------------------------------------


class Proxy:
    """Listens on a port of 127.0.0.1 and passes everything to the store on a Unix socket.

    With ``replica_set`` the store looks like the primary of a set, so the driver retries writes;
    ``remembers`` makes it recognise a retried write, as MongoDB does. Without ``retryable`` it
    refuses every write that could be retried, as servers do that know no retries.
    """

    def __init__(
        self,
        store: Path,
        *,
        replica_set: bool = False,
        remembers: bool = True,
        retryable: bool = True,
    ) -> None:
        self.store, self.replica_set, self.remembers = store, replica_set, remembers
        self.retryable = retryable
        self.seen: list[str] = []  # the names of the commands received, except hellos
        self.bodies: dict[str, Body] = {}  # the last command of each name
        self._faults: list[tuple[str, Fault]] = []
        self._always: Fault | None = None
        self._done: dict[tuple[bytes, int], bytes] = {}  # (session, number) -> the answer
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "{}:{}".format(*self._listener.getsockname())
        self.uri = f"mongodb://{self.address}/?{OPTIONS}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # else the thread in accept() keeps it open
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def break_next(self, command: str, *faults: Fault) -> None:
        """Inject these faults into the next requests of that command, one each."""
        with self._lock:
            self._faults += [(command, fault) for fault in faults]

    def break_all(self, fault: Fault | None) -> None:
        """Inject this fault into every request except hellos; None stops it."""
        self._always = fault

    @property
    def spent(self) -> bool:
        """Whether every fault of break_next has been used."""
        return not self._faults

    @property
    def idle(self) -> bool:
        """Whether every connection has ended, so the store has every request received."""
        return not self._open

    # --- inside -----------------------------------------------------------------------------------

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as store, contextlib.suppress(OSError):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(client)
            try:
                store.connect(str(self.store))
                while answer := self._answer(_message(client), store):
                    client.sendall(answer)
            finally:
                with self._lock:
                    self._open.discard(client)

    def _answer(self, request: bytes, store: socket.socket) -> bytes | None:
        _, request_id, _, opcode = HEADER.unpack_from(request)
        body = _body(request, opcode)
        name = next(iter(body))

        def forward() -> bytes:
            store.sendall(request)
            return _message(store)

        if name.lower() in HELLO:
            return self._as_primary(forward()) if self.replica_set else forward()
        self.bodies[name] = body
        fault = self._fault_for(name)
        number = (bytes(body.get("lsid", {}).get("id", b"")), body.get("txnNumber", 0))

        def once() -> bytes:
            if number[1] and self.remembers and (known := self._done.get(number)):
                return _framed(_body(known, OP_MSG), request_id)
            answer = forward()
            self._done[number] = answer
            return answer

        if number[1] and not self.retryable:
            return _framed(NO_RETRIES, request_id)
        answer = fault(once) if fault else once()
        return _framed(answer, request_id) if isinstance(answer, dict) else answer

    def _fault_for(self, name: str) -> Fault | None:
        with self._lock:
            self.seen.append(name)
            for place, (command, fault) in enumerate(self._faults):
                if command == name:
                    del self._faults[place]
                    return fault
        return self._always

    def _as_primary(self, answer: bytes) -> bytes:
        _, _, request_id, opcode = HEADER.unpack_from(answer)
        start = 36 if opcode == OP_REPLY else 21
        hello = bson.decode(answer[start:]) | {
            "setName": "set",
            "setVersion": 1,
            "hosts": [self.address],
            "me": self.address,
            "primary": self.address,
            "secondary": False,
        }
        rest = answer[16:start] + bson.encode(hello)
        return HEADER.pack(16 + len(rest), 0, request_id, opcode) + rest


def _framed(body: Body, request_id: int) -> bytes:
    rest = bytes(5) + bson.encode(body)
    return HEADER.pack(16 + len(rest), 0, request_id, OP_MSG) + rest


def _body(message: bytes, opcode: int) -> Body:
    """The command in a request, or the document in an OP_MSG answer."""
    if opcode == OP_QUERY:
        start = message.index(b"\0", 20) + 1 + 8
    else:
        assert opcode == OP_MSG, f"opcode {opcode}"
        assert message[20] == 0, "the driver sends the body first"
        start = 21
    size = int.from_bytes(message[start : start + 4], "little")
    return bson.decode(message[start : start + size])


def _message(connection: socket.socket) -> bytes:
    """The next whole message; ConnectionError at the end."""
    message = _exactly(connection, 4)
    return message + _exactly(connection, int.from_bytes(message, "little") - 4)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ConnectionResetError
        data += more
    return bytes(data)
