"""Flask's signed cookie sessions, with the signer made once and not at every request."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer


def session_cookie(secure: bool, prefix: str) -> str:
    """The session cookie's name; its beginning makes browsers take it from this host alone, over
    TLS alone (RFC 6265bis, section 4.1.3)."""
    return f"{('__Secure-' if prefix else '__Host-') if secure else ''}lct"


class Signer(TimestampSigner):
    """itsdangerous' own, which also believes what was signed in the future: the clocks of two
    pods differ, if only by the second that one begins before the other."""

    def unsign(self, signed_value: Any, max_age: int | None = None, *rest: Any, **more: Any) -> Any:
        try:
            return super().unsign(signed_value, max_age, *rest, **more)
        except SignatureExpired as error:
            if error.date_signed is None or error.date_signed <= datetime.now(UTC):
                raise
            return super().unsign(signed_value, None, *rest, **more)


class Sessions(SecureCookieSessionInterface):
    """As Flask's own. One per app: the keys are those of the first request."""

    _app: Flask

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        self._app = app
        return self._serializer

    @cached_property
    def _serializer(self) -> URLSafeTimedSerializer:
        serializer = super().get_signing_serializer(self._app)
        assert serializer is not None, "every app has a key"
        serializer.signer = Signer
        return serializer
