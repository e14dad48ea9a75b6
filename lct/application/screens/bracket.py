"""A bracket on the TV: two halves that meet in the middle, in pages of at most 16 places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from ...domain.play.match import Match
from ...domain.play.matches import Fixture, LoserOf, Part, Source, WinnerOf
from ...domain.play.plan import KEPT, Plan
from ...domain.text import Text, text
from .matches import ShownMatch, knockout_round, place_of
from .names import short_names
from .region import Scene

PLACES = 16  # in the first round of a page
LETTERS = 28  # of two names of whom one may come
OVER = ("decided", "off")

Line = tuple[Fixture, int]  # a match, and the places left in its round


class Where(NamedTuple):
    """Where a match stands on its page: its column and row from 1, and how many rows it spans."""

    column: int
    row: int
    span: int
    half: str  # left, right; empty: in the middle
    link: str  # the way to the next match: up, down, straight; empty: none
    open: bool = False  # in the round that is played now
    third: bool = False  # the match for third place, which stands below the final
    round: Text | None = None  # without its side, if the page names the side; None: the match's


class Place(NamedTuple):
    match: ShownMatch
    at: Where
    next: bool  # comes after those on now
    far: tuple[bool, bool]  # of a side it is not even known which two may come


class Bracket(NamedTuple):
    kind: str  # bracket
    columns: int
    rows: int  # of matches in the outermost column
    open: int  # the column, counted from outside, in which matches are played now
    name: Text | None  # of the part that it shows
    to: Text | None  # where the winner of the page goes; None: it is the only page


class Page(NamedTuple):
    """A part of the matches that fits on the TV."""

    template: str
    data: tuple[object, ...]
    where: Mapping[str, Where]  # by the key of the match


# --- the knockout ---------------------------------------------------------------------------------


def open_round(s: Scene) -> Text | None:
    """The round of the knockout that is played now; None before there is one."""
    return knockout_round(s.once(_playing)) if s.once(_cup) else None


def bracket(s: Scene) -> Sequence[Page]:
    """The pages of the knockout, from the first round that is not over; none before it begins."""
    cup, of = s.once(_cup), s.t.play.competition
    if not cup:
        return ()
    size = cup[0][1]  # the rounds come from the largest to the final
    to_play = (left for fixture, left in cup if not of.matches[fixture.key].decided)
    first = first_places(islice(to_play, 1), size)
    return _pages(of.plan, first, s.once(_playing))


@lru_cache(maxsize=KEPT)
def _pages(plan: Plan, first: int, playing: int) -> Sequence[Page]:
    """The pages of ``tree``, which few results change."""
    pages = max(1, first // PLACES)
    to = text("To the %(round)s", round=knockout_round(pages)) if pages > 1 else None
    return tree(_knockout(plan), first, playing, None, to)


def _cup(s: Scene) -> Sequence[Line]:
    """The knockout, once the matches of the tables before it are over."""
    of = s.t.play.competition
    begun = all(of.matches[key].decided for keys in of.plan.table.values() for key in keys)
    return _knockout(of.plan) if begun else ()


@lru_cache(maxsize=KEPT)
def _knockout(plan: Plan) -> Sequence[Line]:
    """The matches of the knockout, each with the places left in its round; 0 for third place."""
    return tuple(
        (each, int(each.key[1:].partition(".")[0]) if each.part is Part.KNOCKOUT else 0)
        for each in plan.fixtures
        if each.part in (Part.KNOCKOUT, Part.THIRD_PLACE)
    )


def _playing(s: Scene) -> int:
    """The places left in the first round in which matches are played now; 2 if there are none."""
    play = s.t.play
    matches = play.competition.matches
    now = (
        left
        for fixture, left in s.once(_cup)
        if play.state_of(matches[fixture.key]) not in (*OVER, "waiting")
    )
    return next(now, 2) or 2


# --- pages of a tree ------------------------------------------------------------------------------


def first_places(to_play: Iterable[int], size: int) -> int:
    """The places left in the first round that is not over, or PLACES of them if there are fewer.
    ``to_play``: those left in the rounds of matches to play, of a tree with ``size`` places."""
    return max(max(to_play, default=0), min(PLACES, size))


def tree(
    lines: Iterable[Line], first: int, playing: int, name: Text | None, to: Text | None
) -> Sequence[Page]:
    """The matches from the round with ``first`` places, a page for each PLACES of them.

    ``playing``: the places left in the round that is played now. What follows when the pages meet
    is on none of them. A match of ``lines`` with no places is that for third place.
    """
    pages = max(1, first // PLACES)
    depth = (first // pages).bit_length() - 1
    shown: list[dict[str, Where]] = [{} for _ in range(pages)]
    for fixture, left in lines:
        if fixture.key != place_of(fixture):
            continue
        if not left and pages == 1:
            rows = 2 ** max(0, depth - 2)
            shown[0][fixture.key] = Where(depth, rows, 1, "", "", third=True)
        elif 2 * pages <= left <= first:
            page, number = divmod(fixture.number - 1, left // 2 // pages)
            round_ = text("Round %(number)s", number=fixture.round) if name else None
            at = _place(left // pages, number, depth)
            shown[page][fixture.key] = Where(*at, open=left == playing, round=round_)
    open_ = depth - (max(playing // pages, 2).bit_length() - 1) + 1
    data = Bracket("bracket", 2 * depth - 1, 2 ** max(0, depth - 2), max(open_, 1), name, to)
    return tuple(Page("board/_bracket.html", data, where) for where in shown)


def _place(left: int, number: int, depth: int) -> tuple[int, int, int, str, str]:
    """Column, row, span, half and link of the match with this number, from 0, in the round with
    ``left`` places."""
    rows = 2 ** max(0, depth - 2)
    if left == 2:
        return depth, 1, rows, "", ""
    column = depth - left.bit_length() + 2  # from outside
    half = left // 4  # matches of this round in each half
    span = rows // half
    right, place = divmod(number, half)
    link = "straight" if half == 1 else "up" if number % 2 else "down"
    at, side = (2 * depth - column, "right") if right else (column, "left")
    return at, place * span + 1, span, side, link


def far(s: Scene, match: Match) -> tuple[bool, bool]:
    """For each side, whether it is not even known which two may come, or there is no room to say
    so."""
    if match.key in ("K2.1", "K3.1"):
        return False, False
    home, away = (
        side is None and not _room(s, source)
        for side, source in zip(match.sides, (match.fixture.home, match.fixture.away), strict=True)
    )
    return home, away


def _room(s: Scene, source: Source) -> bool:
    if not isinstance(source, WinnerOf):
        return not isinstance(source, LoserOf)
    names, before = short_names(s), s.t.play.competition.matches[source.key]
    return all(before.sides) and sum(len(names[side or ""]) for side in before.sides) <= LETTERS
