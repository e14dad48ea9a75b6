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
    """Headers that let the calling page read the response. A bearer token is not a cookie, so
    credentials are never allowed."""
    origin = request.headers.get("Origin")
    if origin not in current_app.config["LCT_API_ORIGINS"]:
        return {}
    return {"Access-Control-Allow-Origin": str(origin), "Access-Control-Expose-Headers": SHOWN}


def allow(response: Response) -> Response:
    """Add them to every response of the API, preflight responses included."""
    if request.path.startswith(API):
        response.vary.add("Origin")
        if said := headers():
            response.headers.update(said | (ASKED if request.method == "OPTIONS" else {}))
    return response
