"""Around every request: its id, its log line, and the headers every answer carries."""

from __future__ import annotations

import logging
import re
import time
import uuid

import gevent
from flask import Flask, Response, abort, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest, SecurityError
from werkzeug.sansio.utils import host_is_trusted

from .. import cancellation
from ..domain.values import normal_code
from ..request_id import request_id
from . import metrics
from .headers import SECRETS, security
from .problems import API

log = logging.getLogger("lct.access")

_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
# What is asked all the time by machines.
QUIET = {"static", "health.liveness", "health.readiness", "metrics.text"}
# What machines ask a pod for, by its address.
BY_ADDRESS = QUIET - {"static"}
_LEVELS = {
    "validation": logging.WARNING,
    "business": logging.WARNING,
    "security": logging.WARNING,
    "service": logging.ERROR,
}


def _begin() -> None:
    g.started = time.perf_counter_ns()
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    request_id.set(g.request_id)
    g.error_kind = None
    cancellation.begin(request.environ)


def _known_name() -> None:
    """Refuse a request for a name that is not ours, such as one that somebody pointed here."""
    allowed = current_app.config["LCT_ALLOWED_HOSTS"]
    by_address = request.endpoint in BY_ADDRESS
    if allowed and not by_address and not host_is_trusted(request.host, allowed):
        raise SecurityError


def _one_address() -> ResponseReturnValue | None:
    """A code in another spelling leads to the one address that cookies are bound to."""
    if request.path.startswith(API):
        return None
    code = (request.view_args or {}).get("code", "")
    wanted = normal_code(code)
    if wanted is None or wanted == code:
        return None
    arguments = {**(request.view_args or {}), "code": wanted}
    address = url_for(str(request.endpoint), **arguments)
    query = request.query_string.decode("latin-1")
    return redirect(f"{address}?{query}" if query else address, 308)


def _receive() -> None:
    """Take the whole body in before anything is done with it. Whoever sends it too slowly is cut
    off here, the one place where an interruption leaves nothing half done."""
    chunked = "Transfer-Encoding" in request.headers
    if request.url_rule is None or not (request.content_length or chunked):
        return
    with gevent.Timeout(cancellation.left(cancellation.REQUEST_SECONDS), False):
        try:
            request.get_data()
        except (ParseException, OSError):  # chunks that are none
            raise BadRequest from None
        return
    abort(408)


def _end(response: Response) -> Response:
    headers = response.headers
    headers["X-Request-Id"] = g.request_id
    headers.update(security())
    if request.endpoint != "static":
        headers.setdefault("Cache-Control", "no-store")
        response.vary.update(("Cookie", "HX-Request"))
    if not g.get("upgraded"):  # a websocket has its own lines
        duration = time.perf_counter_ns() - g.started
        _log(response, duration)
        metrics.count_request(
            request.method, request.endpoint, response.status_code, duration / 1e9, g.error_kind
        )
    return response


def _log(response: Response, duration: int) -> None:
    arguments = request.view_args or {}
    # An address that leads nowhere may be anything, such as a name or somebody's personal code.
    path = SECRETS.sub(r"\1***", request.path) if request.url_rule else "/***"
    fields = {
        "event.dataset": "lct.access",
        "event.duration": duration,
        "event.outcome": "success" if response.status_code < 400 else "failure",
        "http.request.id": g.request_id,
        "http.request.method": request.method,
        "http.response.status_code": response.status_code,
        "url.path": path,
        "labels.route": request.endpoint or "",
    }
    if code := arguments.get("code"):
        fields["labels.tournament"] = code
    if g.error_kind:
        fields["labels.error_kind"] = g.error_kind
    quiet = logging.DEBUG if request.endpoint in QUIET else logging.INFO
    log.log(_LEVELS.get(g.error_kind, quiet), "request", extra=fields)


def _forget(error: BaseException | None) -> None:
    # The next request on this connection runs in the same greenlet.
    request_id.set(None)
    cancellation.end()


def init_app(app: Flask) -> None:
    app.before_request(_begin)
    app.before_request(_known_name)
    app.before_request(_one_address)
    app.before_request(_receive)
    app.after_request(_end)
    app.teardown_request(_forget)
