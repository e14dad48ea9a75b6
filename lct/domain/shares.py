"""Shares in the chance: random bytes that each phone keeps shut until the picks are fixed.

So whoever owns the server and knows the secret cannot know the result while anything can still be
changed. Protocol v2 in docs/draw.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .draw import V2, canonical, sha256

_SHARE = re.compile("[0-9a-f]{64}")


class Pledged(NamedTuple):
    """A pick in force. ``pledge`` is the hash of the share; empty: there is none."""

    player_id: str
    team: str
    pledge: str


class Opened(NamedTuple):
    """A share as its phone opened it, 64 hex digits."""

    player_id: str
    share: str


def pledge(code: str, player_id: str, share: str) -> str:
    """What is published of a share until it is opened. It names the player, so that nobody can
    open a copy of it as theirs."""
    return sha256(f"lct share v2|{code}|{player_id}|{share}".encode())


def fits(code: str, pick: Pledged, share: str) -> bool:
    if not (pick.pledge and _SHARE.fullmatch(share)):
        return False
    return pledge(code, pick.player_id, share) == pick.pledge


def fingerprint_of_picks(
    code: str, seal: str, attempt: int, option: str, picks: Sequence[Pledged], roll: bool
) -> str:
    """All that is fixed before the first share is opened, as one hash."""
    fixed = {
        "attempt": attempt,
        "code": code,
        "option": option,
        "picks": picks,
        "protocol": V2,
        "roll": roll,
        "seal": seal,
    }
    return sha256(canonical(fixed))


def in_order(picks: Iterable[Pledged], shares: Mapping[str, str]) -> tuple[Opened, ...]:
    """The shares that are in (player id -> share), in the order of their picks."""
    ids = (pick.player_id for pick in picks)
    return tuple(Opened(player_id, shares[player_id]) for player_id in ids if player_id in shares)


def fingerprint_of_shares(picks: str, shares: Sequence[Opened]) -> str:
    """All that is fixed before a number is rolled; ``picks`` is their fingerprint."""
    return sha256(canonical({"picks": picks, "shares": shares}))


def message(shares: str, number: str) -> bytes:
    """What the secret signs: the fingerprint of the shares, and the number from the room."""
    return canonical({"number": number, "shares": shares})
