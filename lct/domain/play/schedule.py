"""The queue of consoles: who plays where now and next, as a fold over the play's events.

The state holds only what events said: the calls, who has played when, and what the organiser took
back. ``call_next`` does the rest, and it depends on nothing else, so all workers agree.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from .matching import cheapest
from .slots import Ready

MOST_CONSOLES = 32


class Call(NamedTuple):
    """A match on a console; ``since`` is the number of matches finished before the call."""

    key: str
    home: str
    away: str
    since: int


class Turns(NamedTuple):
    """An entrant's games, and how many matches had finished when their last one had."""

    games: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class Queue:
    """What the events told about the consoles, in their order, and about who has played when."""

    consoles: Mapping[str, Call | None] = field(default_factory=dict)
    finished: int = 0
    turns: Mapping[str, Turns] = field(default_factory=dict)
    held: frozenset[str] = frozenset()  # taken back, and not to be called before a match finishes


def with_consoles(queue: Queue, names: Iterable[str]) -> Queue:
    """The queue with these consoles in this order; the match on a removed one is not called."""
    return replace(queue, consoles={name: queue.consoles.get(name) for name in names})


def finished(queue: Queue, key: str, home: str, away: str) -> Queue:
    """A match was played to its end, on a console or not."""
    count = queue.finished + 1
    turns = dict(queue.turns)
    for name in (home, away):
        turns[name] = Turns(turns.get(name, Turns()).games + 1, count)
    return replace(freed(queue, key), finished=count, turns=turns, held=frozenset())


def reopened(queue: Queue, home: str, away: str) -> Queue:
    """The result of a match that was played is gone: it does not count as a game."""
    turns = dict(queue.turns)
    for name in (home, away):
        turns[name] = turns[name]._replace(games=turns[name].games - 1)
    return replace(queue, turns=turns)


def freed(queue: Queue, key: str) -> Queue:
    """The match leaves its console, if it is on one, without a game: a walkover, a correction."""
    consoles = {
        name: None if call and call.key == key else call for name, call in queue.consoles.items()
    }
    return replace(queue, consoles=consoles)


def taken_back(queue: Queue, key: str) -> Queue:
    """The organiser takes a call back; the match is not called before another one finishes."""
    return replace(freed(queue, key), held=queue.held | {key})


def moved(queue: Queue, match: Ready, console: str) -> Queue:
    """The organiser puts a match on a console, from another one or from those ready.

    The match that was there changes places with it, or is ready again. The caller has checked
    that nobody in a match from those ready is ``busy``.
    """
    call, there = Call(match.key, match.home, match.away, queue.finished), queue.consoles[console]
    consoles = dict(queue.consoles)
    for name, other in queue.consoles.items():
        if other and other.key == match.key:
            call, consoles[name] = other, there
    consoles[console] = call
    return replace(queue, consoles=consoles, held=queue.held - {match.key})


def busy(queue: Queue) -> frozenset[str]:
    """Everyone who is on a console."""
    calls = [call for call in queue.consoles.values() if call]
    return frozenset([call.home for call in calls] + [call.away for call in calls])


def call_next(queue: Queue, ready: Sequence[Ready], paused: Collection[str] = ()) -> Queue:
    """The queue with a match on every free console for which one can be found.

    As many consoles as possible are filled. Which matches fill them, first to last:

    1. a match that more rounds wait for: the critical path first;
    2. the one with fewer people who were in the match that finished last;
    3. one that leaves nobody two games ahead of anyone who could play;
    4. the one with whoever has waited longest, then the one whose other side has;
    5. the order of the plan.

    The critical path comes first because it is the one order that ends a knockout soonest: for
    matches of equal length that meet in a tree it is optimal (T. C. Hu, "Parallel sequencing and
    assembly line problems", Operations Research 9, 1961). A league has no chains, so there the
    rest and the waiting decide. A paused player and a match taken back are passed over.
    """
    free = [name for name, call in queue.consoles.items() if call is None]
    if not free:
        return queue
    playing = busy(queue)
    away = playing | frozenset(paused)
    taken = queue.held | {call.key for call in queue.consoles.values() if call}
    able = [
        match
        for match in ready
        if match.home not in away and match.away not in away and match.key not in taken
    ]
    if len(able) < 2:
        chosen = able
    elif len(free) == 1:
        chosen = [min(able, key=_urgency(queue, ready, playing, paused))]
    else:
        chosen = _most(sorted(able, key=_urgency(queue, ready, playing, paused)), len(free))
    calls = [Call(match.key, match.home, match.away, queue.finished) for match in chosen]
    return replace(queue, consoles={**queue.consoles, **dict(zip(free, calls, strict=False))})


