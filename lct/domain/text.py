"""Texts for people, in no language yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Union

# Scripts that are written from right to left.
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"  # UAX #9
Gettext = Callable[[str], str]
Ngettext = Callable[[str, str, int], str]


Said = Union[str, int, float, "Text"]  # in a text: names and other words, numbers, other texts


@dataclass(frozen=True, slots=True)
class Text:
    """A text by its key in the translations, which is its English, and the data in it.

    ``%(name)s`` in the key stands for the data of that name, which may be another text. A text with
    a ``plural`` depends on ``count``. ``str()`` gives the English, for logs and commands. Made by
    text() and counted() from literals: there tools/texts.py finds what is to be translated.
    """

    key: str
    data: tuple[tuple[str, Said], ...] = ()
    plural: str = ""
    count: int = 1

    def said(
        self,
        gettext: Gettext,
        ngettext: Ngettext,
        isolate: Callable[[str, str], str] | None = None,
    ) -> str:
        """The text in the language of these two functions (gettext.NullTranslations). The strings
        in its data are names and other words in a language of their own: ``isolate`` gets each, and
        the text that it goes into. By default they get invisible marks where they need them."""
        isolate = isolate or isolated
        plain = not self.plural
        message = gettext(self.key) if plain else ngettext(self.key, self.plural, self.count)
        if not self.data:
            return message
        return message % {
            name: value.said(gettext, ngettext, isolate)
            if isinstance(value, Text)
            else isolate(value, message)
            if isinstance(value, str)
            else value
            for name, value in self.data
        }

    def __str__(self) -> str:
        return self.said(_english, _english_plural)


def isolated(words: str, around: str = "") -> str:
    """The words so that their direction does not move what stands ``around`` them."""
    if words.isascii() and around.isascii():
        return words
    if _RIGHT_TO_LEFT.search(words) or (around and _RIGHT_TO_LEFT.search(around)):
        return f"{FIRST_STRONG_ISOLATE}{words}{POP_ISOLATE}"
    return words


def text(key: str, /, **data: Said) -> Text:
    """A text that is the same for any number."""
    return Text(key, tuple(data.items()))


def counted(one: str, many: str, count: int, /, **data: Said) -> Text:
    """A text about ``count`` things, which stands in it as ``%(n)s``."""
    return Text(one, (("n", count), *data.items()), many, count)


def verbatim(words: str) -> Text:
    """Words that are the same in every language, such as what a developer has to send."""
    return Text("%(words)s", (("words", words),))


def in_order(words: Iterable[str]) -> Text:
    """Names one after the other, with commas."""
    data = {f"w{i}": each for i, each in enumerate(words)}
    return Text(", ".join(f"%({name})s" for name in data), tuple(data.items()))


def together(texts: Iterable[Text]) -> Text:
    """One or more whole sentences, one after the other."""
    first, *more = texts
    if not more:
        return first
    data = {f"s{i}": each for i, each in enumerate((first, *more))}
    return Text(" ".join(f"%({name})s" for name in data), tuple(data.items()))


def _english(key: str) -> str:
    return key


def _english_plural(one: str, many: str, count: int) -> str:
    return one if count == 1 else many
