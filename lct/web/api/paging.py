"""Pagination of long lists. A cursor is the index at which the next page begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from ...domain.errors import Invalid
from ...domain.text import text
from .bodies import Page

T = TypeVar("T")


def page(items: Sequence[T], wanted: Page) -> tuple[Sequence[T], str | None]:
    """(the items of that page, the cursor of the next one or None)."""
    begin, end = bounds(wanted)
    return items[begin:end], str(end) if end < len(items) else None


def bounds(wanted: Page) -> tuple[int, int]:
    """Where the page begins, and where the next one begins."""
    cursor = wanted.cursor or "0"
    if not (cursor.isascii() and cursor.isdigit()):
        raise Invalid(cursor=text("That cursor is not valid. Leave it out for the first page."))
    return int(cursor), int(cursor) + wanted.limit
