"""A Swiss evening: rounds are paired when the one before is decided, and stay as they are."""

from __future__ import annotations

import random
from collections import Counter
from copy import deepcopy
from typing import Any

import pytest
from flask import Flask

from lct.application.screens.desk import controls
from lct.application.screens.matches import ShownMatch
from lct.application.screens.phone import personal
from lct.application.screens.pitch import matches_stages
from lct.application.screens.progress import minutes, progress, slots_of
from lct.application.screens.region import Scene
from lct.domain import errors
from lct.domain.drawing import DrawTeams, SkipReveal
from lct.domain.evening import CloseList, CloseTournament
from lct.domain.fact import apply
from lct.domain.play import refusals, state
from lct.domain.play.calling import TakeBackCall
from lct.domain.play.choosing import ChooseFormat
from lct.domain.play.derivation import derive
from lct.domain.play.formats import SWISS, Format, for_entrants
from lct.domain.play.leaving import LeaveMatches
from lct.domain.play.pairing import PairRound, RoundPaired, due, rematches
from lct.domain.play.reporting import ReportScore
from lct.domain.play.results import HOME, NEITHER
from lct.domain.play.settling import SetResult
from lct.domain.rights import SYSTEM
from lct.domain.tournament import Tournament
from lct.infrastructure.stored_events import stored

from .api_client import ApiEvening, good
from .desk import Desk
from .evening import Evening
from .test_play import Cup


def swiss(n: int, rounds: int = 0, consoles: int = 2, **how: Any) -> Cup:
    """An evening of ``n``; ``N0`` is the first seed."""
    return Cup(n, SWISS, consoles, rounds=rounds, **how)


def people(e: Cup, number: int) -> list[set[str]]:
    """Who meets whom in a round, and in the end who has the bye."""
    names = [entrant.removeprefix("p-") for entrant in e.play.rounds[number - 1]]
    return [set(names[i : i + 2]) for i in range(0, len(names), 2)]


def won(e: Cup, winner: str, loser: str, goals: int = 1) -> None:
    """The open match of the two ends like that."""
    for key in e.play.competition.ready:
        if set(e.names(key)) == {winner, loser}:
            e.agree(key, *((goals, 0) if e.names(key)[0] == winner else (0, goals)))
            return
    raise AssertionError(f"{winner} does not meet {loser}")


def play_round(e: Cup, chance: random.Random) -> None:
    number = len(e.play.rounds)
    for key in [key for key in e.play.competition.matches if key.startswith(f"S{number}.")]:
        if e.state(key) != state.OFF:
            e.agree(key, chance.randint(0, 3), chance.randint(0, 3))


def points(e: Cup) -> dict[str, int]:
    rows = e.play.competition.tables[""].rows
    return {row.entrant.removeprefix("p-"): row.points for row in rows}


# --- rounds ---------------------------------------------------------------------------------------


def test_the_first_round_is_there_with_the_matches_and_the_next_one_after_its_last_result() -> None:
    e = swiss(4, rounds=3)
    assert people(e, 1) == [{"N0", "N2"}, {"N1", "N3"}]
    assert e.state("S2.1") == state.WAITING
    assert e.names("S2.1") == ("?", "?")
    won(e, "N0", "N2")
    assert len(e.play.rounds) == 1
    won(e, "N1", "N3")
    assert people(e, 2) == [{"N0", "N1"}, {"N2", "N3"}]
    assert e.events[-1].type == "round-paired"
    assert e.called() == ["S2.1", "S2.2"]


def test_round_three_of_four_has_the_only_pairing_without_a_rematch() -> None:
    """M10 a: Ada is N0, Cai N1, Bo N2, Dee N3."""
    e = swiss(4, rounds=3)
    for winner, loser in (("N0", "N2"), ("N1", "N3"), ("N0", "N1"), ("N2", "N3")):
        won(e, winner, loser)
    assert points(e) == {"N0": 6, "N1": 3, "N2": 3, "N3": 0}
    assert people(e, 3) == [{"N0", "N3"}, {"N1", "N2"}]


