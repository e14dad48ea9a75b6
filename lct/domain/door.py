"""The door: while it is locked, nobody joins by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .fact import Command, Event
from .text import Text, text
from .tournament import Tournament


@dataclass(frozen=True, slots=True)
class JoiningLocked(Event):
    """The door was locked: nobody can join."""

    type = "joining-locked"
    versioned = True

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.locked = True

    def sentence(self, t: Tournament) -> Text:
        return text("locked the door")


@dataclass(frozen=True, kw_only=True)
class LockJoining(Command):
    def decide(self, t: Tournament, now: datetime) -> JoiningLocked | None:
        t.check_open()
        return None if t.locked else JoiningLocked()


@dataclass(frozen=True, slots=True)
class JoiningUnlocked(Event):
    """The door was unlocked."""

    type = "joining-unlocked"
    versioned = True

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.locked = False

    def sentence(self, t: Tournament) -> Text:
        return text("unlocked the door")


@dataclass(frozen=True, kw_only=True)
class UnlockJoining(Command):
    def decide(self, t: Tournament, now: datetime) -> JoiningUnlocked | None:
        t.check_open()
        return JoiningUnlocked() if t.locked else None
