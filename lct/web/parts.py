"""What the views work with, put together once by bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any, NamedTuple, cast
from urllib.parse import urljoin, urlsplit

from flask import current_app, url_for

from ..application.history import Receipt, Stored
from ..application.screens.region import Scene
from ..domain.fact import Command
from ..domain.teams import CatalogueTeam
from ..domain.tournament import Tournament


@dataclass(frozen=True)
class Parts:
    execute: Callable[[Command], Tournament]
    read: Callable[[str], Any]  # code -> stream, with everything acknowledged before the call
    known: Callable[[str], Any]  # code -> stream as this worker knows it, perhaps a little behind
    stored: Callable[[str], list[Stored]]  # code -> every event, in order
    exported: Callable[[str, set[int]], Iterator[str]]  # code, attempts -> JSON lines
    receipt: Callable[[str], Receipt | None]  # how a command id begins -> what that command left
    ready: Callable[[], dict[str, bool]]  # what this worker depends on -> does it answer
    bus: Any
    hub: Any
    hit: Callable[[str, str], None]  # (limit, who): count one, or raise TooMany
    count: Callable[[str, str], None]  # the same, but counted a moment later
    check: Callable[[str, str], None]  # the same, counting nothing and as this worker knows
    catalogue: tuple[CatalogueTeam, ...]
    secrets: tuple[bytes, ...]  # the first one signs, all are believed
    public_url: str
    now: Callable[[], datetime]
    webhooks: Any  # None: switched off
    webhooks_private: bool  # they may lead to private addresses


def parts() -> Parts:
    return cast(Parts, current_app.extensions["lct"])


def scene(t: Tournament) -> Scene:
    """A tournament now, as this worker sees it."""
    url = join_url(parts().public_url, t.code)
    return Scene(t, parts().now(), parts().hub.live_now(t.code), url)


def live_url(code: str, view: str) -> str:
    """Where a page finds its socket: by path alone, since behind a proxy lct may know neither its
    name nor its scheme."""
    return f"{url_for('board.board', code=code)}/live?view={view}"


def public(path: str) -> str:
    """The address by which everybody finds what url_for calls ``path``."""
    return urljoin(parts().public_url, path)


def join_url(public_url: str, code: str) -> str:
    return f"{public_url}/t/{code}/join"


class StartPage(NamedTuple):
    """Where a guest types the code; ``home``: it is reached from the same network only."""

    address: str
    home: bool


def start_page(join_url: str) -> StartPage:
    public_url = join_url.rpartition("/t/")[0]
    host = urlsplit(public_url).hostname or ""
    try:
        home = not ip_address(host).is_global
    except ValueError:
        home = "." not in host or host.endswith((".local", ".lan", ".home.arpa", ".internal"))
    return StartPage(public_url.partition("//")[2], home)
