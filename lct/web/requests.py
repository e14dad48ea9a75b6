"""Around every request: its id, its log line, and the headers of every response."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import gevent
from flask import Flask, Request, Response, abort, current_app, redirect, url_for
from flask.globals import app_ctx, request_ctx
from flask.typing import ResponseReturnValue
from flask_compress import flask_compress
from gunicorn.http.errors import ParseException
from isal import igzip, isal_zlib
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import BadRequest, SecurityError
from werkzeug.formparser import FormDataParser
from werkzeug.sansio.utils import host_is_trusted

from .. import this_request
from ..domain.values import normal_code
from ..locale import ENGLISH, Language, speak
from ..this_request import request_id
from . import metrics
from .app import app
from .headers import SECRETS, security
from .problems import API

log = logging.getLogger("lct.access")

# In the environment of a request that gunicorn could not read: the status to answer (worker.py).
UNREADABLE = "lct.unreadable"
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_ID = re.compile(r"[0-9a-f]{12,16}")  # of a player or a device
# Requested all the time by machines, so logged at DEBUG.
QUIET = {"static", "health.liveness", "health.readiness", "metrics.text"}
# Requested by machines at a pod's own address, so under any name.
BY_ADDRESS = QUIET - {"static"}
COMPRESSED = 3000  # bytes; a smaller response, such as a tap's, is one or two packets either way
FORM = "application/x-www-form-urlencoded"  # as browsers send it
_PARSER = FormDataParser(cls=ImmutableMultiDict)
_LEVELS = {
    "validation": logging.WARNING,
    "business": logging.WARNING,
    "security": logging.WARNING,
    "service": logging.ERROR,
}


def _before() -> ResponseReturnValue | None:
    # The request object itself: the `request` proxy looks it up at each use.
    asked = request_ctx.request
    _begin(asked)
    if UNREADABLE in asked.environ:
        abort(asked.environ[UNREADABLE])
    _known_name(asked)
    elsewhere = _one_address(asked)
    if elsewhere is None:
        _receive(asked)
    return elsewhere


def _begin(asked: Request) -> None:
    here = app_ctx.g
    here.started = time.perf_counter_ns()
    given = asked.environ.get("HTTP_X_REQUEST_ID", "")
    here.error_kind = None
    this_request.begin(
        given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16), asked.environ
    )
    speak(_language(asked))


def _language(asked: Request) -> Language:
    """The reader's language, as their browser asks for it."""
    available = app().languages
    if len(available) == 1:
        return ENGLISH
    best = asked.accept_languages.best_match([each.tag for each in available], ENGLISH.tag)
    return next(each for each in available if each.tag == best)


def _known_name(asked: Request) -> None:
    """Refuse a request for a host name that is not ours, such as one that somebody pointed here."""
    if request_ctx.url_adapter is None:  # no host name: the error page needs URLs too
        request_ctx.url_adapter = current_app.url_map.bind("", script_name=asked.root_path)
    allowed = current_app.config["LCT_ALLOWED_HOSTS"]
    by_address = asked.endpoint in BY_ADDRESS
    if allowed and not by_address:
        found = [urlsplit(url).hostname or "" for url in app().address.found]
        if not host_is_trusted(asked.host, (*allowed, *found)):
            raise SecurityError


def _one_address(asked: Request) -> ResponseReturnValue | None:
    """Redirect a code in another spelling to the one path that cookies are bound to."""
    code = (asked.view_args or {}).get("code")
    if code is None or asked.path.startswith(API):
        return None
    wanted = normal_code(code)
    if wanted is None or wanted == code:
        return None
    arguments = {**(asked.view_args or {}), "code": wanted}
    address = url_for(str(asked.endpoint), **arguments)
    query = asked.query_string.decode("latin-1")
    return redirect(f"{address}?{query}" if query else address, 308)


def _receive(asked: Request) -> None:
    """Read the whole body before any work begins. A client that sends too slowly is cut off here,
    where an interruption leaves nothing half done."""
    chunked = "HTTP_TRANSFER_ENCODING" in asked.environ
    if asked.url_rule is None or not (asked.content_length or chunked):
        return
    with gevent.Timeout(this_request.left(this_request.REQUEST_SECONDS), False):
        try:
            _read(asked)
        except (ParseException, OSError):  # malformed chunks
            raise BadRequest from None
        return
    abort(408)


