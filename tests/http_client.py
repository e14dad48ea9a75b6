"""Phones and screens for tests: HTTP with cookies, websockets, and pages read as a tree.

A phone may be tied to one worker: while it connects the others are paused, so only that one
can accept. This guarantees that two taps meet in two processes.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import os
import re
import secrets
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.client import HTTPConnection, HTTPMessage, RemoteDisconnected
from http.cookies import Morsel, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import gevent
import pymongo
import redis
from flask import Flask
from websockets.sync.client import connect

from lct.bootstrap import create_app
from lct.config import Settings, environ_of
from lct.domain.evening import CreateTournament, Keys
from lct.domain.pasted import read_list
from lct.domain.rights import SYSTEM
from lct.domain.teams import Team
from lct.domain.values import new_code
from lct.infrastructure.documents import connect_store, disconnect, ensure_indexes
from lct.web.forms import seen_by

from .desk import Desk
from .evening import SECRET
from .support import LiveServer, clean_environ, forget_limits

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
TOKEN = re.compile(r'(?:name="csrf_token" value="|"X-CSRFToken": ")([^"]+)"')
PUBLIC_URL = "https://cup.example"
PATIENCE = 10.0
# Seconds that an idle connection is used again. The server closes one after a second or more, and a
# request sent meanwhile is lost; a browser sends it again, and so does a Phone that reads.
IDLE = 0.5


# --- pages as trees -------------------------------------------------------------------------------


def pasted(teams: str) -> dict[str, str]:
    """The fields of the front page's form with a pasted list that its host has seen understood."""
    return {"source": "pasted", "pasted": teams, "read": seen_by(read_list(teams))}


