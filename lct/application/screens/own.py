"""Where one player stands in the matches, and what they have to do now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ...domain.play import state
from ...domain.play.formats import needs_winner, swiss_rounds
from ...domain.play.marks import FIRST, OUT, THROUGH
from ...domain.play.match import Match
from ...domain.play.matches import (
    Part,
)
from ...domain.play.results import ALONE, FirstLeg, Score
from ...domain.play.state import READY
from ...domain.text import Text
from .matches import Shower, ShownMatch, console_text, is_listed, listed_matches
from .now import Coming
from .region import Scene


class Own(NamedTuple):
    """Where a player stands in the matches."""

    # match (to play), waiting (for an opponent), level, between (two Swiss rounds), left,
    # through (to the cup), out, champion or done
    state: str
    match: ShownMatch | None  # to play or to wait for; if out, the one that was lost
    side: str  # home or away: which side of it they are
    champion: str  # once there is one
    said: bool = False  # they reported it
    console: Text | None = None  # where they are called next ...
    after: ShownMatch | None = None  # ... once this match is over
    place: int = 0  # in a finished table, or 2 or 3 of a cup; 0: none yet
    round: int = 0  # the Swiss round that is played; 0: there is none
    rounds: int = 0  # of the Swiss system
    bye: bool = False  # they have none to play in this round, which counts as a win


class ScoreForm(NamedTuple):
    """The match to report, as one of its two players sees it; without a key there is none."""

    key: str = ""
    match: ShownMatch | None = None
    side: str = ""  # home or away
    needs_winner: bool = False
    mine: Score | None = None  # what I reported
    theirs: Score | None = None  # what the other side did; hidden until I have reported
    first: FirstLeg = ALONE  # what the first leg counts, by score.lead


def in_play(s: Scene, player_id: str, theirs: Sequence[Match]) -> tuple[Own, ScoreForm | None]:
    """Where a player stands once the matches are played, and the form for a score if they have one
    to report."""
    play, shower = s.t.play, s.once(Shower)
    champion = play.competition.champion
    name = s.t.players[champion].name if champion else ""
    if player_id in play.left:
        return Own("left", None, "", name), None
    match = None if s.t.closed else own_match(s, player_id, theirs)
    between = play.rounds and not (play.competition.tables[""].finished or s.t.closed)
    if match is None and between:
        rounds, bye = swiss_rounds(play.format, len(play.entrants)), any(m.bye for m in theirs[-1:])
        return Own("between", None, "", "", round=len(play.rounds), rounds=rounds, bye=bye), None
    if match is None:
        return _ended(s, shower, player_id, theirs, name), None
    seen, side = shower.match(match), side_of(match, player_id)
    if not match.playable:
        return Own("waiting", seen, side, name), None
    said = play.reports.get(match.key, {})
    mine = said.get(player_id)
    other = next((score for who, score in said.items() if who != player_id), None)
    needs = needs_winner(match.fixture)
    theirs_said = other if mine else None
    form = ScoreForm(match.key, seen, side, needs, mine, theirs_said, match.first or ALONE)
    where = _called_next(s, shower, match.key) if seen.state == READY else (None, None)
    return Own("match", seen, side, name, mine is not None, *where), form


def side_of(match: Match, player_id: str) -> str:
    return "home" if match.home == player_id else "away"


def _called_next(s: Scene, shower: Shower, key: str) -> tuple[Text | None, ShownMatch | None]:
    """Where a match is called next, and after which one, if that is known."""
    play = s.t.play
    for name, call in s.once(Coming):
        if call.key == key and (now := play.queue.consoles[name]):
            return console_text(name), shower.match(play.competition.matches[now.key])
    return None, None


def _was_final(match: Match) -> bool:
    return match.fixture.part is Part.FINAL or match.key == "K2.1"


def _ended(s: Scene, shower: Shower, player_id: str, theirs: Sequence[Match], champion: str) -> Own:
    """The standing of a player with no match left to play, as far as it is known."""
    of = s.t.play.competition
    if of.champion == player_id:
        return Own("champion", None, "", champion, place=1)
    if level := next((m for m in theirs if m.level), None):
        return Own("level", shower.match(level), side_of(level, player_id), champion)
    cup = [m for m in theirs if needs_winner(m.fixture)]
    lost = next((m for m in reversed(cup) if m.winner != player_id), None)
    if lost:
        place = 2 if of.champion and _was_final(lost) else 0
        if cup[-1].fixture.part is Part.THIRD_PLACE and cup[-1].winner == player_id:
            place = 3
        return Own("out", shower.match(lost), side_of(lost, player_id), champion, place=place)
    rows = ((t, row) for t in of.tables.values() for row in t.rows if row.entrant == player_id)
    table, row = next(rows, (None, None))
    over = all(t.finished for t in of.tables.values())
    state = "out" if over and ("" not in of.tables or s.t.play.format.cup) else "done"
    if table and table.group:
        mark = s.t.play.marks(table.group).get(player_id, "")
        state = {FIRST: "through", THROUGH: "through", OUT: "out"}.get(mark, state)
    place = row.place if row and table and table.finished else 0
    rounds = len(s.t.play.rounds)
    return Own(state, None, "", champion, place=place, rounds=rounds)


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
    return [match for match in of.matches_of(player_id) if is_listed(of, match)]


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
