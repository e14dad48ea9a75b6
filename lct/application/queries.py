"""What people see: for every screen, its regions at one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, cast

from ..domain.records import Draw, Player
from ..domain.teams import Team
from ..domain.tournament import Tournament
from ..domain.values import shown_code
from .regions import (
    Card,
    Controls,
    Devices,
    Foot,
    Head,
    News,
    People,
    PlayerRow,
    Region,
    Row,
    Seat,
    Side,
    Spot,
    Stage,
    Tile,
    Wait,
)


class Around(NamedTuple):
    """What is so at this moment only and never stored."""

    looks: Mapping[str, int] = MappingProxyType({})  # player id -> the team they are looking at
    # Player id -> "here" or "asleep", else they are away; None: not known, and not shown.
    here: Mapping[str, str] | None = None
    seq: int = 0  # the place that the stream has reached; 0: not known

    def presence(self, player_id: str) -> str:
        return "" if self.here is None else self.here.get(player_id, "away")


NOBODY = Around()
View = Callable[[Tournament, datetime, Around, str], tuple[Region, ...]]

JOIN, PICK, READY, DRAW, DRAWN, CLOSED = "join", "pick", "ready", "draw", "drawn", "closed"


def phase(t: Tournament, now: datetime) -> str:
    """Where the evening is: join, pick, ready, draw (cards turning), drawn or closed."""
    if t.closed:
        return CLOSED
    if draw := t.current_draw:
        return DRAWN if draw.is_over(now) else DRAW
    if not t.full:
        return JOIN
    return PICK if t.choosing() else READY


# --- parts that several screens share ---------------------------------------------------------

NAMES_SHOWN = 4


def _picked(t: Tournament) -> int:
    return len(t.holders)


def _waiting_for(t: Tournament) -> tuple[str, ...]:
    return tuple(p.first for p in t.choosing()[:NAMES_SHOWN])


def _turned(t: Tournament, now: datetime) -> tuple[int, int]:
    draw = t.current_draw
    return (draw.revealed(now), len(draw.hands)) if draw else (0, 0)


def _rows(t: Tournament, draw: Draw, now: datetime, template: str) -> tuple[Region, ...]:
    turned, facing = draw.revealed(now), draw.timeline.at(now)[1] and not draw.skipped
    rows = []
    for i, (player_id, _, _) in enumerate(draw.hands):
        rows.append(row(t, draw, i, player_id, turned, facing, template))
    return tuple(rows)


def row(
    t: Tournament,
    draw: Draw,
    i: int,
    player_id: str,
    turned: int,
    facing: bool,
    template: str,
    mine: bool = False,
) -> Region:
    _, then, team = draw.hands[i]
    name = t.players[player_id].name if player_id in t.players else then
    if i < turned:
        status, shown, stars = "done", t.teams[team].name, t.teams[team].stars
    else:
        status, shown, stars = ("now" if facing and i == turned else "waiting"), "", 0.0
    return Region(f"row-{i + 1}", template, Row(i + 1, name, shown, stars, status, mine))


def cards(t: Tournament, now: datetime) -> tuple[Row, ...]:
    """The cards of the draw in force, in their order; those face down without their team."""
    draw = t.current_draw
    return tuple(cast(Row, region.data) for region in _rows(t, draw, now, "")) if draw else ()


def _seats(t: Tournament, around: Around, template: str) -> tuple[Region, ...]:
    seats = [_seat(t, i, player, around) for i, player in enumerate(t.players.values())]
    seats += [Seat(i + 1, "", "empty", "", "") for i in range(len(seats), t.limit)]
    return tuple(_seat_region(seat, template) for seat in seats)


@lru_cache(maxsize=20_000)
def _seat_region(seat: Seat, template: str) -> Region:
    return Region(f"seat-{seat.number}", template, seat)


def look(t: Tournament, around: Around, player_id: str) -> int | None:
    """The free team that a player looks at; what came over the bus may be any number."""
    team = around.looks.get(player_id)
    return team if team is not None and team < len(t.teams) and team not in t.holders else None


def _seat(t: Tournament, i: int, player: Player, around: Around) -> Seat:
    here = around.presence(player.id)
    if player.team is not None:
        return Seat(i + 1, player.name, "picked", t.teams[player.team].name, here)
    looked_at = look(t, around, player.id)
    if looked_at is not None:
        return Seat(i + 1, player.name, "looking", t.teams[looked_at].name, here)
    return Seat(i + 1, player.name, "choosing", "", here)


def wait(t: Tournament, now: datetime) -> Region:
    data = Wait(
        phase(t, now), len(t.players), _picked(t), t.limit, _waiting_for(t), *_turned(t, now)
    )
    return Region("wait", "me/_wait.html", data)


def _bar(t: Tournament, now: datetime) -> Region:
    return Region("bar", "me/_bar.html", (t.name, phase(t, now)))


# --- the screens ------------------------------------------------------------------------------


def board(t: Tournament, now: datetime, around: Around, join_url: str) -> tuple[Region, ...]:
    """The TV: one message a phase."""
    now_phase, draw = phase(t, now), t.current_draw
    turned, cards = _turned(t, now)
    head = Head(t.name, now_phase, len(t.players), _picked(t), t.limit, turned, cards)
    side = Side(
        now_phase, not t.drawn and not t.closed, shown_code(t.code), join_url, t.full, t.locked
    )
    seal = draw.commitment if draw else t.commitment
    attempt = draw.attempt if draw else t.attempt
    missing = t.limit - len(t.players), len(t.choosing())
    foot = Foot(now_phase, t.code, seal, attempt, *missing, _waiting_for(t))
    return (
        Region("head", "board/_head.html", head),
        Region("side", "board/_side.html", side),
        _board_stage(t, draw, now, around),
        Region("foot", "board/_foot.html", foot),
    )


def _board_stage(t: Tournament, draw: Draw | None, now: datetime, around: Around) -> Region:
    if draw is None:
        seats = _seats(t, around, "board/_seat.html")
        return Region("stage", "board/_stage.html", Stage("seats", t.limit), seats)
    rows = _rows(t, draw, now, "board/_row.html")
    if draw.is_over(now):
        return Region("stage", "board/_stage.html", Stage("list", len(rows)), rows)
    spot = Region("spot", "board/_spot.html", _spot(t, draw, now))
    return Region("stage", "board/_stage.html", Stage("draw", len(rows)), (spot, *rows))


def _spot(t: Tournament, draw: Draw, now: datetime) -> Spot:
    turned, facing = draw.timeline.at(now)
    hat = tuple(sorted(t.teams[team].name for _, _, team in draw.hands[turned:]))
    if facing:
        return Spot(turned, len(draw.hands), draw.hands[turned][1], "", "", 0.0, hat)
    if turned == 0:
        return Spot(0, len(draw.hands), "", "", "", 0.0, hat)
    _, name, number = draw.hands[turned - 1]
    team = t.teams[number]
    return Spot(turned, len(draw.hands), name, team.name, team.league, team.stars, hat)


def me(t: Tournament, now: datetime, around: Around, join_url: str) -> tuple[Region, ...]:
    """A player's phone, as everyone shares it; ``personal`` lays their own regions over it."""
    card = Card("watching", phase(t, now), t.code, "", "", 0.0, "", "", 0.0, 0)
    if draw := t.current_draw:
        stage = _drawn_stage(t, draw, now)
    else:
        tiles = _tiles(t, around)
        stage = Region("stage", "me/_stage.html", Stage("teams", len(tiles)), tiles)
    return _bar(t, now), Region("me", "me/_me.html", card), wait(t, now), stage