def test_three_people_have_a_bye_each_and_it_counts_as_a_win() -> None:
    """M10 b: Ada is N0, Cai N1, Bo N2, Dee N3, Eli N4."""
    e = swiss(5, rounds=3)
    assert people(e, 1) == [{"N0", "N2"}, {"N1", "N3"}, {"N4"}]
    won(e, "N0", "N2", 2)
    won(e, "N1", "N3")
    pairs = ("p-N0", "p-N1"), ("p-N2", "p-N4")
    e.take(RoundPaired(1, 2, pairs, "p-N3", ()))
    won(e, "N0", "N1")
    won(e, "N2", "N4", 3)
    assert people(e, 3) == [{"N0", "N4"}, {"N2", "N3"}, {"N1"}]
    assert points(e) == {"N0": 6, "N1": 6, "N2": 3, "N3": 3, "N4": 3}
    rows = {row.entrant: row for row in e.play.competition.tables[""].rows}
    assert (rows["p-N4"].won, rows["p-N4"].played, rows["p-N4"].goals_for) == (1, 2, 0)
    bye = e.play.competition.matches["S3.3"]
    assert (e.state("S3.3"), bye.winner, bye.known) == (state.OFF, "p-N1", False)


def test_the_champion_is_known_after_the_last_round_and_lots_count_only_then() -> None:
    e = swiss(4, rounds=1)
    e.agree("S1.1", 1, 1)
    rows = e.play.competition.tables[""].rows
    assert [row.place for row in rows][:2] == [1, 1]
    assert e.champion() is None
    e.agree("S1.2", 1, 1)
    rows = e.play.competition.tables[""].rows
    assert [row.place for row in rows] == [1, 2, 3, 4]
    assert e.champion() == rows[0].entrant.removeprefix("p-")
    assert len(e.play.rounds) == 1


def test_six_play_five_rounds_and_never_stop_early() -> None:
    """M11."""
    for seed in range(60):
        e, chance = swiss(6, rounds=5), random.Random(seed)
        while e.champion() is None:
            play_round(e, chance)
        assert len(e.play.rounds) == 5
        assert len(e.play.results) == 15
        assert rematches(e.play.rounds) == set()


@pytest.mark.parametrize(
    ("n", "rounds", "most"), [(6, 6, 5), (5, 6, 5), (8, 99, 7), (1024, 11, 10)]
)
def test_more_rounds_than_can_be_played_are_refused_with_the_largest_number(
    n: int, rounds: int, most: int
) -> None:
    """M11."""
    with pytest.raises(errors.Invalid) as refusal:
        for_entrants(Format(SWISS, rounds=rounds), n)
    assert set(refusal.value.fields) == {"rounds"}
    assert f"at most {most} round" in str(refusal.value.fields["rounds"])
    assert for_entrants(Format(SWISS, rounds=most), n).rounds == most


def test_fewer_guests_than_seats_play_as_many_rounds_as_are_usual_for_them() -> None:
    e = Evening(limit=9)
    e.does(ChooseFormat, Format(SWISS, rounds=9), ())
    e.all_picked(4)
    e.does(CloseList)
    with pytest.raises(refusals.FormatDoesNotFit):
        e.draw()
    e.does(ChooseFormat, Format(SWISS), ())
    e.draw()
    rounds = {match.fixture.round for match in e.t.play.competition.matches.values()}
    assert rounds == {1, 2}


def test_a_rematch_that_no_pairing_avoids_is_marked() -> None:
    """Eleven rounds of twelve: with more than eight, a round does not look so far ahead."""
    again = Counter[int]()
    for seed in (3, 4):
        e, chance = swiss(12, rounds=11), random.Random(seed)
        while e.champion() is None:
            play_round(e, chance)
        met = Counter(frozenset(e.names(key)) for key in e.play.results)
        marked = rematches(e.play.rounds)
        assert len(marked) == sum(times - 1 for times in met.values())
        again[len(marked)] += 1
        for key in marked:
            number = e.play.competition.matches[key].fixture.round
            assert set(e.names(key)) in [both for r in range(1, number) for both in people(e, r)]
    assert again == {0: 1, 2: 1}


