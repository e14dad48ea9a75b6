"""The organiser's history: who did what and when, and the board as it was at any event."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from ..application import finished_draws as checks
from ..application.history import Line, replay, story
from ..application.screens import phone
from ..application.screens.region import Region, Scene
from ..domain.tournament import Tournament
from .app import app
from .identity import require_organiser
from .lookup import tournament_at
from .render import Update, fragments, page, wants_fragment

bp = Blueprint("history", __name__)


@bp.get("/t/<code>/history")
def history(code: str) -> ResponseReturnValue:
    """The list of events, newest first, and with ``at`` the board after that event."""
    t = tournament_at(code)
    require_organiser(t)
    events = app().stored(t.code)
    lines = story(t.code, events)
    at = _place(len(events))
    then = replay(t.code, events[:at])
    regions = _board(then, lines[at - 1], at == len(events))
    moment = Region("moment", "history/_moment.html", (at, len(events), lines[at - 1]))
    if wants_fragment():
        return fragments(Update((moment, *regions)))  # without a stamp: the slider goes back
    return page(
        "history/page.html",
        t=t,
        lines=lines[::-1],
        regions=(moment, *regions),
        at=at,
        events=len(events),
        file_url=url_for("history.file", code=t.code),
        organise_url=url_for("organise.desk", code=t.code),
    )


def _place(events: int) -> int:
    """The event asked for; the newest when the number is none of them."""
    asked = request.args.get("at", "")
    if asked.isascii() and asked.isdigit() and len(asked) < 10 and 0 < int(asked) <= events:
        return int(asked)
    return events


def _board(then: Tournament, line: Line, newest: bool) -> tuple[Region, ...]:
    """The board as it stood at that moment: cards that turned later lie face down."""
    now = app().now() if newest else line.at
    return tuple(r for r in phone.watch(Scene(then, now)) if r.id != "bar")


@bp.get("/t/<code>/history.jsonl")
def file(code: str) -> ResponseReturnValue:
    """The stream as JSON lines, without what may not be seen yet."""
    t = tournament_at(code)
    require_organiser(t)
    public = {facts.attempt for facts in checks.finished_draws(t, app().now())}
    lines = app().exported(t.code, public)
    headers = {"Content-Disposition": f'attachment; filename="lct-{t.code}.jsonl"'}
    return Response((line + "\n" for line in lines), mimetype="application/jsonl", headers=headers)
