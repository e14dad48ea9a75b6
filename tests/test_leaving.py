"""A player leaves in the middle of the matches, and comes back."""

from __future__ import annotations

import random
from contextlib import suppress
from copy import deepcopy
from itertools import permutations
from typing import Any

import pytest

from lct.application.screens.leaving import leaving
from lct.application.screens.region import Scene
from lct.application.screens.settling import lists
from lct.domain import errors, snapshot
from lct.domain.play import refusals, state
from lct.domain.play.choosing import ChooseFormat
from lct.domain.play.derivation import derive
from lct.domain.play.formats import BY_DRAW, DOUBLE, GROUPS, KNOCKOUT, LEAGUE, SWISS, Format
from lct.domain.play.leaving import LeaveMatches, ReturnToMatches, policies
from lct.domain.play.reporting import ReportScore
from lct.domain.play.results import AWAY, HOME, NEITHER, Score
from lct.domain.play.withdrawals import (
    KNOCKED_OUT,
    POLICIES,
    REMOVED,
    REST_UNPLAYED,
    REST_WALKOVERS,
    WALKOVERS,
)

from .test_play import Cup, something

ADA, BO, CAI, DEE, ELI = (f"N{i}" for i in range(5))
LEAGUE_OF_FIVE = (
    (ADA, 0, 0, BO), (ADA, 0, 1, CAI), (ADA, 1, 0, DEE), (BO, 1, 0, CAI), (BO, 0, 0, DEE),
    (CAI, 1, 1, DEE), (ELI, 0, 1, ADA), (ELI, 0, 0, BO),
)  # fmt: skip
TABLES = {
    REMOVED: "Bo 5 1-0, Cai 4 2-2, Ada 4 1-1, Dee 2 1-2",
    WALKOVERS: "Bo 8 4-0, Cai 7 5-2, Ada 7 4-1, Dee 5 4-2",
    REST_WALKOVERS: "Cai 7 5-2, Ada 7 2-1, Bo 6 1-0, Dee 5 4-2",
    REST_UNPLAYED: "Ada 7 2-1, Bo 6 1-0, Cai 4 2-2, Dee 2 1-2",
}
NAMES = {ADA: "Ada", BO: "Bo", CAI: "Cai", DEE: "Dee", ELI: "Eli"}


class League(Cup):
    """A league whose results are given by the names of those who play."""

    def __init__(self, n: int, kind: str = LEAGUE, **how: Any) -> None:
        super().__init__(n, kind, **how)
        matches = self.play.competition.matches
        self.keys = {frozenset(self.names(key)): key for key in matches}

    def plays(self, home: str, ours: int, theirs: int, away: str) -> None:
        key = self.keys[frozenset((home, away))]
        self.rule(key, *((ours, theirs) if self.names(key)[0] == home else (theirs, ours)))

    def table(self) -> str:
        (table,) = self.play.competition.tables.values()
        return ", ".join(
            f"{NAMES[r.entrant[2:]]} {r.points} {r.goals_for}-{r.goals_against}" for r in table.rows
        )


def leaves(e: Cup, who: str, policy: str) -> Any:
    """The player leaves, with what falls confirmed."""
    try:
        return e.does(LeaveMatches, f"p-{who}", policy, ())
    except refusals.ResultsFall as more:
        return e.does(LeaveMatches, f"p-{who}", policy, more.matches)


def returns(e: Cup, who: str) -> Any:
    try:
        return e.does(ReturnToMatches, f"p-{who}", ())
    except refusals.ResultsFall as more:
        return e.does(ReturnToMatches, f"p-{who}", more.matches)


# --- in a league ----------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["overall-first", "head-to-head-first"])
@pytest.mark.parametrize(("policy", "expected"), TABLES.items())
def test_each_policy_gives_its_table_and_the_return_gives_the_table_before(
    policy: str, expected: str, order: str
) -> None:
    """M8."""
    chance = random.Random(policy + order)
    for results in chance.sample(list(permutations(LEAGUE_OF_FIVE)), 4):
        e = League(5, tie_breakers=order)
        for result in results:
            e.plays(*result)
        before = deepcopy(e.play)
        leaves(e, ELI, policy)
        assert e.table() == expected
        (table,) = e.play.competition.tables.values()
        assert [(row.entrant, row.place) for row in table.left] == [("p-N4", 0)]
        assert table.finished
        assert e.champion() == {"Bo": BO, "Cai": CAI, "Ada": ADA}[expected.split()[0]]
        assert e.called() == []
        returns(e, ELI)
        assert e.play.competition == before.competition
        assert (e.play.results, e.play.reports) == (before.results, before.reports)


