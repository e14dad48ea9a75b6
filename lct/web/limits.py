"""Counting attempts: who is asking from where, and guessed codes."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

from flask import request

from ..domain.errors import UnknownTournament
from ..domain.tournament import Tournament
from .parts import parts


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


def tap(who: str) -> None:
    """Count one command of that player or device; TooMany when they or their address sent a lot."""
    parts().hit("tap", who)
    parts().hit("taps", address())


def guess(code: str, fresh: bool = True) -> Tournament:
    """The tournament, or UnknownTournament; an address that guesses a lot gets TooMany.

    Not ``fresh`` it is as this worker knows it, which is enough before a command: execution
    looks for newer events itself wherever they could matter.
    """
    read = parts().read if fresh else parts().known
    try:
        return read(code).tournament
    except UnknownTournament:
        parts().hit("wrong-code", address())
        raise
