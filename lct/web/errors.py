"""Refusals as responses: one table from error class to status and kind, for pages and for htmx."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, Response, current_app, g, make_response, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import BadRequest, HTTPException
from wsproto.utilities import ProtocolError

from ..domain import errors
from ..domain.text import Text, text, verbatim
from ..this_request import request_id
from . import problems
from .links import elsewhere, is_ours
from .render import NO_UPDATE, Update, fragments, notice, page, wants_fragment

log = logging.getLogger(__name__)

# class -> (status, kind). A class that is not listed uses its nearest ancestor's entry.


class NoCookies(errors.NotAllowed):
    """The browser sent no cookie back; ``address``: the page to open in another one."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(
            text(
                "Your browser keeps no cookies, and without them nobody knows your seat. "
                "Open %(address)s in Safari, Chrome or Firefox.",
                address=address,
            )
        )


ANSWERS: dict[type[errors.LctError], tuple[int, str]] = {
    errors.Invalid: (422, "validation"),
    errors.Refused: (409, "business"),
    errors.NotFound: (404, "business"),
    errors.NotAllowed: (403, "security"),
    errors.Unauthenticated: (401, "security"),
    errors.TooMany: (429, "security"),
    errors.Unavailable: (503, "service"),
    errors.Elsewhere: (503, "moved"),
    errors.ClientGone: (499, "cancelled"),  # nginx's status for it; nobody reads this response
}
NOT_REPEATED = {"csrf_token", "passphrase"}  # fields that no page shows again
KINDS = {404: "business", 401: "security", 403: "security", 429: "security"}
SENTENCES = {
    400: text("Something in that request was not right."),
    404: text("There is nothing here. Check the address, or type the code from the TV."),
    405: text("That cannot be done here."),
    408: text("That took too long to arrive. Try again."),
    413: text("That is too large."),
    415: text("Send JSON, with the media type application/json."),
    414: text("That address is too long. Type the code from the TV instead."),
    417: text("This server does not support that Expect header."),
    431: text(
        "Your browser sent too much data, probably old cookies. Delete the cookies of this "
        "site, then open your own link or scan the code again."
    ),
    501: text("This server does not support that way of sending a request."),
}


def answer_for(error: errors.LctError) -> tuple[int, str]:
    """(status, kind) of a refusal."""
    return next(ANSWERS[cls] for cls in type(error).__mro__ if cls in ANSWERS)


def handle_refusal(error: errors.LctError) -> ResponseReturnValue:
    status, g.error_kind = answer_for(error)
    retry_after = getattr(error, "retry_after", None)
    if not problems.wanted():
        return error_answer(status, error.sentence, retry_after)
    if isinstance(error, errors.VersionMismatch):
        status = 412  # what was expected came in If-Match (RFC 9110, section 13.1.1)
    return _with_retry(problems.problem(status, error.sentence, error), retry_after)


def refusal_answer(
    error: errors.LctError, shown: Update = NO_UPDATE, back_url: str = ""
) -> ResponseReturnValue:
    """The response to a refused form or tap: the sentence, beside its field if it has one, and the
    regions in ``shown``. Without htmx it is a page with a link back."""
    status, g.error_kind = answer_for(error)
    retry_after = getattr(error, "retry_after", None)
    if not wants_fragment():
        return error_answer(status, error.sentence, retry_after, back_url)
    field = next(iter(error.fields), "") if isinstance(error, errors.Invalid) else ""
    said = notice(error.sentence, field=field)
    return _with_retry(make_response(fragments(shown, said, status)), retry_after)


def error_answer(
    status: int, sentence: Text, retry_after: int | None = None, back_url: str = ""
) -> Response:
    """The sentence as a problem document (RFC 9457) at a JSON address, as a notice for htmx, or as
    a page with a link back or the code box."""
    if problems.wanted():
        return _with_retry(problems.problem(status, sentence), retry_after)
    if wants_fragment():
        answer = fragments(NO_UPDATE, notice(sentence), status)
    else:
        answer = page(
            "error.html", status, sentence=sentence, retry_after=retry_after, back_url=back_url
        )
    return _with_retry(make_response(answer), retry_after)


def _with_retry(response: Response, retry_after: int | None) -> Response:
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _handle_csrf(error: CSRFError) -> ResponseReturnValue:
    """A form without its token; also one of a browser that keeps no cookies. Other sites' forms
    come without cookies too: the answer must not replace theirs, so it has no form."""
    origin = request.headers.get("Origin")
    again = origin is None or is_ours(origin)
    kept = current_app.config["SESSION_COOKIE_NAME"] in request.cookies
    if kept or not (again or origin == "null"):  # null: from a page whose address is a secret
        return handle_refusal(errors.ForgedRequest())
    return _no_cookies(NoCookies(elsewhere()), again)


def _no_cookies(error: NoCookies, again: bool = False) -> ResponseReturnValue:
    """Say what to do. If ``again``, the page has a form that sends what was typed once more, for a
    browser that has been allowed to keep cookies meanwhile."""
    if wants_fragment():
        return handle_refusal(error)
    status, g.error_kind = answer_for(error)
    typed = [each for each in request.form.items(multi=True) if each[0] not in NOT_REPEATED]
    about = {"sentence": error.sentence, "address": error.address}
    return page("no_cookies.html", status, again=again, typed=typed, **about)


def _handle_http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if status < 400:
        return error
    g.error_kind = KINDS.get(status, "validation") if status < 500 else "service"
    response = make_response(
        error_answer(status, SENTENCES.get(status) or verbatim(error.description or ""))
    )
    if "Allow" in error.get_response().headers:
        response.headers["Allow"] = error.get_response().headers["Allow"]
    return response


def _handle_upgrade(error: ProtocolError) -> ResponseReturnValue:
    """A websocket upgrade without a key, with another version or with malformed headers:
    simple-websocket does not catch wsproto's error."""
    return _handle_http(BadRequest())


def _handle_defect(error: Exception) -> ResponseReturnValue:
    g.error_kind = "service"
    log.exception("request failed", extra={"labels.error_kind": "service", **about_request()})
    said = text("Something went wrong on this server. The error has been logged.")
    return error_answer(500, said)


def about_request() -> dict[str, Any]:
    return {"http.request.id": request_id.get(), "http.request.method": request.method}


def init_app(app: Flask) -> None:
    app.register_error_handler(errors.LctError, handle_refusal)
    app.register_error_handler(NoCookies, _no_cookies)
    app.register_error_handler(CSRFError, _handle_csrf)
    app.register_error_handler(HTTPException, _handle_http)
    app.register_error_handler(ProtocolError, _handle_upgrade)
    app.register_error_handler(Exception, _handle_defect)
