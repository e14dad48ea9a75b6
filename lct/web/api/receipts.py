"""What calls answer that write: the receipt of their command, and the keys that come with it."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from .answers import Seat


class Done(BaseModel):
    """What a command left in the store. A repeat of it gets the same answer."""

    code: str
    changed: bool = Field(description="false: it was so already.")
    event: str | None = None
    seq: int = Field(description="Its place in the history; the stream's end if nothing changed.")
    version: int
    at: datetime | None = None


class Created(Done):
    organiser_key: str = Field(description="The bearer token of the organiser. Keep it.")
    recovery_code: str
    organiser_url: str
    join_url: str
    board_url: str


class Joined(Done, Seat):
    player_id: str
    token: str = Field(description="The bearer token of this player.")


class CameBack(Seat):
    player_id: str
    token: str


class Admitted(Done):
    device_id: str
    organiser_key: str


class Revoked(Done):
    recovery_code: str | None = Field(description="The new one, for an owner. Keep it.")


class Renewed(Done):
    recovery_code: str
