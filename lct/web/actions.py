"""What the organiser's page can do: the commands that its forms send."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from flask import request

from ..domain.call_names import SetCallName
from ..domain.door import LockJoining, UnlockJoining
from ..domain.drawing import DrawTeams, NameNumber, SkipReveal
from ..domain.evening import (
    ChangeLimit,
    CloseList,
    CloseTournament,
    RenameTournament,
    ReopenTournament,
)
from ..domain.fact import Command
from ..domain.listing import ListTeams
from ..domain.people import BlockPlayer, RemovePlayer, RenamePlayer, UnblockPlayer
from ..domain.picking import RestartPicks
from ..domain.play.calling import MoveMatch, NameConsoles, TakeBackCall
from ..domain.play.choosing import ChooseFormat
from ..domain.play.leaving import LeaveMatches, ReturnToMatches
from ..domain.play.pairing import PairRound
from ..domain.play.seeding import SeedEntrants
from ..domain.play.settling import SetResult
from ..domain.values import whole_number
from . import forms

field = forms.field


def _attempt() -> int:
    return whole_number(field("attempt"), "attempt", 1, 10**6)


# Values of the form's "do" -> the command class, and its own fields.
ACTIONS: dict[str, tuple[type[Command], Callable[[], dict[str, Any]]]] = {
    "rename": (RenameTournament, lambda: {"name": field("name")}),
    "limit": (ChangeLimit, lambda: {"limit": forms.limit(request.form)}),
    "teams": (ListTeams, lambda: {"teams": tuple(field("teams").splitlines())}),
    "close-list": (CloseList, dict),
    "lock": (LockJoining, dict),
    "unlock": (UnlockJoining, dict),
    "draw": (DrawTeams, lambda: {"attempt": _attempt()}),
    "roll": (DrawTeams, lambda: {"attempt": _attempt(), "roll": True}),
    "number": (NameNumber, lambda: {"attempt": _attempt(), "number": forms.rolled()}),
    "skip-number": (NameNumber, lambda: {"attempt": _attempt(), "number": ""}),
    "skip": (SkipReveal, dict),
    "restart": (RestartPicks, lambda: {"secret": secrets.token_hex(32)}),
    "close": (CloseTournament, dict),
    "reopen": (ReopenTournament, lambda: {"name": field("name")}),
    "format": (ChooseFormat, lambda: {"format": forms.play_format(), "falls": forms.falls()}),
    "seeding": (SeedEntrants, lambda: {"order": forms.order(), "falls": forms.falls()}),
    "consoles": (NameConsoles, lambda: {"names": forms.consoles()}),
    "result": (SetResult, lambda: {**forms.result(), "falls": forms.falls()}),
    "move": (MoveMatch, lambda: {"match": field("match"), "console": field("console")}),
    "pair": (
        PairRound,
        lambda: {
            "round": whole_number(field("round"), "round", 1, 10**6),
            "again": True,
            "falls": forms.falls(),
        },
    ),
    "take-back": (TakeBackCall, lambda: {"match": field("match")}),
    "leave": (
        LeaveMatches,
        lambda: {"player_id": field("player"), "policy": field("policy"), "falls": forms.falls()},
    ),
    "return": (
        ReturnToMatches,
        lambda: {"player_id": field("player"), "falls": forms.falls()},
    ),
    "remove": (RemovePlayer, lambda: {"player_id": field("player")}),
    "block": (BlockPlayer, lambda: {"player_id": field("player")}),
    "unblock": (UnblockPlayer, lambda: {"player_id": field("player")}),
    "rename-player": (
        RenamePlayer,
        lambda: {"player_id": field("player"), "first": field("first"), "last": field("last")},
    ),
    "call-name": (
        SetCallName,
        lambda: {"player_id": field("player"), "call_name": field("call_name")},
    ),
}

# These raise no version: the same one may be wanted again.
REPEATABLE = frozenset(("rename-player", "call-name", "consoles", "move", "take-back", "pair"))
