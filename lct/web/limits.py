"""Counting attempts: who is asking from where, and guessed codes."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import TypeVar

from flask import request

from ..domain.evening import RenameTournament, ReopenTournament
from ..domain.fact import Command
from .app import app

T = TypeVar("T")
# What tells whether another tournament has a name: as often as one may create.
NAMING = (RenameTournament, ReopenTournament)


def address() -> str:
    """The client's address; a proxy's word counts only as far as LCT_TRUSTED_PROXIES says."""
    return counted(request.remote_addr or "unknown")


@lru_cache(maxsize=4096)
def counted(given: str) -> str:
    """What is counted for that address: its /64 if it is IPv6, of which one machine has 2**64.

    Some proxies add the port, which is another one with each connection.
    """
    bare = re.fullmatch(r"\[(.+)\](?::\d+)?|([^:]+)(?::\d+)?", given)
    try:
        found = ip_address((bare[1] or bare[2]) if bare else given)
    except ValueError:
        return given[:64]
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or IPv6Network((int(found), 64), strict=False).network_address
    return str(found)


def tap(who: str, command: type[Command] | None = None) -> None:
    """Count one command of that player or device; TooMany when they or their address sent a lot."""
    app().limiter.count("tap", who)
    app().limiter.count("taps", address())
    if command in NAMING:
        app().limiter.hit("create", address())


def tried(found: T) -> T:
    """What a key opens, which is false or None if it is wrong; an address that tries a lot gets
    TooMany."""
    app().limiter.check("guess", address())
    if not found:
        wrong("wrong-key")
    return found


def wrong(what: str) -> None:
    """Soon a wrong guess is answered by TooMany, but a right one still counts, since a whole bar
    may share the address. That alone would stop no guessing: in the end right ones wait too."""
    app().limiter.hit("guess", address())
    app().limiter.hit(what, address())
