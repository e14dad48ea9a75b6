"""Matches as screens show them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from ...domain.play.competition import Competition
from ...domain.play.match import Match
from ...domain.play.matches import (
    BestOf,
    Bye,
    Fixture,
    LoserOf,
    Paired,
    Part,
    PlaceIn,
    Source,
    WinnerOf,
)
from ...domain.play.pairing import rematches
from ...domain.play.results import Score
from ...domain.text import Text, text
from .names import short_names
from .region import Region, Scene


class Side(NamedTuple):
    """One side of a match. While it is open who plays, the name is empty and ``maybe`` says."""

    name: str
    short: str  # as much of the name as tells people apart
    team: str
    maybe: Text | None
    goals: int | None  # None: not decided, or not played
    penalties: int | None
    won: bool
    left: bool = False  # they left, and did not play this match
    called: str = ""  # on the TV


class ShownMatch(NamedTuple):
    """A match. Its numbers are shown once it is decided."""

    key: str
    round: Text
    state: str  # domain/play/state.py
    console: Text | None  # where it is called
    home: Side
    away: Side
    extra: bool  # decided in or after extra time
    walkover: bool
    just_in: bool  # the newest result
    leg: int = 0  # 1 or 2 in a tie
    first: tuple[int, int] | None = None  # of a second leg: what the first one counts in it
    legs: tuple[tuple[int, int] | None, ...] = ()  # of a tie in one place: its goals are of both
    bye: bool = False  # of a Swiss round: home has no opponent, which counts as a win
    again: bool = False  # the two have met in an earlier Swiss round

    @property
    def aggregate(self) -> tuple[int, int] | None:
        """The goals of both legs, once both are played."""
        home, away = self.home.goals, self.away.goals
        if self.first is None or home is None or away is None:
            return None
        return self.first[0] + home, self.first[1] + away

    @property
    def on_away_goals(self) -> bool:
        """Whether away goals decided the tie."""
        both = self.aggregate
        level = both is not None and both[0] == both[1] and self.home.penalties is None
        return level and (self.home.won or self.away.won)


def console_text(name: str) -> Text:
    """A console's name; those that nobody has named have numbers."""
    return (
        text("Console %(number)s", number=name) if name.isdigit() else text("%(name)s", name=name)
    )


# --- one match ------------------------------------------------------------------------------------


def round_text(fixture: Fixture) -> Text:
    """The part and round of a match, such as ``Quarter-final``, and which leg it is."""
    part, number = fixture.part, fixture.round
    if leg := fixture.leg:
        return text("%(round)s, leg %(leg)s", round=tie_round(fixture), leg=leg)
    if part in (Part.LEAGUE, Part.SWISS):
        return text("Round %(number)s", number=number)
    if part is Part.GROUP:
        return text("Group %(group)s, round %(number)s", group=fixture.group, number=number)
    if part is Part.WINNERS:
        return text("Winners' side, round %(number)s", number=number)
    if part is Part.LOSERS:
        return text("Losers' side, round %(number)s", number=number)
    if part is Part.THIRD_PLACE:
        return text("Third place")
    if part is Part.FINAL:
        return text("Final") if number == 1 else text("Second final")
    return knockout_round(int(fixture.key[1:].partition(".")[0]))


def tie_round(fixture: Fixture) -> Text:
    """The part and round of a match without its leg."""
    return round_text(fixture._replace(legs=()) if fixture.legs else fixture)


KNOCKOUT_ROUNDS = {2: text("Final"), 4: text("Semi-final"), 8: text("Quarter-final")}


def place_of(fixture: Fixture) -> str:
    """The key of the match in whose place it stands: a tie has the place of its second leg."""
    return fixture.legs[-1] if fixture.legs else fixture.key


def knockout_round(left: int) -> Text:
    """The round of a knockout with so many places left in it."""
    return KNOCKOUT_ROUNDS.get(left) or text("Round of %(number)s", number=left)


class KeptPage(NamedTuple):
    """A page of a bracket, the places on it, and those that come after the matches on now."""

    where: Mapping[str, object]
    after: frozenset[str]
    region: Region


