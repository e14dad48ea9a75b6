"""Generated shields for players and teams: two colours, a pattern and initials from the name."""

from __future__ import annotations

import hashlib
import unicodedata
from functools import lru_cache

from markupsafe import Markup, escape

from ..domain.values import clusters, is_plain

LONGEST = 100
PATTERNS = 5  # half, band, sash, pale and chief, drawn in templates/_crests.html
STEP = 15  # degrees between hues; of a thousand crests in a frame, few are all different


def crest(name: str) -> Markup:
    """The shield of that name; cached if the name is short, as nearly all are."""
    return _crest(name) if len(name) <= LONGEST else _crest.__wrapped__(name)


@lru_cache(maxsize=4096)  # of 1 kB at most
def _crest(name: str) -> Markup:
    """An inline SVG, the same for the same name; colours keep white initials readable."""
    digest = hashlib.blake2b(name.encode(), digest_size=4).digest()
    hue = int.from_bytes(digest[:2], "big") % 360 // STEP * STEP
    other = (hue + 30 + digest[2] % 60 // STEP * STEP) % 360
    field, band = f"hsl({hue} 62% 38%)", f"hsl({other} 65% 30%)"
    initials = _initials(name)
    if not initials.isalnum():
        initials = escape(initials)
    return Markup(  # noqa: S704 - made of our own numbers and escaped text
        f'<svg class="crest" viewBox="0 0 40 48" fill="{field}" color="{band}" aria-hidden="true">'
        f'<use href="#crest-{digest[3] % PATTERNS}"/><text x="20" y="29">{initials}</text></svg>'
    )


def _initials(name: str) -> str:
    words = name.split()
    if len(words) > 1:
        initials = words[0][0] + words[-1][0]
        # With the characters after them, which might belong to the same cluster.
        if initials.isalnum() and is_plain(words[0][:2]) and is_plain(words[-1][:2]):
            return initials.upper()
    elif is_plain(name) and name.isalpha():
        return name[:2].upper()
    first = [next(clusters(word)) for word in words if word]
    letters = [c for c in first if unicodedata.category(c[0])[0] in "LNS"] or first
    if len(letters) == 1 and unicodedata.category(letters[0][0])[0] == "L":
        return "".join(list(clusters(words[0]))[:2]).upper()
    return "".join([letters[0], letters[-1]] if len(letters) > 1 else letters[:1]).upper()
