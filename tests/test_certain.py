"""A place is called certain only when no result of the matches left can change it."""

import random
from itertools import combinations, product

import pytest

from lct.domain.play.certain import certain
from lct.domain.play.open_places import Range
from lct.domain.play.standings import standings
from lct.domain.play.tallies import Outcome, count
from lct.domain.play.tie_breaks import (
    HEAD_TO_HEAD,
    HEAD_TO_HEAD_FIRST,
    OVERALL_FIRST,
    Order,
    Rule,
    Rules,
)

OVERALL, DIRECT = Rules(order=OVERALL_FIRST), Rules(order=HEAD_TO_HEAD_FIRST)
OWN = [
    Rules(order=Order((Rule.WINS, Rule.H2H_POINTS, Rule.GOALS, Rule.LOTS))),
    Rules(order=Order((Rule.GOALS, Rule.DIFFERENCE, *HEAD_TO_HEAD, Rule.LOTS), restart=True)),
    Rules(2, 1, 0, order=Order((Rule.H2H_POINTS, Rule.DIFFERENCE, Rule.H2H_GOALS, Rule.LOTS))),
    Rules(order=Order(HEAD_TO_HEAD, restart=False)),
]
ONE_ROUND_LEFT = [
    Outcome("Ada", "Bo", 1, 0),
    Outcome("Ada", "Cai", 1, 0),
    Outcome("Bo", "Dee", 1, 0),
    Outcome("Cai", "Dee", 1, 0),
]
LAST_ROUND = [("Ada", "Dee"), ("Bo", "Cai")]
PEOPLE = ["Ada", "Bo", "Cai", "Dee"]


def by_trying(
    entrants: list[str],
    outcomes: list[Outcome],
    rules: Rules,
    left: list[tuple[str, str]],
    most: int,
) -> dict[str, Range]:
    """The places that occur over all scores up to ``most`` goals; lots can fall either way."""
    tallies = count(outcomes)
    lots = Rule.LOTS in rules.order.rules
    seen: dict[str, set[int]] = {entrant: set() for entrant in entrants}
    for goals in product(product(range(most + 1), repeat=2), repeat=len(left)):
        ending = [Outcome(*pair, *score) for pair, score in zip(left, goals, strict=True)]
        rows = standings(entrants, count(ending, tallies), rules, None, finished=True)
        for row in rows:
            sharing = sum(other.place == row.place for other in rows) if lots else 1
            seen[row.entrant] |= {row.place, row.place + sharing - 1}
    return {entrant: Range(min(places), max(places)) for entrant, places in seen.items()}


def random_group(rng: random.Random, left: int) -> tuple[list[str], list[Outcome], list]:
    people = PEOPLE[: rng.choice((3, 4, 4))]
    fixtures = list(combinations(people, 2)) * rng.choice((1, 1, 2))
    rng.shuffle(fixtures)
    left = min(left, len(fixtures) - 1)
    outcomes = [Outcome(a, b, rng.randrange(4), rng.randrange(4)) for a, b in fixtures[left:]]
    return people, outcomes, fixtures[:left]


def test_head_to_head_makes_the_first_and_the_last_certain() -> None:
    ranges = certain(PEOPLE, count(ONE_ROUND_LEFT), DIRECT, LAST_ROUND)
    assert ranges == {"Ada": (1, 1), "Bo": (2, 3), "Cai": (2, 3), "Dee": (4, 4)}
    assert ranges == by_trying(PEOPLE, ONE_ROUND_LEFT, DIRECT, LAST_ROUND, 6)


def test_goals_can_still_take_the_first_place_but_not_a_place_in_the_top_two() -> None:
    ranges = certain(PEOPLE, count(ONE_ROUND_LEFT), OVERALL, LAST_ROUND)
    assert ranges == {"Ada": (1, 2), "Bo": (1, 4), "Cai": (1, 4), "Dee": (3, 4)}
    assert ranges == by_trying(PEOPLE, ONE_ROUND_LEFT, OVERALL, LAST_ROUND, 6)


