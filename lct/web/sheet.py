"""The sheet over the organiser's page: one match, the matches of a name, the tables, the order of
the players, a player who leaves, the list of teams, or a question. Without htmx it is a page of its
own."""

from __future__ import annotations

from flask import g, request
from flask.typing import ResponseReturnValue

from ..application.screens import seeding, settling
from ..application.screens.leaving import leaving
from ..application.screens.listing import listing
from ..application.screens.region import Region, Scene
from ..domain.errors import Invalid, LctError
from ..domain.play.refusals import MatchNotReady, ResultsFall, UnknownMatch
from ..domain.text import verbatim
from ..domain.tournament import Tournament
from . import forms
from .app import app, scene
from .errors import answer_for
from .render import Update, fragments, notice, page, wants_fragment


def asked(t: Tournament) -> ResponseReturnValue | None:
    """The sheet that the address asks for, if it does."""
    if key := request.args.get("match", ""):
        now = scene(t)
        return _sheet(now, settling.settle(now, key[:20]))
    if request.args.get("seeding"):
        now = scene(t)
        return _sheet(now, seeding.seeding(now))
    if who := request.args.get("leaves", ""):
        now = scene(t)
        return _sheet(now, leaving(now, who))
    if request.args.get("teams"):
        now = scene(t)
        return _sheet(now, listing(now))
    if request.args.get("tables"):
        now = scene(t)
        return _sheet(now, settling.tables_sheet(now))
    if words := request.args.get("find", ""):
        now = scene(t)
        return _sheet(now, settling.found(now, words[:60]))
    return None


def reordered(t: Tournament) -> ResponseReturnValue | None:
    """The sheet after a button moved a player up or down; that stores nothing. None if none did."""
    up, down = forms.field("up"), forms.field("down")
    if not (up or down):
        return None
    now, order = scene(t), seeding.moved(forms.order(), up or down, -1 if up else 1)
    return _sheet(now, seeding.seeding(now, order))


def again(code: str, refusal: LctError) -> ResponseReturnValue | None:
    """The sheet of what was refused, a result, an order or a list, with what was typed; None if
    there is no such sheet."""
    status, g.error_kind = answer_for(refusal)
    now = scene(app().store.read(code).tournament)
    if forms.field("do") == "teams":
        return _sheet(now, listing(now, forms.field("teams"), refusal.sentence), status)
    if forms.field("do") == "seeding":
        return _sheet(now, seeding.seeding(now, forms.order(), refusal.sentence), status)
    try:
        typed = forms.score()
    except Invalid:
        typed = None
    try:
        shown = settling.settle(now, forms.field("match"), typed, refusal.sentence)
    except (UnknownMatch, MatchNotReady):
        return None
    return _sheet(now, shown, status)


def confirm(code: str, refusal: ResultsFall) -> ResponseReturnValue:
    """Show which results would be lost, and ask again with them."""
    status, g.error_kind = answer_for(refusal)
    now = scene(app().store.read(code).tournament)
    left_out = ("csrf_token", "falls", "version")
    fields = tuple((k, v) for k, v in request.form.items(multi=True) if k not in left_out)
    fields += tuple(("falls", key) for key in refusal.matches)
    asked = (forms.field("match"), forms.set_result()) if forms.field("do") == "result" else ()
    return _sheet(now, settling.confirm(now, fields, refusal.matches, *asked), status)


def _sheet(now: Scene, shown: Region, status: int = 200) -> ResponseReturnValue:
    if wants_fragment():
        return fragments(Update((shown,), now.stamp), notice(verbatim(""), "ok"), status)
    return page("organise/confirm.html", status, t=now.t, sheet=shown)