def test_the_sheet_shows_the_table_of_each_policy_and_the_usual_one_first() -> None:
    """M8."""
    e = League(5)
    for result in LEAGUE_OF_FIVE:
        e.plays(*result)
    sheet = leaving(Scene(e.t, e.later(60)), "p-N4")
    usual_first = [REST_WALKOVERS, REMOVED, WALKOVERS, REST_UNPLAYED]
    assert [outlook.policy for outlook in sheet.data.outlooks] == usual_first
    for policy, expected in TABLES.items():
        lines = [c.data.row for c in sheet.children if c.id.startswith(f"{policy}-table")]
        shown = [f"{r.name[:2]} {r.points} {r.goals_for}-{r.goals_against}" for r in lines]
        for number, name in NAMES.items():
            expected = expected.replace(name, number)
        assert shown[:4] == expected.split(", ")
        assert (lines[4].name, lines[4].place, lines[4].left) == ("N4 Nowak", 0, True)
    assert {m.key for m in sheet.data.outlooks[1].falls} == set(e.play.results) & {
        e.keys[frozenset((ELI, who))] for who in (ADA, BO, CAI, DEE)
    }


@pytest.mark.parametrize(
    ("played", "matches", "usual"),
    [(1, 4, REMOVED), (2, 4, REST_WALKOVERS), (2, 5, REMOVED), (3, 5, REST_WALKOVERS)],
)
def test_the_usual_policy_depends_on_the_share_that_was_played(
    played: int, matches: int, usual: str
) -> None:
    e = League(matches + 1)
    for i in range(1, played + 1):
        e.plays("N0", 1, 1, f"N{i}")
    e.rule(e.keys[frozenset(("N0", f"N{matches}"))], came=HOME)  # decided, but not played
    assert policies(e.play.competition, "p-N0")[0] == usual
    assert set(policies(e.play.competition, "p-N0")) == set(POLICIES)


def test_matches_that_are_off_already_do_not_count_in_that_share() -> None:
    e = League(6)
    for who in ("N4", "N5"):
        leaves(e, who, REMOVED)
    for other in ("N1", "N2"):
        e.plays("N0", 1, 0, other)
    assert policies(e.play.competition, "p-N0")[0] == REST_WALKOVERS  # two of three


def test_results_that_would_not_count_any_more_are_listed_first() -> None:
    e = League(5)
    for result in LEAGUE_OF_FIVE:
        e.plays(*result)
    theirs = tuple(e.keys[frozenset((ELI, who))] for who in (ADA, BO))
    for policy in (REMOVED, WALKOVERS):
        for falls in ((), theirs[:1]):
            with pytest.raises(refusals.ResultsFall) as refusal:
                e.wants(LeaveMatches, "p-N4", policy, falls)
            assert set(refusal.value.matches) == set(theirs)
    assert e.wants(LeaveMatches, "p-N4", REST_WALKOVERS, ()).fallen == ()


def test_a_walkover_counts_the_goals_that_were_chosen() -> None:
    """M6: Bo by walkover against Ada; the same two orders with 3-0 and with 1-0."""
    for goals in (3, 1):
        for order, expected in (
            ("head-to-head-first", [BO, ADA, DEE, CAI]), ("overall-first", [ADA, BO, DEE, CAI]),
        ):  # fmt: skip
            e = League(4, tie_breakers=order, walkover=goals)
            key = e.keys[frozenset((ADA, BO))]
            e.rule(key, came=HOME if e.names(key)[0] == BO else AWAY)
            for result in (
                (ADA, 4, 0, CAI), (ADA, 3, 0, DEE), (BO, 1, 0, CAI), (BO, 0, 1, DEE),
                (CAI, 2, 2, DEE),
            ):  # fmt: skip
                e.plays(*result)
            (table,) = e.play.competition.tables.values()
            assert [row.entrant[2:] for row in table.rows] == expected
            bo = next(row for row in table.rows if row.entrant == f"p-{BO}")
            assert (bo.goals_for, bo.goals_against) == (1 + goals, 1)


