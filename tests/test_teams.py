"""Team lists: the classic ten, by stars, pasted."""

from pathlib import Path

import pytest

from lct.domain.errors import Invalid
from lct.domain.teams import classic_teams, parse_catalogue, pasted_teams, rated_teams

CATALOGUE = parse_catalogue(Path("lct/data/teams.csv").read_text(encoding="utf-8"))


def test_the_classic_list_has_ten_teams() -> None:
    assert len(classic_teams(CATALOGUE)) == 10


def test_lists_by_stars_keep_to_the_floor_the_cap_and_the_kinds() -> None:
    teams = rated_teams(CATALOGUE, ["nation"], 4.0, 4.5)
    assert teams
    assert {team.kind for team in teams} == {"nation"}
    assert all(4.0 <= team.stars <= 4.5 for team in teams)
    assert len(rated_teams(CATALOGUE, ["club", "nation"], 2.0, 5.0)) == len(CATALOGUE)


def test_a_pasted_list_is_cleaned_line_by_line() -> None:
    teams = pasted_teams("  Rot-Weiß \r\n\n Wisła\u200b\n".splitlines())
    assert [team.name for team in teams] == ["Rot-Weiß", "Wisła"]


def test_teams_pasted_twice_are_named() -> None:
    with pytest.raises(Invalid, match="wisła"):
        pasted_teams(["Wisła", "Lech", "wisła"])


@pytest.mark.parametrize("text", ["", " \n \n", "\u200b\n"])
def test_an_empty_pasted_list_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        pasted_teams(text.splitlines())


def test_two_thousand_pasted_teams_fit_and_no_more() -> None:
    lines = [f"Team {i}" for i in range(2001)]
    assert len(pasted_teams(lines[:2000])) == 2000
    with pytest.raises(Invalid, match="2001 teams"):
        pasted_teams(lines)
