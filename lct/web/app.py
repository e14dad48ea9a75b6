"""The app as the views see it: its collaborators, put together once by bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from flask import current_app

from ..application.history import Receipt, Stored
from ..application.screens.region import Scene
from ..domain.teams import CatalogueTeam
from ..domain.tournament import Tournament
from ..locale import Language
from ..running import PublicAddress

if TYPE_CHECKING:  # the web imports no driver when it runs
    from ..application.execute import Execute
    from ..infrastructure.event_store import EventStore
    from ..infrastructure.limiter import Limiter
    from ..infrastructure.redis_bus import RedisBus
    from ..infrastructure.stream import Stream
    from ..webhooks import Webhooks
    from .gathering import Gatherer
    from .hub import Hub
    from .render import Renderer


@dataclass(frozen=True)
class App:
    store: EventStore
    bus: RedisBus
    execute: Execute[Stream]
    hub: Hub
    gatherer: Gatherer
    limiter: Limiter
    renderer: Renderer
    stored: Callable[..., list[Stored]]  # code, last seq -> the events, in order
    exported: Callable[[str, set[int]], Iterator[str]]  # code, attempts -> JSON lines
    receipt: Callable[[str], Receipt | None]  # prefix of a command id -> the command's receipt
    catalogue: tuple[CatalogueTeam, ...]
    languages: tuple[Language, ...]  # English first
    secrets: tuple[bytes, ...]  # the first one signs, all are valid
    address: PublicAddress
    webhooks: Webhooks | None  # None: switched off

    @property
    def public_url(self) -> str:
        """The address in QR codes and links; it may change (lct/running.py)."""
        return self.address.url

    def now(self) -> datetime:
        """UTC by the clock that all workers share."""
        return self.bus.now()

    def ready(self) -> dict[str, bool]:
        """Dependency of this worker -> whether it answers."""
        return {"store": self.store.answers(), "bus": self.bus.ping()}


def app() -> App:
    found: App = current_app.extensions["lct"]
    return found


def scene(t: Tournament) -> Scene:
    """A tournament now, as this worker sees it."""
    return app().hub.scene(t)
