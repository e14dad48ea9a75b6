"""The shapes of request bodies; the domain decides which values are valid."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...domain.tournament import MAX_PLAYERS, MIN_PLAYERS

TITLE = Field(description="1 to 60 characters.", max_length=1000)
NAME = Field(description="1 to 40 characters.", max_length=1000)
PASSPHRASE = Field(description="If creating needs one; else ignored.", max_length=1000)
SEATS = Field(ge=MIN_PLAYERS, le=MAX_PLAYERS)


def shown(**example: Any) -> ConfigDict:
    """Forbids unknown fields, and gives a working example."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


class NewTournament(BaseModel):
    model_config = shown(name="Friday Cup", limit=4)

    name: Annotated[str, TITLE]
    limit: Annotated[int, SEATS]
    passphrase: Annotated[str, PASSPHRASE] = ""
    source: Literal["classic", "rated", "pasted"] = Field(
        "classic", description="The classic ten, teams by their stars, or your own list."
    )
    kinds: list[Literal["club", "nation"]] = Field(["club", "nation"], description="For rated.")
    least: float = Field(4.5, description="For rated: the fewest stars, in halves.", ge=0, le=5)
    cap: float = Field(5.0, description="For rated: the most stars.", ge=0, le=5)
    pasted: list[str] = Field([], description="For pasted: the names of the teams.")
    option: Literal["plain", "not-own"] = Field(
        "plain", description="not-own: nobody draws the team they picked."
    )


class NewPlayer(BaseModel):
    model_config = shown(first="Ola", last="Nowak")

    first: Annotated[str, NAME]
    last: Annotated[str, NAME]


class CallName(BaseModel):
    model_config = shown(call_name="Minh Khai")

    call_name: str = Field(description="At most 20 characters; empty: none.", max_length=1000)


class Pick(BaseModel):
    model_config = shown(team=3)

    team: int = Field(description="The team's number in the list of teams.", ge=0, le=10**6)
    value: str = Field(
        description="The player's random value for the draw, hex; made by the server if missing.",
        default_factory=lambda: secrets.token_hex(16),
        pattern="^[0-9a-f]{8,64}$",
    )
    pledge: str = Field(
        "",
        description="The hash of the player's share (docs/draw.md); empty: there is none.",
        pattern="^([0-9a-f]{64})?$",
    )


class Share(BaseModel):
    model_config = shown(share="5a" * 32)

    share: str = Field(
        description="The share behind the pledge, once the draw has begun.",
        pattern="^[0-9a-f]{64}$",
    )


class Look(BaseModel):
    model_config = shown(team=5)

    team: int | None = Field(description="null to look away.", ge=0, le=10**6)


class Title(BaseModel):
    model_config = shown(name="Saturday Cup")

    name: Annotated[str, TITLE]


class OldTitle(BaseModel):
    model_config = shown(name="")

    name: str = Field("", description="A new name; empty to keep the old one.", max_length=1000)


class Seats(BaseModel):
    model_config = shown(limit=6)

    limit: Annotated[int, SEATS]


class TeamNames(BaseModel):
    model_config = shown(teams=["Rovers", "United", "Wanderers", "Athletic"])

    teams: list[str] = Field(description="All teams, by name; until the first pick.")


ATTEMPT = Field(description="The attempt that the caller saw.", ge=1, le=10**6)


class Draw(BaseModel):
    model_config = shown(attempt=1)

    attempt: Annotated[int, ATTEMPT]
    roll: bool = Field(False, description="Wait for a number from the room.")


class Number(BaseModel):
    model_config = shown(attempt=1, number="4 + 3")

    attempt: Annotated[int, ATTEMPT]
    number: str = Field(description="1 to 40 characters; empty to skip it.", max_length=1000)


class NewDevice(BaseModel):
    """Send one of the two secrets."""

    model_config = shown(recovery_code="BCDF-GHJK-MNPQ-RSTV-WXZ2", label="score keeper")

    link_key: str = Field("", description="The last part of the co-organiser link.", max_length=64)
    recovery_code: str = Field("", max_length=64)
    label: str = Field("a program", description="The name that the host sees.", max_length=40)


class SeatCode(BaseModel):
    model_config = shown(seat_code="BB3K-7QXM")

    seat_code: str = Field(max_length=40)


class Page(BaseModel):
    limit: int = Field(50, ge=1, le=200, description="The largest number of items.")
    cursor: str = Field("", max_length=40, description="`next` of the previous page.")
