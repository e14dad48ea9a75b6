"""Runs commands on a real store, without HTTP, to test execution and the store together."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from lct.application.execute import Execute
from lct.domain.evening import CreateTournament, Keys
from lct.domain.people import Join
from lct.domain.picking import PickTeam
from lct.domain.rights import SYSTEM
from lct.domain.tournament import Tournament
from lct.domain.values import new_code
from lct.infrastructure.event_store import EventStore

from .evening import SECRET, teams


def utc_now() -> datetime:
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


class Desk:
    """One worker with its own cache of streams, and a method for each common command."""

    def __init__(self) -> None:
        self.store = EventStore(defer=lambda work: work())
        self.published: list[tuple[str, int]] = []
        self.execute = Execute(self.store, [lambda *said: self.published.append(said)], utc_now)

    def create(
        self, name: str = "Friday Cup", limit: int = 8, team_count: int = 20, **more: Any
    ) -> str:
        code = more.pop("code", None) or new_code(secrets.choice)
        self.execute(
            CreateTournament(by=SYSTEM,
                code=code, name=name, limit=limit, teams=teams(team_count), option="plain",
                secret=SECRET, keys=Keys("device", "hash", "recovery"), **more,
            )
        )  # fmt: skip
        return code

    def join(self, code: str, name: str, **more: Any) -> Tournament:
        return self.execute(
            Join(by=SYSTEM, code=code, player_id=f"p-{name}", first=name, last="Nowak", **more)
        )

    def pick(self, code: str, name: str, team: int, **more: Any) -> Tournament:
        return self.execute(
            PickTeam(
                by=SYSTEM, code=code, player_id=f"p-{name}", team=team, value="ab" * 16, **more
            )
        )

    def seqs(self, code: str) -> list[int]:
        return [document["seq"] for document in self.store.tail(code)]
