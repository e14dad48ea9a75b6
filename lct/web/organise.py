"""The organiser's page: every action of the tournament, and the devices that may use it."""

from __future__ import annotations

import hashlib
import logging
from typing import Any, NamedTuple

from flask import Blueprint, make_response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from ..application.screens import desk as desk_screen
from ..application.screens import lobby
from ..application.screens.region import Region
from ..application.screens.settling import NO_SHEET
from ..domain.devices import RenewRecoveryCode, RenewSeatCodes, RevokeDevice
from ..domain.errors import LctError, NotFound, Refused
from ..domain.guests import AddPlayer
from ..domain.picking import PickTeam
from ..domain.play.refusals import ResultsFall
from ..domain.rights import organiser
from ..domain.text import Text, text
from ..domain.tournament import Tournament
from ..domain.values import shown_code
from ..this_request import request_id
from . import forms, identity, sheet
from .actions import ACTIONS, REPEATABLE
from .app import app, scene
from .errors import refusal_answer
from .limits import tap
from .links import live_url, public
from .lookup import tournament_at
from .render import NO_UPDATE, Update, fragments, notice, page, wants_fragment

log = logging.getLogger(__name__)

bp = Blueprint("organise", __name__)

field = forms.field


def _organised(code: str) -> tuple[Tournament, str]:
    t = tournament_at(code)
    return t, identity.require_organiser(t)


@bp.get("/t/<code>/organise")
def desk(code: str) -> ResponseReturnValue:
    t, _ = _organised(code)
    return sheet.asked(t) or _page(t)


def _page(t: Tournament) -> ResponseReturnValue:
    now, hooks = scene(t), app().webhooks
    return page(
        "organise/page.html",
        t=t,
        regions=(*desk_screen.whole(now), NO_SHEET, _share_host(t)),
        stamp=now.stamp,
        board_url=url_for("board.board", code=t.code),
        live_url=live_url(t.code, "organise"),
        webhooks=hooks.of(t.code) if hooks else (),
    )


class HostLink(NamedTuple):
    url: str


def _share_host(t: Tournament) -> Region:
    return Region("share-host", "organise/_share_host.html", HostLink(organiser_url(t)))


def organiser_url(t: Tournament) -> str:
    """The co-organiser link; empty if its key is no longer valid."""
    key = identity.shown_organiser_key(t)
    if key is None:
        return ""
    return public(url_for("devices.host", code=t.code, key=key))


@bp.get("/t/<code>/created")
def created(code: str) -> ResponseReturnValue:
    """Shown once after creating: the recovery code, and where to go next."""
    t, _ = _organised(code)
    kept = session.pop("recovery", None) or {}
    recovery = kept.get(t.code)
    if recovery is None:
        return redirect(url_for("organise.desk", code=t.code), 303)
    return page(
        "organise/created.html",
        t=t,
        recovery_code=recovery,
        renewed=kept.get("renewed"),
        organiser_url=organiser_url(t),
        board_url=url_for("board.board", code=t.code),
        organise_url=url_for("organise.desk", code=t.code),
    )


@bp.post("/t/<code>/organise")
def act(code: str) -> ResponseReturnValue:
    t, device_id = _organised(code)
    wanted = field("do")
    tap(device_id, ACTIONS[wanted][0] if wanted in ACTIONS else None)
    if wanted == "revoke":
        return _revoke(t, device_id)
    if wanted == "new-recovery":
        return _new_recovery(t, device_id)
    if wanted == "new-seat-codes":
        return _new_seat_codes(t, device_id)
    if wanted == "add":
        return _add(t, device_id)
    if wanted == "remove-webhook" and (hooks := app().webhooks):
        if hooks.remove(t.code, field("webhook")):
            log.info("webhook removed", extra={"labels.tournament": t.code})
        return _done(t, text("Webhook removed. Reload to update the list."))
    if wanted == "address":
        return _readdress(t)
    if wanted not in ACTIONS:
        raise NotFound
    if wanted == "seeding" and (moved := sheet.reordered(t)):
        return moved
    command_class, own = ACTIONS[wanted]
    try:
        command = command_class(**_about(t, device_id, wanted), **own())
        t = app().execute(command)
    except ResultsFall as more:
        return sheet.confirm(t.code, more)
    except LctError as refusal:
        shown = sheet.again(t.code, refusal) if wanted in ("result", "seeding", "teams") else None
        return shown or _refused(t.code, refusal)
    return _done(t, text("Done."))


def _readdress(t: Tournament) -> ResponseReturnValue:
    """Use another address of this machine in all QR codes and links."""
    if not app().address.choose(field("address")):
        raise NotFound
    url = app().public_url
    log.info("address chosen", extra={"labels.public_url": url, "labels.tournament": t.code})
    said = text("The QR codes now lead to %(address)s.", address=url)
    return _done(t, said, _share_host(t))


def _about(t: Tournament, device_id: str, wanted: str) -> dict[str, Any]:
    """The fields of every organiser's command. An action that raises the version can happen once
    per version, so the same one from the same device is one command, however often it is sent."""
    seen = forms.version()
    fields = sorted((k, v) for k, v in request.form.items() if k != "csrf_token")
    digest = hashlib.sha256(repr((t.code, device_id, seen, wanted, fields)).encode()).hexdigest()
    return {
        "code": t.code,
        "by": organiser(device_id),
        "request_id": request_id.get(),
        "expected_version": seen,
        "command_id": digest[:32] if seen is not None and wanted not in REPEATABLE else None,
    }


