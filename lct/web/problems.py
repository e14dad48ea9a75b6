"""Refusals for programs: problem documents (RFC 9457)."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from flask import Response, jsonify, request

from ..domain import errors
from ..domain.play import refusals
from ..domain.text import Text
from ..locale import say
from ..this_request import request_id

MEDIA_TYPE = "application/problem+json"
API = "/api/"


def wanted() -> bool:
    """Whether the caller is a program, judging by the path."""
    return request.path.startswith(API) or request.path.endswith((".json", ".jsonl"))


def problem(status: int, sentence: Text, error: errors.LctError | None = None) -> Response:
    """The document: ``type`` is the refusal's stable name, ``errors`` lists the wrong fields,
    ``request_id`` finds the line in the log."""
    kind, title = "about:blank", HTTPStatus(status).phrase
    if error is not None:
        words = re.findall(r"[A-Z][a-z]*", type(error).__name__)
        kind, title = f"urn:lct:problem:{'-'.join(words).lower()}", " ".join(words).capitalize()
    document: dict[str, Any] = {
        "type": kind,
        "title": title,
        "status": status,
        "detail": say(sentence),
        "request_id": request_id.get(),
    }
    if isinstance(error, errors.Invalid):
        document["errors"] = [
            {"field": f, "detail": say(wrong)} for f, wrong in error.fields.items()
        ]
    if isinstance(error, refusals.ResultsFall):
        document["falls"] = error.matches
    response = jsonify(document)
    response.status_code, response.mimetype = status, MEDIA_TYPE
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="lct"'
    if isinstance(error, errors.VersionMismatch):
        response.set_etag(str(error.actual))
    return response
