"""A language for tests: English in which every letter has an accent, so that a text which does not
come from the translations is seen by its plain letters."""

from __future__ import annotations

import re
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from lct.locale import DOMAIN
from tools.texts import texts

TAG = "en-XA"
_LETTERS = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "áƀćđéƒĝĥíĵķłɱñóƥɋŕšţúṽŵẋýžÁƁĆĐÉƑĜĤÍĴĶŁḾÑÓƤɊŔŠŢÚṼŴẊÝŽ",
)
# What a translator leaves as it is: data, tags, entities.
_KEPT = re.compile(r"%\(\w+\)s|%%|<[^>]*>|&\w+;|\{\w+\}")


def accented(english: str) -> str:
    kept = _KEPT.findall(english)
    rest = [part.translate(_LETTERS) for part in _KEPT.split(english)]
    return "".join(part for pair in zip(rest, [*kept, ""], strict=True) for part in pair)


def write_translations(folder: Path) -> Path:
    """Put the language's translations into a folder for LCT_LOCALE."""
    said = Catalog(locale="en", domain=DOMAIN)
    for message in texts():
        if message.id:
            several = isinstance(message.id, tuple)
            ids = message.id if several else (message.id,)
            shown = tuple(map(accented, ids))
            said.add(message.id, shown if several else shown[0])
    path = folder / TAG / "LC_MESSAGES" / f"{DOMAIN}.mo"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_mo(file, said)
    return folder
