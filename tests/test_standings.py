"""Tables come out as the rules say, and every place knows the rule that decided it."""

import json
import random
from itertools import permutations
from pathlib import Path

import pytest

from lct.domain.play.standings import (
    Row,
    across,
    standings,
)
from lct.domain.play.tallies import How, Outcome, count
from lct.domain.play.tie_breaks import (
    HEAD_TO_HEAD,
    HEAD_TO_HEAD_FIRST,
    OVERALL_FIRST,
    Order,
    Parting,
    Rule,
    Rules,
)

OVERALL, DIRECT = Rules(order=OVERALL_FIRST), Rules(order=HEAD_TO_HEAD_FIRST)
PRESETS = {"overall-first": OVERALL, "head-to-head-first": DIRECT}
REAL = json.loads((Path(__file__).parent / "data" / "real-tournaments.json").read_text("utf-8"))
H2H_POINTS, H2H_DIFFERENCE, H2H_GOALS = HEAD_TO_HEAD


def played(text: str) -> list[Outcome]:
    """``Ada 2-0 Bo, Cai 1-1 Dee`` as outcomes."""
    outcomes = []
    for match in text.split(", "):
        home, score, away = match.strip().rsplit(" ", 2)[-3:]
        home_goals, away_goals = map(int, score.split("-"))
        outcomes.append(Outcome(home, away, home_goals, away_goals))
    return outcomes


def entrants_of(outcomes: list[Outcome]) -> set[str]:
    return {side for o in outcomes for side in (o.home, o.away)}


def table(outcomes: list[Outcome], rules: Rules, **how: object) -> dict[str, Row]:
    rows = standings(entrants_of(outcomes), count(outcomes), rules, **how)
    return {row.entrant: row for row in rows}


def order(outcomes: list[Outcome], rules: Rules) -> str:
    return " ".join(table(outcomes, rules, finished=True))


def rule(rows: dict[str, Row], entrant: str) -> Rule | None:
    return rows[entrant].parted.rule


EURO_2008_A = played(
    "Switzerland 0-1 Czechia, Portugal 2-0 Turkey, Czechia 1-3 Portugal, "
    "Switzerland 1-2 Turkey, Switzerland 2-0 Portugal, Turkey 3-2 Czechia"
)
WORLD_CUP_1994_E = played(
    "Italy 0-1 Ireland, Norway 1-0 Mexico, Italy 1-0 Norway, Mexico 2-1 Ireland, "
    "Ireland 0-0 Norway, Italy 1-1 Mexico"
)
WORLD_CUP_1994_F = played(
    "Belgium 1-0 Morocco, Netherlands 2-1 Saudi, Belgium 1-0 Netherlands, "
    "Saudi 2-1 Morocco, Morocco 1-2 Netherlands, Belgium 0-1 Saudi"
)
# All on four points; three readings of the rules give three orders.
FOUR_LEVEL = played(
    "Ada 0-2 Bo, Ada 1-1 Cai, Ada 1-0 Dee, Bo 0-3 Cai, Bo 0-0 Dee, Cai 1-3 Dee",
)


def test_the_order_of_tie_breakers_decides_who_is_third_of_euro_2008_group_a() -> None:
    direct, overall = table(EURO_2008_A, DIRECT), table(EURO_2008_A, OVERALL)
    assert list(direct) == ["Portugal", "Turkey", "Czechia", "Switzerland"]
    assert list(overall) == ["Portugal", "Turkey", "Switzerland", "Czechia"]
    assert {rule(direct, team) for team in direct} == {H2H_POINTS}
    assert {rule(overall, team) for team in overall} == {Rule.DIFFERENCE}
    assert direct["Czechia"].parted == Parting(
        H2H_POINTS,
        (Rule.POINTS,),
        ("Czechia", "Switzerland"),
        (Outcome("Switzerland", "Czechia", 0, 1),),
    )


@pytest.mark.parametrize("rules", [OVERALL, DIRECT])
def test_all_of_world_cup_1994_group_e_are_level_and_parted(rules: Rules) -> None:
    rows = table(WORLD_CUP_1994_E, rules)
    assert list(rows) == ["Mexico", "Ireland", "Italy", "Norway"]
    assert {row.points for row in rows.values()} == {4}
    goals = Rule.GOALS if rules is OVERALL else H2H_GOALS
    assert [rule(rows, team) for team in rows] == [goals, H2H_POINTS, H2H_POINTS, goals]
    assert rows["Italy"].parted.among == ("Ireland", "Italy")
    assert rows["Italy"].parted.matches == (Outcome("Italy", "Ireland", 0, 1),)
    assert rows["Norway"].parted.among == ("Ireland", "Italy", "Mexico", "Norway")


