"""The plan of a Swiss round, by places in the ranking. The rules are those of ``swiss.pair``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain, combinations, groupby
from typing import NamedTuple

from .matching import cheapest

# Up to this many entrants every round is tried, at most 105 of them.
LOOK_AHEAD = 8
# A longer ranking is paired in runs of at least this many entrants.
RUN = 128

# Two places in the ranking, from 0; the upper one comes first.
Both = tuple[int, int]
Met = Mapping[Both, int]  # how often a pair has met


class Plan(NamedTuple):
    """Who meets whom and who rests, the highest pair first."""

    pairs: tuple[Both, ...]
    bye: int | None


class _Toll(NamedTuple):
    """What a pair costs. The parts are summed over a round, and the sums compared in order."""

    rematch: int
    again: int  # how often they met
    apart: int  # squared difference in points
    astray: int  # distance from the usual pairing


def plan(points: Sequence[int], met: Met, rests: Sequence[int], after: int) -> Plan:
    """The round by rules 1 to 6, with ``after`` rounds to come."""
    if len(points) < 2:
        return Plan((), 0 if points else None)
    if after and len(points) <= LOOK_AHEAD:
        return _far_sighted(points, met, rests, after)
    bye = _bye(met, rests) if len(points) % 2 else None
    return Plan(_pairs(points, met, [i for i in range(len(points)) if i != bye]), bye)


def _bye(met: Met, rests: Sequence[int]) -> int:
    """Who rests, by rules 1, 2 and 4: the partner of a vertex that stands for the rest."""
    n, fewest = len(rests), min(rests)
    if n - 1 >= _enough(met):
        return max(i for i in range(n) if rests[i] == fewest)
    again = n
    rematch = again * n * (max(met.values(), default=0) + 1)
    second_bye = rematch * n
    costs = [[0] * (n + 1) for _ in range(n + 1)]
    for (i, j), times in met.items():
        costs[i][j] = costs[j][i] = rematch + again * times
    for i in range(n):
        costs[i][n] = costs[n][i] = second_bye * (rests[i] - fewest) + n - 1 - i
    return cheapest(costs)[n]


def _enough(met: Met) -> int:
    """An even number such that any so many entrants, or more, have a round without a rematch.

    A graph of s vertices, each with at least s / 2 neighbours, has a Hamiltonian cycle (G. A.
    Dirac, 1952), so for an even s a perfect matching. Here a vertex has s - 1 neighbours less
    the opponents met.
    """
    opponents = Counter(chain.from_iterable(met))
    return 2 * max(opponents.values(), default=0) + 2


def _usual(points: Sequence[int], places: Sequence[int]) -> tuple[list[Both], dict[int, int]]:
    """The usual pairing of rule 6, and how many pairs of it lie inside each score group.

    As points fall from place to place, no pairing has a smaller sum of squared differences.
    """
    pairs: list[Both] = []
    inside: dict[int, int] = {}
    floating: int | None = None
    for score, members in groupby(places, points.__getitem__):
        group = list(members)
        if floating is not None:
            pairs.append((floating, group.pop(0)))
        floating = group.pop() if len(group) % 2 else None
        half = inside[score] = len(group) // 2
        pairs.extend(zip(group[:half], group[half:], strict=True))
    return pairs, inside


def _toll(points: Sequence[int], met: Met, places: Sequence[int]) -> Callable[[Both], _Toll]:
    """What pairs cost by rules 2, 5 and 6 when exactly ``places`` play."""
    _, inside = _usual(points, places)
    at = {i: position for position, i in enumerate(places)}

    def toll(both: Both) -> _Toll:
        i, j = both
        times, apart, steps = met.get(both, 0), points[i] - points[j], at[j] - at[i]
        astray = steps - 1 if apart else abs(steps - inside[points[i]])
        return _Toll(int(times > 0), times, apart**2, astray)

    return toll


def _pairs(points: Sequence[int], met: Met, places: Sequence[int]) -> tuple[Both, ...]:
    """The pairs of an even number of places, by rules 2, 5 and 6."""
    toll = _toll(points, met, places)
    pairs: list[Both] = []
    for run in _runs(met, _usual(points, places)[0]):
        # One number for a toll: each part outweighs all that a round can cost in the parts after.
        many = len(run) // 2
        apart = many * len(places)
        again = apart * (many * (points[run[0]] - points[run[-1]]) ** 2 + 1)
        rematch = again * (many * max(met.values(), default=0) + 1)
        costs = [[0] * len(run) for _ in run]
        for (a, i), (b, j) in combinations(enumerate(run), 2):
            t = toll((i, j))
            costs[a][b] = costs[b][a] = (
                t.rematch * rematch + t.again * again + t.apart * apart + t.astray
            )
        pairs.extend((run[a], run[b]) for a, b in enumerate(cheapest(costs)) if a < b)
    return tuple(sorted(pairs))


def _runs(met: Met, usual: Sequence[Both]) -> Iterator[list[int]]:
    """The places that are paired among themselves: all, or runs of the usual pairing.

    A matching of a thousand at once is too slow. Any run is long enough to be paired without a
    rematch, whatever its members have played.
    """
    runs = max(1, 2 * len(usual) // max(RUN, _enough(met)))
    for run in range(runs):
        part = usual[len(usual) * run // runs : len(usual) * (run + 1) // runs]
        yield sorted(chain.from_iterable(part))


def _far_sighted(points: Sequence[int], met: Met, rests: Sequence[int], after: int) -> Plan:
    """The best of all rounds by rules 1 to 6. The rest is a place too, after the last."""
    n = len(points)
    places = range(n + n % 2)
    every = {(i, j) for i, j in combinations(places, 2) if j < n or rests[i] == min(rests)}
    rounds = []
    for matching in _matchings(places, every):
        pairs = tuple(both for both in matching if both[1] < n)
        bye = next((i for i, j in matching if j == n), None)
        toll = _toll(points, met, [i for i in range(n) if i != bye])
        costs = [sum(part) for part in zip(_Toll(0, 0, 0, 0), *map(toll, pairs), strict=True)]
        rounds.append((costs[:2], -(bye or 0), costs[2:], pairs, matching))
    rounds.sort()
    best, most = rounds[0], -1
    for candidate in rounds:
        if candidate[0] > best[0] or most == after:
            break
        ahead = _playable(places, every - met.keys() - set(candidate[4]), after)
        if ahead > most:
            best, most = candidate, ahead
    return Plan(best[3], -best[1] if n % 2 else None)


def _playable(places: Sequence[int], free: AbstractSet[Both], rounds: int) -> int:
    """How many rounds, up to ``rounds``, can be made of different pairs in ``free``.

    Their order does not matter, so the first place meets lower and lower opponents.
    """
    most = 0
    for matching in _matchings(places, free) if rounds else ():
        higher = {(i, j) for i, j in free if i == places[0] and (i, j) < matching[0]}
        most = max(most, 1 + _playable(places, free - set(matching) - higher, rounds - 1))
        if most == rounds:
            break
    return most


def _matchings(places: Sequence[int], free: AbstractSet[Both]) -> Iterator[tuple[Both, ...]]:
    """Every way to put all places into pairs that are in ``free``."""
    if not places:
        yield ()
        return
    first, *others = places
    for other in others:
        if (first, other) in free:
            for more in _matchings([i for i in others if i != other], free):
                yield ((first, other), *more)
