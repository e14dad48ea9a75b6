"""Knockout and double elimination: the trees of matches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .matches import Fixture, LoserOf, Part, Seed, Source, WinnerOf

MOST = 1024  # entrants

Slot = Source | None  # None: nobody, so the other side has a bye


def standard_order(size: int) -> list[int]:
    """The seeds 1 to ``size``, a power of two, in the order of the bracket's lines from the top.

    The standard bracket: in every round, if the better seed always wins, the best of those left
    meets the last, the second meets the second last, and so on. So seeds 1 and 2 can meet in the
    final only, and 1 to 4 not before the semi-finals. For eight: 1 8, 4 5, 2 7, 3 6.
    """
    order = [1]
    while len(order) < size:
        both = 2 * len(order) + 1
        order = [seed for upper in order for seed in (upper, both - upper)]
    return order


def bracket_size(n: int) -> int:
    """The smallest power of two with room for ``n`` entrants."""
    return 1 << (n - 1).bit_length()


def knockout(n: int, third_place: bool = False, legs: int = 1) -> tuple[Fixture, ...]:
    """A knockout of ``n`` entrants in the standard order; the best seeds have the byes.

    A bye is no match: its seed stands in the second round. There are n - 1 matches, and one more
    for third place, which needs two semi-finals: there is none for fewer than four entrants.
    """
    return knockout_of(_seeded(n), third_place, legs)


def knockout_of(
    slots: Sequence[Slot], third_place: bool = False, legs: int = 1
) -> tuple[Fixture, ...]:
    """The knockout whose first round is ``slots``: a power of two, two by two from the top.

    With two ``legs``, every tie is two matches, but the final and the match for third place. The
    upper side is at home in the second leg: in the first round it has the better seed.

    Every match comes after those that it depends on; the final is the last one.
    """
    out: list[Fixture] = []
    left = list(slots)
    while len(left) > 1:
        number = len(slots).bit_length() - len(left).bit_length() + 1
        now = _round(Part.KNOCKOUT, f"K{len(left)}", number, left, legs if len(left) > 2 else 1)
        out += now.fixtures
        left = now.winners
        if third_place and len(left) == 2 and None not in now.losers:
            home, away = map(_sure, now.losers)
            out.append(Fixture("K3.1", Part.THIRD_PLACE, 1, home, away))
    return tuple(out)


def double_elimination(n: int, reset: bool = True) -> tuple[Fixture, ...]:
    """Everyone but the champion loses twice: 2n - 2 matches, and the second final if ``reset``.

    Losers of the first round of the winners' side meet each other. The losers of each later round
    meet those who are left on the losers' side, in another part of the bracket than the one they
    come from (``_crossing``). The winners of both sides meet in F1. F2 is played only if the away
    side, from the losers' side, wins F1: only then have both lost once.

    Every match comes after those that it depends on. With byes the losers' side has byes too, and
    its rounds are numbered without those that have no match. Two entrants have no losers' side.
    """
    left = _seeded(n)
    depth = len(left).bit_length() - 1
    empty = 1 if 4 * n <= 3 * len(left) else 0  # no two neighbouring matches in round 1
    out: list[Fixture] = []
    below: list[Slot] = []
    for number in range(1, depth + 1):
        upper = _round(Part.WINNERS, f"W{number}", number, left)
        out += upper.fixtures
        left = upper.winners
        if number == 1:
            below = upper.losers
        else:
            cross = _crossing(number, depth)
            fallen = [upper.losers[i ^ cross] for i in range(len(left))]
            below = [slot for pair in zip(fallen, below, strict=True) for slot in pair]
            below = _losers_round(out, 2 * number - 2 - empty, below)
        if number < depth:
            below = _losers_round(out, 2 * number - 1 - empty, below)
    out.append(Fixture("F1", Part.FINAL, 1, _sure(left[0]), _sure(below[0])))
    if reset:
        sides = WinnerOf("F1"), LoserOf("F1")
        out.append(Fixture("F2", Part.FINAL, 2, *sides, only_if_away_won="F1"))
    return tuple(out)


def _crossing(number: int, depth: int) -> int:
    """Match i, from 0, of round ``number`` above sends its loser to line i XOR this below.

    The loser of a match in round r can meet an opponent from round s < r again once their two
    lines meet. That is late if the highest bits of crossing r differ from those of crossing s:
    if they differ in the highest bit, the two come from different halves of the losers' side. So
    round r takes the bits of r - 1 in reverse, 0 1 2 3 as 000 100 010 110: the van der Corput
    sequence, in which any 2**k neighbours differ in their first k bits. The last rounds have too
    few bits to avoid everyone, and then avoid the latest opponents.
    """
    bits = depth - number
    return sum((number - 1 >> i & 1) << (bits - 1 - i) for i in range(bits))


class _Played(NamedTuple):
    fixtures: list[Fixture]
    winners: list[Slot]
    losers: list[Slot]


def _round(part: Part, prefix: str, number: int, slots: Sequence[Slot], legs: int = 1) -> _Played:
    """One round of ``slots``, two by two."""
    out = _Played([], [], [])
    for i in range(0, len(slots), 2):
        home, away = slots[i], slots[i + 1]
        if home is None or away is None:
            out.winners.append(home or away)
            out.losers.append(None)
        else:
            key = f"{prefix}.{i // 2 + 1}"
            both: tuple[str, ...] = ()
            if legs == 2:
                first, key = both = f"{key}a", f"{key}b"
                out.fixtures.append(Fixture(first, part, number, away, home, legs=both))
            out.fixtures.append(Fixture(key, part, number, home, away, legs=both))
            out.winners.append(WinnerOf(key))
            out.losers.append(LoserOf(key))
    return out


def _losers_round(out: list[Fixture], number: int, slots: Sequence[Slot]) -> list[Slot]:
    played = _round(Part.LOSERS, f"D{number}", number, slots)
    out += played.fixtures
    return played.winners


def _seeded(n: int) -> list[Slot]:
    if not 2 <= n <= MOST:
        raise ValueError(f"no bracket of {n} entrants")
    return [Seed(seed) if seed <= n else None for seed in standard_order(bracket_size(n))]


def _sure(slot: Slot) -> Source:
    assert slot is not None
    return slot
