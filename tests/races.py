"""Races between a device's commands and its revocation, over HTTP: `make races`.

Every round delays one insert, so that the two always overlap. "elsewhere": another worker decides
the command on the state before the revocation, and inserts it afterwards. "same worker": the
command is admitted before the revocation and decided after it.
"""

from __future__ import annotations

import json
import re
import secrets
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pymongo

from lct.config import Settings
from lct.infrastructure.documents import connect_store, disconnect, ensure_indexes
from lct.laptop.local_servers import start_bus, start_store

from .proxy import Proxy
from .support import LiveServer, forget_limits

ROUNDS = 200
SECONDS = 10  # limit for a held insert, and for an answer
REFUSED = (401, 403)


def call(url: str, token: str = "", body: Any = None) -> tuple[int, Any]:
    """Status and JSON of the answer to a POST."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    sent = json.dumps({} if body is None else body).encode()
    try:
        with urlopen(Request(url, sent, headers, method="POST"), timeout=SECONDS) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as refused:
        return refused.code, json.loads(refused.read())


class Evening:
    """A tournament with a player, run by its host and by a device that is about to be revoked."""

    def __init__(self, base: str, owner: bool = False) -> None:
        about = {"name": f"Cup {secrets.token_hex(4)}", "limit": 4}
        made = self._good(call(f"{base}/api/v1/tournaments", body=about))
        self.host, self.path = made["organiser_key"], f"/api/v1/tournaments/{made['code']}"
        self.code, self.link = made["code"], re.split(r"[/#=]", made["organiser_url"])[-1]
        # The link admits a co-organiser, the code an owner.
        secret = {"recovery_code": made["recovery_code"]} if owner else {"link_key": self.link}
        shown = {**secret, "label": "phone"}
        device = self._good(call(f"{base}{self.path}/devices", body=shown))
        self.device, self.key = device["device_id"], device["organiser_key"]
        ola = {"first": "Ola", "last": "Nowak"}
        self.player = self._good(call(f"{base}{self.path}/players", body=ola))["player_id"]

    def _good(self, answer: tuple[int, Any]) -> Any:
        assert answer[0] in (200, 201), answer
        return answer[1]

    def revoke(self, base: str) -> int:
        return call(f"{base}{self.path}/devices/{self.device}/revoke", self.host)[0]


def does(path: str, **body: Any) -> Callable[[Evening, str], int]:
    def command(e: Evening, base: str) -> int:
        sent = {name: secrets.token_hex(4) if name == "name" else body[name] for name in body}
        return call(f"{base}{e.path}{path.format(player=e.player)}", e.key, sent)[0]

    return command


def admits_another(e: Evening, base: str) -> int:
    return call(f"{base}{e.path}/devices", body={"link_key": e.link, "label": "another"})[0]


COMMANDS = {
    "lock": does("/lock"),
    "pick for": does("/players/{player}/team", team=3),
    "rename a player": does("/players/{player}/rename", first="Eve", last="Nowak"),
    "remove": does("/players/{player}/remove"),
    "block": does("/players/{player}/block"),
    "rename": does("/rename", name=""),
    "seats": does("/limit", limit=3),
    "renew": does("/recovery-code"),
    "restart": does("/restart"),
    "close": does("/close"),
    "admit by the old link": admits_another,
}
OWNERS = {"renew"}  # what a co-organiser may not


class Race:
    """Two workers on one store, and a proxy before it that delays one insert."""

    def __init__(self, proxy: Proxy, here: str, elsewhere: str, pool: ThreadPoolExecutor) -> None:
        self.proxy, self.here, self.elsewhere, self.pool = proxy, here, elsewhere, pool

    def hold(self) -> tuple[threading.Event, threading.Event]:
        """Hold the next insert: (set when it has arrived, set to release it)."""
        came, go = threading.Event(), threading.Event()

        def fault(forward: Callable[[], bytes]) -> bytes:
            came.set()
            go.wait(SECONDS)
            return forward()

        self.proxy.break_next("insert", fault)
        return came, go

    def run_elsewhere(self, e: Evening, command: Callable[[Evening, str], int]) -> tuple[int, int]:
        """(status of the revocation, status of the command)"""
        came, go = self.hold()
        tried = self.pool.submit(command, e, self.elsewhere)
        assert came.wait(SECONDS), tried.result()
        revoked = e.revoke(self.here)
        go.set()
        return revoked, tried.result()

    def run_same(self, e: Evening, command: Callable[[Evening, str], int]) -> tuple[int, int]:
        came, go = self.hold()
        revoking = self.pool.submit(e.revoke, self.here)
        assert came.wait(SECONDS), revoking.result()
        tried = self.pool.submit(command, e, self.here)
        time.sleep(0.1)  # by now it is admitted, and waits for the tournament's lock
        go.set()
        return revoking.result(), tried.result()


def stored_after(store: Any, e: Evening) -> list[str]:
    """Event types stored after the revocation; only the revoked device acts then."""
    events = list(store.events.find({"stream": e.code}).sort("seq", 1))
    kinds = [event["type"] for event in events]
    return kinds[kinds.index("device-revoked") + 1 :]


def main() -> int:
    """Exit code 1 if a revocation failed, or a later command was stored or not refused."""
    folder = Path(tempfile.mkdtemp(prefix="lct-races-"))
    store, bus = start_store(folder), start_bus(folder)
    store.wait_ready()
    bus.wait_ready()
    servers: list[LiveServer] = []
    failed, statuses = [], Counter[int]()
    try:
        with Proxy(store.socket) as proxy, ThreadPoolExecutor(2) as pool:
            settings = Settings(
                mongo_uri=proxy.uri, redis_url=bus.uri, database="lct", var=folder / "var",
                secret_key=secrets.token_hex(16), host="127.0.0.1", drain_seconds=0, workers=1,
            )  # fmt: skip
            connect_store(replace(settings, mongo_uri=store.uri))
            ensure_indexes()
            disconnect()
            for number in range(2):
                servers.append(LiveServer(settings, folder / f"server-{number}.log"))
            here, elsewhere = servers
            race = Race(proxy, here.url, elsewhere.url, pool)
            events = pymongo.MongoClient[dict[str, Any]](store.uri)["lct"]
            for number in range(ROUNDS):
                forget_limits(bus.uri)
                what = list(COMMANDS)[number // 2 % len(COMMANDS)]
                where = race.run_same if number % 2 else race.run_elsewhere
                e = Evening(servers[0].url, owner=what in OWNERS)
                revoked, status = where(e, COMMANDS[what])
                statuses[status] += 1
                behind = stored_after(events, e)
                if revoked != 200 or behind or status not in REFUSED:
                    failed.append(f"{what}, {where.__name__}: {revoked}, {status}, {behind}")
    finally:
        for server in servers:
            server.stop()
        store.stop()
        bus.stop()
    print(f"{ROUNDS} races, answers to the revoked device: {dict(statuses)}; lost: {len(failed)}")
    print("\n".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
