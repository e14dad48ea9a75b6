"""The id of the request that is answered, or that work is done for after its answer.

It is set where a request begins (lct/web/requests.py) and read by every log line. A greenlet or
thread starts without it, so what lives on, such as a room or the bus, keeps no first guest's id;
work that is put off takes it along (bootstrap).
"""

from __future__ import annotations

from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
