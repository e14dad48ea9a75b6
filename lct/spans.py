"""The steps from a tap to its frame, for whoever traces them.

Nothing here knows OpenTelemetry. Where LCT_OTLP_ENDPOINT is set, infrastructure/tracing.py puts its
tracer here; elsewhere all of this does nothing. What one step hands to the next, perhaps in another
process, is a *trace*: a W3C traceparent, as text.
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
    """A step that others led to: the child of the first cause, linked to the rest. It gives its own
    trace, or None; what nobody traced led to is not traced either."""
    return tracer.span(name, causes) if tracer and causes else _NOTHING


def begin(name: str) -> str | None:
    """Begin a step of the one that runs here, which ends elsewhere; its trace, for end()."""
    return tracer.begin(name) if tracer else None


def end(trace: str | None, error: Exception | None = None) -> None:
    """End what begin() began, in vain if there is an error."""
    if tracer and trace:
        tracer.end(trace, error)


def here() -> dict[str, str]:
    """The fields of a log line that lead to the span that runs here."""
    return tracer.here() if tracer else {}
