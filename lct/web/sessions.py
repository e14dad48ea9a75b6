"""Flask's signed cookie sessions and flask-wtf's CSRF check. A browser shows the same cookie and
the same token all evening, so this worker verifies each once and then recognises it."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any

from flask import Flask, Request, Response, g, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_wtf.csrf import CSRFProtect
from itsdangerous import BadSignature, URLSafeTimedSerializer

REMEMBERED = 4096  # cookies, and tokens, that this worker recognises
LONGEST = 500  # characters of one; ours have about 200, but what follows base64 is not looked at
CHANGING = {"POST", "PUT", "PATCH", "DELETE"}


def session_cookie(secure: bool, prefix: str) -> str:
    """The session cookie's name; its beginning makes browsers take it from this host alone, over
    TLS alone (RFC 6265bis, section 4.1.3)."""
    return f"{('__Secure-' if prefix else '__Host-') if secure else ''}lct"


class Sessions(SecureCookieSessionInterface):
    """As Flask's own, but a session signed in the future counts too: the clocks of two pods differ,
    if only by the second that one begins before the other. One per app: the keys are those of the
    first request."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._signed = lru_cache(maxsize=REMEMBERED)(self._verified)

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        given = request.cookies.get(self.get_cookie_name(app))
        if not given:
            return self.session_class()
        try:
            read = self._signed if len(given) <= LONGEST else self._verified
            content, signed_at, flat = read(given)
        except BadSignature:
            return self.session_class()
        if datetime.now(UTC) - signed_at > app.permanent_session_lifetime:
            return self.session_class()
        return self.session_class(content if flat else deepcopy(content))

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if session.modified:  # else there is nothing to save, and Vary is the same everywhere
            super().save_session(app, session, response)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        return self._serializer

    @cached_property
    def _serializer(self) -> URLSafeTimedSerializer:
        serializer = super().get_signing_serializer(self._app)
        assert serializer is not None, "every app has a key"
        return serializer

    def _verified(self, given: str) -> tuple[dict[str, Any], datetime, bool]:
        """What the cookie says, when it was signed, and whether there are only plain values in it;
        BadSignature if that was not us."""
        content, signed_at = self._serializer.loads(given, return_timestamp=True)
        flat = not any(isinstance(value, dict | list) for value in content.values())
        return content, signed_at, flat


class Csrf(CSRFProtect):  # type: ignore[misc]
    """flask-wtf's check. It passes a token again without checking when the same one passed before
    for the same secret in the session; a token has no time limit here (WTF_CSRF_TIME_LIMIT) and
    nothing else is compared (WTF_CSRF_SSL_STRICT), so the check would say the same."""

    def __init__(self, app: Flask) -> None:
        self._passed: set[tuple[str | None, str | None]] = set()
        super().__init__(app)

    def protect(self, apply_exemptions: bool = False) -> None:
        if request.method not in CHANGING:
            return
        if apply_exemptions and (not request.endpoint or self._is_exempt()):
            return
        shown = self._get_csrf_token(), session.get("csrf_token")
        if shown not in self._passed:
            super().protect(apply_exemptions)
            if len(self._passed) >= REMEMBERED:
                self._passed.clear()  # they are soon checked again
            if len(shown[0] or "") <= LONGEST:
                self._passed.add(shown)
        g.csrf_valid = True
