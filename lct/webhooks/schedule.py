"""Schedules deliveries to webhooks, so that they never delay a tap.

A worker knows which tournaments have webhooks: it hears of new ones on the bus, and regularly
lists all of them. A tap in one of these only leaves the code here; a tap in any other leaves
nothing. The sweep finds whatever all workers missed (one was killed, the store or the bus was
away).
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable

import gevent
from gevent.event import Event
from gevent.pool import Pool

from ..domain.errors import LctError
from ..infrastructure.documents import WebhookDocument
from ..infrastructure.stored_events import places_taken
from .deliver import Delivery

log = logging.getLogger(__name__)

SWEEP = 30.0  # seconds
AGAIN = 1.0  # seconds until the next look at a webhook that is being delivered to
AT_ONCE = 8  # deliveries of a worker
LAST = 1.0  # seconds that a stopping worker gives to the messages that it is sending


class Courier:
    """One per worker."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self._with: set[str] = set()  # tournaments with webhooks, by the last sweep ...
        self._new: set[str] = set()  # ... and those whose first one may have come since
        self._due: dict[str, float] = {}  # tournament -> when to look at it (monotonic)
        self._bell = Event()
        self._pool = Pool(AT_ONCE)
        self._at: set[str] = set()  # the webhooks that this worker is delivering to
        self._alive: Callable[[], bool] = lambda: True

    def wake(self, code: str, seq: int = 0) -> None:
        """Something happened in the tournament. A tap does only this; the rest is done later."""
        if code in self._with or code in self._new:
            self._due[code] = 0.0
            self._bell.set()

    def added(self, code: str) -> None:
        """The tournament has a new webhook, whichever worker added it."""
        self._new.add(code)
        self.wake(code)

    def start(self, alive: Callable[[], bool]) -> None:
        """Deliver until ``alive()`` is false."""
        self._alive = alive
        gevent.spawn(self._run)

    def drained(self) -> None:
        """Wait a moment for messages being sent; one that is cut off is sent again later."""
        self._pool.join(timeout=LAST)

    def _run(self) -> None:
        sweep = 0.0  # at once: until then no webhook is known
        while self._alive():
            try:
                if time.monotonic() > sweep:
                    sweep = time.monotonic() + SWEEP * random.uniform(0.8, 1)  # not all at once
                    self.sweep()
                self.look()
            except LctError:
                pass  # already logged; the sweep finds what this has missed
            except Exception:
                log.exception("webhooks failed", extra={"labels.error_kind": "service"})
            self._bell.wait(0.5)
            self._bell.clear()

    def look(self) -> None:
        """Start deliveries to the webhooks that are due, tournaments with new events first, until
        AT_ONCE are running."""
        clock = time.monotonic()
        due = {code: at for code, at in self._due.items() if at <= clock}
        for code in sorted(due, key=due.__getitem__):
            if self._pool.full():
                return  # the bell rings when a delivery has ended
            del self._due[code]
            for hook in self.delivery.hooks.of(code):
                self._begin(hook)

    def sweep(self) -> None:
        """Learn which tournaments have webhooks, and which of these have something to be sent.
        Two queries to the store, however many there are."""
        new = set(self._new)
        hooks = self.delivery.hooks.all()
        self._with = {hook.stream for hook in hooks}
        self._new -= new
        # From here on wake() takes taps, so no event falls between them and the query below.
        on = [hook for hook in hooks if not hook.failed]
        behind = places_taken(self.delivery.store, {(h.stream, h.seq + 1) for h in on})
        for hook in on:
            if hook.tries:
                self._later(hook, self._pause(hook))
            elif hook.draw or (hook.stream, hook.seq + 1) in behind:
                self._later(hook, 0)

    def _begin(self, hook: WebhookDocument) -> None:
        if hook.failed:
            return
        if (seconds := self._pause(hook)) > 0:
            self._later(hook, seconds)
        elif hook.id in self._at or hook.lease > self.delivery.ms() or self._pool.full():
            self._later(hook, AGAIN)  # the current delivery may have looked before this event
        else:
            self._at.add(hook.id)
            self._pool.spawn(self._deliver, hook)

    def _deliver(self, hook: WebhookDocument) -> None:
        try:
            seconds = self.delivery(hook, self._alive)
            if seconds is not None:
                self._later(hook, seconds)
        except LctError:
            pass  # already logged; the sweep finds it once the lease is over
        except Exception:
            log.exception("webhook failed", extra={"labels.tournament": hook.stream})
        finally:
            self._at.discard(hook.id)
            self._bell.set()

    def _pause(self, hook: WebhookDocument) -> float:
        """Seconds until it may be tried again; 0 if at once."""
        return max(0, hook.next_at - self.delivery.ms()) / 1000 if hook.tries else 0

    def _later(self, hook: WebhookDocument, seconds: float) -> None:
        at = time.monotonic() + seconds
        self._due[hook.stream] = min(at, self._due.get(hook.stream, at))