class Shower:
    """Makes matches ready to be shown, for one scene."""

    def __init__(self, s: Scene) -> None:
        self.t, self.play = s.t, s.t.play
        self.short = short_names(s)
        self.newest = self.play.newest
        of = self.play.competition
        self.bracket_open = bool(of.basis.format.best) and of.best_from is None
        self.rematches = rematches(self.play.rounds)
        self._shown: dict[str, ShownMatch] = {}
        self.places: dict[str, Region] = {}  # match -> its region in a bracket
        self.pages: dict[str, KeptPage] = {}  # stage -> the page of a bracket in it

    def match(self, match: Match) -> ShownMatch:
        """The match as screens show it. It is made once: a phone has it in three places."""
        found = self._shown.get(match.key)
        if found is None:
            found = self._shown[match.key] = self._made(match)
        return found

    def reuse(self, other: Shower, changed: Collection[str]) -> None:
        """Take over the matches of an earlier scene, apart from those that ``changed`` since."""
        self._shown, self.places = other._shown.copy(), other.places.copy()  # of thousands
        matches = self.play.competition.matches
        places = {place_of(matches[key].fixture) for key in changed}
        for key in changed:
            self._shown.pop(key, None)
        for place in places:
            self.places.pop(place, None)
        self.pages = {
            stage: kept for stage, kept in other.pages.items() if places.isdisjoint(kept.where)
        }

    def _made(self, match: Match) -> ShownMatch:
        console, score = self.play.console_of(match.key), match.score
        winner = match.winner if match.decided else None
        return ShownMatch(
            match.key,
            round_text(match.fixture),
            self.play.state_of(match),
            console_text(console) if console else None,
            self._side(match.home, match.fixture.home, score, 0, winner),
            self._side(match.away, match.fixture.away, score, 1, winner),
            bool(score and score.extra),
            bool(match.result and not score),
            match.key == self.newest,
            match.fixture.leg,
            match.first[:2] if match.first and match.fixture.leg == 2 else None,
            bye=match.bye is not None,
            again=match.key in self.rematches,
        )

    def tie(self, match: Match) -> ShownMatch:
        """A tie in one place, from its second leg: the state of the leg that is on or comes next,
        the goals of both. A single match is shown as it is."""
        second = self.match(match)
        if match.fixture.leg != 2:
            return second
        before = self.play.competition.matches[match.fixture.legs[0]]
        first = self.match(before)
        now = first if not before.decided else second
        scores = second.first, match.score and match.score.goals
        both = second.aggregate or (second.first if not match.result else None) or (None, None)
        return second._replace(
            round=tie_round(match.fixture),
            state=now.state,
            console=now.console,
            home=second.home._replace(goals=both[0]),
            away=second.away._replace(goals=both[1]),
            just_in=first.just_in or second.just_in,
            legs=scores if any(scores) else (),
        )

    def _side(
        self, who: str | None, source: Source, score: Score | None, place: int, winner: str | None
    ) -> Side:
        goals = score.goals[place] if score else None
        penalties = score.penalties[place] if score and score.penalties else None
        if not who:
            return Side("", "", "", self._maybe(who, source), goals, penalties, False)
        player = self.t.players[who]
        team = self.t.teams[player.dealt].name if player.dealt is not None else ""
        left = score is None and who in self.play.left
        return Side(
            player.name,
            self.short[who],
            team,
            None,
            goals,
            penalties,
            winner == who,
            left,
            player.called,
        )

    def _maybe(self, who: str | None, source: Source) -> Text:
        """Who may come to a side that is open."""
        if isinstance(source, Bye) or (who is not None and isinstance(source, Paired)):
            return text("counts as a win")
        if who is not None:
            return text("nobody")
        match source:
            case WinnerOf(key):
                before = self.play.competition.matches[key]
                if before.home and before.away:
                    pair = {"home": self.short[before.home], "away": self.short[before.away]}
                    return text("%(home)s or %(away)s", **pair)
                return text("Winner of %(round)s", round=_numbered(before.fixture))
            case LoserOf(key):
                of = self.play.competition.matches[key].fixture
                return text("Loser of %(round)s", round=_numbered(of))
            case PlaceIn() | BestOf() if self.bracket_open:
                return text("open until all groups are over")
            case PlaceIn(group, place):
                if not group:
                    return text("No. %(place)s of the table", place=place)
                if place == 1:
                    return text("Winner of group %(group)s", group=group)
                return text("No. %(place)s of group %(group)s", place=place, group=group)
        return text("open")


def _numbered(fixture: Fixture) -> Text:
    round_ = tie_round(fixture)
    if not fixture.number:
        return round_
    if fixture.part is Part.KNOCKOUT:
        return text("%(round)s %(number)s", round=round_, number=fixture.number)
    return text("%(round)s, match %(number)s", round=round_, number=fixture.number)


# --- several --------------------------------------------------------------------------------------


def is_listed(of: Competition, match: Match) -> bool:
    """Whether lists show the match: byes too, but none that is not played otherwise, and none of a
    Swiss round that is still to be paired."""
    if match.off:
        return match.bye is not None
    return of.is_paired(match.fixture)


def listed_matches(s: Scene) -> dict[str, Match]:
    """The matches that lists show, by key, in the order of the plan."""
    of = s.t.play.competition
    return {key: match for key, match in of.matches.items() if is_listed(of, match)}


def match_region(prefix: str, template: str, key: str, data: tuple[object, ...]) -> Region:
    return Region(match_id(key, prefix), template, data)


def match_id(key: str, prefix: str = "match-") -> str:
    return f"{prefix}{key.replace('.', '-')}"
