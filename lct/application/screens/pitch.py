"""The matches on the TV: a bracket, tables, or rounds."""

from __future__ import annotations

from typing import NamedTuple

from ...domain.play.competition import Match
from ...domain.play.formats import DOUBLE, LEAGUE
from ...domain.play.matches import Fixture, LoserOf, Part, WinnerOf
from ...domain.text import Text
from .matches import (
    Shower,
    ShownMatch,
    all_matches,
    knockout_round,
    match_region,
    minutes,
    on_now,
    progress,
    up_next,
)
from .region import Region, Scene
from .table import ShownTable, across_groups, tables

FITS = 16  # entrants in a bracket on one screen
LANES_FIT = 8  # entrants in a double elimination on one screen
LISTED = 16  # matches, where only a list fits
BELOW = 4  # matches below the tables of groups
ON_NOW = ("called", "reported", "disputed")
OVER = ("decided", "off")


class Bracket(NamedTuple):
    """A knockout of at most 16 as two halves that meet in the final in the middle."""

    kind: str  # bracket
    columns: int
    rows: int  # of matches in the outermost column
    open: int  # the column, counted from outside, in which matches are played now


class SoFar(NamedTuple):
    minutes: tuple[int, int]  # until the champion is known
    decided: int
    playing: int
    all: int


class Place(NamedTuple):
    """A match in a bracket or in a lane: its column and row from 1, and how many rows it spans."""

    match: ShownMatch
    column: int
    row: int
    span: int
    depth: int  # its column counted from outside, from 1
    half: str  # left, right; empty: in the middle
    link: str  # the way to the next match: up, down, straight; empty: none
    open: bool  # in the round that is played now
    next: bool  # comes after those on now
    far: tuple[bool, bool] = (False, False)  # a side is the winner of a match that is open too
    third: bool = False  # the match for third place, which stands below the final


class Centre(NamedTuple):
    """The matches of other formats: tables, lanes of rounds, or a list."""

    kind: str  # tables, lanes or matches
    tables: tuple[ShownTable, ...]
    playing: tuple[tuple[str, Text], ...]  # who plays now, and on which console
    through: int  # of each group; 0: a league
    columns: int  # of lanes
    rows: int
    upper: int  # rows of the winners' side


def matches_stage(s: Scene) -> Region:
    """The matches while they are played."""
    play = s.t.play
    if cup := _cup(s):
        return _bracket(s, cup)
    if play.format.kind == DOUBLE and len(play.entrants) <= LANES_FIT:
        return _lanes(s)
    return _centre(s)


def open_round(s: Scene) -> Text | None:
    """The round of the cup that is played now; None outside of a cup."""
    cup = _cup(s)
    return knockout_round(2 ** (_size(cup) - _open(s, cup) + 1)) if cup else None


# --- the bracket ----------------------------------------------------------------------------------


def _cup(s: Scene) -> list[Match]:
    """The matches of the knockout, if it has begun and fits on a screen."""
    matches = s.t.play.competition.matches.values()
    cup = [m for m in matches if m.fixture.part in (Part.KNOCKOUT, Part.THIRD_PLACE)]
    begun = all(match.decided for match in matches if match.fixture.part is Part.GROUP)
    return cup if cup and begun and 2 ** _size(cup) <= FITS else []


def _left(fixture: Fixture) -> int:
    """The places left in the fixture's round of a knockout; 0 for third place."""
    return int(fixture.key[1:].partition(".")[0]) if fixture.part is Part.KNOCKOUT else 0


def _size(cup: list[Match]) -> int:
    """How many rounds a cup has."""
    return max(_left(match.fixture) for match in cup).bit_length() - 1


def _open(s: Scene, cup: list[Match]) -> int:
    """The round, from 1, in which matches are played now."""
    rounds = _size(cup)
    playing = [m for m in cup if s.t.play.state_of(m) not in (*OVER, "waiting")]
    return min((_round(match, rounds) for match in playing), default=rounds)


def _round(match: Match, rounds: int) -> int:
    left = _left(match.fixture)
    return rounds - left.bit_length() + 2 if left else rounds


def _bracket(s: Scene, cup: list[Match]) -> Region:
    depth, open_ = _size(cup), _open(s, cup)
    shower, after = Shower(s), {match.key for match in up_next(s)}
    places = [
        _place(
            shower.tie(m), m.fixture, depth, open_, not after.isdisjoint((m.key, *m.fixture.legs))
        )._replace(far=_far(s, m))
        for m in cup
        if m.fixture.leg != 1
    ]
    running = sum(place.match.state in ON_NOW for place in places)
    decided, every = progress(s)
    rows = 2 ** max(0, depth - 2)
    so_far = SoFar(s.once(minutes), decided, running, every)
    data = Bracket("bracket", 2 * depth - 1, rows, open_)
    shown = [match_region("match-", "board/_match.html", p.match.key, p) for p in places]
    children = (Region("so-far", "board/_so_far.html", so_far), *shown)
    return Region("stage", "board/_bracket.html", data, children)


