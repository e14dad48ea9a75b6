"""Matches as screens show them, and what is on now, next and just in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count, islice
from typing import NamedTuple

from ...domain.play import state
from ...domain.play.competition import Basis, Competition
from ...domain.play.derivation import derive
from ...domain.play.formats import KNOCKOUT, LEAGUE, SWISS, Format, swiss_rounds
from ...domain.play.formats import matches as matches_in
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
from ...domain.play.schedule import Call, coming
from ...domain.play.slots import least_slots, minutes_left, slots
from ...domain.play.state import Play
from ...domain.text import Text, text
from ...domain.tournament import Player
from .region import Region, Scene

EXACT = 64  # entrants
MANY = 250  # matches left, from which on the time is what consoles and rounds alone allow
SHORTEST, LONGEST = 10, 15  # minutes of a match, until they are measured


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
    return round_text(fixture._replace(legs=()))


def knockout_round(left: int) -> Text:
    """The round of a knockout with so many places left in it."""
    names = {2: text("Final"), 4: text("Semi-final"), 8: text("Quarter-final")}
    return names.get(left) or text("Round of %(number)s", number=left)


class ShortNames(dict[str, str]):
    """Player id -> the first name; where others would read the same, with the surname's first
    letter, or the whole name. Made when asked for: a tap needs few of a thousand."""

    def __init__(self, s: Scene) -> None:
        self._players = s.t.players
        self._firsts = Counter([player.first for player in self._players.values()])
        self._letters = Counter[str]()  # first names with a letter, counted once one is needed

    def __missing__(self, player_id: str) -> str:
        player = self._players[player_id]
        name = player.first if self._firsts[player.first] == 1 else self._longer(player)
        self[player_id] = name
        return name

    def _longer(self, player: Player) -> str:
        if not self._letters:
            self._letters.update(_with_letter(each) for each in self._players.values())
        return _with_letter(player) if self._letters[_with_letter(player)] == 1 else player.name


def short_names(s: Scene) -> ShortNames:
    return s.once(ShortNames)


def _with_letter(player: Player) -> str:
    return f"{player.first} {player.last[:1]}."


class Shower:
    """Makes matches ready to be shown, for one scene."""

    def __init__(self, s: Scene) -> None:
        self.t, self.play = s.t, s.t.play
        self.short = short_names(s)
        self.newest = self.play.newest
        of = self.play.competition
        self.bracket_open = bool(of.basis.format.best) and of.best_from is None
        self.rematches = rematches(self.play.rounds)

    def match(self, match: Match) -> ShownMatch:
        console, score = self.play.console_of(match.key), match.score
        return ShownMatch(
            match.key,
            round_text(match.fixture),
            self.play.state_of(match),
            console_text(console) if console else None,
            self._side(match, match.home, match.fixture.home, score, 0),
            self._side(match, match.away, match.fixture.away, score, 1),
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
        self, match: Match, who: str | None, source: Source, score: Score | None, place: int
    ) -> Side:
        goals = score.goals[place] if score else None
        penalties = score.penalties[place] if score and score.penalties else None
        if not who:
            return Side("", "", "", self._maybe(who, source), goals, penalties, False)
        player = self.t.players[who]
        team = self.t.teams[player.dealt].name if player.dealt is not None else ""
        won = match.decided and match.winner == who
        left = score is None and who in self.play.left
        return Side(player.name, self.short[who], team, None, goals, penalties, won, left)

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


def on_now(s: Scene) -> dict[str, ShownMatch]:
    """The consoles in use, in their order, with their matches."""
    shower, play = Shower(s), s.t.play
    calls = play.queue.consoles.items()
    matches = play.competition.matches
    return {name: shower.match(matches[call.key]) for name, call in calls if call}


def up_next(s: Scene) -> tuple[ShownMatch, ...]:
    """The two matches that come after those on now, as far as it is known."""
    shower, play = Shower(s), s.t.play
    calls = islice(s.once(Coming), 2)
    return tuple(shower.match(play.competition.matches[call.key]) for _, call in calls)


def next_keys(s: Scene) -> frozenset[str]:
    """The keys of those two."""
    return frozenset(call.key for _, call in islice(s.once(Coming), 2))


class Coming:
    """Consoles and the matches that they take next, as far as it is known. They are worked out one
    by one, when they are asked for: each depends on those before."""

    def __init__(self, s: Scene) -> None:
        self._rest = coming(s.t.play.queue, s.t.play.nearest())
        self._known: list[tuple[str, Call]] = []

    def __iter__(self) -> Iterator[tuple[str, Call]]:
        for place in count():
            if place == len(self._known):
                self._known += islice(self._rest, 1)
            if place == len(self._known):
                return
            yield self._known[place]


def just_in(s: Scene) -> ShownMatch | None:
    shower = Shower(s)
    return shower.match(s.t.play.competition.matches[shower.newest]) if shower.newest else None


def progress(s: Scene) -> tuple[int, int]:
    """(matches decided, all matches that are sure to be played)."""
    play, of = s.t.play, s.t.play.competition
    conditional = (of.matches[key] for key in of.plan.conditional)
    unsure = sum(not (match.known or match.decided) for match in conditional)
    rounds, each = _to_come(play)
    to_come = rounds * (each - len(play.entrants) // 2)  # fewer than planned, if somebody left
    return of.decided, len(of.matches) - of.off - unsure + to_come


def _to_come(play: Play) -> tuple[int, int]:
    """How many Swiss rounds are still to be paired, and the matches of each."""
    rounds = swiss_rounds(play.format, len(play.entrants)) - len(play.rounds)
    return rounds, (len(play.entrants) - len(play.left)) // 2


def minutes(s: Scene) -> tuple[int, int]:
    """From when to when the last match ends, in minutes from now."""
    return s.once(_minutes)


def _minutes(s: Scene) -> tuple[int, int]:
    play = s.t.play
    of, consoles = play.competition, len(play.queue.consoles)
    running = [call.key for call in play.queue.consoles.values() if call]
    rounds, each = _to_come(play)
    later = rounds * -(-each // consoles)
    left = [key for key, m in of.matches.items() if not m.decided and of.is_paired(m.fixture)]
    if len(left) < MANY:
        return minutes_left(of.unplayed(), consoles, running, SHORTEST, LONGEST, later)
    ahead = of.plan.ahead
    most = least_slots((ahead[key] for key in left), consoles)
    least = least_slots((ahead[key] for key in left if key not in running), consoles)
    return (least + later) * SHORTEST, (most + later) * LONGEST


def slots_of(chosen: Format, entrants: int, consoles: int) -> int:
    """How many matches one after the other a format takes on so many consoles. For more entrants
    than EXACT, and for a league, it is what the consoles alone allow."""
    if chosen.kind == SWISS:
        rounds = swiss_rounds(chosen, entrants) * -(-(entrants // 2) // consoles)
        cup = replace(chosen, kind=KNOCKOUT)
        return rounds + (slots_of(cup, chosen.cup, consoles) if chosen.cup else 0)
    count = matches_in(chosen, entrants)
    least = -(-count // min(consoles, entrants // 2))
    if chosen.kind == LEAGUE or entrants > EXACT:
        return least
    everyone = tuple(map(str, range(entrants)))
    unplayed = derive(Basis(chosen, everyone, everyone), {}).unplayed()
    return max(slots(unplayed, consoles), least)


def match_region(prefix: str, template: str, key: str, data: tuple[object, ...]) -> Region:
    return Region(match_id(key, prefix), template, data)


def match_id(key: str, prefix: str = "match-") -> str:
    return f"{prefix}{key.replace('.', '-')}"


def everyones(s: Scene) -> dict[str, list[Match]]:
    """Player id -> their matches, in the order of the plan."""
    found: dict[str, list[Match]] = {}
    for match in s.once(listed_matches).values():
        for side in filter(None, match.sides):
            found.setdefault(side, []).append(match)
    return found


def matches_of(s: Scene, player_id: str) -> list[Match]:
    """The matches of one player: as ``everyones``, where nobody else's are needed."""
    of = s.t.play.competition
    theirs = (m for m in of.matches.values() if m.home == player_id or m.away == player_id)
    return [match for match in theirs if is_listed(of, match)]


def own_match(s: Scene, player_id: str, theirs: Iterable[Match]) -> Match | None:
    """Of their matches the one that a player sees to now: the one to play or to report, then one
    with two scores, then one that waits for the other side's score, then the next one."""
    play = s.t.play
    calls = {call.key for call in play.queue.consoles.values() if call}
    to_play = [match for match in theirs if not match.decided]
    order = (state.CALLED, state.DISPUTED, state.REPORTED)

    def urgency(match: Match) -> int:
        found = play.state_of(match)
        if found == state.REPORTED and player_id not in play.reports[match.key]:
            return 0
        return order.index(found)

    pressing = [match for match in to_play if match.key in calls or match.key in play.reports]
    if pressing:
        return min(pressing, key=urgency)
    return min(to_play, key=lambda match: not match.playable, default=None)