def test_nothing_of_someone_who_left_is_called_or_reported() -> None:
    e = Cup(5, LEAGUE)
    key = e.called()[0]
    who, other = e.names(key)
    e.report(who, key, 2, 1)
    leaves(e, who, REST_WALKOVERS)
    assert key not in e.called()
    needs, *_ = lists(Scene(e.t, e.later(60)))
    assert needs.children == ()
    assert not any(who in e.names(k) for k in [*e.called(), *e.play.competition.ready])
    for reporter in (who, other):
        with pytest.raises(refusals.SideHasLeft):
            e.wants(ReportScore, f"p-{reporter}", key, Score(2, 1))
    returns(e, who)
    assert e.play.reports[key] == {f"p-{who}": Score(2, 1)}


def test_a_score_that_was_forgotten_can_still_be_entered_if_what_was_played_stands() -> None:
    e = Cup(4, LEAGUE)
    key = e.called()[0]
    who = e.names(key)[0]
    for policy, counts in ((REST_UNPLAYED, True), (REST_WALKOVERS, True), (REMOVED, False)):
        leaves(e, who, policy)
        if counts:
            e.rule(key, 4, 2)
            assert e.play.competition.matches[key].result.score == Score(4, 2)
            e.rule(key)
        else:
            with pytest.raises(refusals.SideHasLeft):
                e.rule(key, 4, 2)
        returns(e, who)
        assert e.state(key) in (state.READY, state.CALLED)


def test_who_has_nothing_left_to_play_cannot_leave() -> None:
    e = League(3)
    e.plays(ADA, 1, 0, BO)
    e.plays(ADA, 2, 0, CAI)
    with pytest.raises(refusals.NothingLeftToPlay):
        e.wants(LeaveMatches, "p-N0", REST_WALKOVERS, ())
    with pytest.raises(errors.Invalid):
        e.wants(LeaveMatches, "p-N1", "sulking", ())
    with pytest.raises(errors.UnknownPlayer):
        e.wants(LeaveMatches, "p-N7", REMOVED, ())
    leaves(e, BO, REST_WALKOVERS)
    assert e.champion() == ADA
    assert e.wants(LeaveMatches, "p-N1", REST_WALKOVERS, ()) is None
    with pytest.raises(refusals.SideHasLeft):
        e.wants(LeaveMatches, "p-N1", REMOVED, ())
    assert e.wants(ReturnToMatches, "p-N0", ()) is None


# --- in a cup -------------------------------------------------------------------------------------


def test_in_a_cup_the_open_and_later_matches_are_walkovers_and_those_played_stand() -> None:
    e = Cup(8)
    e.agree("K8.1", 2, 0)
    e.report("N3", "K8.2", 1, 0)
    leaves(e, "N0", KNOCKED_OUT)
    assert e.names("K4.1") == ("N0", "?")
    assert e.state("K4.1") == state.WAITING
    e.report("N4", "K8.2", 1, 0)
    assert e.names("K4.1") == ("N0", "N3")
    assert e.play.competition.matches["K4.1"].result.came == AWAY
    assert e.names("K2.1")[0] == "N3"
    assert e.play.competition.matches["K8.1"].result.score == Score(2, 0)


def test_of_two_who_leave_before_they_meet_the_first_one_loses() -> None:
    for first, second in (("N0", "N3"), ("N3", "N0")):
        e = Cup(4)
        leaves(e, first, KNOCKED_OUT)
        assert e.names("K2.1") == (second, "?")
        leaves(e, second, KNOCKED_OUT)
        assert (e.names("K2.1"), e.called()) == ((second, "?"), ["K4.2"])
        e.agree("K4.2", 1, 0)
        assert e.champion() == "N1"
        returns(e, first)
        assert (e.names("K2.1"), e.called()) == ((first, "N1"), ["K2.1"])


