"""What every answer tells the browser to refuse: the one place for it. Only a websocket's 101
has none: it is no document, and the page that asked for it has them all."""

from __future__ import annotations

import re

from flask import request

# Parts of an address that are secrets and stay out of logs and referrers, whether it leads
# anywhere or not.
SECRETS = re.compile(r"(?i)(/(?:seat|host)/+)[^/]+")

CSP = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
# The one policy is htmx's (static/trusted.js): nothing else can make markup of a text, and nothing
# at all code. Swagger UI makes its markup itself.
TRUSTED_TYPES = "; require-trusted-types-for 'script'; trusted-types htmx"
WITHOUT_TRUSTED_TYPES = {"swagger.index"}

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), screen-wake-lock=(self)"
    ),
}
# Browsers ignore both without TLS, and complain of the second.
OVER_TLS = {
    "Strict-Transport-Security": "max-age=31536000",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def security() -> dict[str, str]:
    """The headers for the answer to this request. Whether it came over TLS is the word of a
    trusted proxy."""
    # Older Safari does not count wss: as 'self'.
    scheme = "wss" if request.is_secure else "ws"
    policy = f"{CSP}; connect-src 'self' {scheme}://{request.host}"
    if request.endpoint not in WITHOUT_TRUSTED_TYPES:
        policy += TRUSTED_TYPES
    # Even our own static files, and so a proxy's log, need not hear of a secret.
    referrer = "no-referrer" if SECRETS.search(request.path) else "same-origin"
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": referrer} | ALWAYS
    return headers | OVER_TLS if request.is_secure else headers
