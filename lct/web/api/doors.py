"""How callers get a bearer token: by creating, joining, or showing a secret that they kept."""

from __future__ import annotations

from typing import Any

from flask import url_for

from ...domain.devices import AdmitDevice
from ...domain.errors import Invalid, NotAllowed, WrongRecoveryCode
from ...domain.people import Join
from ...domain.rights import Right, organiser, player
from ...domain.text import text
from .. import home, identity, passphrase
from ..app import app
from ..forms import Wanted
from ..identity import ORGANISER, PLAYER, derived, organiser_key
from ..limits import address, tried
from ..links import join_url, public
from . import bodies, receipts
from .operation import Call, Table
from .reads import seat_of
from .repeats import left, once, run

api = Table("api_doors", "/api/v1")
T = "/tournaments/<code>"
DOOR = {"right": Right.ANYONE, "status": 201}
KEY = "Lct-Organiser-Key"


@api.operation(
    "POST", "/tournaments", **DOOR, body=bodies.NewTournament, answer=receipts.Created,
    headers=("ETag", "Location"), refusals=(403,), repeatable=True,
)  # fmt: skip
def create(call: Call) -> Any:
    """Create a tournament. Only this response has its organiser key."""
    return created(call, Wanted(**call.body.model_dump(exclude={"passphrase"})))


def created(call: Call, wanted: Wanted) -> receipts.Created:
    """Create as the page's form does. All secrets derive from the command's id, so a repeat gets
    them again although only hashes are stored."""
    command_id, receipt = once(call)
    if receipt is None:
        app().limiter.hit("create", address())
        passphrase.check(call.body.passphrase)
        home.created(wanted, command_id)
    done = left(call, command_id, receipt)
    code = done.code
    call.headers["Location"] = url_for("api_reads.tournament", code=code)
    link = url_for("devices.host", code=code, key=organiser_key(code, 1))
    return receipts.Created(
        **done.model_dump(),
        organiser_key=identity.token(code, ORGANISER, home.creator_device(command_id)),
        recovery_code=identity.new_recovery_code(derived("recovery", command_id)),
        organiser_url=public(link),
        join_url=join_url(app().public_url, code),
        board_url=public(url_for("board.board", code=code)),
    )


@api.operation(
    "POST", f"{T}/players", **DOOR, body=bodies.NewPlayer, answer=receipts.Joined,
    headers=("ETag", "Location"), refusals=(403, 409), conditional=True, repeatable=True,
)  # fmt: skip
def join(call: Call) -> Any:
    """Join the tournament. Returns the player's own token."""
    app().limiter.hit("join", address())
    code, this = call.t.code, once(call)
    player_id = identity.new_player_id(code, this.command_id)
    done = run(call, Join, this, player(player_id), player_id=player_id, **call.body.model_dump())
    call.headers["Location"] = url_for("api_reads.seat", code=code, player=player_id)
    return receipts.Joined(
        **done.model_dump(),
        **seat_of(call.t, player_id).model_dump(),
        player_id=player_id,
        token=identity.token(code, PLAYER, identity.ticket(call.t, player_id)),
    )


@api.operation(
    "POST", f"{T}/seat", right=Right.ANYONE, body=bodies.SeatCode, answer=receipts.CameBack
)
def come_back(call: Call) -> Any:
    """Exchange a personal code for its player's token."""
    player_id = tried(identity.player_with_seat_code(call.t, call.body.seat_code))
    if player_id is None:
        raise Invalid(seat_code=text("No seat has that code."))
    return receipts.CameBack(
        **seat_of(call.t, player_id).model_dump(),
        player_id=player_id,
        token=identity.token(call.t.code, PLAYER, identity.ticket(call.t, player_id)),
    )


@api.operation(
    "POST", f"{T}/devices", **DOOR, body=bodies.NewDevice, answer=receipts.Admitted,
    headers=("ETag",), refusals=(403, 409), conditional=True, repeatable=True,
)  # fmt: skip
def admit(call: Call) -> Any:
    """Exchange the co-organiser link or the recovery code for an organiser key. The host sees it
    among the devices and can revoke it."""
    t, given = call.t, call.body
    shown = ""
    if given.link_key and identity.is_organiser_key(t, given.link_key):
        shown = identity.hashed(given.link_key)
    elif given.recovery_code and identity.is_recovery_code(t, given.recovery_code):
        shown = identity.recovery_hash(t.code, given.recovery_code)
    if not tried(shown):
        bad_key = NotAllowed(text("That key is not valid."))
        raise WrongRecoveryCode if given.recovery_code else bad_key
    this = once(call)
    device_id = derived("device", this.command_id).hex()[:16]
    done = run(
        call, AdmitDevice, this, organiser(device_id),
        device_id=device_id, label=given.label, shown=shown,
    )  # fmt: skip
    return receipts.Admitted(
        **done.model_dump(),
        device_id=device_id,
        organiser_key=identity.token(t.code, ORGANISER, device_id),
    )