# --- a cup after it -------------------------------------------------------------------------------


def best_four(**how: Any) -> Cup:
    """Six players; after their rounds the best four play a cup. The better seed always wins."""
    e = swiss(6, rounds=3, cup=4, **how)
    while not e.play.competition.tables[""].finished:
        key = e.called()[0]
        home, away = e.names(key)
        e.agree(key, *((2, 0) if home < away else (0, 2)))
    return e


def test_the_best_of_the_table_go_on_to_a_cup_in_the_order_of_their_places() -> None:
    e = best_four()
    first, second, third, fourth, fifth, _ = (
        row.entrant.removeprefix("p-") for row in e.play.competition.tables[""].rows
    )
    assert (e.names("K4.1"), e.names("K4.2")) == ((first, fourth), (second, third))
    assert e.champion() is None
    assert (card(e, fifth).state, card(e, fifth).place) == ("out", 5)
    assert card(e, first).state == "match"
    assert stage(e).template == "board/_bracket.html"
    e.agree("K4.1", 0, 1)
    e.agree("K4.2", 0, 1)
    e.agree("K2.1", 1, 0)
    assert e.champion() == fourth
    assert (card(e, fourth).state, card(e, first).state) == ("champion", "out")


def test_a_correction_of_the_table_says_which_matches_of_the_cup_fall() -> None:
    e = best_four()
    e.agree("K4.1", 1, 0)
    e.agree("K4.2", 1, 0)
    with pytest.raises(refusals.ResultsFall) as refusal:
        e.rule("S3.1")
    assert set(refusal.value.matches) == {"K4.1", "K4.2"}
    e.rule("S3.1", falls=refusal.value.matches)
    assert e.names("K4.1") == ("?", "?")
    assert e.play.competition == derive(e.play.competition.basis, e.play.results)


@pytest.mark.parametrize("cup", [1, 6, 7])
def test_at_least_two_and_fewer_than_all_go_on(cup: int) -> None:
    with pytest.raises(errors.Invalid) as refusal:
        for_entrants(Format(SWISS, cup=cup), 6)
    assert set(refusal.value.fields) == {"cup"}


def test_the_cup_counts_for_matches_and_time() -> None:
    e = swiss(6, rounds=3, consoles=3, cup=4, third_place=True)
    now = Scene(e.t, e.later(60))
    assert progress(now) == (0, 9 + 4)
    assert minutes(now) == ((2 + 2) * 10, (3 + 2) * 15)
    assert slots_of(e.play.format, 6, 3) == 5


# --- corrections ----------------------------------------------------------------------------------


def eight() -> Cup:
    """M12: round 1 decided; in round 2 two matches decided, one on a console, one waiting."""
    e = swiss(8, rounds=3, consoles=1)
    for i in range(1, 5):
        e.rule(f"S1.{i}", 1, 0)
    for key in ("S2.1", "S2.2"):
        e.agree(key, 2, 0)
    assert [e.state(f"S2.{i}") for i in (3, 4)] == [state.CALLED, state.READY]
    return e


def test_a_correction_of_an_earlier_round_changes_points_and_not_pairings() -> None:
    """M12."""
    e = eight()
    before, rounds, had = deepcopy(e.t), e.play.rounds, points(e)
    first, other = e.names("S1.1")
    e.rule("S1.1", 0, 1)
    assert e.play.rounds == rounds
    assert points(e)[first] == had[first] - 3
    assert points(e)[other] == had[other] + 3
    assert len(set().union(*people(e, 2))) == 8
    for key in ("S2.1", "S2.2"):
        assert e.state(key) == state.DECIDED
    e.rule("S1.1", 1, 0)
    assert e.play.competition == before.play.competition
    assert (e.play.reports, e.play.queue) == (before.play.reports, before.play.queue)


