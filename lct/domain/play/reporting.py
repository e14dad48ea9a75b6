"""The two who played report the score; what both say counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..fact import THE_PLAY, Command, Event, Exported, Public
from ..rights import Right
from ..text import Text, text
from ..tournament import Tournament
from . import refusals
from .checks import check_not_left, check_playable, playing
from .formats import needs_winner
from .results import ALONE, Score, check
from .wording import score_text, sides_text


@dataclass(frozen=True, slots=True)
class ScoreReported(Event):
    """A player said how their match ended. Only the two who play it and the organiser see it."""

    type = "score-reported"
    by = "player"
    players_own = True
    touched = THE_PLAY

    player_id: Public[str]
    match: Public[str]
    score: Exported[Score]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.play.report(self.match, self.player_id, self.score)

    def sentence(self, t: Tournament) -> Text:
        return text(
            "reported %(score)s in %(match)s",
            score=score_text(self.score),
            match=sides_text(t, self.match),
        )


@dataclass(frozen=True, slots=True)
class ScoreAgreed(Event):
    """The second of the two who played reported the same score: it counts."""

    type = "score-agreed"
    by = "player"
    players_own = True
    touched = THE_PLAY

    player_id: Public[str]
    match: Public[str]
    score: Public[Score]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.play.report(self.match, self.player_id, self.score)

    def sentence(self, t: Tournament) -> Text:
        return text(
            "agreed on %(score)s in %(match)s",
            score=score_text(self.score),
            match=sides_text(t, self.match),
        )


@dataclass(frozen=True, kw_only=True)
class ReportScore(Command):
    right = Right.PLAYER

    player_id: str
    match: str
    score: Score

    def decide(self, t: Tournament, now: datetime) -> ScoreReported | ScoreAgreed | None:
        match = playing(t, self.match, now)
        t.player(self.player_id)
        if self.player_id not in match.sides:
            raise refusals.NotYourMatch
        if match.score and match.score.outcome == self.score.outcome:
            return None
        check_not_left(t, match)
        if match.result:
            raise refusals.MatchDecided
        check_playable(match)
        check(self.score, needs_winner(match.fixture), match.first or ALONE)
        said = t.play.reports.get(self.match, {})
        if said.get(self.player_id) == self.score:
            return None
        others = [score.outcome for who, score in said.items() if who != self.player_id]
        if self.score.outcome in others:
            return ScoreAgreed(self.player_id, self.match, self.score)
        return ScoreReported(self.player_id, self.match, self.score)


@dataclass(frozen=True, slots=True)
class ReportWithdrawn(Event):
    """A player took back what they had reported, before the other side confirmed it."""

    type = "report-withdrawn"
    by = "player"
    players_own = True
    touched = THE_PLAY

    player_id: Public[str]
    match: Public[str]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.play.withdraw(self.match, self.player_id)

    def sentence(self, t: Tournament) -> Text:
        return text("took back the score reported in %(match)s", match=sides_text(t, self.match))


@dataclass(frozen=True, kw_only=True)
class WithdrawReport(Command):
    right = Right.PLAYER

    player_id: str
    match: str

    def decide(self, t: Tournament, now: datetime) -> ReportWithdrawn | None:
        match = playing(t, self.match, now)
        if self.player_id not in match.sides:
            raise refusals.NotYourMatch
        if match.decided:
            raise refusals.MatchDecided
        said = t.play.reports.get(self.match, {})
        return ReportWithdrawn(self.player_id, self.match) if self.player_id in said else None
