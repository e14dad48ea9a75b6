"""Webhooks in the store: their addresses, their progress, and which worker holds the lease.

A change is a compare-and-set on the lease that the caller saw: of two workers one wins, and one
that was too slow loses its turn. No secret is stored (message.py).
"""

from __future__ import annotations

from typing import Any

from mongoengine.errors import NotUniqueError

from ..domain.errors import TooManyWebhooks
from ..infrastructure.documents import WebhookDocument
from ..infrastructure.event_store import reachable
from .message import MOST, Progress


class Hooks:
    """The collection. Every method raises Unavailable if the store is away."""

    def of(self, code: str) -> list[WebhookDocument]:
        """The tournament's webhooks, in the order of their ids."""
        with reachable():
            return list(WebhookDocument.objects(stream=code).order_by("id"))

    def all(self) -> list[WebhookDocument]:
        with reachable():
            return list(WebhookDocument.objects)

    def add(self, code: str, hook: str, url: str, device: str, told: Progress) -> WebhookDocument:
        """Add one, or return the existing one with that id; TooManyWebhooks."""
        for known in self.of(code):
            if known.hook == hook:
                return known
        about = {"stream": code, "hook": hook, "url": url, "device": device, **told._asdict()}
        for number in range(1, MOST + 1):
            new = WebhookDocument(id=f"{code}:{number}", **about)
            try:
                with reachable():
                    return new.save(force_insert=True)
            except NotUniqueError:
                # Perhaps a repeat of the same call took it at the same moment.
                with reachable():
                    if same := WebhookDocument.objects(id=new.id, hook=hook).first():
                        return same
        raise TooManyWebhooks(MOST)

    def remove(self, code: str, hook: str) -> bool:
        """Remove it; whether there was one."""
        with reachable():
            return bool(WebhookDocument.objects(stream=code, hook=hook).delete())

    def change(self, seen: WebhookDocument, **values: Any) -> WebhookDocument | None:
        """The webhook with new values, or None if it is gone or another worker has had it since."""
        same = {name: seen[name] for name in ("id", "hook", "holder", "lease")}
        new = {f"set__{name}": value for name, value in values.items()}
        with reachable():
            return WebhookDocument.objects(**same).modify(new=True, **new)