def _add(t: Tournament, device_id: str) -> ResponseReturnValue:
    """Give a guest without a phone a seat, and go on to picking for them."""
    about = _about(t, device_id, "add")
    player_id = identity.new_player_id(t.code, about["command_id"] or request_id.get())
    first, last = field("first"), field("last")
    try:
        app().execute(AddPlayer(**about, player_id=player_id, first=first, last=last))
    except LctError as refusal:
        return _refused(t.code, refusal)
    return _leave(url_for("organise.pick_for", code=t.code, player=player_id))


def _revoke(t: Tournament, device_id: str) -> ResponseReturnValue:
    key = identity.organiser_key(t.code, t.organiser_links + 1)
    recovery = identity.new_recovery_code()
    try:
        t = app().execute(
            RevokeDevice(
                **_about(t, device_id, "revoke"),
                device_id=field("device"),
                organiser_hash=identity.hashed(key),
                recovery_hash=identity.recovery_hash(t.code, recovery),
            )
        )
    except LctError as refusal:
        return _refused(t.code, refusal)
    if device_id not in t.devices:
        return _leave(url_for("board.board", code=t.code))
    if not identity.is_recovery_code(t, recovery):  # the form was sent twice
        said = text(
            "Device signed out. If you did not see the new recovery code, make another one."
        )
        return _done(t, said)
    return _show_recovery(t, recovery)


def _new_recovery(t: Tournament, device_id: str) -> ResponseReturnValue:
    recovery = identity.new_recovery_code()
    about = _about(t, device_id, "new-recovery") | {"command_id": None}
    digest = identity.recovery_hash(t.code, recovery)
    try:
        app().execute(RenewRecoveryCode(**about, recovery_hash=digest))
    except LctError as refusal:
        return _refused(t.code, refusal)
    return _show_recovery(t, recovery)


def _show_recovery(t: Tournament, recovery: str) -> ResponseReturnValue:
    session["recovery"] = {t.code: recovery, "renewed": True}
    return _leave(url_for("organise.created", code=t.code))


def _leave(url: str) -> ResponseReturnValue:
    """Go to another page, from htmx too."""
    if not wants_fragment():
        return redirect(url, 303)
    response = make_response("", 200)
    response.headers["HX-Redirect"] = url
    return response


def _new_seat_codes(t: Tournament, device_id: str) -> ResponseReturnValue:
    """New personal codes for everybody, or for one player, who is then signed out."""
    about = _about(t, device_id, "new-seat-codes") | {"command_id": None}
    try:
        t = app().execute(RenewSeatCodes(**about, player_id=field("player")))
    except LctError as refusal:
        return _refused(t.code, refusal)
    if player := field("player"):
        return _leave(url_for("organise.pick_for", code=t.code, player=player))
    return _done(t, text("Everybody has a new personal code. Nobody is signed out."))


def _refused(code: str, refusal: LctError) -> ResponseReturnValue:
    fresh = isinstance(refusal, Refused | NotFound)
    shown = _all(app().store.read(code).tournament) if fresh else NO_UPDATE
    return refusal_answer(refusal, shown, url_for("organise.desk", code=code))


def _done(t: Tournament, said: Text, *more: Region) -> ResponseReturnValue:
    if not wants_fragment():
        return redirect(url_for("organise.desk", code=t.code), 303)
    regions, stamp = _all(t)
    return fragments(Update((*regions, *more), stamp), notice(said, "ok"))


def _all(t: Tournament) -> Update:
    now = scene(t)
    return Update((*desk_screen.whole(now), NO_SHEET), now.stamp)


# --- picking for somebody else ----------------------------------------------------------------


@bp.get("/t/<code>/pick-for")
def pick_for(code: str) -> ResponseReturnValue:
    t, _ = _organised(code)
    player = t.player(request.args.get("player", ""))
    seat = identity.seat_code(t, player.id)
    return page(
        "organise/pick_for.html",
        t=t,
        player=player,
        tiles=() if t.dealt else lobby.tiles(scene(t)),
        find=lobby.find(t.teams, len(t.teams), scripted=True),
        personal_code=shown_code(seat),
        personal_url=public(url_for("join.seat", code=t.code, seat=seat)),
        organise_url=url_for("organise.desk", code=t.code),
    )


@bp.post("/t/<code>/pick-for")
def pick_for_them(code: str) -> ResponseReturnValue:
    t, device_id = _organised(code)
    tap(device_id)
    command = PickTeam(
        code=t.code,
        by=organiser(device_id),
        request_id=request_id.get(),
        player_id=field("player"),
        **forms.team(),
        value=forms.random_value(),
    )
    try:
        app().execute(command)
    except LctError as refusal:
        back = url_for("organise.pick_for", code=t.code, player=field("player"))
        return refusal_answer(refusal, back_url=back)
    return redirect(url_for("organise.desk", code=t.code), 303)
