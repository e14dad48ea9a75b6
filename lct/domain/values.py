"""Values that are valid once built: names, codes, and the folding that decides what is equal."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache

from .errors import Invalid

CODE_LENGTH = 8
# No look-alikes (0 O 1 I L) and no vowels, so that no code ever spells a word.
CODE_ALPHABET = "23456789BCDFGHJKMNPQRSTVWXZ"

NAME_CLUSTERS = 40
TITLE_CLUSTERS = 60
# A cluster may carry this many marks; more is a prank that paints over its neighbours.
MAX_MARKS = 4

ZWJ, ZWNJ = "\u200d", "\u200c"
# Letters and symbols by category that nobody can see.
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u180e\u034f")


def new_code(choose: Callable[[str], str]) -> str:
    """A join code; ``choose`` returns one element of its argument at random."""
    return "".join(choose(CODE_ALPHABET) for _ in range(CODE_LENGTH))


def normal_code(typed: str) -> str | None:
    """The code someone meant, in any case and with or without dashes and spaces, or None."""
    code = "".join(c for c in typed.upper() if c.isascii() and c.isalnum())
    fits = len(code) == CODE_LENGTH and all(c in CODE_ALPHABET for c in code)
    return code if fits else None


def shown_code(code: str) -> str:
    """``BB3K7QXM`` as people read it: ``BB3K-7QXM``."""
    return f"{code[:4]}-{code[4:]}"


def _is_tag(c: str) -> bool:  # the letters inside the flags of England, Scotland and Wales
    return "\U000e0020" <= c <= "\U000e007f"


def clean(text: str) -> str:
    """NFC, without control, bidi-override, surrogate and invisible characters, spaces folded."""
    out: list[str] = []
    marks = 0
    for c in unicodedata.normalize("NFC", text):
        category = unicodedata.category(c)
        if c.isspace() or category in ("Zs", "Zl", "Zp"):
            c = " "
        elif (
            category in ("Cc", "Cs", "Co")
            or c in _BLANKS
            or (category == "Cf" and not (c in (ZWJ, ZWNJ) or _is_tag(c)))
        ):
            continue
        marks = marks + 1 if category in ("Mn", "Me") and not "\ufe00" <= c <= "\ufe0f" else 0
        if marks <= MAX_MARKS:
            out.append(c)
    # Joiners mean something between characters only.
    return " ".join(word for w in "".join(out).split(" ") if (word := w.strip(ZWJ + ZWNJ)))


@lru_cache(maxsize=16_384)
def fold(text: str) -> str:
    """The form in which two names are the same: NFKC, casefold, no invisible characters."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    seen = (c for c in folded if c not in _BLANKS and not _is_invisible(c))
    return " ".join("".join(seen).split())


def _is_invisible(c: str) -> bool:
    return unicodedata.category(c) in ("Cf", "Cs") or "\ufe00" <= c <= "\ufe0f" or _is_tag(c)


def clusters(text: str) -> Iterator[str]:
    """What people see as one character each (UAX #29, extended grapheme clusters).

    The standard library has no property tables, so joining follows general categories: marks,
    joiners, skin tones, tags, pairs of regional indicators and Hangul syllables stay together.
    """
    cluster = ""
    for c in text:
        if cluster and not _joins(cluster, c):
            yield cluster
            cluster = ""
        cluster += c
    if cluster:
        yield cluster


def _joins(cluster: str, c: str) -> bool:
    last = cluster[-1]
    if unicodedata.category(c) in ("Mn", "Me", "Mc") or c in (ZWJ, ZWNJ) or _is_tag(c):
        return True
    if "\U0001f3fb" <= c <= "\U0001f3ff":  # skin tones
        return True
    if last == ZWJ and len(cluster) > 1:
        return unicodedata.category(c) in ("So", "Sk", "Sm", "Po", "Lo")
    if _is_regional(c):
        return _is_regional(last) and len(cluster) % 2 == 1
    return _hangul(last) in ("L", "LV", "V") and _hangul(c) in ("V", "T", "LV")


def _is_regional(c: str) -> bool:
    return "\U0001f1e6" <= c <= "\U0001f1ff"


def _hangul(c: str) -> str:
    if "\u1100" <= c <= "\u115f":
        return "L"
    if "\u1160" <= c <= "\u11a7":
        return "V"
    if "\u11a8" <= c <= "\u11ff":
        return "T"
    return ""


def visible_text(text: str, field: str, most: int, what: str) -> str:
    """``text`` cleaned, 1 to ``most`` visible characters, or Invalid beside ``field``."""
    cleaned = clean(text)
    if not any(unicodedata.category(c)[0] in "LNSP" for c in cleaned):
        raise Invalid(**{field: f"Type {what}."})
    count = sum(1 for _ in clusters(cleaned))
    if count > most:
        raise Invalid(**{field: f"{count} characters are too many; {most} fit."})
    return cleaned


def person_name(first: str, last: str) -> tuple[str, str]:
    """First name and surname, each cleaned and 1 to 40 characters; Invalid names both at once."""
    wrong: dict[str, str] = {}
    names: list[str] = []
    for field, text, what in (
        ("first", first, "your first name"),
        ("last", last, "your surname"),
    ):
        try:
            names.append(visible_text(text, field, NAME_CLUSTERS, what))
        except Invalid as invalid:
            wrong |= invalid.fields
    if wrong:
        raise Invalid(**wrong)
    return names[0], names[1]


def whole_number(text: str, field: str, low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``, or Invalid beside ``field``."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise Invalid(**{field: f"Type a whole number from {low} to {high}."})
    if not low <= int(digits) <= high:
        raise Invalid(**{field: f"Choose a number from {low} to {high}."})
    return int(digits)
