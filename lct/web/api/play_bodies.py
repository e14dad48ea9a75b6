"""The shapes of the matches in requests."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from ...domain.play.formats import MOST_POINTS, Format
from ...domain.play.results import MOST_GOALS, Score
from ...domain.tournament import MAX_PLAYERS
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