def words(page: str) -> str:
    """The text of a page, with single spaces."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


class Element:
    """A tag with its attributes and children."""

    def __init__(self, tag: str, attrs: dict[str, str]) -> None:
        self.tag, self.attrs = tag, attrs
        self.children: list[Element | str] = []

    @property
    def id(self) -> str:
        return self.attrs.get("id", "")

    @property
    def text(self) -> str:
        """Its visible text, with whitespace collapsed."""
        return " ".join(self._raw().split())

    def _raw(self) -> str:
        return "".join(c if isinstance(c, str) else c._raw() for c in self.children)

    def walk(self) -> Iterator[Element]:
        """Its descendants, in document order."""
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.walk()

    def all(self, tag: str = "", cls: str = "", **attrs: str) -> list[Element]:
        """The elements with that tag, that class and those attributes."""
        return [
            e
            for e in self.walk()
            if tag in ("", e.tag)
            and (not cls or cls in e.attrs.get("class", "").split())
            and all(e.attrs.get(name.strip("_")) == value for name, value in attrs.items())
        ]

    def by_id(self, wanted: str) -> Element:
        found = [e for e in self.walk() if e.id == wanted]
        assert len(found) == 1, f"{len(found)} elements have the id {wanted}"
        return found[0]

    def has(self, wanted: str) -> bool:
        return any(e.id == wanted for e in self.walk())

    def replace(self, new: Element) -> bool:
        """Replace the descendant with the same id; False when there is none."""
        for place, child in enumerate(self.children):
            if isinstance(child, Element):
                if child.id == new.id:
                    self.children[place] = new
                    return True
                if child.replace(new):
                    return True
        return False

    def fill_in(self, page: Element) -> None:
        """Put what ``page`` shows in the place of each run that it is to keep (static/live.js)."""
        for place, child in reversed(list(enumerate(self.children))):
            if isinstance(child, Element) and "data-first" in child.attrs:
                around = next(
                    e for e in page.walk() if page.by_id(child.attrs["data-first"]) in e.children
                )
                ids = [getattr(c, "id", "") for c in around.children]
                first, last = (ids.index(child.attrs[f"data-{end}"]) for end in ("first", "last"))
                self.children[place : place + 1] = around.children[first : last + 1]
            elif isinstance(child, Element):
                child.fill_in(page)

    def shape(self) -> list[tuple[str, ...]]:
        """Tags with the names of their attributes, in order. Injected markup would change it."""
        return [(e.tag, *sorted(e.attrs)) for e in self.walk()]

    def picture(self) -> Any:
        """The tree as plain values, without the attributes for a frame's target and time."""
        attrs = {k: v for k, v in self.attrs.items() if k not in ("hx-swap-oob", "data-at")}
        inside = [
            c.picture() if isinstance(c, Element) else " ".join(c.split()) for c in self.children
        ]
        return self.tag, sorted(attrs.items()), [c for c in inside if c]


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.stack = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.stack.append(self.stack[-1].children[-1])  # type: ignore[arg-type]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {names}"
        self.stack[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack[-1].tag == tag, f"</{tag}> closes <{self.stack[-1].tag}>"
        self.stack.pop()

    def handle_data(self, data: str) -> None:
        self.stack[-1].children.append(data)


def parse(html: str | bytes) -> Element:
    """The page or fragment as a tree; fails when its tags are not balanced."""
    builder = _Builder()
    builder.feed(html if isinstance(html, str) else html.decode())
    builder.close()
    assert len(builder.stack) == 1, f"<{builder.stack[-1].tag}> is left open"
    return builder.root


# --- HTTP -----------------------------------------------------------------------------------------


@dataclass
class Answer:
    path: str
    status: int
    headers: HTTPMessage
    text: str
    cookies: list[Morsel[str]] = field(default_factory=list)

    @property
    def page(self) -> Element:
        """The page or fragment; empty for a redirect, whose body is Werkzeug's."""
        return parse("" if 300 <= self.status < 400 else self.text)

    @property
    def location(self) -> str:
        return self.headers["Location"] or ""


class Phone:
    """One browser: its cookies, the token of its last page, one connection."""

    def __init__(self, house: House, worker: int | None = None) -> None:
        self.house, self.worker = house, worker
        self.cookies: dict[tuple[str, str], str] = {}  # (path, name) -> value
        self.token = ""
        self.language = house.language
        self.connection: HTTPConnection | None = None
        self.answered = 0.0  # when the connection was last in use

    def copy(self, worker: int | None = None) -> Phone:
        """The same browser on a connection of its own."""
        twin = Phone(self.house, self.worker if worker is None else worker)
        twin.cookies, twin.token = dict(self.cookies), self.token
        return twin

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        return self.request("GET", path, headers=headers)

    def post(
        self,
        path: str,
        fields: Any = (),
        *,
        htmx: bool = False,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a form as a browser does, or (htmx) as a tap on a live page."""
        fields = list(fields.items() if isinstance(fields, dict) else fields)
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        token = self.token if token is None else token
        if htmx:
            sent |= {"HX-Request": "true", "X-CSRFToken": token}
        elif token:
            fields.append(("csrf_token", token))
        return self.request("POST", path, urlencode(fields).encode(), sent)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        about = {**self._about(path), **(headers or {})}
        sent = {name: value for name, value in about.items() if value}
        before, connection = self.connection, self.connect()
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
        except (RemoteDisconnected, ConnectionResetError):
            if method != "GET" or connection is not before:
                raise
            connection.close()
            connection = self.connect()
            connection.request(method, path, body, sent)
            response = connection.getresponse()
        answer = Answer(path, response.status, response.headers, response.read().decode())
        self.answered = time.monotonic()
        for line in response.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(line).items():
                answer.cookies.append(morsel)
                self.cookies[morsel["path"] or "/", name] = morsel.value
        if found := TOKEN.search(answer.text):
            self.token = found[1]
        return answer

    def connect(self) -> HTTPConnection:
        """An open connection to the chosen worker."""
        if self.connection and self.connection.sock:
            poll = select.poll()  # unlike select, it takes descriptors above 1023
            poll.register(self.connection.sock, select.POLLIN)
            if not poll.poll(0) and time.monotonic() - self.answered < IDLE:
                return self.connection
            self.connection.close()
        self.connection = HTTPConnection(self.house.host, self.house.port, timeout=PATIENCE)
        if self.worker is not None:
            with self.house.only(self.worker):
                self.connection.request("GET", "/liveness")
                self.connection.getresponse().read()
        return self.connection

    def _about(self, path: str) -> dict[str, str]:
        return {"Cookie": self.cookie_header(path), "Accept-Language": self.language}

    def cookie_header(self, path: str) -> str:
        path = path.partition("?")[0]
        return "; ".join(
            f"{name}={value}"
            for (where, name), value in self.cookies.items()
            if path == where or path.startswith(where if where.endswith("/") else where + "/")
        )

    def live(self, path: str, **options: Any) -> Screen:
        """Open the socket at that address, on this phone's worker."""
        return Screen(self.open_socket(path, **options))

    def open_socket(self, path: str, headers: dict[str, str] | None = None, **options: Any) -> Any:
        """A socket without client pings, and by default no compression; the caller closes it."""
        url = f"ws://{self.house.host}:{self.house.port}{path}"
        sent = {**self._about(path), **(headers or {})}
        quiet = {
            "ping_interval": None,
            "close_timeout": 1,
            "open_timeout": PATIENCE,
            "max_size": None,
        }
        with nullcontext() if self.worker is None else self.house.only(self.worker):
            options = {"compression": None, **quiet, **options}
            return connect(url, additional_headers=sent, **options).__enter__()


# --- sockets --------------------------------------------------------------------------------------


class Screen:
    """A live page: what it shows after the frames taken so far."""

    def __init__(self, ws: Any) -> None:
        self.ws = ws
        self.page = Element("", {})
        self.frames: list[str] = []
        self.beats: list[dict[str, Any]] = []

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        self.ws.close()

    def take(self, timeout: float = PATIENCE) -> list[str]:
        """Take one message; returns the ids of the regions it changed. TimeoutError if none."""
        said = self.ws.recv(timeout=timeout)
        if said.startswith("{"):
            self.beats.append(json.loads(said))
            return []
        self.frames.append(said)
        roots = self.roots(said)
        for root in roots:
            root.fill_in(self.page)
            if not self.page.replace(root):
                assert len(self.frames) == 1, f"{root.id} is on no page"
                self.page.children.append(root)
        return [root.id for root in roots]

    @staticmethod
    def roots(frame: str) -> list[Element]:
        """The regions in a frame; each must have an id and hx-swap-oob. Parts of a table are in one
        that goes nowhere."""
        found = []
        for root in parse(frame).children:
            assert isinstance(root, Element), f"text outside of a region: {root!r}"
            if root.tag == "table" and not root.id:
                (root,) = root.children  # type: ignore[assignment]
            assert root.id, f"a region without an id: {root.tag}"
            assert root.attrs.get("hx-swap-oob"), f"{root.id} does not say where it goes"
            found.append(root)
        return found

    def until(self, holds: Callable[[Screen], Any], seconds: float = PATIENCE) -> Screen:
        """Take messages until ``holds(self)``; fails after some seconds."""
        end = time.monotonic() + seconds
        while not (self.frames and holds(self)):
            try:
                self.take(max(0.001, end - time.monotonic()))
            except TimeoutError:
                raise AssertionError(f"not within {seconds} s; it shows {self.text}") from None
        return self

    def quiet(self, seconds: float) -> list[str]:
        """The frames that come within some seconds, except heartbeats."""
        before, end = len(self.frames), time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                self.take(left)
            except TimeoutError:
                break
        return self.frames[before:]

    @property
    def text(self) -> str:
        return self.page.text

    def shows(self, region: str) -> str:
        """The text of one region."""
        return self.page.by_id(region).text


class Raw:
    """A websocket without a library: tests choose the bytes to send and when to read."""

    def __init__(self, phone: Phone, path: str, receive_buffer: int = 0) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        where = (phone.house.host, phone.house.port)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path} HTTP/1.1", f"Host: {where[0]}:{where[1]}", "Upgrade: websocket",
            "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13",
            f"Cookie: {phone.cookie_header(path)}", "", "",
        ]  # fmt: skip
        with nullcontext() if phone.worker is None else phone.house.only(phone.worker):
            self.socket.connect(where)
            self.socket.sendall("\r\n".join(lines).encode())
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += self.socket.recv(1)
        assert answer.startswith(b"HTTP/1.1 101"), answer

    def recv(self, timeout: float = PATIENCE) -> str:
        """The next text message; ConnectionError at the end."""
        self.socket.settimeout(timeout)
        opcode = 0
        while opcode != 1:
            first, size = self._exactly(2)
            opcode = first & 0x0F
            if size >= 126:
                size = int.from_bytes(self._exactly(2 if size == 126 else 8), "big")
            payload = self._exactly(size)
        return payload.decode()

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            more = self.socket.recv(min(65536, size - len(data)))
            if not more:
                raise ConnectionResetError(f"{size - len(data)} bytes are missing")
            data += more
        return bytes(data)

    def close(self) -> None:
        self.socket.close()


