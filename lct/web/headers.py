"""The security headers of every response. Only a websocket's 101 has none: it is not a document,
and the page that opened it has them all."""

from __future__ import annotations

import re
from functools import lru_cache

from flask.globals import request_ctx

from .app import app
from .links import seen_at

# Secret parts of a path; they stay out of logs and referrers even if the path matches no route.
SECRETS = re.compile(r"(?i)(/(?:seat|host)/+)[^/]+")

CSP = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
# The only policy is htmx's (static/trusted.js): nothing else can turn a text into markup, and
# nothing at all can turn it into code. Swagger UI makes its markup itself.
TRUSTED_TYPES = "; require-trusted-types-for 'script'; trusted-types htmx"
WITHOUT_TRUSTED_TYPES = {"swagger.index"}
# Everything else may have people's names in it. Robots are not kept from asking: they would list an
# address that somebody linked to, and never read that they should not.
FOR_SEARCH_ENGINES = {"home.index", "static", "swagger.index"}

LONGEST = 260  # characters of a host's name and port
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), screen-wake-lock=(self)"
    ),
}
# Browsers ignore both without TLS, and complain about the second.
OVER_TLS = {
    "Strict-Transport-Security": "max-age=31536000",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def security() -> tuple[tuple[str, str], ...]:
    """The headers of this request's response. Behind a trusted proxy, the proxy says whether it
    came over TLS."""
    asked = request_ctx.request
    # Requests for our own static files must not carry a secret either: a proxy may log them.
    secret = SECRETS.search(asked.path) is not None
    trusted = asked.endpoint not in WITHOUT_TRUSTED_TYPES
    listed = asked.endpoint in FOR_SEARCH_ENGINES
    make = _security if len(asked.host) <= LONGEST else _security.__wrapped__
    return make(asked.host, app().public_url, asked.is_secure, secret, trusted, listed)


@lru_cache(maxsize=256)
def _security(
    host: str, public_url: str, tls: bool, secret: bool, trusted_types: bool, listed: bool
) -> tuple[tuple[str, str], ...]:
    host = seen_at(host, public_url)
    # Older Safari does not count wss: as 'self'.
    policy = f"{CSP}; connect-src 'self' {'wss' if tls else 'ws'}://{host}"
    headers = {
        "Content-Security-Policy": policy + (TRUSTED_TYPES if trusted_types else ""),
        "Referrer-Policy": "no-referrer" if secret else "same-origin",
    }
    if not listed:
        headers["X-Robots-Tag"] = "noindex"
    return tuple((headers | ALWAYS | (OVER_TLS if tls else {})).items())
