"""Cup ties of two legs: what the second leg asks for, who goes through, and corrections."""

from __future__ import annotations

import random
from copy import deepcopy
from itertools import product
from typing import Any

import pytest

from lct.application.screens.champion import champion
from lct.application.screens.choosing import choices
from lct.application.screens.matches import Shower
from lct.application.screens.phone import personal
from lct.application.screens.pitch import matches_stages
from lct.application.screens.region import Scene
from lct.application.screens.settling import lists
from lct.domain import errors
from lct.domain.play import refusals, state
from lct.domain.play.bracket import knockout
from lct.domain.play.calling import MoveMatch
from lct.domain.play.derivation import derive
from lct.domain.play.formats import GROUPS, KNOCKOUT, Format, fixtures, matches
from lct.domain.play.matches import Fixture, LoserOf, Part, Seed, WinnerOf
from lct.domain.play.results import AWAY, HOME, NEITHER, FirstLeg, Score, check
from lct.domain.play.settling import SetResult
from lct.domain.play.slots import slots

from .test_play import Cup, _ruled

FIRST, SECOND = "K4.1a", "K4.1b"
ADA, BO = "N3", "N0"  # at home in the first leg, and in the second


def two_legs(n: int = 4, kind: str = KNOCKOUT, consoles: int = 2, **how: Any) -> Cup:
    return Cup(n, kind, consoles, cup_legs=2, **how)


def lost_by(e: Cup, key: str, *score: Any, came: str = "") -> tuple[str, ...]:
    """What the host is shown as falling."""
    try:
        e.wants(SetResult, key, Score(*score) if score else None, came, ())
    except refusals.ResultsFall as refusal:
        return refusal.matches
    return ()


def through(e: Cup, key: str) -> str | None:
    winner = e.play.competition.matches[key].winner
    return winner and winner.removeprefix("p-")


def counted(e: Cup, key: str) -> Score | None:
    return e.play.competition.matches[key].score


# --- the plan -------------------------------------------------------------------------------------


def test_a_cup_of_four_in_two_legs_in_full() -> None:
    one, two = ("K4.1a", "K4.1b"), ("K4.2a", "K4.2b")
    assert knockout(4, third_place=True, legs=2) == (
        Fixture("K4.1a", Part.KNOCKOUT, 1, Seed(4), Seed(1), legs=one),
        Fixture("K4.1b", Part.KNOCKOUT, 1, Seed(1), Seed(4), legs=one),
        Fixture("K4.2a", Part.KNOCKOUT, 1, Seed(3), Seed(2), legs=two),
        Fixture("K4.2b", Part.KNOCKOUT, 1, Seed(2), Seed(3), legs=two),
        Fixture("K3.1", Part.THIRD_PLACE, 1, LoserOf("K4.1b"), LoserOf("K4.2b")),
        Fixture("K2.1", Part.KNOCKOUT, 2, WinnerOf("K4.1b"), WinnerOf("K4.2b")),
    )


@pytest.mark.parametrize("third_place", [True, False])
def test_two_legs_are_the_single_matches_twice_with_the_sides_swapped(third_place: bool) -> None:
    for n in range(2, 65):
        twice = knockout(n, third_place, legs=2)
        once = [f._replace(legs=()) for f in twice if f.leg != 1]
        assert [f._replace(key=f.key.rstrip("b")) for f in once] == [
            _from_second_legs(f) for f in knockout(n, third_place)
        ]
        for f in twice:
            if f.leg == 1:
                second = next(other for other in twice if other.key == f.legs[1])
                assert (f.home, f.away) == (second.away, second.home)
        assert [f.leg for f in twice if f.key in ("K2.1", "K3.1")] == [0] * (
            1 + (third_place and n >= 4)
        )


def _from_second_legs(f: Fixture) -> Fixture:
    home, away = (
        type(s)(f"{s.key}b") if isinstance(s, WinnerOf | LoserOf) else s for s in (f.home, f.away)
    )
    return f._replace(home=home, away=away)