# --- the house ------------------------------------------------------------------------------------


class House:
    """One served app that many tests share, each with evenings of its own."""

    language = "en"  # of its phones

    def __init__(self, server: LiveServer, settings: Settings) -> None:
        self.server, self.settings = server, settings
        self.url = server.url
        self.host, _, port = self.url.removeprefix("http://").partition(":")
        self.port = int(port)
        self.workers = sorted(server.pids)
        self.redis = redis.from_url(settings.redis_url)
        self.mongo: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(settings.mongo_uri)
        self._pausing, self._reading = threading.Lock(), threading.Lock()
        self._lines: list[dict[str, Any]] = []
        self._taken = 0  # bytes of the log parsed into _lines

    @contextmanager
    def only(self, worker: int) -> Iterator[None]:
        """Pause all workers but one, so new connections go to that one."""
        others = [pid for number, pid in enumerate(self.workers) if number != worker]
        with self._pausing:
            try:
                for pid in others:
                    os.kill(pid, signal.SIGSTOP)
                yield
            finally:
                for pid in others:
                    os.kill(pid, signal.SIGCONT)

    def phone(self, worker: int | None = None) -> Phone:
        return Phone(self, worker)

    def evening(
        self, limit: int = 4, teams: int | list[str] = 8, name: str = "", option: str = "plain"
    ) -> Evening:
        """A new tournament, created over HTTP; rate limits are reset first."""
        self.forget_limits()
        host = self.phone()
        host.get("/")
        listed = [f"Team {i}" for i in range(teams)] if isinstance(teams, int) else teams
        name = name or f"Cup {secrets.token_hex(4)}"
        fields = {"name": name, "limit": limit, "option": option, **pasted("\n".join(listed))}
        answer = host.post("/", fields)
        assert answer.status == 303, answer.text
        code = answer.location.split("/")[2]
        recovery = host.get(answer.location).page.all(cls="recovery")[0].text
        return Evening(self, code, name, host, recovery, listed)

    def giant_evening(self) -> Evening:
        """A tournament whose first frame on a phone, 5 MB, is too large for kernel buffers."""
        names = [f"Team {number} {'x' * 4000}" for number in range(400)]
        code = new_code(secrets.choice)
        creating = CreateTournament(
            by=SYSTEM,
            code=code,
            name=code,
            limit=4,
            teams=tuple(map(Team, names)),
            option="plain",
            secret=SECRET,
            keys=Keys("device", "hash", "recovery"),
        )
        with self.desk() as desk:
            desk.execute(creating)
        return Evening(self, code, code, self.phone(), "", names)

    def forget_limits(self) -> None:
        forget_limits(self.settings.redis_url)

    def events(self, code: str) -> list[dict[str, Any]]:
        """A tournament's stored events, raw."""
        events = self.mongo[self.settings.database]["events"]
        return list(events.find({"stream": code}).sort("seq", 1))

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        """A worker in this process on the same store; it publishes nothing on the bus."""
        connect_store(self.settings)
        try:
            yield Desk()
        finally:
            disconnect()

    def flask(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run one of the app's commands to completion."""
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
            env={**clean_environ(), **environ_of(self.settings), **environ},
            capture_output=True,
            text=True,
            timeout=6 * PATIENCE,
            check=False,
        )

    def log(self) -> str:
        return self.server.log.read_text(errors="replace")

    def lines(self) -> list[dict[str, Any]]:
        """The app's own log lines (gunicorn writes to the same file)."""
        with self._reading, self.server.log.open("rb") as log:
            log.seek(self._taken)
            whole, end, _ = log.read().rpartition(b"\n")  # the last line may be half written
            self._taken += len(whole + end)
            said = whole.decode(errors="replace").splitlines()
            self._lines += [json.loads(line) for line in said if line.startswith("{")]
            return list(self._lines)


