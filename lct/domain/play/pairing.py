"""Pairing a round of a Swiss system: who meets whom in it, and who has a bye.

The one part of a competition that is stored and not derived. So a later correction of an earlier
round changes points and not pairings, and a later version that pairs in another way replays an
evening as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import zip_longest

from ..fact import AfterLastCard, Command, Event, Public
from ..rights import SYSTEM
from ..text import Text, counted, text
from ..tournament import Tournament
from . import refusals
from .derivation import with_rounds
from .formats import swiss_rounds
from .matches import Part
from .state import Play
from .swiss import Ranked, Round, pair

Both = tuple[str, str]  # home and away


def due(t: Tournament) -> PairRound | None:
    """What the system has to do now: pair the first round, or the next one as soon as every match
    so far is decided. An event may be stored, and this not: then whoever comes next does it."""
    if t.closed or not t.play.begun or not _may_pair(t.play):
        return None
    return PairRound(code=t.code, by=SYSTEM, round=len(t.play.rounds) + 1)


def _may_pair(play: Play) -> bool:
    """Whether there is a next round, and nothing is left to play before it."""
    if len(play.rounds) >= swiss_rounds(play.format, len(play.entrants)):
        return False
    table = play.competition.tables[""]
    return table.decided == sum((len(entrants) + 1) // 2 for entrants in play.rounds)


def paired(play: Play, number: int) -> Round:
    """The pairing of a round by the results of those before it. Those level in the table go in the
    order of the seeding."""
    before = play.rounds[: number - 1]
    seeding = {entrant: place for place, entrant in enumerate(play.entrants)}
    table = with_rounds(play.competition, before).competition.tables[""]
    rows = sorted(table.rows, key=lambda row: (row.place, seeding[row.entrant]))
    to_come = swiss_rounds(play.format, len(play.entrants)) - number
    met = tuple(both for entrants in before for both in pairs_of(entrants))
    byes = tuple(bye for entrants in before for bye in byes_of(entrants))
    return _pair(tuple(Ranked(row.entrant, row.points) for row in rows), met, byes, to_come)


# The organiser's page asks again and again how the round would be paired now.
_pair = lru_cache(maxsize=8)(pair)


def differs(play: Play) -> bool:
    """Whether the last round has no result, and would be paired in another way by now: a result
    before it was corrected, or somebody left."""
    last = len(play.rounds)
    if last < 2 or _has_result(play):
        return False
    return _entrants(play, paired(play, last)) != play.rounds[-1]


def _entrants(play: Play, found: Round) -> tuple[str, ...]:
    """A pairing as the state keeps it."""
    rest = (found.bye,) if found.bye else ()
    return _filled(play, (*(side for p in found.pairs for side in (p.home, p.away)), *rest))


def _filled(play: Play, paired: tuple[str, ...]) -> tuple[str, ...]:
    """A round with its empty places, after the bye: those of players who left."""
    return paired + ("",) * (len(play.entrants) - len(paired))


def pairs_of(entrants: Sequence[str]) -> Iterator[Both]:
    """The pairs of a paired round."""
    sides = zip(entrants[::2], entrants[1::2], strict=False)
    return (both for both in sides if all(both))


def byes_of(entrants: Sequence[str]) -> Iterator[str]:
    """Who has the bye of a paired round."""
    sides = zip_longest(entrants[::2], entrants[1::2])
    return (home for home, away in sides if home and not away)


@lru_cache(maxsize=8)
def rematches(rounds: tuple[tuple[str, ...], ...]) -> frozenset[str]:
    """The matches of these Swiss rounds whose two have met before, by key."""
    met: set[frozenset[str]] = set()
    found = set()
    for number, entrants in enumerate(rounds, 1):
        for place, both in enumerate(map(frozenset, pairs_of(entrants)), 1):
            if both in met:
                found.add(f"S{number}.{place}")
            met.add(both)
    return frozenset(found)


def _take(play: Play, number: int, entrants: tuple[str, ...]) -> None:
    """Take these as a round, or as the last one again. Matches between other people than before
    start over: nothing is reported of them, and they are on no console."""
    rounds = *play.rounds[: number - 1], _filled(play, entrants)
    new, changed = with_rounds(play.competition, rounds)
    play.rounds = rounds
    play.go_on(new, changed)


@dataclass(frozen=True, slots=True)
class RoundPaired(Event):
    """A round of a Swiss system was paired, or paired again. A bye counts as a win at once."""

    type = "round-paired"
    by = "the system or the organiser"

    attempt: Public[int]
    round: Public[int]
    pairs: AfterLastCard[tuple[Both, ...]]
    bye: AfterLastCard[str | None]
    fallen: Public[tuple[str, ...]]  # matches that start over, though reported or on a console

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        sides = [side for both in self.pairs for side in both]
        entrants = (*sides, *((self.bye,) if self.bye else ()))
        known, once = set(entrants) <= set(t.play.entrants), len(set(entrants)) == len(entrants)
        if not (known and once and 1 <= self.round <= len(t.play.rounds) + 1):
            raise ValueError("no pairing of a next round")  # an import may hold anything
        _take(t.play, self.round, entrants)

    def sentence(self, t: Tournament) -> Text:
        if self.round > len(t.play.rounds):
            return text("paired round %(round)s", round=self.round)
        if not self.fallen:
            return text("paired round %(round)s again", round=self.round)
        return counted(
            "paired round %(round)s again; %(n)s match starts over",
            "paired round %(round)s again; %(n)s matches start over",
            len(self.fallen),
            round=self.round,
        )


@dataclass(frozen=True, kw_only=True)
class PairRound(Command):
    """Pair a round that is due. With ``again``, pair the last round by the results as they are now,
    while it has none itself; ``falls`` are those of its matches that the organiser was told start
    over, though reported or on a console."""

    round: int
    again: bool = False
    falls: tuple[str, ...] = ()

    def decide(self, t: Tournament, now: datetime) -> RoundPaired | None:
        t.check_open()
        play = t.play
        if not play.begun:
            raise refusals.NothingToPlay
        if not 1 <= self.round <= swiss_rounds(play.format, len(play.entrants)):
            raise refusals.UnknownRound
        last = len(play.rounds)
        if self.round <= last and not self.again:
            return None
        if self.round < last or (self.round == last and _has_result(play)):
            raise refusals.RoundHasBegun
        if self.round > last + 1 or (self.round > last and not _may_pair(play)):
            raise refusals.RoundIsOpen
        found = paired(play, self.round)
        if play.rounds[self.round - 1 :] == (_entrants(play, found),):
            return None
        fallen = _fallen(play, self.round, found)
        if fallen != self.falls:
            raise refusals.ResultsFall(fallen)
        pairs = tuple((p.home, p.away) for p in found.pairs)
        return RoundPaired(t.attempt, self.round, pairs, found.bye, fallen)


def _has_result(play: Play) -> bool:
    matches = play.competition.matches
    played = (matches[key].fixture for key in reversed(play.results))  # the newest first
    return any(f.part is Part.SWISS and f.round == len(play.rounds) for f in played)


def _fallen(play: Play, number: int, found: Round) -> tuple[str, ...]:
    """The matches that start over when the round is paired like that."""
    rounds = *play.rounds[: number - 1], _entrants(play, found)
    _, changed = with_rounds(play.competition, rounds)
    return tuple(key for key in changed if key in play.reports or play.console_of(key))
