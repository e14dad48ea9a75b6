"""Presence: the players whose phones are connected to this worker or to another one.

Each worker regularly publishes the full list of players connected to it (a `Present` message),
which replaces its previous one. So the next message makes up for a lost one, a player on two
workers is here until both drop them, and a dead worker's list expires after some seconds.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable

from ..application.messages import PRESENT_SECONDS, Present, merged
from .outbox import Outbox

SAY_AGAIN = 4.0  # seconds between two identical messages
SETTLING = 2.0
UNHEARD = 8.0  # a phone answers a ping every 5 s; one silent for this long is lost
ASLEEP = 600.0  # how long a sleeping phone counts as asleep after its socket closed


class Presence:
    """Who is here in one tournament, as far as one worker knows."""

    def __init__(self, code: str, worker: str) -> None:
        self._worker = worker
        self._since = time.monotonic()
        self._said = Present(code, worker, (), ())
        self._said_at = 0.0
        self._others: dict[str, tuple[Present, float]] = {}  # worker -> (last message, heard at)
        self._dozing: dict[str, float] = {}  # sleeping players without a socket -> expiry
        self._polling: dict[str, float] = {}  # players who poll by HTTP -> expiry
        self._asked = 0.0  # until when the last poll by HTTP counts as a screen

    @property
    def needed(self) -> bool:
        """Whether anybody without a socket counts here."""
        return bool(self._dozing or self._polling) or time.monotonic() < self._asked

    # --- this worker's own --------------------------------------------------------------------

    def left(self, box: Outbox) -> None:
        """A socket has closed; a phone that was asleep stays asleep."""
        if box.asleep:
            self._dozing |= dict.fromkeys(box.seats, time.monotonic() + ASLEEP)

    def polled(self, *seats: str) -> None:
        """A screen polled by HTTP: the phone of these players, or nobody's."""
        self._asked = time.monotonic() + PRESENT_SECONDS
        self._polling |= dict.fromkeys(seats, self._asked)

    def dozes(self, seats: Collection[str], boxes: Iterable[Outbox]) -> None:
        """The phone of these players, without a websocket, reports that it sleeps. Its event stream
        here, if any, is about to end and must not count as a lost phone."""
        for player_id in seats:
            self._polling.pop(player_id, None)
        self._dozing |= dict.fromkeys(seats, time.monotonic() + ASLEEP)
        for box in boxes:
            if box.way == "sse" and not set(seats).isdisjoint(box.seats):
                box.asleep = True

    def say(self, boxes: Iterable[Outbox]) -> Present | None:
        """The message to publish now, or None."""
        clock = time.monotonic()
        self._polling = {p: until for p, until in self._polling.items() if until > clock}
        here, asleep = set(self._polling), set[str]()
        for box in boxes:
            if box.seats and box.answers(clock, UNHEARD):
                (asleep if box.asleep else here).update(box.seats)
        self._dozing = {
            p: until
            for p, until in self._dozing.items()
            if until > clock and p not in here and p not in asleep
        }
        asleep = (asleep | self._dozing.keys()) - here
        word = Present(self._said.code, self._worker, tuple(sorted(here)), tuple(sorted(asleep)))
        nobody = not (here or asleep)
        if word == self._said and (nobody or clock - self._said_at < SAY_AGAIN):
            return None
        self._said, self._said_at = word, clock
        return word

    # --- everyone's ---------------------------------------------------------------------------

    def hear(self, word: Present, stored: bool = False) -> None:
        """Apply another worker's message; ``stored``: an earlier one, read from Redis.

        Only its changes override what this worker knows of a phone: the other worker keeps listing
        a phone for a while after its last poll.
        """
        if word.worker == self._worker:
            return
        if word.worker in self._others or not stored:
            before, _ = self._others.get(word.worker, (Present(word.code, word.worker, (), ()), 0))
            for player_id in set(word.here) - set(before.here):
                self._dozing.pop(player_id, None)  # woke up there
            for player_id in set(word.asleep) - set(before.asleep):
                self._polling.pop(player_id, None)  # fell asleep there
        if word.here or word.asleep:
            self._others[word.worker] = (word, time.monotonic())
        else:
            self._others.pop(word.worker, None)

    def now(self, deaf: bool) -> dict[str, str] | None:
        """Player -> here or asleep; None in the first seconds, before all workers have been heard.
        While this worker is cut off from the bus (``deaf``), the others' last messages stay valid:
        a Redis outage makes nobody leave."""
        clock = time.monotonic()
        if clock - self._since < SETTLING:
            return None
        if deaf:
            self._others = {w: (word, clock) for w, (word, _) in self._others.items()}
        else:
            old = clock - PRESENT_SECONDS
            self._others = {w: said for w, said in self._others.items() if said[1] > old}
        return merged([self._said, *(word for word, _ in self._others.values())])
