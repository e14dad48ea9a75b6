"""The matches on the TV: a bracket, a double elimination, or tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ...domain.play.formats import LEAGUE, SWISS, swiss_rounds
from ...domain.text import Text
from .bracket import Bracket, Page, Place, bracket, far, place_of
from .lanes import lanes
from .matches import (
    Shower,
    all_matches,
    coming_calls,
    match_region,
    minutes,
    on_now,
    progress,
    up_next,
)
from .region import Region, Scene
from .table import ShownTable, across_groups, tables

STAGES = ("stage", "stage-2", "stage-3", "stage-4")  # the TV turns their pages
BELOW = 4  # matches below the tables of groups
BESIDE = 8  # matches of a Swiss round beside its table, with the bye
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
    tables: tuple[ShownTable, ...]
    playing: tuple[tuple[str, Text], ...]  # who plays now, and on which console
    through: int  # of each group; 0: a league or a Swiss system
    round: int = 0  # of a Swiss system, whose matches stand beside the table
    rounds: int = 0
    again: int = 0  # pairs of this round that have met before


def matches_stages(s: Scene) -> tuple[Region, ...]:
    """The matches while they are played: a region for each of STAGES, most of them empty."""
    pages = s.once(_pages)
    if not pages:
        return alone(_tables(s))
    return tuple(_page(s, stage, pages.get(stage)) for stage in STAGES)


def first_page(s: Scene) -> str:
    """The id of the page to show first; empty if there is one only."""
    pages = s.once(_pages)
    return min(pages, key=lambda stage: _matters(s, pages[stage])) if len(pages) > 1 else ""


def alone(stage: Region) -> tuple[Region, ...]:
    """A stage without other pages."""
    return stage, *(Region(other, "board/_no_page.html", ()) for other in STAGES[1:])


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
    ranks = {call.key: NEXT for call in s.once(coming_calls).values()}
    ranks |= {call.key: RUNNING for call in play.queue.consoles.values() if call}
    ranks |= dict.fromkeys(list(play.results)[-1:], NEWEST)
    matches = play.competition.matches
    return {place_of(matches[key].fixture): rank for key, rank in ranks.items()}


def _page(s: Scene, stage: str, page: Page | None) -> Region:
    if page is None:
        return Region(stage, "board/_no_page.html", ())
    shower, matches = Shower(s), s.t.play.competition.matches
    after = {place_of(matches[match.key].fixture) for match in up_next(s)}
    places = [
        Place(shower.tie(matches[key]), at, key in after, far(s, matches[key]))
        for key, at in page.where.items()
    ]
    children = [match_region("match-", "board/_match.html", p.match.key, p) for p in places]
    if isinstance(page.data, Bracket) and not page.data.to:
        running = sum(place.match.state in ON_NOW for place in places)
        decided, every = progress(s)
        so_far = SoFar(s.once(minutes), decided, running, every)
        children.insert(0, Region("so-far", "board/_so_far.html", so_far))
    return Region(stage, page.template, page.data, tuple(children))


# --- tables ---------------------------------------------------------------------------------------


def _tables(s: Scene) -> Region:
    shown = tables(s)
    if any(table.finished for table in shown):
        shown += across_groups(s)  # before that, too little of it is known
    if s.t.play.format.kind == SWISS:
        return _swiss(s, shown)
    # Below small tables there is room for the matches that follow.
    after = [match for match in all_matches(s) if match.key[0] == "K" and match.state != "off"]
    longest = max(len(table.rows) for table in shown)
    if len(shown) > 3 or longest > 5 or len(after) > BELOW:
        after = []
    children = tuple(
        match_region("match-", "board/_result.html", match.key, match) for match in after
    )
    through = 0 if s.t.play.format.kind == LEAGUE else s.t.play.format.through
    data = Centre("tables", shown, tuple(_playing(s)), through)
    return Region("stage", "board/_centre.html", data, children)


def _swiss(s: Scene, table: tuple[ShownTable, ...]) -> Region:
    """The table of a Swiss system, and the round beside it: its matches in their order, with the
    bye. Of a long round, those that matter now."""
    play, ranks = s.t.play, s.once(_ranks)
    number, rounds = len(play.rounds), swiss_rounds(play.format, len(play.entrants))
    of = play.competition.matches
    this = [match for match in all_matches(s) if of[match.key].fixture.round == number]
    first = sorted(this, key=lambda match: (not match.bye, ranks.get(match.key, OTHER)))[:BESIDE]
    again = sum(match.again for match in this)
    data = Centre("tables", table, tuple(_playing(s)), 0, number, rounds, again)
    shown = (match for match in this if match in first)
    children = [match_region("match-", "board/_result.html", m.key, m) for m in shown]
    return Region("stage", "board/_centre.html", data, tuple(children))


def _playing(s: Scene) -> Iterable[tuple[str, Text]]:
    for match in on_now(s):
        for side in (match.home, match.away):
            if match.console:
                yield side.name, match.console
