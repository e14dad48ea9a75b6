"""The API's event stream: tells programs that there is something new to fetch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ...domain.fact import Touched
from .lobby import picked
from .region import Region, Scene, Screen


class Announcement(NamedTuple):
    seq: int
    version: int
    phase: str
    players: int
    picked: int
    turned: int
    cards: int


def whole(s: Scene) -> tuple[Region, ...]:
    t = s.t
    data = Announcement(t.seq, t.version, s.phase, len(t.players), picked(t), s.turned, s.cards)
    return (Region("news", "news.json", data),)


def part(s: Scene, touched: Touched) -> Iterable[Region]:
    return whole(s)


SCREEN = Screen(whole, part)
