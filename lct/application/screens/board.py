"""The board on the TV: one message per phase."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ...domain.fact import Touched
from ...domain.values import shown_code
from .cards import card_rows, spot
from .lobby import Stage, picked, seats, seats_of, waiting_for
from .region import Region, Scene, Screen


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
    shown: bool  # the join panel, shown only while somebody can still join or return
    code: str
    join_url: str
    full: bool
    locked: bool


class Foot(NamedTuple):
    phase: str
    code: str
    seal: str
    attempt: int
    empty_seats: int
    picks_missing: int
    waiting_for: tuple[str, ...]


def whole(s: Scene) -> tuple[Region, ...]:
    return head(s), side(s), stage(s), foot(s)


def part(s: Scene, touched: Touched) -> Iterable[Region]:
    return head(s), foot(s), *seats_of(s, touched, "board/_seat.html")


def head(s: Scene) -> Region:
    t = s.t
    data = Head(t.name, s.phase, len(t.players), picked(t), t.limit, s.turned, s.cards)
    return Region("head", "board/_head.html", data)


def side(s: Scene) -> Region:
    t = s.t
    shown = not t.dealt and not t.closed
    data = Side(s.phase, shown, shown_code(t.code), s.join_url, t.full, t.locked)
    return Region("side", "board/_side.html", data)


def stage(s: Scene) -> Region:
    draw = s.t.current_draw
    if draw is None:
        shown = seats(s, "board/_seat.html")
        return Region("stage", "board/_stage.html", Stage("seats", s.t.limit), shown)
    rows = card_rows(s, "board/_row.html")
    if draw.is_over(s.now):
        return Region("stage", "board/_stage.html", Stage("list", len(rows)), rows)
    spotlight = Region("spot", "board/_spot.html", spot(s, draw))
    return Region("stage", "board/_stage.html", Stage("draw", len(rows)), (spotlight, *rows))


def foot(s: Scene) -> Region:
    t = s.t
    sealed = t.current_draw or t
    missing = t.limit - len(t.players), len(t.choosing())
    data = Foot(s.phase, t.code, sealed.commitment, sealed.attempt, *missing, waiting_for(t))
    return Region("foot", "board/_foot.html", data)


SCREEN = Screen(whole, part)
