"""A tournament in memory for tests of the rules: decide, apply, repeat."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta

from lct.domain import draw
from lct.domain.drawing import DrawTeams
from lct.domain.evening import CreateTournament, Keys
from lct.domain.fact import Command, Event, apply
from lct.domain.people import Join
from lct.domain.picking import PickTeam
from lct.domain.play.pairing import due
from lct.domain.rights import SYSTEM
from lct.domain.teams import Team
from lct.domain.tournament import Tournament

CODE = "BCDF2345"
SECRET = "5a" * 32
START = datetime(2026, 11, 25, 19, 0, tzinfo=UTC)
ABOUT = {field.name for field in fields(Command)}


def teams(count: int) -> tuple[Team, ...]:
    return tuple(Team(f"Team {i}", "League", 4.5, "club") for i in range(count))


def decide(t: Tournament, kind: type[Command], *own: object, now: datetime = START) -> Event | None:
    """The event that this command yields, run by the system with its ``own`` fields, the last of
    which may be left out."""
    names = [field.name for field in fields(kind) if field.name not in ABOUT]
    command = kind(code=t.code, by=SYSTEM, **dict(zip(names, own, strict=False)))  # type: ignore[arg-type]
    return command.event_on(t, now)


class Evening:
    """Runs commands on a tournament and keeps their events."""

    def __init__(self, limit: int = 4, team_count: int = 10, option: str = draw.PLAIN) -> None:
        self.t = Tournament(CODE)
        self.events: list[Event] = []
        self.now = START
        keys = Keys("device", "hash", "recovery")
        self.does(CreateTournament, "Friday Cup", limit, teams(team_count), option, SECRET, keys)

    def wants(self, kind: type[Command], *own: object) -> Event | None:
        """The event that the command would produce now; it is not applied."""
        return decide(self.t, kind, *own, now=self.now)

    def does(self, kind: type[Command], *own: object) -> Event | None:
        return self.take(self.wants(kind, *own))

    def take(self, event: Event | None) -> Event | None:
        if event is not None:
            self.events.append(event)
            apply(self.t, event, len(self.events), self.now)
            if command := due(self.t):  # as Execute does
                self.take(command.event_on(self.t, self.now))
        return event

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

    def draw(self) -> Event | None:
        return self.does(DrawTeams, self.t.attempt)

    def later(self, seconds: float) -> datetime:
        return self.now + timedelta(seconds=seconds)
