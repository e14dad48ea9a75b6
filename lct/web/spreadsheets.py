"""The matches and the standings as CSV, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from flask import Blueprint, Response

from ..application.screens.matches import is_listed
from ..domain.play.match import Match
from ..domain.play.results import NEITHER
from ..domain.tournament import Tournament
from .lookup import tournament_at, with_matches

bp = Blueprint("spreadsheets", __name__)

MATCHES = (
    "match", "part", "round", "leg", "state", "home", "home_team", "away", "away_team",
    "home_goals", "away_goals", "home_penalties", "away_penalties", "decided_by", "winner",
)  # fmt: skip
STANDINGS = (
    "group", "place", "player", "team", "played", "won", "drawn", "lost", "goals_for",
    "goals_against", "points", "parted_by", "certain",
)  # fmt: skip
# A spreadsheet would run a cell that begins like this as a formula (owasp.org, CSV Injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Cell = str | int | None


@bp.get("/t/<code>/matches.csv")
def matches(code: str) -> Response:
    """Every match, with the byes of Swiss rounds. Goals include those of extra time; penalties have
    columns of their own."""
    t = with_matches(tournament_at(code))
    of = t.play.competition
    rows = (_match(t, match) for match in of.matches.values() if is_listed(of, match))
    return _file(t, "matches", MATCHES, rows)


@bp.get("/t/<code>/standings.csv")
def standings(code: str) -> Response:
    """The table of the league, or of each group; in a cup there is none. Players who
    left have no place."""
    t = with_matches(tournament_at(code))
    rows = (
        (
            table.group, row.place or None, *_person(t, row.entrant), row.played, row.won,
            row.drawn, row.lost, row.goals_for, row.goals_against, row.points,
            row.parted.rule.value if row.parted and row.parted.rule else None,
            t.play.marks(table.group).get(row.entrant),
        )
        for table in t.play.competition.tables.values()
        for row in (*table.rows, *table.left)
    )  # fmt: skip
    return _file(t, "standings", STANDINGS, rows)


def _match(t: Tournament, match: Match) -> Sequence[Cell]:
    fixture, score = match.fixture, match.score
    goals = score.goals if score else (None, None)
    penalties = (score.penalties if score else None) or (None, None)
    return (
        match.key, fixture.part.value, fixture.round, fixture.leg or None, t.play.state_of(match),
        *_person(t, match.home), *_person(t, match.away), *goals, *penalties,
        _decided_by(match), _person(t, match.winner)[0],
    )  # fmt: skip


def _decided_by(match: Match) -> str | None:
    if match.result is None:
        return "bye" if match.bye else None
    if match.score is None:
        return "no-show" if match.result.came == NEITHER else "walkover"
    return "penalties" if match.score.penalties else "extra-time" if match.score.extra else "score"


def _person(t: Tournament, player_id: str | None) -> tuple[str | None, str | None]:
    """A player's name and team."""
    if not player_id:
        return None, None
    player = t.players[player_id]
    return player.name, t.teams[player.dealt].name if player.dealt is not None else None


def _file(
    t: Tournament, name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> Response:
    text = io.StringIO()
    text.write("\ufeff")  # else Excel does not read it as UTF-8
    sheet = csv.writer(text)
    sheet.writerow(head)
    sheet.writerows([_neutral(cell) for cell in row] for row in rows)
    headers = {"Content-Disposition": f'attachment; filename="lct-{t.code}-{name}.csv"'}
    return Response(text.getvalue(), mimetype="text/csv", headers=headers)


def _neutral(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
