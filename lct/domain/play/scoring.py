"""Scores: reported by the two who played, or set by the organiser."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .. import errors
from ..errors import Invalid
from ..fact import THE_PLAY, Command, Event, Exported, Public, Touched
from ..rights import Right
from ..text import Text, counted, text
from ..tournament import Tournament
from .formats import in_table, needs_winner
from .match import Match
from .results import ALONE, AWAY, HOME, NEITHER, ORGANISER, Result, Score, check
from .withdrawals import OVERRULE


def check_under_way(t: Tournament, now: datetime) -> None:
    """Refuse if no matches are played now."""
    t.check_open()
    draw = t.current_draw
    if draw is None:
        raise errors.NotDrawn
    if not draw.is_over(now):
        raise errors.NotRevealed
    if not t.play.begun:
        raise errors.NothingToPlay


def playing(t: Tournament, key: str, now: datetime) -> Match:
    """The match of that key; a refusal if no matches are played now, or there is none like it."""
    check_under_way(t, now)
    if key not in t.play.competition.matches:
        raise errors.UnknownMatch
    return t.play.competition.matches[key]


def check_playable(match: Match) -> None:
    """A refusal if the match cannot be played yet."""
    if not match.known:
        raise errors.MatchNotReady
    if not match.playable:
        raise errors.FirstLegOpen


def check_not_left(t: Tournament, match: Match, *policies: str) -> None:
    """A refusal if one of its sides left, under one of these policies or any."""
    for side in filter(None, match.sides):
        if (policy := t.play.left.get(side)) and (policy in policies or not policies):
            raise errors.SideHasLeft(t.players[side].name)


def sides_text(t: Tournament, key: str) -> Text:
    """Who plays the match: ``Ola Nowak v Max Nowak``."""
    match = t.play.competition.matches.get(key)
    if match is None or not match.known:
        return text("match %(key)s", key=key)
    home, away = (t.name_of(side or "") for side in match.sides)
    if leg := match.fixture.leg:
        return text("%(home)s v %(away)s, leg %(leg)s", home=home, away=away, leg=leg)
    return text("%(home)s v %(away)s", home=home, away=away)


def score_text(score: Score) -> Text:
    """``2:1``, ``2:2, 4:3 on penalties``."""
    home, away = score.goals
    if score.penalties:
        ours, theirs = score.penalties
        return text(
            "%(home)s:%(away)s, %(ours)s:%(theirs)s on penalties",
            home=home,
            away=away,
            ours=ours,
            theirs=theirs,
        )
    if score.extra:
        return text("%(home)s:%(away)s after extra time", home=home, away=away)
    return text("%(home)s:%(away)s", home=home, away=away)


# --- reported by the players ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ScoreReported(Event):
    """A player said how their match ended. Only the two who play it and the organiser see it."""

    type = "score-reported"
    by = "player"
    players_own = True

    player_id: Public[str]
    match: Public[str]
    score: Exported[Score]

    def touches(self, t: Tournament) -> Touched:
        return THE_PLAY

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

    player_id: Public[str]
    match: Public[str]
    score: Public[Score]

    def touches(self, t: Tournament) -> Touched:
        return THE_PLAY

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
            raise errors.NotYourMatch
        if match.score and match.score.outcome == self.score.outcome:
            return None
        check_not_left(t, match)
        if match.result:
            raise errors.MatchDecided
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

    player_id: Public[str]
    match: Public[str]

    def touches(self, t: Tournament) -> Touched:
        return THE_PLAY

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
            raise errors.NotYourMatch
        if match.decided:
            raise errors.MatchDecided
        said = t.play.reports.get(self.match, {})
        return ReportWithdrawn(self.player_id, self.match) if self.player_id in said else None


# --- set by the organiser -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ResultSet(Event):
    """The organiser gave a match its result, or took it away; what follows from it falls."""

    type = "result-set"
    versioned = True

    match: Public[str]
    score: Public[Score | None]
    came: Public[str]  # without a score: results.HOME, AWAY or NEITHER; empty: no result
    fallen: Public[tuple[str, ...]]  # later matches that lost their results

    def touches(self, t: Tournament) -> Touched:
        return THE_PLAY

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
            raise errors.ResultsFall(fallen)
        return ResultSet(self.match, self.score, self.came, fallen)
