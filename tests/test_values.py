"""Names and codes, and which names count as equal."""

import random
import re
import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lct.domain import values
from lct.domain.errors import Invalid
from lct.domain.spelling import IGNORABLE, finds
from lct.domain.values import (
    CODE_ALPHABET,
    clean,
    clusters,
    fold,
    length,
    new_code,
    normal_code,
    person_name,
    shown_code,
    visible_text,
    whole_number,
)

FAMILY = "👨‍👩‍👧‍👦"
IGNORED = re.compile(f"[{IGNORABLE}]")
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize(
    "empty",
    [
        *("", "   ", "\u200b\u200b", "\u2060\ufeff", "\u3164", "\u200d", "\n\t", "\u202e"),
        *("\U0001d159", "\ufffc", "\u2800", "\U00013441", "\U00016fe4", "\uffff", "\u0301"),
    ],
)
def test_an_invisible_name_is_refused_beside_its_field(empty: str) -> None:
    with pytest.raises(Invalid) as refusal:
        person_name(empty, "Nowak")
    assert set(refusal.value.fields) == {"first"}


def test_both_wrong_names_are_reported_at_once() -> None:
    with pytest.raises(Invalid) as refusal:
        person_name("", "x" * 41)
    assert set(refusal.value.fields) == {"first", "last"}


@pytest.mark.parametrize(
    "name",
    ["Zoë", "Łukasz", "ليلى", "小明", "दीपा", "Σοφία", "🐺", FAMILY, ENGLAND, "D'Arc", "한국어"],
)
def test_a_name_may_be_in_any_script_or_emoji(name: str) -> None:
    assert person_name(name, name) == (name, name)


def test_forty_family_emoji_fit_and_the_forty_first_does_not() -> None:
    assert visible_text(FAMILY * 40, "first", 40, "a name") == FAMILY * 40
    with pytest.raises(Invalid, match="41 characters"):
        visible_text(FAMILY * 41, "first", 40, "a name")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("abc", 3),
        (FAMILY, 1),
        (ENGLAND, 1),
        ("🇵🇱🇩🇪", 2),
        ("é", 1),
        ("e\u0301", 1),
        ("👍🏽", 1),
        ("각", 1),
        ("\u1112\u1161\u11ab", 1),
        ("❤️", 1),
        ("👩‍❤️‍👨", 1),
    ],
)
def test_a_cluster_is_what_people_see_as_one_character(text: str, count: int) -> None:
    assert len(list(clusters(text))) == count


def test_control_and_bidi_override_characters_are_removed() -> None:
    assert clean("O\u202el\x00a\u2066 \x1b[31m") == "Ola [31m"


def test_excess_marks_on_one_letter_are_removed() -> None:
    assert len(clean("Z" + "\u0335" * 500)) <= 6


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ola", "OLA"),
        ("Ola  Nowak", "ola\u00a0nowak"),
        ("Straße", "STRASSE"),
        ("ﬁn", "fin"),
        ("O\u200bla", "Ola"),
        ("Ｏｌａ", "ola"),
        ("é", "e\u0301"),
        ("Işıl", "IŞIL"),
        ("İnci", "inci"),
        ("İnci", "I\u0307nci"),
        ("ISPARTA", "ısparta"),
        ("O'Higgins", "O’Higgins"),
        ("O´Higgins", "O`Higgins"),
        ("OʼHiggins", "o'higgins"),
        ("Jean-Luc", "Jean\u2011Luc"),
        ("Jean-Luc", "Jean–Luc"),
        ("The “Cup”", 'the "cup"'),
    ],
)
def test_names_that_look_the_same_are_the_same(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    "mark", ["\u0315\u0300", "\u0903", "\u200d", "\u1161", "\u302e\u0300", "\ufe0f", "\U000e0067"]
)
def test_a_character_with_thousands_of_marks_is_not_one_character(mark: str) -> None:
    # Without a limit, a body full of them takes 12 s, and 100,000 code points count as one.
    began = time.monotonic()
    for size in (1000, 64_000):
        try:
            name = visible_text("\u1100" + mark * size, "first", 40, "a name")
        except Invalid:
            continue
        assert len(name) < 10
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("hidden", ["\u3164", "\u200b", "\u034f", "\ufe0f", "\u00ad"])
def test_an_invisible_character_before_a_mark_makes_no_different_name(hidden: str) -> None:
    assert fold(clean(f"Zoe{hidden}\u0308")) == fold("Zoë")


def test_the_ignorable_characters_are_those_of_the_unicode_data() -> None:
    """By the property's derivation (UAX #44), as far as the standard library has its parts:
    format characters and variation selectors, but those that have a glyph of their own."""
    shown = re.compile(r"ARABIC|SYRIAC|KAITHI|INTERLINEAR|EGYPTIAN HIEROGLYPH")
    others = re.compile(r"GRAPHEME JOINER|HANGUL.* FILLER|KHMER VOWEL INHERENT|VARIATION SELECTOR")
    for c in map(chr, range(sys.maxunicode + 1)):
        if (category := unicodedata.category(c)) == "Cn":
            continue
        name = unicodedata.name(c, "")
        is_format = category == "Cf" and (name == "ARABIC LETTER MARK" or not shown.match(name))
        assert bool(IGNORED.match(c)) == (is_format or bool(others.search(name))), name


