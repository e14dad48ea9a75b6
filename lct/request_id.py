"""The id of the request that is answered, or that work is done for after its answer.

It is set where a request begins (lct/web/requests.py) and read by every log line. A greenlet or
thread starts without it, so what lives on, such as a room or the bus, keeps no first guest's id;
work that is put off takes it along.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context, ContextVar
from functools import partial

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


def carried(work: Callable[[], None]) -> Callable[[], None]:
    """``work`` for later: with the id, for the log, but not within the request's deadline."""
    context = Context()
    context.run(request_id.set, request_id.get())
    return partial(context.run, work)