def test_a_round_that_has_a_result_is_not_paired_again() -> None:
    e = eight()
    e.rule("S1.1", 0, 1)
    for number, refusal in ((1, refusals.RoundHasBegun), (2, refusals.RoundHasBegun),
                            (3, refusals.RoundIsOpen), (4, refusals.UnknownRound)):  # fmt: skip
        with pytest.raises(refusal):
            e.wants(PairRound, number, True, ())
    assert e.wants(PairRound, 2, False, ()) is None  # it is paired


def test_a_round_without_a_result_is_paired_again_and_what_was_reported_of_it_falls() -> None:
    e = swiss(4, rounds=3)
    won(e, "N0", "N2")
    won(e, "N1", "N3")
    e.report("N0", "S2.1", 2, 0)
    assert e.wants(PairRound, 2, True, ()) is None  # nothing has changed
    e.rule("S1.2", *((0, 1) if e.names("S1.2")[0] == "N1" else (1, 0)))
    assert people(e, 2) == [{"N0", "N1"}, {"N2", "N3"}]
    with pytest.raises(refusals.ResultsFall) as refusal:
        e.wants(PairRound, 2, True, ())
    assert refusal.value.matches == ("S2.1", "S2.2")  # one has a report, both are on consoles
    e.does(PairRound, 2, True, ("S2.1", "S2.2"))
    assert people(e, 2) == [{"N0", "N3"}, {"N1", "N2"}]
    assert e.play.reports == {}
    assert e.called() == ["S2.1", "S2.2"]
    assert str(e.events[-1].sentence(e.t)).startswith("paired round 2 again; 2 matches")
    assert [call.home for call in e.play.queue.consoles.values() if call] == [
        e.play.competition.matches[key].home for key in ("S2.1", "S2.2")
    ]


def test_the_bye_moves_when_a_round_is_paired_again() -> None:
    e = swiss(5, rounds=3)
    won(e, "N0", "N2")
    won(e, "N1", "N3", 3)
    assert people(e, 2)[-1] == {"N3"}
    e.rule("S1.1", *((0, 9) if e.names("S1.1")[0] == "N0" else (9, 0)))
    e.rule("S1.2", *((0, 1) if e.names("S1.2")[0] == "N1" else (1, 0)))
    e.does(PairRound, 2, True, tuple(sorted(e.called())))
    (bye,) = people(e, 2)[-1]
    assert bye == "N0"
    assert points(e) == {"N2": 3, "N3": 3, "N4": 3, "N0": 3, "N1": 0}
    assert e.play.competition == derive(e.play.competition.basis, e.play.results)


def test_a_cleared_result_holds_the_next_round_back() -> None:
    e = swiss(4, rounds=3)
    won(e, "N0", "N2")
    won(e, "N1", "N3")
    e.rule("S1.1")
    e.agree("S2.1", 1, 0)
    e.agree("S2.2", 1, 0)
    assert len(e.play.rounds) == 2
    assert e.called() == ["S1.1"]
    with pytest.raises(refusals.RoundIsOpen):
        e.wants(PairRound, 3, True, ())
    e.rule("S1.1", came=NEITHER)
    assert len(e.play.rounds) == 3


# --- the queue and the time -----------------------------------------------------------------------


def test_rounds_that_are_not_paired_count_for_matches_and_time() -> None:
    e = swiss(7, rounds=3, consoles=2)
    now = Scene(e.t, e.later(60))
    assert progress(now) == (0, 9)
    assert minutes(now) == ((1 + 4) * 10, (2 + 4) * 15)
    for key in ("S1.1", "S1.2", "S1.3"):
        e.rule(key, came=HOME)
    now = Scene(e.t, e.later(60))
    assert progress(now) == (3, 9)
    assert minutes(now) == ((1 + 2) * 10, (2 + 2) * 15)


def test_a_match_that_was_taken_back_is_still_of_its_round() -> None:
    e = swiss(4, rounds=3, consoles=1)
    e.does(TakeBackCall, e.called()[0])
    assert e.called() == ["S1.2"]


# --- screens --------------------------------------------------------------------------------------


def card(e: Cup, name: str) -> Any:
    return personal(Scene(e.t, e.later(60)), f"p-{name}")["me"].data.own


