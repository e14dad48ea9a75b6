"""The consoles: their names, and which match is on which where the organiser steps in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..errors import Invalid
from ..fact import THE_PLAY, Command, Event, Public
from ..text import Text, counted, in_order, text
from ..tournament import Tournament
from ..values import NAME_CLUSTERS, fold, visible_text
from . import refusals
from .checks import check_playable, playing
from .schedule import MOST_CONSOLES, busy, with_consoles
from .wording import sides_text


@dataclass(frozen=True, slots=True)
class ConsolesNamed(Event):
    """The consoles to play on, in their order."""

    type = "consoles-named"

    names: Public[tuple[str, ...]]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.play.queue = with_consoles(t.play.queue, self.names)
        t.play.call()

    def sentence(self, t: Tournament) -> Text:
        return counted(
            "set up %(n)s console: %(names)s",
            "set up %(n)s consoles: %(names)s",
            len(self.names),
            names=in_order(self.names),
        )


@dataclass(frozen=True, kw_only=True)
class NameConsoles(Command):
    names: tuple[str, ...]

    def decide(self, t: Tournament, now: datetime) -> ConsolesNamed | None:
        t.check_open()
        names = tuple(
            visible_text(name, "names", NAME_CLUSTERS, text("Type a name for each console."))
            for name in self.names
        )
        if not 1 <= len(names) <= MOST_CONSOLES:
            raise Invalid(names=text("Name from 1 to %(most)s consoles.", most=MOST_CONSOLES))
        if len(set(map(fold, names))) < len(names):
            raise Invalid(names=text("Two consoles have the same name."))
        return ConsolesNamed(names) if names != tuple(t.play.queue.consoles) else None


@dataclass(frozen=True, slots=True)
class MatchMoved(Event):
    """The organiser put a match on a console. What was there changes places with it, or waits."""

    type = "match-moved"
    touched = THE_PLAY

    match: Public[str]
    console: Public[str]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.play.move(self.match, self.console)

    def sentence(self, t: Tournament) -> Text:
        match = sides_text(t, self.match)
        return text("called %(match)s to %(console)s", match=match, console=self.console)


@dataclass(frozen=True, kw_only=True)
class MoveMatch(Command):
    match: str
    console: str

    def decide(self, t: Tournament, now: datetime) -> MatchMoved | None:
        match = playing(t, self.match, now)
        queue = t.play.queue
        if self.console not in queue.consoles:
            raise refusals.UnknownConsole
        here = t.play.console_of(self.match)
        if here == self.console:
            return None
        if match.decided or self.match in t.play.reports:
            raise refusals.MatchPlayed
        check_playable(match)
        there = queue.consoles[self.console]
        free = set(there[1:3]) if there and not here else set()  # who makes room
        if not here and (busy(queue) - free) & set(match.sides):
            raise refusals.SideIsPlaying
        return MatchMoved(self.match, self.console)


@dataclass(frozen=True, slots=True)
class CallTakenBack(Event):
    """The organiser took a call back: the match waits until another one is over."""

    type = "call-taken-back"
    touched = THE_PLAY

    match: Public[str]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.play.take_back(self.match)

    def sentence(self, t: Tournament) -> Text:
        return text("took back the call of %(match)s", match=sides_text(t, self.match))


@dataclass(frozen=True, kw_only=True)
class TakeBackCall(Command):
    match: str

    def decide(self, t: Tournament, now: datetime) -> CallTakenBack | None:
        playing(t, self.match, now)
        if self.match in t.play.reports:
            raise refusals.MatchPlayed
        return CallTakenBack(self.match) if t.play.console_of(self.match) else None
