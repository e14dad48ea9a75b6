"""One command, left to right: load, decide, append, publish."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar

from .. import this_request
from ..domain.drawing import next_step
from ..domain.errors import Busy, LctError
from ..domain.fact import Command, Event, Touched
from ..domain.play.pairing import due
from ..domain.tournament import Tournament

log = logging.getLogger(__name__)

PATIENCE = 2.0  # seconds that a command retries after lost races for its place in the stream
NOBODY: Mapping[str, str] = MappingProxyType({})
FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.2  # seconds: upper bounds of the random back-off


class SeqTaken(Exception):
    """Another writer was first at this place in the stream."""


class CommandRepeated(Exception):
    """A command with this id is already stored, in the stream ``code``."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class KnownStream(Protocol):
    """One tournament as this worker knows it: its state after ``seq`` events."""

    tournament: Tournament
    seq: int
    at: datetime  # of the last event
    lock: threading.Lock

    def touched_since(self, seq: int) -> list[Touched | None]: ...


S = TypeVar("S", bound=KnownStream)


class Store(Protocol[S]):
    """The part of the event store (infrastructure/event_store.py) that execution needs."""

    def stream(self, code: str) -> S: ...
    def new_stream(self, code: str) -> S: ...
    def catch_up(self, stream: S, certain: bool = False) -> int: ...
    def append(self, stream: S, seq: int, event: Event, command: Command, at: datetime) -> None: ...
    def stream_of_command(self, command_id: str) -> str | None: ...
    def deadline(self) -> AbstractContextManager[None]: ...


@dataclass(frozen=True)
class Execute(Generic[S]):
    """Runs commands, then calls each of ``told`` with (code, seq); these must not raise."""

    store: Store[S]
    told: Sequence[Callable[[str, int], None]]
    now: Callable[[], datetime]

    def __call__(self, command: Command) -> Tournament:
        """The tournament after the command; raises the domain's refusal, or Unavailable.

        An event is decided on this worker's cached state, because the insert checks that it is
        current. A refusal, or "nothing to do", is checked against newer events in the store.
        One deadline covers the wait for other commands and all store operations.
        A command whose client has gone meanwhile is not started (ClientGone).
        """
        with self.store.deadline():
            t = self._execute(command)
        self.follow_up(t)
        return t

    def follow_up(self, t: Tournament, presence: Mapping[str, str] = NOBODY) -> None:
        """Run what the system has to do now, if anything; a deadline or a client that has gone does
        not keep it from that. If it fails, it is left to a later command or page. ``presence``: as
        in CloseShares."""
        while command := next_step(t, self.now(), presence) or due(t):
            before = t.seq
            this_request.carried(partial(self._follow_up, command))()
            if t.seq == before:
                return

    def _follow_up(self, command: Command) -> None:
        try:
            with self.store.deadline():
                self._execute(command)
        except LctError:
            extra = {"labels.tournament": command.code}
            log.warning("follow-up failed", extra=extra, exc_info=True)

    def _execute(self, command: Command) -> Tournament:
        find = self.store.new_stream if command.creates else self.store.stream
        stream = find(command.code)
        deadline = time.monotonic() + PATIENCE
        # Commands on one stream take turns in this worker, but do not wait long behind one whose
        # store does not answer.
        if not stream.lock.acquire(timeout=this_request.left(PATIENCE)):
            raise Busy
        try:
            self._decide_and_append(stream, command, deadline)
        except CommandRepeated as repeated:
            if command.creates:
                raise
            self.store.catch_up(stream)
            log.info("command repeated", extra={"labels.tournament": repeated.code})
        finally:
            stream.lock.release()
        # Publish even if there was nothing to do: an earlier try may have been stored without an
        # acknowledgement, and so without being published.
        for tell in self.told:
            tell(command.code, stream.seq)
        return stream.tournament

    def _decide_and_append(self, stream: S, command: Command, deadline: float) -> None:
        lost = 0
        while True:
            this_request.check()  # never after append: a stored event must be published
            place = stream.seq + 1  # read before deciding: a reader may advance it meanwhile
            try:
                now = max(self.now(), stream.at)  # the history never runs backwards
                event = command.event_on(stream.tournament, now)
            except LctError:
                if self.store.catch_up(stream):
                    continue
                command_id = command.command_id
                if command_id and (code := self.store.stream_of_command(command_id)):
                    raise CommandRepeated(code) from None
                raise
            if event is None:
                if self.store.catch_up(stream):
                    continue
                return
            try:
                self.store.append(stream, place, event, command, max(self.now(), stream.at))
            except SeqTaken:
                if time.monotonic() > deadline:
                    raise Busy from None
                # Spread the retries: simultaneous ones would outdate each other's decisions.
                lost += 1
                time.sleep(random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**lost)))
                self.store.catch_up(stream, certain=True)
                continue
            return
