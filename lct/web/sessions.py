"""Flask's signed cookie sessions, with the signer made once and not at every request."""

from __future__ import annotations

from functools import cached_property

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer


class Sessions(SecureCookieSessionInterface):
    """As Flask's own. One per app: the keys are those of the first request."""

    _app: Flask

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        self._app = app
        return self._serializer

    @cached_property
    def _serializer(self) -> URLSafeTimedSerializer | None:
        return super().get_signing_serializer(self._app)
