"""Webhooks in the store: who is told, how far, and which worker is at it.

A change is a compare-and-set on the lease that the caller saw: of two workers one wins, and one
that was too slow loses its turn. No secret is stored (see application/webhooks.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pymongo.errors import DuplicateKeyError

from ..application.webhooks import MOST, Progress
from ..domain.errors import TooManyWebhooks
from .documents import WebhookDocument, collection
from .event_store import reachable


class Hook(NamedTuple):
    """One webhook as it was read; times in milliseconds since the epoch."""

    place: str
    stream: str
    hook: str
    url: str
    device: str
    seq: int
    version: int
    draw: int
    tries: int = 0
    since: int = 0
    next_at: int = 0
    reason: str = ""
    failed: bool = False
    holder: str = ""
    lease: int = 0

    @property
    def host(self) -> str:
        """What of its address may be shown and logged: the rest may be a secret."""
        return urlsplit(self.url).hostname or ""

    @property
    def told(self) -> Progress:
        return Progress(self.seq, self.version, self.draw)


def _hook(document: Mapping[str, Any]) -> Hook:
    return Hook(document["_id"], *(document[name] for name in Hook._fields[1:]))


class Webhooks:
    """The collection. Every method raises Unavailable when the store is away."""

    def __init__(self) -> None:
        self._documents = collection(WebhookDocument)

    def of(self, code: str) -> list[Hook]:
        """The tournament's webhooks, in their places."""
        with reachable():
            return sorted(map(_hook, self._documents.find({"stream": code})))

    def all(self) -> list[Hook]:
        with reachable():
            return list(map(_hook, self._documents.find({})))

    def add(self, code: str, hook: str, url: str, device: str, told: Progress) -> Hook:
        """Add one, or TooManyWebhooks; one with that id that is there already is answered."""
        for known in self.of(code):
            if known.hook == hook:
                return known
        for number in range(1, MOST + 1):
            new = Hook(f"{code}:{number}", code, hook, url, device, *told)
            document = new._asdict()
            document["_id"] = document.pop("place")
            try:
                with reachable():
                    self._documents.insert_one(document)
            except DuplicateKeyError:
                # Perhaps by a repeat of the same call at the same moment.
                if same := self._at(new.place, hook):
                    return same
                continue
            return new
        raise TooManyWebhooks(MOST)

    def _at(self, place: str, hook: str) -> Hook | None:
        with reachable():
            found = self._documents.find_one({"_id": place, "hook": hook})
        return _hook(found) if found else None

    def remove(self, code: str, hook: str) -> bool:
        """Whether there was one."""
        with reachable():
            return bool(self._documents.delete_one({"stream": code, "hook": hook}).deleted_count)

    def change(self, seen: Hook, **values: Any) -> Hook | None:
        """The webhook with new values, or None if it is gone or somebody else has had it since."""
        same = {"_id": seen.place, "hook": seen.hook, "holder": seen.holder, "lease": seen.lease}
        with reachable():
            done = self._documents.update_one(same, {"$set": values})
        return seen._replace(**values) if done.matched_count else None


def remove_all(code: str) -> None:
    """Remove every webhook of a tournament that is about to go."""
    with reachable():
        collection(WebhookDocument).delete_many({"stream": code})
