"""The history of a tournament: every stored event as a sentence, and the state after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from ..domain.fact import Event, apply
from ..domain.text import Text, text, verbatim
from ..domain.tournament import Tournament, device_text


class Stored(NamedTuple):
    """One event as stored."""

    seq: int
    event: Event
    at: datetime
    actor: str
    request_id: str


class Receipt(NamedTuple):
    """The stored result of a command."""

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
    who: str | Text
    what: Text
    type: str
    request_id: str


def replay(code: str, stored: Iterable[Stored]) -> Tournament:
    """The tournament after these events."""
    t = Tournament(code)
    for each in stored:
        apply(t, each.event, each.seq, each.at)
    return t


def story(code: str, stored: Iterable[Stored]) -> list[Line]:
    """Every event as a sentence, with the names people had then. A draw's sentence does not give
    its result."""
    t = Tournament(code)
    return [_told(t, each) for each in stored]


def last_told(code: str, stored: Sequence[Stored]) -> tuple[Line, Tournament]:
    """The last of these events as a sentence, and the tournament after it."""
    *before, last = stored
    t = replay(code, before)
    return _told(t, last), t


def _told(t: Tournament, each: Stored) -> Line:
    """The next event as a sentence; applies it to ``t``."""
    what = each.event.sentence(t)
    apply(t, each.event, each.seq, each.at)
    player = getattr(each.event, "player_id", "") if each.event.players_own else each.actor
    if player != each.actor:
        what = text("%(what)s for %(player)s", what=what, player=t.name_of(player))
    return Line(each.seq, each.at, _who(t, each.actor), what, each.event.type, each.request_id)


# Who may act besides players, as stored.
ACTORS = {
    "organiser": text("Host"),
    "player": text("Player"),
    "operator": text("Operator"),
    "system": text("System"),
}


def _who(t: Tournament, actor: str) -> str | Text:
    kind, _, device = actor.partition(":")
    if kind == "organiser" and device:
        label = t.devices.get(device)
        shown = text("a device since signed out") if label is None else device_text(label)
        return text("Host (%(device)s)", device=shown)
    return t.name_of(actor) if actor in t.players else ACTORS.get(kind) or verbatim(kind)
