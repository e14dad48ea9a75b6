"""Flask's signed cookie sessions and flask-wtf's CSRF check. A browser sends the same cookies and
token all evening, so each worker parses and verifies them once and caches the result."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any

from flask import Flask, Request, Response
from flask.globals import app_ctx, request_ctx
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_wtf.csrf import CSRFProtect
from htmx_flask.requests import HtmxHeaders
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.sansio.http import parse_cookie

REMEMBERED = 4096  # cookies, and as many tokens, in one worker's cache
LONGEST = 500  # characters; ours have about 200, but base64 decoding ignores trailing ones
LONGEST_TOGETHER = 1000  # of all cookies of a request; ours have about 400
CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
FIELD = "csrf_token"  # in the form and in the session


def session_cookie(secure: bool, prefix: str) -> str:
    """The session cookie's name. Behind TLS its prefix makes browsers accept it over TLS only, and
    ``__Host-`` from this host only (RFC 6265bis, section 4.1.3)."""
    return f"{('__Secure-' if prefix else '__Host-') if secure else ''}lct"


class Asked(Request):
    """A request with htmx-flask's ``htmx``, made when it is asked for, and with cookies that are
    parsed once. werkzeug would look for them in the whole environment, too."""

    @cached_property
    def htmx(self) -> HtmxHeaders:
        return HtmxHeaders(self.headers)

    @cached_property
    def cookies(self) -> ImmutableMultiDict[str, str]:
        given = self.environ.get("HTTP_COOKIE", "")
        return (_cookies if len(given) <= LONGEST_TOGETHER else _cookies.__wrapped__)(given)


@lru_cache(maxsize=REMEMBERED)
def _cookies(given: str) -> ImmutableMultiDict[str, str]:
    return ImmutableMultiDict(parse_cookie(given))


class Sessions(SecureCookieSessionInterface):
    """Flask's sessions, except that a timestamp in the future is valid too: pods' clocks differ,
    and any skew can cross a second. One per app: the keys are read once, at the first request."""

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
        if session.modified:  # else there is nothing to save; requests.py sets Vary
            super().save_session(app, session, response)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        return self._serializer

    @cached_property
    def _serializer(self) -> URLSafeTimedSerializer:
        serializer = super().get_signing_serializer(self._app)
        assert serializer is not None, "every app has a key"
        return serializer

    def _verified(self, given: str) -> tuple[dict[str, Any], datetime, bool]:
        """The cookie's content, when it was signed, and whether it holds only plain values;
        BadSignature if we did not sign it."""
        content, signed_at = self._serializer.loads(given, return_timestamp=True)
        flat = not any(isinstance(value, dict | list) for value in content.values())
        return content, signed_at, flat


class Csrf(CSRFProtect):  # type: ignore[misc]
    """flask-wtf's check, which caches the pairs of token and session secret that passed. Their
    result cannot change: tokens have no time limit (WTF_CSRF_TIME_LIMIT) and nothing else is
    compared (WTF_CSRF_SSL_STRICT)."""

    def __init__(self, app: Flask) -> None:
        self._passed: set[tuple[str | None, str | None]] = set()
        self._exempt: dict[str, bool] = {}  # endpoint -> whether it takes no token
        super().__init__(app)

    def protect(self, apply_exemptions: bool = False) -> None:
        asked = request_ctx.request  # the proxies would look it up at each use
        if asked.method not in CHANGING:
            return
        if apply_exemptions:
            endpoint = asked.endpoint or ""
            if endpoint not in self._exempt:
                self._exempt[endpoint] = not endpoint or self._is_exempt()
            if self._exempt[endpoint]:
                return
        token = asked.form.get(FIELD) or self._get_csrf_token()
        shown = token, request_ctx.session.get(FIELD)
        if shown not in self._passed:
            super().protect(apply_exemptions)
            if len(self._passed) >= REMEMBERED:
                self._passed.clear()  # each is checked again at its next use
            if len(token or "") <= LONGEST:
                self._passed.add(shown)
        app_ctx.g.csrf_valid = True
