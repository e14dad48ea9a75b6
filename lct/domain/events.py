"""What happened. Every class is one fact with a stable wire name and a schema version.

``by``: who may cause it.
``versioned``: it changes the flow of the evening, so it raises the tournament's version.
``claims``: a text no other live event may hold; a later claim of the same kind
in the same stream supersedes it, ``releases`` gives it up.

docs/events.md is made from this module; a stored class never changes its fields without a new
``schema`` and a function that lifts the old one (``UPCASTERS``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple

from .errors import Invalid, TournamentNameTaken
from .teams import Team
from .values import fold


class Claim(NamedTuple):
    """A text that only one live event may hold, and the refusal for whoever comes second."""

    kind: str
    field: str
    taken: Callable[[str], Invalid]


class Keys(NamedTuple):
    """Who may run a tournament: its creator's device, and hashes of the two secrets."""

    device_id: str
    organiser_hash: str
    recovery_hash: str


TOURNAMENT_NAME = Claim("tournament-name", "name", TournamentNameTaken)


@dataclass(frozen=True, slots=True)
class Event:
    type: ClassVar[str]
    by: ClassVar[str] = "organiser"
    schema: ClassVar[int] = 1
    versioned: ClassVar[bool] = False
    claims: ClassVar[Claim | None] = None
    releases: ClassVar[str | None] = None

    @property
    def unique(self) -> str | None:
        """The text this event claims, e.g. ``tournament-name:friday cup``, or None."""
        if self.claims is None:
            return None
        return f"{self.claims.kind}:{fold(getattr(self, self.claims.field))}"

    def to_data(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Event:
        return cls(**data)


@dataclass(frozen=True, slots=True)
class TournamentCreated(Event):
    """The evening was opened; its draw is sealed from here on."""

    type = "tournament-created"
    by = "anyone"
    versioned = True
    claims = TOURNAMENT_NAME

    name: str
    limit: int
    teams: tuple[Team, ...]
    option: str  # draw.PLAIN or draw.NOT_OWN
    commitment: str
    secret: str
    device_id: str
    organiser_hash: str
    recovery_hash: str

    def to_data(self) -> dict[str, Any]:
        return Event.to_data(self) | {"teams": [list(team) for team in self.teams]}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> TournamentCreated:
        return cls(**data | {"teams": tuple(Team(*team) for team in data["teams"])})


@dataclass(frozen=True, slots=True)
class TournamentRenamed(Event):
    """The evening got another name."""

    type = "tournament-renamed"
    versioned = True
    claims = TOURNAMENT_NAME

    name: str


@dataclass(frozen=True, slots=True)
class LimitChanged(Event):
    """The number of seats changed; "close the list" is this too."""

    type = "limit-changed"
    versioned = True

    limit: int


@dataclass(frozen=True, slots=True)
class JoiningLocked(Event):
    """The door was locked: nobody can join."""

    type = "joining-locked"
    versioned = True


@dataclass(frozen=True, slots=True)
class JoiningUnlocked(Event):
    """The door was unlocked."""

    type = "joining-unlocked"
    versioned = True


@dataclass(frozen=True, slots=True)
class PlayerJoined(Event):
    """A guest took a seat."""

    type = "player-joined"
    by = "player"

    player_id: str
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class PlayerRenamed(Event):
    """A player's name was corrected."""

    type = "player-renamed"
    by = "player or organiser"

    player_id: str
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class PlayerRemoved(Event):
    """A player was taken off the list, and may come back."""

    type = "player-removed"
    versioned = True

    player_id: str


@dataclass(frozen=True, slots=True)
class PlayerBlocked(Event):
    """A player was taken off the list for good."""

    type = "player-blocked"
    versioned = True

    player_id: str


@dataclass(frozen=True, slots=True)
class PlayerUnblocked(Event):
    """A blocked player may join again."""

    type = "player-unblocked"
    versioned = True

    player_id: str


@dataclass(frozen=True, slots=True)
class TeamPicked(Event):
    """A player took a team; the one they had before is free."""

    type = "team-picked"
    by = "player or organiser"

    player_id: str
    team: int  # its place in the tournament's list
    value: str  # hex, made in the player's browser


@dataclass(frozen=True, slots=True)
class TeamLetGo(Event):
    """A player gave their team back."""

    type = "team-let-go"
    by = "player"

    player_id: str


@dataclass(frozen=True, slots=True)
class PicksRestarted(Event):
    """Everyone picks again, under a new seal."""

    type = "picks-restarted"
    versioned = True

    attempt: int
    commitment: str
    secret: str


@dataclass(frozen=True, slots=True)
class TeamsDrawn(Event):
    """The picked teams were handed out; the cards turn from this time on."""

    type = "teams-drawn"
    versioned = True

    attempt: int
    secret: str
    option: str
    hands: tuple[tuple[str, int], ...]  # (player id, place in the team list)

    def to_data(self) -> dict[str, Any]:
        return Event.to_data(self) | {"hands": [list(hand) for hand in self.hands]}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> TeamsDrawn:
        return cls(**data | {"hands": tuple((p, t) for p, t in data["hands"])})


@dataclass(frozen=True, slots=True)
class RevealSkipped(Event):
    """All cards were turned at once."""

    type = "reveal-skipped"
    versioned = True


@dataclass(frozen=True, slots=True)
class TournamentClosed(Event):
    """The evening became read-only."""

    type = "tournament-closed"
    versioned = True
    releases = TOURNAMENT_NAME.kind


@dataclass(frozen=True, slots=True)
class TournamentReopened(Event):
    """A closed evening was opened again."""

    type = "tournament-reopened"
    versioned = True
    claims = TOURNAMENT_NAME

    name: str


@dataclass(frozen=True, slots=True)
class DeviceAdmitted(Event):
    """A device got the organiser's rights, by the link or the recovery code."""

    type = "device-admitted"
    by = "holder of the link or the recovery code"

    device_id: str
    label: str


@dataclass(frozen=True, slots=True)
class DeviceRevoked(Event):
    """Also replaces the co-organiser link: whoever held the device may have seen it."""

    type = "device-revoked"
    versioned = True

    device_id: str
    organiser_hash: str


@dataclass(frozen=True, slots=True)
class RecoveryCodeRenewed(Event):
    """The recovery code was replaced."""

    type = "recovery-code-renewed"

    recovery_hash: str


@dataclass(frozen=True, slots=True)
class PlayerForgotten(Event):
    """A player asked to be forgotten: from here on a neutral name stands for them, and the
    older events that named them are rewritten to it."""

    type = "player-forgotten"
    by = "operator"

    player_id: str
    first: str
    last: str


EVENTS: dict[str, type[Event]] = {cls.type: cls for cls in Event.__subclasses__()}
