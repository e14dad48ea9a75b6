"""Cross-origin calls by browsers: refused, except from the origins in LCT_API_ORIGINS."""

from __future__ import annotations

from flask import Response, current_app, request

from ..problems import API

SHOWN = "ETag, Location, Lct-Organiser-Key, Retry-After, X-Request-Id"
ASKED = {
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
    "Access-Control-Allow-Headers": (
        "Authorization, Content-Type, Idempotency-Key, If-Match, Last-Event-ID, X-Request-Id"
    ),
    "Access-Control-Max-Age": "600",
}


def headers() -> dict[str, str]:
    """What tells the asking page's browser that it may read the answer. A bearer token is no
    cookie, so credentials are never allowed."""
    origin = request.headers.get("Origin")
    if origin not in current_app.config["LCT_API_ORIGINS"]:
        return {}
    return {"Access-Control-Allow-Origin": str(origin), "Access-Control-Expose-Headers": SHOWN}


def allow(response: Response) -> Response:
    """The same on every answer of the API, and on the question whether a call may be made."""
    if request.path.startswith(API):
        response.vary.add("Origin")
        if said := headers():
            response.headers.update(said | (ASKED if request.method == "OPTIONS" else {}))
    return response
