"""Choosing how to play, before the matches or during them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ..draw import shuffled, words
from ..errors import Invalid
from ..fact import Command, Event, Public
from ..text import Text, text
from ..tournament import Tournament
from . import refusals
from .competition import Competition
from .derivation import derive
from .formats import (
    BY_DRAW,
    BY_HAND,
    BY_STARS,
    DOUBLE,
    DRAW_ONLY,
    GROUPS,
    KNOCKOUT,
    LEAGUE,
    SWISS,
    Format,
    check,
    for_entrants,
    swiss_rounds,
)
from .match import Match
from .plan import Basis
from .state import Play

LOTS = b"lct lots v1|"  # before the draw's own message, so that guests' values count here too

CHOSEN = {
    KNOCKOUT: text("chose to play a cup"),
    LEAGUE: text("chose to play a league"),
    GROUPS: text("chose to play groups, then a cup"),
    DOUBLE: text("chose to play a double elimination"),
    SWISS: text("chose to play a Swiss system"),
    DRAW_ONLY: text("chose to play without a table"),
}


def begin(t: Tournament) -> None:
    """Start the matches of the draw in force, in the format chosen."""
    t.play.begin(*_entrants(t, t.play.format))


def _entrants(t: Tournament, chosen: Format) -> tuple[list[str], list[str]]:
    """The players of the draw in force: first in the order of the seeding, then in that of the
    lots."""
    draw = t.draws[-1]
    dealt = [hand.player_id for hand in draw.hands]
    lots = shuffled(dealt, words(draw.secret, LOTS + draw.message))
    entrants = lots
    if chosen.seeding == BY_DRAW:
        entrants = dealt
    elif chosen.seeding == BY_STARS:
        stars = {hand.player_id: t.teams[hand.team].stars for hand in draw.hands}
        entrants = sorted(lots, key=lambda player_id: -stars[player_id])
    elif chosen.seeding == BY_HAND:
        entrants = list(t.play.entrants)
    return entrants, lots


class Chosen(NamedTuple):
    """The competition in another format; None if it begins again."""

    competition: Competition | None
    fallen: tuple[str, ...]  # matches that lose their result or reports


def choose(play: Play, chosen: Format, entrants: Sequence[str], lots: Sequence[str]) -> None:
    """Play in that format from now on. See ``after_choosing``."""
    new, fallen = after_choosing(play, chosen, entrants)
    play.format = chosen
    if new is None:
        play.begin(entrants, lots)
        return
    play.rounds = new.basis.rounds
    play.go_on(new, fallen)


def after_choosing(play: Play, chosen: Format, entrants: Sequence[str]) -> Chosen:
    """The play in that format with these entrants. While the kind and the seeding are the same, a
    match keeps what was said and decided if the same two meet in it."""
    noted = play.results.keys() | play.reports.keys()
    if chosen.kind != play.format.kind or tuple(entrants) != play.entrants:
        return Chosen(None, play.noted(noted))
    rounds = play.rounds[: swiss_rounds(chosen, len(entrants))]
    basis = Basis(chosen, play.entrants, play.lots, play.left, rounds)
    before, results = play.competition.matches, play.results
    while True:
        new = derive(basis, results)
        stay = {key for key, m in new.matches.items() if key in before and _same(before[key], m)}
        if results.keys() <= stay:
            return Chosen(new, play.noted(noted - stay))
        results = {key: result for key, result in results.items() if key in stay}


def _same(before: Match, after: Match) -> bool:
    """Whether the same two meet in a match of two formats."""
    return before.sides == after.sides and before.fixture.legs == after.fixture.legs


@dataclass(frozen=True, slots=True)
class FormatChosen(Event):
    """The organiser chose how to play. A match between the same two as before keeps its result; all
    others are gone."""

    type = "format-chosen"
    versioned = True

    format: Public[Format]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        if t.dealt:
            choose(t.play, self.format, *_entrants(t, self.format))
        else:
            t.play.format = self.format

    def sentence(self, t: Tournament) -> Text:
        return CHOSEN[self.format.kind]

    def sound(self) -> bool:
        try:
            check(self.format)
        except Invalid:
            return False
        return Event.sound(self)


@dataclass(frozen=True, kw_only=True)
class ChooseFormat(Command):
    """``falls`` are the results that the organiser was told are lost, by match."""

    format: Format
    falls: tuple[str, ...] = ()

    def decide(self, t: Tournament, now: datetime) -> FormatChosen | None:
        t.check_open()
        chosen = for_entrants(self.format, len(t.players) if t.dealt else t.limit)
        if chosen == t.play.format and t.play.begun == (t.dealt and chosen.kind != DRAW_ONLY):
            return None
        if chosen.seeding == BY_HAND and not t.play.begun:
            raise Invalid(seeding=text("Players can be put in order once the matches have begun."))
        fallen: tuple[str, ...] = ()
        if t.dealt:
            fallen = after_choosing(t.play, chosen, _entrants(t, chosen)[0]).fallen
        if fallen != self.falls:
            raise refusals.ResultsFall(fallen)
        return FormatChosen(chosen)
