"""Tracing the steps from a tap to its frame.

Nothing here depends on OpenTelemetry. Where LCT_OTLP_ENDPOINT is set, infrastructure/tracing.py
puts its tracer here; elsewhere all of this does nothing. A step hands the next one, perhaps in
another process, a *trace*: a W3C traceparent, as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Tracer(Protocol):
    """What a tracer can do."""

    def span(self, name: str, causes: Sequence[str]) -> AbstractContextManager[str | None]: ...
    def begin(self, name: str) -> str | None: ...
    def end(self, trace: str, error: Exception | None) -> None: ...
    def here(self) -> dict[str, str]: ...


tracer: Tracer | None = None
_NOTHING = nullcontext()


def span(name: str, causes: Sequence[str]) -> AbstractContextManager[str | None]:
    """A step with causes: the child of the first one, linked to the rest. It gives its own trace,
    or None. A step whose causes were not traced is not traced."""
    return tracer.span(name, causes) if tracer and causes else _NOTHING


def begin(name: str) -> str | None:
    """Begin a child of the current step, which ends elsewhere; its trace, for end()."""
    return tracer.begin(name) if tracer else None


def end(trace: str | None, error: Exception | None = None) -> None:
    """End a step that begin() began; it has failed if there is an error."""
    if tracer and trace:
        tracer.end(trace, error)


def here() -> dict[str, str]:
    """The fields of a log line that lead to the current span."""
    return tracer.here() if tracer else {}