def test_a_second_pass_parts_those_whom_the_first_left_level() -> None:
    rows = table(WORLD_CUP_1994_F, DIRECT)
    assert list(rows) == ["Netherlands", "Saudi", "Belgium", "Morocco"]
    assert rows["Belgium"].parted.rule is H2H_GOALS
    assert rows["Belgium"].parted.among == ("Belgium", "Netherlands", "Saudi")
    assert rows["Belgium"].parted.tried == (Rule.POINTS, H2H_POINTS, H2H_DIFFERENCE)
    assert rows["Saudi"].parted == Parting(
        H2H_POINTS,
        (Rule.POINTS, *HEAD_TO_HEAD),
        ("Netherlands", "Saudi"),
        (Outcome("Netherlands", "Saudi", 2, 1),),
    )
    assert rows["Morocco"].parted is None
    assert order(WORLD_CUP_1994_F, OVERALL) == "Netherlands Saudi Belgium Morocco"


@pytest.mark.parametrize("rules", [OVERALL, DIRECT])
def test_a_block_is_finished_before_it_begins_again(rules: Rules) -> None:
    rows = table(FOUR_LEVEL, rules)
    assert list(rows) == ["Cai", "Dee", "Bo", "Ada"]
    goals = Rule.GOALS if rules is OVERALL else H2H_GOALS
    assert [rule(rows, name) for name in rows] == [goals, goals, H2H_POINTS, H2H_POINTS]
    assert rows["Cai"].parted.among == ("Cai", "Dee")
    assert len(rows["Cai"].parted.matches) == (0 if rules is OVERALL else 6)


def test_the_overall_first_preset_compares_the_tied_only_once() -> None:
    # Three have 6 points and 3-2. Dee has fewer goals in the matches among the three. Ada and Cai
    # are level in them; only a second pass would look at Cai's win against Ada.
    outcomes = played("Ada 1-0 Bo, Ada 1-2 Cai, Ada 1-0 Dee, Bo 0-1 Cai, Bo 1-2 Dee, Cai 0-1 Dee")
    once = table(outcomes, OVERALL, finished=True)
    assert [once[name].place for name in ("Ada", "Cai", "Dee", "Bo")] == [1, 1, 3, 4]
    again = Rules(order=Order(OVERALL_FIRST.rules, restart=True))
    assert order(outcomes, again) == order(outcomes, DIRECT) == "Cai Ada Dee Bo"
    lots = {"Ada": 2, "Bo": 4, "Cai": 1, "Dee": 3}
    drawn = table(outcomes, OVERALL, lots=lots, finished=True)
    assert list(drawn) == ["Cai", "Ada", "Dee", "Bo"]
    assert rule(drawn, "Cai") is Rule.LOTS


@pytest.mark.parametrize("rules", [OVERALL, DIRECT])
@pytest.mark.parametrize("outcomes", [FOUR_LEVEL, WORLD_CUP_1994_F])
def test_the_table_is_the_same_for_every_order_of_matches(
    outcomes: list[Outcome], rules: Rules
) -> None:
    entrants = sorted(entrants_of(outcomes))
    tables = {
        standings(entrants[:: 1 - 2 * (i % 2)], count(shuffled), rules)
        for i, shuffled in enumerate(permutations(outcomes))
    }
    assert len(tables) == 1


def real_groups() -> list:
    return [(cup, name) for cup in REAL for name in cup["groups"]]


@pytest.mark.parametrize(
    ("cup", "name"), real_groups(), ids=lambda v: v if isinstance(v, str) else v["name"]
)
def test_real_groups_come_out_as_they_did(cup: dict, name: str) -> None:
    group = cup["groups"][name]
    outcomes = [Outcome(*match) for match in group["matches"]]
    rules = PRESETS[cup["order_of_tie_breakers"]]
    lots = {team: place for place, team in enumerate(group["order"])}
    rows = standings(entrants_of(outcomes), count(outcomes), rules, lots, finished=True)
    assert [row.entrant for row in rows] == group["order"]
    by_lots = [
        list(row.parted.among) for row in rows if row.parted and row.parted.rule is Rule.LOTS
    ]
    expected = [sorted(tie) for tie in group.get("decided_outside_results", []) for _ in tie]
    assert by_lots == expected


def test_there_are_36_real_groups() -> None:
    assert len(real_groups()) == 36


