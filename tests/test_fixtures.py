"""Leagues and groups: everyone meets everyone, at home and away in turn, and rests are shared."""

import json
from collections import Counter
from itertools import groupby, islice, pairwise
from pathlib import Path

import pytest

from lct.domain.play.fixtures import (
    Group,
    berger,
    group_fixtures,
    group_name,
    groups,
    round_robin,
    rounds,
)
from lct.domain.play.matches import Fixture, Part, Seed

SIZES = range(2, 65)
ORACLES = json.loads((Path(__file__).parent / "data" / "fixture-oracles.json").read_text())


def by_round(fixtures: list[Fixture]) -> list[list[Fixture]]:
    return [list(matches) for _, matches in groupby(fixtures, key=lambda f: f.round)]


def sides(fixture: Fixture) -> tuple[int, int]:
    assert isinstance(fixture.home, Seed)
    assert isinstance(fixture.away, Seed)
    return fixture.home.n, fixture.away.n


def places(n: int, legs: int) -> dict[int, str]:
    """For each entrant, H and A in the order of their matches."""
    out = dict.fromkeys(range(1, n + 1), "")
    for home, away in map(sides, round_robin(n, legs)):
        out[home] += "H"
        out[away] += "A"
    return out


def longest_run(text: str) -> int:
    return max(len(list(run)) for _, run in groupby(text))


@pytest.mark.parametrize("n", SIZES)
def test_each_meets_each_once_or_once_at_home_and_once_away(n: int) -> None:
    once = Counter(frozenset(sides(f)) for f in round_robin(n))
    assert once == Counter(frozenset((a, b)) for b in range(1, n + 1) for a in range(1, b))
    twice = Counter(sides(f) for f in round_robin(n, 2))
    assert twice == Counter((a, b) for a in range(1, n + 1) for b in range(1, n + 1) if a != b)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("legs", [1, 2])
def test_nobody_plays_twice_in_a_round_and_each_rests_equally_often(n: int, legs: int) -> None:
    rests: Counter[int] = Counter()
    played = by_round(list(round_robin(n, legs)))
    assert len(played) == rounds(n, legs) == legs * (n if n % 2 else n - 1)
    for matches in played:
        playing = [side for match in matches for side in sides(match)]
        assert len(set(playing)) == len(playing) == n - n % 2
        free = set(range(1, n + 1)) - set(playing)
        assert len(free) == n % 2
        rests.update(free)
    assert rests == (Counter(dict.fromkeys(range(1, n + 1), legs)) if n % 2 else Counter())


@pytest.mark.parametrize("n", SIZES)
def test_home_and_away_are_as_equal_as_they_can_be(n: int) -> None:
    for place in places(n, 1).values():
        assert abs(place.count("H") - place.count("A")) == (n + 1) % 2
        assert sum(a == b for a, b in pairwise(place)) <= (n + 1) % 2
    for place in places(n, 2).values():
        assert place.count("H") == place.count("A") == n - 1
        assert longest_run(place) <= 2


def test_the_rounds_are_those_of_the_published_table() -> None:
    """The Berger table for five or six entrants, as printed in the FIDE Handbook."""
    table = [
        {(1, 6), (2, 5), (3, 4)},
        {(6, 4), (5, 3), (1, 2)},
        {(2, 6), (3, 1), (4, 5)},
        {(6, 5), (1, 4), (2, 3)},
        {(3, 6), (4, 2), (5, 1)},
    ]
    assert [set(berger(6, number)) for number in range(1, 6)] == table
    without_six = [{pair for pair in row if 6 not in pair} for row in table]
    assert [set(berger(5, number)) for number in range(1, 6)] == without_six


def test_a_double_league_changes_the_last_two_rounds_of_its_first_leg() -> None:
    """The FIDE Handbook advises it, against three matches running at home or away."""
    once = [{sides(f) for f in matches} for matches in by_round(list(round_robin(6)))]
    twice = [{sides(f) for f in matches} for matches in by_round(list(round_robin(6, 2)))]
    assert twice[:5] == [*once[:3], once[4], once[3]]
    assert twice[5:] == [{(away, home) for home, away in row} for row in once]


@pytest.mark.parametrize("n", [2, 3, 8, 63, 64])
def test_every_match_has_its_own_key_that_names_round_and_match(n: int) -> None:
    fixtures = list(round_robin(n, 2))
    assert len({f.key for f in fixtures}) == len(fixtures)
    for number, matches in enumerate(by_round(fixtures), 1):
        assert [f.key for f in matches] == [f"L{number}.{i + 1}" for i in range(len(matches))]
    assert {(f.part, f.group) for f in fixtures} == {(Part.LEAGUE, "")}


