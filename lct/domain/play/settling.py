"""The organiser gives a match its result, or takes it away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..errors import Invalid
from ..fact import THE_PLAY, Command, Event, Public
from ..text import Text, counted, text
from ..tournament import Tournament
from . import refusals
from .checks import check_not_left, check_playable, playing
from .formats import in_table, needs_winner
from .results import ALONE, AWAY, HOME, NEITHER, ORGANISER, Result, Score, check
from .withdrawals import OVERRULE
from .wording import score_text, sides_text


@dataclass(frozen=True, slots=True)
class ResultSet(Event):
    """The organiser gave a match its result, or took it away; what follows from it falls."""

    type = "result-set"
    versioned = True
    touched = THE_PLAY

    match: Public[str]
    score: Public[Score | None]
    came: Public[str]  # without a score: results.HOME, AWAY or NEITHER; empty: no result
    fallen: Public[tuple[str, ...]]  # later matches that lost their results

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        result = Result(self.score, self.came, ORGANISER) if self.score or self.came else None
        t.play.decide(self.match, result)

    def sentence(self, t: Tournament) -> Text:
        sides = sides_text(t, self.match)
        if self.score:
            said = text("set %(match)s to %(score)s", match=sides, score=score_text(self.score))
        elif self.came == NEITHER:
            said = text("ended %(match)s: neither came", match=sides)
        elif self.came:
            match = t.play.competition.matches[self.match]
            who = t.name_of((match.home if self.came == HOME else match.away) or "")
            said = text("gave %(match)s to %(player)s without play", match=sides, player=who)
        else:
            said = text("cleared the result of %(match)s", match=sides)
        if not self.fallen:
            return said
        return counted(
            "%(said)s; %(n)s later match fell", "%(said)s; %(n)s later matches fell",
            len(self.fallen), said=said,
        )  # fmt: skip

    def sound(self) -> bool:
        return self.came in ("", HOME, AWAY, NEITHER) and Event.sound(self)


@dataclass(frozen=True, kw_only=True)
class SetResult(Command):
    """Give a match its result, or (no score, nobody named) take it away. ``falls`` are the later
    matches that the organiser was told lose their results."""

    match: str
    score: Score | None = None
    came: str = ""
    falls: tuple[str, ...] = ()

    def decide(self, t: Tournament, now: datetime) -> ResultSet | None:
        match = playing(t, self.match, now)
        if self.came not in ("", HOME, AWAY, NEITHER):
            raise Invalid(came=text("Choose who came."))
        check_not_left(t, match, *OVERRULE)
        gone = in_table(match.fixture) and match.home and match.away  # off only if somebody left
        if (self.score or self.came or not match.result) and not gone:
            check_playable(match)
        result = None
        if self.score:
            check(self.score, needs_winner(match.fixture), match.first or ALONE)
            result = Result(self.score, by=ORGANISER)
        elif self.came:
            result = Result(came=self.came, by=ORGANISER)
        before = t.play.results.get(self.match)
        if (before and before[:2]) == (result and result[:2]) and self.match not in t.play.reports:
            return None
        fallen = t.play.after(self.match, result).fallen
        if fallen != self.falls:
            raise refusals.ResultsFall(fallen)
        return ResultSet(self.match, self.score, self.came, fallen)
