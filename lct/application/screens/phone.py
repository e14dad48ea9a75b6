"""A player's phone, a watcher's phone, and the regions that are one player's own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from ...domain.fact import Touched
from ...domain.play.formats import needs_winner, swiss_rounds
from ...domain.play.marks import FIRST, OUT, THROUGH
from ...domain.play.match import Match
from ...domain.play.matches import Fixture, Part
from ...domain.play.results import ALONE, FirstLeg, Score
from ...domain.play.state import READY
from ...domain.text import Text
from .cards import card_rows, own_row
from .champion import Champion, champion
from .lobby import Stage, bar, seats, seats_of, tile, tiles, tiles_of, wait
from .matches import (
    Coming,
    Shower,
    ShownMatch,
    console_text,
    everyones,
    is_listed,
    listed_matches,
    match_id,
    match_region,
    matches_of,
    own_match,
    tie_round,
)
from .phases import JOIN
from .region import Region, Scene, Screen
from .rounds import Round, round_id, rounds
from .table import (
    PHONE,
    TableHead,
    across_groups,
    all_tables,
    cuts,
    heads,
    lines,
    ordered_by,
    tables,
)


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


class PhoneStage(NamedTuple):
    kind: str  # matches
    cells: int
    tables: tuple[TableHead, ...]
    ordered: Text  # by what
    rounds: tuple[Round, ...]
    champion: Champion | None
    watching: bool = False  # by somebody who plays none of them


class PhoneMatch(NamedTuple):
    match: ShownMatch
    side: str  # home or away: which side of it this player is; empty: it is not theirs
    head: Text | None  # its round, if it is the first one of it
    round: str  # the id of its round


class Card(NamedTuple):
    """The green card at the top of a phone: this person's own state."""

    status: str  # playing, removed, blocked or watching
    phase: str
    code: str
    may_join: bool
    name: str = ""
    team: str = ""
    stars: float = 0.0
    drawn: str = ""  # the team handed to them, once their card is turned
    drawn_league: str = ""
    drawn_stars: float = 0.0
    ahead: int = 0  # cards before theirs
    own: Own | None = None  # once the matches are played


# --- what everybody sees --------------------------------------------------------------------------


def me(s: Scene) -> tuple[Region, ...]:
    """The phone page that all players share; ``personal`` replaces some regions per player."""
    return bar(s), _me(_card(s, "watching")), NO_SCORE, wait(s), _stage(s)


def me_part(s: Scene, touched: Touched) -> Iterable[Region]:
    return wait(s), *(_of_matches(s, touched) if s.t.dealt else tiles_of(s, touched))


def watch(s: Scene) -> tuple[Region, ...]:
    """The phone of somebody who could not join: a small board."""
    if s.t.current_draw:
        return bar(s), wait(s), _stage(s, watching=True)
    shown = seats(s, "me/_seat.html")
    return bar(s), wait(s), Region("stage", "me/_stage.html", Stage("seats", s.t.limit), shown)


def watch_part(s: Scene, touched: Touched) -> Iterable[Region]:
    if s.t.dealt:
        return wait(s), *_of_matches(s, touched)
    return wait(s), *seats_of(s, touched, "me/_seat.html")


def _of_matches(s: Scene, touched: Touched) -> Iterable[Region]:
    """The rows of tables and the matches that may differ after that."""
    shower, of = Shower(s), s.t.play.competition
    shown = tables(s, touched.tables) + (across_groups(s) if touched.tables else ())
    yield from lines(shown, PHONE)
    for match in (of.matches[key] for key in touched.matches):
        if is_listed(of, match):
            yield _row_of(s, shower.match(match))


def _card(s: Scene, status: str, name: str = "") -> Card:
    return Card(status, s.phase_for_guests, s.t.code, s.phase == JOIN, name)


def _me(card: Card) -> Region:
    return Region("me", "me/_me.html", card)


def _score(form: ScoreForm) -> Region:
    return Region("score", "me/_score.html", form)


NO_SCORE = _score(ScoreForm())


def _row_of(s: Scene, match: ShownMatch, side: str = "") -> Region:
    fixture = s.t.play.competition.matches[match.key].fixture
    data = PhoneMatch(match, side, _head(s, match.key), round_id(fixture))
    return match_region("match-", "me/_match.html", match.key, data)


def _head(s: Scene, key: str) -> Text | None:
    """The round of a match, if it is the first one of it."""
    of = s.t.play.competition
    fixtures, place = of.plan.fixtures, of.plan.order[key]
    this = fixtures[place]
    while place and _round(fixtures[place - 1]) == _round(this):
        place -= 1
        if is_listed(of, of.matches[fixtures[place].key]):
            return None
    return tie_round(this)


def _round(fixture: Fixture) -> tuple[Part, int, str]:
    return fixture.part, fixture.round, fixture.group


def _stage(s: Scene, watching: bool = False) -> Region:
    if s.has_matches:
        shower, found = Shower(s), all_tables(s)
        played = s.once(listed_matches).values()
        inside = (*lines(found, PHONE), *(_row_of(s, shower.match(match)) for match in played))
        by = ordered_by(s.t.play.format)
        won = s.once(champion) if s.t.play.competition.champion else None
        data = PhoneStage("matches", len(played), heads(found), by, rounds(s), won, watching)
        return Region("stage", "me/_matches.html", data, inside, cuts(heads(found)))
    if s.t.current_draw:
        rows = card_rows(s, "me/_row.html")
        return Region("stage", "me/_stage.html", Stage("list", len(rows)), rows)
    shown = tiles(s)
    return Region("stage", "me/_stage.html", Stage("teams", len(shown)), shown)