def stage(e: Cup) -> Any:
    return matches_stages(Scene(e.t, e.later(60)))[0]


def matches_on(shown: Any) -> list[ShownMatch]:
    return [child.data for child in shown.children if isinstance(child.data, ShownMatch)]


def test_a_phone_says_who_has_a_bye_and_who_waits_for_the_next_round() -> None:
    e = swiss(5, rounds=2)
    assert (card(e, "N4").state, card(e, "N4").bye) == ("between", True)
    assert card(e, "N0").state == "match"
    won(e, "N0", "N2")
    assert card(e, "N0")[:2] == ("between", None)
    assert (card(e, "N0").bye, card(e, "N0").round, card(e, "N0").rounds) == (False, 1, 2)
    won(e, "N1", "N3")
    assert card(e, "N4").state == "match"
    play_round(e, random.Random(2))
    winner = e.champion()
    assert winner
    assert card(e, winner).state == "champion"


def test_the_tv_has_the_round_beside_the_table_with_its_bye() -> None:
    e = swiss(5, rounds=2)
    shown = stage(e)
    assert (shown.data.kind, shown.data.round, shown.data.rounds) == ("tables", 1, 2)
    assert [match.key for match in matches_on(shown)] == ["S1.1", "S1.2", "S1.3"]
    bye = matches_on(shown)[-1]
    assert (bye.bye, bye.home.name, str(bye.away.maybe)) == (True, "N4 Nowak", "counts as a win")
    won(e, "N0", "N2")
    won(e, "N1", "N3")
    assert [match.key for match in matches_on(stage(e))] == ["S2.1", "S2.2", "S2.3"]


def test_a_place_that_stays_empty_as_two_have_left_is_no_match_on_the_tv() -> None:
    e = swiss(4, rounds=3)
    for name in ("N2", "N3"):
        e.does(LeaveMatches, f"p-{name}", "", ())
    assert len(e.play.rounds) == 2
    e.does(PairRound, 2, True, ())
    assert [match.key for match in matches_on(stage(e))] == ["S2.1"]
    assert progress(Scene(e.t, e.later(60))) == (2, 4)


def test_of_a_long_round_the_tv_has_the_matches_on_and_the_bye() -> None:
    e = swiss(21, consoles=3)
    keys = [match.key for match in matches_on(stage(e))]
    assert len(keys) == 8
    assert {*e.called(), "S1.11"} <= set(keys)


def test_the_organiser_is_offered_to_pair_again_only_where_the_pairs_would_differ() -> None:
    e = swiss(4, rounds=3)

    def offered() -> tuple[int, bool]:
        data: Any = controls(Scene(e.t, e.later(60))).data
        return data.pairing, data.paired

    won(e, "N0", "N2")
    won(e, "N1", "N3")
    assert offered() == (0, False)
    e.rule("S1.2", *((0, 1) if e.names("S1.2")[0] == "N1" else (1, 0)))
    assert offered() == (2, True)
    e.agree("S2.1", 1, 0)
    assert offered() == (0, False)


# --- who pairs ------------------------------------------------------------------------------------


def begin(desk: Desk, n: int = 4) -> Tournament:
    """A Swiss evening in the store: its draw is made, and its cards are turned."""
    code = desk.create(limit=n)
    desk.execute(ChooseFormat(code=code, by=SYSTEM, format=Format(SWISS, rounds=2)))
    for number in range(n):
        desk.join(code, f"N{number}")
        desk.pick(code, f"N{number}", number)
    desk.execute(DrawTeams(code=code, by=SYSTEM, attempt=1))
    return desk.execute(SkipReveal(code=code, by=SYSTEM))


def settle(t: Tournament, key: str) -> SetResult:
    return SetResult(code=t.code, by=SYSTEM, match=key, came=HOME)


def paired_rounds(desk: Desk, code: str) -> list[int]:
    events = (each.event for each in stored(desk.store, code))
    return [event.round for event in events if isinstance(event, RoundPaired)]


