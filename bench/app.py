"""The app plus two bare routes, which separate the cost of a tap from that of the layers around it.

BENCH_WITHOUT names a layer to leave out; the difference is the cost of that layer.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from flask import Blueprint, Flask, current_app
from flask.sessions import SecureCookieSession

from lct.bootstrap import create_app
from lct.config import Settings
from lct.web import metrics, requests

from .raw import RawPair

bp = Blueprint("bench", __name__, url_prefix="/bench")


@bp.post("/constant")
def constant() -> str:
    """Only gunicorn, Flask and the layers that every tap passes, including the CSRF check."""
    return "ok"


@bp.post("/raw")
def raw() -> str:
    """The same, plus one find and one insert in the store."""
    _pair()()
    return "ok"


@lru_cache
def _pair() -> RawPair:
    return RawPair(current_app.extensions["lct"].store.events)


def without(layer: str, app: Flask) -> None:
    """Remove one of the LAYERS of bench/layers.py."""

    def nothing(*_: Any) -> None:
        pass

    if layer == "log":
        requests._log = nothing
    elif layer == "metrics":
        metrics.count_request = nothing
    elif layer == "headers":
        requests.security = tuple
    elif layer == "session_token_body":
        app.session_interface.open_session = lambda *_: SecureCookieSession()  # type: ignore[method-assign]
        requests._receive = nothing
        checks = app.before_request_funcs[None]
        checks[:] = [check for check in checks if check.__name__ != "csrf_protect"]


app = create_app(Settings.from_env())
app.register_blueprint(bp)
without(os.environ.get("BENCH_WITHOUT", ""), app)