ME, WATCH = Screen(me, me_part), Screen(watch, watch_part)


# --- what one player sees differently -------------------------------------------------------------


def personal(
    s: Scene,
    player_id: str,
    known: Mapping[str, Region] = MappingProxyType({}),
    touched: Collection[str] | None = None,
) -> dict[str, Region]:
    """One player's own regions by id: their card, their row, their tiles, their matches. ``known``
    are those of an earlier scene, since when no match but the ``touched`` ones may look different;
    None: any."""
    theirs = s.once(everyones).get(player_id, ()) if s.has_matches else ()
    own, draw, place = _own(s, player_id, theirs), s.t.current_draw, s.places.get(player_id)
    player = s.t.players.get(player_id)
    if s.has_matches and player:
        keep = {} if touched is None else known
        for match in theirs:
            row = keep.get(match_id(match.key)) if match.key not in (touched or ()) else None
            row = row or _own_row(s, player_id, match)
            own[row.id] = row
    elif draw and place is not None and player:
        row = own_row(s, draw, place)
        own[row.id] = row
    elif not draw and player:
        for number in (player.team, s.look(player_id)):
            if number is not None:
                region = tile(s, number, player_id)
                own[region.id] = region
    return own


def _own(s: Scene, player_id: str, theirs: Sequence[Match]) -> dict[str, Region]:
    """A player's card, and the form for a score if they have one to report."""
    t, player = s.t, s.t.players.get(player_id)
    if player is None:
        status = "blocked" if player_id in t.blocked else "removed"
        return {"me": _me(_card(s, status))}
    card = _card(s, "playing", player.name)
    if player.team is not None:
        team = t.teams[player.team]
        card = card._replace(team=team.name, stars=team.stars)
    draw, place = t.current_draw, s.places.get(player_id)
    if draw is None or place is None:
        return {"me": _me(card)}
    if place < s.turned:
        team = t.teams[draw.hands[place].team]
        card = card._replace(drawn=team.name, drawn_league=team.league, drawn_stars=team.stars)
    else:
        card = card._replace(ahead=place - s.turned)
    if not s.has_matches:
        return {"me": _me(card)}
    card, form = _in_play(s, player_id, card, theirs)
    return {"me": _me(card), **({"score": _score(form)} if form else {})}


def _own_row(s: Scene, player_id: str, match: Match) -> Region:
    return _row_of(s, Shower(s).match(match), _side(match, player_id))


def _in_play(
    s: Scene, player_id: str, card: Card, theirs: Sequence[Match]
) -> tuple[Card, ScoreForm | None]:
    """The card and the form of a player once the matches are played."""
    play, shower = s.t.play, Shower(s)
    champion = play.competition.champion
    name = s.t.players[champion].name if champion else ""
    if player_id in play.left:
        return card._replace(own=Own("left", None, "", name)), None
    match = None if s.t.closed else own_match(s, player_id, theirs)
    between = play.rounds and not (play.competition.tables[""].finished or s.t.closed)
    if match is None and between:
        rounds, bye = swiss_rounds(play.format, len(play.entrants)), any(m.bye for m in theirs[-1:])
        own = Own("between", None, "", "", round=len(play.rounds), rounds=rounds, bye=bye)
        return card._replace(own=own), None
    if match is None:
        return card._replace(own=_ended(s, shower, player_id, theirs, name)), None
    seen, side = shower.match(match), _side(match, player_id)
    if not match.playable:
        return card._replace(own=Own("waiting", seen, side, name)), None
    said = play.reports.get(match.key, {})
    mine = said.get(player_id)
    other = next((score for who, score in said.items() if who != player_id), None)
    needs = needs_winner(match.fixture)
    theirs_said = other if mine else None
    form = ScoreForm(match.key, seen, side, needs, mine, theirs_said, match.first or ALONE)
    where = _called_next(s, shower, match.key) if seen.state == READY else (None, None)
    return card._replace(own=Own("match", seen, side, name, mine is not None, *where)), form


def _side(match: Match, player_id: str) -> str:
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
        return Own("level", shower.match(level), _side(level, player_id), champion)
    cup = [m for m in theirs if needs_winner(m.fixture)]
    lost = next((m for m in reversed(cup) if m.winner != player_id), None)
    if lost:
        place = 2 if of.champion and _was_final(lost) else 0
        if cup[-1].fixture.part is Part.THIRD_PLACE and cup[-1].winner == player_id:
            place = 3
        return Own("out", shower.match(lost), _side(lost, player_id), champion, place=place)
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


def laid_over(shared: Iterable[Region], own: dict[str, Region]) -> tuple[Region, ...]:
    """A page with one player's own regions in it."""
    return tuple(
        own.get(r.id, r)._replace(children=tuple(own.get(c.id, c) for c in r.children))
        for r in shared
    )


def after_tap(s: Scene, player_id: str, teams: Iterable[int], key: str = "") -> tuple[Region, ...]:
    """The regions of a player's phone that their tap on ``teams``, or on the match of that key, may
    have changed."""
    if s.has_matches:
        theirs = matches_of(s, player_id)
        now = own_match(s, player_id, theirs)
        rows = [m for m in theirs if m.key == key or m is now]
        own = {"score": NO_SCORE, **_own(s, player_id, theirs)}
        return (wait(s), *own.values(), *(_own_row(s, player_id, match) for match in rows))
    own = personal(s, player_id)
    if not s.t.dealt:
        for region in tiles_of(s, Touched(frozenset(), frozenset(teams))):
            own.setdefault(region.id, region)
    return (wait(s), *own.values())