def test_the_command_that_decides_a_round_pairs_the_next_one(desk: Desk) -> None:
    t = begin(desk)
    assert paired_rounds(desk, t.code) == [1]
    desk.execute(settle(t, "S1.1"))
    t = desk.execute(settle(t, "S1.2"))
    assert len(t.play.rounds) == 2
    assert paired_rounds(desk, t.code) == [1, 2]
    assert desk.published[-1] == (t.code, t.seq)


def test_two_workers_at_once_pair_a_round_once(desk: Desk) -> None:
    t = begin(desk)
    other = Desk()
    desk.execute(settle(t, "S1.1"))
    behind = other.store.read(t.code).tournament
    desk.execute(settle(t, "S1.2"))
    assert len(behind.play.rounds) == 1  # this worker has not heard of it
    other.execute(PairRound(code=t.code, by=SYSTEM, round=2))
    assert len(other.store.read(t.code).tournament.play.rounds) == 2
    assert paired_rounds(desk, t.code) == [1, 2]


def test_a_worker_that_ended_before_it_paired_is_made_up_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    t = begin(desk)
    desk.execute(settle(t, "S1.1"))
    monkeypatch.setattr("lct.application.execute.due", lambda t: None)  # it ends right after this
    t = desk.execute(settle(t, "S1.2"))
    assert len(t.play.rounds) == 1
    monkeypatch.undo()
    other = Desk()
    other.execute.follow_up(other.store.read(t.code).tournament)  # as every page does
    assert paired_rounds(desk, t.code) == [1, 2]


def test_the_next_page_that_anyone_opens_makes_up_for_it_too(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    e = ApiEvening(app, limit=3)
    e.filled()
    e.draw()
    good(e.host.post(e.at("/skip")))
    good(e.host.post(e.at("/format"), {"kind": "swiss"}))
    monkeypatch.setattr("lct.application.execute.due", lambda t: None)
    good(e.host.post(e.at("/matches/S1.1/result"), {"score": {"home": 1, "away": 0}}))
    monkeypatch.undo()
    found = good(e.anyone.get(e.at("/matches")))["items"]
    assert all(match["home"] for match in found if match["round"] == 2)


def test_a_closed_tournament_pairs_nothing(desk: Desk) -> None:
    t = begin(desk)
    t = desk.execute(CloseTournament(code=t.code, by=SYSTEM))
    assert due(t) is None
    with pytest.raises(errors.TournamentIsClosed):
        desk.execute(PairRound(code=t.code, by=SYSTEM, round=2))


def test_the_pairing_is_as_it_was_stored_whatever_the_method_is_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    e = swiss(6, rounds=3)
    chance = random.Random(1)
    play_round(e, chance)
    monkeypatch.setattr("lct.domain.play.pairing.pair", None)
    again = Tournament(e.t.code)
    for seq, event in enumerate(e.events, 1):
        apply(again, event, seq, e.now)
    assert again.play.rounds == e.play.rounds
    assert again == e.t


@pytest.mark.parametrize(
    ("number", "pairs", "bye"),
    [
        (3, (("p-N0", "p-N1"), ("p-N2", "p-N3")), "p-N4"),
        (1, (("p-N0", "p-N1"), ("p-N2", "p-N9")), "p-N4"),
        (1, (("p-N0", "p-N1"), ("p-N0", "p-N3")), "p-N4"),
    ],
)
def test_a_stored_pairing_of_others_or_of_a_round_too_far_does_not_apply(
    number: int, pairs: tuple[tuple[str, str], ...], bye: str
) -> None:
    """An import may hold anything; a stream that does not apply is refused."""
    e = swiss(5)
    with pytest.raises(ValueError, match="pairing"):
        e.take(RoundPaired(1, number, pairs, bye, ()))


def test_a_report_of_a_round_that_is_not_paired_is_refused() -> None:
    e = swiss(4)
    with pytest.raises(refusals.MatchNotReady):
        e.wants(SetResult, "S2.1", None, HOME, ())
    with pytest.raises(refusals.NotYourMatch):
        e.wants(ReportScore, "p-N0", "S2.1", None)
