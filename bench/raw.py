"""One find and one insert in a bare process: the floor under a tap.

`python -m bench.raw <uri> <database>` reads a number of pairs per line and answers each line with
`{"cpu_ms": all pairs together, "ms": [each pair]}`.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from typing import Any

import pymongo

from lct.domain.picking import TeamPicked
from lct.domain.values import new_code


class RawPair:
    """One find by ``_id`` and one insert of a document like a pick's, by pymongo alone.

    The find is the app's own check for a newer event. As usual there, it finds nothing.
    """

    def __init__(self, events: Any) -> None:
        self.events, self.stream, self.seq = events, new_code(secrets.choice), 0
        self.like: dict[str, Any] = events.find_one({"type": TeamPicked.type})

    def __call__(self) -> None:
        self.seq += 1
        key = f"{self.stream}:{self.seq}"
        if self.events.find_one({"_id": key}) is not None:
            raise RuntimeError(f"{key} is there already")
        self.events.insert_one({**self.like, "_id": key, "stream": self.stream, "seq": self.seq})


def main(uri: str, database: str) -> None:
    """Answer lines until the input ends."""
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(uri)
    pair = RawPair(client[database]["events"])
    for line in sys.stdin:
        spent = []
        cpu = time.process_time()
        for _ in range(int(line)):
            began = time.perf_counter()
            pair()
            spent.append((time.perf_counter() - began) * 1000)
        cpu = (time.process_time() - cpu) * 1000
        print(json.dumps({"cpu_ms": cpu, "ms": spent}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
