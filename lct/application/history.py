"""The evening as a story: every stored event as a sentence, and the state after any of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from ..domain import events as e
from ..domain.apply import apply
from ..domain.tournament import Tournament


class Stored(NamedTuple):
    """One event as it lies in the store."""

    seq: int
    event: e.Event
    at: datetime
    actor: str
    request_id: str


class Receipt(NamedTuple):
    """What a command left in the store."""

    command_id: str
    code: str
    seq: int
    type: str
    version: int  # of the tournament, right after this event
    at: datetime


class Line(NamedTuple):
    """One event as people read it."""

    seq: int
    at: datetime
    who: str
    what: str
    type: str
    request_id: str


def replay(code: str, stored: Iterable[Stored]) -> Tournament:
    """The tournament after these events."""
    t = Tournament(code)
    for each in stored:
        apply(t, each.event, each.seq, each.at)
    return t


def story(code: str, stored: Iterable[Stored]) -> list[Line]:
    """Every event as a sentence with the names people had then. Of a draw only that it was made
    is told, not what came of it."""
    t, lines = Tournament(code), []
    for each in stored:
        what = _sentence(t, each.event)
        apply(t, each.event, each.seq, each.at)
        who = _who(t, each.actor)
        lines.append(Line(each.seq, each.at, who, what, each.event.type, each.request_id))
    return lines


def _who(t: Tournament, actor: str) -> str:
    kind, _, device = actor.partition(":")
    if kind == "organiser":
        label = t.devices.get(device, "a device since signed out")
        return f"Host ({label})" if device else "Host"
    return _name(t, actor) if actor in t.players else kind.capitalize()


def _name(t: Tournament, player_id: str) -> str:
    if player := t.players.get(player_id):
        return player.name
    return t.blocked.get(player_id, "a player no longer in")


def _sentence(t: Tournament, event: e.Event) -> str:
    match event:
        case e.TournamentCreated():
            return f"opened “{event.name}” with {event.limit} seats and {len(event.teams)} teams"
        case e.TournamentRenamed():
            return f"renamed the evening from “{t.name}” to “{event.name}”"
        case e.LimitChanged():
            return f"changed the seats from {t.limit} to {event.limit}"
        case e.JoiningLocked():
            return "locked the door"
        case e.JoiningUnlocked():
            return "unlocked the door"
        case e.PlayerJoined():
            return f"{event.first} {event.last} took a seat"
        case e.PlayerRenamed():
            return f"{_name(t, event.player_id)} is now {event.first} {event.last}"
        case e.PlayerRemoved():
            return f"took {_name(t, event.player_id)} off the list"
        case e.PlayerBlocked():
            return f"blocked {_name(t, event.player_id)}"
        case e.PlayerUnblocked():
            return f"unblocked {_name(t, event.player_id)}"
        case e.TeamPicked():
            before = t.players[event.player_id].team
            instead = f" instead of {t.teams[before].name}" if before is not None else ""
            return f"{_name(t, event.player_id)} took {t.teams[event.team].name}{instead}"
        case e.TeamLetGo():
            before = t.players[event.player_id].team
            team = t.teams[before].name if before is not None else "a team"
            return f"{_name(t, event.player_id)} let {team} go"
        case e.PicksRestarted():
            return f"restarted the picks: attempt {event.attempt}, under a new seal"
        case e.TeamsDrawn():
            return f"drew the teams: attempt {event.attempt}, {len(event.hands)} cards"
        case e.RevealSkipped():
            return "turned all cards at once"
        case e.TournamentClosed():
            return "closed the evening"
        case e.TournamentReopened():
            return f"opened the evening again as “{event.name}”"
        case e.DeviceAdmitted():
            return f"let another device run the evening: {event.label}"
        case e.DeviceRevoked():
            return f"signed out {t.devices.get(event.device_id, 'a device')}"
        case e.RecoveryCodeRenewed():
            return "made a new recovery code"
        case e.PlayerForgotten():
            return f"forgot a player, now {event.first} {event.last}"
    raise TypeError(f"nothing is told of {event.type}")
