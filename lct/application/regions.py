"""What the templates get: regions, the smallest parts of a page that change together.

A region's ``data`` is everything its template shows, as a plain tuple: two regions with equal
data look the same, so a change re-renders exactly the regions whose data differ, and the data
decide what may be seen (nothing that is still under wraps ever reaches a template).
"""

from __future__ import annotations

from typing import NamedTuple


class Region(NamedTuple):
    id: str
    template: str
    data: tuple[object, ...]
    children: tuple[Region, ...] = ()


class Head(NamedTuple):
    name: str
    phase: str
    players: int
    picked: int
    limit: int
    turned: int
    cards: int


class Side(NamedTuple):
    phase: str
    shown: bool  # the join panel is only there while somebody can still come in or return
    code: str
    join_url: str
    full: bool
    locked: bool


class Stage(NamedTuple):
    kind: str  # seats, teams, draw or list
    cells: int


class Seat(NamedTuple):
    number: int
    name: str
    status: str  # empty, choosing, looking or picked
    team: str
    here: str  # here, asleep or away; empty: not known


class Spot(NamedTuple):
    turned: int
    cards: int
    player: str
    team: str  # empty while the card lies face down
    league: str
    stars: float
    hat: tuple[str, ...]  # the teams still in the hat


class Row(NamedTuple):
    number: int
    name: str
    team: str  # empty until the card is turned
    stars: float
    status: str  # waiting, now or done
    mine: bool


class Foot(NamedTuple):
    phase: str
    code: str
    seal: str
    attempt: int
    empty_seats: int
    picks_missing: int
    waiting_for: tuple[str, ...]


class Card(NamedTuple):
    """The green card on top of a phone: this person's own state."""

    status: str  # playing, removed, blocked or watching
    phase: str
    code: str
    name: str
    team: str
    stars: float
    drawn: str  # the team handed to them, once their card is turned
    drawn_league: str
    drawn_stars: float
    ahead: int  # cards before theirs


class Wait(NamedTuple):
    phase: str
    players: int
    picked: int
    limit: int
    waiting_for: tuple[str, ...]
    turned: int
    cards: int


class Tile(NamedTuple):
    number: int
    name: str
    league: str
    stars: float
    kind: str
    holder: str
    mine: bool
    looking: tuple[str, ...]


class News(NamedTuple):
    seq: int
    version: int
    phase: str
    players: int
    picked: int
    turned: int
    cards: int


class Controls(NamedTuple):
    version: int
    phase: str
    code: str
    name: str
    limit: int
    players: int
    choosing: int
    locked: bool
    option: str
    attempt: int
    teams: int


class PlayerRow(NamedTuple):
    version: int
    code: str
    id: str
    first: str
    last: str
    team: str
    drawn: str
    here: str  # here, asleep or away; empty: not known
    changeable: bool


class People(NamedTuple):
    version: int
    code: str
    players: int
    here: int | None
    limit: int
    changeable: bool
    blocked: tuple[tuple[str, str], ...]


class Devices(NamedTuple):
    version: int
    code: str
    devices: tuple[tuple[str, str], ...]