def _read(asked: Request) -> None:
    if asked.path.startswith(API):  # it takes no forms
        asked.get_data()
    elif asked.environ.get("CONTENT_TYPE") == FORM:
        # As asked.form would, but with one parser for all forms.
        parsed = _PARSER.parse(asked.stream, FORM, None)
        asked.stream, asked.form, asked.files = parsed  # type: ignore[assignment]
    else:
        asked.get_data(parse_form_data=True)


def _end(response: Response) -> Response:
    asked, here = request_ctx.request, app_ctx.g
    if response.is_streamed or (response.content_length or 0) >= COMPRESSED:
        response = current_app.extensions["lct-compress"].after_request(response)
    headers = response.headers
    given = {name.lower() for name, _ in headers}
    varies = "Accept-Encoding"
    if asked.endpoint != "static":
        varies = "Accept-Encoding, Accept-Language, Cookie, HX-Request"
        if "cache-control" not in given:
            headers["Cache-Control"] = "no-store"
    if "vary" in given:
        response.vary.update(varies.split(", "))
    else:
        headers["Vary"] = varies
    headers["X-Request-Id"] = request_id.get()
    headers._list.extend(security())  # extend() would look through each for line breaks again
    if not here.get("upgraded"):  # a live screen has its own lines
        duration = time.perf_counter_ns() - here.started
        _log(asked, response.status_code, duration, here.error_kind)
        metrics.count_request(
            asked.method, asked.endpoint, response.status_code, duration / 1e9, here.error_kind
        )
    return response


def _log(asked: Request, status: int, duration: int, error_kind: str | None) -> None:
    code = app_ctx.g.get("tournament")
    fields = {
        "event.dataset": "lct.access",
        "event.duration": duration,
        "event.outcome": "success" if status < 400 else "failure",
        "http.request.id": request_id.get(),
        "http.request.method": asked.method,
        "http.response.status_code": status,
        "url.path": _path(asked, status, code),
        "labels.route": asked.endpoint or "",
    }
    if code:
        fields["labels.tournament"] = code
    if error_kind:
        fields["labels.error_kind"] = error_kind
    quiet = logging.DEBUG if asked.endpoint in QUIET else logging.INFO
    log.log(_LEVELS.get(error_kind or "", quiet), "request", extra=fields)


def _path(asked: Request, status: int, code: str | None) -> str:
    """The path without secrets, and without typed values that match nothing of ours: they may be
    anything, such as a name, or a personal code, which looks like a tournament's."""
    if not asked.url_rule:
        return "/***"
    path = SECRETS.sub(r"\1***", asked.path)
    for name, value in (asked.view_args or {}).items():
        if not isinstance(value, str) or (code and normal_code(value) == code):
            continue
        if name == "code" or (status >= 400 and not _ID.fullmatch(value)):
            path = path.replace(value, "***")
    return path


def _forget(error: BaseException | None) -> None:
    # The next request on this connection runs in the same greenlet.
    this_request.end()


def _as_it_is(view: Callable[..., Any]) -> Callable[..., Any]:
    """At each request Flask checks whether each view and hook is a coroutine; none is."""
    return view


def init_app(flask: Flask) -> None:
    flask.config.update(
        COMPRESS_REGISTER=False,  # small responses skip it altogether
        COMPRESS_MIMETYPES=["text/html", "text/css", "text/javascript", "application/json"],
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_ALGORITHM_STREAMING=["br", "gzip"],  # files; zstd is not wired up below
        COMPRESS_BR_LEVEL=4,
        COMPRESS_LEVEL=2,  # ISA-L has 0 to 3
        COMPRESS_MIN_SIZE=COMPRESSED,
        COMPRESS_STREAMS=True,
    )
    # ISA-L's gzip takes a seventh of the time of zlib's, for a twentieth more bytes.
    flask_compress.compression = SimpleNamespace(gzip=igzip, zlib=isal_zlib)
    flask.extensions["lct-compress"] = flask_compress.Compress(flask)
    flask.ensure_sync = _as_it_is  # type: ignore[method-assign, assignment]
    flask.before_request(_before)
    flask.after_request(_end)
    flask.teardown_request(_forget)
