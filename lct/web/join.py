"""Joining: the name form, why somebody cannot join, and the way back for players."""

from __future__ import annotations

from flask import Blueprint, g, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ..application.screens import phone
from ..application.screens.region import Scene
from ..domain.errors import Invalid, LctError, PlayerIsBlocked, Refused
from ..domain.people import Join
from ..domain.rights import player
from ..domain.text import Text, text
from ..domain.tournament import Tournament
from ..this_request import request_id
from . import identity, seats
from .app import app
from .errors import answer_for
from .limits import address, tried
from .links import live_url, me_url
from .lookup import tournament_at
from .render import page

bp = Blueprint("join", __name__)


@bp.get("/t/<code>/join")
def form(code: str) -> ResponseReturnValue:
    t = tournament_at(code)
    try:
        player_id = _newcomer(t)
        if player_id in t.players:
            return _to_seat(t, player_id)
        if player_id in t.blocked:
            raise PlayerIsBlocked
        t.check_door()
    except LctError as refusal:
        return _door(t, refusal, 200)
    return _form(t, {}, {})


def _newcomer(t: Tournament, first: str = "", last: str = "") -> str:
    """The player who is to join: this browser's own, or (``another``) somebody else beside them."""
    if request.values.get("another") and seats.seats_here(t):
        return seats.another_player_id(t, first, last)
    return seats.own_player_id(t)


@bp.post("/t/<code>/join")
def join(code: str) -> ResponseReturnValue:
    t = tournament_at(code, fresh=bool(request.form.get("another")))
    code = t.code
    app().limiter.hit("join", address())
    typed = {name: request.form.get(name, "") for name in ("first", "last")}
    try:
        player_id = _newcomer(t, **typed)
        command = Join(
            code=code,
            by=player(player_id),
            request_id=request_id.get(),
            player_id=player_id,
            first=typed["first"],
            last=typed["last"],
        )
        t = app().execute(command)
    except Invalid as invalid:
        g.error_kind = "validation"
        return _form(app().store.read(code).tournament, typed, invalid.fields, 422)
    except (Refused, PlayerIsBlocked) as refusal:
        status, g.error_kind = answer_for(refusal)
        return _door(app().store.read(code).tournament, refusal, status)
    return _to_seat(t, player_id)


@bp.get("/t/<code>/back")
def back(code: str) -> ResponseReturnValue:
    t = tournament_at(code)
    return page("join/back.html", t=t, errors={}, form={})


@bp.post("/t/<code>/back")
def come_back(code: str) -> ResponseReturnValue:
    t = tournament_at(code)
    typed = request.form.get("code", "")
    player_id = tried(identity.player_with_seat_code(t, typed))
    if player_id is None:
        g.error_kind = "validation"
        wrong = {
            "code": text(
                "No seat has that code. Find it on your first phone under “Save your seat”."
            )
        }
        return page("join/back.html", 422, t=t, errors=wrong, form={"code": typed[:40]})
    return _to_seat(t, player_id)


@bp.get("/t/<code>/seat/<seat>")
def seat(code: str, seat: str) -> ResponseReturnValue:
    """The personal link: this browser gets that seat. If it has another one already, a page asks
    first."""
    t = tournament_at(code)
    player_id = tried(identity.player_with_seat_code(t, seat))
    if player_id is None:
        return redirect(url_for("join.back", code=t.code), 303)
    if request.method == "HEAD":  # a link check
        return "", 204
    here = [each for each in seats.seats_here(t) if each in t.players]
    if here and player_id not in here:
        names = [t.player(each).name for each in here]
        there = t.player(player_id).name
        return page("join/another_seat.html", t=t, here=names, there=there, player=player_id)
    # No form came before, so only the next page sees whether the browser keeps the cookie.
    return _to_seat(t, player_id, by="link")


@bp.post("/t/<code>/seat/<seat>")
def another_seat(code: str, seat: str) -> ResponseReturnValue:
    """Have that seat too, as confirmed on that page."""
    t = tournament_at(code)
    player_id = tried(identity.player_with_seat_code(t, seat))
    if player_id is None:
        return redirect(url_for("join.back", code=t.code), 303)
    return _to_seat(t, player_id)


def _to_seat(t: Tournament, player_id: str, by: str | None = None) -> ResponseReturnValue:
    here = seats.with_seat(t, player_id)
    response = make_response(redirect(me_url(t.code, player_id, here, by=by), 303))
    return seats.remember_seats(response, t, here)


def _form(
    t: Tournament, typed: dict[str, str], errors: dict[str, Text], status: int = 200
) -> ResponseReturnValue:
    return page(
        "join/page.html",
        status,
        t=t,
        form=typed,
        errors=errors,
        seat=request.values.get("seat"),
        another=request.values.get("another"),
        here=[t.player(each).name for each in seats.seats_here(t) if each in t.players],
    )


def _door(t: Tournament, refusal: LctError, status: int) -> ResponseReturnValue:
    now = Scene(t, app().now())
    return page(
        "join/door.html",
        status,
        t=t,
        sentence=refusal.sentence,
        reason=type(refusal).__name__,
        regions=phone.watch(now),
        stamp=now.stamp,
        live_url=live_url(t.code, "watch"),
    )
