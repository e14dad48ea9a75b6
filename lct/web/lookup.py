"""Finding the tournament for the code in a path."""

from __future__ import annotations

from flask import g

from ..application.screens.phases import FINISHED, PLAY, reached
from ..domain.errors import TooMany, UnknownTournament
from ..domain.play.refusals import NothingToPlay
from ..domain.tournament import Tournament
from .app import app
from .identity import invited, known_code
from .limits import address, wrong


def tournament_at(typed: str, fresh: bool = True) -> Tournament:
    """The tournament with that code, or UnknownTournament; TooMany if the address has guessed too
    often.

    Without ``fresh`` it is this worker's cached state, which is enough before a command: execution
    reads newer events itself wherever they could matter.
    """
    code = known_code(typed)
    try:
        app().limiter.check("guess", address())
    except TooMany:
        if not invited(code):
            raise
    store, execute = app().store, app().execute
    try:
        t = (store.read if fresh else store.stream)(code).tournament
    except UnknownTournament:
        wrong("wrong-code")
        raise
    if fresh:
        execute.follow_up(t)  # in case a worker ended before it could
    g.tournament = code  # for the log, which shows only codes of existing tournaments
    return t


def with_matches(t: Tournament) -> Tournament:
    """The tournament; NothingToPlay if its matches may not be seen, or there are none."""
    if reached(t, app().now()) not in (PLAY, FINISHED):
        raise NothingToPlay
    return t
