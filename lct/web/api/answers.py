"""The shapes of responses. They hold nothing that the pages do not show: face-down cards have no
team here either, and a secret is shown only with its finished draw."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from ...application import finished_draws as checks
from ...application.history import Line
from ...application.screens import cards as card_screen
from ...application.screens import phases
from ...application.screens.region import Scene
from ...domain.text import Text
from ...domain.tournament import Tournament
from ...locale import say

Phase = Literal["join", "pick", "ready", "gather", "draw", "drawn", "play", "finished", "closed"]


class TournamentState(BaseModel):
    """A tournament. Its seats fill, everyone picks, the teams are drawn, the cards turn."""

    code: str
    name: str
    phase: Phase
    version: int = Field(description="Rises with each change to the flow of the tournament.")
    limit: int
    players: int
    picked: int
    teams: int
    locked: bool
    closed: bool
    option: Literal["plain", "not-own"]
    attempt: int = Field(description="Rises when the picks are restarted.")
    seal: str = Field(description="The hash that the draw's secret is checked against.")
    fingerprint: str = Field(
        description="In the phase gather: of the picks, or of the shares once they are closed."
    )
    number_wanted: bool = Field(description="The draw waits for a number from the room.")
    cards: int = Field(description="The number of cards in the current draw; 0 before it.")
    turned: int = Field(description="The number of cards that have turned.")


def tournament(t: Tournament, now: datetime) -> TournamentState:
    draw = t.current_draw
    return TournamentState(
        code=t.code,
        name=t.name,
        phase=phases.phase(t, now),  # type: ignore[arg-type]
        version=t.version,
        limit=t.limit,
        players=len(t.players),
        picked=len(t.holders),
        teams=len(t.teams),
        locked=t.locked,
        closed=t.closed,
        option=t.option,  # type: ignore[arg-type]
        attempt=t.attempt,
        seal=t.commitment,
        fingerprint=(t.gathering.closed or t.gathering.fingerprint) if t.gathering else "",
        number_wanted=bool(t.gathering and t.gathering.roll and t.gathering.closed),
        cards=len(draw.hands) if draw else 0,
        turned=draw.revealed(now) if draw else 0,
    )


class News(BaseModel):
    """One server-sent event."""

    seq: int = Field(description="The number of events in the history.")
    version: int
    phase: Phase
    players: int
    picked: int
    turned: int
    cards: int


class TeamFacts(BaseModel):
    number: int
    name: str
    league: str
    stars: float = Field(description="0 if not rated.")
    kind: str
    taken_by: str | None = Field(description="The id of the player who holds it.")
    looking: list[str] = Field(description="The ids of the players who are looking at it.")


class Teams(BaseModel):
    items: list[TeamFacts]
    next: str | None


def team(t: Tournament, number: int, looks: Mapping[str, int]) -> TeamFacts:
    """``looks``: player id -> the team they are looking at."""
    holder = t.holders.get(number)
    name, league, stars, kind = t.teams[number]
    return TeamFacts(
        number=number,
        name=name,
        league=league,
        stars=stars,
        kind=kind,
        taken_by=holder,
        looking=[] if holder else [p for p, at in looks.items() if at == number and p in t.players],
    )


class PlayerFacts(BaseModel):
    id: str
    first: str
    last: str
    call_name: str = Field(description="The name for small places; empty: none.")
    team: int | None = Field(description="The number of the team they picked.")
    drawn: int | None = Field(description="The team they drew, once its card has turned.")


class PresentPlayer(PlayerFacts):
    presence: Literal["here", "asleep", "away"] = Field(description="The state of their phone.")


class Players(BaseModel):
    items: list[PresentPlayer]
    next: str | None


def players(t: Tournament, now: datetime) -> list[PlayerFacts]:
    draw = t.current_draw
    turned = {hand.player_id for hand in draw.hands[: draw.revealed(now)]} if draw else set()
    return [
        PlayerFacts(
            id=p.id,
            first=p.first,
            last=p.last,
            call_name=p.call_name,
            team=p.team,
            drawn=p.dealt if p.id in turned else None,
        )
        for p in t.players.values()
    ]


class CardFacts(BaseModel):
    number: int
    player: str
    team: str = Field(description="Empty until the card has turned.")
    status: Literal["waiting", "now", "done"]


def cards(t: Tournament, now: datetime) -> list[CardFacts]:
    return [
        CardFacts(number=c.number, player=c.name, team=c.team, status=c.status)  # type: ignore[arg-type]
        for c in card_screen.cards(Scene(t, now))
    ]


class PickFacts(BaseModel):
    """``value`` in protocol v1, ``pledge`` in v2."""

    player_id: str
    team: str
    value: str | None = None
    pledge: str | None = None


class ShareFacts(BaseModel):
    player_id: str
    share: str


class MissingShare(BaseModel):
    player_id: str
    why: Literal["asleep", "away", "silent", "no-script", "host"]


class DrawRecord(BaseModel):
    """A finished draw, as docs/verify_draw.py reads it. What v1 lacks is null there."""

    protocol: str
    code: str
    attempt: int
    option: str
    seal: str
    secret: str
    picks: list[PickFacts]
    given: list[str] = Field(description="The team that each of them drew, in the same order.")
    names: list[str]
    shares: list[ShareFacts] | None = None
    missing: list[MissingShare] | None = Field(None, description="Whose share is not in, and why.")
    roll: bool | None = None
    number: str | None = Field(None, description="From the room; empty: none, or skipped.")
    picks_fingerprint: str | None = None
    shares_fingerprint: str | None = None


def draws(t: Tournament, now: datetime) -> list[DrawRecord]:
    return [DrawRecord.model_validate(facts.record) for facts in checks.finished_draws(t, now)]


class EventLine(BaseModel):
    seq: int
    at: datetime
    who: str
    what: str
    type: str
    request_id: str


class History(BaseModel):
    items: list[EventLine]
    next: str | None


class Moment(BaseModel):
    """The tournament as it was right after an event."""

    event: EventLine
    tournament: TournamentState
    players: list[PlayerFacts]


def line(told: Line) -> EventLine:
    who = say(told.who) if isinstance(told.who, Text) else told.who
    return EventLine.model_validate(told._asdict() | {"who": who, "what": say(told.what)})


class DeviceFacts(BaseModel):
    id: str
    label: str


class Host(BaseModel):
    """What only the organiser can see, besides the history."""

    organiser_url: str = Field(description="The co-organiser link; empty: revoke a device first.")
    join_url: str
    devices: list[DeviceFacts]
    blocked: dict[str, str] = Field(description="Player id to name.")


class Seat(BaseModel):
    seat_code: str = Field(description="Brings the player back on another phone.")
    seat_url: str
