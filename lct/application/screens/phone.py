"""A player's phone, a watcher's phone, and the regions that are one player's own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from ...domain.fact import Touched
from ...domain.play.match import Match
from ...domain.play.matches import Fixture
from ...domain.text import Text
from .cards import card_rows, own_row
from .champion import Champion, champion
from .gathered import NO_SHARE, share_region
from .lobby import Stage, bar, seats, seats_of, tile, tiles, tiles_of, wait
from .matches import (
    Shower,
    ShownMatch,
    is_listed,
    listed_matches,
    match_id,
    match_region,
    tie_round,
)
from .own import Own, ScoreForm, everyones, in_play, matches_of, own_match
from .phases import JOIN
from .region import Region, Scene, Screen
from .rounds import Round, round_id, rounds
from .shared_phone import NO_SEATS, seats_region
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
    ahead: int = 0  # cards before theirs, or before the wave that theirs is in
    own: Own | None = None  # once the matches are played
    seat: str = ""  # of the player who was taken off the list: their id


# --- what everybody sees --------------------------------------------------------------------------


def me(s: Scene) -> tuple[Region, ...]:
    """The phone page that all players share; ``personal`` replaces some regions per player."""
    return (
        bar(s), NO_SEATS, _me(_card(s, "watching")), NO_SHARE, NO_SCORE, wait(s), _stage(s)
    )  # fmt: skip


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
    shower, of = s.once(Shower), s.t.play.competition
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


def _row_of(s: Scene, match: ShownMatch) -> Region:
    fixture = s.t.play.competition.matches[match.key].fixture
    data = PhoneMatch(match, _head(s, match.key), round_id(fixture))
    return match_region("match-", "me/_match.html", match.key, data)


def _head(s: Scene, key: str) -> Text | None:
    """The round of a match, if it is the first one of it."""
    of = s.t.play.competition
    fixtures, place = of.plan.fixtures, of.plan.order[key]
    this = fixtures[place]
    while place and _same_round(before := fixtures[place - 1], this):
        place -= 1
        if is_listed(of, of.matches[before.key]):
            return None
    return tie_round(this)


def _same_round(one: Fixture, other: Fixture) -> bool:
    return one.round == other.round and one.part is other.part and one.group == other.group


def _stage(s: Scene, watching: bool = False) -> Region:
    if s.has_matches:
        shower, found = s.once(Shower), all_tables(s)
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
    seats: Sequence[str] = (),
) -> dict[str, Region]:
    """One player's own regions by id: their card, their row, their tiles, their matches. ``known``
    are those of an earlier scene, since when no match but the ``touched`` ones may look different;
    None: any. ``seats``: all those of their phone."""
    theirs = s.once(everyones).get(player_id, ()) if s.has_matches else ()
    own, draw, place = _own(s, player_id, theirs), s.t.current_draw, s.places.get(player_id)
    player = s.t.players.get(player_id)
    own |= seats_region(s, player_id, seats) | share_region(s, player_id, seats)
    if s.has_matches and player:
        keep = {} if touched is None else known
        for match in theirs:
            row = keep.get(match_id(match.key)) if match.key not in (touched or ()) else None
            row = row or _own_row(s, match)
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
        return {"me": _me(_card(s, status)._replace(seat=player_id))}
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
        card = card._replace(ahead=max(0, draw.timeline.wave(place)[0] - s.turned))
    if not s.has_matches:
        return {"me": _me(card)}
    standing, form = in_play(s, player_id, theirs)
    return {"me": _me(card._replace(own=standing)), **({"score": _score(form)} if form else {})}


def _own_row(s: Scene, match: Match) -> Region:
    return _row_of(s, s.once(Shower).match(match))._replace(mine=True)


def laid_over(shared: Iterable[Region], own: dict[str, Region]) -> tuple[Region, ...]:
    """A page with one player's own regions in it."""
    return tuple(
        own.get(r.id, r)._replace(children=tuple(own.get(c.id, c) for c in r.children))
        for r in shared
    )


def after_tap(
    s: Scene, player_id: str, teams: Iterable[int], key: str = "", seats: Sequence[str] = ()
) -> tuple[Region, ...]:
    """The regions of a player's phone that their tap on ``teams``, or on the match of that key, may
    have changed."""
    if s.has_matches:
        theirs = matches_of(s, player_id)
        now = own_match(s, player_id, theirs)
        rows = [m for m in theirs if m.key == key or m is now]
        own = {"score": NO_SCORE, **_own(s, player_id, theirs)}
        own |= seats_region(s, player_id, seats)
        return (wait(s), *own.values(), *(_own_row(s, match) for match in rows))
    own = personal(s, player_id, seats=seats)
    if not s.t.dealt:
        for region in tiles_of(s, Touched(frozenset(), frozenset(teams))):
            own.setdefault(region.id, region)
    return (wait(s), *own.values())