@pytest.mark.parametrize("year", ["Euro 2020", "Euro 2024"])
def test_the_thirds_who_went_through_to_the_last_16_are_the_best_four(year: str) -> None:
    cup = next(cup for cup in REAL if cup["name"] == year)
    groups = []
    for group in cup["groups"].values():
        outcomes = [Outcome(*match) for match in group["matches"]]
        lots = {team: place for place, team in enumerate(group["order"])}
        tallies = count(outcomes)
        groups.append((standings(group["order"], tallies, DIRECT, lots, True), tallies))
    thirds = across(groups, 3, DIRECT, finished=True)
    assert thirds.left_out == ()
    last_16 = {tie[side] for tie in cup["knockout"] for side in ("home", "away")}
    assert len(last_16) == 16
    assert [row.entrant in last_16 for row in thirds.rows] == [True] * 4 + [False] * 2


# Three matches each of the thirds of Euro 2016, with goals as they were; opponents do not matter.
THIRDS = {
    "Slovakia": "Slovakia 1-2 b1, Slovakia 2-1 b2, Slovakia 0-0 b4",
    "Ireland": "Ireland 1-1 e4, Ireland 0-3 e2, Ireland 1-0 e1",
    "Portugal": "Portugal 1-1 f1, Portugal 0-0 f4, Portugal 3-3 f2",
    "Northern-Ireland": "Northern-Ireland 0-1 c2, Northern-Ireland 2-0 c4, Northern-Ireland 0-1 c1",
    "Turkey": "Turkey 0-1 d1, Turkey 0-3 d2, Turkey 2-0 d4",
    "Albania": "Albania 0-1 a2, Albania 0-2 a1, Albania 1-0 a4",
}


def test_the_thirds_of_euro_2016_are_ranked_by_goals_and_never_by_head_to_head() -> None:
    groups = []
    for third, text in reversed(THIRDS.items()):
        outcomes = played(text)
        others = sorted(entrants_of(outcomes) - {third})
        tallies = count(outcomes)
        own = standings([third], tallies, DIRECT)
        rows = [own[0]._replace(entrant=name) for name in others]
        groups.append(([*rows[:2], own[0], rows[2]], tallies))
    ranked = across(groups, 3, DIRECT, finished=True)
    assert [row.entrant for row in ranked.rows] == list(THIRDS)
    turkey, albania = ranked.rows[4:]
    assert turkey.parted.rule is albania.parted.rule is Rule.GOALS
    assert all(
        row.parted.rule not in HEAD_TO_HEAD and not set(row.parted.tried) & set(HEAD_TO_HEAD)
        for row in ranked.rows
    )


def test_goals_or_the_match_decide_the_winner_of_euro_2016_group_e() -> None:
    outcomes = played(
        "Ireland 1-1 Sweden, Belgium 0-2 Italy, Italy 1-0 Sweden, Belgium 3-0 Ireland, "
        "Italy 0-1 Ireland, Sweden 0-1 Belgium"
    )
    assert order(outcomes, DIRECT) == "Italy Belgium Ireland Sweden"
    assert order(outcomes, OVERALL) == "Belgium Italy Ireland Sweden"
    assert rule(table(outcomes, OVERALL), "Belgium") is Rule.GOALS


def test_matches_without_an_outcome_count_for_nobody_and_no_lot_is_used_before_the_end() -> None:
    tallies = count(played("Ada 1-2 Bo, Cai 0-0 Dee"))
    lots = {"Ada": 1, "Bo": 2, "Cai": 4, "Dee": 3}
    rows = standings(["Dee", "Cai", "Bo", "Ada"], tallies, OVERALL, lots)
    assert [row[:9] for row in rows] == [
        ("Bo", 1, 1, 1, 0, 0, 2, 1, 3),
        ("Cai", 2, 1, 0, 1, 0, 0, 0, 1),
        ("Dee", 2, 1, 0, 1, 0, 0, 0, 1),
        ("Ada", 4, 1, 0, 0, 1, 1, 2, 0),
    ]
    assert rows[1].parted.rule is rows[2].parted.rule is None
    assert Rule.LOTS not in rows[1].parted.tried
    finished = standings(["Ada", "Bo", "Cai", "Dee"], tallies, OVERALL, lots, finished=True)
    assert [(row.entrant, row.place) for row in finished[1:3]] == [("Dee", 2), ("Cai", 3)]
    assert finished[1].parted.rule is Rule.LOTS
    undrawn = standings(["Ada", "Bo", "Cai", "Dee"], tallies, OVERALL, None, finished=True)
    assert [row.place for row in undrawn] == [1, 2, 2, 4]


