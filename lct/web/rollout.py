"""Whether this worker is about to be replaced, judging by the bus."""

from __future__ import annotations

import time

from ..application.messages import Revision

GOING_SECONDS = 60.0  # at most, between two leaving workers of one rollout


class Rollout:
    """Keeps screens from moving to a worker that is replaced next: a worker takes none while others
    of its own revision leave and the last one to start had another revision. A missed message
    costs a screen one more move."""

    def __init__(self, revision: str) -> None:
        self._revision = self._last = revision
        self._until = 0.0

    def heard(self, word: Revision) -> None:
        if not word.leaving:
            self._last = word.revision
        elif word.revision == self._revision != self._last:
            self._until = time.monotonic() + GOING_SECONDS

    def is_next(self) -> bool:
        """Whether this worker is about to be replaced, and another one can take its screens."""
        return self._last != self._revision and time.monotonic() < self._until
