"""What players and the organiser do: one POST, one command, one event."""

from __future__ import annotations

import re
import secrets
from typing import Any

from ...application.messages import Looked
from ...domain.call_names import SetCallName
from ...domain.devices import RenewRecoveryCode, RenewSeatCodes, RevokeDevice
from ...domain.door import LockJoining, UnlockJoining
from ...domain.drawing import DrawTeams, NameNumber, SkipReveal
from ...domain.errors import UnknownTeam
from ...domain.evening import (
    ChangeLimit,
    CloseList,
    CloseTournament,
    RenameTournament,
    ReopenTournament,
)
from ...domain.fact import Command
from ...domain.guests import AddPlayer
from ...domain.listing import ListTeams
from ...domain.people import BlockPlayer, RemovePlayer, RenamePlayer, UnblockPlayer
from ...domain.picking import LetGo, PickTeam, RestartPicks
from ...domain.rights import Right
from .. import identity
from ..app import app
from . import bodies, receipts
from .operation import Call, Shape, Table, View
from .repeats import once, run

api = Table("api_commands", "/api/v1")
T = "/tournaments/<code>"
P = f"{T}/players/<player>"
WRITES = {
    "headers": ("ETag",),
    "refusals": (409, 422),
    "conditional": True,
    "repeatable": True,
}

# (path, right, command class, body, summary)
PLAIN: tuple[tuple[str, Right, type[Command], Shape | None, str], ...] = (
    (f"{P}/team", Right.EITHER, PickTeam, bodies.Pick, "Pick a team; frees the one before."),
    (f"{P}/let-go", Right.PLAYER, LetGo, None, "Give the team back."),
    (f"{P}/rename", Right.EITHER, RenamePlayer, bodies.NewPlayer, "Correct a player's name."),
    (
        f"{P}/call-name",
        Right.EITHER,
        SetCallName,
        bodies.CallName,
        "Set the name for small places.",
    ),
    (f"{P}/remove", Right.ORGANISER, RemovePlayer, None, "Remove a player."),
    (f"{P}/block", Right.ORGANISER, BlockPlayer, None, "Remove a player for good."),
    (f"{P}/unblock", Right.ORGANISER, UnblockPlayer, None, "Let a blocked player join again."),
    (f"{T}/rename", Right.ORGANISER, RenameTournament, bodies.Title, "Rename the tournament."),
    (f"{T}/limit", Right.ORGANISER, ChangeLimit, bodies.Seats, "Change the number of seats."),
    (f"{T}/teams", Right.ORGANISER, ListTeams, bodies.TeamNames, "Mend the list of teams."),
    (f"{T}/close-list", Right.ORGANISER, CloseList, None, "Go on with the players who joined."),
    (f"{P}/seat-code", Right.OWNER, RenewSeatCodes, None, "Renew a player's code; sign them out."),
    (f"{T}/lock", Right.ORGANISER, LockJoining, None, "Stop new players from joining."),
    (f"{T}/unlock", Right.ORGANISER, UnlockJoining, None, "Let players join again."),
    (f"{T}/draw", Right.ORGANISER, DrawTeams, bodies.Draw, "Fix the picks, and draw the teams."),
    (f"{T}/number", Right.ORGANISER, NameNumber, bodies.Number, "Name the number rolled."),
    (f"{T}/skip", Right.ORGANISER, SkipReveal, None, "Turn all cards at once."),
    (f"{T}/close", Right.ORGANISER, CloseTournament, None, "Make the tournament read-only."),
    (f"{T}/reopen", Right.ORGANISER, ReopenTournament, bodies.OldTitle, "Reopen it."),
)


def _runs(command: type[Command]) -> View:
    def view(call: Call) -> Any:
        own = call.body.model_dump() if call.body else {}
        if "player" in call.path:
            own["player_id"] = call.path["player"]
        return run(call, command, **own)

    return view


def _name(command: type[Command]) -> str:
    """PickTeam as pick_team."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", command.__name__).lower()


for path, right, command, body, summary in PLAIN:
    api.add(
        "POST", path, _runs(command), name=_name(command), summary=summary,
        right=right, body=body, answer=receipts.Done, **WRITES,
    )  # fmt: skip


@api.operation(
    "POST", f"{T}/players/add", right=Right.ORGANISER, body=bodies.NewPlayer,
    answer=receipts.Added, **WRITES,
)  # fmt: skip
def add_player(call: Call) -> Any:
    """Give a guest without a phone a seat, also while the door is locked."""
    this = once(call)
    player_id = identity.new_player_id(call.t.code, this.command_id)
    done = run(call, AddPlayer, this, player_id=player_id, **call.body.model_dump())
    return receipts.Added(**done.model_dump(), player_id=player_id)


@api.operation("POST", f"{T}/restart", right=Right.ORGANISER, answer=receipts.Done, **WRITES)
def restart(call: Call) -> Any:
    """Let everyone pick again, under a new seal."""
    return run(call, RestartPicks, secret=secrets.token_hex(32))


@api.operation(
    "POST", f"{T}/devices/<device>/revoke", right=Right.ORGANISER, answer=receipts.Revoked, **WRITES
)
def revoke(call: Call) -> Any:
    """Sign a device out. Its key, the co-organiser link and the recovery code stop working; an
    owner gets the new recovery code. A co-organiser may sign out only their own device. Signing
    out one's own device leaves the recovery code as it is."""
    key = identity.organiser_key(call.t.code, call.t.organiser_links + 1)
    this = once(call)
    recovery = identity.new_recovery_code(identity.derived("recovery", this.command_id))
    done = run(
        call, RevokeDevice, this, device_id=call.path["device"],
        organiser_hash=identity.hashed(key),
        recovery_hash=identity.recovery_hash(call.t.code, recovery),
    )  # fmt: skip
    shown = done.changed and call.caller.id != call.path["device"]
    return receipts.Revoked(**done.model_dump(), recovery_code=recovery if shown else None)


@api.operation("POST", f"{T}/recovery-code", right=Right.OWNER, answer=receipts.Renewed, **WRITES)
def renew(call: Call) -> Any:
    """Make a new recovery code; the old one stops working."""
    this = once(call)
    recovery = identity.new_recovery_code(identity.derived("recovery", this.command_id))
    hashed = identity.recovery_hash(call.t.code, recovery)
    done = run(call, RenewRecoveryCode, this, recovery_hash=hashed)
    return receipts.Renewed(**done.model_dump(), recovery_code=recovery)


@api.operation("POST", f"{T}/seat-codes", right=Right.OWNER, answer=receipts.Done, **WRITES)
def renew_all_seat_codes(call: Call) -> Any:
    """Give every player a new personal code. Nobody is signed out."""
    return run(call, RenewSeatCodes)


@api.operation("POST", f"{P}/share", right=Right.PLAYER, body=bodies.Share, status=204)
def open_share(call: Call) -> Any:
    """Open the share behind the pledge of the player's pick, once the draw has begun. It is stored
    together with others a moment later; send it again if it does not show."""
    app().gatherer.take(call.t.code, call.path["player"], call.body.share, certain=True)


@api.operation("POST", f"{P}/look", right=Right.PLAYER, body=bodies.Look, status=204)
def look(call: Call) -> Any:
    """Show the others which team the player is looking at, for a few seconds."""
    team, player_id = call.body.team, call.path["player"]
    app().limiter.hit("look", player_id)
    if team is not None and team >= len(call.t.teams):
        raise UnknownTeam
    if not call.t.dealt:
        app().bus.send(Looked(call.t.code, player_id, team))