def test_a_character_that_cannot_be_seen_makes_neither_a_name_nor_another_one() -> None:
    unseen = [c for c in map(chr, range(sys.maxunicode + 1)) if IGNORED.match(c)]
    assert len(unseen) == 4174
    for c in [*unseen, "\ufffc", "\U0001d159", "\ufdd0"]:
        first, last = person_name(f"A{c}li{c}", f"{c}Kaya")
        assert fold(f"{first} {last}") == "ali kaya"
        with pytest.raises(Invalid):
            person_name(c, "Kaya")


def test_people_with_different_names_stay_different() -> None:
    names = ["Müller", "Muller", "Łukasz", "Lukasz", "Ömer", "Omer", "Ali-Can", "Ali Can"]
    assert len(set(map(fold, names))) == len(names)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("bodo", "Bodø/Glimt"),
        ("giessen", "Gießen"),
        ("GIESSEN", "Gießen"),
        ("kasimpasa", "Kasımpaşa"),
        ("KASIMPAŞA", "Kasımpaşa"),
        ("naestved", "Næstved"),
        ("madrid atletico", "Atlético de Madrid"),
        ("lodz", "ŁKS Łódź"),
        ("ohiggins", "O’Higgins"),
        ("o'higgins", "O’Higgins"),
        ("saint germain", "Paris Saint\u2011Germain"),
        ("vikingur", "Víkingur"),
        ("αρης", "ΑΡΗΣ"),
    ],
)
def test_a_search_finds_a_name_by_the_letters_of_every_keyboard(words: str, name: str) -> None:
    assert finds(words, name)
    assert finds(name, name)
    assert not finds(f"{words} united", name)


@given(st.text(max_size=60))
def test_cleaning_is_idempotent_and_loses_no_cluster_boundary(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert "".join(clusters(once)) == once
    once.encode()  # no lone surrogate is left
    assert fold(fold(text)) == fold(text)


def test_folding_again_or_after_cleaning_changes_nothing() -> None:
    for c in map(chr, (*range(0x3000), *range(0xA640, 0xAC00), *range(0xFA00, 0x10000))):
        for text in (f"a{c}b", f"i{c}\u0301"):
            folded = fold(text)
            assert fold(folded) == folded == fold(clean(text))


def test_codes_have_no_look_alikes_and_no_vowels() -> None:
    assert not set("01OILAEUY") & set(CODE_ALPHABET)
    assert len(new_code(random.Random(1).choice)) == 8


@pytest.mark.parametrize("typed", ["bb3k7qxm", "BB3K-7QXM", " bb3k 7qxm ", "b b 3 k-7qxm"])
def test_a_code_may_be_typed_in_any_case_with_dashes_and_spaces(typed: str) -> None:
    assert normal_code(typed) == "BB3K7QXM"
    assert shown_code("BB3K7QXM") == "BB3K-7QXM"


@pytest.mark.parametrize("typed", ["", "BB3K7QX", "BB3K7QXMM", "OOOOOOOO", "١٢٣٤٥٦٧٨", "../../etc"])
def test_a_text_that_cannot_be_a_code_gives_none(typed: str) -> None:
    assert normal_code(typed) is None


@pytest.mark.parametrize(
    "text", ["", "-1", "0", "1", "1025", "9999999999", "two", "²", "3.5", "1e3"]
)
def test_a_limit_outside_two_to_1024_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        whole_number(text, "limit", 2, 1024)
    assert set(refusal.value.fields) == {"limit"}


def test_the_fast_path_for_plain_text_gives_the_same_results(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    around = [f"a{c}b {c}" for c in map(chr, range(sys.maxunicode + 1)) if values.is_plain(c)]
    assert len(around) > 100_000
    short = [(clean(text), fold(text), length(text)) for text in around]
    monkeypatch.setattr(values, "is_plain", lambda text: False)
    for text, (cleaned, folded, count) in zip(around, short, strict=True):
        assert clean(text) == cleaned
        assert fold(text) == folded
        assert length(text) == count


@pytest.mark.parametrize("end", ["\t", "\u0301", "\ufe0f", "😀"])
def test_a_long_plain_name_with_an_unusual_end_is_read_in_one_pass(end: str) -> None:
    """A pattern that backtracks takes longer than the age of the universe."""
    text = "Ab1_" * 100 + end
    assert not values.is_plain(text)
    assert values.fold(text).startswith("ab1_")
    assert values.is_plain("FC Köln 04 - {Ł}_~!@[]^`")
