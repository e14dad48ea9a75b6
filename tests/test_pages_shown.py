"""The matches on the TV in pages: which matches stand where, and which pages are shown."""

from __future__ import annotations

import pytest

from lct.application.screens.board import head, stages
from lct.application.screens.champion import champion
from lct.application.screens.region import Region, Scene
from lct.domain.play.formats import DOUBLE, KNOCKOUT

from .test_play import Cup


def scene(cup: Cup) -> Scene:
    return Scene(cup.t, cup.later(60))


def pages(cup: Cup) -> list[Region]:
    """The stages that have a page."""
    return [region for region in stages(scene(cup)) if region.data]


def shown(page: Region) -> dict[str, tuple[int, int, int]]:
    """Match -> its column, its row and how many rows it spans."""
    places = [child.data for child in page.children if child.template == "board/_match.html"]
    return {place.match.key: place.at[:3] for place in places}  # type: ignore[attr-defined]


def play(cup: Cup, *rounds: str) -> None:
    """Decide every match whose key begins so, for its first side."""
    for prefix in rounds:
        for key in [k for k in cup.play.competition.matches if k.startswith(f"{prefix}.")]:
            cup.rule(key, 1, 0)


def test_a_cup_of_32_has_two_pages_until_16_are_left() -> None:
    cup = Cup(32, KNOCKOUT)
    upper, lower = pages(cup)
    assert [len(shown(page)) for page in (upper, lower)] == [15, 15]
    assert {"K32.1", "K32.8", "K16.4", "K8.2", "K4.1"} <= shown(upper).keys()
    assert {"K32.9", "K32.16", "K16.5", "K8.3", "K4.2"} <= shown(lower).keys()
    assert str(upper.data.to) == "To the Final"  # type: ignore[attr-defined]
    play(cup, "K32")
    (page,) = pages(cup)
    assert len(shown(page)) == 15
    assert "K2.1" in shown(page)
    cup.rule("K32.16")  # no result any more
    assert len(pages(cup)) == 2


def test_a_cup_of_64_has_four_pages_that_end_before_the_semi_final() -> None:
    cup = Cup(64, KNOCKOUT, third_place=True)
    assert [page.id for page in pages(cup)] == ["stage", "stage-2", "stage-3", "stage-4"]
    assert [str(page.data.to) for page in pages(cup)] == ["To the Semi-final"] * 4  # type: ignore[attr-defined]
    assert {key[:3] for page in pages(cup) for key in shown(page)} == {"K64", "K32", "K16", "K8."}


def test_of_a_large_cup_the_pages_with_matches_on_now_or_next_are_shown() -> None:
    cup = Cup(1024, KNOCKOUT)
    (first,) = pages(cup)
    assert "K1024.1" in shown(first)
    for number in range(1, 8):
        cup.rule(f"K1024.{number}", 1, 0)
    before, after = pages(cup)
    assert {"K1024.7", "K1024.8"} <= shown(before).keys()  # just in, and on now
    assert {"K1024.9", "K1024.10"} <= shown(after).keys()  # on now, and next
    cup.rule("K1024.8", 1, 0)
    cup.rule("K1024.9", 1, 0)
    (page,) = pages(cup)
    assert page.id == after.id  # it keeps its stage


def test_both_sides_of_a_double_elimination_have_pages_until_they_fit_on_one() -> None:
    cup = Cup(16, DOUBLE)
    winners, losers = pages(cup)
    assert {"W1.1", "W1.8", "W4.1"} <= shown(winners).keys()
    assert {"D1.1", "D6.1", "F1", "F2"} <= shown(losers).keys()
    play(cup, "W1", "D1", "W2", "D2")
    (page,) = pages(cup)
    assert set(shown(page)) == {
        *("W2.1", "W2.2", "W2.3", "W2.4", "W3.1", "W3.2", "W4.1"),
        *("D3.1", "D3.2", "D4.1", "D4.2", "D5.1", "D6.1", "F1", "F2"),
    }


@pytest.mark.parametrize("kind", [KNOCKOUT, DOUBLE])
def test_no_two_matches_stand_in_the_same_place_and_none_is_shown_twice(kind: str) -> None:
    for n in range(2, 65):
        cup = Cup(n, kind)
        found: list[str] = []
        for page in pages(cup):
            cells: set[tuple[int, int]] = set()
            for key, (column, row, span) in shown(page).items():
                taken = {(column, row + i) for i in range(span)}
                assert column <= 8
                assert row + span <= 9
                assert cells.isdisjoint(taken), (n, key)
                cells |= taken
                found.append(key)
        assert len(found) == len(set(found))
        assert set(cup.called()) <= set(found), n


def test_the_page_of_the_newest_result_comes_first() -> None:
    cup = Cup(32, KNOCKOUT)
    assert head(scene(cup)).data.first == "stage"  # type: ignore[attr-defined]
    cup.rule("K32.9", 1, 0)
    assert head(scene(cup)).data.first == "stage-2"  # type: ignore[attr-defined]


def test_people_who_share_a_first_name_are_told_apart() -> None:
    cup = Cup(2, KNOCKOUT)
    for player, last in zip(cup.t.players.values(), ("Nowak", "Nolan"), strict=True):
        player.first, player.last = "Ola", last
    (page,) = pages(cup)
    match = page.children[1].data.match  # type: ignore[attr-defined]
    assert {match.home.short, match.away.short} == {"Ola Nowak", "Ola Nolan"}


def test_each_number_beside_the_champion_has_its_match() -> None:
    """M16: a walkover and the shots of a shoot-out are no goals."""
    cup = Cup(4, KNOCKOUT)
    cup.rule("K4.1", 3, 3, (0, 0), (4, 2))
    cup.rule("K4.2", came="home")
    cup.rule("K2.1", 1, 0)
    shown = champion(scene(cup))
    assert (shown.name.split()[0], shown.matches, shown.goals) == ("N0", 2, 7)
    assert shown.biggest
    assert shown.wildest
    assert (shown.biggest.key, shown.wildest.key) == ("K2.1", "K4.1")
    assert shown.most
    assert (shown.most.name.split()[0], shown.most.goals) == ("N0", 4)
    assert (shown.most.match.key, shown.most.side) == ("K4.1", "home")
