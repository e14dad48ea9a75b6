"""Counting attempts: who is asking from where, and guessed codes."""

from __future__ import annotations

from flask import request

from ..domain.errors import UnknownTournament
from ..domain.tournament import Tournament
from .parts import parts


def address() -> str:
    """The client's address; a proxy's word counts only as far as LCT_TRUSTED_PROXIES says."""
    return request.remote_addr or "unknown"


def guess(code: str, fresh: bool = True) -> Tournament:
    """The tournament, or UnknownTournament; an address that guesses a lot gets TooMany.

    Not ``fresh`` it is as this worker knows it, which is enough before a command: execution
    looks for newer events itself wherever they could matter.
    """
    read = parts().read if fresh else parts().known
    try:
        return read(code).tournament
    except UnknownTournament:
        parts().hit("wrong-code", address())
        raise
