"""The arithmetic of the draw: a sealed secret, a message that it signs, one fair shuffle.

The commitment is published before anyone joins, the secret after the last card, so anyone can
recompute both (docs/draw.md has the protocol and a stand-alone script). The message of protocol v2
is in shares.py.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

V1, V2 = "lct draw v1", "lct draw v2"  # protocols
PLAIN, NOT_OWN = "plain", "not-own"


class Ticket(NamedTuple):
    """A pick in the message of v1. ``value`` is the random text made in the player's browser."""

    player_id: str
    team: str
    value: str


def commitment(code: str, secret: str, protocol: str = V2) -> str:
    """The seal: SHA-256 of protocol, code and secret (64 hex digits), as 64 hex digits."""
    return sha256(f"{protocol}|{code}|{secret}".encode())


def sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def canonical(value: dict[str, Any]) -> bytes:
    """JSON that any other program writes the same: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def message(attempt: int, picks: Sequence[Ticket]) -> bytes:
    """What the secret signs in v1: the attempt and the picks."""
    return canonical({"attempt": attempt, "picks": picks})


def words(secret: str, text: bytes) -> Iterator[int]:
    """Random 32-bit words: HMAC-SHA256 in counter mode, eight big-endian words per block."""
    begun, counter = hmac.new(bytes.fromhex(secret), text, "sha256"), 0  # the text is hashed once
    while True:
        mac = begun.copy()
        mac.update(counter.to_bytes(8, "big"))
        block = mac.digest()
        for i in range(0, 32, 4):
            yield int.from_bytes(block[i : i + 4], "big")
        counter += 1


def below(n: int, stream: Iterator[int]) -> int:
    """A uniform whole number in [0, n): words past the last full multiple of n are rejected."""
    limit = 2**32 - 2**32 % n
    while (word := next(stream)) >= limit:
        pass
    return word % n


def shuffled(items: Sequence[str], stream: Iterator[int]) -> list[str]:
    """Fisher-Yates, from the last place down (Knuth, TAOCP 2, algorithm 3.4.2 P)."""
    out = list(items)
    for i in range(len(out) - 1, 0, -1):
        j = below(i + 1, stream)
        out[i], out[j] = out[j], out[i]
    return out


def hand_out(secret: str, text: bytes, own: Sequence[str], option: str) -> list[str]:
    """The team that each pick's player gets, in the order of the picks; ``own`` are the picked
    teams, ``text`` is the message.

    With NOT_OWN, whole shuffles are rejected until nobody holds their own pick. The result is
    uniform over all such hand-outs and takes about e tries. It needs at least two picks.
    """
    stream = words(secret, text)
    if option == NOT_OWN and len(own) < 2:
        raise ValueError("nobody else's pick to draw")
    while True:
        teams = shuffled(own, stream)
        if option == PLAIN or all(a != b for a, b in zip(teams, own, strict=True)):
            return teams
