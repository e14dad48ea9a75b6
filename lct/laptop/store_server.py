"""The laptop's MongoDB server: nx-27017 on a Unix socket, started by local_servers.py.

`python -m lct.laptop.store_server <socket> <data folder>`
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import signal
import struct
import sys
import uuid
from functools import partial
from pathlib import Path
from typing import Any

from nx_27017.handler import NeoSQLiteHandler
from nx_27017.wire_protocol import (
    MAX_MESSAGE_SIZE_BYTES,
    MESSAGE_HEADER_SIZE,
    OP_MSG,
    OP_QUERY,
    ResponseBuilder,
    WireProtocol,
)

HEADER = struct.Struct("<iiii")
log = logging.getLogger("lct.store")
reply_ids = itertools.count(1)


class Client(asyncio.Protocol):
    """One connection: requests are answered in order, one at a time.

    nx-27017's own loop gives every request to a thread, but its lock lets one at a time through
    anyway. Answering here, in the loop's thread, is a fifth faster and gives SQLite one thread.
    The cost: a request that waits (a change stream, which lct does not use) would hold up all.
    """

    def __init__(self, handler: NeoSQLiteHandler) -> None:
        self.handler = handler
        self.id = str(uuid.uuid4())
        self.received = bytearray()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.handler.increment_connections()

    def connection_lost(self, error: Exception | None) -> None:
        self.handler.decrement_connections()
        self.handler.close_streams_for_connection(self.id)

    def data_received(self, data: bytes) -> None:
        self.received += data
        while len(self.received) >= MESSAGE_HEADER_SIZE:
            length, request_id, _, opcode = HEADER.unpack_from(self.received)
            if not MESSAGE_HEADER_SIZE <= length <= MAX_MESSAGE_SIZE_BYTES:
                log.error("message of impossible length %d", length)
                self.transport.abort()
                return
            if len(self.received) < length:
                return
            message = bytes(self.received[:length])
            del self.received[:length]
            self.transport.write(self.answer(request_id, opcode, message))

    def answer(self, request_id: int, opcode: int, message: bytes) -> bytes:
        """The reply to one message; drivers send OP_QUERY for their first hello only."""
        if opcode == WireProtocol.OP_QUERY:
            query = OP_QUERY.parse(message) | {"_conn_id": self.id}
            _, documents = self.handler.handle_query(query)
            return ResponseBuilder.build_reply(next(reply_ids), request_id, documents)
        try:
            document = self.run(OP_MSG.parse(message) | {"_conn_id": self.id})
        except Exception as error:  # a failed command must not end the connection
            log.exception("a command failed")
            document = {"ok": 0, "errmsg": str(error)}
        return ResponseBuilder.build_op_msg_reply(next(reply_ids), request_id, document)

    def run(self, command: dict[str, Any]) -> dict[str, Any]:
        body = next(part for kind, part in command["sections"] if kind == "body")
        database, collection = body["$db"], body.get("insert") or body.get("update")
        handle = self.handler.handle_insert if "insert" in body else self.handler.handle_command
        _, document = handle(command)
        for error in document.get("writeErrors", ()):
            if error["code"] == 11000:
                error["keyPattern"] = self.clashing_key(database, collection, error["errmsg"])
        return document

    def clashing_key(self, database: str, collection: str, text: str) -> dict[str, int]:
        """The key of the index that refused a duplicate; MongoDB reports it, nx-27017 does not.

        The text is SQLite's: `UNIQUE constraint failed: events._id`, or `...: index 'idx_x'`.
        """
        body = {"listIndexes": collection, "$db": database}
        _, found = self.handler.handle_command({"request_id": 0, "sections": [("body", body)]})
        for index in found["cursor"]["firstBatch"]:
            if text.endswith(f"'{index['name']}'"):
                return dict(index["key"])
        return {"_id": 1}


async def serve(path: Path, data: Path) -> None:
    """Serve the databases in the data folder until SIGTERM, then close their files."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    handler = NeoSQLiteHandler(data_dir=str(data))
    server = await loop.create_unix_server(partial(Client, handler), str(path), backlog=1024)
    try:
        await stop.wait()
    finally:
        server.close()
        handler.close_all()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    asyncio.run(serve(Path(sys.argv[1]), Path(sys.argv[2])))
