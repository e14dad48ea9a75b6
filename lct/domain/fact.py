"""Commands (what somebody wants) and events (what happened).

Each subject (picking.py, people.py ...) keeps its commands and events together: the rule, the
change, the sentence in the history, and when each field may be seen.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Annotated, Any, ClassVar, NamedTuple, Self, TypeVar

from . import codec
from .errors import (
    Invalid,
    NotAllowed,
    NotAPlayer,
    NotTheOrganiser,
    NotTheOwner,
    VersionMismatch,
)
from .rights import Actor, Right
from .text import Text
from .tournament import Tournament
from .values import MAX_CLUSTER, TITLE_CLUSTERS, fold

LONGEST_TEXT = TITLE_CLUSTERS * MAX_CLUSTER  # of any text in an event
MOST = 2**31 - 1  # above any real count, and within what every store can hold


# --- commands -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Command(ABC):
    """A wanted change, as frozen data.

    ``by`` is who acts. ``expected_version`` is the version that they saw (None: any). Repeating a
    ``command_id`` succeeds and changes nothing.
    """

    right: ClassVar[Right] = Right.ORGANISER
    creates: ClassVar[bool] = False  # whether it creates the tournament

    code: str
    by: Actor
    expected_version: int | None = None
    command_id: str | None = None
    request_id: str | None = None

    @abstractmethod
    def decide(self, t: Tournament, now: datetime) -> Event | None:
        """The resulting event, or None if there is nothing to do; raises what the rules refuse."""

    def event_on(self, t: Tournament, now: datetime) -> Event | None:
        """Check the right and the version against this state, then decide on it."""
        self._check_right(t)
        if self.expected_version not in (None, t.version):
            raise VersionMismatch(self.expected_version or 0, t.version)
        return self.decide(t, now)

    def _check_right(self, t: Tournament) -> None:
        kind, who, renewed = self.by
        if self.right is Right.ANYONE or kind in ("system", "operator"):
            return
        if kind == "organiser" and self.right in (Right.ORGANISER, Right.EITHER, Right.OWNER):
            if who not in t.devices:
                raise NotTheOrganiser
            if self.right is Right.OWNER and who not in t.owners:
                raise NotTheOwner
            return
        if kind == "player" and self.right in (Right.PLAYER, Right.EITHER):
            if who not in t.players or renewed != t.seat_codes.get(who, 0):
                raise NotAPlayer
            if who == getattr(self, "player_id", None):
                return
        raise NotTheOrganiser if self.right in (Right.ORGANISER, Right.OWNER) else NotAllowed


# --- events ---------------------------------------------------------------------------------------


class Seen(Enum):
    """When a field of an event may leave the process. An unmarked field leaves only in an export
    with secrets."""

    AT_ONCE = "at once"
    AFTER_LAST_CARD = "after the last card"  # of the event's ``attempt``
    IN_EXPORTS = "in exports only"


T = TypeVar("T")
Public = Annotated[T, Seen.AT_ONCE]
AfterLastCard = Annotated[T, Seen.AFTER_LAST_CARD]
Exported = Annotated[T, Seen.IN_EXPORTS]


class Touched(NamedTuple):
    """The players, teams (by place), matches (by key) and tables (by group) whose parts of a screen
    a change may alter. ``play``: it altered the state of the matches, and nothing else; the screens
    find out which by comparing (application/screens/played.py)."""

    players: frozenset[str] = frozenset()
    teams: frozenset[int] = frozenset()
    matches: frozenset[str] = frozenset()
    tables: frozenset[str] = frozenset()
    play: bool = False

    def __or__(self, other: Touched) -> Touched:
        return Touched(
            self.players | other.players,
            self.teams | other.teams,
            self.matches | other.matches,
            self.tables | other.tables,
            self.play or other.play,
        )


THE_PLAY = Touched(play=True)


class Claim(NamedTuple):
    """A text that only one live event may hold, and the error for a second claim."""

    kind: str
    field: str
    taken: Callable[[str], Invalid]


EVENTS: dict[str, type[Event]] = {}  # stored name -> class; lct.domain imports every subject


@dataclass(frozen=True, slots=True)
class Event(ABC):
    """A change that happened. ``type`` is its stored name, ``schema`` the version of its fields:
    changing a stored class's fields takes a new schema and a function that upgrades the old one.

    ``by`` names who may cause it. A ``versioned`` event changes the flow of the tournament, so it
    raises the tournament's version. ``claims`` is a text that no other live event may hold; a later
    claim of the same kind in the same stream supersedes it, and ``releases`` gives it up. In an
    event of ``players_own`` the player ``player_id`` acts, or somebody acts for them. ``touched``:
    see ``touches``.
    """

    type: ClassVar[str]
    by: ClassVar[str] = "organiser"
    schema: ClassVar[int] = 1
    versioned: ClassVar[bool] = False
    players_own: ClassVar[bool] = False
    claims: ClassVar[Claim | None] = None
    releases: ClassVar[str | None] = None
    touched: ClassVar[Touched | None] = None

    def __init_subclass__(cls, **more: Any) -> None:
        # Called twice: ``slots=True`` creates a second class, which replaces the first here.
        EVENTS[cls.type] = cls

    @abstractmethod
    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        """Change ``t``. Never refuses: a stored event has happened. Callers use ``apply`` below."""

    @abstractmethod
    def sentence(self, t: Tournament) -> Text:
        """What was done, given the state before the event: a predicate, such as "took a seat",
        whose subject the history names before it."""

    def touches(self, t: Tournament) -> Touched | None:
        """The parts of a screen that the event changes besides the counts, given the state before
        it: ``touched``, unless that depends on them. None means any part, which is always safe."""
        return self.touched

    def sound(self) -> bool:
        """Whether a rule could have produced these values; an import may hold anything."""
        return all(_sound(getattr(self, field.name)) for field in fields(self))

    @property
    def unique(self) -> str | None:
        """The text that this event claims, e.g. ``tournament-name:friday cup``, or None."""
        if self.claims is None:
            return None
        return f"{self.claims.kind}:{fold(getattr(self, self.claims.field))}"

    def to_data(self) -> dict[str, Any]:
        return {field.name: codec.plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Self:
        """The event with these fields; TypeError if they do not match the class."""
        event: Self = codec.reader(cls)(data)
        return event

    def public(self) -> dict[str, Any]:
        """The fields that anybody may see at once."""
        return self._seen(Seen.AT_ONCE)

    def exported(self, finished: Collection[int]) -> dict[str, Any]:
        """The fields of the organiser's export; ``finished``: the attempts whose last card has been
        turned."""
        moments = [Seen.AT_ONCE, Seen.IN_EXPORTS]
        if getattr(self, "attempt", None) in finished:
            moments.append(Seen.AFTER_LAST_CARD)
        return self._seen(*moments)

    def _seen(self, *moments: Seen) -> dict[str, Any]:
        allowed = seen(type(self))
        return {
            name: codec.plain(getattr(self, name)) for name in allowed if allowed[name] in moments
        }


@cache
def seen(event: type[Event]) -> dict[str, Seen | None]:
    """When each field of an event may be seen; None: never."""
    return {
        field.name: next(
            (
                said
                for said in getattr(codec.hints(event)[field.name], "__metadata__", ())
                if isinstance(said, Seen)
            ),
            None,
        )
        for field in fields(event)
    }


def _sound(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_TEXT
    if isinstance(value, tuple):
        return all(map(_sound, value))
    return type(value) is not int or 0 <= value <= MOST


def apply(t: Tournament, event: Event, seq: int, at: datetime) -> None:
    """Apply one event to ``t``; ``seq`` is its place in the stream, ``at`` its time."""
    event.apply(t, seq, at)
    t.version += event.versioned
    t.seq = seq
