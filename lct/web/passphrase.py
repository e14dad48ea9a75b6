"""Where LCT_CREATE_PASSPHRASE is set, only a browser that has given it may create tournaments."""

from __future__ import annotations

import hmac

from flask import current_app, session

from ..domain.errors import NotAllowed
from ..domain.text import text
from .app import app
from .identity import believed
from .limits import address


class WrongPassphrase(NotAllowed):
    sentence = text(
        "You need this place's passphrase to create a tournament. Ask the person in charge."
    )


def asked() -> bool:
    """Whether this browser still has to give it."""
    known = session.get("creator", "")
    return _wanted() is not None and not any(hmac.compare_digest(known, m) for m in _marks())


def remember() -> None:
    """Do not ask this browser again until the passphrase changes."""
    session["creator"] = _marks()[0]
    session.permanent = True


def check(given: str) -> None:
    """WrongPassphrase unless it is right; every try counts towards a limit, to stop guessing."""
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
    """The marks of a browser that has given it, one per valid key, the current key's first."""
    return [raw.hex()[:32] for raw in believed("creator", _wanted())]
