"""Long lists a page at a time. A cursor says where the next page begins, in words of our own."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from ...domain.errors import Invalid
from .bodies import Page

T = TypeVar("T")


def page(items: Sequence[T], wanted: Page) -> tuple[Sequence[T], str | None]:
    """(the items of that page, the cursor of the next one or None)."""
    start = _place(wanted.cursor)
    end = start + wanted.limit
    return items[start:end], _cursor(end) if end < len(items) else None


def _cursor(place: int) -> str:
    return base64.urlsafe_b64encode(f"from:{place}".encode()).decode().rstrip("=")


def _place(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        if text == f"from:{(place := int(text.removeprefix('from:')))}" and place >= 0:
            return place
    except (ValueError, binascii.Error):
        pass
    raise Invalid(cursor="That is no cursor of ours; leave it out to begin.")
