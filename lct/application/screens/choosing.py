"""The card on which the organiser chooses how to play."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ...domain.errors import Invalid
from ...domain.play.formats import KINDS, Format, for_entrants, largest_rounds
from ...domain.play.formats import matches as matches_of
from ...domain.play.swiss import usual_rounds
from .progress import LONGEST, SHORTEST, slots_of
from .region import Region, Scene


class Choice(NamedTuple):
    """One way to play, and what it means for tonight."""

    kind: str
    matches: int
    minutes: tuple[int, int]  # from the first match to the end of the last
    groups: int
    through: int  # of each group
    best: int  # of the next place


class FormatCard(NamedTuple):
    version: int
    code: str
    phase: str
    chosen: Format
    entrants: int
    consoles: tuple[str, ...]
    numbered: bool  # they have numbers, not names
    rounds: tuple[int, int]  # of a Swiss system: as many as are usual, and the most
    choices: tuple[Choice, ...]
    begun: bool
    played: bool  # there are results, which another format may take back


def format_card(s: Scene) -> Region:
    t, play = s.t, s.t.play
    n = len(play.entrants) or (len(t.players) if t.dealt else t.limit)
    data = FormatCard(
        t.version,
        t.code,
        s.phase,
        play.format,
        n,
        (consoles := tuple(play.queue.consoles)),
        consoles == tuple(str(number) for number in range(1, len(consoles) + 1)),
        (usual_rounds(n), largest_rounds(n)),
        choices(n, len(play.queue.consoles), play.format),
        play.begun,
        bool(play.results),
    )
    return Region("format", "organise/_format.html", data)


@lru_cache(maxsize=256)
def choices(entrants: int, consoles: int, chosen: Format) -> tuple[Choice, ...]:
    """The ways to play that this many can choose between; the one ``chosen`` with its options."""
    found = []
    for kind in KINDS:
        wanted = chosen if chosen.kind == kind else Format(kind)
        if of := _possible(wanted, entrants) or _possible(Format(kind), entrants):
            rounds = slots_of(of, entrants, consoles)
            taking = rounds * SHORTEST, rounds * LONGEST
            groups = of.groups, of.through, of.best or 0
            found.append(Choice(kind, matches_of(of, entrants), taking, *groups))
    return tuple(found)


def _possible(wanted: Format, entrants: int) -> Format | None:
    try:
        return for_entrants(wanted, entrants)
    except Invalid:
        return None
