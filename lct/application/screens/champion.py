"""The champion on the TV: their way, and the numbers of the evening."""

from __future__ import annotations

from typing import NamedTuple

from ...domain.play.match import Match
from .matches import Shower, ShownMatch
from .region import Scene


class Most(NamedTuple):
    """Who scored most, and the match in which they scored most."""

    name: str
    team: str
    goals: int
    match: ShownMatch
    side: str  # home or away: which side of it they are


class Champion(NamedTuple):
    kind: str  # champion
    name: str
    team: str
    way: tuple[ShownMatch, ...]  # their matches, the first one first
    points: int | None  # of a league or a Swiss system
    players: int
    matches: int
    goals: int
    biggest: ShownMatch | None  # win
    most: Most | None  # goals
    wildest: ShownMatch | None  # match: the most goals


def champion(s: Scene) -> Champion:
    t, play = s.t, s.t.play
    who = play.competition.champion or ""
    player = t.players[who]
    decided = [match for match in play.competition.matches.values() if match.result]
    scores = [(m, m.score.goals) for m in decided if m.score]
    won = [(m, abs(home - away)) for m, (home, away) in scores if home != away]
    biggest = max(won, key=lambda pair: pair[1])[0] if won else None
    wildest = max(scores, key=lambda pair: sum(pair[1]))[0] if scores else None
    shower = s.once(Shower)
    theirs = (match for match in play.competition.matches.values() if who in match.sides)
    way = tuple(shower.match(match) for match in theirs if match.result or match.bye)
    table = play.competition.tables.get("")
    points = table.rows[0].points if table and not play.format.cup else None
    return Champion(
        "champion", player.name, _team(s, who), way, points,
        len(play.entrants), len(scores), sum(home + away for _, (home, away) in scores),
        shower.match(biggest) if biggest else None, _most(s, scores),
        shower.match(wildest) if wildest else None,
    )  # fmt: skip


def _most(s: Scene, scores: list[tuple[Match, tuple[int, int]]]) -> Most | None:
    theirs: dict[str, list[tuple[int, int, Match]]] = {}  # goals, lead and match
    for match, (home, away) in scores:
        theirs.setdefault(match.home or "", []).append((home, home - away, match))
        theirs.setdefault(match.away or "", []).append((away, away - home, match))
    sums = {who: sum(goals for goals, *_ in played) for who, played in theirs.items()}
    best = max(sums, key=sums.__getitem__, default="")
    if not sums.get(best):
        return None
    _, _, match = max(theirs[best], key=lambda played: played[:2])
    side = "home" if match.home == best else "away"
    shown = s.once(Shower).match(match)
    return Most(s.t.players[best].name, _team(s, best), sums[best], shown, side)


def _team(s: Scene, player_id: str) -> str:
    dealt = s.t.players[player_id].dealt
    return s.t.teams[dealt].name if dealt is not None else ""
