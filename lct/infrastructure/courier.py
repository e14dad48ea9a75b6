"""When which webhook is looked at, so that none of it is ever in a tap's way.

A tap only leaves the tournament's code here. What no worker has in its ear (one was killed, the
store was away) the sweep finds.
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
from .archive import stored_at
from .delivery import Delivery
from .webhooks import Hook

log = logging.getLogger(__name__)

SWEEP = 30.0  # seconds
AGAIN = 1.0  # seconds until the next look at a webhook that somebody is at
AT_ONCE = 8  # webhooks of a worker; fewer than gevent has threads for looking up names (10)


class Courier:
    """One a worker."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self._due: dict[str, float] = {}  # tournament -> when to look at it (monotonic)
        self._bell = Event()
        self._pool = Pool(AT_ONCE)
        self._at: set[str] = set()  # the webhooks that this worker is at

    def wake(self, code: str) -> None:
        """Something happened in the tournament. Costs a tap nothing: all else is done later."""
        self._due[code] = 0.0
        self._bell.set()

    def start(self, alive: Callable[[], bool]) -> None:
        """Deliver until ``alive`` says no."""
        gevent.spawn(self._run, alive)

    def _run(self, alive: Callable[[], bool]) -> None:
        sweep = time.monotonic() + random.uniform(0, SWEEP)  # not all workers at once
        while alive():
            self._bell.wait(0.5)
            self._bell.clear()
            try:
                self.look()
                if time.monotonic() > sweep:
                    sweep = time.monotonic() + SWEEP
                    self.sweep()
            except LctError:
                pass  # told in the log; the sweep finds what this has missed
            except Exception:
                log.exception("webhooks failed", extra={"labels.error_kind": "service"})

    def look(self) -> None:
        """Begin with the webhooks of tournaments in which something happened."""
        clock = time.monotonic()
        for code in [code for code, at in self._due.items() if at <= clock]:
            del self._due[code]
            for hook in self.delivery.hooks.of(code):
                self._begin(hook)

    def sweep(self) -> None:
        """Begin with every webhook that has something to be told."""
        for hook in self.delivery.hooks.all():
            waiting = hook.failed or hook.tries or hook.draw
            if waiting or stored_at(self.delivery.store, hook.stream, hook.seq + 1):
                self._begin(hook)
            gevent.sleep(0)

    def _begin(self, hook: Hook) -> None:
        now = self.delivery.ms()
        if hook.failed:
            return
        if hook.tries and hook.next_at > now:
            self._later(hook, (hook.next_at - now) / 1000)
        elif hook.place in self._at or hook.lease > now:
            self._later(hook, AGAIN)  # whoever is at it may have looked before this
        else:
            self._at.add(hook.place)
            self._pool.spawn(self._deliver, hook)  # waits while all are busy

    def _deliver(self, hook: Hook) -> None:
        try:
            seconds = self.delivery(hook)
            if seconds is not None:
                self._later(hook, seconds)
        except LctError:
            pass  # told in the log; once the lease is over the sweep finds it
        except Exception:
            log.exception("webhook failed", extra={"labels.tournament": hook.stream})
        finally:
            self._at.discard(hook.place)

    def _later(self, hook: Hook, seconds: float) -> None:
        at = time.monotonic() + seconds
        self._due[hook.stream] = min(at, self._due.get(hook.stream, at))
