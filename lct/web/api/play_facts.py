"""The shapes of the matches in responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, Field

from ...domain.play import state
from ...domain.play.formats import Format, needs_winner
from ...domain.play.match import Match
from ...domain.play.results import Result, Score
from ...domain.play.standings import Row
from ...domain.play.state import Play
from ...domain.play.tables import best_of_next_place
from ...domain.tournament import Tournament
from .play_bodies import (
    Both,
    Came,
    Kind,
    Mark,
    Policy,
    ScoreBody,
    Seeding,
    State,
    TieBreaker,
    TieBreakers,
)


class FormatFacts(BaseModel):
    kind: Kind
    seeding: Seeding
    third_place: bool
    reset: bool
    legs: int
    cup_legs: int
    away_goals: bool
    groups: int
    through: int
    best: int | None = Field(description="Of the next place, across the groups.")
    tie_breakers: TieBreakers
    own_order: list[TieBreaker]
    win: int
    draw: int
    rounds: int
    cup: int
    walkover: int


class SeedingFacts(BaseModel):
    seeding: Seeding
    order: list[str] = Field(description="The players, the first seed first.")


class MatchFacts(BaseModel):
    key: str
    part: str
    round: int
    group: str
    leg: int = Field(description="1 or 2 in a cup tie of two legs, else 0.")
    state: State
    home: str | None = Field(description="A player's id; null while it is open who plays.")
    away: str | None
    console: str | None = Field(description="Where it is called.")
    needs_winner: bool
    score: ScoreBody | None = Field(
        description="Once both players or the organiser decided it. A second leg whose extra time"
        " was not due, after a correction of the first one, has none here."
    )
    came: Came | None = Field(description="Who came, if it was decided without play.")
    first_leg: Both | None = Field(
        description="Of a second leg, once the first one is decided: its goals, those of this"
        " match's home side first."
    )
    winner: str | None = Field(description="Of a second leg: of both together.")
    bye: bool = Field(description="Of a Swiss round: nobody is away, and it counts as a win.")
    reports: dict[str, ScoreBody] | None = Field(
        description="What each player said; only the organiser sees it, in `/reports`."
    )


class Matches(BaseModel):
    format: FormatFacts
    consoles: list[str]
    champion: str | None
    left: dict[str, Policy] = Field(description="The players who left, and the policy.")
    items: list[MatchFacts]
    next: str | None


class RowFacts(BaseModel):
    place: int
    player_id: str
    played: int
    won: int
    drawn: int
    lost: int
    goals_for: int
    goals_against: int
    points: int
    certain: Mark | None = Field(
        description="What no match left can change: first, through to the cup, or out."
    )
    parted_by: str | None = Field(description="The rule that parted them from others as good.")


class TableFacts(BaseModel):
    group: str = Field(description="Empty for a league, and for a ranking across groups.")
    across: int = Field(description="The place ranked across groups; 0: a table as usual.")
    finished: bool
    rows: list[RowFacts]
    left_out: list[str] = Field(
        description="Players of larger groups; matches against them are left out of the ranking."
    )
    left: list[str] = Field(description="Players who left and have no place.")


def format_facts(chosen: Format) -> FormatFacts:
    return FormatFacts.model_validate(chosen, from_attributes=True)


def _body(score: Score) -> ScoreBody:
    return ScoreBody.model_validate(score._asdict(), strict=False)


def match_facts(t: Tournament, match: Match, with_reports: bool = False) -> MatchFacts:
    """A match; only the organiser may see the reports."""
    result = match.result or Result()
    said = t.play.reports.get(match.key, {}) if with_reports else None
    found = t.play.state_of(match)
    return MatchFacts(
        key=match.key,
        part=match.fixture.part.value,
        round=match.fixture.round,
        group=match.fixture.group,
        leg=match.fixture.leg,
        state=found,  # type: ignore[arg-type]
        home=match.home or None,
        away=match.away or None,
        console=t.play.console_of(match.key) if found != state.OFF else None,
        needs_winner=needs_winner(match.fixture),
        score=_body(match.score) if match.score else None,
        came=result.came or None,  # type: ignore[arg-type]
        first_leg=list(match.first[:2]) if match.first and match.fixture.leg == 2 else None,
        winner=match.winner or None,
        bye=match.bye is not None,
        reports={who: _body(score) for who, score in said.items()} if said is not None else None,
    )


def tables_facts(play: Play) -> list[TableFacts]:
    """The tables, and the ranking of the next place across the groups if its best go on."""
    of = play.competition
    marked = {who: mark for group in of.tables for who, mark in play.marks(group).items()}
    found = [
        TableFacts(
            group=table.group,
            across=0,
            finished=table.finished,
            rows=_rows_facts(table.rows, marked),
            left_out=[],
            left=[row.entrant for row in table.left],
        )
        for table in of.tables.values()
    ]
    if of.basis.format.best and len(found) > 1:
        ranking = best_of_next_place(of.basis, of.tables)
        found.append(
            TableFacts(
                group="",
                across=of.basis.format.through + 1,
                finished=of.best_from is not None,
                rows=_rows_facts(ranking.rows, marked),
                left_out=list(ranking.left_out),
                left=[],
            )
        )
    return found


def _rows_facts(rows: Sequence[Row], marked: Mapping[str, str]) -> list[RowFacts]:
    return [
        RowFacts(
            place=row.place,
            player_id=row.entrant,
            played=row.played,
            won=row.won,
            drawn=row.drawn,
            lost=row.lost,
            goals_for=row.goals_for,
            goals_against=row.goals_against,
            points=row.points,
            certain=marked.get(row.entrant),  # type: ignore[arg-type]
            parted_by=row.parted.rule.value if row.parted and row.parted.rule else None,
        )
        for row in rows
    ]