def test_everybody_shares_the_first_place_before_the_first_match() -> None:
    rows = standings(["Bo", "Ada"], count([]), DIRECT)
    assert [(row.entrant, row.place, row.played) for row in rows] == [("Ada", 1, 0), ("Bo", 1, 0)]


@pytest.mark.parametrize("goals", [3, 1])
def test_a_walkover_counts_between_the_tied(goals: int) -> None:
    walkover = Outcome("Bo", "Ada", goals, 0, How.WALKOVER)
    rest = played("Ada 4-0 Cai, Ada 3-0 Dee, Bo 1-0 Cai, Bo 0-1 Dee, Cai 2-2 Dee")
    direct, overall = table([walkover, *rest], DIRECT), table([walkover, *rest], OVERALL)
    assert list(direct) == ["Bo", "Ada", "Dee", "Cai"]
    assert list(overall) == ["Ada", "Bo", "Dee", "Cai"]
    assert direct["Bo"].parted == Parting(H2H_POINTS, (Rule.POINTS,), ("Ada", "Bo"), (walkover,))
    assert direct["Ada"][6:9] == (7, goals, 6)
    assert direct["Bo"][6:9] == (goals + 1, 1, 6)


def test_both_lose_a_double_no_show() -> None:
    rows = table([Outcome("Ada", "Bo", 0, 0, How.NO_SHOW), *played("Bo 0-0 Cai")], OVERALL)
    assert rows["Ada"][2:9] == (1, 0, 0, 1, 0, 0, 0)
    assert rows["Bo"][2:9] == (2, 0, 1, 1, 0, 0, 1)


def test_a_bye_counts_as_a_win() -> None:
    rows = standings(["Ada"], count([Outcome("Ada", "", 0, 0, How.BYE)]), OVERALL)
    assert rows[0][:9] == ("Ada", 1, 1, 1, 0, 0, 0, 0, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        ("Ada", "Ada", 1, 0),
        ("Ada", "Bo", -1, 0),
        ("Ada", "", 1, 0),
        ("Ada", "Bo", 1, 0, How.BYE),
        ("Ada", "Bo", 1, 1, How.WALKOVER),
        ("Ada", "Bo", 1, 0, How.NO_SHOW),
    ],
)
def test_an_impossible_outcome_is_refused(wrong: tuple) -> None:
    with pytest.raises(ValueError, match="a "):
        Outcome(*wrong)


@pytest.mark.parametrize(
    "wrong", [(Rule.POINTS,), (Rule.GOALS, Rule.GOALS), (Rule.LOTS, Rule.GOALS)]
)
def test_an_order_names_each_rule_once_with_lots_at_its_end(wrong: tuple) -> None:
    with pytest.raises(ValueError, match=r"each rule once|lots leave"):
        Order(wrong)


def test_an_own_order_is_kept_to() -> None:
    outcomes = played("Ada 5-4 Bo, Bo 1-0 Cai, Cai 2-0 Ada")
    assert order(outcomes, OVERALL) == "Cai Bo Ada"
    by_goals = table(outcomes, Rules(order=Order((Rule.GOALS,))), finished=True)
    assert [(row.entrant, row.place) for row in by_goals.values()] == [
        ("Ada", 1),
        ("Bo", 1),
        ("Cai", 3),
    ]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ((3, 1, 0), [("Dee", 4), ("Ada", 3), ("Cai", 2), ("Bo", 1)]),
        ((2, 1, 0), [("Dee", 3), ("Ada", 2), ("Cai", 2), ("Bo", 1)]),
        ((3, 2, 1), [("Dee", 5), ("Ada", 4), ("Cai", 4), ("Bo", 3)]),
    ],
)
def test_points_are_those_of_the_tournament_and_wins_can_part(
    points: tuple[int, int, int], expected: list
) -> None:
    outcomes = played("Ada 1-0 Bo, Ada 0-1 Dee, Cai 0-0 Bo, Cai 0-0 Dee")
    rows = table(outcomes, Rules(*points, order=Order((Rule.WINS,))))
    assert [(row.entrant, row.points) for row in rows.values()] == expected
    assert rows["Cai"].place == 3


def test_head_to_head_rules_apart_from_each_other_are_blocks_of_their_own() -> None:
    apart = Order((H2H_POINTS, Rule.GOALS, H2H_DIFFERENCE, Rule.LOTS))
    assert apart.blocks == ((H2H_POINTS,), (Rule.GOALS,), (H2H_DIFFERENCE,), (Rule.LOTS,))
    assert HEAD_TO_HEAD_FIRST.blocks[0] == HEAD_TO_HEAD