@dataclass
class Evening:
    """One tournament of a house, and its host's phone."""

    house: House
    code: str
    name: str
    host: Phone
    recovery: str
    teams: list[str]

    def at(self, page: str = "") -> str:
        return f"/t/{self.code}/{page}".rstrip("/")

    def live(self, view: str) -> str:
        return self.at(f"live?view={view}")

    @property
    def events(self) -> list[dict[str, Any]]:
        return self.house.events(self.code)

    def facts(self, kind: str) -> list[dict[str, Any]]:
        """The data of the stored events of one type."""
        return [event["data"] for event in self.events if event["type"] == kind]

    def player(self, first: str, last: str = "Nowak") -> str:
        """The id of the last player who joined, or was added, under that name."""
        joined = self.facts("player-joined") + self.facts("player-added")
        return [e["player_id"] for e in joined if (e["first"], e["last"]) == (first, last)][-1]

    def visitor(self, worker: int | None = None) -> Phone:
        """A phone that looks at the join page."""
        phone = self.house.phone(worker)
        phone.get(self.at("join"))
        return phone

    def guest(self, first: str, last: str = "Nowak", worker: int | None = None) -> Phone:
        """A phone that has joined."""
        phone = self.visitor(worker)
        answer = phone.post(self.at("join"), {"first": first, "last": last})
        assert (answer.status, answer.location) == (303, self.at("me")), answer.text
        phone.get(self.at("me"))
        return phone

    def pick(self, phone: Phone, team: int, **how: Any) -> Answer:
        fields = {"team": team, "value": secrets.token_hex(16)}
        return phone.post(self.at("team"), fields, **{"htmx": True, **how})

    @property
    def version(self) -> int:
        """The version on the host's page."""
        page = self.host.get(self.at("organise")).page
        return int(page.all("input", name="version")[0].attrs["value"])

    def act(self, do: str, phone: Phone | None = None, **fields: Any) -> Answer:
        """An action on the host's page, at the version it shows unless one is given."""
        fields = {"version": self.version, **fields} if "version" not in fields else fields
        return (phone or self.host).post(self.at("organise"), {"do": do, **fields}, htmx=True)

    def filled(self, count: int | None = None) -> list[Phone]:
        """Guests N0, N1 ... on every seat, each with the team of that number."""
        created = self.facts("tournament-created")[0]
        guests = [self.guest(f"N{i}") for i in range(count or created["limit"])]
        for team, guest in enumerate(guests):
            assert self.pick(guest, team).status == 200
        return guests

    def drawn(self) -> list[Phone]:
        """Guests on every seat, the draw made and every card turned."""
        guests = self.filled()
        assert self.act("draw", attempt=1).status == 200
        assert self.act("skip").status == 200
        return guests


