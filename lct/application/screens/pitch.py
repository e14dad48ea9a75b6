"""The matches on the TV: a bracket, a double elimination, or tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ...domain.fact import Touched
from ...domain.play.formats import SWISS, in_table, swiss_rounds
from ...domain.play.match import Match
from ...domain.play.matches import Part
from ...domain.play.pairing import rematches
from ...domain.text import Text
from .bracket import Bracket, Page, Place, Where, bracket, far
from .lanes import lanes
from .matches import KeptPage, Shower, console_text, listed_matches, match_region, place_of
from .names import short_names
from .now import Coming, next_keys
from .progress import minutes, progress
from .region import Region, Scene
from .table import (
    TV,
    OnTv,
    ShownTable,
    TableHead,
    TableRow,
    across_groups,
    cuts,
    form,
    halved,
    heads,
    lines,
    moved,
    tables,
)

STAGES = ("stage", "stage-2", "stage-3", "stage-4")  # the TV turns their pages
NO_PAGE = "board/_no_page.html"
BELOW = 4  # matches below the tables of groups
BESIDE = 8  # matches of a Swiss round beside its table, with the bye
LONG, HALF = 10, 10  # rows of a table in one piece, and of each half of a longer one
WHOLE = 20  # letters of the longest name that has room in a half
PAGE, NEAR = 6, 12  # tables in turn: on a page, and lines of a ranking among them
ON_NOW = ("called", "reported", "disputed")
NEWEST, RUNNING, NEXT, OTHER = range(4)  # how much a match matters now


class SoFar(NamedTuple):
    minutes: tuple[int, int]  # until the champion is known
    decided: int
    playing: int
    all: int


class Centre(NamedTuple):
    """The tables of a league or of groups."""

    kind: str  # tables
    tables: tuple[TableHead, ...]
    round: int = 0  # of a Swiss system, whose matches stand beside the table
    rounds: int = 0
    again: int = 0  # pairs of this round that have met before


def matches_stages(s: Scene) -> tuple[Region, ...]:
    """The matches while they are played: a region for each of STAGES, most of them empty."""
    pages = s.once(_pages)
    if not pages:
        return filled_up(_tables(s))
    return tuple(_page(s, stage, pages.get(stage)) for stage in STAGES)


def matches_part(s: Scene, touched: Touched) -> Iterable[Region]:
    """What may differ of that: pages are small, and tables may have a thousand rows."""
    return matches_stages(s) if s.once(_pages) else _tables_part(s, touched)


def first_page(s: Scene) -> str:
    """The id of the page to show first; empty if there is one only."""
    pages = s.once(_pages)
    return min(pages, key=lambda stage: _matters(s, pages[stage])) if len(pages) > 1 else ""


def filled_up(*stages: Region) -> tuple[Region, ...]:
    """The first of STAGES, and empty ones in place of the others."""
    return *stages, *(Region(other, NO_PAGE, ()) for other in STAGES[len(stages) :])


# --- pages ----------------------------------------------------------------------------------------


def _pages(s: Scene) -> dict[str, Page]:
    """Stage -> its page. If there are more pages than stages, those that matter most now; a page
    keeps its stage as long as it can, so that no other has to be sent again."""
    pages = bracket(s) or lanes(s)
    numbers = list(range(len(pages)))
    if len(pages) > len(STAGES):
        matters = {n: _matters(s, pages[n]) for n in numbers}
        numbers.sort(key=matters.__getitem__)
        numbers = [n for n in numbers if matters[n] < OTHER] or numbers
    found: dict[str, Page] = {}
    for number in sorted(numbers[: len(STAGES)]):
        places = (STAGES[n % len(STAGES)] for n in range(number, number + len(STAGES)))
        found[next(place for place in places if place not in found)] = pages[number]
    return {stage: found[stage] for stage in STAGES if stage in found}


def _matters(s: Scene, page: Page) -> int:
    ranks = s.once(_ranks)
    return min((ranks.get(key, OTHER) for key in page.where), default=OTHER)


def _ranks(s: Scene) -> dict[str, int]:
    """How much some matches matter now, by key."""
    play = s.t.play
    ranks = {call.key: NEXT for _, call in s.once(Coming)}
    ranks |= {call.key: RUNNING for call in play.queue.consoles.values() if call}
    ranks |= {play.newest: NEWEST} if play.newest else {}
    matches = play.competition.matches
    return {place_of(matches[key].fixture): rank for key, rank in ranks.items()}


def _page(s: Scene, stage: str, page: Page | None) -> Region:
    if page is None:
        return Region(stage, NO_PAGE, ())
    shower, matches = s.once(Shower), s.t.play.competition.matches
    after = page.where.keys() & {place_of(matches[key].fixture) for key in s.once(next_keys)}
    kept = shower.pages.get(stage)
    if kept and kept.where is page.where and kept.after == after:
        return kept.region
    children = [_place(s, matches[key], at, key in after) for key, at in page.where.items()]
    if isinstance(page.data, Bracket) and not page.data.to:
        running = sum(shower.tie(matches[key]).state in ON_NOW for key in page.where)
        decided, every = progress(s)
        so_far = SoFar(minutes(s), decided, running, every)
        children.insert(0, Region("so-far", "board/_so_far.html", so_far))
        return Region(stage, page.template, page.data, tuple(children))
    region = Region(stage, page.template, page.data, tuple(children))
    shower.pages[stage] = KeptPage(page.where, frozenset(after), region)
    return region


def _place(s: Scene, match: Match, at: Where, next_: bool) -> Region:
    """A match in a bracket; kept while it looks the same."""
    shower = s.once(Shower)
    found = shower.places.get(match.key)
    if found is None or found.data[1:3] != (at, next_):
        place = Place(shower.tie(match), at, next_, far(s, match))
        found = match_region("match-", "board/_match.html", match.key, place)
        shower.places[match.key] = found
    return found


# --- tables ---------------------------------------------------------------------------------------


def _tables(s: Scene) -> Region:
    if s.t.play.format.kind == SWISS:
        return _swiss(s)
    shown = tables(s) + _ranking(s)
    children = (*_lines(s, shown), *_results(s, _after(s)))
    parts = heads(shown)
    if not shown[0].title and parts[0].rows > LONG:
        parts = halved(parts[0], HALF)
    data = Centre("tables", parts)
    return Region("stage", "board/_centre.html", data, children, cuts(parts))


def _lines(s: Scene, shown: Iterable[ShownTable]) -> Iterable[Region]:
    fitting = (_fitting(s, table) for table in shown)
    return lines(fitting, TV, OnTv(_consoles(s), s.once(form), s.once(moved)))


def _fitting(s: Scene, table: ShownTable) -> ShownTable:
    """The table, with short names in place of those that have no room in halves of a league."""
    if table.title or len(table.rows) <= LONG:
        return table
    short = short_names(s)
    return table._replace(
        rows=tuple(
            row._replace(name=short[row.player_id]) if len(row.name) > WHOLE else row
            for row in table.rows
        )
    )


def _swiss(s: Scene) -> Region:
    """The table of a Swiss system, and the round beside it: its matches in their order, with the
    bye. Of a long round, those that matter now."""
    play, ranks, shown = s.t.play, s.once(_ranks), tables(s)
    number, rounds = len(play.rounds), swiss_rounds(play.format, len(play.entrants))
    listed = s.once(listed_matches).values()
    this = [m for m in listed if m.fixture.part is Part.SWISS and m.fixture.round == number]
    first = sorted(this, key=lambda m: (not m.bye, ranks.get(m.key, OTHER)))[:BESIDE]
    again = sum(match.key in rematches(play.rounds) for match in this)
    parts = heads(shown)
    data = Centre("tables", parts, number, rounds, again)
    beside = _results(s, (match for match in this if match in first))
    rows = lines(shown, TV, OnTv(_consoles(s)), wide=False)
    return Region("stage", "board/_centre.html", data, (*rows, *beside), cuts(parts))


def _tables_part(s: Scene, touched: Touched) -> Iterable[Region]:
    if s.t.play.format.kind == SWISS:
        yield _swiss(s)
        return
    names = [
        name
        for name, table in s.t.play.competition.tables.items()
        if name in touched.tables or any(row.entrant in touched.players for row in table.rows)
    ]
    yield from _lines(s, tables(s, names) + _ranking(s))
    yield from _results(s, (match for match in _after(s) if match.key in touched.matches))


def _ranking(s: Scene) -> tuple[ShownTable, ...]:
    """The ranking across groups; before one of them is finished, too little of it is known."""
    tables = s.t.play.competition.tables.values()
    ranking = across_groups(s) if any(table.finished for table in tables) else ()
    if len(tables) < PAGE:
        return ranking
    return tuple(table._replace(rows=_near_cut(table.rows)) for table in ranking)


def _near_cut(rows: tuple[TableRow, ...]) -> tuple[TableRow, ...]:
    """Of a long ranking what matters: NEAR lines, half of them above the cut."""
    through = sum(row.through for row in rows)
    return rows[max(0, through - NEAR // 2) :][:NEAR]


def _after(s: Scene) -> list[Match]:
    """The matches that follow the groups, if there is room for them below the tables."""
    of = s.t.play.competition
    sizes = [len(table.rows) for table in of.tables.values()]
    sizes += [len(table.rows) for table in _ranking(s)]
    if len(sizes) > 3 or max(sizes) > 5:
        return []
    found = [m for m in of.matches.values() if not in_table(m.fixture) and not m.off]
    return found if len(found) <= BELOW else []


def _results(s: Scene, matches: Iterable[Match]) -> Iterable[Region]:
    shower = s.once(Shower)
    for match in matches:
        yield match_region("match-", "board/_result.html", match.key, shower.match(match))


def _consoles(s: Scene) -> dict[str, Text]:
    """Player id -> the console that they play on now."""
    calls = s.t.play.queue.consoles.items()
    return {
        who: console_text(name) for name, call in calls if call for who in (call.home, call.away)
    }