def test_a_league_of_1024_is_made_round_by_round() -> None:
    fixtures = round_robin(1024, 2)
    assert len({side for f in islice(fixtures, 512) for side in sides(f)}) == 1024
    assert next(fixtures).key == "L2.1"


@pytest.mark.parametrize(("n", "legs"), [(1, 1), (0, 1), (-1, 1), (4, 0), (4, 3)])
def test_a_league_needs_two_entrants_and_has_one_or_two_legs(n: int, legs: int) -> None:
    with pytest.raises(ValueError, match="no round robin"):
        next(round_robin(n, legs))


@pytest.mark.parametrize("n", SIZES)
def test_groups_differ_by_at_most_one_and_their_seeds_too(n: int) -> None:
    for count in range(1, n // 2 + 1):
        dealt = groups(n, count)
        sizes = [len(group.seeds) for group in dealt]
        assert sorted(seed for group in dealt for seed in group.seeds) == list(range(1, n + 1))
        assert max(sizes) - min(sizes) <= 1
        assert sizes == sorted(sizes, reverse=True)
        assert [group.seeds[0] for group in dealt] == list(range(1, count + 1))
        for row in range(max(sizes)):  # one of each row of the seeding, in a snake
            seeds = [group.seeds[row] for group in dealt if row < len(group.seeds)]
            assert seeds == sorted(seeds, reverse=row % 2 == 1)
            assert {(seed - 1) // count for seed in seeds} == {row}


def test_fourteen_in_four_groups_and_eleven_in_three() -> None:
    assert groups(14, 4) == (
        Group("A", (1, 8, 9, 14)),
        Group("B", (2, 7, 10, 13)),
        Group("C", (3, 6, 11)),
        Group("D", (4, 5, 12)),
    )
    assert [len(group.seeds) for group in groups(11, 3)] == [4, 4, 3]


@pytest.mark.parametrize(("n", "count"), [(7, 4), (1, 1), (4, 0), (4, -1)])
def test_every_group_needs_two_entrants(n: int, count: int) -> None:
    with pytest.raises(ValueError, match="do not fill"):
        groups(n, count)


def test_no_group_has_the_letter_of_the_knockout() -> None:
    names = [group_name(i) for i in range(512)]
    assert names[:12] == list("ABCDEFGHIJLM")
    assert names[24:27] == ["Z", "AA", "AB"]
    assert len(set(names)) == 512
    assert not any("K" in name for name in names)


@pytest.mark.parametrize(("n", "count"), [(14, 4), (9, 2), (5, 2)])
@pytest.mark.parametrize("legs", [1, 2])
def test_all_groups_go_through_their_round_robins_together(n: int, count: int, legs: int) -> None:
    dealt = groups(n, count)
    fixtures = list(group_fixtures(dealt, legs))
    assert len({f.key for f in fixtures}) == len(fixtures)
    order = [(f.round, f.group) for f in fixtures]
    assert order == sorted(order)
    for name, seeds in dealt:
        own = [f for f in fixtures if f.group == name]
        assert {f.part for f in own} == {Part.GROUP}
        for f, league in zip(own, round_robin(len(seeds), legs), strict=True):
            home, away = sides(league)
            assert (f.key, f.round) == (f"{name}{league.key[1:]}", league.round)
            assert sides(f) == (seeds[home - 1], seeds[away - 1])


@pytest.mark.parametrize(("format", "legs"), [("league", 1), ("double league", 2)])
@pytest.mark.parametrize("n", range(2, 17))
def test_leagues_are_those_of_three_other_programs(format: str, legs: int, n: int) -> None:
    """The same number of matches and rounds, and the same pairings and rest in round 1."""
    played = by_round(list(round_robin(n, legs)))
    ours = {
        "matches": sum(map(len, played)),
        "rounds": [list(map(len, played))],
        "byes": sorted(set(range(1, n + 1)) - {side for f in played[0] for side in sides(f)}),
        "first": sorted(sorted(sides(f)) for f in played[0]),
    }
    made = [package["formats"] for package in ORACLES["packages"]]
    theirs = [formats[format][str(n)] for formats in made if format in formats]
    assert len(theirs) == (3 if legs == 1 else 2)
    assert all(facts == ours for facts in theirs)
