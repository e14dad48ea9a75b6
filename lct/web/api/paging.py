"""Long lists a page at a time. A cursor is the place in the list at which the next page begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from ...domain.errors import Invalid
from .bodies import Page

T = TypeVar("T")


def page(items: Sequence[T], wanted: Page) -> tuple[Sequence[T], str | None]:
    """(the items of that page, the cursor of the next one or None)."""
    cursor = wanted.cursor or "0"
    if not (cursor.isascii() and cursor.isdigit()):
        raise Invalid(cursor="That is no cursor of ours; leave it out to begin.")
    end = int(cursor) + wanted.limit
    return items[int(cursor) : end], str(end) if end < len(items) else None