def _far(s: Scene, match: Match, lane: bool = False) -> tuple[bool, bool]:
    """For each side, whether it is not even known which two may come. A lane has no room to say
    whose loser it is."""
    matches = s.t.play.competition.matches
    if match.key in ("K2.1", "K3.1"):
        return False, False
    home, away = (
        side is None
        and (
            (isinstance(source, WinnerOf) and not all(matches[source.key].sides))
            or (lane and isinstance(source, LoserOf))
        )
        for side, source in zip(match.sides, (match.fixture.home, match.fixture.away), strict=True)
    )
    return home, away


def _place(match: ShownMatch, fixture: Fixture, depth: int, open_: int, after: bool) -> Place:
    rows, left = 2 ** max(0, depth - 2), _left(fixture)
    if not left:
        return Place(match, depth, rows, 1, depth, "", "", False, after, third=True)
    column = depth - left.bit_length() + 2  # from outside
    if left == 2:
        return Place(match, depth, 1, rows, depth, "", "", open_ == depth, after)
    number = fixture.number
    half = left // 4  # matches of this round in each half
    span = rows // half
    right = number > half
    row = (number - 1) % half * span + 1
    link = "straight" if half == 1 else "down" if number % 2 else "up"
    at = 2 * depth - column if right else column
    side = "right" if right else "left"
    return Place(match, at, row, span, column, side, link, column == open_, after)


# --- other formats --------------------------------------------------------------------------------


def _lanes(s: Scene) -> Region:
    """A double elimination: the winners' side above the losers' side, the finals at the end."""
    size = 1 << (len(s.t.play.entrants) - 1).bit_length()
    upper, lower = max(1, size // 2), max(1, size // 4)
    shower, after = Shower(s), {match.key for match in up_next(s)}
    matches = list(s.t.play.competition.matches.values())
    sides = [m.fixture.round for m in matches if m.fixture.part is not Part.FINAL]
    last = max(sides, default=0) + 1
    children = []
    for match in matches:
        where = _in_lane(match.fixture, last, upper, lower)
        shown, next_ = shower.match(match), match.key in after
        data = Place(shown, *where, False, next_, _far(s, match, lane=True))
        children.append(match_region("match-", "board/_match.html", match.key, data))
    centre = _data(s, "lanes")._replace(columns=last, rows=upper + lower, upper=upper)
    return Region("stage", "board/_centre.html", centre, tuple(children))


def _in_lane(
    fixture: Fixture, last: int, upper: int, lower: int
) -> tuple[int, int, int, int, str, str]:
    """Column, row, span, depth, half and link of a match. Each lane begins with its name."""
    number, place = fixture.round, int(fixture.key.partition(".")[2] or 1)
    if fixture.part is Part.FINAL:
        row, span = (2, upper) if number == 1 else (upper + 3, lower)
        return last, row, span, number, "left", ""
    level = "down" if place % 2 else "up"
    if fixture.part is Part.WINNERS:
        span = 2 ** (number - 1)
        link = level if span < upper else ""
        return number, 2 + (place - 1) * span, span, number, "left", link
    span = 2 ** ((number - 1) // 2)
    link = "straight" if number % 2 else level if span < lower else ""
    return number, upper + 3 + (place - 1) * span, span, number, "left", link


def _centre(s: Scene) -> Region:
    shown = tables(s)
    if any(table.finished for table in shown):
        shown += across_groups(s)  # before that, too little of it is known
    listed = [match for match in all_matches(s) if match.state != "off"]
    if shown:
        listed = [match for match in listed if match.key[0] == "K"]
        longest = max(len(table.rows) for table in shown)
        if len(shown) > 3 or longest > 5 or len(listed) > BELOW:
            listed = []
    else:
        newest = {key: -number for number, key in enumerate(s.t.play.results)}
        listed.sort(key=lambda match: (_urgency(match), newest.get(match.key, 0)))
    children = tuple(
        match_region("match-", "board/_result.html", match.key, match) for match in listed[:LISTED]
    )
    data = _data(s, "tables" if shown else "matches")._replace(tables=shown)
    return Region("stage", "board/_centre.html", data, children)


def _data(s: Scene, kind: str) -> Centre:
    names = [
        (side.name, match.console)
        for match in on_now(s)
        for side in (match.home, match.away)
        if match.console
    ]
    through = 0 if s.t.play.format.kind == LEAGUE else s.t.play.format.through
    return Centre(kind, (), tuple(names), through, 0, 0, 0)


def _urgency(match: ShownMatch) -> int:
    if match.just_in:
        return 1
    return {**dict.fromkeys(ON_NOW, 0), "ready": 2, "decided": 3}.get(match.state, 4)