def watch(t: Tournament, now: datetime, around: Around, join_url: str) -> tuple[Region, ...]:
    """A phone that did not get in: the board, small."""
    if draw := t.current_draw:
        stage = _drawn_stage(t, draw, now)
    else:
        seats = _seats(t, around, "me/_seat.html")
        stage = Region("stage", "me/_stage.html", Stage("seats", t.limit), seats)
    return _bar(t, now), wait(t, now), stage


def _drawn_stage(t: Tournament, draw: Draw, now: datetime) -> Region:
    rows = _rows(t, draw, now, "me/_row.html")
    return Region("stage", "me/_stage.html", Stage("list", len(rows)), rows)


def _tiles(t: Tournament, around: Around) -> tuple[Region, ...]:
    looking, holders, players = lookers(t, around), t.holders, t.players
    tiles = []
    for number, team in enumerate(t.teams):
        if (holder := holders.get(number)) is not None:
            tiles.append(_tile(number, team, players[holder].name))
        elif number in looking:
            tiles.append(_tile(number, team, "", firsts(t, looking[number])))
        else:
            tiles.append(_tile(number, team))
    return tuple(tiles)


def lookers(t: Tournament, around: Around) -> dict[int, list[str]]:
    """Team -> the players who look at it."""
    looking: dict[int, list[str]] = {}
    for player_id, team in around.looks.items():
        if player_id in t.players:
            looking.setdefault(team, []).append(player_id)
    return looking


