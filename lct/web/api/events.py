"""The event stream for programs: told at each change, they ask for what they want to know."""

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
    """Signs of life have a name of their own, so that a message without one is news."""

    __slots__ = ()

    def beat(self, text: bytes) -> None:
        self.offer(event(text, name="alive"), set())


@api.operation(
    "GET", "/tournaments/<code>/events", right=Right.ANYONE, answer=answers.News,
    media="text/event-stream",
)  # fmt: skip
def events(call: Call) -> Response:
    """Server-sent events, at once and at each change: where the history has got to, the version,
    and the counts. Each one holds all of it, so none that was missed is missing. `alive` comes
    every few seconds, `over` when there is no use in coming back."""
    if request.method == "HEAD":
        return Response(mimetype="text/event-stream")
    live.admit(call.t.code)
    return live.stream(NewsOutbox, "announce", more=cors.headers())
