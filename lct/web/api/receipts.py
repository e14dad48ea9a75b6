"""Responses to calls that write: the command's receipt, and the keys that come with it."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from .answers import Seat


class Done(BaseModel):
    """A command's effect in the store. A repeat of the call gets the same response."""

    code: str
    changed: bool = Field(description="false if nothing had to change.")
    event: str | None = None
    seq: int = Field(description="The event's place in the history; the newest's if no change.")
    version: int
    at: datetime | None = None


class Created(Done):
    organiser_key: str = Field(description="The organiser's bearer token. Keep it.")
    recovery_code: str
    organiser_url: str
    join_url: str
    board_url: str


class Joined(Done, Seat):
    player_id: str
    token: str = Field(description="This player's bearer token.")


class Added(Done):
    player_id: str


class CameBack(Seat):
    player_id: str
    token: str


class Admitted(Done):
    device_id: str
    organiser_key: str


class Revoked(Done):
    recovery_code: str | None = Field(
        description="The new code, if an owner signed another device out. Keep it."
    )


class Renewed(Done):
    recovery_code: str
