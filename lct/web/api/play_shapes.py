"""The shapes of the matches in requests and responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from ...domain.play import state
from ...domain.play.formats import MOST_POINTS, Format, needs_winner
from ...domain.play.match import Match
from ...domain.play.results import MOST_GOALS, Result, Score
from ...domain.play.standings import Row
from ...domain.play.state import Play
from ...domain.play.tables import best_of_next_place
from ...domain.tournament import MAX_PLAYERS, Tournament
from .bodies import shown

Goals = Annotated[int, Field(ge=0, le=MOST_GOALS)]
Both = Annotated[list[Goals], Field(min_length=2, max_length=2)]
Kind = Literal["knockout", "league", "groups", "double-elimination", "swiss", "draw-only"]
Seeding = Literal["lots", "draw", "stars", "hand"]
TieBreakers = Literal["overall-first", "head-to-head-first", "own"]
TieBreaker = Literal[
    "goal-difference",
    "goals",
    "wins",
    "head-to-head-points",
    "head-to-head-goal-difference",
    "head-to-head-goals",
]
Mark = Literal["first", "through", "out"]
Came = Literal["home", "away", "neither"]
State = Literal["waiting", "ready", "called", "reported", "disputed", "decided", "level", "off"]
Policy = Literal["removed", "walkovers", "rest-walkovers", "rest-unplayed", "knocked-out"]
FALLS: list[str] = Field(
    [],
    description="The matches that lose their results, or a second leg that loses its extra time: a"
    " refusal has them.",
)


class ScoreBody(BaseModel):
    """Goals after 90 minutes, in extra time alone, and of the penalty shoot-out; the home side's
    first."""

    model_config = shown(home=2, away=1)

    home: Goals
    away: Goals
    extra: Both | None = None
    penalties: Both | None = None

    def score(self) -> Score:
        return Score(self.home, self.away, _pair(self.extra), _pair(self.penalties))


def _pair(both: list[int] | None) -> tuple[int, int] | None:
    return (both[0], both[1]) if both else None


class FormatBody(BaseModel):
    model_config = shown(kind="knockout", third_place=True)

    kind: Kind
    seeding: Seeding = Field("lots", description="hand: the order in force stays.")
    third_place: bool = Field(
        False, description="Of a knockout, also after groups or a Swiss system."
    )
    reset: bool = Field(True, description="Of a double elimination: a second final if needed.")
    legs: int = Field(1, ge=1, le=2, description="How often each meets each in a league or group.")
    cup_legs: int = Field(
        1,
        ge=1,
        le=2,
        description="Matches of a cup tie; the final and the match for third place are single.",
    )
    away_goals: bool = Field(
        False, description="With two legs: goals scored away part those who are level over both."
    )
    groups: int = Field(0, ge=0, le=512, description="0: groups of about four.")
    through: int = Field(2, ge=1, le=4, description="How many of each group go on.")
    best: int | None = Field(
        None,
        ge=0,
        le=512,
        description="How many of the next place across the groups go on too; null: as many as "
        "leave no byes in the cup, where that place is not the last of a group.",
    )
    tie_breakers: TieBreakers = "overall-first"
    own_order: list[TieBreaker] = Field(
        [], max_length=6, description="If tie_breakers is own; lots come last anyway."
    )
    win: int = Field(3, ge=1, le=MOST_POINTS, description="Points for a win.")
    draw: int = Field(1, ge=0, le=MOST_POINTS, description="Points for a draw.")
    rounds: int = Field(
        0, ge=0, le=1023, description="Of a Swiss system. 0: log2 of the players, rounded up."
    )
    cup: int = Field(
        0, ge=0, le=1023, description="How many of a Swiss system go on to a knockout; 0: none."
    )
    walkover: int = Field(3, ge=1, le=MOST_GOALS, description="Goals of a walkover in a table.")
    falls: list[str] = FALLS

    def format(self) -> Format:
        chosen = self.model_dump(exclude={"falls"})
        return Format(**chosen | {"own_order": tuple(self.own_order)})


class SeedingBody(BaseModel):
    model_config = shown(order=["2f1c6a0b9d3e", "7b0d4e5f6a1c"])

    order: list[str] = Field(
        max_length=MAX_PLAYERS, description="All players, the first seed first."
    )
    falls: list[str] = FALLS


class ConsolesBody(BaseModel):
    model_config = shown(names=["Sofa", "Kitchen"])

    names: list[str] = Field(max_length=100, description="1 to 32 names.")


class ConsoleBody(BaseModel):
    model_config = shown(console="2")

    console: str = Field(max_length=400)


class ResultBody(BaseModel):
    """A score, or who came if the match was not played; neither clears the result."""

    model_config = shown(score={"home": 2, "away": 1})

    score: ScoreBody | None = None
    came: Came | None = None
    falls: list[str] = FALLS


class PairBody(BaseModel):
    model_config = shown(again=True)

    again: bool = Field(False, description="Pair the last round again, while it has no result.")
    falls: list[str] = Field(
        [],
        description="The matches that start over, though reported or called: a refusal has them.",
    )


class LeaveBody(BaseModel):
    """In a table that is not finished, one of the first four policies; elsewhere `knocked-out`."""

    model_config = shown(policy="knocked-out")

    policy: Policy | None = Field(None, description="What becomes of the player's matches.")
    falls: list[str] = FALLS


class ReturnBody(BaseModel):
    model_config = shown(falls=[])

    falls: list[str] = FALLS


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
