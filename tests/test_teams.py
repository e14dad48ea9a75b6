"""Team lists: the classic ten, by stars, pasted."""

from pathlib import Path

import pytest

from lct.domain.errors import Invalid
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
