"""Getting the organiser's rights on another device: the co-organiser link and the recovery code."""

from __future__ import annotations

from flask import Blueprint, g, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ..domain.devices import AdmitDevice
from ..domain.errors import NotAllowed, Refused, WrongRecoveryCode
from ..domain.rights import organiser
from ..domain.tournament import SOME_DEVICE, Tournament
from ..this_request import request_id
from . import forms, identity
from .app import app
from .errors import answer_for, refusal_answer
from .limits import tried
from .lookup import tournament_at
from .render import page

bp = Blueprint("devices", __name__)


@bp.get("/t/<code>/host/<key>")
def host(code: str, key: str) -> ResponseReturnValue:
    """The co-organiser link: a page with one button, since programs open links to preview them."""
    t = tournament_at(code)
    if request.method == "HEAD":  # a link check
        return "", 204
    if not tried(identity.is_organiser_key(t, key)):
        return redirect(url_for("devices.recover", code=t.code), 303)
    if identity.organiser_device(t):
        return redirect(url_for("organise.desk", code=t.code), 303)
    return page("organise/admit.html", t=t)


@bp.post("/t/<code>/host/<key>")
def admit(code: str, key: str) -> ResponseReturnValue:
    """That button: admit this device, and take the secret out of the address bar."""
    t = tournament_at(code)
    if not tried(identity.is_organiser_key(t, key)):
        return redirect(url_for("devices.recover", code=t.code), 303)
    return _admit(t, identity.hashed(key))


@bp.get("/t/<code>/recover")
def recover(code: str) -> ResponseReturnValue:
    t = tournament_at(code)
    return page("organise/recover.html", t=t, errors={})


@bp.post("/t/<code>/recover")
def recovered(code: str) -> ResponseReturnValue:
    t = tournament_at(code)
    typed = forms.field("code")
    if not tried(identity.is_recovery_code(t, typed)):
        status, g.error_kind = answer_for(WrongRecoveryCode())
        wrong = {"code": WrongRecoveryCode.sentence}
        return page("organise/recover.html", status, t=t, errors=wrong)
    return _admit(t, identity.recovery_hash(t.code, typed))


def _admit(t: Tournament, shown: str) -> ResponseReturnValue:
    device_id = identity.organiser_device(t) or identity.new_device_id()
    label = _label(request.user_agent.string)
    command = AdmitDevice(
        code=t.code,
        by=organiser(device_id),
        request_id=request_id.get(),
        device_id=device_id,
        label=label,
        shown=shown,
    )
    try:
        app().execute(command)
    except (Refused, NotAllowed) as refusal:
        return refusal_answer(refusal, back_url=url_for("board.board", code=t.code))
    response = make_response(redirect(url_for("organise.desk", code=t.code), 303))
    return identity.remember_organiser(response, t.code, device_id)


_DEVICES = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)


def _label(agent: str) -> str:
    """The kind of device, from its user agent."""
    return next((name for mark, name in _DEVICES if mark in agent), str(SOME_DEVICE))
