"""The organiser's history: who did what and when, and the board as it was at any event."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from ..application import finished_draws as checks
from ..application.history import Line, last_told, replay, story
from ..application.screens import phone
from ..application.screens.region import Region, Scene
from ..domain.tournament import Tournament
from .app import app
from .identity import require_organiser
from .lookup import tournament_at
from .render import Update, fragments, page, wants_fragment

bp = Blueprint("history", __name__)


LINES = 200  # listed at once


@bp.get("/t/<code>/history")
def history(code: str) -> ResponseReturnValue:
    """The board after the event ``at``, and the events up to ``until``, newest first. Both are the
    newest event unless the query names another."""
    t = tournament_at(code)
    require_organiser(t)
    at = _place("at", t.seq)
    if wants_fragment():
        line, then = last_told(t.code, app().stored(t.code, at))
        # No stamp: the slider may go back to an older state.
        return fragments(Update(_board(then, line, at, t.seq)))
    until = _place("until", t.seq)
    events = app().stored(t.code, max(at, until))
    lines = story(t.code, events)
    earlier = max(until - LINES, 0)
    return page(
        "history/page.html",
        t=t,
        lines=lines[earlier:until][::-1],
        regions=_board(replay(t.code, events[:at]), lines[at - 1], at, t.seq),
        at=at,
        until=until,
        earlier=earlier,
        later=min(until + LINES, t.seq) if until < t.seq else None,
        events=t.seq,
        file_url=url_for("history.file", code=t.code),
        organise_url=url_for("organise.desk", code=t.code),
    )


def _place(name: str, newest: int) -> int:
    """The number of an event from the query; the newest one if it is missing or out of range."""
    asked = request.args.get(name, "")
    if asked.isascii() and asked.isdigit() and len(asked) < 10 and 0 < int(asked) <= newest:
        return int(asked)
    return newest


def _board(then: Tournament, line: Line, at: int, newest: int) -> tuple[Region, ...]:
    """The event and the board after it; cards that turned later lie face down."""
    now = app().now() if at == newest else line.at
    board = (r for r in phone.watch(Scene(then, now)) if r.id != "bar")
    return Region("moment", "history/_moment.html", (at, newest, line)), *board


@bp.get("/t/<code>/history.jsonl")
def file(code: str) -> ResponseReturnValue:
    """The stream as JSON lines, without anything still secret."""
    t = tournament_at(code)
    require_organiser(t)
    public = {facts.attempt for facts in checks.finished_draws(t, app().now())}
    lines = app().exported(t.code, public)
    headers = {"Content-Disposition": f'attachment; filename="lct-{t.code}.jsonl"'}
    return Response((line + "\n" for line in lines), mimetype="application/jsonl", headers=headers)
