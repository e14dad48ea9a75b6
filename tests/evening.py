"""A tournament in memory for tests of the rules: decide, apply, repeat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

from lct.domain import draw
from lct.domain.drawing import DrawTeams, next_step
from lct.domain.evening import CreateTournament, Keys, TournamentCreated
from lct.domain.fact import Command, Event, apply
from lct.domain.gathering import OpenShares
from lct.domain.people import Join
from lct.domain.picking import PickTeam
from lct.domain.play.pairing import due
from lct.domain.rights import SYSTEM, Actor, player
from lct.domain.shares import Opened, pledge
from lct.domain.teams import Team
from lct.domain.tournament import Tournament

CODE = "BCDF2345"
SECRET = "5a" * 32
START = datetime(2026, 11, 25, 19, 0, tzinfo=UTC)
NOBODY: Mapping[str, str] = {}
ABOUT = {field.name for field in fields(Command)}


def teams(count: int) -> tuple[Team, ...]:
    return tuple(Team(f"Team {i}", "League", 4.5, "club") for i in range(count))


def decide(
    t: Tournament, kind: type[Command], *own: object, now: datetime = START, by: Actor = SYSTEM
) -> Event | None:
    """The event that this command yields, run with its ``own`` fields, the last of which may be
    left out."""
    names = [field.name for field in fields(kind) if field.name not in ABOUT]
    command = kind(code=t.code, by=by, **dict(zip(names, own, strict=False)))  # type: ignore[arg-type]
    return command.event_on(t, now)


class Evening:
    """Runs commands on a tournament and keeps their events, and when each happened."""

    def __init__(
        self,
        limit: int = 4,
        team_count: int = 10,
        option: str = draw.PLAIN,
        protocol: str = draw.V2,
    ) -> None:
        self.t = Tournament(CODE)
        self.events: list[Event] = []
        self.times: list[datetime] = []
        self.now = START
        keys = Keys("device", "hash", "recovery")
        created = self.wants(
            CreateTournament, "Friday Cup", limit, teams(team_count), option, SECRET, keys
        )
        assert isinstance(created, TournamentCreated)
        self.take(replace(created, commitment=draw.commitment(CODE, SECRET, protocol)))

    def wants(self, kind: type[Command], *own: object, by: Actor = SYSTEM) -> Event | None:
        """The event that the command would produce now; it is not applied."""
        return decide(self.t, kind, *own, now=self.now, by=by)

    def does(self, kind: type[Command], *own: object, by: Actor = SYSTEM) -> Event | None:
        return self.take(self.wants(kind, *own, by=by))

    def take(self, event: Event | None) -> Event | None:
        if event is not None:
            self.events.append(event)
            self.times.append(self.now)
            apply(self.t, event, len(self.events), self.now)
            self.go_on()
        return event

    def go_on(self, presence: Mapping[str, str] = NOBODY) -> None:
        """What the system has to do now, as Execute does it."""
        if command := next_step(self.t, self.now, presence) or due(self.t):
            self.take(command.event_on(self.t, self.now))

    def join(self, *names: str) -> list[str]:
        """Add players by first name; return their ids, ``p-<name>``."""
        for name in names:
            self.does(Join, f"p-{name}", name, "Nowak")
        return [f"p-{name}" for name in names]

    def pick(self, player_id: str, team: int) -> None:
        self.does(PickTeam, player_id, team, f"{team:032x}")

    def all_picked(self, count: int) -> list[str]:
        ids = self.join(*(f"N{i}" for i in range(count)))
        for team, player_id in enumerate(ids):
            self.pick(player_id, team)
        return ids

    def share(self, player_id: str) -> str:
        """What the player's phone keeps shut in this attempt."""
        return draw.sha256(f"{player_id}|{self.t.attempt}".encode())

    def pledge(self, player_id: str, team: int) -> None:
        """Pick a team on the player's own phone, with a share."""
        sealed = pledge(self.t.code, player_id, self.share(player_id))
        self.does(PickTeam, player_id, team, f"{team:032x}", sealed, by=player(player_id))

    def all_pledged(self, count: int) -> list[str]:
        """As all_picked, and every pick comes with a share."""
        ids = self.join(*(f"N{i}" for i in range(count)))
        for team, player_id in enumerate(ids):
            self.pledge(player_id, team)
        return ids

    def open(self, *player_ids: str) -> Event | None:
        """These players' phones open their shares."""
        opened = tuple(Opened(player_id, self.share(player_id)) for player_id in player_ids)
        return self.does(OpenShares, self.t.attempt, opened)

    def draw(self) -> Event | None:
        """Draw the teams; the last event of it. With shares, only the picks are fixed."""
        self.does(DrawTeams, self.t.attempt)
        return self.events[-1]

    def later(self, seconds: float) -> datetime:
        return self.now + timedelta(seconds=seconds)