def firsts(t: Tournament, players: Iterable[str], but: str = "") -> tuple[str, ...]:
    return tuple(t.players[p].first for p in players if p != but)


# A list of a thousand teams is made at every change, and all but one of them are as before.
@lru_cache(maxsize=20_000)
def _tile(
    number: int, team: Team, holder: str = "", looking: tuple[str, ...] = (), mine: bool = False
) -> Region:
    data = Tile(number, *team, holder, mine, looking[:2])
    return Region(f"team-{number}", "me/_tile.html", data)


def tile(t: Tournament, number: int, looking: tuple[str, ...] = (), mine: bool = False) -> Region:
    """One team on a phone, as anyone (or, with ``mine``, as its holder) sees it."""
    holder = t.holders.get(number)
    name = t.players[holder].name if holder is not None else ""
    return _tile(number, t.teams[number], name, () if holder else looking, mine)


def organise(t: Tournament, now: datetime, around: Around, join_url: str) -> tuple[Region, ...]:
    """The organiser's page. Forms carry the version that this page shows."""
    now_phase = phase(t, now)
    changeable = not t.drawn and not t.closed
    controls = Controls(
        t.version,
        now_phase,
        t.code,
        t.name,
        t.limit,
        len(t.players),
        len(t.choosing()),
        t.locked,
        t.option,
        t.attempt,
        len(t.teams),
    )
    turned = _turned(t, now)[0]
    draw = t.current_draw
    shown = {player_id for player_id, _, _ in draw.hands[:turned]} if draw else set()
    rows = tuple(
        Region(
            f"player-{p.id}",
            "organise/_player.html",
            PlayerRow(
                t.version,
                t.code,
                p.id,
                p.first,
                p.last,
                t.teams[p.team].name if p.team is not None else "",
                t.teams[p.drawn].name if p.drawn is not None and p.id in shown else "",
                around.presence(p.id),
                changeable,
            ),
        )
        for p in t.players.values()
    )
    here = sum(around.presence(p) == "here" for p in t.players)
    people = People(
        t.version,
        t.code,
        len(t.players),
        here if around.here is not None else None,
        t.limit,
        changeable,
        tuple(t.blocked.items()),
    )
    devices = Devices(t.version, t.code, tuple(t.devices.items()))
    return (
        _bar(t, now),
        wait(t, now),
        Region("controls", "organise/_controls.html", controls),
        Region("people", "organise/_people.html", people, rows),
        Region("devices", "organise/_devices.html", devices),
    )


def announce(t: Tournament, now: datetime, around: Around, join_url: str) -> tuple[Region, ...]:
    """What programs hear on the API's event stream: that there is something new to ask for."""
    news = News(around.seq, t.version, phase(t, now), len(t.players), _picked(t), *_turned(t, now))
    return (Region("news", "news.json", news),)


SCREENS: dict[str, View] = {"board": board, "me": me, "watch": watch, "organise": organise}
VIEWS: dict[str, View] = {**SCREENS, "announce": announce}


def next_change(t: Tournament, now: datetime) -> float | None:
    """Seconds until time alone changes the picture (a card turning), or None."""
    draw = t.current_draw
    if draw is None or draw.is_over(now):
        return None
    wait = draw.timeline.next_change(now)
    return wait.total_seconds() if wait is not None else None