def test_who_wins_without_play_and_then_leaves_takes_no_later_result_away() -> None:
    e = Cup(4, DOUBLE)
    e.agree("W1.2", 1, 0)
    e.agree("W1.1", 1, 0)
    leaves(e, "N1", KNOCKED_OUT)  # N0 is in the final
    e.agree("D1.1", 1, 0)
    e.agree("F1", 0, 1)
    leaves(e, "N0", KNOCKED_OUT)
    assert e.play.results["F1"].score == Score(0, 1)
    assert e.champion() == e.names("F1")[1]


def test_the_return_lists_the_matches_that_were_played_meanwhile() -> None:
    e = Cup(4)
    e.agree("K4.2", 1, 0)
    leaves(e, "N0", KNOCKED_OUT)
    e.agree("K2.1", 0, 1)
    assert e.champion() == "N1"
    with pytest.raises(refusals.ResultsFall) as refusal:
        e.wants(ReturnToMatches, "p-N0", ())
    assert refusal.value.matches == ("K2.1",)
    returns(e, "N0")
    assert e.called() == ["K4.1"]
    assert (e.play.results.keys(), e.names("K2.1")) == ({"K4.2"}, ("?", "N1"))


def test_who_left_is_never_champion_even_without_an_opponent() -> None:
    e = Cup(4)
    e.agree("K4.1", 1, 0)
    leaves(e, "N0", KNOCKED_OUT)
    e.rule("K4.2", came=NEITHER)
    assert e.champion() is None


def test_in_a_double_elimination_who_left_loses_on_both_sides() -> None:
    e = Cup(4, DOUBLE)
    e.agree("W1.1", 1, 0)
    e.agree("W1.2", 1, 0)
    leaves(e, "N0", KNOCKED_OUT)
    assert e.names("F1")[0] == "N1"
    assert "N0" in e.names("D2.1")
    e.agree("D1.1", 1, 0)
    winner = next(name for name in e.names("D2.1") if name != "N0")
    assert e.names("F1") == ("N1", winner)


def test_a_second_final_that_is_not_needed_any_more_loses_its_result() -> None:
    e = Cup(2, DOUBLE)
    e.agree("W1.1", 1, 0)
    leaves(e, "N0", KNOCKED_OUT)
    assert e.names("F2") == ("N1", "N0")  # the first final was the second's walkover
    e.rule("F2", 3, 0)
    with pytest.raises(refusals.ResultsFall) as refusal:
        e.rule("W1.1", 0, 1)
    assert refusal.value.matches == ("F2",)
    e.rule("W1.1", 0, 1, falls=("F2",))
    assert (e.state("F2"), e.champion()) == (state.OFF, "N1")
    assert "F2" not in e.play.results


def test_a_group_without_enough_players_left_leaves_a_place_in_the_cup_empty() -> None:
    e = Cup(6, GROUPS, groups=2, through=2)
    members = sorted({n for k in e.play.competition.plan.table["A"] for n in e.names(k)})
    for who in members[:2]:
        leaves(e, who, REMOVED)
    while called := e.called():
        e.agree(called[0], 1, 0)
    assert e.play.competition.tables["A"].finished
    assert e.champion() not in (None, *members[:2])


def test_a_table_that_was_finished_stays_as_it_is() -> None:
    e = Cup(6, GROUPS, groups=2, through=1)
    for key in [*e.play.competition.plan.table["A"]]:
        e.agree(key, 1, 0)
    table = e.play.competition.tables["A"]
    winner = table.rows[0].entrant.removeprefix("p-")
    assert policies(e.play.competition, f"p-{winner}") == (KNOCKED_OUT,)
    leaves(e, winner, KNOCKED_OUT)
    assert e.play.competition.tables["A"] == table
    for key in [*e.play.competition.plan.table["B"]]:
        e.agree(key, 1, 0)
    other = e.play.competition.tables["B"].rows[0].entrant
    assert e.play.competition.champion == other


