"""Leagues, groups and Swiss rounds: which matches each round has, and who meets whom in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import ascii_uppercase
from typing import NamedTuple

from .matches import Bye, Fixture, Paired, Part, Seed

# No K: see the keys in matches.py.
GROUP_LETTERS = ascii_uppercase.replace("K", "")


def berger(n: int, number: int) -> Iterator[tuple[int, int]]:
    """Round ``number`` of the Berger table for ``n`` entrants: (home, away), both from 1.

    The circle method, with the rounds, homes and aways of the tables in the FIDE Handbook (C.05,
    annex 1; R. Schurig, published by J. Berger in 1893). All entrants but the last stand on a
    circle. In each round one of them meets the last entrant. The others meet across the circle:
    the sum of the two is the same for all, modulo its length. If the sum is odd, the lower
    number is at home, else the higher one. Against the last entrant, the lower half is at home.

    An odd ``n`` has nobody in the last place, and the entrant who would meet them rests. Then
    everyone is at home and away in turn, without exception. With an even ``n``, everyone has at
    most one place where two matches running are both at home or both away.
    """
    last = n + n % 2
    circle = last - 1
    middle = _middle(n, number)
    if n % 2 == 0:
        yield (middle, last) if middle <= last // 2 else (last, middle)
    for k in range(1, last // 2):
        low, high = sorted(((middle + k - 1) % circle + 1, (middle - k - 1) % circle + 1))
        yield (low, high) if (low + high) % 2 else (high, low)


def _middle(n: int, number: int) -> int:
    """The entrant who meets the last one in a round of the table, or rests."""
    total = number + 1
    return (total if total % 2 == 0 else total + n + n % 2 - 1) // 2


def rounds(n: int, legs: int = 1) -> int:
    """The number of rounds of a round robin."""
    _check(n, legs)
    return legs * (n + n % 2 - 1)


def _table_round(n: int, legs: int, number: int) -> int:
    """The round of the Berger table that is played as round ``number``."""
    once = rounds(n)
    if legs == 2 and once > 1 and number in (once - 1, once):
        return 2 * once - 1 - number
    return (number - 1) % once + 1


def round_robin(n: int, legs: int = 1) -> Iterator[Fixture]:
    """A league of ``n`` entrants, round by round: each meets each other ``legs`` times (1 or 2).

    Home and away differ by at most one in a single round robin and are equal in a double one. The
    second leg repeats the first with home and away changed. The last two rounds of the first leg
    change places, as the FIDE Handbook advises, so that nobody is at home or away three times
    running.

    Lazy: one fixture takes about a microsecond. 1,024 entrants have 523,776 in a single round
    robin.
    """
    _check(n, legs)
    seeds = [Seed(i) for i in range(1, n + 1)]
    for number in range(1, rounds(n, legs) + 1):
        yield from _round(seeds, legs, number, Part.LEAGUE, "")


def _round(
    seeds: Sequence[Seed], legs: int, number: int, part: Part, group: str
) -> Iterator[Fixture]:
    n = len(seeds)
    prefix = f"{group or 'L'}{number}."
    second = number > rounds(n)
    for i, (a, b) in enumerate(berger(n, _table_round(n, legs, number)), 1):
        home, away = (b, a) if second else (a, b)
        yield Fixture(f"{prefix}{i}", part, number, seeds[home - 1], seeds[away - 1], group)


def swiss(n: int, rounds: int) -> Iterator[Fixture]:
    """The matches of a Swiss system. Who plays in them is known once their round is paired.

    With an odd ``n`` the last one of each round is a bye.
    """
    for number in range(1, rounds + 1):
        for i in range(1, n // 2 + 1):
            home, away = Paired(number, 2 * i - 1), Paired(number, 2 * i)
            yield Fixture(f"S{number}.{i}", Part.SWISS, number, home, away)
        if n % 2:
            yield Fixture(f"S{number}.{n // 2 + 1}", Part.SWISS, number, Paired(number, n), Bye())


class Group(NamedTuple):
    """A group's name and its entrants' places in the seeding, best first."""

    name: str
    seeds: tuple[int, ...]


def group_name(i: int) -> str:
    """The name of group ``i``, from 0: A to Z without K, then AA, AB and so on."""
    if i < len(GROUP_LETTERS):
        return GROUP_LETTERS[i]
    first, second = divmod(i - len(GROUP_LETTERS), len(GROUP_LETTERS))
    return GROUP_LETTERS[first] + GROUP_LETTERS[second]


def groups(n: int, count: int) -> tuple[Group, ...]:
    """``n`` entrants in ``count`` groups whose sizes differ by at most one, larger ones first.

    The seeding is dealt in a snake: to the groups in order, then in reverse order, and so on (the
    serpentine system; also in brackets-manager as "seed_optimized"). A group that has all its
    entrants is passed over. Raises ValueError unless every group has at least two.
    """
    if count < 1 or n < 2 * count:
        raise ValueError(f"{n} entrants do not fill {count} groups")
    size, larger = divmod(n, count)
    dealt: list[list[int]] = [[] for _ in range(count)]
    for row in range(size):
        seeds = range(row * count + 1, (row + 1) * count + 1)
        for group, seed in zip(dealt, seeds if row % 2 == 0 else reversed(seeds), strict=True):
            group.append(seed)
    rest = range(size * count + 1, n + 1)
    for i, seed in zip(range(larger), rest if size % 2 == 0 else reversed(rest), strict=True):
        dealt[i].append(seed)
    return tuple(Group(group_name(i), tuple(seeds)) for i, seeds in enumerate(dealt))


def group_fixtures(of: Sequence[Group], legs: int = 1) -> Iterator[Fixture]:
    """The round robins of all groups: every group's round 1, then every group's round 2, ..."""
    for number in range(1, max(rounds(len(group.seeds), legs) for group in of) + 1):
        for name, places in of:
            if number <= rounds(len(places), legs):
                seeds = [Seed(n) for n in places]
                yield from _round(seeds, legs, number, Part.GROUP, name)


def _check(n: int, legs: int) -> None:
    if n < 2 or legs not in (1, 2):
        raise ValueError(f"no round robin of {n} entrants in {legs} legs")
