"""A player's phone: pick, change, let go, wait, watch one's card turn, report scores."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ..application.screens import lobby, phone
from ..application.screens.gathered import NO_SHARE
from ..application.screens.region import Region
from ..application.screens.shared_phone import NO_SEATS
from ..domain.call_names import SetCallName
from ..domain.errors import Invalid, NotAPlayer, Refused, UnknownTeam
from ..domain.fact import Command
from ..domain.people import RenamePlayer
from ..domain.picking import LetGo, PickTeam
from ..domain.play.reporting import ReportScore, WithdrawReport
from ..domain.rights import player as by_player
from ..domain.spelling import finds
from ..domain.text import Text, text, verbatim
from ..domain.tournament import Tournament
from ..domain.values import shown_code
from ..this_request import request_id
from . import forms
from .app import app, scene
from .errors import NoCookies, refusal_answer
from .identity import seat_code
from .limits import tap
from .links import elsewhere, live_url, me_url, public
from .lookup import tournament_at
from .qr import qr_svg
from .render import Update, fragments, notice, page, page_around, wants_fragment
from .seats import player_here, player_of, seats_here
from .words import gettext

bp = Blueprint("pick", __name__)

NOTHING_SAID = verbatim("")


@bp.get("/t/<code>/me")
def me(code: str) -> ResponseReturnValue:
    t = tournament_at(code)
    seats = seats_here(t)
    player_id = player_here(t, seats)
    linked = "by" in request.args  # the cookie was set a moment ago
    if player_id is None:
        if linked:
            raise NoCookies(elsewhere())
        return redirect(url_for("join.form", code=t.code), 303)
    if linked:
        return redirect(me_url(t.code, player_id, seats), 303)
    now = scene(t)
    own = phone.personal(now, player_id, seats=seats)
    q, stars, kind = (request.args.get(name, "")[:60] for name in ("q", "stars", "kind"))
    if q or stars or kind:
        regions = filtered(phone.laid_over(phone.me(now), own), q, stars, kind)
        stage = b""
    else:  # the HTML that all phones share, a hundred tiles, is rendered once for all of them
        picture = app().hub.pictures.at("me", now, app().store.stream(t.code).touched_since)
        stage = picture.for_page("stage", own)
        score = own.get("score", phone.NO_SCORE)
        switch = own.get("seats", NO_SEATS)
        share = own.get("share", NO_SHARE)
        regions = (lobby.bar(now), switch, lobby.wait(now), own["me"], share, score)
    personal_code = seat_code(t, player_id)
    player = t.players.get(player_id)
    shown = len(t.teams if t.dealt or stage else regions[-1].children)
    show = partial(page_around, stage) if stage else page
    return show(
        "me/page.html",
        t=t,
        regions=regions,
        find=lobby.find(t.teams, shown, q=q, stars=stars, kind=kind),
        stamp=now.stamp,
        first=player.first if player else "",
        last=player.last if player else "",
        call_name=player.call_name if player else "",
        seat=player_id,
        several=len(seats) > 1,
        personal_code=shown_code(personal_code),
        personal_url=_personal_url(t, player_id) if player else "",
        live_url=live_url(t.code, "me", player_id),
    )


@bp.get("/t/<code>/seat.svg")
def seat_qr(code: str) -> ResponseReturnValue:
    """The QR code of the player's own personal link. It has its own URL since few players open it
    and rendering it takes as long as the rest of the page."""
    t = tournament_at(code)
    svg = qr_svg(_personal_url(t, player_of(t)), gettext("QR code"), mask=2)
    return Response(svg, mimetype="image/svg+xml")


def _personal_url(t: Tournament, player_id: str) -> str:
    return public(url_for("join.seat", code=t.code, seat=seat_code(t, player_id)))


def filtered(regions: tuple[Region, ...], q: str, stars: str, kind: str) -> tuple[Region, ...]:
    """The tiles that match a search without JavaScript; with it, the page filters itself."""
    if not (q or stars or kind):
        return regions

    def fits(data: object) -> bool:
        name, league, rating, its_kind = (
            getattr(data, field, "") for field in ("name", "league", "stars", "kind")
        )
        return (
            finds(q, f"{name} {league}")
            and (not stars or str(rating) == stars or f"{rating:g}" == stars)
            and (not kind or its_kind == kind)
        )

    return tuple(
        r._replace(children=tuple(c for c in r.children if fits(c.data)))
        if r.id == "stage" and r.children and r.children[0].id.startswith("team-")
        else r
        for r in regions
    )


@bp.post("/t/<code>/team")
def team(code: str) -> ResponseReturnValue:
    team, value, pledge = forms.team(), forms.random_value(), forms.pledge()
    return _tap(
        code, lambda about: PickTeam(**about, **team, value=value, pledge=pledge), team["team"]
    )


@bp.post("/t/<code>/share")
def share(code: str) -> ResponseReturnValue:
    """Take in a share that a phone opens; its owner need not be the player shown here."""
    t = tournament_at(code, fresh=False)
    tap(player_of(t))
    app().gatherer.take(t.code, forms.field("player"), forms.field("share"), certain=True)
    return "", 204


@bp.post("/t/<code>/let-go")
def let_go(code: str) -> ResponseReturnValue:
    return _tap(code, lambda about: LetGo(**about))


@bp.post("/t/<code>/name")
def name(code: str) -> ResponseReturnValue:
    first, last = forms.field("first"), forms.field("last")
    return _tap(code, lambda about: RenamePlayer(**about, first=first, last=last))


@bp.post("/t/<code>/call-name")
def call_name(code: str) -> ResponseReturnValue:
    chosen = forms.field("call_name")
    return _tap(code, lambda about: SetCallName(**about, call_name=chosen), said=text("Saved."))


@bp.post("/t/<code>/score")
def score(code: str) -> ResponseReturnValue:
    match, said = forms.field("match"), forms.score()
    return _tap(code, lambda about: ReportScore(**about, match=match, score=said), match=match)


@bp.post("/t/<code>/withdraw")
def withdraw(code: str) -> ResponseReturnValue:
    match = forms.field("match")
    return _tap(code, lambda about: WithdrawReport(**about, match=match), match=match)


def _tap(
    code: str,
    command: Callable[[dict[str, Any]], Command],
    *teams: int,
    match: str = "",
    said: Text = NOTHING_SAID,
) -> ResponseReturnValue:
    """Run a player's own command; the response has what it may have changed on their phone."""
    before = tournament_at(code, fresh=False)
    seats, touched = seats_here(before), set(teams)
    player_id = player_here(before, seats)
    if player_id is None:
        raise NotAPlayer
    player = before.players.get(player_id)
    if player and player.team is not None:
        touched.add(player.team)
    tap(player_id)
    about = {
        "code": before.code,
        "by": by_player(player_id, before.seat_codes.get(player_id, 0)),
        "request_id": request_id.get(),
    }
    try:
        t = app().execute(command(about | {"player_id": player_id}))
    except (Refused, Invalid, UnknownTeam) as refusal:
        t = app().store.read(before.code).tournament
        shown = _changed(t, player_id, touched, match, seats)
        return refusal_answer(refusal, shown, me_url(t.code, player_id, seats))
    if not wants_fragment():
        return redirect(me_url(t.code, player_id, seats), 303)
    shown = _changed(t, player_id, touched, match, seats)
    return fragments(shown, notice(said, "ok"))


def _changed(
    t: Tournament, player_id: str, teams: set[int], match: str, seats: tuple[str, ...]
) -> Update:
    now = scene(t)
    return Update(phone.after_tap(now, player_id, teams, match, seats), now.stamp)
