#!/usr/bin/env python3
"""Test an installation by its address: pages, a websocket, a write. Exit code 1: it does not work.

    python3 kube/smoke.py https://cup.example kubectl -n lct exec <pod> -c lct -- flask --app wsgi
    python3 kube/smoke.py http://127.0.0.1:8000 .venv/bin/lct

Behind the address stands how to run lct's commands there: `demo` makes an evening for the test, so
that no passphrase is needed, and `delete` removes it, whatever has failed. With TOKEN set, /metrics
is read as well. An address that has just changed hands may need a moment, so each part is tried up
to TRIES times, 3 s apart (10 if it is not set).
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

TRIES = int(os.environ.get("TRIES", "10"))
PAUSE, PATIENCE = 3.0, 10.0  # seconds
TEXT = 1  # the opcode of a websocket's text frame


class Wrong(Exception):
    """What was found; one line."""


class Site:
    """The installation at one address."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Wrong(f"{address} is no address: it starts with http:// or https://")
        self.host, self.port, self.path = parts.hostname, parts.port, parts.path.rstrip("/")
        self.kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection

    def ask(
        self,
        path: str,
        status: int = 200,
        method: str = "GET",
        body: bytes | None = None,
        **headers: str,
    ) -> HTTPResponse:
        """The answer, unread; Wrong unless it has that status."""
        connection = self.kind(self.host, self.port, timeout=PATIENCE)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, self.path + path, body, sent)
        answer = connection.getresponse()
        if answer.status != status:
            raise Wrong(f"{method} {path.partition('?')[0]}: {answer.status}, not {status}")
        return answer

    def text(self, path: str, **headers: str) -> str:
        return self.ask(path, 200, "GET", None, **headers).read().decode()

    def pages(self) -> None:
        """Both probes, the front page, and the stylesheet that it names."""
        for path, wanted in (("/liveness", "alive"), ("/readiness", "ready")):
            if json.loads(self.text(path))["status"] != wanted:
                raise Wrong(f"GET {path} does not say {wanted}")
        styles = re.findall(r'"([^"]*/static/[^"]+\.css[^"]*)"', self.text("/"))
        if not styles:
            raise Wrong("the front page names no stylesheet")
        self.text(styles[0].removeprefix(self.path))

    def metrics(self, token: str) -> None:
        shown = self.text("/metrics", Authorization=f"Bearer {token}")
        if not re.search(r'(?m)^lct_request_seconds_count\{.*route="health', shown):
            raise Wrong("GET /metrics counts no request")

    def websocket(self, code: str) -> None:
        """The board's socket: the upgrade, and the first frame. A proxy may pass on one of them
        only."""
        answer = self.ask(
            f"/t/{code}/live?view=board", 101, Connection="Upgrade", Upgrade="websocket",
            Sec_WebSocket_Version="13",
            Sec_WebSocket_Key=base64.b64encode(secrets.token_bytes(16)).decode(),
        )  # fmt: skip
        first = answer.fp.read(1)
        if not first or first[0] & 15 != TEXT:
            raise Wrong("the websocket sends no board")

    def join(self, code: str, key: str) -> None:
        """A guest joins, once however often this is repeated, and is in the list."""
        players = f"/api/v1/tournaments/{code}/players"
        guest = json.dumps({"first": "Smoke", "last": "Test"}).encode()
        self.ask(players, 201, "POST", guest, Content_Type="application/json", Idempotency_Key=key)
        if '"Smoke"' not in self.text(players):
            raise Wrong("a guest who has joined is not in the list")

    def gone(self, code: str) -> None:
        self.ask(f"/t/{code}", 404)


def patiently(name: str, check: Callable[[], None]) -> None:
    """Run the check until it holds."""
    for left in reversed(range(TRIES)):
        try:
            check()
        except (OSError, HTTPException, ValueError, Wrong) as error:
            if not left:
                raise Wrong(f"{name}: {error}") from None
            time.sleep(PAUSE)
        else:
            print(f"{name}: works", flush=True)
            return


def run(*command: str) -> str:
    """What a command prints; Wrong if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise Wrong(f"{' '.join(command)}: exit code {done.returncode}")
    return done.stdout


def main(address: str, *lct: str) -> None:
    site = Site(address)
    patiently("pages", site.pages)
    if token := os.environ.get("TOKEN"):
        patiently("metrics", lambda: site.metrics(token))
    name = f"Smoke test {secrets.token_hex(4)}"
    made = run(*lct, "demo", "--players", "2", "--stage", "lobby", "--name", name)
    found = re.search(r"(?m)^code +(\S+)-(\S+)$", made)
    if not found:
        raise Wrong("`demo` names no code")
    code, key = found[1] + found[2], secrets.token_hex(16)
    try:
        patiently("websocket", lambda: site.websocket(code))
        patiently("write", lambda: site.join(code, key))
    finally:
        print(run(*lct, "delete", code), end="")
    patiently("deletion", lambda: site.gone(code))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Wrong as wrong:
        sys.exit(f"smoke test: {wrong}")
