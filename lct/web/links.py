"""Addresses: what a page asks, and what guests, other devices and programs are given."""

from __future__ import annotations

from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from flask import url_for

from .app import app


def live_url(code: str, view: str) -> str:
    """Where a page finds its socket: by path alone, since behind a proxy lct may know neither its
    name nor its scheme."""
    return f"{url_for('board.board', code=code)}/live?view={view}"


def public(path: str) -> str:
    """The address by which everybody finds what url_for calls ``path``."""
    return urljoin(app().public_url, path)


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
