"""Characters that cannot be seen, and spellings that count as one when comparing or searching."""

from __future__ import annotations

import re
import unicodedata

# Default_Ignorable_Code_Point: the Unicode Character Database 17.0, DerivedCoreProperties.txt.
# Unassigned code points are in it, so it has been the same since 14.0.
IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Blank by their charts, with the category of a letter, a mark or a symbol; and noncharacters.
_BLANK = "\u2800\ufffc\U00013441\U00013442\U00016fe4\U0001d159\ufdd0-\ufdef" + "".join(
    chr(plane + last) for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF)
)
_IGNORED, _UNSEEN = re.compile(f"[{IGNORABLE}]"), re.compile(f"[{IGNORABLE}{_BLANK}]")

_APOSTROPHES = "'`´\u1ffd‘’‛′ʹʻʼʽ׳＇"
_ALIKE = str.maketrans(
    {
        **dict.fromkeys(_APOSTROPHES, "'"),
        **dict.fromkeys("“”„‟″״＂", '"'),
        **dict.fromkeys("‐‑‒–—―−־﹘﹣－", "-"),
        "ı": "i",
    }
)
_DOTTED = re.compile("i\u0307+")  # İ in small letters
# Letters of European alphabets that have no decomposition, as people without them type them.
_LETTERS = str.maketrans(
    {
        "æ": "ae",
        "ð": "d",
        "đ": "d",
        "ħ": "h",
        "ł": "l",
        "ŋ": "n",
        "ø": "o",
        "œ": "oe",
        "þ": "th",
        "ŧ": "t",
        "ς": "σ",
    }
)
_UNSAID = str.maketrans("", "", _APOSTROPHES)


def has_unseen(text: str) -> bool:
    """Whether a character of ``text`` may be invisible: a check of each is then worth its time."""
    return not text.isprintable() or _UNSEEN.search(text) is not None


def is_unseen(c: str) -> bool:
    """Whether nobody can see the character ``c``, which is no space."""
    return _UNSEEN.match(c) is not None or unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs")


def seen(text: str) -> str:
    """The text without invisible characters."""
    if not has_unseen(text):
        return text
    return "".join(c for c in text if c.isspace() or not is_unseen(c))


def one_spelling(text: str) -> str:
    """NFKC of a folded text with one kind of i, apostrophe, quotation mark and hyphen."""
    return unicodedata.normalize("NFKC", _DOTTED.sub("i", text.translate(_ALIKE)))


def sought(text: str) -> str:
    """The text as a search compares it: without accents, apostrophes and invisible characters, in
    letters that every keyboard has. ``plain`` in static/lct.js does the same."""
    if text.isascii():
        return text.lower().translate(_UNSAID).replace("-", " ")
    bare = unicodedata.normalize("NFKD", text.translate(_UNSAID))
    kept = "".join(_kept(c) for c in bare)
    return kept.upper().lower().translate(_LETTERS)  # ß has no small letters but those of SS


def _kept(c: str) -> str:
    category = unicodedata.category(c)
    if category == "Pd":
        return " "
    return "" if category[0] == "M" or _IGNORED.match(c) else c


def finds(words: str, text: str) -> bool:
    """Whether ``text`` has each of the words, in any order."""
    found = sought(text)
    return all(word in found for word in sought(words).split())