def test_runners_up_of_unequal_groups_are_compared_without_the_last_of_the_larger_ones() -> None:
    texts = (
        "A1 2-0 A4, A2 3-0 A4, A1 1-1 A2, A1 2-0 A3, A2 0-0 A3, A3 1-0 A4",
        "B1 2-0 B2, B1 1-0 B3, B1 3-1 B4, B2 1-1 B3, B2 2-1 B4, B3 0-0 B4",
        "C1 4-0 C3, C2 2-1 C3, C1 2-2 C2",
    )
    groups = []
    for text in texts:
        outcomes = played(text)
        tallies = count(outcomes)
        groups.append((standings(entrants_of(outcomes), tallies, OVERALL, None, True), tallies))
    ranked = across(groups, 2, OVERALL, finished=True)
    assert [(r.entrant, r.points, r.played) for r in ranked.rows] == [
        ("C2", 4, 2),
        ("A2", 2, 2),
        ("B2", 1, 2),
    ]
    assert ranked.left_out == ("A4", "B4")
    fourths = across(groups, 4, OVERALL, finished=True)
    assert sorted(r.entrant for r in fourths.rows) == ["A4", "B4"]  # group C has no fourth
    assert fourths.left_out == ()


def test_a_replayed_match_counts_once() -> None:
    first = played("Ada 4-0 Bo, Ada 2-2 Cai")
    tallies = count(played("Ada 4-1 Bo, Bo 3-0 Cai"), count(first), removed=first[:1])
    rows = standings(["Ada", "Bo", "Cai"], tallies, OVERALL)
    assert [row[:3] + row[6:9] for row in rows] == [
        ("Ada", 1, 2, 6, 3, 4),
        ("Bo", 2, 2, 4, 4, 3),
        ("Cai", 3, 2, 2, 5, 1),
    ]


def test_tallies_moved_on_and_back_equal_tallies_counted_from_nothing() -> None:
    rng = random.Random(8)
    people = [f"p{i}" for i in range(6)]
    for _ in range(200):
        pairs = [rng.sample(people, 2) for _ in range(12)]
        outcomes = [Outcome(a, b, rng.randrange(4), rng.randrange(4)) for a, b in pairs]
        tallies = count(outcomes[:7])
        before = count(outcomes[:7])
        moved = count(outcomes[7:], tallies, removed=outcomes[:3])
        assert tallies == before
        for rules in (OVERALL, DIRECT):
            expected = standings(people, count(outcomes[3:]), rules)
            assert standings(people, moved, rules) == expected


def test_points_and_goals_of_a_table_add_up_and_places_follow_the_points() -> None:
    rng = random.Random(3)
    for _ in range(300):
        people = [f"p{i}" for i in range(rng.randint(2, 7))]
        outcomes = [
            Outcome(a, b, rng.randrange(3), rng.randrange(3))
            for a in people
            for b in people
            if a < b and rng.random() < 0.8
        ]
        rows = standings(people, count(outcomes), rng.choice((OVERALL, DIRECT)))
        assert sum(r.goals_for for r in rows) == sum(r.goals_against for r in rows)
        assert sum(r.played for r in rows) == 2 * len(outcomes)
        assert [r.points for r in rows] == sorted((r.points for r in rows), reverse=True)
        for i, row in enumerate(rows):
            tied = [r.entrant for r in rows if r.place == row.place]
            assert row.place == 1 + sum(r.place < row.place for r in rows)
            if row.parted:
                assert row.entrant in row.parted.among
                assert len(row.parted.among) > 1
                assert {r.points for r in rows if r.entrant in row.parted.among} == {row.points}
            assert len(tied) == 1 or row.parted.among == tuple(tied)
            assert i == 0 or rows[i - 1].place <= row.place


def test_a_tie_of_many_can_begin_again_hundreds_of_times() -> None:
    # Each beat the next, and x was beaten by the last and beat the first: all have 3 points and no
    # goal difference. Among the 400 people the first and the last are parted from the rest; then
    # the second and the last but one, and so on.
    people = [f"p{i:03}" for i in range(400)]
    around = [*people, "x"]
    outcomes = [Outcome(a, b, 1, 0) for a, b in zip(around, around[1:] + around[:1], strict=True)]
    rows = standings(people, count(outcomes), DIRECT)
    assert [(row.entrant, row.place) for row in rows] == [(p, i + 1) for i, p in enumerate(people)]
