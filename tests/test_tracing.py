"""One trace leads from a tap to the frames of every worker, and delays nothing.

The collector here accepts OTLP over HTTP and keeps all that it receives.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pymongo
import pytest
from flask import Flask
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.trace import Tracer

from lct import spans, this_request
from lct.application.messages import CHANNEL, Moved, decode, encode
from lct.config import Settings, SettingsError, environ_of
from lct.infrastructure.redis_bus import RedisBus
from lct.infrastructure.tracing import (
    EXPORT_SECONDS,
    FLUSH_SECONDS,
    Tracing,
    _Requests,
    _StoreCommands,
)

from .http_client import Evening, House, open_house
from .support import clean_environ, free_port, wait_until
from .test_logs import CUPS, NAMES, TEAMS, whole_evening

pytestmark = pytest.mark.slow

TAP = "tap-to-frame"
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
FIRST, LAST = NAMES[:2]


@dataclass
class Collector:
    """The requests that a collector received."""

    url: str
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)

    @property
    def spans(self) -> list[tuple[dict[str, Any], Span]]:
        """Every span, with the resource attributes of its process."""
        return [
            (attributes(group.resource), span)
            for request in list(self.requests)
            for group in request.resource_spans
            for scope in group.scope_spans
            for span in scope.spans
        ]

    def trace_of(self, request_id: str) -> list[Span]:
        """The spans of the trace that the request with this id started."""
        asked = "http.request.id"
        ids = {s.trace_id for _, s in self.spans if attributes(s).get(asked) == request_id}
        assert len(ids) <= 1
        return [span for _, span in self.spans if span.trace_id in ids]


def attributes(of: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in of.attributes}


def causes(of: Span) -> list[tuple[bytes, bytes]]:
    """(trace, span) of everything that caused a span, its parent first."""
    linked = [(link.trace_id, link.span_id) for link in of.links]
    return [(of.trace_id, of.parent_span_id), *linked]


@contextmanager
def open_collector() -> Iterator[Collector]:
    """A collector on a port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/v1/traces"
            collector.requests.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        collector = Collector(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield collector
        server.shutdown()


@pytest.fixture(scope="module", autouse=True)
def no_proxy() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")  # ms; the default is 5 s
        yield


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with open_collector() as made:
        yield made


@pytest.fixture(scope="module")
def house(
    servers: Any, tmp_path_factory: pytest.TempPathFactory, collector: Collector
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("traced")
    with open_house(servers, folder, otlp_endpoint=collector.url, log_level="DEBUG") as made:
        yield made


def watched(e: Evening, stack: ExitStack) -> list[Any]:
    """A board on each worker; both workers are subscribed to the bus and idle."""
    screens = [
        stack.enter_context(e.house.phone(worker).live(e.live("board"))) for worker in (0, 1)
    ]
    name = CHANNEL + e.code
    wait_until(lambda: dict(e.house.redis.pubsub_numsub(name))[name.encode()] == 2)
    for screen in screens:
        screen.take()
        screen.quiet(1.2)  # once a second the workers exchange who is here
    return screens


def one(spans: list[Span], name: str) -> Span:
    (found,) = [span for span in spans if span.name == name]
    return found


def children(spans: list[Span], parent: Span) -> list[Span]:
    return [span for span in spans if span.parent_span_id == parent.span_id]


# --- from tap to frame ----------------------------------------------------------------------------


@pytest.mark.usefixtures("unheard")
def test_one_trace_leads_from_a_tap_to_the_frames_of_both_workers(
    house: House, collector: Collector
) -> None:
    e = house.evening(limit=3, teams=list(TEAMS))
    ola = e.guest(FIRST, LAST)
    with ExitStack() as stack:
        screens = watched(e, stack)
        assert e.pick(ola, 1, headers={"X-Request-ID": TAP}).status == 200
        for screen in screens:
            screen.until(lambda s: TEAMS[1] in s.shows("stage"))

    def whole() -> list[Span]:
        spans = collector.trace_of(TAP)
        return spans if sum(s.name == "room refresh" for s in spans) == 2 else []

    spans = wait_until(whole, what="a trace with two frames")
    tap = one(spans, "POST /t/<code>/team")
    assert (tap.kind, tap.parent_span_id) == (Span.SPAN_KIND_SERVER, b"")
    assert attributes(tap) == {
        "http.request.method": "POST",
        "http.route": "/t/<code>/team",
        "http.request.id": TAP,
        "http.response.status_code": 200,
    }
    below = {span.name for span in children(spans, tap)}
    assert {"insert events", "bus publish"} <= below
    insert, publish = one(spans, "insert events"), one(spans, "bus publish")
    assert (insert.kind, publish.kind) == (Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_PRODUCER)
    assert attributes(insert) == {
        "db.system.name": "mongodb",
        "db.namespace": house.settings.database,
        "db.operation.name": "insert",
        "db.collection.name": "events",
    }
    assert insert.end_time_unix_nano <= publish.start_time_unix_nano
    received = children(spans, publish)
    assert [span.name for span in received] == ["bus receive", "bus receive"]
    for receive in received:
        assert receive.kind == Span.SPAN_KIND_CONSUMER
        (refresh,) = children(spans, receive)
        assert refresh.name == "room refresh"
        assert refresh.end_time_unix_nano > insert.end_time_unix_nano
    # The other worker reads the event to build its frame.
    reads = [span for span in spans if span.name == "find events"]
    refreshes = {span.span_id for span in spans if span.name == "room refresh"}
    assert refreshes & {span.parent_span_id for span in reads}
    processes = {
        about["service.instance.id"]
        for about, span in collector.spans
        if span.trace_id == tap.trace_id
    }
    assert len(processes) == 2
    assert {span.status.code for span in spans} == {Status.STATUS_CODE_UNSET}


def test_log_lines_lead_to_the_trace(house: House, collector: Collector) -> None:
    asked = "who-asks-for-what-is-not-there"
    assert house.phone().get("/t/BCDF2345", headers={"X-Request-ID": asked}).status == 404
    span = one(wait_until(lambda: collector.trace_of(asked)), "GET /t/<code>")
    lines = [x for x in house.lines() if x.get("http", {}).get("request", {}).get("id") == asked]
    assert lines
    for line in lines:
        assert line["trace"] == {"id": span.trace_id.hex()}
        assert line["span"] == {"id": span.span_id.hex()}
    assert not [x for x in house.lines() if "trace" in x and "http" not in x and "span" not in x]


def test_a_traceparent_header_from_a_client_is_ignored(house: House, collector: Collector) -> None:
    asked = "who-brings-a-trace"
    house.phone().get("/", headers={"X-Request-ID": asked, "traceparent": TRACE})
    span = one(wait_until(lambda: collector.trace_of(asked)), "GET /")
    assert span.parent_span_id == b""
    assert span.trace_id.hex() not in TRACE


def test_a_frame_caused_by_several_messages_is_linked_to_all_of_them(
    house: House, collector: Collector
) -> None:
    e = house.evening()
    told = [f"00-{number:032x}-{'c' * 16}-01" for number in range(1, 6)]
    with house.phone().live(e.live("board")) as screen:
        wait_until(lambda: house.redis.pubsub_numsub(CHANNEL + e.code)[0][1])
        screen.take()
        screen.quiet(1.2)
        with house.redis.pipeline() as at_once:
            for trace in told:
                at_once.publish(CHANNEL + e.code, encode(Moved(e.code, 1000, trace)))
            at_once.execute()

        def seen() -> tuple[list[Span], list[Span]]:
            spans = [s for _, s in collector.spans]
            heard = [
                s for s in spans if s.name == "bus receive" and s.parent_span_id == b"\xcc" * 8
            ]
            heard_ids = {s.span_id for s in heard}
            return heard, [
                s
                for s in spans
                if s.name == "room refresh" and {span for _, span in causes(s)} & heard_ids
            ]

        def complete() -> bool:
            heard, refreshes = seen()
            return len(heard) == sum(map(len, map(causes, refreshes))) == len(told)

        wait_until(complete)
    heard, refreshes = seen()
    assert {s.trace_id.hex() for s in heard} == {trace[3:35] for trace in told}
    assert {cause for s in refreshes for cause in causes(s)} == {
        (s.trace_id, s.span_id) for s in heard
    }
    assert len(refreshes) < len(told)


def test_nothing_private_is_in_any_span_of_a_whole_evening(
    house: House, collector: Collector
) -> None:
    for quiet in ("/liveness", "/readiness", "/static/live.js"):
        house.phone().get(quiet)
    e = house.evening(limit=3, name=CUPS[0], teams=list(TEAMS))
    private = whole_evening(house, e)
    asked = "the-last-of-all"
    house.phone().get("/", headers={"X-Request-ID": asked})
    wait_until(lambda: collector.trace_of(asked))
    raw = b"".join(request.SerializeToString() for request in collector.requests)
    assert b"/t/<code>/seat/<seat>" in raw  # a search in the raw bytes does find text
    private["the code"] = (e.code,)
    for what, texts in private.items():
        assert texts
        for text in texts:
            assert text.encode() not in raw, what
    names = {name for _, span in collector.spans for name in attributes(span)}
    assert names - {"error.type"} == {  # only if a tap lost a race
        "db.collection.name", "db.namespace", "db.operation.name", "db.system.name",
        "http.request.id", "http.request.method", "http.response.status_code", "http.route",
        "messaging.operation.type", "messaging.system",
    }  # fmt: skip
    assert {span.name.partition(" ")[0] for _, span in collector.spans} <= {
        "GET", "POST", "bus", "room", "find", "insert", "update", "delete", "aggregate",
    }  # fmt: skip
    for untraced in (b"/liveness", b"/readiness", b"/static"):
        assert untraced not in raw


# --- the trace in a message -----------------------------------------------------------------------


def test_a_message_carries_a_trace_only_if_there_is_one() -> None:
    assert encode(Moved("BCDF2345", 7)) == '{"type":"moved","code":"BCDF2345","seq":7}'
    assert decode(encode(Moved("BCDF2345", 7, TRACE))) == Moved("BCDF2345", 7, TRACE)


@pytest.mark.parametrize(
    "trace",
    [
        None, 1, [], {}, "", "x", TRACE[:-1], TRACE + "0", TRACE.upper(), f"{TRACE}\n",
        f"01{TRACE[2:]}", TRACE.replace("-", "_"), "é" * 55, "0" * 60_000,
    ],
)  # fmt: skip
def test_a_message_with_an_invalid_trace_is_read_without_it(trace: Any) -> None:
    said = json.dumps({"type": "moved", "code": "BCDF2345", "seq": 7, "trace": trace})
    assert decode(said) == Moved("BCDF2345", 7)


# --- when something fails -------------------------------------------------------------------------


def broken_app(tracer: Tracer) -> Flask:
    """An app with one page, which answers 503."""
    app = Flask("broken")
    _Requests(tracer, ()).init_app(app)
    app.before_request(lambda: this_request.begin("broken", {}))
    app.teardown_request(lambda _: this_request.end())
    app.add_url_rule("/t/<code>", view_func=lambda code: ("", 503), endpoint="broken")
    return app


@pytest.fixture
def tracing(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> Iterator[Tracing]:
    """A tracer in this process."""
    made = Tracing(collector.url, "test")
    monkeypatch.setattr(spans, "tracer", made)
    yield made
    made.stop()


def test_a_failed_span_carries_only_its_error_type(
    tracing: Tracing, collector: Collector, settings: Settings
) -> None:
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
        settings.mongo_uri, event_listeners=[_StoreCommands(tracing.tracer)]
    )
    people = client[settings.database]["people"]
    bus = RedisBus(f"redis://127.0.0.1:{free_port()}")
    people.insert_one({"_id": FIRST})  # outside of any trace
    with tracing.tracer.start_as_current_span("all") as span:
        trace_id = span.get_span_context().trace_id.to_bytes(16, "big")
        with pytest.raises(pymongo.errors.DuplicateKeyError):
            people.insert_one({"_id": FIRST})
        with pytest.raises(pymongo.errors.OperationFailure):
            people.aggregate([{f"${FIRST}": 1}])
        bus.publish("BCDF2345", 7)
        here = spans.begin("bus publish")
        with pytest.raises(ZeroDivisionError), spans.span("room refresh", [here or ""]):
            raise ZeroDivisionError(FIRST)
        spans.end(here)
    bus._sender.flush()
    client.close()
    tracing.stop()
    found = [s for _, s in collector.spans if s.trace_id == trace_id]
    kinds = {s.name: attributes(s)["error.type"] for s in found if s.status.code}
    assert kinds.pop("aggregate people") in (
        "40324",
        "_OTHER",
    )  # the local store sends no such code
    assert kinds == {
        "insert people": "11000",
        "bus publish": "ConnectionError",
        "room refresh": "ZeroDivisionError",
    }
    assert {s.status.code for s in found if s.status.code} == {Status.STATUS_CODE_ERROR}
    assert not any(s.events or s.status.message for s in found)


def test_a_failed_request_is_marked_and_a_refused_one_is_not(
    tracing: Tracing, collector: Collector
) -> None:
    client = broken_app(tracing.tracer).test_client()
    client.get("/t/BCDF2345")
    client.open("/t/BCDF2345", method="BREW")
    client.get(f"/{FIRST}")
    tracing.stop()
    mine = [s for _, s in collector.spans if attributes(s).get("http.request.id") == "broken"]
    assert {s.name: attributes(s).get("error.type") for s in mine} == {
        "GET /t/<code>": "503", "_OTHER": None, "GET": None,
    }  # fmt: skip
    assert [s.name for s in mine if s.status.code == Status.STATUS_CODE_ERROR] == ["GET /t/<code>"]


def slowest_tap(house: House) -> float:
    """The seconds of the slowest tap while several batches of spans are lost."""
    e = house.evening()
    ola = e.guest(FIRST, LAST)
    slowest, began, team = 0.0, time.monotonic(), 0
    while time.monotonic() - began < 2.5 * EXPORT_SECONDS:
        team = 1 - team
        tapped = time.monotonic()
        assert e.pick(ola, team).status == 200
        slowest = max(slowest, time.monotonic() - tapped)
        time.sleep(0.05)
    return slowest


@pytest.fixture(scope="module")
def unheard(
    servers: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[House, Future[float]]]:
    """A house whose collector accepts connections and never answers. A guest taps there while the
    other tests run."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=100) as dead,
        open_house(
            servers, tmp_path_factory.mktemp("unheard"), workers=1, log_level="DEBUG",
            otlp_endpoint=f"http://127.0.0.1:{dead.getsockname()[1]}",
        ) as house,
        ThreadPoolExecutor(1) as pool,
    ):  # fmt: skip
        yield house, pool.submit(slowest_tap, house)


def test_a_dead_collector_delays_no_tap_and_is_logged_once(
    unheard: tuple[House, Future[float]],
) -> None:
    house, tapped = unheard
    assert tapped.result(60) < EXPORT_SECONDS / 2
    said = [line for line in house.lines() if line["log"]["logger"] != "lct.access"]
    lost = [line for line in said if line["message"] == "spans lost"]
    assert [line["event"]["action"] for line in lost] == ["tracing.unavailable"]
    assert not [x for x in said if x["log"]["logger"].startswith(("opentelemetry", "urllib3"))]


def test_a_stopping_worker_waits_only_briefly_for_a_dead_collector() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as dead:
        tracing = Tracing(f"http://127.0.0.1:{dead.getsockname()[1]}", "test")
        tracing.tracer.start_span("lost").end()
        began = time.monotonic()
        tracing.stop()
        assert FLUSH_SECONDS <= time.monotonic() - began < EXPORT_SECONDS / 2


def test_a_stopping_worker_sends_its_last_spans(
    servers: Any, tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "600000")
    asked = "the-last-request"
    with open_house(servers, tmp_path, workers=1, otlp_endpoint=collector.url) as house:
        house.phone().get("/", headers={"X-Request-ID": asked})
        time.sleep(0.5)
        assert not collector.trace_of(asked)
        house.server.terminate()
    wait_until(lambda: collector.trace_of(asked), what="the last spans")


# --- off ------------------------------------------------------------------------------------------

LOADED = """
from gevent import monkey; monkey.patch_all()
import sys
if sys.argv[1] == "bare":  # as on a laptop, without the packages
    sys.modules["opentelemetry"] = None
import lct.serving
from wsgi import app
print(*(name in sys.modules for name in ("opentelemetry.sdk.trace", "opentelemetry.exporter")))
"""


LOADS: dict[tuple[str, str | None], bool] = {
    ("bare", None): False,
    # Where the packages are installed, redis-py itself imports some of them.
    ("there", None): False,
    ("there", "http://127.0.0.1:9"): True,
}


@pytest.fixture(scope="module")
def loading(house: House) -> dict[tuple[str, str | None], subprocess.Popen[str]]:
    """The three processes, started in parallel."""
    return {
        (packages, endpoint): subprocess.Popen(
            [sys.executable, "-c", LOADED, packages],
            env={**clean_environ(), **environ_of(replace(house.settings, otlp_endpoint=endpoint))},
            stdout=subprocess.PIPE,
            text=True,
        )
        for packages, endpoint in LOADS
    }


@pytest.mark.parametrize("how", LOADS, ids=str)
def test_only_a_worker_that_traces_loads_a_tracer(
    loading: Any, how: tuple[str, str | None]
) -> None:
    said, _ = loading[how].communicate(timeout=60)
    assert loading[how].returncode == 0
    assert said.split() == [str(LOADS[how])] * 2


def test_an_endpoint_without_the_tracing_packages_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    given = environ_of(settings)
    assert Settings.from_env(given) == settings
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({**given, "LCT_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    assert str(refused.value) == (
        "LCT_OTLP_ENDPOINT needs the packages of requirements-tracing.lock, or lct[tracing]."
    )
