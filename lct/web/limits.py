"""Rate limits on requests and commands, and on guesses of codes and keys."""

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
PAGES = {"home", "join", "pick", "board", "organise", "devices", "history", "live", "swagger"}
LONGEST = 64  # characters of an address; a proxy may pass on anything
# Commands that reveal whether another tournament has a name: limited as creating one is.
NAMING = (RenameTournament, ReopenTournament)


def address() -> str:
    """The client's address; proxies are believed only as far as LCT_TRUSTED_PROXIES says."""
    return counted(request.remote_addr or "unknown")


def counted(given: str) -> str:
    """The form in which an address is counted: for IPv6 its /64, of which one machine has 2**64.

    Some proxies append the port, which changes with each connection, so it is cut off.
    """
    return _counted(given[:LONGEST])


@lru_cache(maxsize=4096)
def _counted(given: str) -> str:
    bare = re.fullmatch(r"\[(.+)\](?::\d+)?|([^:]+)(?::\d+)?", given)
    try:
        found = ip_address((bare[1] or bare[2]) if bare else given)
    except ValueError:
        return given
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or IPv6Network((int(found), 64), strict=False).network_address
    return str(found)


def page() -> None:
    """Count a request for a page or its live regions; TooMany if the address has sent too many."""
    if request.blueprint in PAGES:
        app().limiter.count("page", address())


def tap(who: str, command: type[Command] | None = None) -> None:
    """Count a command of a player or device; TooMany if they or their address sent too many."""
    app().limiter.count("tap", who)
    app().limiter.count("taps", address())
    if command in NAMING:
        app().limiter.hit("create", address())


def tried(found: T) -> T:
    """Return ``found``, what a key opened; if it is falsy, count a wrong key. TooMany if the
    address has guessed too often."""
    app().limiter.check("guess", address())
    if not found:
        wrong("wrong-key")
    return found


def wrong(what: str) -> None:
    """Count a wrong guess. The low limit of ``what`` refuses only wrong guesses, since a whole bar
    may share the address. The higher limit "guess" refuses right ones too, to stop guessing."""
    app().limiter.hit("guess", address())
    app().limiter.hit(what, address())