@contextmanager
def open_house(servers: Any, folder: Path, **settings: Any) -> Iterator[House]:
    """Serve the app with two workers and a database of its own, until the end."""
    made = Settings(
        **{
            "mongo_uri": servers.mongo_uri,
            "redis_url": servers.redis_url,
            "database": f"lct_test_{secrets.token_hex(4)}",
            "secret_key": "a secret key for tests only",
            "host": "127.0.0.1",
            "drain_seconds": 0,
            "var": folder / "var",
            "environment": "test",
            "public_url": PUBLIC_URL,
            "workers": 2,
            **settings,
        }
    )
    connect_store(made)
    ensure_indexes()
    disconnect()
    server = LiveServer(made, folder / "server.log")
    house = House(server, made)
    try:
        assert len(house.workers) == made.workers
        yield house
    finally:
        server.stop()
        house.redis.close()
        house.mongo.drop_database(made.database)
        house.mongo.close()


@contextmanager
def app_here(settings: Settings) -> Iterator[Flask]:
    """The app in this process, for tests of its internals; pytest keeps its log handlers."""
    root = logging.getLogger()
    kept = root.level, list(root.handlers)
    app = create_app(settings)
    try:
        yield app
    finally:
        # Nothing is patched here: a listener left running would block another test's greenlets.
        gevent.killall(app.extensions["lct"].hub.greenlets, block=False)
        disconnect()
        root.level, root.handlers[:] = kept


def at_once(*work: Callable[[], Any]) -> list[Any]:
    """Run all functions at the same moment, in threads; returns their results in order."""
    results: list[Any] = [None] * len(work)
    barrier = threading.Barrier(len(work))

    def run(number: int) -> None:
        barrier.wait(PATIENCE)
        results[number] = work[number]()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(6 * PATIENCE)
    return results