def test_a_correction_takes_back_what_was_certain() -> None:
    corrected = [Outcome("Ada", "Bo", 0, 1), *ONE_ROUND_LEFT[1:]]
    assert certain(PEOPLE, count(corrected), DIRECT, LAST_ROUND)["Ada"] == (1, 4)


@pytest.mark.parametrize("rules", [OVERALL, DIRECT, *OWN])
def test_nothing_is_called_certain_that_a_result_can_change(rules: Rules) -> None:
    rng = random.Random(11)
    for _ in range(20):
        people, outcomes, left = random_group(rng, rng.choice((1, 1, 2, 2)))
        occurring = by_trying(people, outcomes, rules, left, most=3)
        claimed = certain(people, count(outcomes), rules, left)
        for entrant, (best, worst) in occurring.items():
            assert claimed[entrant].best <= best, (outcomes, left, entrant)
            assert claimed[entrant].worst >= worst, (outcomes, left, entrant)


@pytest.mark.parametrize("rules", [OVERALL, DIRECT, OWN[1]])
def test_with_few_scores_tried_a_range_is_wider_but_never_too_narrow(
    rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(14)
    for _ in range(80):
        people = PEOPLE[: rng.choice((3, 3, 4))]
        fixtures = list(combinations(people, 2))
        rng.shuffle(fixtures)
        most = rng.choice((1, 2))
        outcomes = [Outcome(a, b, rng.randint(0, most), rng.randint(0, most)) for a, b in fixtures]
        left, decided = fixtures[:1], outcomes[1:]
        exact = certain(people, count(decided), rules, left)
        monkeypatch.setattr("lct.domain.play.certain.MOST_SCORES", rng.choice((1, 6, 12)))
        wider = certain(people, count(decided), rules, left)
        monkeypatch.undo()
        for entrant in people:
            assert wider[entrant].best <= exact[entrant].best, (outcomes, entrant)
            assert wider[entrant].worst >= exact[entrant].worst, (outcomes, entrant)


@pytest.mark.parametrize("rules", [OVERALL, DIRECT, *OWN])
def test_no_way_of_playing_on_leaves_the_range(rules: Rules) -> None:
    rng = random.Random(13)
    for _ in range(20):
        people = [f"p{i}" for i in range(rng.randint(4, 7))]
        fixtures = list(combinations(people, 2))
        rng.shuffle(fixtures)
        left, decided = fixtures[: rng.randint(3, 6)], fixtures[6:]
        tallies = count(Outcome(a, b, rng.randrange(3), rng.randrange(3)) for a, b in decided)
        ranges = certain(people, tallies, rules, left)
        lots = {entrant: i for i, entrant in enumerate(rng.sample(people, len(people)))}
        for _ in range(60):
            most = rng.choice((1, 2, 6))
            ending = [Outcome(*pair, rng.randint(0, most), rng.randint(0, most)) for pair in left]
            rows = standings(people, count(ending, tallies), rules, lots, finished=True)
            for row in rows:
                best, worst = ranges[row.entrant]
                assert best <= row.place <= worst, (decided, tallies, ending)


@pytest.mark.parametrize("rules", [OVERALL, DIRECT, *OWN])
def test_with_one_match_left_nothing_certain_is_missed(rules: Rules) -> None:
    rng = random.Random(12)
    for _ in range(20):
        people, outcomes, left = random_group(rng, 1)
        claimed = certain(people, count(outcomes), rules, left)
        assert claimed == by_trying(people, outcomes, rules, left, most=14), (outcomes, left)


def test_goals_cannot_take_two_above_a_third_who_needs_only_one_below() -> None:
    # Only a win of Ada's makes three level. Bo then has 2 goals less the margin, Ada 3 goals less
    # than it, and Cai has 1: no margin puts both above Cai.
    outcomes = [Outcome("Bo", "Cai", 2, 0), Outcome("Ada", "Cai", 0, 3)]
    ranges = certain(["Ada", "Bo", "Cai"], count(outcomes), OVERALL, [("Ada", "Bo")])
    assert ranges == {"Ada": (1, 3), "Bo": (1, 3), "Cai": (1, 2)}


@pytest.mark.parametrize("scores", [1_000, 1])
def test_goals_of_others_can_change_who_is_compared_head_to_head(
    scores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lct.domain.play.certain.MOST_SCORES", scores)
    # Overall first: Dee can draw level with Ada and Bo, and then Bo's win against Ada is not all.
    outcomes = [
        Outcome("Cai", "Dee", 1, 0),
        Outcome("Ada", "Cai", 1, 0),
        Outcome("Ada", "Dee", 1, 1),
        Outcome("Bo", "Cai", 0, 0),
        Outcome("Ada", "Bo", 0, 1),
    ]
    assert certain(PEOPLE, count(outcomes), OVERALL, [("Bo", "Dee")])["Ada"] == (1, 3)
    # Head-to-head first: goals decide who is still level for the second pass.
    outcomes = [
        Outcome("Bo", "Dee", 1, 1),
        Outcome("Ada", "Bo", 1, 0),
        Outcome("Bo", "Cai", 2, 1),
        Outcome("Cai", "Dee", 2, 2),
        Outcome("Ada", "Dee", 0, 0),
    ]
    assert certain(PEOPLE, count(outcomes), DIRECT, [("Ada", "Cai")])["Bo"] == (1, 3)


def test_the_second_pass_makes_a_place_certain() -> None:
    # World Cup 1994, group F: three level, the Netherlands and Saudi Arabia level again among them.
    decided = [
        Outcome("Belgium", "Morocco", 1, 0),
        Outcome("Netherlands", "Saudi", 2, 1),
        Outcome("Belgium", "Netherlands", 1, 0),
        Outcome("Saudi", "Morocco", 2, 1),
        Outcome("Morocco", "Netherlands", 1, 2),
        Outcome("Belgium", "Saudi", 0, 1),
    ]
    teams = ["Belgium", "Guest", "Morocco", "Netherlands", "Saudi"]
    ranges = certain(teams, count(decided), DIRECT, [("Morocco", "Guest")])
    assert [ranges[team] for team in teams] == [(3, 3), (4, 5), (4, 5), (1, 1), (2, 2)]


def test_points_decide_while_too_many_matches_are_left() -> None:
    others = [f"p{i}" for i in range(1, 6)]
    outcomes = [Outcome("p0", other, 1, 0) for other in others]
    left = list(combinations(others, 2))
    ranges = certain(["p0", *others], count(outcomes), DIRECT, left)
    assert ranges == {"p0": (1, 1)} | dict.fromkeys(others, (2, 6))
    # Each of the five could still reach the 12 points of p0, though not all of them at once.
    close = count(outcomes[:4])
    assert certain(["p0", *others], close, OVERALL, [*left, ("p0", "p5")])["p0"] == (1, 6)


def test_lots_are_open_until_they_are_drawn() -> None:
    tallies = count([Outcome("Ada", "Bo", 1, 1)])
    assert certain(["Ada", "Bo"], tallies, DIRECT, []) == {"Ada": (1, 2), "Bo": (1, 2)}
    lots = {"Ada": 2, "Bo": 1}
    assert certain(["Ada", "Bo"], tallies, DIRECT, [], lots) == {"Ada": (2, 2), "Bo": (1, 1)}
    for_good = Rules(order=Order(HEAD_TO_HEAD))  # without lots they share the first place
    assert certain(["Ada", "Bo"], tallies, for_good, []) == {"Ada": (1, 1), "Bo": (1, 1)}


def test_recorded_lots_decide_while_others_play() -> None:
    tallies = count([Outcome("Ada", "Bo", 1, 1)])
    undrawn = certain(PEOPLE, tallies, DIRECT, [("Cai", "Dee")])
    assert undrawn["Ada"] == undrawn["Bo"] == (1, 4)
    drawn = certain(PEOPLE, tallies, DIRECT, [("Cai", "Dee")], {"Ada": 2, "Bo": 1})
    assert (drawn["Ada"], drawn["Bo"]) == ((2, 4), (1, 3))
