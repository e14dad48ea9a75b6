"""Every outgoing call has a timeout: a peer that accepts and then stays silent blocks nothing."""

from __future__ import annotations

import ast
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import lct
from lct.config import Settings, environ_of
from lct.domain.errors import LctError, Unavailable
from lct.infrastructure.documents import connect_store, disconnect
from lct.infrastructure.event_store import EventStore
from lct.infrastructure.limiter import Limiter
from lct.infrastructure.redis_bus import RedisBus

from .http_client import at_once
from .support import LiveServer, Prepared, clean_environ

ROOT = Path(lct.__file__).parent
CODE = "BB3K7QXM"
# The calls that open connections, and how each known one gets its timeout.
OPENERS = {
    "MongoClient", "connect", "create_connection", "from_url", "RedisStorage", "urlopen", "open",
    "build_opener", "HTTPConnection", "HTTPSConnection", "PoolManager", "OTLPSpanExporter",
    "_Exporter", "Session", "socket",
}  # fmt: skip
KNOWN = {
    ("infrastructure/documents.py", "connect"): "**TIMEOUTS",
    ("infrastructure/limiter.py", "RedisStorage"): "socket_timeout",
    ("webhooks/post.py", "HTTPConnection"): "",  # gets a connected socket
    ("webhooks/post.py", "connect"): "",  # on the socket, after settimeout
    ("webhooks/post.py", "socket"): "",
    ("infrastructure/redis_bus.py", "from_url"): "**quick",
    ("infrastructure/tracing.py", "_Exporter"): "timeout",
    ("commands/simulate.py", "build_opener"): "",  # opens no connection itself
    ("commands/simulate.py", "open"): "timeout",
    ("commands/simulate.py", "connect"): "",  # an operator watches this command and can stop it
    ("laptop/web_server.py", "HTTPConnection"): "timeout",
}
# On this machine: a local server's socket (settimeout), a listener, an address lookup, the routes.
LOCAL = {
    f"laptop/{name}.py" for name in ("local_servers", "store_server", "machine", "network", "up")
}


def openings() -> Iterator[tuple[str, str, list[str]]]:
    """(module, function, keywords) of each call that may open a connection."""
    for path in sorted(ROOT.rglob("*.py")):
        module = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            name = getattr(called, "attr", getattr(called, "id", ""))
            is_file = name == "open" and "opener" not in ast.unparse(called)
            if name in OPENERS and not is_file and module not in LOCAL:
                given = [key.arg or f"**{ast.unparse(key.value)}" for key in node.keywords]
                yield module, name, given


def test_every_client_in_the_code_is_known_and_has_a_timeout() -> None:
    found = list(openings())
    assert {(module, name) for module, name, _ in found} == set(KNOWN)
    for module, name, given in found:
        assert not KNOWN[module, name] or KNOWN[module, name] in given, (module, name, given)


@pytest.fixture(scope="module")
def silent() -> Iterator[str]:
    """Host and port of a peer that accepts every connection and never sends anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield "{}:{}".format(*listener.getsockname())


@pytest.fixture(scope="module")
def silent_servers(silent: str) -> Settings:
    """Settings with that peer as both servers."""
    return Settings(
        mongo_uri=f"mongodb://{silent}/",
        redis_url=f"redis://{silent}/0",
        secret_key="x" * 16,
        host="127.0.0.1",
        drain_seconds=0,
    )


def within(seconds: float, *calls: Callable[[], Any]) -> list[Any]:
    """Run the calls at once; return their results or errors. None may take longer than that."""

    def timed(call: Callable[[], Any]) -> tuple[Any, float]:
        began = time.monotonic()
        try:
            return call(), time.monotonic() - began
        except LctError as error:
            return error, time.monotonic() - began

    done = at_once(*(partial(timed, call) for call in calls))
    assert all(took < seconds for _, took in done), done
    return [result for result, _ in done]


def test_a_call_to_a_silent_redis_ends_within_three_seconds(silent_servers: Settings) -> None:
    bus, limiter = RedisBus(silent_servers.redis_url), Limiter(silent_servers.redis_url)
    bus.publish(CODE, 1)
    found = within(
        3, lambda: bus.looks(CODE), lambda: bus.presences(CODE), bus.ping,
        bus._sender.flush,
        lambda: limiter.hit("join", "someone"),
    )  # fmt: skip
    assert found == [{}, [], False, None, None]


def test_a_call_to_a_silent_store_ends_within_six_seconds(silent_servers: Settings) -> None:
    connect_store(silent_servers)
    try:
        store = EventStore(defer=lambda work: work())
        *refused, answers = within(
            6, lambda: store.read(CODE), lambda: store.stream_of_command("x"), store.answers
        )
    finally:
        disconnect()
    assert [type(each) for each in refused] == [Unavailable, Unavailable]
    assert answers is False


COMMANDS = [
    ["ensure-indexes"], ["export", CODE], ["replay", CODE], ["verify-draw", CODE], ["delete-old"],
    ["delete", CODE], ["forget", CODE, "Ola"], ["import", "--unchecked", "-"], ["demo"],
]  # fmt: skip
EVENT = {
    "_id": f"{CODE}:1", "stream": CODE, "seq": 1, "type": "joining-locked", "schema": 1,
    "data": {}, "at": "2026-01-01T00:00+00:00", "actor": "system",
}  # fmt: skip
Ended = list[subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def commands(
    silent_servers: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Future[Ended]]:
    """All commands, started at once. They run while the next test starts its server."""
    environ = {**clean_environ(), **environ_of(silent_servers), "LCT_RETENTION_DAYS": "1"}
    prepared = Prepared(tmp_path_factory.mktemp("commands"))

    def run(command: list[str]) -> subprocess.CompletedProcess[str]:
        words = ["flask", "--app", "wsgi", *command]
        return prepared.run(*words, environ=environ, said=json.dumps(EVENT))

    with ThreadPoolExecutor(1) as aside:
        # The longest wait is 10 s; the rest allows for eight starts at once on a busy machine.
        yield aside.submit(within, 60, *(partial(run, command) for command in COMMANDS))
    prepared.stop()


@pytest.mark.slow
@pytest.mark.usefixtures("commands")
def test_every_request_is_answered_while_both_servers_are_silent(
    silent_servers: Settings, tmp_path: Path
) -> None:
    server = LiveServer(silent_servers, tmp_path / "log")
    try:
        paths = ["/readiness", "/", f"/t/{CODE}", f"/api/v1/tournaments/{CODE}"]
        assert within(6, *(partial(status, server.url + path) for path in paths)) == [
            503, 200, 503, 503,
        ]  # fmt: skip
    finally:
        server.stop()


def status(url: str) -> int:
    try:
        return int(urllib.request.urlopen(url, timeout=20).status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.slow
def test_every_command_ends_with_an_error_message_while_both_servers_are_silent(
    commands: Future[Ended],
) -> None:
    assert len(commands.result()) == len(COMMANDS)
    for ended in commands.result():
        assert ended.returncode == 1, ended
        assert "Traceback" not in ended.stderr
        assert "database is not responding" in ended.stderr
