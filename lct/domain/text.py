"""Texts for people, in no language yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

Gettext = Callable[[str], str]
Ngettext = Callable[[str, str, int], str]


@dataclass(frozen=True, slots=True)
class Text:
    """A text by its key in the translations, which is its English, and the data in it.

    ``%(name)s`` in the key stands for the data of that name, which may be another text. A text with
    a ``plural`` depends on ``count``. ``str()`` gives the English, for logs and commands. Made by
    text() and counted() from literals: there tools/texts.py finds what is to be translated.
    """

    key: str
    data: tuple[tuple[str, object], ...] = ()
    plural: str = ""
    count: int = 1

    def said(self, gettext: Gettext, ngettext: Ngettext) -> str:
        """The text in the language of these two functions (gettext.NullTranslations)."""
        plain = not self.plural
        message = gettext(self.key) if plain else ngettext(self.key, self.plural, self.count)
        if not self.data:
            return message
        return message % {
            name: value.said(gettext, ngettext) if isinstance(value, Text) else value
            for name, value in self.data
        }

    def __str__(self) -> str:
        return self.said(_english, _english_plural)


def text(key: str, /, **data: object) -> Text:
    """A text that is the same for any number."""
    return Text(key, tuple(data.items()))


def counted(one: str, many: str, count: int, /, **data: object) -> Text:
    """A text about ``count`` things, which stands in it as ``%(n)s``."""
    return Text(one, (("n", count), *data.items()), many, count)


def verbatim(words: str) -> Text:
    """Words that are the same in every language, such as what a developer has to send."""
    return Text("%(words)s", (("words", words),))


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
