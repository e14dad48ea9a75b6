"""Values from the store are built only if every part has exactly its type."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from lct.domain.codec import plain, reader


class Row(NamedTuple):
    name: str
    stars: float
    number: int | None


@dataclass
class Mutable:
    name: str
    stars: float
    number: int | None = None


@dataclass
class Whole:
    text: str | None
    rows: tuple[Row, ...]
    by_number: dict[int, str]
    either: Row | int


@pytest.mark.parametrize("stars", [4.5, 4])
@pytest.mark.parametrize("either", [Row("b", 0.5, None), 3])
@pytest.mark.parametrize("text", ["some", None])
def test_a_value_is_the_same_after_storing(text: str | None, either: Row | int, stars: Any) -> None:
    value = Whole(text, (Row("a", stars, None), Row("b", 1.0, 2)), {1: "one"}, either)
    again = reader(Whole)(plain(value))
    assert again == value
    assert {type(row) for row in again.rows} == {Row}
    assert {type(row.stars) for row in again.rows} == {float}


@pytest.mark.parametrize(
    ("kind", "stored"),
    [
        (int, True),
        (float, True),
        (int | None, True),
        (int | None, "1"),
        (int | None, 1.0),
        (str | None, 1),
        (tuple[int, str], [True, "a"]),
        (tuple[int, str], [1]),
        (tuple[int, str], [1, "a", "b"]),
        (tuple[int, str], "1a"),
        (tuple[str, float], ["a", True]),
        (dict[int, str], [["1", "a"]]),
        (datetime | None, 0),
        (Row, ["a", "4.5", None]),
        (Row | int, ["a"]),
    ],
)
def test_a_part_of_another_type_is_refused(kind: Any, stored: Any) -> None:
    with pytest.raises(TypeError):
        reader(kind)(stored)


@pytest.mark.parametrize("kind", [Row, Mutable, tuple[str, float, int | None]])
def test_a_row_is_checked_also_after_others_like_it(kind: Any) -> None:
    read = reader(kind)
    for number in (1, None, 2):
        given = ["a", 4.5, number]
        assert plain(read(given)) == given
    (_, stars, _) = plain(read(["a", 4, 1]))
    assert (type(stars), stars) == (float, 4.0)
    for wrong in (["a", 4.5, True], ["a", True, 1], [1, 4.5, 1], ["a", 4.5, 1.0], ["a", 4.5]):
        with pytest.raises(TypeError):
            read(wrong)
    (_, stars, _) = plain(read(["a", 4, 2]))
    assert type(stars) is float


def test_an_optional_time_is_read() -> None:
    now = datetime.now(UTC)
    assert [reader(datetime | None)(each) for each in (now, None)] == [now, None]


@dataclass(frozen=True)
class Grown:
    name: str
    legs: int = 1  # added later


def test_a_value_stored_before_a_field_was_added_has_its_default() -> None:
    assert plain(Grown("cup")) == {"name": "cup", "legs": 1}
    assert reader(Grown)({"name": "cup"}) == Grown("cup", 1)
    for wrong in ({"legs": 2}, {"name": "cup", "leg": 2}, {"name": "cup", "legs": "2"}):
        with pytest.raises(TypeError):
            reader(Grown)(wrong)
