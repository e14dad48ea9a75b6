"""The organiser's page. Forms carry the version that this page shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ...domain.fact import Touched
from ...domain.text import Text
from ...domain.tournament import Player, device_text
from .lobby import bar, wait
from .region import Region, Scene, Screen


class Controls(NamedTuple):
    version: int
    phase: str
    code: str
    name: str
    limit: int
    players: int
    choosing: int
    locked: bool
    dealt: bool
    closed: bool
    option: str
    attempt: int
    teams: int


class Count(NamedTuple):
    players: int
    limit: int
    here: int | None  # None: not known


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
    blocked: tuple[tuple[str, str], ...]


class Devices(NamedTuple):
    version: int
    code: str
    devices: tuple[tuple[str, Text], ...]
    owners: tuple[str, ...]


def whole(s: Scene) -> tuple[Region, ...]:
    t = s.t
    people = People(t.version, t.code, tuple(t.blocked.items()))
    rows = tuple(_row(s, player) for player in t.players.values())
    shown = tuple((device, device_text(label)) for device, label in t.devices.items())
    devices = Devices(t.version, t.code, shown, tuple(sorted(t.owners)))
    return (
        bar(s),
        wait(s),
        controls(s),
        count(s),
        Region("people", "organise/_people.html", people, rows),
        Region("devices", "organise/_devices.html", devices),
    )


def part(s: Scene, touched: Touched) -> Iterable[Region]:
    rows = (_row(s, s.t.players[p]) for p in touched.players if p in s.t.players)
    return wait(s), controls(s), count(s), *rows


def controls(s: Scene) -> Region:
    t = s.t
    data = Controls(
        t.version,
        s.phase,
        t.code,
        t.name,
        t.limit,
        len(t.players),
        len(t.choosing()),
        t.locked,
        t.dealt,
        t.closed,
        t.option,
        t.attempt,
        len(t.teams),
    )
    return Region("controls", "organise/_controls.html", data)


def count(s: Scene) -> Region:
    here = None
    if s.live.here is not None:
        here = sum(s.live.presence(player_id) == "here" for player_id in s.t.players)
    return Region("people-title", "organise/_count.html", Count(len(s.t.players), s.t.limit, here))


def _row(s: Scene, p: Player) -> Region:
    t = s.t
    shown = s.places.get(p.id, s.turned) < s.turned  # their card is turned
    data = PlayerRow(
        t.version,
        t.code,
        p.id,
        p.first,
        p.last,
        t.teams[p.team].name if p.team is not None else "",
        t.teams[p.dealt].name if p.dealt is not None and shown else "",
        s.live.presence(p.id),
        not t.dealt and not t.closed,
    )
    return Region(f"player-{p.id}", "organise/_player.html", data)


SCREEN = Screen(whole, part)
