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
# Of the reveal: seconds of a step, steps before the last cards, these, and the most in one step.
STEP, STEPS, SINGLES, LARGEST_WAVE = 4.0, 27, 16, 24


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


class Act(NamedTuple):
    """A part of the reveal in which ``at_once`` of its cards turn at each step."""

    cards: int
    at_once: int
    step: timedelta

    @property
    def lasts(self) -> timedelta:
        return self.step * -(-self.cards // self.at_once)

    def wave(self, place: int) -> tuple[int, int]:
        """The first card that turns together with the one at this place, and how many do."""
        first = place - place % self.at_once
        return first, min(self.at_once, self.cards - first)


class Timeline(NamedTuple):
    """When each card turns, computed from the event's time so that all workers agree."""

    start: datetime
    cards: int
    lead: timedelta
    acts: tuple[Act, ...]

    @property
    def end(self) -> datetime:
        """When the last card turns."""
        lasts = sum((act.lasts for act in self.acts), self.lead)
        return self.start + lasts - self.acts[-1].step / 2

    def wave(self, place: int) -> tuple[int, int]:
        """The first card that turns together with the one at this place, and how many do."""
        before, act = self.act(place)
        first, count = act.wave(place - before)
        return before + first, count

    def act(self, place: int) -> tuple[int, Act]:
        """The act of the card at this place, after how many cards it begins."""
        before = 0
        for act in self.acts:
            if place < before + act.cards:
                return before, act
            before += act.cards
        raise IndexError(place)

    def at(self, now: datetime) -> tuple[int, int]:
        """(cards turned, how many of the next ones lie face down in the spotlight) at ``now``."""
        before, left = 0, now - self.start - self.lead
        if left < timedelta(0):
            return 0, 0
        for act in self.acts:
            if left < act.lasts:
                full, within = divmod(left, act.step)
                first, count = act.wave(full * act.at_once)
                if within < act.step / 2:
                    return before + first, count
                return before + first + count, 0
            before, left = before + act.cards, left - act.lasts
        return before, 0

    def next_change(self, now: datetime) -> timedelta | None:
        """How long until the picture changes again, or None after the last card."""
        left = now - self.start - self.lead
        if left < timedelta(0):
            return -left
        if self.at(now)[0] >= self.cards:
            return None
        for act in self.acts:
            if left < act.lasts:
                within, half = left % act.step, act.step / 2
                return half - within if within < half else act.step - within
            left -= act.lasts
        return None


def timeline(start: datetime, cards: int) -> Timeline:
    """The last 16 cards turn one by one, every 4 s. Those before them take 27 steps of 4 s at most,
    in waves if they are more; with over 24 cards to a wave, there are more and shorter steps."""
    waved = max(0, cards - SINGLES)
    at_once = min(LARGEST_WAVE, max(1, -(-waved // STEPS)))
    step = timedelta(seconds=min(STEP, STEPS * STEP / max(1, -(-waved // at_once))))
    acts = Act(waved, at_once, step), Act(cards - waved, 1, timedelta(seconds=STEP))
    return Timeline(start, cards, timedelta(seconds=3), tuple(act for act in acts if act.cards))


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
