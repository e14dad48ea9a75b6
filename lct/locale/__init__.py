"""The languages of the installation, and the one that is spoken now.

The key of a text is its English, so English needs no translations. Those of another language are a
file ``<tag>/LC_MESSAGES/lct.mo``, made from lct.pot here with any gettext tool. Logs, commands and
the API's description are for developers and operators, and are in English only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from ..domain.text import Text

DOMAIN = "lct"


@dataclass(frozen=True, eq=False, slots=True)
class Language:
    tag: str  # BCP 47, e.g. "pt-BR"
    translations: NullTranslations

    def say(self, text: Text) -> str:
        return text.said(self.translations.gettext, self.translations.ngettext)


ENGLISH = Language("en", NullTranslations())
_spoken: ContextVar[Language] = ContextVar("language", default=ENGLISH)


def languages(folder: Path) -> tuple[Language, ...]:
    """English, then every language with translations in the folder, by tag."""
    found = [ENGLISH]
    for path in sorted(folder.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")):
        with path.open("rb") as file:
            found.append(Language(path.parts[-3].replace("_", "-"), GNUTranslations(file)))
    return tuple(found)


def spoken() -> Language:
    """The language of this request, or of the screen that is being rendered."""
    return _spoken.get()


def speak(language: Language) -> None:
    """Use the language from now on in this context."""
    _spoken.set(language)


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def say(text: Text) -> str:
    """The text in the language that is spoken now."""
    return _spoken.get().say(text)
