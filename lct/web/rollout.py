"""Whether this worker is about to be replaced, as far as it has heard on the bus."""

from __future__ import annotations

import time

from ..application.messages import Revision

GOING_SECONDS = 60.0  # between two workers that leave, in a rollout that goes on


class Rollout:
    """A screen shall not move to a worker that is to go next: so a worker takes none while others
    of its own revision leave and another revision was the last to begin. What is not heard costs a
    screen one more move."""

    def __init__(self, revision: str) -> None:
        self._revision = self._last = revision
        self._until = 0.0

    def heard(self, word: Revision) -> None:
        if not word.leaving:
            self._last = word.revision
        elif word.revision == self._revision != self._last:
            self._until = time.monotonic() + GOING_SECONDS

    def is_next(self) -> bool:
        """Whether this worker is to go soon, and another one is there to take its screens."""
        return self._last != self._revision and time.monotonic() < self._until
