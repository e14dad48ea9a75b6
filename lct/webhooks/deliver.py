"""Delivering pending messages to one webhook: in order, at least once, by one worker at a time.

Progress is stored, so nothing is lost with a worker. A message whose receipt could not be recorded
is sent again, with the same id.
"""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from ..domain.errors import NotTheOrganiser, UnknownTournament
from ..infrastructure.documents import WebhookDocument
from ..infrastructure.event_store import EventStore
from ..infrastructure.stored_events import stored_at
from .hooks import Hooks
from .message import (
    GIVE_UP,
    Message,
    Progress,
    following,
    headers,
    pause,
    signing_key,
)
from .post import PRIVATE, NotSent

log = logging.getLogger(__name__)

LEASE = 20_000  # ms; longer than one try and recording it usually take
TURN = 10.0  # seconds after which a webhook with a backlog makes room for others

Post = Callable[[str, Mapping[str, str], bytes], int]  # the answer's status, or NotSent


class Delivery:
    """``secrets`` are the installation's, former ones too: a receiver knows the key derived from
    the one that was current when it was added. ``now`` is the clock that all workers share;
    ``count`` counts one of lct_webhooks' outcomes."""

    def __init__(
        self,
        store: EventStore,
        hooks: Hooks,
        post: Post,
        secrets: Sequence[bytes],
        now: Callable[[], datetime],
        count: Callable[[str], None],
    ) -> None:
        self.store, self.hooks, self.post = store, hooks, post
        self._secrets, self._now, self._count = secrets, now, count
        self._worker = uuid.uuid4().hex

    def __call__(self, hook: WebhookDocument, alive: Callable[[], bool]) -> float | None:
        """Send messages while the receiver accepts them and ``alive()`` is true. Returns the
        seconds until there may be more to do, or None if unknown. LctError if the store is away;
        the lease then expires."""
        held = self.hooks.change(hook, holder=self._worker, lease=self.ms() + LEASE)
        if held is None:
            return 0.0  # another worker has had it since, but perhaps before the event: look again
        end, wait = time.monotonic() + TURN, None
        while held:
            held, wait = self._next(held)
            if held and (time.monotonic() > end or not alive()):
                self.hooks.change(held, lease=0)
                return 0.0
        return wait

    def ms(self) -> int:
        return _ms(self._now())

    def _next(self, hook: WebhookDocument) -> tuple[WebhookDocument | None, float | None]:
        """Send the next message: the webhook after it, or None and how long to wait."""
        try:
            t = self.store.read(hook.stream).tournament
            if hook.device not in t.devices:
                raise NotTheOrganiser
        except (UnknownTournament, NotTheOrganiser) as nobody:
            self._remove(hook, type(nobody).__name__)
            return None, None
        newer = stored_at(self.store, hook.stream, hook.seq + 1)
        told = Progress(hook.seq, hook.version, hook.draw)
        found = following(t, told, newer, self._now())
        if found is None:
            self.hooks.change(hook, lease=0)
            turning = t.current_draw if hook.draw else None
            return None, (_ms(turning.timeline.end) - self.ms()) / 1000 if turning else None
        message, told = found
        status, reason = self._send(hook, message)
        if 200 <= status < 300:
            self._count("delivered")
            fresh = told._asdict() | {"tries": 0, "since": 0, "next_at": 0, "reason": ""}
            return self.hooks.change(hook, **fresh, lease=self.ms() + LEASE), None
        if status == 410:
            self._count("gone")
            self._remove(hook, reason)
            return None, None
        return None, self._failed(hook, reason)

    def _send(self, hook: WebhookDocument, message: Message) -> tuple[int, str]:
        keys = [signing_key(each, hook.stream, hook.hook) for each in self._secrets]
        body = message.body()
        signed = headers(keys, message.id, self.ms() // 1000, body)
        try:
            status = self.post(hook.url, signed, body)
        except NotSent as error:
            return 0, error.reason
        return status, f"status {status}"

    def _failed(self, hook: WebhookDocument, reason: str) -> float | None:
        now, tries = self.ms(), hook.tries + 1
        since = hook.since or now
        over = now - since >= GIVE_UP * 1000
        wait = pause(tries, random.random())
        self._count("given-up" if over else "refused" if reason == PRIVATE else "failed")
        log.warning("webhook failed", extra=_about(hook) | {"labels.reason": reason})
        next_at = now + int(wait * 1000)
        self.hooks.change(
            hook, tries=tries, since=since, reason=reason, failed=over, next_at=next_at, lease=0
        )
        return None if over else wait

    def _remove(self, hook: WebhookDocument, why: str) -> None:
        self.hooks.remove(hook.stream, hook.hook)
        log.info("webhook removed", extra=_about(hook) | {"labels.reason": why})


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _about(hook: WebhookDocument) -> dict[str, str]:
    return {"labels.tournament": hook.stream, "url.domain": hook.host}