@pytest.mark.parametrize("n", [5, 6])
def test_in_a_swiss_system_what_was_played_stands_and_nobody_is_paired_with_who_left(
    n: int,
) -> None:
    e = Cup(n, SWISS, rounds=3)
    for place in range(1, n // 2 + 1):
        e.agree(f"S1.{place}", 1, 0)
    who = e.names("S2.1")[0]
    e.agree("S2.2", 1, 0)
    (only,) = policies(e.play.competition, f"p-{who}")
    leaves(e, who, only)
    other = e.names("S2.1")[1]
    if n == 6:
        e.agree("S2.3", 1, 0)
    assert len(e.play.rounds) == 3
    paired = [name for name in e.play.rounds[2] if name]
    assert len(paired) == n - 1
    assert f"p-{who}" not in paired
    while called := e.called():
        e.agree(called[0], 1, 0)
    (table,) = e.play.competition.tables.values()
    assert table.finished
    assert {row.played for row in table.rows} == {3}  # byes included
    row = next(row for row in table.rows if row.entrant == f"p-{other}")
    assert row.goals_for >= 3  # the walkover


def test_another_format_keeps_out_those_who_left() -> None:
    e = Cup(4)
    leaves(e, "N0", KNOCKED_OUT)
    e.does(ChooseFormat, Format(LEAGUE, seeding=BY_DRAW), ())
    assert e.play.left == {"p-N0": REMOVED}
    assert not any("N0" in e.names(key) for key in e.play.competition.ready)


def test_the_time_left_counts_no_walkovers_to_come() -> None:
    e = Cup(8)
    e.agree("K8.1", 1, 0)
    leaves(e, "N0", KNOCKED_OUT)
    left = {match.key: match for match in e.play.competition.unplayed()}
    assert set(left) == {"K8.2", "K8.3", "K8.4", "K4.2", "K2.1"}
    assert set(left["K2.1"].needs) == {"K8.1", "K8.2", "K4.2"}


def test_of_two_legs_those_played_stand_and_the_rest_are_walkovers() -> None:
    e = Cup(4, cup_legs=2)
    home, away = e.names("K4.1a")
    e.agree("K4.1a", 3, 0)
    leaves(e, home, KNOCKED_OUT)
    assert e.play.results["K4.1a"].score == Score(3, 0)
    assert e.names("K2.1")[0] == away
    returns(e, home)
    assert e.names("K2.1") == ("?", "?")
    assert e.state("K4.1b") in (state.READY, state.CALLED)


@pytest.mark.parametrize("kind", [KNOCKOUT, DOUBLE, LEAGUE, GROUPS, SWISS])
def test_after_any_sequence_with_players_leaving_all_is_as_if_made_from_nothing(kind: str) -> None:
    for seed in range(25):
        chance = random.Random(f"leaving {kind} {seed}")
        how, least = {}, 2
        if kind == GROUPS:
            how = chance.choice(({"groups": 2}, {"groups": 3, "through": 1, "best": 1}))
            least = 3 * how["groups"]
        elif kind == KNOCKOUT:
            how = {"cup_legs": chance.choice((1, 2))}
        e = Cup(chance.randint(least, least + 4), kind, chance.randint(1, 3), **how)
        for _ in range(25):
            with suppress(refusals.FirstLegOpen, errors.Invalid):
                _comes_or_goes(e, chance) if chance.random() < 0.25 else something(e, chance)
            play = e.play
            if chance.random() < 0.6:
                assert play.competition == derive(play.competition.basis, play.results)
            for call in filter(None, play.queue.consoles.values()):
                match = play.competition.matches[call.key]
                assert (match.known, match.result) == (True, None)
                assert play.left.keys().isdisjoint(match.sides)
            assert play.competition.champion not in play.left
            ranked = {r.entrant for t in play.competition.tables.values() for r in t.rows}
            assert ranked.isdisjoint(w for w, p in play.left.items() if p in POLICIES)
        assert snapshot.restore(snapshot.dump(e.t)) == e.t


def _comes_or_goes(e: Cup, chance: random.Random) -> None:
    who = chance.choice(e.play.entrants)
    if who in e.play.left:
        returns(e, who[2:])
        return
    before = deepcopy(e.play)
    try:
        leaves(e, who[2:], chance.choice(policies(e.play.competition, who)))
    except refusals.NothingLeftToPlay:
        return
    if chance.random() < 0.5:
        returns(e, who[2:])
        if e.play.rounds == before.rounds:  # a Swiss round can have been paired without them
            assert e.play.competition == before.competition
        assert (e.play.results, e.play.reports) == (before.results, before.reports)
