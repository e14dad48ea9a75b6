"""Spans of requests, store commands and the steps of lct/spans.py, sent to an OTLP collector.

Only this module imports OpenTelemetry, and only a worker with LCT_OTLP_ENDPOINT imports this one.
Spans are made by hand: an attribute is one of our own names, a number or a known word, and never
user input, a requested URL, or stored data.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from flask import Flask, Response, g, request
from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import Link, Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from pymongo import monitoring

from .. import spans
from ..this_request import request_id

log = logging.getLogger(__name__)

EXPORT_SECONDS = 2  # for one batch with its retries; spans not accepted by then are dropped
FLUSH_SECONDS = 0.5  # how long a stopping worker waits for its last spans
SAY_AGAIN_SECONDS = 60.0

_BUS = {"messaging.system": "redis"}
_STEPS = {
    "bus publish": (SpanKind.PRODUCER, {**_BUS, "messaging.operation.type": "send"}),
    "bus receive": (SpanKind.CONSUMER, {**_BUS, "messaging.operation.type": "process"}),
}
_OTHER: tuple[SpanKind, dict[str, str]] = (SpanKind.INTERNAL, {})
_METHODS = ("GET", "HEAD", "POST", "OPTIONS")
_W3C = TraceContextTextMapPropagator()


def start(app: Flask, endpoint: str, environment: str, untraced: Collection[str]) -> Tracing:
    """Trace this process: the requests of ``app``, without the endpoints in ``untraced``, and the
    steps they cause. Call it after the fork, before connecting the store and setting other hooks.
    """
    for name in ("opentelemetry", "urllib3"):  # we log an unreachable collector ourselves
        logging.getLogger(name).setLevel(logging.CRITICAL)
    spans.tracer = tracing = Tracing(endpoint, environment)
    monitoring.register(_StoreCommands(tracing.tracer))
    _Requests(tracing.tracer, untraced).init_app(app)
    return tracing


class _Exporter(OTLPSpanExporter):
    """Logs once a minute, not for each batch, that the collector does not accept our spans."""

    _silent_until = 0.0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = super().export(spans)
        if result is not SpanExportResult.SUCCESS and time.monotonic() >= self._silent_until:
            self._silent_until = time.monotonic() + SAY_AGAIN_SECONDS
            log.warning("spans lost", extra={"event.action": "tracing.unavailable"})
        return result


class Tracing:
    """The tracer of lct/spans.py, and the thread that sends its spans in batches.

    Nothing waits for the collector: spans go into a bounded queue, and are dropped when it is full.
    """

    def __init__(self, endpoint: str, environment: str) -> None:
        about = {
            "service.name": "lct",
            "deployment.environment.name": environment,
            "host.name": socket.gethostname(),
        }
        self._processor = BatchSpanProcessor(
            _Exporter(f"{endpoint}/v1/traces", timeout=EXPORT_SECONDS)
        )
        provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
        provider.add_span_processor(self._processor)
        self.tracer = provider.get_tracer("lct")
        self._begun: dict[str, Span] = {}

    def stop(self) -> None:
        """Send the remaining spans, for at most FLUSH_SECONDS."""
        last = threading.Thread(target=self._processor.shutdown, daemon=True)
        last.start()
        last.join(FLUSH_SECONDS)

    # --- the Tracer of lct/spans.py -----------------------------------------------------------

    @contextmanager
    def span(self, name: str, causes: Sequence[str]) -> Iterator[str | None]:
        first, *rest = [_W3C.extract({"traceparent": cause}) for cause in causes]
        links = [Link(trace.get_current_span(each).get_span_context()) for each in rest]
        kind, attributes = _STEPS.get(name, _OTHER)
        with self.tracer.start_as_current_span(
            name, first, kind, attributes, links,
            record_exception=False, set_status_on_exception=False,
        ) as span:  # fmt: skip
            try:
                yield _as_text(span)
            except Exception as error:
                _failed(span, type(error).__name__)
                raise

    def begin(self, name: str) -> str | None:
        if not trace.get_current_span().is_recording():
            return None
        kind, attributes = _STEPS.get(name, _OTHER)
        span = self.tracer.start_span(name, kind=kind, attributes=attributes)
        text = _as_text(span)
        self._begun[text] = span
        return text

    def end(self, text: str, error: Exception | None) -> None:
        if span := self._begun.pop(text, None):
            if error is not None:
                _failed(span, type(error).__name__)
            span.end()

    def here(self) -> dict[str, str]:
        span = trace.get_current_span()
        if not span.is_recording():
            return {}
        context = span.get_span_context()
        return {
            "trace.id": trace.format_trace_id(context.trace_id),
            "span.id": trace.format_span_id(context.span_id),
        }


def _as_text(span: Span) -> str:
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, trace.set_span_in_context(span))
    return carrier["traceparent"]


def _failed(span: Span, kind: str) -> None:
    """Mark it, with only the error's class or code: its text may quote user input."""
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


class _Requests:
    """A span around each request. A screen's span ends with its handshake. Trace headers from
    clients are ignored."""

    def __init__(self, tracer: trace.Tracer, untraced: Collection[str]) -> None:
        self._tracer, self._untraced = tracer, untraced

    def init_app(self, app: Flask) -> None:
        app.before_request(self._arrive)
        app.after_request(self._answer)
        app.teardown_request(self._leave)

    def _arrive(self) -> None:
        if request.endpoint in self._untraced:
            return
        method = request.method if request.method in _METHODS else "_OTHER"
        attributes = {"http.request.method": method}
        if request.url_rule is not None:
            attributes["http.route"] = request.url_rule.rule
        name = " ".join(attributes.values())
        span = self._tracer.start_span(name, Context(), SpanKind.SERVER, attributes)
        g.span = span, attach(trace.set_span_in_context(span))

    def _answer(self, response: Response) -> Response:
        if "span" in g:
            span, _ = g.span
            span.set_attribute("http.request.id", request_id.get())
            if not g.get("upgraded"):
                span.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= 500:
                _failed(span, str(response.status_code))
        return response

    def _leave(self, error: BaseException | None) -> None:
        if "span" in g:
            span, token = g.pop("span")
            detach(token)
            span.end()


class _StoreCommands(monitoring.CommandListener):
    """A span for each command to the store within a traced step: its name and its collection."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer
        # The driver reports a command's end in the context in which it reported the start.
        self._running: ContextVar[Span | None] = ContextVar("store_command", default=None)

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if not trace.get_current_span().is_recording():
            return
        name = event.command_name
        attributes = {
            "db.system.name": "mongodb",
            "db.namespace": event.database_name,
            "db.operation.name": name,
        }
        collection = event.command.get("collection" if name == "getMore" else name)
        if isinstance(collection, str):
            attributes["db.collection.name"] = collection
            name = f"{name} {collection}"
        self._running.set(
            self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        )

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        errors: list[Any] = event.reply.get("writeErrors", [])
        self._end(str(errors[0].get("code")) if errors else "")

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        failure = event.failure
        self._end(str(failure.get("errtype") or failure.get("code", "_OTHER")))

    def _end(self, error: str) -> None:
        if span := self._running.get():
            self._running.set(None)
            if error:
                _failed(span, error)
            span.end()
