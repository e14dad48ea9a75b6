"""A browser for Locust's users: cookies, CSRF token, forms, and live screens."""

from __future__ import annotations

import itertools
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

import gevent
from gevent.event import Event
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.exception import RescheduleTask

from bench.client import BROWSER
from bench.regions import REGION
from bench.watchers import Screen

PATIENCE = 15.0  # seconds; a page gives up its socket after this much silence
# `lct up` closes connections idle for a second. A browser whose request hits that retries it; here
# a connection is not reused after half a second.
IDLE = 0.5
TOKEN = re.compile(r'name="csrf_token" value="([^"@]+)"')
GOODBYE = bytes((0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE9))  # 1001, as when a page is left
NUMBERS = itertools.count(1)


@contextmanager
def step(environment: Environment, name: str, began: float = 0) -> Iterator[None]:
    """Count the block as one step of a screen, timed from ``began`` (perf_counter) if given; the
    step fails if the block raises."""
    began, failed = began or time.perf_counter(), None
    try:
        yield
    except BaseException as error:
        failed = error
        raise
    finally:
        environment.events.request.fire(
            request_type="live",
            name=name,
            response_time=(time.perf_counter() - began) * 1000,
            response_length=0,
            exception=failed,
            context={},
        )


class Browser:
    """One person's browser with its own address, like a phone on a mobile network.

    The app must trust one proxy for that; else all guests share one address's rate limits.
    """

    def __init__(self, environment: Environment) -> None:
        self.environment, self.token = environment, ""
        self.origin = str(environment.host)
        self.http = FastHttpSession(
            self.origin,
            environment.events.request,
            None,
            connection_timeout=PATIENCE,
            network_timeout=PATIENCE,
            max_retries=0,
        )
        number = next(NUMBERS)
        self.address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        self.headers = {**BROWSER, "X-Forwarded-For": self.address}
        self.screens: list[LiveScreen] = []
        self.used = time.monotonic()

    def get(self, path: str, name: str) -> Any:
        """Open a page."""
        return self._ask("GET", path, name, None, {"Accept": "text/html"})

    def send(self, path: str, name: str, /, **fields: object) -> Any:
        """Send a form without htmx and follow redirects, as one step."""
        return self._ask("POST", path, name, fields, {"Accept": "text/html"})

    def tap(self, path: str, name: str, /, refused: str = "", **fields: object) -> Any:
        """Send a form as htmx does. A 409 counts as a step named ``refused``, if given, not as a
        failure."""
        headers = {"Accept": "text/html", "HX-Request": "true", "X-CSRFToken": self.token}
        return self._ask("POST", path, name, fields, headers, refused)

    def _ask(
        self,
        method: str,
        path: str,
        name: str,
        fields: dict[str, object] | None,
        headers: dict[str, str],
        refused: str = "",
    ) -> Any:
        if time.monotonic() - self.used > IDLE:
            self.http.client.close()  # drops connections only; the next request opens a new one
        self.used = time.monotonic()
        headers, body = self.headers | headers, None
        if fields is not None:
            headers |= {
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": self.origin,
            }
            body = urlencode({"csrf_token": self.token, **fields})
        with self.http.request(
            method, path, name=name, data=body, headers=headers, catch_response=True
        ) as answer:
            came_second = bool(refused) and answer.status_code == 409
            if came_second:
                answer.request_meta["name"] = refused
                answer.success()
            elif answer.status_code != 200:
                answer.failure(f"{answer.status_code} {getattr(answer, 'error', None) or ''}")
        if answer.status_code != 200 and not came_second:
            raise RescheduleTask(f"{name}: {answer.status_code}")  # counted; the task cannot go on
        if found := TOKEN.search(answer.text):
            self.token = found[1]
        return answer

    def live(self, path: str) -> LiveScreen:
        """Open a page's socket, and wait for its first picture."""
        request = urllib.request.Request(self.origin + path)
        self.http.cookiejar.add_cookie_header(request)
        port = urlsplit(self.origin).port or 80
        with step(self.environment, "first picture"):
            screen = LiveScreen(
                port,
                path,
                request.get_header("Cookie") or "",
                f"X-Forwarded-For: {self.address}",
            )
            self.screens.append(screen)
            screen.until(lambda shown: bool(shown))
        return screen

    def close(self) -> None:
        """Close the tabs and the connections."""
        for screen in self.screens:
            screen.close()
        self.http.client.close()


class LiveScreen(Screen):
    """A live page that keeps the current HTML of each region."""

    def __init__(self, port: int, path: str, cookie: str, *headers: str) -> None:
        self.regions: dict[str, str] = {}
        self.changed = Event()
        self.failure: Exception | None = None
        super().__init__(port, path, cookie, *headers)
        self.reader = gevent.spawn(self._follow)

    def _follow(self) -> None:
        try:
            self.handle()  # the first picture may have come with the handshake
            while True:
                self.read()
                self.handle()
        except (OSError, RuntimeError) as error:
            self.failure = error
            self._wake()

    @property
    def looks(self) -> bool:
        return True

    def take(self, payload: bytes) -> None:
        """Store a frame's regions; a heartbeat has none."""
        message = payload.decode()
        if message.startswith("{"):
            return
        starts = list(REGION.finditer(message))
        ends = [after.start() for after in starts[1:]] + [len(message)]
        for found, end in zip(starts, ends, strict=True):
            self.regions[found[1]] = message[found.start() : end]
        self._wake()

    def _wake(self) -> None:
        self.changed.set()
        self.changed.clear()

    def until(self, holds: Callable[[dict[str, str]], bool]) -> None:
        """Wait until the condition holds for the regions; raises TimeoutError after PATIENCE, or
        the socket's error."""
        end = time.monotonic() + PATIENCE
        while not holds(self.regions):
            if self.failure:
                raise self.failure
            if (left := end - time.monotonic()) <= 0 or not self.changed.wait(left):
                raise TimeoutError(f"not on the screen after {PATIENCE:.0f} s")

    def say(self, text: str) -> None:
        """Send a short message (up to 125 bytes)."""
        data = text.encode()
        self.socket.sendall(bytes((0x81, 0x80 | len(data), 0, 0, 0, 0)) + data)

    def close(self) -> None:
        """Close the socket as a closing page does."""
        self.reader.kill()
        with suppress(OSError):  # it may have ended before
            self.socket.sendall(GOODBYE)
        self.socket.close()
