"""Regions, the smallest parts of a page that change together, and the scene they are made from.

A region's ``data`` is everything that its template shows, as a plain tuple. Two regions with equal
data look the same, so a change renders exactly the regions whose data differ. A template never
gets a value that is still secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from ...domain.fact import Touched
from ...domain.tournament import Player, Tournament
from .live_now import NOBODY, LiveNow
from .phases import CLOSED, FINISHED, PLAY, cards_turned, reached

T = TypeVar("T")


class Region(NamedTuple):
    """``children`` are regions too, inside this one. The template gets them in blocks, which begin
    at the first child and at each of ``cuts``, and shows each block once. One without children may
    be the reader's own, ``mine``: that is a mark on the HTML which is the same for all."""

    id: str
    template: str
    data: tuple[object, ...]
    children: tuple[Region, ...] = ()
    cuts: tuple[int, ...] = (1,)
    mine: bool = False


@dataclass(frozen=True)
class Scene:
    """A tournament at one moment, as this worker sees it; every screen is made from one."""

    t: Tournament
    now: datetime
    live: LiveNow = NOBODY
    join_urls: tuple[str, ...] = ("",)  # the one in use, and those that the host may choose
    _made: dict[Callable[..., Any], Any] = field(default_factory=dict, repr=False, compare=False)

    def once(self, make: Callable[[Scene], T]) -> T:
        """What ``make`` gives for this scene: every phone's own regions are made from one."""
        if make not in self._made:
            self._made[make] = make(self)
        found: T = self._made[make]
        return found

    @property
    def join_url(self) -> str:
        return self.join_urls[0]

    @cached_property
    def reached(self) -> str:
        return reached(self.t, self.now)

    @property
    def phase(self) -> str:
        return CLOSED if self.t.closed else self.reached

    @property
    def phase_for_guests(self) -> str:
        """The phase, except that a finished tournament keeps its champion when it is closed."""
        return FINISHED if self.reached == FINISHED else self.phase

    @property
    def has_matches(self) -> bool:
        """Whether the matches may be seen; those of a closed tournament may."""
        return self.reached in (PLAY, FINISHED)

    @cached_property
    def turned(self) -> int:
        """How many cards of the draw in force are turned."""
        return cards_turned(self.t, self.now)[0]

    @property
    def cards(self) -> int:
        draw = self.t.current_draw
        return len(draw.hands) if draw else 0

    @cached_property
    def facing(self) -> int:
        """How many of the next cards lie face down in the spotlight."""
        draw = self.t.current_draw
        return 0 if draw is None or draw.skipped else draw.timeline.at(self.now)[1]

    @cached_property
    def places(self) -> dict[str, int]:
        """Player id -> place among the cards."""
        draw = self.t.current_draw
        return {hand.player_id: i for i, hand in enumerate(draw.hands)} if draw else {}

    @cached_property
    def lookers(self) -> dict[int, list[str]]:
        """Team -> the players who look at it."""
        found: dict[int, list[str]] = {}
        for player_id, team in self.live.looks.items():
            if player_id in self.t.players:
                found.setdefault(team, []).append(player_id)
        return found

    def presence(self, player: Player) -> str:
        """here, asleep, away or phoneless (nobody has come for that seat); empty: not known."""
        found = self.live.presence(player.id)
        return "phoneless" if player.added and found == "away" else found

    def look(self, player_id: str) -> int | None:
        """The free team that a player looks at, or None; the bus may deliver any number."""
        team = self.live.looks.get(player_id)
        free = team is not None and team < len(self.t.teams) and team not in self.t.holders
        return team if free else None

    def looking(self, team: int, but: str = "") -> tuple[str, ...]:
        """Short names of the players who look at a team."""
        return tuple(self.t.players[p].short for p in self.lookers.get(team, ()) if p != but)

    @cached_property
    def stamp(self) -> str:
        """``<seq>.<milliseconds>``: the newer of two pages of a tournament has the greater one."""
        return f"{self.t.seq}.{int(self.now.timestamp() * 1000)}"


class Screen(NamedTuple):
    """How a view is built. ``part`` gives only the regions that may differ after a change that
    ``touched`` some players and teams in the same phase, or None to build the ``whole``."""

    whole: Callable[[Scene], tuple[Region, ...]]
    part: Callable[[Scene, Touched], Iterable[Region] | None]
