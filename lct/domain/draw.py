"""The draw anyone can check: a sealed secret, every guest's own random value, one fair shuffle.

Protocol "lct draw v1". The commitment is published before anyone joins; the secret is published
after the last card, so anyone can recompute both (see docs/draw.md for a stand-alone script).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

PROTOCOL = "lct draw v1"
PLAIN, NOT_OWN = "plain", "not-own"


class Ticket(NamedTuple):
    """One ticket in the hat. ``value`` is the random text made in the player's browser."""

    player_id: str
    team: str
    value: str


def commitment(code: str, secret: str) -> str:
    """The seal: SHA-256 of protocol, code and secret (64 hex digits), as 64 hex digits."""
    return hashlib.sha256(f"{PROTOCOL}|{code}|{secret}".encode()).hexdigest()


def message(attempt: int, picks: Sequence[Ticket]) -> bytes:
    """The bytes that the secret signs: canonical JSON (UTF-8, no spaces) of attempt and picks."""
    body = {"attempt": attempt, "picks": [list(pick) for pick in picks]}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


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


def hand_out(secret: str, attempt: int, picks: Sequence[Ticket], option: str) -> list[str]:
    """The team each pick's player gets, in the order of ``picks`` (the order of picking).

    With NOT_OWN, whole shuffles are rejected until nobody holds their own pick. The result is
    uniform over all such hand-outs and takes about e tries. It needs at least two picks.
    """
    stream = words(secret, message(attempt, picks))
    own = [pick.team for pick in picks]
    if option == NOT_OWN and len(own) < 2:
        raise ValueError("nobody else's pick to draw")
    while True:
        teams = shuffled(own, stream)
        if option == PLAIN or all(a != b for a, b in zip(teams, own, strict=True)):
            return teams


class Timeline(NamedTuple):
    """When each card turns, computed from the event's time so that all workers agree."""

    start: datetime
    cards: int
    lead: timedelta
    step: timedelta

    @property
    def end(self) -> datetime:
        """When the last card turns."""
        return self.start + self.lead + self.step * self.cards - self.step / 2

    def at(self, now: datetime) -> tuple[int, bool]:
        """(cards turned, whether the next one lies face down in the spotlight) at ``now``."""
        since = now - self.start - self.lead
        if since < timedelta(0):
            return 0, False
        turned = min(self.cards, (since + self.step / 2) // self.step)
        return turned, turned < self.cards and since // self.step == turned

    def next_change(self, now: datetime) -> timedelta | None:
        """How long until the picture changes again, or None after the last card."""
        since = now - self.start - self.lead
        if since < timedelta(0):
            return -since
        if self.at(now)[0] >= self.cards:
            return None
        half = self.step / 2
        return half - since % half


def timeline(start: datetime, cards: int) -> Timeline:
    """4 s per card; from 30 cards on, two minutes in total, but at least 0.25 s per card."""
    step = max(0.25, min(4.0, 120 / max(cards, 1)))
    return Timeline(start, cards, timedelta(seconds=3), timedelta(seconds=step))


def verify(
    code: str,
    seal: str,
    secret: str,
    attempt: int,
    picks: Sequence[Ticket],
    option: str,
    given: Sequence[str],
) -> bool:
    """Whether the secret fits the seal and yields exactly ``given``, in the order of ``picks``."""
    sealed = hmac.compare_digest(commitment(code, secret), seal)
    return sealed and hand_out(secret, attempt, picks, option) == list(given)
