"""The front page: type a code, or create a tournament."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flask import Blueprint, g, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from ..application.execute import CommandRepeated
from ..domain.errors import Busy, CodeTaken, Invalid, LctError, UnknownTournament
from ..domain.evening import CreateTournament, title
from ..domain.pasted import Reading
from ..domain.rights import CREATOR
from ..domain.teams import Team
from ..domain.text import Text
from ..domain.values import new_code
from ..this_request import request_id
from . import forms, identity, passphrase
from .app import app
from .errors import answer_for
from .forms import Wanted
from .limits import address
from .lookup import tournament_at
from .render import page

bp = Blueprint("home", __name__)

CODE_TRIES = 20


@bp.get("/")
def index() -> ResponseReturnValue:
    return _form({}, {})


@bp.get("/go")
def go() -> ResponseReturnValue:
    """Redirect to the tournament whose code was typed."""
    typed = request.args.get("code", "")
    try:
        code = tournament_at(typed).code
    except UnknownTournament as unknown:
        g.error_kind = "business"
        return _form({}, {"code": unknown.sentence}, 404, typed[:40])
    return redirect(url_for("join.form", code=code), 303)


@bp.post("/reading")
def reading() -> ResponseReturnValue:
    """How the list that is being pasted or typed is understood."""
    understood = forms.pasted_list()
    # A list that is not line by line is rewritten and shown again before anything is made of it.
    read = forms.seen_by(understood) if understood.is_plain else ""
    return render_template("home/_reading.html", reading=understood, read=read)


@bp.post("/")
def create() -> ResponseReturnValue:
    form = request.form
    app().limiter.hit("create", address())
    understood: Reading | None = None
    try:
        if passphrase.asked():
            passphrase.check(form.get("passphrase", ""))
            passphrase.remember()
        nonce = form.get("nonce") or secrets.token_hex(16)
        command_id = identity.derived("create", identity.browser_id(), nonce).hex()[:32]
        wrong = dict[str, Text]()
        wanted = forms.wanted(wrong)
        if (understood := forms.unseen_reading(wanted)) is not None:
            _checked(wanted._replace(pasted=understood.names), wrong)
            return _form(_kept(form), {}, reading=understood)
        code, recovery = created(wanted, command_id, wrong)
    except Invalid as invalid:
        return _again(form, invalid, invalid.fields, understood)
    except passphrase.WrongPassphrase as refusal:
        return _again(form, refusal, {"passphrase": refusal.sentence})
    session["recovery"] = {code: recovery}
    response = make_response(redirect(url_for("organise.created", code=code), 303))
    return identity.remember_organiser(response, code, creator_device(command_id))


def _again(
    form: MultiDict[str, str],
    refusal: LctError,
    fields: dict[str, Text],
    reading: Reading | None = None,
) -> ResponseReturnValue:
    status, g.error_kind = answer_for(refusal)
    return _form(_kept(form), fields, status, reading=reading)


def _kept(form: MultiDict[str, str]) -> dict[str, Any]:
    return {**form.to_dict(), "kinds": form.getlist("kinds")}


def _checked(wanted: Wanted, before: Mapping[str, Text]) -> tuple[str, tuple[Team, ...]]:
    """(name, teams), or Invalid with all wrong fields, those found ``before`` included."""
    wrong = dict(before)
    none: tuple[Team, ...] = ()
    teams = forms.checked(wrong, lambda: forms.team_list(wanted, app().catalogue), none)
    name = forms.checked(wrong, lambda: title(wanted.name), "")
    if wrong:
        raise Invalid(**wrong)
    return name, teams


def created(
    wanted: Wanted, command_id: str, before: Mapping[str, Text] = MappingProxyType({})
) -> tuple[str, str]:
    """(code, recovery code), or Invalid with all wrong fields, those found ``before`` included.
    The same command id gives the same tournament."""
    name, teams = _checked(wanted, before)
    recovery = identity.new_recovery_code(identity.derived("recovery", command_id))
    for _ in range(CODE_TRIES):
        code = new_code(secrets.choice)
        command = CreateTournament(
            code=code,
            by=CREATOR,
            command_id=command_id,
            request_id=request_id.get(),
            name=name,
            limit=wanted.limit,
            teams=teams,
            option=wanted.option,
            secret=secrets.token_hex(32),
            keys=identity.creator_keys(code, creator_device(command_id), recovery),
        )
        try:
            app().execute(command)
        except CodeTaken:
            continue
        except CommandRepeated as repeated:
            # The form was sent twice: the recovery code derives from the command id, the code not.
            return repeated.code, recovery
        return code, recovery
    raise Busy


def creator_device(command_id: str) -> str:
    """The device id of a tournament's creator."""
    return identity.derived("device", command_id).hex()[:16]


def _form(
    form: dict[str, Any],
    errors: dict[str, Text],
    status: int = 200,
    typed: str = "",
    reading: Reading | None = None,
) -> ResponseReturnValue:
    """The front page; what is understood takes the place of the pasted list."""
    nonce = form.get("nonce") or secrets.token_hex(16)
    identity.browser_id()  # set now, so that a form sent twice comes from one browser
    if reading and reading.names:
        form = form | {"pasted": "\n".join(reading.names)}
    return page(
        "home/page.html",
        status,
        form=form,
        errors=errors,
        code=typed,
        nonce=nonce,
        reading=reading,
        read=forms.seen_by(reading) if reading else "",
        passphrase_asked=passphrase.asked(),
    )