@pytest.mark.parametrize("third_place", [True, False])
@pytest.mark.parametrize("kind", [KNOCKOUT, GROUPS])
def test_the_number_of_matches_is_known_without_the_plan(kind: str, third_place: bool) -> None:
    for n in range(6 if kind == GROUPS else 2, 65):
        chosen = Format(kind, third_place=third_place, groups=max(2, n // 4), cup_legs=2)
        assert matches(chosen, n) == len(fixtures(chosen, n))


def test_groups_lead_into_ties_of_two_legs() -> None:
    e = two_legs(8, GROUPS, groups=2, through=2)
    for key in [key for key in e.play.competition.matches if key[0] in "AB"]:
        e.rule(key, 1, 0)
    assert e.names("K4.1a") == tuple(reversed(e.names("K4.1b")))
    assert "?" not in e.names("K4.1a")
    assert set(e.called()) == {"K4.1a", "K4.2a"}


# --- what a second leg asks for -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "score", "lead"),
    [
        ((3, 4), (2, 1, (1, 0)), 1),  # 5-5 after 90 minutes
        ((3, 4), (3, 0), 1),
        ((3, 4), (1, 1), -1),
        ((3, 4), (2, 1, (0, 0), (4, 5)), -1),
        ((3, 4), (2, 1, None, (5, 4)), 1),
        ((2, 4), (2, 1), -1),
        ((0, 0), (1, 1, (0, 1)), -1),
        ((1, 0, True), (0, 1), 0),  # 1-1, both away from home
        ((1, 0, True), (1, 2), -1),  # 2-2: away goals decide
        ((1, 1, True), (0, 0), 1),
        ((1, 0, True), (0, 1, (1, 1)), -1),  # they count in extra time too
    ],
)
def test_a_tie_goes_to_the_one_with_more_goals_in_both_legs(
    first: tuple[Any, ...], score: tuple[Any, ...], lead: int
) -> None:
    result = Score(*score).lead(FirstLeg(*first))
    assert (result > 0) - (result < 0) == lead
    if lead:
        check(Score(*score), True, FirstLeg(*first))


@pytest.mark.parametrize(
    ("first", "score"),
    [
        ((3, 4), (2, 1)),  # level over both legs
        ((3, 4), (1, 1, (1, 0))),  # level on the day only
        ((3, 4), (1, 1, None, (4, 3))),
        ((3, 4), (2, 1, (1, 1))),
        ((3, 4), (2, 1, (1, 0), (4, 3))),
        ((3, 4), (2, 1, None, (4, 4))),
        ((1, 1, True), (0, 0, (1, 0))),
        ((0, 0, False), (1, 1)),
    ],
)
def test_a_second_leg_that_cannot_end_like_that_is_refused(
    first: tuple[Any, ...], score: tuple[Any, ...]
) -> None:
    with pytest.raises(errors.Invalid):
        check(Score(*score), True, FirstLeg(*first))


@pytest.mark.parametrize("away_goals", [False, True])
def test_a_second_leg_counts_as_entered_just_if_it_can_be_entered(away_goals: bool) -> None:
    more = [None, (0, 0), (1, 0), (0, 1), (2, 2)]
    for ours, theirs, home, away in product(range(3), repeat=4):
        first = FirstLeg(ours, theirs, away_goals)
        for extra, penalties in product(more, (None, (4, 3))):
            score = Score(home, away, extra, penalties)
            due = score.due(first)
            try:
                check(score, True, first)
            except errors.Invalid:
                assert due != score or due.lead(first) == 0
            else:
                assert due == score
            assert due.due(first) == due
            if due.lead(first):
                check(due, True, first)


def test_the_first_leg_may_end_level_and_has_no_extra_time() -> None:
    e = two_legs()
    for wrong in ((1, 1, (1, 0)), (1, 1, None, (4, 3))):
        with pytest.raises(errors.Invalid):
            e.report(ADA, FIRST, *wrong)
    e.agree(FIRST, 1, 1)
    assert e.state(FIRST) == state.DECIDED
    assert through(e, SECOND) is None
    assert e.names("K2.1") == ("?", "?")


def test_the_second_leg_waits_for_the_first() -> None:
    e = two_legs(consoles=3)
    assert e.called() == ["K4.1a", "K4.2a"]
    assert e.state(SECOND) == state.WAITING
    for refused in (
        lambda: e.report(BO, SECOND, 1, 0),
        lambda: e.rule(SECOND, 1, 0),
        lambda: e.rule(SECOND, came=HOME),
        lambda: e.does(MoveMatch, SECOND, "console 2"),
    ):
        with pytest.raises(refusals.FirstLegOpen):
            refused()
    e.agree(FIRST, 2, 0)
    assert SECOND in e.called()


def test_first_legs_of_a_round_come_before_its_second_legs() -> None:
    e = two_legs(8, consoles=1)
    order = []
    while called := e.called():
        order.append(called[0])
        e.agree(called[0], 1, 0, *(((1, 0),) if called[0].endswith("b") else ()))
    assert order[:8] == [f"K8.{i}{leg}" for leg in "ab" for i in range(1, 5)]
    assert [key[:4] for key in order[8:]] == ["K4.1", "K4.2", "K4.1", "K4.2", "K2.1"]


@pytest.mark.parametrize(
    ("n", "consoles", "count"), [(3, 2, 3), (4, 1, 5), (4, 2, 3), (5, 2, 5), (8, 4, 5), (8, 2, 7)]
)
def test_the_time_left_counts_both_legs(n: int, consoles: int, count: int) -> None:
    """A cup of four on two consoles: two first legs at once, two second legs, the final."""
    assert slots(two_legs(n).play.competition.unplayed(), consoles) == count


# --- Manchester City and Real Madrid, 2022: M15 ---------------------------------------------------


@pytest.fixture
def tie() -> Cup:
    """Ada 4-3 Bo, then 3-1 at Bo's, 2-1 of it after 90 minutes."""
    e = two_legs()
    e.agree(FIRST, 4, 3)
    e.agree(SECOND, 2, 1, (1, 0))
    return e


def test_after_the_first_leg_nobody_is_through() -> None:
    e = two_legs()
    e.agree(FIRST, 4, 3)
    assert (through(e, SECOND), e.names("K2.1")) == (None, ("?", "?"))
    with pytest.raises(errors.Invalid, match="level"):
        e.report(BO, SECOND, 2, 1)  # 5-5


def test_extra_time_of_the_second_leg_decides_and_needs_no_penalties(tie: Cup) -> None:
    assert through(tie, SECOND) == BO
    assert tie.names("K2.1") == (BO, "?")
    with pytest.raises(errors.Invalid):
        tie.rule(SECOND, 2, 1, (1, 0), (4, 3))
    tie.agree("K4.2a", 0, 1)
    tie.agree("K4.2b", 1, 0)
    tie.agree("K2.1", 1, 0)
    shown = champion(Scene(tie.t, tie.later(60)))
    assert shown.most is not None
    assert (shown.most.name, shown.most.goals) == ("N0 Nowak", 3 + 3 + 1)
    assert shown.goals == 4 + 3 + 3 + 1 + 1 + 1 + 1  # Ada's goals 5, Bo's 6 in the tie


def test_the_same_winner_after_a_correction_of_the_first_leg_costs_nothing(tie: Cup) -> None:
    assert lost_by(tie, FIRST, 5, 4) == ()
    tie.rule(FIRST, 5, 4)
    assert counted(tie, SECOND) == Score(2, 1, (1, 0))
    assert through(tie, SECOND) == BO
    assert tie.play.competition.matches[SECOND].first == FirstLeg(4, 5)  # 7-6


def test_an_extra_time_that_was_not_due_is_dropped_and_listed(tie: Cup) -> None:
    tie.agree("K4.2a", 0, 1)
    tie.agree("K4.2b", 1, 0)
    final = tie.names("K2.1")
    tie.agree("K2.1", 1, 0)
    assert lost_by(tie, FIRST, 4, 2) == (SECOND, "K2.1")
    with pytest.raises(refusals.ResultsFall):
        tie.rule(FIRST, 4, 2, falls=("K2.1",))
    tie.rule(FIRST, 4, 2, falls=(SECOND, "K2.1"))
    assert counted(tie, SECOND) == Score(2, 1)
    assert through(tie, SECOND) == ADA  # 5-4 after 90 minutes
    assert tie.names("K2.1") == (ADA, final[1])
    assert list(tie.play.results) == [SECOND, "K4.2a", "K4.2b", FIRST]
    assert tie.called() == ["K2.1"]


def test_a_correction_that_is_corrected_leaves_the_tie_as_it_was(tie: Cup) -> None:
    before = counted(tie, SECOND), through(tie, SECOND), tie.names("K2.1")
    tie.rule(FIRST, 4, 2, falls=(SECOND,))
    assert (counted(tie, SECOND), through(tie, SECOND)) != before[:2]
    tie.rule(FIRST, 4, 3)
    assert (counted(tie, SECOND), through(tie, SECOND), tie.names("K2.1")) == before


def test_clearing_the_first_leg_keeps_the_second_and_nobody_is_through(tie: Cup) -> None:
    tie.rule(FIRST)
    assert counted(tie, SECOND) == Score(2, 1, (1, 0))
    assert through(tie, SECOND) is None
    assert tie.names("K2.1") == ("?", "?")
    assert tie.state(FIRST) == state.CALLED
    assert SECOND not in tie.called()
    tie.agree(FIRST, 4, 3)
    assert through(tie, SECOND) == BO


def test_a_tie_that_a_correction_makes_level_waits_for_the_host(tie: Cup) -> None:
    tie.rule(SECOND, 3, 1)  # 6-5 without extra time
    tie.rule(FIRST, 5, 3)
    assert tie.state(SECOND) == state.LEVEL
    assert (through(tie, SECOND), tie.names("K2.1")) == (None, ("?", "?"))
    with pytest.raises(refusals.MatchDecided):
        tie.report(BO, SECOND, 3, 1, None, (4, 2))
    tie.rule(SECOND, 3, 1, None, (4, 2))
    assert (tie.state(SECOND), through(tie, SECOND)) == (state.DECIDED, BO)


def test_away_goals_decide_if_they_count() -> None:
    e = two_legs(away_goals=True)
    e.agree(FIRST, 4, 3)
    with pytest.raises(errors.Invalid, match="not level"):
        e.report(BO, SECOND, 2, 1, (1, 0))
    e.agree(SECOND, 2, 1)  # 5-5; Bo scored 3 away, Ada 1
    assert through(e, SECOND) == BO


def test_the_history_says_which_leg_a_result_is_of(tie: Cup) -> None:
    assert str(tie.events[-1].sentence(tie.t)) == (
        "agreed on 3:1 after extra time in N0 Nowak v N3 Nowak, leg 2"
    )


def test_the_card_of_a_cup_says_what_two_legs_mean_for_the_evening() -> None:
    shown = {c.kind: c for c in choices(8, 4, Format(KNOCKOUT, cup_legs=2))}
    assert (shown[KNOCKOUT].matches, shown[KNOCKOUT].minutes) == (13, (50, 75))
    assert shown[GROUPS].matches == 15


# --- screens --------------------------------------------------------------------------------------


def test_the_tv_shows_a_tie_in_one_place(tie: Cup) -> None:
    s = Scene(tie.t, tie.later(60))
    stage = matches_stages(s)[0]
    assert [child.id for child in stage.children[1:]] == [
        "match-K4-1b",
        "match-K4-2b",
        "match-K2-1",
    ]
    shown = Shower(s).tie(tie.play.competition.matches[SECOND])
    assert (shown.home.goals, shown.away.goals, shown.legs) == (6, 5, ((3, 4), (3, 1)))
    assert (str(shown.round), shown.just_in, shown.home.won) == ("Semi-final", True, True)
    tie.rule(FIRST)
    shown = Shower(Scene(tie.t, tie.later(61))).tie(tie.play.competition.matches[SECOND])
    assert (shown.home.goals, shown.legs) == (None, (None, (3, 1)))
    assert (shown.state, str(shown.console)) == (state.CALLED, "console 0")


def test_the_biggest_win_may_be_of_the_one_who_went_out() -> None:
    e = two_legs(3)
    e.agree("K4.2a", 6, 0)
    e.agree("K4.2b", 5, 0)
    e.agree("K2.1", 1, 0)
    shown = champion(Scene(e.t, e.later(60)))
    assert shown.biggest is not None
    assert (shown.biggest.key, shown.biggest.home.goals) == ("K4.2a", 6)
    assert [match.key for match in shown.way] == ["K2.1"]


def test_a_goal_of_an_extra_time_that_was_not_due_is_no_goal_of_the_evening(tie: Cup) -> None:
    tie.rule(FIRST, 4, 2, falls=(SECOND,))
    tie.agree("K4.2a", 0, 1)
    tie.agree("K4.2b", 1, 0)
    tie.agree("K2.1", 1, 0)
    assert champion(Scene(tie.t, tie.later(60))).goals == 4 + 2 + 2 + 1 + 1 + 1 + 1


def test_a_player_whose_tie_is_level_is_told_that_the_host_decides(tie: Cup) -> None:
    tie.rule(SECOND, 3, 1)
    tie.rule(FIRST, 5, 3)
    s = Scene(tie.t, tie.later(60))
    assert personal(s, f"p-{ADA}")["me"].data.own.state == "level"
    needs = next(region for region in lists(s) if region.id == "needs")
    assert [child.id for child in needs.children] == ["need-K4-1b"]


# --- legs without play ----------------------------------------------------------------------------


def test_a_walkover_in_the_first_leg_counts_three_nil() -> None:
    e = two_legs()
    e.rule(FIRST, came=HOME)
    with pytest.raises(errors.Invalid):
        e.report(BO, SECOND, 3, 0)
    e.agree(SECOND, 4, 0)
    assert through(e, SECOND) == BO
    assert e.play.queue.finished == 1


def test_whoever_came_to_the_second_leg_goes_through() -> None:
    e = two_legs()
    e.agree(FIRST, 4, 0)
    e.rule(SECOND, came=HOME)
    assert through(e, SECOND) == BO
    e.rule(SECOND, came=NEITHER)
    assert through(e, SECOND) == ""
    assert e.play.competition.matches["K2.1"].home == ""


def test_a_first_leg_that_neither_came_to_counts_as_nothing() -> None:
    e = two_legs()
    e.rule(FIRST, came=NEITHER)
    e.agree(SECOND, 0, 1)
    assert through(e, SECOND) == ADA


def test_a_tie_without_an_opponent_is_not_played() -> None:
    e = two_legs(8)
    e.rule("K8.1a", 1, 0)
    e.rule("K8.1b", came=NEITHER)
    for leg in "ab":
        e.rule(f"K8.2{leg}", 2, 1, *(((1, 0),) if leg == "b" else ()))
    assert [e.state(f"K4.1{leg}") for leg in "ab"] == [state.OFF, state.OFF]
    assert e.names("K2.1")[0] == through(e, "K8.2b")


# --- reports --------------------------------------------------------------------------------------


def test_a_report_of_the_second_leg_falls_when_the_first_is_corrected() -> None:
    e = two_legs()
    e.agree(FIRST, 4, 3)
    e.report(BO, SECOND, 2, 1, (1, 0))
    assert lost_by(e, FIRST, 4, 2) == (SECOND,)
    e.rule(FIRST, 4, 2, falls=(SECOND,))
    assert e.play.reports == {}
    assert e.state(SECOND) == state.CALLED
    e.agree(SECOND, 2, 1)
    assert through(e, SECOND) == ADA


def test_a_cleared_first_leg_takes_the_second_off_its_console() -> None:
    e = two_legs(consoles=1)
    e.agree(FIRST, 4, 3)
    e.agree("K4.2a", 0, 0)
    assert e.called() == [SECOND]
    e.rule(FIRST)
    assert e.called() == [FIRST]


def test_the_result_of_a_second_leg_can_be_cleared_while_the_first_is_open(tie: Cup) -> None:
    tie.rule(FIRST)
    tie.rule(SECOND)
    assert tie.play.results == {}


# --- any sequence ---------------------------------------------------------------------------------


@pytest.mark.parametrize("away_goals", [False, True])
@pytest.mark.parametrize("kind", [KNOCKOUT, GROUPS])
def test_after_any_sequence_everything_derived_is_as_if_made_from_nothing(
    kind: str, away_goals: bool
) -> None:
    for seed in range(60):
        chance = random.Random(f"{kind} {away_goals} {seed}")
        n = chance.randint(6 if kind == GROUPS else 3, 8)
        e = two_legs(n, kind, chance.randint(1, 3), away_goals=away_goals)
        for _ in range(40):
            _something(e, chance)
            again = derive(e.play.competition.basis, e.play.results)
            assert e.play.competition == again
            assert {key for key, m in again.matches.items() if m.result} == set(e.play.results)
            for match in again.matches.values():
                if match.score and match.winner and match.first:
                    first = match.first if match.fixture.leg == 2 else FirstLeg(0, 0)
                    check(match.score, match.fixture.part is not Part.GROUP, first)
            for call in filter(None, e.play.queue.consoles.values()):
                match = again.matches[call.key]
                assert (match.playable, match.result) == (True, None)
                assert match.sides == (call.home, call.away)


def _something(e: Cup, chance: random.Random) -> None:
    """A random report, ruling or correction, with what falls confirmed, mostly one that can be."""
    found = e.play.competition.matches
    key = (
        chance.choice(e.called() or list(found))
        if chance.random() < 0.7
        else chance.choice([*found])
    )
    first = found[key].first or FirstLeg(0, 0)
    score = Score(chance.randint(0, 3), chance.randint(0, 3))
    if not score.lead(first) and found[key].fixture.leg != 1 and key[0] == "K":
        score = score._replace(penalties=(4, 3), extra=chance.choice([None, (1, 1)])).due(first)
    try:
        if chance.random() < 0.5 and found[key].playable and not found[key].result:
            e.report(chance.choice(e.names(key)), key, *score)
        else:
            came = chance.choice(["", "", HOME, AWAY, NEITHER])
            said = score if not came and chance.random() < 0.8 else ()
            _ruled(e, key, said, came)
    except (refusals.MatchNotReady, refusals.MatchDecided, refusals.FirstLegOpen):
        pass


@pytest.mark.parametrize("seed", range(40))
def test_setting_and_clearing_a_result_leaves_the_competition_as_it_was(seed: int) -> None:
    chance = random.Random(f"undo {seed}")
    e = two_legs(8)
    for _ in range(chance.randint(0, 14)):
        for key in e.called()[:1]:
            e.rule(key, *(1, 0) if key.endswith("a") else (2, 0))
    before = deepcopy(e.play.competition)
    for key in e.called()[:1]:
        e.rule(key, 5, 0)
        e.rule(key)
        assert e.play.competition == before


@pytest.mark.parametrize("wrong", [0, 3])
def test_a_tie_has_one_leg_or_two(wrong: int) -> None:
    with pytest.raises(errors.Invalid) as refusal:
        Cup(4, KNOCKOUT, cup_legs=wrong)
    assert set(refusal.value.fields) == {"cup_legs"}
