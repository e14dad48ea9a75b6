"""A tournament in memory for tests of the rules: decide, apply, repeat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lct.domain import draw, events
from lct.domain.apply import apply
from lct.domain.teams import Team
from lct.domain.tournament import Tournament

CODE = "BCDF2345"
SECRET = "5a" * 32
START = datetime(2026, 11, 25, 19, 0, tzinfo=UTC)


def teams(count: int) -> tuple[Team, ...]:
    return tuple(Team(f"Team {i}", "League", 4.5, "club") for i in range(count))


class Evening:
    """Runs decisions on a tournament and keeps the events that came of them."""

    def __init__(self, limit: int = 4, team_count: int = 10, option: str = draw.PLAIN) -> None:
        self.t = Tournament(CODE)
        self.events: list[events.Event] = []
        self.now = START
        keys = events.Keys("device", "hash", "recovery")
        self.take(self.t.create("Friday Cup", limit, teams(team_count), option, SECRET, keys))

    def take(self, event: events.Event | None) -> events.Event | None:
        if event is not None:
            self.events.append(event)
            apply(self.t, event, len(self.events), self.now)
        return event

    def join(self, *names: str) -> list[str]:
        """Players by first name; their ids are ``p-<name>``."""
        for name in names:
            self.take(self.t.join(f"p-{name}", name, "Nowak"))
        return [f"p-{name}" for name in names]

    def pick(self, player_id: str, team: int) -> None:
        self.take(self.t.pick(player_id, team, f"{team:032x}"))

    def all_picked(self, count: int) -> list[str]:
        ids = self.join(*(f"N{i}" for i in range(count)))
        for team, player_id in enumerate(ids):
            self.pick(player_id, team)
        return ids

    def draw(self) -> events.Event | None:
        return self.take(self.t.draw(self.t.attempt))

    def later(self, seconds: float) -> datetime:
        return self.now + timedelta(seconds=seconds)
