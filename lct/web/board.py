"""The TV board, and the page that checks a draw."""

from __future__ import annotations

from typing import NamedTuple

from flask import Blueprint, abort, request, url_for
from flask.typing import ResponseReturnValue

from ..application import finished_draws as checks
from ..application.screens import board as screen
from ..application.screens.gathered import Gathered, Without
from ..application.screens.region import Region
from ..domain.draw import Ticket
from ..domain.errors import NotDrawn
from ..domain.tournament import Tournament
from .app import app, scene
from .links import live_url
from .lookup import tournament_at
from .render import page
from .seats import seats_here

bp = Blueprint("board", __name__)

NAMED = 12  # players without a share; check.js lists them all


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
    """Recheck a draw. Of one whose cards still turn, only what was fixed before it is shown."""
    t = tournament_at(code)
    draws = checks.finished_draws(t, app().now())
    attempts = [each.attempt for each in draws]
    if t.attempt not in attempts:
        begun = bool(t.dealt or t.gathering)
        wanted = request.args.get("attempt", str(t.attempt) if begun or not draws else "")
        if wanted == str(t.attempt):
            return _sealed(t, attempts)
    facts = _wanted(draws)
    hands = tuple(
        Outcome(name, pick.team, drew)
        for name, pick, drew in zip(facts.names, facts.picks, facts.given, strict=True)
    )
    readers = seats_here(t)
    own = [pick for pick in facts.picks if pick.player_id in readers]
    return page(
        "verify/page.html",
        t=t,
        protocol=facts.protocol,
        seal=facts.seal,
        secret=facts.secret,
        ok=facts.holds,
        attempt=facts.attempt,
        attempts=attempts,
        option=facts.option,
        gathered=facts.gathered,
        shares=_shares(facts),
        nothing_in=facts.gathered is not None
        and not (facts.gathered.shares or facts.gathered.number),
        hands=Region("hands", "verify/_hands.html", Hands(hands)),  # rendered once
        mine=[pick.player_id for pick in own],
        own_values=[pick.value for pick in own if isinstance(pick, Ticket)],
        message=facts.message.decode(),
        json_url=url_for("board.draw_file", code=t.code, attempt=facts.attempt),
    )


def _sealed(t: Tournament, attempts: list[int]) -> ResponseReturnValue:
    """What is fixed so far for the attempt in force: the seal, then the picks, then the shares."""
    draw = t.current_draw
    return page(
        "verify/page.html",
        t=t,
        seal=t.commitment,
        attempt=t.attempt,
        attempts=[*attempts, t.attempt],
        fixed=draw.gathering if draw else t.gathering,
    )


def _shares(facts: checks.DrawFacts) -> Gathered | None:
    """Whose shares are in the draw, in a sentence."""
    if (of := facts.gathered) is None:
        return None
    names = dict(zip((pick.player_id for pick in facts.picks), facts.names, strict=True))
    without = tuple(Without(names[who], why) for who, why in of.missing[:NAMED])
    return Gathered(
        shares=len(of.shares),
        pledged=sum(bool(pick[-1]) for pick in facts.picks),
        players=len(facts.picks),
        closed=True,
        roll=of.roll,
        number=of.number,
        fingerprint=of.shares_fingerprint,
        without=without,
        more=len(of.missing) - len(without),
    )


@bp.get("/t/<code>/draw.json")
def draw_file(code: str) -> ResponseReturnValue:
    """A finished draw as docs/verify_draw.py reads it."""
    draws = checks.finished_draws(tournament_at(code), app().now())
    if not draws:
        raise NotDrawn
    facts = _wanted(draws)
    return facts.record


def _wanted(draws: tuple[checks.DrawFacts, ...]) -> checks.DrawFacts:
    """The draw of the attempt in the query (404 if there is none), or the newest."""
    wanted = request.args.get("attempt", str(draws[-1].attempt) if draws else "")
    found = next((facts for facts in draws if str(facts.attempt) == wanted), None)
    if found is None:
        abort(404)
    return found
