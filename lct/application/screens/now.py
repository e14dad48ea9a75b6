"""The matches that are on now, next and just in."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice

from ...domain.play.schedule import Call, coming
from .matches import Shower, ShownMatch
from .region import Scene


def on_now(s: Scene) -> dict[str, ShownMatch]:
    """The consoles in use, in their order, with their matches."""
    shower, play = s.once(Shower), s.t.play
    calls = play.queue.consoles.items()
    matches = play.competition.matches
    return {name: shower.match(matches[call.key]) for name, call in calls if call}


def up_next(s: Scene) -> tuple[ShownMatch, ...]:
    """The two matches that come after those on now, as far as it is known."""
    shower, play = s.once(Shower), s.t.play
    calls = islice(s.once(Coming), 2)
    return tuple(shower.match(play.competition.matches[call.key]) for _, call in calls)


def next_keys(s: Scene) -> frozenset[str]:
    """The keys of those two."""
    return frozenset(call.key for _, call in islice(s.once(Coming), 2))


class Coming:
    """Consoles and the matches that they take next, as far as it is known. They are worked out one
    by one, when they are asked for: each depends on those before."""

    def __init__(self, s: Scene) -> None:
        self._rest = coming(s.t.play.queue, s.t.play.nearest())
        self._known: list[tuple[str, Call]] = []

    def __iter__(self) -> Iterator[tuple[str, Call]]:
        for place in count():
            if place == len(self._known):
                self._known += islice(self._rest, 1)
            if place == len(self._known):
                return
            yield self._known[place]


def just_in(s: Scene) -> ShownMatch | None:
    shower = s.once(Shower)
    return shower.match(s.t.play.competition.matches[shower.newest]) if shower.newest else None
