"""Generated shields for players and teams: two colours, a pattern and initials from the name."""

from __future__ import annotations

import hashlib
import unicodedata
from functools import lru_cache

from markupsafe import Markup, escape

from ..domain.values import clusters

LONGEST = 100
_SHIELD = "M4 5c6 0 11-1 16-4 5 3 10 4 16 4v20c0 11-7 18-16 22C11 43 4 36 4 25z"
# Each lies within the shield, so no clipping (and no id) is needed.
_PATTERNS = (
    "M20 1c5 3 10 4 16 4v20c0 11-7 18-16 22z",  # half
    "M4 19h32v9H4z",  # band
    "M4 7l32 22q-.6 4.5-2.8 8.100L4 17z",  # sash
    "M14 3.3c2.2-.5 4.1-1.3 6-2.3 1.9 1 3.8 1.8 6 2.3V43l-6 4-6-4z",  # pale
    "M4 5c6 0 11-1 16-4 5 3 10 4 16 4v9H4z",  # chief
)


def crest(name: str) -> Markup:
    """The shield of that name; those of short names, nearly all, are kept."""
    return _crest(name) if len(name) <= LONGEST else _crest.__wrapped__(name)


@lru_cache(maxsize=4096)  # of 1.4 kB at most
def _crest(name: str) -> Markup:
    """An inline SVG, the same for the same name; colours keep white initials readable."""
    digest = hashlib.blake2b(name.encode(), digest_size=4).digest()
    hue = int.from_bytes(digest[:2], "big") % 360
    field, band = f"hsl({hue} 62% 38%)", f"hsl({(hue + 30 + digest[2] % 60) % 360} 65% 30%)"
    initials = _initials(name)
    if not initials.isalnum():
        initials = escape(initials)
    return Markup(  # noqa: S704 - made of our own numbers and escaped text
        f'<svg class="crest" viewBox="0 0 40 48" aria-hidden="true">'
        f'<path fill="{field}" d="{_SHIELD}"/>'
        f'<path fill="{band}" d="{_PATTERNS[digest[3] % len(_PATTERNS)]}"/>'
        f'<text x="20" y="29" text-anchor="middle" fill="#fff">{initials}</text></svg>'
    )


def _initials(name: str) -> str:
    words = name.split()
    if len(words) > 1 and name.isascii() and name.replace(" ", "").isalnum():
        return (words[0][0] + words[-1][0]).upper()
    first = [next(clusters(word)) for word in words if word]
    letters = [c for c in first if unicodedata.category(c[0])[0] in "LNS"] or first
    if len(letters) == 1 and unicodedata.category(letters[0][0])[0] == "L":
        return "".join(list(clusters(words[0]))[:2]).upper()
    return "".join([letters[0], letters[-1]] if len(letters) > 1 else letters[:1]).upper()
