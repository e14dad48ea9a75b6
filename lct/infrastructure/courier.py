"""Delivering to webhooks: in order, at least once, by one worker at a time, never in a tap's way.

A tap only leaves the tournament's code here. What no worker has in its ear (one was killed, the
store was away) the sweep finds. How far a webhook is lies in the store, so nothing is lost with a
worker; a message whose receipt it could not note any more is sent again, with the same id.
"""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import urlsplit

import gevent
from gevent.event import Event
from gevent.pool import Pool

from ..application import webhooks
from ..domain.errors import LctError, NotTheOrganiser, UnknownTournament
from .archive import stored_at
from .event_store import EventStore
from .outgoing import PRIVATE, NotSent
from .webhooks import Hook, Webhooks

log = logging.getLogger(__name__)

SWEEP = 30.0  # seconds
LEASE = 20_000  # ms; longer than one try and its receipt may take
AGAIN = 1.0  # seconds until a look at a webhook that somebody is at
AT_ONCE = 20  # webhooks of a worker

Post = Callable[[str, Mapping[str, str], bytes], int]  # the answer's status, or NotSent


class Courier:
    """``secret`` is the installation's; ``now`` the clock that all workers share; ``count`` one
    of lct_webhooks' outcomes."""

    def __init__(
        self,
        store: EventStore,
        hooks: Webhooks,
        post: Post,
        secret: bytes,
        now: Callable[[], datetime],
        count: Callable[[str], None],
    ) -> None:
        self._store, self._hooks, self._post = store, hooks, post
        self._secret, self._now, self._count = secret, now, count
        self._worker = uuid.uuid4().hex
        self._due: dict[str, float] = {}  # tournament -> when to look at it (monotonic)
        self._bell = Event()
        self._pool = Pool(AT_ONCE)
        self._at: set[str] = set()  # the webhooks that this worker is at
        self._alive: Callable[[], bool] = lambda: True

    def wake(self, code: str) -> None:
        """Something happened in the tournament. Costs a tap nothing: all else is done later."""
        self._due[code] = 0.0
        self._bell.set()

    def start(self, alive: Callable[[], bool]) -> None:
        """Deliver until ``alive`` says no."""
        self._alive = alive
        gevent.spawn(self._run)

    def _run(self) -> None:
        sweep = time.monotonic() + random.uniform(0, SWEEP)  # not all workers at once
        while self._alive():
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
        """Begin with what is due in the tournaments that something happened in."""
        clock = time.monotonic()
        for code in [code for code, at in self._due.items() if at <= clock]:
            del self._due[code]
            for hook in self._hooks.of(code):
                self._begin(hook)

    def sweep(self) -> None:
        """Begin with every webhook that has something to be told."""
        for hook in self._hooks.all():
            waiting = hook.tries or hook.draw
            if waiting or stored_at(self._store, hook.stream, hook.seq + 1):
                self._begin(hook)
            gevent.sleep(0)

    def _begin(self, hook: Hook) -> None:
        now = self._ms()
        if hook.failed:
            return
        if hook.tries and hook.next_at > now:
            self._later(hook, hook.next_at - now)
        elif hook.place in self._at or hook.lease > now:
            self._later(hook, AGAIN * 1000)  # whoever is at it may have looked before this
        else:
            self._at.add(hook.place)
            self._pool.spawn(self._serve, hook)

    def _later(self, hook: Hook, ms: float) -> None:
        at = time.monotonic() + ms / 1000
        self._due[hook.stream] = min(at, self._due.get(hook.stream, at))

    def _serve(self, hook: Hook) -> None:
        try:
            self.deliver(hook)
        except LctError:
            pass  # told in the log; once the lease is over the sweep finds it
        except Exception:
            log.exception("webhook failed", extra={"labels.tournament": hook.stream})
        finally:
            self._at.discard(hook.place)

    # --- one webhook --------------------------------------------------------------------------

    def deliver(self, hook: Hook) -> None:
        """Tell it, message by message, what it has not been told, as long as it takes them."""
        held = self._hooks.change(hook, holder=self._worker, lease=self._ms() + LEASE)
        while held and self._alive():
            held = self._next(held)

    def _next(self, hook: Hook) -> Hook | None:
        """The webhook after its next message, or None if there is nothing to do for now."""
        try:
            t = self._store.read(hook.stream).tournament
            if hook.device not in t.devices:
                raise NotTheOrganiser
        except (UnknownTournament, NotTheOrganiser) as nobody:
            self._remove(hook, type(nobody).__name__)
            return None
        newer = stored_at(self._store, hook.stream, hook.seq + 1)
        found = webhooks.following(t, hook.told, newer, self._now())
        if found is None:
            if hook.draw and t.current_draw:
                self._later(hook, _ms(t.current_draw.timeline.end) - self._ms())
            self._hooks.change(hook, lease=0)
            return None
        message, told = found
        status, reason = self._send(hook, message)
        if 200 <= status < 300:
            self._count("delivered")
            fresh = told._asdict() | {"tries": 0, "since": 0, "next_at": 0, "reason": ""}
            return self._hooks.change(hook, **fresh, lease=self._ms() + LEASE)
        if status == 410:
            self._count("gone")
            self._remove(hook, "status 410")
        else:
            self._failed(hook, reason)
        return None

    def _send(self, hook: Hook, message: webhooks.Message) -> tuple[int, str]:
        key = webhooks.signing_key(self._secret, hook.stream, hook.hook)
        body = message.body()
        headers = webhooks.headers(key, message.id, self._ms() // 1000, body)
        try:
            status = self._post(hook.url, headers, body)
        except NotSent as error:
            return 0, error.reason
        return status, f"status {status}"

    def _failed(self, hook: Hook, reason: str) -> None:
        now, tries = self._ms(), hook.tries + 1
        since = hook.since or now
        over = now - since >= webhooks.GIVE_UP * 1000
        wait = int(webhooks.pause(tries, random.random()) * 1000)
        self._count("given-up" if over else "refused" if reason == PRIVATE else "failed")
        log.warning("webhook failed", extra=_about(hook) | {"labels.reason": reason})
        self._hooks.change(
            hook, tries=tries, since=since, reason=reason, failed=over, next_at=now + wait, lease=0
        )
        if not over:
            self._later(hook, wait)

    def _remove(self, hook: Hook, why: str) -> None:
        self._hooks.remove(hook.stream, hook.hook)
        log.info("webhook removed", extra=_about(hook) | {"labels.reason": why})

    def _ms(self) -> int:
        return _ms(self._now())


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _about(hook: Hook) -> dict[str, str]:
    """For the log. Of the address its host only: the rest may be a secret of the receiver's."""
    return {"labels.tournament": hook.stream, "url.domain": urlsplit(hook.url).hostname or ""}
