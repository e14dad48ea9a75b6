"""Counting attempts: who is asking from where, and guessed codes."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import TypeVar

from flask import request

from ..domain.errors import TooMany, UnknownTournament
from ..domain.evening import RenameTournament, ReopenTournament
from ..domain.fact import Command
from ..domain.tournament import Tournament
from .identity import invited
from .parts import parts

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
    parts().count("tap", who)
    parts().count("taps", address())
    if command in NAMING:
        parts().hit("create", address())


def guess(code: str, fresh: bool = True) -> Tournament:
    """The tournament, or UnknownTournament; an address that guesses a lot gets TooMany.

    Not ``fresh`` it is as this worker knows it, which is enough before a command: execution
    looks for newer events itself wherever they could matter.
    """
    try:
        parts().check("guess", address())
    except TooMany:
        if not invited(code):
            raise
    read = parts().read if fresh else parts().known
    try:
        return read(code).tournament
    except UnknownTournament:
        _wrong("wrong-code")
        raise


def tried(found: T) -> T:
    """What a key opens, which is false or None if it is wrong; an address that tries a lot gets
    TooMany."""
    parts().check("guess", address())
    if not found:
        _wrong("wrong-key")
    return found


def _wrong(what: str) -> None:
    """Soon a wrong guess is answered by TooMany, but a right one still counts, since a whole bar
    may share the address. That alone would stop no guessing: in the end right ones wait too."""
    parts().hit("guess", address())
    parts().hit(what, address())
