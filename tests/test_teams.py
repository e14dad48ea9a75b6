"""Team lists: the classic ten, by stars, pasted."""

import time
from pathlib import Path

import pytest

from lct.domain.errors import Invalid
from lct.domain.pasted import read_list
from lct.domain.teams import (
    MAX_ELABORATE,
    MAX_TEAMS,
    classic_teams,
    parse_catalogue,
    pasted_teams,
    rated_teams,
)

CATALOGUE = parse_catalogue(Path("lct/data/teams.csv").read_text(encoding="utf-8"))


def test_the_classic_list_has_ten_teams() -> None:
    assert len(classic_teams(CATALOGUE)) == 10


def test_a_rated_list_keeps_to_the_star_range_and_the_kinds() -> None:
    teams = rated_teams(CATALOGUE, ["nation"], 4.0, 4.5)
    assert teams
    assert {team.kind for team in teams} == {"nation"}
    assert all(4.0 <= team.stars <= 4.5 for team in teams)
    assert len(rated_teams(CATALOGUE, ["club", "nation"], 2.0, 5.0)) == len(CATALOGUE)


def test_a_pasted_list_is_cleaned_line_by_line() -> None:
    teams = pasted_teams("  Rot-Weiß \r\n\n Wisła\u200b\n".splitlines())
    assert [team.name for team in teams] == ["Rot-Weiß", "Wisła"]


def test_the_refusal_names_a_team_that_was_pasted_twice() -> None:
    with pytest.raises(Invalid, match="wisła"):
        pasted_teams(["Wisła", "Lech", "wisła"])


THREE = ("Arsenal", "Chelsea", "Roma")


@pytest.mark.parametrize(
    "pasted",
    [
        "1\tArsenal\t5\n2\tChelsea\t4\n3\tRoma\t4",
        "Pos\tTeam\tPts\n1\tArsenal\t5\n2\tChelsea\t4\n2\tRoma\t4",
        "Country\tClub\nEngland\tArsenal\nEngland\tChelsea\nItaly\tRoma",
        "England\tArsenal\nEngland\tChelsea\nItaly\tRoma",
        "Arsenal\tChelsea\tRoma",
        "Club;Stars\nArsenal;5\nChelsea;4.5\nRoma;4",
        '"Arsenal","England",5\n"Chelsea","England",4\n"Roma","Italy",4',
        "Arsenal; Chelsea; Roma",
        "Arsenal, Chelsea, Roma",
        "Teams: Arsenal, Chelsea, Roma",
        "Arsenal; Chelsea;\nRoma;",
        "Arsenal,\nChelsea,\nRoma",
        '"Arsenal"\n“Chelsea”\n«Roma»',
        "Our teams:\n\nArsenal\nChelsea\nRoma",
        "Mannschaft\nArsenal\nChelsea\nRoma",
        "1. Arsenal\n2) Chelsea\n(3) Roma",
        "1.Arsenal\n2.Chelsea\n3.Roma",
        "1. Arsenal\n2) Chelsea\n- Roma",
        "• Arsenal\n• Chelsea\n•Roma",
        "* Arsenal\n[ ] Chelsea\n– Roma",
        '1. "Arsenal"\n2. "Chelsea"\n3. "Roma"',
        "1.\t- Arsenal\n2.\t- Chelsea\n3.\t- Roma",
    ],
)
def test_a_list_is_read_as_people_paste_it(pasted: str) -> None:
    reading = read_list(pasted)
    assert reading.names == THREE
    assert not reading.is_plain
    assert read_list("\n".join(reading.names)).is_plain


@pytest.mark.parametrize(
    "names",
    [
        THREE,
        ("1. FC Köln", "1. FC Nürnberg", "Bayern"),
        ("1. FC Köln", "Hannover 96", "1899 Hoffenheim", "1860 München", "Schalke 04"),
        ("Brighton, The", "St. Pauli", "Rot-Weiß"),
        ("A; B", "Arsenal", "C, D"),
        ("The “Invincibles”", "'s-Hertogenbosch", "D'Arc"),
        ("🐺", "小明", "-Ism"),
        ("1 Team", "2 Team", "3 Team"),
    ],
)
def test_a_list_of_names_stays_as_it_is(names: tuple[str, ...]) -> None:
    assert read_list("\n".join(names)).names == names
    assert read_list("\n".join(f"{n}. {name}" for n, name in enumerate(names, 1))).names == names


def test_the_reading_says_what_was_left_out() -> None:
    assert read_list("Arsenal\t\n\nChelsea \t\n").is_plain
    assert read_list("Pos\tTeam\tPts\n1\tArsenal\t55\n2\tChelsea\t54").left_out == (
        *("Pos Team Pts", "1", "55", "2", "54"),
    )
    assert read_list("Teams:\n1. Arsenal\n2. Chelsea\n").left_out == ("Teams:", "1.", "2.")


@pytest.mark.parametrize("line", ["a\tb\t1\n", "é;", '"a";', "1. é\n", "\u1100\u0300", "👨‍👩‍👧‍👦 "])
def test_a_list_of_any_size_is_read_in_time(line: str) -> None:
    began = time.process_time()
    read_list((line * 256 * 1024)[: 256 * 1024])
    assert time.process_time() - began < 1


@pytest.mark.parametrize("other", ["Wis\U000e0100ła", "WISŁA\u180b", "Wis\u2065ła"])
def test_a_team_with_an_invisible_character_is_no_second_team(other: str) -> None:
    with pytest.raises(Invalid, match="more than once"):
        pasted_teams(["Wisła", "Lech", other])


@pytest.mark.parametrize("text", ["", " \n \n", "\u200b\n", "\u0301\n\ufffc"])
def test_an_empty_pasted_list_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        pasted_teams(text.splitlines())


def test_a_pasted_list_holds_at_most_twelve_hundred_teams() -> None:
    lines = [f"Team {i}" for i in range(1201)]
    assert len(pasted_teams(lines[:1200])) == 1200
    with pytest.raises(Invalid, match="1201 teams"):
        pasted_teams(lines)


@pytest.mark.parametrize("drawn", ["😀", "e\u0301", "कि"])
def test_a_list_takes_emoji_and_marks_up_to_a_limit(drawn: str) -> None:
    names = [f"{number:04}{drawn * 18}" for number in range(MAX_TEAMS)]
    fit = MAX_ELABORATE // len(names[0])
    assert len(pasted_teams(names[:fit])) == fit
    with pytest.raises(Invalid, match="emoji or combining marks"):
        pasted_teams(names[: fit + 1])
    assert len(pasted_teams([*names[:fit], *(f"Żółw {number:04}" for number in range(500))]))
