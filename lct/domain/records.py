"""What a tournament keeps of its players and of its draws."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .draw import Pick, Timeline, timeline


@dataclass(slots=True)
class Player:
    id: str
    first: str
    last: str
    team: int | None = None
    value: str = ""
    picked_at: int = 0  # the seq of the pick in force: the order of the draw's message
    drawn: int | None = None

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"


@dataclass(slots=True)
class Draw:
    """A finished draw as it stays on record."""

    attempt: int
    commitment: str
    secret: str
    option: str
    picks: list[Pick]
    hands: list[tuple[str, str, int]]  # player id, their name then, place in the team list
    at: datetime
    skipped: bool = False

    @property
    def timeline(self) -> Timeline:
        return timeline(self.at, len(self.hands))

    def revealed(self, now: datetime) -> int:
        """How many cards may be seen at ``now``."""
        return len(self.hands) if self.skipped else self.timeline.at(now)[0]

    def is_over(self, now: datetime) -> bool:
        return self.revealed(now) == len(self.hands)
