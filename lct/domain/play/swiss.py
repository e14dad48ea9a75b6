"""Swiss pairing: who meets whom in the next round, and who rests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .swiss_plan import Met, Plan, plan


class Ranked(NamedTuple):
    """An entrant and their points so far; a bye has counted as a win."""

    entrant: str
    points: int


class Pair(NamedTuple):
    """Two who meet; ``rematch`` if they have met before, which no pairing could avoid."""

    home: str
    away: str
    rematch: bool


class Round(NamedTuple):
    """The pairs of a round, the best ranked first, and who has a bye."""

    pairs: tuple[Pair, ...]
    bye: str | None


def usual_rounds(n: int) -> int:
    """The rounds after which at most one of n entrants has won them all: log2 n, rounded up."""
    return max(0, n - 1).bit_length()


def most_rounds(n: int) -> int:
    """The most rounds that n entrants can play without a rematch or a second bye.

    With an even number each has n - 1 opponents; with an odd number each also rests once.
    """
    return n - 1 + n % 2 if n > 1 else 0


def pair(
    ranking: Sequence[Ranked],
    played: Iterable[tuple[str, str]],
    byes: Iterable[str] = (),
    rounds_after: int = 0,
) -> Round:
    """The next round: no rematch while a pairing of the whole round without one exists.

    ``ranking`` holds those who play on, the best first. ``played`` holds every match so far as
    (home, away) and ``byes`` everyone who rested, once for each time; both may name people who
    left. ``rounds_after`` counts the rounds to come after this one.

    A rule decides where the rules before it leave a choice:

    1. If the number is odd, somebody with the fewest byes rests.
    2. There are as few rematches as possible, between pairs that met least often.
    3. Up to eight entrants: as many later rounds as possible can be played without a rematch.
    4. The lowest ranked rests.
    5. The sum of the squared differences in points is the smallest: few leave their score group,
       and they do not go far.
    6. The round is nearest to the usual pairing. There, the top half of each score group meets
       the bottom half in order; if the group is odd, its last meets the first of the next one.
    7. In each pair, the one with the smaller surplus of home over away matches is at home.

    Rules 1 to 4 hold exactly for any number of entrants, 5 and 6 for up to 255: a longer ranking
    is paired in runs (``swiss_plan``).

    Sources: the bye, the score groups and their halves are those of the FIDE Dutch System (FIDE
    Handbook C.04.3). Weighing whole rounds by a matching is by S. Olafsson, "Weighted matching in
    chess tournaments", Journal of the Operational Research Society 41 (1990).
    """
    names = [ranked.entrant for ranked in ranking]
    points = [ranked.points for ranked in ranking]
    place = {name: i for i, name in enumerate(names)}
    matches = list(played)
    met = Counter(
        (min(place[a], place[b]), max(place[a], place[b]))
        for a, b in matches
        if a in place and b in place
    )
    rested = Counter(byes)
    rests = [rested[name] for name in names]
    return _named(plan(points, met, rests, rounds_after), names, met, matches)


def _named(
    chosen: Plan, names: Sequence[str], met: Met, matches: Iterable[tuple[str, str]]
) -> Round:
    """The plan with names, and the home side of each pair chosen."""
    surplus: Counter[str] = Counter()  # matches at home less matches away
    for home, away in matches:
        surplus[home] += 1
        surplus[away] -= 1
    pairs = []
    for board, (i, j) in enumerate(chosen.pairs):
        upper, lower = names[i], names[j]
        more = surplus[upper] - surplus[lower]
        # Level pairs take turns: else all winners of round 1 would be due away in round 2.
        stays = board % 2 == 0 if more == 0 else more < 0
        pairs.append(Pair(*((upper, lower) if stays else (lower, upper)), (i, j) in met))
    return Round(tuple(pairs), None if chosen.bye is None else names[chosen.bye])
