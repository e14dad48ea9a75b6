"""Phones as the server sees them: the headers of a browser on plain http, cookies, a token."""

from __future__ import annotations

import gzip
import http.client
import re
import secrets
import time
from collections.abc import Mapping
from http.cookies import SimpleCookie
from urllib.parse import urlencode

BROWSER = {
    "User-Agent": "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/142.0.0.0 Mobile Safari/537.36",
    "Accept-Language": "pl-PL,pl;q=0.9,en;q=0.8",
    "Accept-Encoding": "gzip, deflate",  # what browsers send without TLS
}

IDLE = 2.0  # seconds; the app closes connections idle for 5


class Wire:
    """A connection to the app that phones share in turn, as behind a proxy."""

    def __init__(self, port: int) -> None:
        self.origin = f"http://127.0.0.1:{port}"
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
        self.used = time.monotonic()

    def ready(self) -> http.client.HTTPConnection:
        """The connection, or a new one if the app may have closed it as idle."""
        if time.monotonic() - self.used > IDLE:
            self.hang_up()
        self.used = time.monotonic()
        return self.connection

    def hang_up(self) -> None:
        """Close the connection; the next request opens a new one, perhaps to another worker."""
        self.connection.close()


class Phone:
    """A guest's browser in one tournament."""

    def __init__(self, wire: Wire, code: str, number: int) -> None:
        self.wire, self.code = wire, code
        self.first, self.last = f"Guest{number}", f"Number{number}"
        self.cookies: dict[str, str] = {}
        self.token = ""

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def by(self, wire: Wire) -> Phone:
        """The same browser, asking another server."""
        other = Phone(wire, self.code, 0)
        other.cookies, other.token = self.cookies, self.token
        return other

    def get(self, page: str) -> float:
        """Load a page of the tournament and keep its token; returns milliseconds."""
        body, spent = self._ask("GET", f"/t/{self.code}/{page}", None, {"Accept": "text/html"}, 200)
        if found := re.search(r'name="csrf_token" value="([^"]+)"', body):
            self.token = found[1]
        return spent

    def join(self) -> float:
        """Send the join form as a browser does; returns milliseconds."""
        fields = {"csrf_token": self.token, "first": self.first, "last": self.last}
        headers = {"Accept": "text/html"}
        return self._ask("POST", f"/t/{self.code}/join", fields, headers, 303)[1]

    def pick(self, team: int) -> float:
        """Tap a team; returns milliseconds until the answer."""
        return self.tap(f"/t/{self.code}/team", {"team": team, "value": secrets.token_hex(16)})

    def tap(self, path: str, fields: Mapping[str, object]) -> float:
        """POST as htmx does; returns milliseconds."""
        headers = {
            "Accept": "text/html",
            "HX-Request": "true",
            "HX-Current-URL": f"{self.wire.origin}/t/{self.code}/me",
            "X-CSRFToken": self.token,
        }
        return self._ask("POST", path, {"csrf_token": self.token, **fields}, headers, 200)[1]

    def _ask(
        self,
        method: str,
        path: str,
        fields: Mapping[str, object] | None,
        headers: dict[str, str],
        wanted: int,
    ) -> tuple[str, float]:
        connection = self.wire.ready()
        headers = {**BROWSER, **headers, "Cookie": self.cookie}
        body = None
        if fields is not None:
            body = urlencode(fields).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Origin"] = self.wire.origin
        began = time.perf_counter()
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        spent = (time.perf_counter() - began) * 1000
        for line in answer.headers.get_all("Set-Cookie") or ():
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        if answer.headers.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        text = content.decode()
        if answer.status != wanted:
            raise RuntimeError(f"{method} {path}: {answer.status}, not {wanted}: {text[:500]}")
        return text, spent
