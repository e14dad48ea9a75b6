"""Regions that several screens share before the draw: seats, teams, and players still choosing."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from ...domain.fact import Touched
from ...domain.gathering import without_pledge
from ...domain.teams import Team
from ...domain.tournament import Gathering, Player, Tournament
from .matches import ShownMatch
from .now import just_in
from .progress import progress
from .region import Region, Scene

NAMES_SHOWN = 4
# Regions that a worker caches per kind (seats and tiles), and the most characters of names in one:
# 10,000 * (1 kB + 4 bytes per character) is 18 MB.
REGIONS, LONGEST = 10_000, 200


class Bar(NamedTuple):
    name: str
    phase: str


class Wait(NamedTuple):
    phase: str
    players: int
    picked: int
    limit: int
    waiting_for: tuple[str, ...]
    turned: int
    cards: int
    played: int = 0  # matches, of ``matches``
    matches: int = 0
    just_in: ShownMatch | None = None  # the newest result
    champion: str = ""
    shares: int = 0  # that are in, of ``pledged``, while the draw begins
    pledged: int = 0
    number_wanted: bool = False


class Stage(NamedTuple):
    kind: str  # seats, teams, draw or list
    cells: int


class Find(NamedTuple):
    """The search above a page's teams, and what was searched for without JavaScript."""

    steps: tuple[float, ...]  # the stars that teams have
    kinds: tuple[str, ...]
    shown: int  # teams
    scripted: bool  # works with JavaScript only
    q: str
    stars: str
    kind: str


class SeatRow(NamedTuple):
    number: int
    name: str
    status: str  # empty, choosing, looking or picked
    team: str
    here: str  # as Scene.presence
    called: str = ""  # on the TV
    share: str = ""  # while the draw begins: in, opening, or why it is missing


class Tile(NamedTuple):
    number: int
    name: str
    league: str
    stars: float
    kind: str
    holder: str
    mine: bool
    looking: tuple[str, ...]
    called: str  # the holder, in the little room of a tile
    relisted: int


def picked(t: Tournament) -> int:
    return len(t.holders)


def waiting_for(t: Tournament) -> tuple[str, ...]:
    return tuple(p.short for p in t.choosing()[:NAMES_SHOWN])


def bar(s: Scene) -> Region:
    return Region("bar", "me/_bar.html", Bar(s.t.name, s.phase_for_guests))


def find(
    teams: Iterable[Team],
    shown: int,
    scripted: bool = False,
    q: str = "",
    stars: str = "",
    kind: str = "",
) -> Region:
    found = set(map(attrgetter("stars", "kind"), teams))
    steps = sorted({step for step, _ in found if step}, reverse=True)
    kinds = sorted({its for _, its in found if its})
    data = Find(tuple(steps), tuple(kinds), shown, scripted, q, stars, kind)
    return Region("find", "_find.html", data)


def wait(s: Scene) -> Region:
    t = s.t
    data = Wait(
        s.phase_for_guests, len(t.players), picked(t), t.limit, waiting_for(t), s.turned, s.cards
    )
    if t.gathering:
        pledged = len(t.gathering.shares) + len(t.gathering.awaited())
        data = data._replace(
            shares=len(t.gathering.shares),
            pledged=pledged,
            number_wanted=t.gathering.roll and bool(t.gathering.closed),
        )
    if s.has_matches:
        (played, matches), champion = progress(s), t.play.competition.champion
        data = data._replace(
            played=played,
            matches=matches,
            just_in=just_in(s),
            champion=t.players[champion].name if champion else "",
        )
    return Region("wait", "me/_wait.html", data)


# --- seats ----------------------------------------------------------------------------------------


def seats(s: Scene, template: str) -> tuple[Region, ...]:
    """Every seat, filled or empty."""
    found = [_seat(s, i, player) for i, player in enumerate(s.t.players.values(), 1)]
    found += [SeatRow(i, "", "empty", "", "") for i in range(len(found) + 1, s.t.limit + 1)]
    return tuple(_seat_region(seat, template) for seat in found)


def seats_of(s: Scene, touched: Touched, template: str) -> Iterable[Region]:
    """The seats of some players."""
    for i, player in enumerate(s.t.players.values(), 1):
        if player.id in touched.players:
            yield _seat_region(_seat(s, i, player), template)


def _seat_region(seat: SeatRow, template: str) -> Region:
    make = _kept_seat if len(seat.name) + len(seat.team) <= LONGEST else _kept_seat.__wrapped__
    return make(seat, template)


# Rebuilding a list makes up to a thousand regions; nearly all are unchanged.
@lru_cache(maxsize=REGIONS)
def _kept_seat(seat: SeatRow, template: str) -> Region:
    return Region(f"seat-{seat.number}", template, seat)


def _seat(s: Scene, number: int, player: Player) -> SeatRow:
    here, called = s.presence(player), player.called
    if s.t.gathering and player.team is not None:
        team, share = s.t.teams[player.team].name, share_of(s.t.gathering, player)
        return SeatRow(number, player.name, "share", team, here, called, share)
    if player.team is not None:
        return SeatRow(number, player.name, "picked", s.t.teams[player.team].name, here, called)
    looked_at = s.look(player.id)
    if looked_at is not None:
        return SeatRow(number, player.name, "looking", s.t.teams[looked_at].name, here, called)
    return SeatRow(number, player.name, "choosing", "", here, called)


def share_of(gathering: Gathering, player: Player) -> str:
    """in, opening (it may still come), or why it is missing: a word of domain/drawing.py."""
    if player.id in gathering.shares:
        return "in"
    return gathering.missing.get(player.id) or without_pledge(player) or "opening"


# --- teams ----------------------------------------------------------------------------------------


def tiles(s: Scene) -> tuple[Region, ...]:
    return tuple(tile(s, number) for number in range(len(s.t.teams)))


def tiles_of(s: Scene, touched: Touched) -> Iterable[Region]:
    return (tile(s, number) for number in touched.teams if 0 <= number < len(s.t.teams))


def tile(s: Scene, number: int, player_id: str = "") -> Region:
    """One team on a phone, as everybody sees it or as one player does."""
    holder = s.t.holders.get(number)
    team, times = s.t.teams[number], s.t.relisted
    if holder is not None:
        player, mine = s.t.players[holder], holder == player_id
        return _tile(number, team, player.name, (), mine, player.called, times)
    if number not in s.lookers:
        return _tile(number, team, relisted=times)
    return _tile(number, team, "", s.looking(number, but=player_id)[:2], relisted=times)


def _tile(
    number: int,
    team: Team,
    holder: str = "",
    looking: tuple[str, ...] = (),
    mine: bool = False,
    called: str = "",
    relisted: int = 0,
) -> Region:
    size = len(team.name) + len(holder) + sum(map(len, looking))
    make = _kept_tile if size <= LONGEST else _kept_tile.__wrapped__
    return make(number, team, holder, looking, mine, called, relisted)


@lru_cache(maxsize=REGIONS)
def _kept_tile(
    number: int,
    team: Team,
    holder: str,
    looking: tuple[str, ...],
    mine: bool,
    called: str,
    relisted: int,
) -> Region:
    shown = Tile(number, *team, holder, mine, looking, called, relisted)
    return Region(f"team-{number}", "me/_tile.html", shown)
