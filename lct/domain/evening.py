"""The tournament itself: opening, naming, its seats, closing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple

from . import errors
from .draw import NOT_OWN, PLAIN, commitment
from .fact import AfterLastCard, Claim, Command, Event, Exported, Public
from .rights import Right
from .teams import Team, are_teams
from .text import Text, counted, text
from .tournament import CREATORS, MAX_PLAYERS, MIN_PLAYERS, Tournament
from .values import TITLE_CLUSTERS, not_between, visible_text

NAME = Claim("tournament-name", "name", errors.TournamentNameTaken)


class Keys(NamedTuple):
    """The keys to a new tournament: its creator's device, and hashes of the two secrets."""

    device_id: str
    organiser_hash: str
    recovery_hash: str


def title(typed: str) -> str:
    """The typed name of a tournament, cleaned; Invalid if it is not a valid name."""
    return visible_text(typed, "name", TITLE_CLUSTERS, text("Type a name for the tournament."))


def is_title(name: str) -> bool:
    """Whether ``title`` would return ``name`` unchanged."""
    try:
        return title(name) == name
    except errors.Invalid:
        return False


def check_seats(limit: int) -> None:
    if not MIN_PLAYERS <= limit <= MAX_PLAYERS:
        raise errors.Invalid(limit=not_between(MIN_PLAYERS, MAX_PLAYERS))


# --- opening --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TournamentCreated(Event):
    """The tournament was opened; its draw is sealed from here on."""

    type = "tournament-created"
    by = "anyone"
    versioned = True
    claims = NAME
    attempt: ClassVar[int] = 1  # the draw that the secret is for

    name: Public[str]
    limit: Public[int]
    teams: Exported[tuple[Team, ...]]
    option: Public[str]  # draw.PLAIN or draw.NOT_OWN
    commitment: Public[str]
    secret: AfterLastCard[str]
    device_id: Exported[str]
    organiser_hash: Exported[str]
    recovery_hash: Exported[str]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.name, t.limit, t.teams, t.option = self.name, self.limit, self.teams, self.option
        t.commitment, t.secret = self.commitment, self.secret
        t.devices[self.device_id] = str(CREATORS)
        t.owners.add(self.device_id)
        t.organiser_hash, t.recovery_hash = self.organiser_hash, self.recovery_hash

    def sentence(self, t: Tournament) -> Text:
        return text(
            "opened “%(name)s” with %(seats)s and %(teams)s",
            name=self.name,
            seats=counted("%(n)s seat", "%(n)s seats", self.limit),
            teams=counted("%(n)s team", "%(n)s teams", len(self.teams)),
        )

    def sound(self) -> bool:
        return (
            is_title(self.name)
            and MIN_PLAYERS <= self.limit <= MAX_PLAYERS
            and are_teams(self.teams)
            and Event.sound(self)
        )


@dataclass(frozen=True, kw_only=True)
class CreateTournament(Command):
    """Open the tournament; ``secret`` is 64 hex digits from a secure source."""

    right = Right.ANYONE
    creates = True

    name: str
    limit: int
    teams: tuple[Team, ...]
    option: str
    secret: str
    keys: Keys

    def decide(self, t: Tournament, now: datetime) -> TournamentCreated:
        if t.exists:
            raise errors.CodeTaken
        name = title(self.name)
        check_seats(self.limit)
        if self.option not in (PLAIN, NOT_OWN):
            raise errors.Invalid(option=text("Choose how the teams are handed out."))
        if self.limit > len(self.teams):
            raise errors.TooFewTeams(len(self.teams), self.limit, "teams")
        seal = commitment(self.code, self.secret)
        return TournamentCreated(
            name, self.limit, self.teams, self.option, seal, self.secret, *self.keys
        )


# --- its name -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TournamentRenamed(Event):
    """The tournament got another name."""

    type = "tournament-renamed"
    versioned = True
    claims = NAME

    name: Public[str]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.name = self.name

    def sentence(self, t: Tournament) -> Text:
        return text(
            "renamed the evening from “%(before)s” to “%(after)s”", before=t.name, after=self.name
        )

    def sound(self) -> bool:
        return is_title(self.name)


@dataclass(frozen=True, kw_only=True)
class RenameTournament(Command):
    name: str

    def decide(self, t: Tournament, now: datetime) -> TournamentRenamed | None:
        t.check_open()
        name = title(self.name)
        return TournamentRenamed(name) if name != t.name else None


# --- its seats ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LimitChanged(Event):
    """The number of seats changed, also by "close the list"."""

    type = "limit-changed"
    versioned = True

    limit: Public[int]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.limit = self.limit

    def sentence(self, t: Tournament) -> Text:
        return text(
            "changed the seats from %(before)s to %(after)s", before=t.limit, after=self.limit
        )

    def sound(self) -> bool:
        return MIN_PLAYERS <= self.limit <= MAX_PLAYERS


@dataclass(frozen=True, kw_only=True)
class ChangeLimit(Command):
    limit: int

    def decide(self, t: Tournament, now: datetime) -> LimitChanged | None:
        t.check_picking()
        check_seats(self.limit)
        if self.limit < len(t.players):
            raise errors.LimitTooLow(len(t.players))
        if self.limit > len(t.teams):
            raise errors.TooFewTeams(len(t.teams), self.limit, "limit")
        return LimitChanged(self.limit) if self.limit != t.limit else None


@dataclass(frozen=True, kw_only=True)
class CloseList(Command):
    """Set the limit to the number of players who have joined."""

    def decide(self, t: Tournament, now: datetime) -> LimitChanged | None:
        t.check_picking()
        if len(t.players) < MIN_PLAYERS:
            raise errors.TooFewPlayers
        return LimitChanged(len(t.players)) if len(t.players) != t.limit else None


# --- closing --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TournamentClosed(Event):
    """The tournament became read-only."""

    type = "tournament-closed"
    versioned = True
    releases = NAME.kind

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.closed = True

    def sentence(self, t: Tournament) -> Text:
        return text("closed the evening")


@dataclass(frozen=True, kw_only=True)
class CloseTournament(Command):
    def decide(self, t: Tournament, now: datetime) -> TournamentClosed | None:
        return None if t.closed else TournamentClosed()


@dataclass(frozen=True, slots=True)
class TournamentReopened(Event):
    """A closed tournament was opened again."""

    type = "tournament-reopened"
    versioned = True
    claims = NAME

    name: Public[str]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.closed, t.name = False, self.name

    def sentence(self, t: Tournament) -> Text:
        return text("opened the evening again as “%(name)s”", name=self.name)

    def sound(self) -> bool:
        return is_title(self.name)


@dataclass(frozen=True, kw_only=True)
class ReopenTournament(Command):
    name: str = ""  # the old one, if left out

    def decide(self, t: Tournament, now: datetime) -> TournamentReopened | None:
        return TournamentReopened(title(self.name or t.name)) if t.closed else None
