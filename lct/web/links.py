"""URLs: of a page's live updates, and for guests, other devices and programs."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from flask import url_for

from .app import app


def live_url(code: str, view: str, seat: str = "") -> str:
    """The path of a page's socket; ``seat`` is the player whose page it is. Only the path, since
    behind a proxy lct may know neither its host name nor its scheme."""
    whose = f"&seat={seat}" if seat else ""
    return f"{url_for('board.board', code=code)}/live?view={view}{whose}"


def me_url(code: str, player_id: str, seats: Collection[str]) -> str:
    """The page of one of a phone's seats."""
    return url_for("pick.me", code=code, seat=player_id if len(seats) > 1 else None)


def public(path: str) -> str:
    """The public address of ``path``, which comes from url_for."""
    return urljoin(app().public_url, path)


def join_url(public_url: str, code: str) -> str:
    return f"{public_url}/t/{code}/join"


class StartPage(NamedTuple):
    """Where a guest types the code; ``home``: reachable from the same network only."""

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
