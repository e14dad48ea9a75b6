"""A double elimination on the TV: both sides on one page, or each on pages of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ...domain.play.bracket import bracket_size
from ...domain.play.formats import DOUBLE
from ...domain.play.match import Match
from ...domain.play.matches import Fixture, Part
from ...domain.text import Text, text
from .bracket import OVER, PLACES, Page, Where, first_places, tree
from .region import Scene

BOTH = 8  # places of the winners' side, above the losers' side on one page
ROWS = 4  # matches of a round of the losers' side, alone on a page


class Lanes(NamedTuple):
    """Rounds from left to right, the winners' side above the losers' side."""

    kind: str  # lanes
    columns: int
    rows: int
    upper: int  # rows of the winners' side; 0: the losers' side alone
    to: Text | None  # where the winner of the page goes


class _Sides:
    """The matches of both sides. The losers' rounds are counted as if there were no byes."""

    def __init__(self, s: Scene) -> None:
        self.size = bracket_size(len(s.t.play.entrants))
        self.depth = self.size.bit_length() - 1
        matches = list(s.t.play.competition.matches.values())
        self.winners = [m for m in matches if m.fixture.part is Part.WINNERS]
        self.losers = [m for m in matches if m.fixture.part is Part.LOSERS]
        self.finals = [m for m in matches if m.fixture.part is Part.FINAL]
        last = max((match.fixture.round for match in self.losers), default=0)
        self.left_out = 2 * self.depth - 2 - last  # rounds in which all have a bye

    def round(self, fixture: Fixture) -> int:
        return fixture.round + (self.left_out if fixture.part is Part.LOSERS else 0)

    def over(self, matches: Iterable[Match]) -> int:
        """How many of their rounds are over, from the first one."""
        to_play = (self.round(match.fixture) for match in matches if not match.decided)
        return min(to_play, default=2 * self.depth) - 1


def lanes(s: Scene) -> Sequence[Page]:
    """The pages of a double elimination; none for another format."""
    if s.t.play.format.kind != DOUBLE:
        return ()
    sides = _Sides(s)
    over, over_below = sides.over(sides.winners), sides.over(sides.losers) // 2
    done = max(0, min(over, over_below, sides.depth - BOTH.bit_length() + 1))
    if sides.size >> done <= BOTH:
        return (_both(sides, done),)
    below = min(over_below, sides.depth - ROWS.bit_length() - 1)
    return *_winners(s, sides), *_losers(sides, below)


def _both(sides: _Sides, done: int) -> Page:
    """The rounds of both sides after the first ``done`` of the winners' side."""
    size = sides.size >> done
    upper, lower = max(1, size // 2), max(1, size // 4)
    where = {m.key: _in_lane(m.fixture, m.fixture.round - done, 2, upper) for m in sides.winners}
    for match in sides.losers:
        number = sides.round(match.fixture) - 2 * done
        where[match.key] = _in_lane(match.fixture, number, upper + 3, lower)
    where = {key: at for key, at in where.items() if at.column > 0}
    last = max((at.column for at in where.values()), default=0) + 1
    for match, (row, span) in zip(sides.finals, ((2, upper), (upper + 3, lower)), strict=False):
        where[match.key] = Where(last, row, span, "left", "")
    return Page("board/_lanes.html", Lanes("lanes", last, upper + lower, upper, None), where)


def _in_lane(fixture: Fixture, number: int, top: int, rows: int) -> Where:
    """Where a match of round ``number`` stands in its lane, from row ``top``."""
    place = int(fixture.key.partition(".")[2]) - 1
    losers = fixture.part is Part.LOSERS
    span = 2 ** max(0, (number - 1) // 2 if losers else number - 1)
    level = "up" if place % 2 else "down"
    link = "straight" if losers and number % 2 else level if span < rows else ""
    round_ = text("Round %(number)s", number=fixture.round)
    return Where(number, top + place * span, span, "left", link, round=round_)


# --- a page for each side -------------------------------------------------------------------------


def _winners(s: Scene, sides: _Sides) -> Sequence[Page]:
    left = [(match, sides.size >> (match.fixture.round - 1)) for match in sides.winners]
    playing = [n for match, n in left if s.t.play.state_of(match) not in (*OVER, "waiting")]
    first = first_places((n for match, n in left if not match.decided), sides.size)
    pages = first // PLACES
    to = text("Final")
    if pages > 1:
        to = text("Winners' side, round %(number)s", number=sides.depth - pages.bit_length() + 2)
    name = text("Winners' side")
    lines = ((match.fixture, n) for match, n in left)
    return tree(lines, first, max(playing, default=2), name, text("To the %(round)s", round=to))


def _losers(sides: _Sides, done: int) -> list[Page]:
    """The losers' side after the first ``done`` pairs of its rounds, with the final at the end of
    the only page."""
    pages = (sides.size // 4 >> done) // ROWS
    columns = 2 * ROWS.bit_length()
    empty = 0 if done else sides.left_out
    shown: list[dict[str, Where]] = [{} for _ in range(pages)]
    for match in sides.losers:
        number = sides.round(match.fixture) - 2 * done
        if 0 < number <= columns:
            at = _in_lane(match.fixture, number, 2, ROWS)
            page, row = divmod(at.row - 2, ROWS)
            shown[page][match.key] = at._replace(column=number - empty, row=row + 2)
    columns -= empty
    to = None
    if pages == 1:
        columns += 1
        for match, row in zip(sides.finals, (2, 2 + ROWS // 2), strict=False):
            shown[0][match.key] = Where(columns, row, ROWS // 2, "left", "")
    else:
        number = 2 * done + columns + empty + 1 - sides.left_out
        round_ = text("Losers' side, round %(number)s", number=number)
        to = text("To the %(round)s", round=round_)
    data = Lanes("lanes", columns, ROWS, 0, to)
    return [Page("board/_lanes.html", data, where) for where in shown]
