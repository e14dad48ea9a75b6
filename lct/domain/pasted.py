"""What a pasted list of teams means: from a spreadsheet, on one line, numbered or with bullets."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from .spelling import sought
from .values import clean, fold, shows

# A longer list is not read, since that takes time, but refused by the rules.
LONGEST, MOST_LINES = 100_000, 2_400
SEPARATORS = "\t;,"

_QUOTES = ('""', "“”", "„“", "„”", "«»", "»«", "''", "‘’")
_BULLET = re.compile(r"(?:[•‣◦▪●○►✓☐☑]|(?:[-–—*·>]|\[[ xX]?\])\s)\s*(?=\S)")
_NUMBER = re.compile(r"[(#]?(\d{1,4})(?:\s*[.):]\s*|\s+[-–—]\s+|\s+)(?=\S)")
# What people call such a list or column, as sought() gives it.
_HEADING = re.compile(
    "(our )?(teams?|clubs?|squads?|names?|(team|club) names?|mannschaft(en)?|vereine?|equipes?"
    "|equipos?|clubes|squadr[ae]|druzyn[ay]|kluby?|takim(lar)?|lag|ploeg(en)?) ?:?"
)


class Reading(NamedTuple):
    """The names in a list, and what else was in it: headings, other columns, numbers, bullets."""

    names: tuple[str, ...]
    left_out: tuple[str, ...]
    lines: tuple[str, ...]  # the list without reading: one name per line

    @property
    def is_plain(self) -> bool:
        return self.names == self.lines


def read_list(pasted: str) -> Reading:
    """The names in a pasted list."""
    lines = pasted.splitlines()
    if len(pasted) > LONGEST or len(lines) > MOST_LINES:
        return Reading(tuple(lines), (), tuple(lines))
    both = [(name, line) for line in lines if shows(name := clean(line))]
    cleaned = tuple(name for name, _ in both)
    left_out: list[str] = []
    separator = next((each for each in SEPARATORS if any(each in line for _, line in both)), "")
    cells = _items([line for _, line in both], separator, left_out) if separator else None
    items = list(cleaned) if cells is None else cells
    if len(items) > 1 and (items[0].endswith(":") or _is_heading(items[0])):
        left_out.insert(0, items.pop(0))
    if all(item.endswith((",", ";")) for item in items[:-1]):
        items = [item.rstrip(",;") for item in items]
    items = [_unmarked(item, left_out) for item in items]
    numbered = [found for item in items if (found := _NUMBER.match(item))]
    counts = [int(found[1]) for found in numbered]
    # They are no part of the names only if they count up and tell nobody apart: “1. FC Köln”.
    if len(counts) > 1 and all(after == before + 1 for before, after in pairwise(counts)):
        bare = [_NUMBER.sub("", item, count=1) for item in items]
        if len(set(bare)) == len(set(items)):
            left_out += [found[0].strip() for found in numbered]
            items = [_unmarked(item, left_out) for item in bare]
    return Reading(tuple(filter(shows, items)), tuple(dict.fromkeys(left_out)), cleaned)


def _items(lines: Sequence[str], separator: str, left_out: list[str]) -> list[str] | None:
    """The cells with names, and ``left_out`` gets the others; None if the lines are the names."""
    rows = [_cells(line, separator) for line in lines]
    if len(rows) > 1 and (separator == "\t" or _is_table(rows)):
        return _column(rows, left_out)
    everywhere = separator == ";" and all(separator in line for line in lines)
    if len(rows) > 1 and not everywhere:
        return None  # it is part of a name
    heading, colon, first = rows[0][0].partition(":")
    if colon and shows(first) and _is_heading(heading):
        left_out.append(heading)
        rows[0][0] = first.strip()
    cells = [cell for row in rows for cell in row if cell]
    left_out += [cell for cell in cells if not _has_letters(cell)]
    return [cell for cell in cells if _has_letters(cell)]


def _cells(line: str, separator: str) -> list[str]:
    try:
        (row,) = csv.reader([line], delimiter=separator, skipinitialspace=True)
    except (csv.Error, ValueError):
        row = line.split(separator)
    cells = [clean(cell) for cell in row]
    while len(cells) > 1 and not cells[-1]:
        cells.pop()
    return cells


def _is_table(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the rows are equally long, and a column has a heading or numbers only."""
    if len({len(row) for row in rows}) > 1 or len(rows) < 2 or len(rows[0]) < 2:
        return False
    return any(map(_is_heading, rows[0])) or any(
        not any(map(_has_letters, column[1:])) for column in zip(*rows, strict=True)
    )


def _column(rows: Sequence[Sequence[str]], left_out: list[str]) -> list[str]:
    """The column with the names: by its heading, or else the one with the most different texts."""
    width = max(map(len, rows))
    body = [[*row, *[""] * (width - len(row))] for row in rows]
    first = body[0]
    headed = [place for place in range(width) if _is_heading(first[place])]
    if headed or any(
        _has_letters(top) and any(rest) and not any(map(_has_letters, rest))
        for top, *rest in zip(*body, strict=True)
    ):
        left_out.append(" ".join(filter(None, first)))
        del body[0]
    different = [len({fold(cell) for cell in column if _has_letters(cell)})
                 for column in zip(*body, strict=True)]  # fmt: skip
    chosen = headed[0] if headed else different.index(max(different))
    left_out += [cell for row in body for place, cell in enumerate(row) if cell and place != chosen]
    return [row[chosen] for row in body if row[chosen]]


def _unmarked(item: str, left_out: list[str]) -> str:
    """The item without quotation marks and a bullet."""
    item = _unquoted(item.strip())
    if found := _BULLET.match(item):
        left_out.append(found[0].strip())
        item = _unquoted(item[found.end() :])
    return item


def _unquoted(item: str) -> str:
    inner, pair = item[1:-1], item[:1] + item[-1:]
    is_quoted = pair in _QUOTES and inner == inner.strip() and not set(pair) & set(inner)
    return inner if is_quoted and shows(inner) else item


def _is_heading(cell: str) -> bool:
    return _HEADING.fullmatch(sought(cell)) is not None


def _has_letters(cell: str) -> bool:
    return any(unicodedata.category(c)[0] == "L" or unicodedata.category(c) == "So" for c in cell)
