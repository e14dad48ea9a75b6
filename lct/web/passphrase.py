"""Who may create where LCT_CREATE_PASSPHRASE asks for it: whoever has typed it on this device."""

from __future__ import annotations

import hmac

from flask import current_app, session

from ..domain.errors import WrongPassphrase
from .app import app
from .identity import believed
from .limits import address


def asked() -> bool:
    """Whether this browser has to give it."""
    known = session.get("creator", "")
    return _wanted() is not None and not any(hmac.compare_digest(known, m) for m in _marks())


def remember() -> None:
    """This browser need not give it again, until it is another one."""
    session["creator"] = _marks()[0]
    session.permanent = True


def check(given: str) -> None:
    """WrongPassphrase unless it is right; every try counts, so that guessing has an end."""
    wanted = _wanted()
    if wanted is None:
        return
    if given:
        app().limiter.hit("passphrase", address())
    if not hmac.compare_digest(given.strip().encode(), wanted.encode()):
        raise WrongPassphrase


def _wanted() -> str | None:
    wanted: str | None = current_app.config["LCT_CREATE_PASSPHRASE"]
    return wanted


def _marks() -> list[str]:
    """Of devices that have given it, also under former keys; today's first."""
    return [raw.hex()[:32] for raw in believed("creator", _wanted())]
