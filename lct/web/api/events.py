"""The event stream for programs. It announces each change; they query what they need."""

from __future__ import annotations

from flask import Response, request

from ...domain.rights import Right
from .. import live
from ..outbox import EventOutbox, event
from . import answers, cors
from .operation import Call, Table

api = Table("api_events", "/api/v1")
api.bp.teardown_request(live.release)


class NewsOutbox(EventOutbox):
    """Heartbeats have an event name, so that an event without one is news."""

    __slots__ = ()

    def beat(self, text: bytes) -> None:
        self.offer(event(text, name="alive"), set())


@api.operation(
    "GET", "/tournaments/<code>/events", right=Right.ANYONE, answer=answers.News,
    media="text/event-stream",
)  # fmt: skip
def events(call: Call) -> Response:
    """Server-sent events, one at once and one at each change: the length of the history, the
    version and the counts. Each one is complete, so a missed one does no harm. `alive` comes every
    few seconds, `over` when reconnecting is of no use."""
    if request.method == "HEAD":
        return Response(mimetype="text/event-stream")
    live.admit(call.t.code)
    return live.stream(NewsOutbox, "announce", more=cors.headers())