def _urgency(
    queue: Queue, ready: Sequence[Ready], playing: Collection[str], paused: Collection[str]
) -> Callable[[Ready], tuple[int, ...]]:
    """The order of calls: the smallest first. See ``call_next``."""
    finished, never = queue.finished, Turns()
    last: dict[str, int] = {}
    games: dict[str, int] = {}  # with the one on a console
    for name in {match.home for match in ready} | {match.away for match in ready}:
        turns = queue.turns.get(name, never)
        last[name], games[name] = turns.last, turns.games + (name in playing)
    fewest = min((count for name, count in games.items() if name not in paused), default=0)

    def urgency(match: Ready) -> tuple[int, ...]:
        home, away = last[match.home], last[match.away]
        tired = (home == finished) + (away == finished) if finished else 0
        uneven = games[match.home] > fewest or games[match.away] > fewest
        return (-match.ahead, tired, uneven, min(home, away), max(home, away), match.order)

    return urgency


def _most(matches: Sequence[Ready], consoles: int) -> list[Ready]:
    """As many matches as fit together on so many consoles, those first in the order preferred.

    Taking each in turn that still fits can leave people free who could all play: with A-B, A-C
    and B-D to play, A-B leaves C and D. Then each is taken only if enough of the others fit.
    """
    chosen: list[Ready] = []
    rest = matches
    while rest and len(chosen) < consoles:
        chosen.append(rest[0])
        rest = _apart(rest, rest[0])
    everyone = {name for match in matches for name in (match.home, match.away)}
    if len(chosen) == min(consoles, len(everyone) // 2):
        return chosen
    most = min(consoles, _fitting(matches))
    if len(chosen) == most:
        return chosen
    chosen, rest = [], matches
    while len(chosen) < most:
        match = next(m for m in rest if 1 + len(chosen) + _fitting(_apart(rest, m)) >= most)
        chosen.append(match)
        rest = _apart(rest, match)
    return chosen


def _apart(matches: Sequence[Ready], taken: Ready) -> list[Ready]:
    sides = taken.home, taken.away
    return [match for match in matches if match.home not in sides and match.away not in sides]


def _fitting(matches: Sequence[Ready]) -> int:
    """The most of these matches that can be played at the same time."""
    names = sorted({name for match in matches for name in (match.home, match.away)})
    number = {name: i for i, name in enumerate(names)}
    size = len(names) + len(names) % 2
    costs = [[1] * size for _ in range(size)]
    for match in matches:
        home, away = number[match.home], number[match.away]
        costs[home][away] = costs[away][home] = 0
    return sum(costs[i][j] == 0 for i, j in enumerate(cheapest(costs))) // 2


def coming(
    queue: Queue, ready: Sequence[Ready], paused: Collection[str] = ()
) -> Iterator[tuple[str, Call]]:
    """Each console with its next match, if matches finish in the order in which they were called.

    A console that has no next match, or none with both sides known, is left out.
    """
    known: set[str] = set()
    running = [(call.since, name) for name, call in queue.consoles.items() if call]
    on = {call.key for call in queue.consoles.values() if call}
    to_call = {match.key for match in ready if match.key not in on}
    for _, console in sorted(running, key=lambda pair: pair[0]):
        if not to_call:
            return
        ended = queue.consoles[console]
        assert ended is not None
        before = queue = finished(queue, ended.key, ended.home, ended.away)
        ready = [match for match in ready if match.key != ended.key]
        queue = call_next(queue, ready, paused)
        for name, call in queue.consoles.items():
            if call and call != before.consoles[name] and name not in known:
                known.add(name)
                to_call.discard(call.key)
                yield name, call
