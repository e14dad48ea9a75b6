"""The organiser's page. Forms carry the version that this page shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ...domain.fact import Touched
from ...domain.play.leaving import SAID
from ...domain.play.pairing import differs, due
from ...domain.text import Text
from ...domain.tournament import Player, device_text
from ...domain.values import shown_code
from .choosing import format_card
from .gathered import Gathered, gathered
from .live_now import BOARD
from .lobby import bar, wait
from .phases import PLAY
from .progress import minutes, progress
from .region import Region, Scene, Screen
from .settling import lists


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
    decided: int  # matches played, and all of them
    matches: int
    minutes: tuple[int, int]  # until the last match ends
    champion: str | Text
    tables: int
    pairing: int  # the Swiss round that may be paired, or paired again; 0: none
    paired: bool  # it has been, by results that have changed since
    gathered: Gathered | None  # while the draw begins


class Tools(NamedTuple):
    """What may be done at any time; the fields are those of Controls."""

    version: int
    name: str
    limit: int
    players: int
    locked: bool
    dealt: bool
    closed: bool
    attempt: int
    teams: int
    drawn: bool  # there is a draw on record, so the list of teams stays


class Count(NamedTuple):
    players: int
    limit: int
    here: int | None  # None: not known


class Tv(NamedTuple):
    """How the board on the TV is doing."""

    state: str  # here, asleep (hidden), lost (it stopped answering) or away; empty: not known
    may_go_dark: bool  # on plain http a page cannot keep its screen on


class PlayerRow(NamedTuple):
    version: int
    code: str
    id: str
    first: str
    last: str
    team: str
    drawn: str
    here: str  # as Scene.presence
    changeable: bool
    playing: bool  # the matches have begun
    left: Text | None  # the player left: what becomes of their matches
    call_name: str


class People(NamedTuple):
    version: int
    code: str
    blocked: tuple[tuple[str, str], ...]


class Share(NamedTuple):
    """How guests get in; ``join_urls``: the same page by all addresses, if there are several."""

    code: str
    join_url: str
    join_urls: tuple[str, ...]


class Devices(NamedTuple):
    version: int
    code: str
    devices: tuple[tuple[str, Text], ...]
    owners: tuple[str, ...]


def whole(s: Scene) -> tuple[Region, ...]:
    t = s.t
    people = People(t.version if t.blocked else 0, t.code, tuple(t.blocked.items()))
    rows = tuple(_row(s, player) for player in t.players.values())
    return (
        bar(s),
        wait(s),
        controls(s),
        *lists(s),
        format_card(s),
        tools(s),
        tv(s),
        count(s),
        Region("people", "organise/_people.html", people, rows),
        share(s),
        devices(s),
    )


def part(s: Scene, touched: Touched) -> Iterable[Region] | None:
    rows = (_row(s, s.t.players[p]) for p in touched.players if p in s.t.players)
    found = wait(s), controls(s), tools(s), tv(s), count(s), *rows
    if not s.t.dealt:
        return found
    return None if s.t.blocked else (*found, *lists(s), format_card(s), devices(s))


def share(s: Scene) -> Region:
    found = s.join_urls[1:]
    data = Share(shown_code(s.t.code), s.join_url, found if len(found) > 1 else ())
    return Region("share-join", "organise/_share.html", data)


def devices(s: Scene) -> Region:
    t = s.t
    shown = tuple((device, device_text(label)) for device, label in t.devices.items())
    data = Devices(t.version, t.code, shown, tuple(sorted(t.owners)))
    return Region("devices", "organise/_devices.html", data)


def controls(s: Scene) -> Region:
    t, on = s.t, s.has_matches
    champion = t.play.competition.champion if on else None
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
        *(progress(s) if on else (0, 0)),
        minutes(s) if s.phase == PLAY else (0, 0),
        t.name_of(champion) if champion else "",
        len(t.play.competition.tables) if on else 0,
        *_pairing(s),
        gathered(s) if t.gathering else None,
    )
    return Region("controls", "organise/_controls.html", data)


def _pairing(s: Scene) -> tuple[int, bool]:
    """The round that the organiser may pair: one that the system has not, or the last one, if the
    results before it have changed and it has none itself."""
    if s.phase != PLAY:
        return 0, False
    last = len(s.t.play.rounds)
    if command := due(s.t):
        return command.round, False
    return (last, True) if differs(s.t.play) else (0, False)


def tools(s: Scene) -> Region:
    t = s.t
    data = Tools(
        t.version,
        t.name,
        t.limit,
        0 if t.dealt else len(t.players),
        t.locked,
        t.dealt or bool(t.gathering),
        t.closed,
        t.attempt,
        len(t.teams),
        bool(t.draws or t.gathering),
    )
    return Region("tools", "organise/_tools.html", data)


def tv(s: Scene) -> Region:
    data = Tv(s.live.presence(BOARD), s.join_url.startswith("http:"))
    return Region("tv", "organise/_tv.html", data)


def count(s: Scene) -> Region:
    here = None
    if s.live.here is not None:
        here = sum(s.live.presence(player_id) == "here" for player_id in s.t.players)
    return Region("people-title", "organise/_count.html", Count(len(s.t.players), s.t.limit, here))


def _row(s: Scene, p: Player) -> Region:
    t = s.t
    shown = s.places.get(p.id, s.turned) < s.turned  # their card is turned
    changeable = not (t.dealt or t.gathering or t.closed)
    data = PlayerRow(
        t.version if changeable else 0,
        t.code,
        p.id,
        p.first,
        p.last,
        t.teams[p.team].name if p.team is not None else "",
        t.teams[p.dealt].name if p.dealt is not None and shown else "",
        s.presence(p),
        changeable,
        t.play.begun and not t.closed,
        SAID[t.play.left[p.id]] if p.id in t.play.left else None,
        p.call_name,
    )
    return Region(f"player-{p.id}", "organise/_player.html", data)


SCREEN = Screen(whole, part)
