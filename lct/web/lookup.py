"""From the code in an address to the tournament."""

from __future__ import annotations

from ..domain.errors import TooMany, UnknownTournament
from ..domain.tournament import Tournament
from .app import app
from .identity import invited, known_code
from .limits import address, wrong


def tournament_at(typed: str, fresh: bool = True) -> Tournament:
    """The tournament with that code, or UnknownTournament; an address that guesses a lot gets
    TooMany.

    Not ``fresh`` it is as this worker knows it, which is enough before a command: execution
    looks for newer events itself wherever they could matter.
    """
    code = known_code(typed)
    try:
        app().limiter.check("guess", address())
    except TooMany:
        if not invited(code):
            raise
    store = app().store
    try:
        return (store.read if fresh else store.stream)(code).tournament
    except UnknownTournament:
        wrong("wrong-code")
        raise
