"""The JSON API. It translates between JSON and the pages' own commands and queries, and has no
rules. Every route is an operation in one of these tables, with the right it needs; routes, checks
and the OpenAPI document are all made from them."""

from __future__ import annotations

from . import commands, doors, events, legacy, play, reads, webhooks
from .operation import Operation

TABLES = (
    doors.api,
    reads.api,
    commands.api,
    play.api,
    events.api,
    webhooks.api,
    legacy.api,
)


def operations() -> list[Operation]:
    """Everything that the API can do."""
    return [operation for table in TABLES for operation in table.operations]
