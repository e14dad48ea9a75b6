"""The state of a tournament, its players and its draws, with queries on it.

The rules and events are in the subjects: evening.py, people.py, picking.py, drawing.py, devices.py
and, for the matches, play/.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from . import draw, errors, shares
from .draw import PLAIN, Ticket
from .play.state import Play
from .reveal import DRUM_ROLL, SHORTEST_LEAD, Timeline, timeline
from .shares import Pledged
from .teams import Team
from .text import Text, text, verbatim
from .values import fold

MIN_PLAYERS, MAX_PLAYERS = 2, 1024
GATHERING = timedelta(seconds=5)  # the longest time in which the phones may open their shares

# Labels that lct itself gives to devices; they are stored in English.
CREATORS = text("the device that created it")
SOME_DEVICE = text("another device")
_LABELS = {str(label): label for label in (CREATORS, SOME_DEVICE)}


def device_text(label: str) -> Text:
    """A device's label as people read it."""
    return _LABELS.get(label) or verbatim(label)


@dataclass(slots=True)
class Player:
    id: str
    first: str
    last: str
    folded: str = ""  # the name as compared; cached, since a new name is compared with all
    team: int | None = None
    value: str = ""
    pledge: str = ""  # empty: the pick has no share
    picked_for: bool = False  # by the organiser
    picked_at: int = 0  # the seq of the pick in force: the order of the draw's message
    dealt: int | None = None  # the team that the draw gave them
    call_name: str = ""  # for small places; empty: none
    added: bool = False  # by the organiser, since they have no phone

    def __post_init__(self) -> None:
        self.folded = self.folded or fold(self.name)

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"

    @property
    def called(self) -> str:
        """The name on the TV: the call name, or the whole name."""
        return self.call_name or self.name

    @property
    def short(self) -> str:
        """The name where there is least room, which others may have too: the call name, or the
        first name."""
        return self.call_name or self.first

    def rename(self, first: str, last: str) -> None:
        self.first, self.last = first, last
        self.folded = fold(self.name)


class Hand(NamedTuple):
    """One card of a draw: who got which team, with the name they had then."""

    player_id: str
    name: str
    team: int  # its place in the tournament's list


@dataclass(slots=True)
class Gathering:
    """The picks, fixed for a draw, and the shares that the phones have opened since."""

    picks: list[Pledged]
    fingerprint: str  # of the picks
    roll: bool  # a number from the room goes in
    at: datetime
    shares: dict[str, str] = field(default_factory=dict)  # player id -> share
    closed: str = ""  # the fingerprint of the shares; empty while more may come
    missing: dict[str, str] = field(default_factory=dict)  # player id -> why their share is

    @property
    def ends(self) -> datetime:
        """When it is over, whoever is missing."""
        return self.at + GATHERING

    def awaited(self) -> list[str]:
        """The players whose share has not come."""
        return [p.player_id for p in self.picks if p.pledge and p.player_id not in self.shares]


@dataclass(slots=True)
class Draw:
    """A draw, as kept on record."""

    attempt: int
    commitment: str
    secret: str
    option: str
    hands: list[Hand]
    at: datetime
    skipped: bool = False
    picks: list[Ticket] = field(default_factory=list)  # of protocol v1
    gathering: Gathering | None = None  # of protocol v2
    number: str = ""  # from the room

    @property
    def picked(self) -> Sequence[Ticket | Pledged]:
        """The picks in the order in which they were made."""
        return self.gathering.picks if self.gathering else self.picks

    @property
    def message(self) -> bytes:
        """What the secret signs."""
        if self.gathering:
            return shares.message(self.gathering.closed, self.number)
        return draw.message(self.attempt, self.picks)

    @property
    def timeline(self) -> Timeline:
        lead = DRUM_ROLL
        if self.gathering:  # it was a part of the drum-roll
            lead = max(SHORTEST_LEAD, DRUM_ROLL - (self.at - self.gathering.at))
        return timeline(self.at, len(self.hands), lead)

    def revealed(self, now: datetime) -> int:
        """How many cards may be seen at ``now``."""
        return len(self.hands) if self.skipped else self.timeline.at(now)[0]

    def is_over(self, now: datetime) -> bool:
        return self.revealed(now) == len(self.hands)


@dataclass(slots=True)
class Tournament:
    code: str
    name: str = ""
    limit: int = 0
    teams: tuple[Team, ...] = ()
    relisted: int = 0  # how often the list was mended: a phone may still show the one before
    option: str = PLAIN
    players: dict[str, Player] = field(default_factory=dict)
    holders: dict[int, str] = field(default_factory=dict)  # team -> player id
    blocked: dict[str, str] = field(default_factory=dict)  # player id -> name
    removed: set[str] = field(default_factory=set)
    forgotten: set[str] = field(default_factory=set)
    locked: bool = False
    closed: bool = False
    version: int = 0
    seq: int = 0  # the place in its stream that this state has reached
    attempt: int = 1
    commitment: str = ""
    secret: str = ""
    gathering: Gathering | None = None  # while the draw of this attempt is being made
    draws: list[Draw] = field(default_factory=list)
    dealt: bool = False  # the draw of this attempt was made
    devices: dict[str, str] = field(default_factory=dict)  # device id -> label
    # Of these, the one that created it and those admitted by the recovery code.
    owners: set[str] = field(default_factory=set)
    organiser_hash: str = ""
    organiser_links: int = 1  # how many co-organiser links there have been
    recovery_hash: str = ""
    # Player id -> how often their personal code was renewed; "": everybody's.
    seat_codes: dict[str, int] = field(default_factory=dict)
    play: Play = field(default_factory=Play)

    # --- queries ------------------------------------------------------------------------------

    @property
    def exists(self) -> bool:
        return self.version > 0

    @property
    def full(self) -> bool:
        return len(self.players) >= self.limit

    @property
    def current_draw(self) -> Draw | None:
        return self.draws[-1] if self.dealt else None

    @property
    def protocol(self) -> str:
        """The draw's protocol, for which the secret was sealed."""
        sealed = draw.commitment(self.code, self.secret, draw.V1) == self.commitment
        return draw.V1 if sealed else draw.V2

    def choosing(self) -> list[Player]:
        """The players without a team."""
        return [p for p in self.players.values() if p.team is None]

    @property
    def ready(self) -> bool:
        """Every seat is filled and everyone has picked."""
        return self.full and not self.choosing()

    def name_of(self, player_id: str) -> str | Text:
        """The name of a player, also of one who was blocked."""
        if player := self.players.get(player_id):
            return player.name
        return self.blocked.get(player_id, text("a player no longer in"))

    def player(self, player_id: str) -> Player:
        try:
            return self.players[player_id]
        except KeyError:
            raise errors.UnknownPlayer from None

    # --- checks that several subjects share ---------------------------------------------------

    def check_open(self) -> None:
        if self.closed:
            raise errors.TournamentIsClosed

    def check_picking(self) -> None:
        """Refuse once the draw has begun, or the tournament is closed."""
        self.check_open()
        if self.dealt:
            raise errors.AlreadyDrawn
        if self.gathering:
            raise errors.DrawHasBegun

    def check_door(self) -> None:
        """Refuse if nobody can join now, with a reason for the guest to read."""
        self.check_picking()
        self.check_seats()
        if self.locked:
            raise errors.JoiningIsLocked

    def check_seats(self) -> None:
        if self.full:
            raise errors.TournamentFull(self.limit)
