"""One trace leads from a tap to the frames of every worker, and costs nobody anything.

The collector here takes OTLP over HTTP as any other does, and keeps what it gets.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from lct.application.messages import CHANNEL, Dropped, Looked, Moved, decode, encode
from lct.config import environ_of
from lct.web.identity import seat_code

from .http_client import Answer, Evening, House, Phone, app_here, open_house
from .support import clean_environ, wait_until

pytestmark = pytest.mark.slow

TAP = "tap-to-frame"
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
FIRST, LAST = "Quetzalina", "Oßwaldt"
TEAMS = ["Kirchturmkicker", "Nachtwächter", "Løvenkrands"]


@dataclass
class Collector:
    """What a collector got, request by request."""

    url: str
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)

    @property
    def spans(self) -> list[tuple[dict[str, Any], Span]]:
        """Every span, with what its process says of itself."""
        return [
            (attributes(group.resource), span)
            for request in list(self.requests)
            for group in request.resource_spans
            for scope in group.scope_spans
            for span in scope.spans
        ]

    def trace_of(self, request_id: str) -> list[Span]:
        """The spans of the trace that a request with this id began."""
        ids = {s.trace_id for _, s in self.spans if attributes(s).get("http.request.id") == request_id}
        assert len(ids) <= 1
        return [span for _, span in self.spans if span.trace_id in ids]


def attributes(of: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in of.attributes}


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
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")  # ms; 5 s else
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
    """A screen of the board on each worker, which both hear the bus and have nothing to do."""
    screens = [
        stack.enter_context(e.house.phone(worker).live(e.live("board"))) for worker in (0, 1)
    ]
    name = CHANNEL + e.code
    wait_until(lambda: dict(e.house.redis.pubsub_numsub(name))[name.encode()] == 2)
    for screen in screens:
        screen.take()
        screen.quiet(1.2)  # the workers tell each other once a second who is here
    return screens


def one(spans: list[Span], name: str) -> Span:
    (found,) = [span for span in spans if span.name == name]
    return found


def children(spans: list[Span], parent: Span) -> list[Span]:
    return [span for span in spans if span.parent_span_id == parent.span_id]


# --- from tap to frame ----------------------------------------------------------------------------


def test_one_trace_leads_from_a_tap_to_the_frames_of_both_workers(
    house: House, collector: Collector
) -> None:
    e = house.evening(limit=3, teams=TEAMS)
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
    # The other worker had to read the event for its frame.
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
