"""The TV board, and the page that checks a draw."""

from __future__ import annotations

from typing import NamedTuple

from flask import Blueprint, abort, request, url_for
from flask.typing import ResponseReturnValue

from ..application import finished_draws as checks
from ..application.screens import board as screen
from ..application.screens.region import Region
from ..domain.draw import message
from ..domain.errors import NotDrawn
from ..domain.tournament import Tournament
from .app import app, scene
from .links import live_url
from .lookup import tournament_at
from .render import page
from .seats import seats_here

bp = Blueprint("board", __name__)


class Outcome(NamedTuple):
    name: str
    picked: str
    drew: str


class Hands(NamedTuple):
    hands: tuple[Outcome, ...]


@bp.get("/t/<code>")
def board(code: str) -> ResponseReturnValue:
    t = tournament_at(code)
    now = scene(t)
    return page(
        "board/page.html",
        t=t,
        regions=screen.whole(now),
        stamp=now.stamp,
        live_url=live_url(t.code, "board"),
    )


@bp.get("/t/<code>/verify")
def verify(code: str) -> ResponseReturnValue:
    """Recheck a draw. A draw whose cards are still turning is not shown."""
    t = tournament_at(code)
    draws = checks.finished_draws(t, app().now())
    if not draws:
        return page("verify/page.html", t=t, seal=t.commitment, attempt=t.attempt, attempts=())
    facts = _wanted(draws)
    hands = tuple(
        Outcome(name, pick.team, drew)
        for name, pick, drew in zip(facts.names, facts.picks, facts.given, strict=True)
    )
    return page(
        "verify/page.html",
        t=t,
        seal=facts.seal,
        secret=facts.secret,
        ok=facts.holds,
        attempt=facts.attempt,
        attempts=[each.attempt for each in draws],
        option=facts.option,
        hands=Region("hands", "verify/_hands.html", Hands(hands)),  # rendered once
        own_values=_own_values(t, facts),
        message=message(facts.attempt, facts.picks).decode(),
        json_url=url_for("board.draw_file", code=t.code, attempt=facts.attempt),
    )


def _own_values(t: Tournament, facts: checks.DrawFacts) -> tuple[str, ...]:
    """The random values that the reader's own phone contributed, so that they can find them."""
    readers = seats_here(t)
    return tuple(pick.value for pick in facts.picks if pick.player_id in readers)


@bp.get("/t/<code>/draw.json")
def draw_file(code: str) -> ResponseReturnValue:
    """A finished draw as docs/verify_draw.py reads it."""
    draws = checks.finished_draws(tournament_at(code), app().now())
    if not draws:
        raise NotDrawn
    facts = _wanted(draws)
    return facts._asdict() | {"picks": [pick._asdict() for pick in facts.picks]}


def _wanted(draws: tuple[checks.DrawFacts, ...]) -> checks.DrawFacts:
    """The draw of the attempt in the query (404 if there is none), or the newest."""
    wanted = request.args.get("attempt", str(draws[-1].attempt))
    found = next((facts for facts in draws if str(facts.attempt) == wanted), None)
    if found is None:
        abort(404)
    return found
