"""Webhooks: sending what happens in a tournament to other servers.

``Webhooks`` is the only entry point. The rest of lct adds, lists and removes webhooks through it,
and passes it the codes of tournaments with new events; delivery runs in the background.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from ..infrastructure.documents import WebhookDocument
from ..infrastructure.event_store import EventStore
from ..infrastructure.stream import Stream
from .deliver import Delivery
from .hooks import Hooks
from .message import progress_of, shown_secret, signing_key
from .post import post as post_to
from .schedule import Courier
from .target import checked_url


class Webhooks:
    """The webhooks of all tournaments, in one worker.

    ``secrets`` are the installation's, the current one first. ``now`` is the clock that all
    workers share. ``count`` counts one of lct_webhooks' outcomes. ``private``: home networks and
    this machine are allowed too."""

    def __init__(
        self,
        store: EventStore,
        secrets: Sequence[bytes],
        now: Callable[[], datetime],
        count: Callable[[str], None],
        private: bool,
    ) -> None:
        self.hooks = Hooks()
        sender = partial(post_to, private=private)
        self._courier = Courier(Delivery(store, self.hooks, sender, secrets, now, count))
        self._secret, self._now, self._private = secrets[0], now, private
        self.of = self.hooks.of
        self.remove = self.hooks.remove
        self.wake = self._courier.wake
        self.added = self._courier.added
        self.start = self._courier.start
        self.drained = self._courier.drained

    def add(self, stream: Stream, hook: str, url: str, device: str) -> WebhookDocument:
        """Send every event from now on to an address. Returns an existing webhook with that id.
        Invalid if the address is not allowed; TooManyWebhooks."""
        told = progress_of(stream.tournament, stream.seq, self._now())
        return self.hooks.add(stream.code, hook, checked_url(url, self._private), device, told)

    def secret(self, hook: WebhookDocument) -> str:
        """The secret that signs its messages, as shown to the receiver."""
        return shown_secret(signing_key(self._secret, hook.stream, hook.hook))
