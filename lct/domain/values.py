"""Values that are valid once built: names, codes, and the folding that decides what is equal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from .errors import Invalid
from .spelling import has_unseen, is_unseen, one_spelling, seen
from .text import Text, counted, text

CODE_LENGTH = 8
# No look-alikes (0 O 1 I L) and no vowels, so that no code ever spells a word.
CODE_ALPHABET = "23456789BCDFGHJKMNPQRSTVWXZ"

NAME_CLUSTERS = 40
CALL_NAME_CLUSTERS = 20
TITLE_CLUSTERS = 60
# Marks that one cluster may carry; more would paint over its neighbours.
MAX_MARKS = 4
# Code points in one cluster; the longest emoji has 11. A longer cluster counts as several.
MAX_CLUSTER = 16
# Mean code points per character of a name: enough for any script, and a bound on memory.
MEAN_CLUSTER = 8
# Combining characters in a row (UAX #15, Stream-Safe Text Format). Normalizing takes time quadratic
# in their number: 128,000 would block the worker for 12 s.
MAX_NONSTARTERS = 30
LONGEST_URL = 500  # of a webhook

ZWJ, ZWNJ = "\u200d", "\u200c"
# Characters that are visible and a cluster of their own: letters, digits and printable ASCII, but
# not Hangul jamo, which join, nor blanks (U+3164, U+FFA0, U+13441, U+13442). The two classes are
# disjoint and the quantifier is possessive: otherwise a text that fails at its end would backtrack
# in 2**n ways.
_PLAIN = re.compile(r"(?:[^\W\u1100-\u11ff\u3164\uffa0\U00013441\U00013442]|[ -/:-@\[-^`{-~])*+")


def new_code(choose: Callable[[str], str]) -> str:
    """A join code; ``choose`` returns one element of its argument at random."""
    return "".join(choose(CODE_ALPHABET) for _ in range(CODE_LENGTH))


def normal_code(typed: str) -> str | None:
    """The code as typed in any case, with or without dashes and spaces; None if it is no code."""
    code = "".join(c for c in typed.upper() if c.isascii() and c.isalnum())
    fits = len(code) == CODE_LENGTH and all(c in CODE_ALPHABET for c in code)
    return code if fits else None


def shown_code(code: str) -> str:
    """``BB3K7QXM`` as people read it: ``BB3K-7QXM``."""
    return f"{code[:4]}-{code[4:]}"


def is_plain(text: str) -> bool:
    """Whether ``text`` needs no check of each character. Most names need none."""
    return _PLAIN.fullmatch(text) is not None and unicodedata.is_normalized("NFC", text)


def _visible(c: str) -> str:
    """The character; a plain space for any space, an empty string for an invisible one, unless it
    has a meaning beside others: joiners, the variants of emoji, the tags of flags."""
    if c.isspace() or unicodedata.category(c) in ("Zs", "Zl", "Zp"):
        return " "
    return c if c in (ZWJ, ZWNJ) or _is_variant(c) or _is_tag(c) or not is_unseen(c) else ""


def _is_mark(c: str) -> bool:
    if _is_variant(c):
        return False
    return unicodedata.category(c) in ("Mn", "Me") or unicodedata.combining(c) != 0


def _stream_safe(text: str) -> str:
    """The text with each run of combining characters cut to MAX_NONSTARTERS."""
    if not any(map(unicodedata.combining, text)):
        return text
    out: list[str] = []
    run = 0
    for c in text:
        run = run + 1 if unicodedata.combining(c) else 0
        if run <= MAX_NONSTARTERS:
            out.append(c)
    return "".join(out)


def _is_variant(c: str) -> bool:
    return "\ufe00" <= c <= "\ufe0f"


def _is_tag(c: str) -> bool:  # the letters inside the flags of England, Scotland and Wales
    return "\U000e0020" <= c <= "\U000e007f"


def clean(text: str) -> str:
    """NFC, without control, bidi-override, surrogate and invisible characters, spaces folded."""
    if is_plain(text):
        return " ".join(text.split())
    out: list[str] = []
    marks = 0
    # Remove invisible characters first: they would keep their neighbours from being normalized.
    kept = "".join(map(_visible, text)) if has_unseen(text) else text
    for c in unicodedata.normalize("NFC", _stream_safe(kept)):
        marks = marks + 1 if _is_mark(c) else 0
        if marks <= MAX_MARKS:
            out.append(c)
    # Joiners have a meaning only between characters.
    return " ".join(word for w in "".join(out).split(" ") if (word := w.strip(ZWJ + ZWNJ)))


def fold(text: str) -> str:
    """The form in which names are compared: NFKC, casefold, no invisible characters, one spelling
    of what looks alike."""
    if text.isascii() and text.isprintable():
        return " ".join(text.lower().replace("`", "'").split())
    plain = is_plain(text)
    # Remove invisible characters before NFKC (they block composition) and after (it makes some).
    kept = one_spelling(text if plain else _stream_safe(seen(text))).casefold()
    return " ".join(one_spelling(kept if plain else seen(kept)).split())


def clusters(text: str) -> Iterator[str]:
    """The user-perceived characters of ``text`` (UAX #29, extended grapheme clusters).

    The standard library has no property tables, so joining follows general categories: marks,
    joiners, skin tones, tags, pairs of regional indicators and Hangul syllables stay together.
    """
    cluster = ""
    for c in text:
        if cluster and (len(cluster) == MAX_CLUSTER or not _joins(cluster, c)):
            yield cluster
            cluster = ""
        cluster += c
    if cluster:
        yield cluster


def length(text: str) -> int:
    """The number of user-perceived characters, at least one per MEAN_CLUSTER code points."""
    if is_plain(text):
        return len(text)
    return max(sum(1 for _ in clusters(text)), -(-len(text) // MEAN_CLUSTER))


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


def is_far_too_long(text: str, most: int) -> bool:
    """Whether ``text`` is far too long for ``most`` visible characters, by its length alone."""
    return len(text) > 2 * MAX_CLUSTER * most


def shows(cleaned: str) -> bool:
    """Whether there is something to see in a cleaned text, and not only marks and joiners."""
    return any(unicodedata.category(c)[0] in "LNSP" for c in cleaned)


def visible_text(typed: str, field: str, most: int, missing: Text) -> str:
    """``typed`` cleaned, 1 to ``most`` visible characters; else Invalid for ``field``, with
    ``missing`` if there is nothing to see."""
    if is_far_too_long(typed, most):
        raise Invalid(**{field: _too_many(len(typed), most)})
    cleaned = clean(typed)
    if not shows(cleaned):
        raise Invalid(**{field: missing})
    count = length(cleaned)
    if count > most:
        raise Invalid(**{field: _too_many(count, most)})
    return cleaned


def _too_many(count: int, most: int) -> Text:
    return counted(
        "%(n)s character is too many; the limit is %(most)s.",
        "%(n)s characters are too many; the limit is %(most)s.",
        count,
        most=most,
    )


def person_name(first: str, last: str) -> tuple[str, str]:
    """First name and surname, each cleaned and 1 to 40 characters; Invalid names both at once."""
    wrong: dict[str, Text] = {}
    names: list[str] = []
    for field, typed, missing in (
        ("first", first, text("Type your first name.")),
        ("last", last, text("Type your surname.")),
    ):
        try:
            names.append(visible_text(typed, field, NAME_CLUSTERS, missing))
        except Invalid as invalid:
            wrong |= invalid.fields
    if wrong:
        raise Invalid(**wrong)
    return names[0], names[1]


def whole_number(typed: str, field: str, low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``; else Invalid for ``field``."""
    digits = typed.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        wrong = text("Type a whole number from %(low)s to %(high)s.", low=low, high=high)
        raise Invalid(**{field: wrong})
    if not low <= int(digits) <= high:
        raise Invalid(**{field: not_between(low, high)})
    return int(digits)


def not_between(low: int, high: int) -> Text:
    """The message for a number that is too low or too high."""
    return text("Choose a number from %(low)s to %(high)s.", low=low, high=high)


def is_person_name(first: str, last: str) -> bool:
    """Whether ``person_name`` would return these names unchanged."""
    try:
        return person_name(first, last) == (first, last)
    except Invalid:
        return False
