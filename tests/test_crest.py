"""A crest's initials are the first characters, as people see them, of the first and last word."""

from __future__ import annotations

import pytest
from markupsafe import Markup

from lct.web.crest import crest


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Ola Nowak", "ON"),
        ("ola van der nowak", "ON"),
        ("Ola N.", "ON"),
        ("Ola", "OL"),
        ("żółw", "ŻÓ"),
        ("1 FC", "1F"),
        ("1860", "1"),
        ("O. (Ola) Nowak", "ON"),
        ("e\u0301a b", "E\u0301B"),  # a letter with a mark is one character
        ("b e\u0301a", "BE\u0301"),
        ("ae\u0301b", "AE\u0301"),
        ("\u1112\u1161\u11ab \u1100\u1161", "\u1112\u1161\u11ab\u1100\u1161"),  # Hangul jamo
        ("\U0001f1f5\U0001f1f1 Ola", "\U0001f1f5\U0001f1f1O"),  # a flag
        ("Ola \U0001f469\u200d\U0001f680", "O\U0001f469\u200d\U0001f680"),
        ("ﬁn ½a", "FI½"),
        ("- Ola Nowak", "ON"),
        ("...", "."),
    ],
)
def test_initials(name: str, initials: str) -> None:
    assert Markup(crest(name).partition('y="29">')[2].partition("<")[0]).unescape() == initials
