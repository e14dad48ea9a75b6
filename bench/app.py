"""The app with two more routes, to tell the cost of a tap from that of the layers around it."""

from __future__ import annotations

from functools import lru_cache

from flask import Blueprint, current_app

from lct.bootstrap import create_app
from lct.config import Settings

from .raw import RawPair

bp = Blueprint("bench", __name__, url_prefix="/bench")


@bp.post("/constant")
def constant() -> str:
    """Nothing but gunicorn, Flask and the layers that every tap passes, CSRF check included."""
    return "ok"


@bp.post("/raw")
def raw() -> str:
    """The same, and one find and one insert in the store."""
    _pair()()
    return "ok"


@lru_cache
def _pair() -> RawPair:
    return RawPair(current_app.extensions["lct"].store.events)


app = create_app(Settings.from_env())
app.register_blueprint(bp)
