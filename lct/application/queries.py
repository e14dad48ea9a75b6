"""What people see: for every screen, its regions at one moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ..domain.tournament import Draw, Tournament
from ..domain.values import shown_code
from .around import Around
from .phases import cards_turned, phase
from .pieces import bar, card_rows, picked, seats, tiles, wait, waiting_for
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
    Side,
    Spot,
    Stage,
)

View = Callable[[Tournament, datetime, Around, str], tuple[Region, ...]]


def board(t: Tournament, now: datetime, around: Around, join_url: str) -> tuple[Region, ...]:
    """The TV: one message a phase."""
    now_phase, draw = phase(t, now), t.current_draw
    turned, cards = cards_turned(t, now)
    head = Head(t.name, now_phase, len(t.players), picked(t), t.limit, turned, cards)
    side = Side(
        now_phase, not t.dealt and not t.closed, shown_code(t.code), join_url, t.full, t.locked
    )
    seal = draw.commitment if draw else t.commitment
    attempt = draw.attempt if draw else t.attempt
    missing = t.limit - len(t.players), len(t.choosing())
    foot = Foot(now_phase, t.code, seal, attempt, *missing, waiting_for(t))
    return (
        Region("head", "board/_head.html", head),
        Region("side", "board/_side.html", side),
        _board_stage(t, draw, now, around),
        Region("foot", "board/_foot.html", foot),
    )


def _board_stage(t: Tournament, draw: Draw | None, now: datetime, around: Around) -> Region:
    if draw is None:
        shown = seats(t, around, "board/_seat.html")
        return Region("stage", "board/_stage.html", Stage("seats", t.limit), shown)
    rows = card_rows(t, draw, now, "board/_row.html")
    if draw.is_over(now):
        return Region("stage", "board/_stage.html", Stage("list", len(rows)), rows)
    spot = Region("spot", "board/_spot.html", _spot(t, draw, now))
    return Region("stage", "board/_stage.html", Stage("draw", len(rows)), (spot, *rows))


def _spot(t: Tournament, draw: Draw, now: datetime) -> Spot:
    turned, facing = draw.timeline.at(now)
    hat = tuple(sorted(t.teams[hand.team].name for hand in draw.hands[turned:]))
    if facing:
        return Spot(turned, len(draw.hands), draw.hands[turned].name, "", "", 0.0, hat)
    if turned == 0:
        return Spot(0, len(draw.hands), "", "", "", 0.0, hat)
    hand = draw.hands[turned - 1]
    team = t.teams[hand.team]
    return Spot(turned, len(draw.hands), hand.name, team.name, team.league, team.stars, hat)


def me(t: Tournament, now: datetime, around: Around, join_url: str) -> tuple[Region, ...]:
    """A player's phone, as everyone shares it; ``personal`` lays their own regions over it."""
    card = Card("watching", phase(t, now), t.code, "", "", 0.0, "", "", 0.0, 0)
    if draw := t.current_draw:
        stage = _drawn_stage(t, draw, now)
    else:
        shown = tiles(t, around)
        stage = Region("stage", "me/_stage.html", Stage("teams", len(shown)), shown)
    return bar(t, now), Region("me", "me/_me.html", card), wait(t, now), stage


def watch(t: Tournament, now: datetime, around: Around, join_url: str) -> tuple[Region, ...]:
    """A phone that did not get in: the board, small."""
    if draw := t.current_draw:
        stage = _drawn_stage(t, draw, now)
    else:
        shown = seats(t, around, "me/_seat.html")
        stage = Region("stage", "me/_stage.html", Stage("seats", t.limit), shown)
    return bar(t, now), wait(t, now), stage


def _drawn_stage(t: Tournament, draw: Draw, now: datetime) -> Region:
    rows = card_rows(t, draw, now, "me/_row.html")
    return Region("stage", "me/_stage.html", Stage("list", len(rows)), rows)


def organise(t: Tournament, now: datetime, around: Around, join_url: str) -> tuple[Region, ...]:
    """The organiser's page. Forms carry the version that this page shows."""
    now_phase = phase(t, now)
    changeable = not t.dealt and not t.closed
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
    turned = cards_turned(t, now)[0]
    draw = t.current_draw
    shown = {hand.player_id for hand in draw.hands[:turned]} if draw else set()
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
                t.teams[p.dealt].name if p.dealt is not None and p.id in shown else "",
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
        bar(t, now),
        wait(t, now),
        Region("controls", "organise/_controls.html", controls),
        Region("people", "organise/_people.html", people, rows),
        Region("devices", "organise/_devices.html", devices),
    )


def announce(t: Tournament, now: datetime, around: Around, join_url: str) -> tuple[Region, ...]:
    """What programs hear on the API's event stream: that there is something new to ask for."""
    news = News(
        around.seq, t.version, phase(t, now), len(t.players), picked(t), *cards_turned(t, now)
    )
    return (Region("news", "news.json", news),)


SCREENS: dict[str, View] = {"board": board, "me": me, "watch": watch, "organise": organise}
VIEWS: dict[str, View] = {**SCREENS, "announce": announce}
