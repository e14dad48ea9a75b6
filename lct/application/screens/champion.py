"""The champion on the TV: their way, and the numbers of the evening."""

from __future__ import annotations

from typing import NamedTuple

from .matches import Shower, ShownMatch
from .region import Scene


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
    most: tuple[str, str, int] | None  # goals: player, team, how many
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
    by_player: dict[str, int] = {}
    for m, goals in scores:
        for side, number in zip(m.sides, goals, strict=True):
            by_player[side or ""] = by_player.get(side or "", 0) + number
    all_goals = sum(by_player.values())
    best = max(by_player, key=by_player.__getitem__) if all_goals else ""
    most = (t.players[best].name, _team(s, best), by_player[best]) if best else None
    shower = Shower(s)
    theirs = (match for match in play.competition.matches.values() if who in match.sides)
    way = tuple(shower.match(match) for match in theirs if match.result or match.bye)
    table = play.competition.tables.get("")
    points = table.rows[0].points if table else None
    return Champion(
        "champion", player.name, _team(s, who), way, points,
        len(play.entrants), len(scores), all_goals, shower.match(biggest) if biggest else None,
        most, shower.match(wildest) if wildest else None,
    )  # fmt: skip


def _team(s: Scene, player_id: str) -> str:
    dealt = s.t.players[player_id].dealt
    return s.t.teams[dealt].name if dealt is not None else ""
