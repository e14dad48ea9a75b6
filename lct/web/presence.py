"""Who is here: the players whose phones are connected, to this worker or to another one.

Each worker says now and then who is connected to it (a `Present` message), all of them in one,
in place of what it said before. So a lost message heals by itself, a player on two workers is
there until both have let go, and a worker that died is no longer believed after some seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from ..application.messages import PRESENT_SECONDS, Present, merged
from .outbox import Outbox

SAY_AGAIN = 4.0  # seconds between two messages that say the same
SETTLING = 2.0
UNHEARD = 8.0  # a phone answers a ping every 5 s; one that has not for so long is lost
ASLEEP = 600.0  # how long a phone counts as asleep whose socket its browser closed for that


class Presence:
    """Who is here in one tournament, as far as one worker knows."""

    def __init__(self, code: str, worker: str) -> None:
        self._worker = worker
        self._since = time.monotonic()
        self._said = Present(code, worker, (), ())
        self._said_at = 0.0
        self._others: dict[str, tuple[Present, float]] = {}  # worker -> (its word, heard at)
        self._dozing: dict[str, float] = {}  # players without a socket who sleep -> until when
        self._polling: dict[str, float] = {}  # players who ask by HTTP -> until when they count
        self._asked = 0.0  # until when somebody counts as watching who asks by HTTP

    @property
    def needed(self) -> bool:
        """Whether somebody counts here who has no socket."""
        return bool(self._dozing or self._polling) or time.monotonic() < self._asked

    # --- this worker's own --------------------------------------------------------------------

    def left(self, box: Outbox) -> None:
        """A socket is gone; a phone that was asleep by then goes on sleeping."""
        if box.asleep and box.player_id:
            self._dozing[box.player_id] = time.monotonic() + ASLEEP

    def polled(self, player_id: str | None) -> None:
        """A screen asked by HTTP; a player's phone, if it is one."""
        self._asked = time.monotonic() + PRESENT_SECONDS
        if player_id:
            self._polling[player_id] = self._asked

    def dozes(self, player_id: str, boxes: Iterable[Outbox]) -> None:
        """A phone without a websocket says that it sleeps. Its event stream, if it has one here,
        ends in a moment, and is not to be taken for a phone that was lost."""
        self._polling.pop(player_id, None)
        self._dozing[player_id] = time.monotonic() + ASLEEP
        for box in boxes:
            if box.player_id == player_id and box.way == "sse":
                box.asleep = True

    def say(self, boxes: Iterable[Outbox]) -> Present | None:
        """What is to be told to the others now, if anything."""
        clock = time.monotonic()
        self._polling = {p: until for p, until in self._polling.items() if until > clock}
        here, asleep = set(self._polling), set[str]()
        for box in boxes:
            if box.player_id and box.answers(clock, UNHEARD):
                (asleep if box.asleep else here).add(box.player_id)
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
        """Take in what another worker says, or has said before (``stored``).

        Only what is new in it says something of a phone that was heard of here: a worker goes on
        counting for a while on one that has asked it by HTTP.
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
        """Player -> here or asleep; None in the first seconds, before everybody has been heard.
        While this worker is ``deaf`` to the bus, the others' last word goes on counting: nobody
        leaves because Redis did."""
        clock = time.monotonic()
        if clock - self._since < SETTLING:
            return None
        if deaf:
            self._others = {w: (word, clock) for w, (word, _) in self._others.items()}
        else:
            old = clock - PRESENT_SECONDS
            self._others = {w: said for w, said in self._others.items() if said[1] > old}
        return merged([self._said, *(word for word, _ in self._others.values())])
