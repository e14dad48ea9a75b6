"""Joining, picking and the organiser's actions."""

import contextlib
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lct.domain import errors, snapshot
from lct.domain.door import LockJoining, UnlockJoining
from lct.domain.drawing import DrawTeams
from lct.domain.evening import (
    ChangeLimit,
    CloseList,
    CloseTournament,
    CreateTournament,
    Keys,
    RenameTournament,
    ReopenTournament,
)
from lct.domain.fact import EVENTS, Command, apply
from lct.domain.listing import AnotherList, ListTeams, PicksBegan
from lct.domain.people import BlockPlayer, Join, RemovePlayer, RenamePlayer, UnblockPlayer
from lct.domain.picking import LetGo, PickTeam, RestartPicks
from lct.domain.teams import Team
from lct.domain.tournament import Tournament
from tests.evening import SECRET, Evening, decide, teams


def test_a_team_can_be_picked_once() -> None:
    evening = Evening()
    ola, max_ = evening.join("Ola", "Max")
    evening.pick(ola, 3)
    with pytest.raises(errors.TeamTaken) as refusal:
        evening.pick(max_, 3)
    assert (refusal.value.team, refusal.value.holder) == ("Team 3", "Ola Nowak")


def test_a_new_pick_frees_the_old_team_in_the_same_step() -> None:
    evening = Evening()
    ola, max_ = evening.join("Ola", "Max")
    evening.pick(ola, 3)
    evening.pick(ola, 4)
    evening.pick(max_, 3)
    assert evening.t.holders == {4: ola, 3: max_}


def test_picking_your_own_team_again_changes_nothing() -> None:
    evening = Evening()
    (ola,) = evening.join("Ola")
    evening.pick(ola, 3)
    assert evening.wants(PickTeam, ola, 3, "aa" * 16) is None


def test_the_list_of_teams_is_mended_until_the_first_pick() -> None:
    evening = Evening(limit=2)
    ola, _ = evening.join("Ola", "Max")
    with pytest.raises(errors.TooFewTeams):
        evening.wants(ListTeams, ("Only",))
    with pytest.raises(errors.Invalid, match="more than once"):
        evening.wants(ListTeams, ("Lech", "LECH"))
    evening.does(ListTeams, ("TEAM 4", " Lech ", ""))
    assert evening.t.teams == (Team("TEAM 4", "League", 4.5, "club"), Team("Lech"))
    assert evening.wants(ListTeams, ("TEAM 4", "Lech")) is None
    evening.pick(ola, 1)
    with pytest.raises(PicksBegan):
        evening.wants(ListTeams, ("Lech", "Wisła"))
    evening.does(LetGo, ola)
    evening.does(ListTeams, ("Lech", "Wisła"))


def test_after_a_draw_the_list_of_teams_stays_for_its_record() -> None:
    evening = Evening(limit=2)
    evening.all_picked(2)
    evening.draw()
    evening.does(RestartPicks, SECRET)
    with pytest.raises(PicksBegan):
        evening.wants(ListTeams, ("Lech", "Wisła"))


def test_a_tap_on_the_list_before_the_last_mending_picks_nothing() -> None:
    evening = Evening(limit=2)
    (ola,) = evening.join("Ola")
    evening.does(ListTeams, ("Lech", "Wisła"))
    with pytest.raises(AnotherList):
        evening.wants(PickTeam, ola, 0, "aa" * 16, "", 0)
    evening.does(PickTeam, ola, 0, "aa" * 16, "", 1)


@pytest.mark.parametrize("team", [-1, 10, 10**9])
def test_a_team_that_is_not_in_the_list_is_unknown(team: int) -> None:
    evening = Evening()
    (ola,) = evening.join("Ola")
    with pytest.raises(errors.UnknownTeam):
        evening.pick(ola, team)


def test_letting_go_frees_the_team() -> None:
    evening = Evening()
    (ola,) = evening.join("Ola")
    evening.pick(ola, 3)
    evening.does(LetGo, ola)
    assert not evening.t.holders
    assert evening.wants(LetGo, ola) is None


def test_joining_twice_with_one_id_adds_one_player() -> None:
    evening = Evening()
    evening.join("Ola")
    assert evening.wants(Join, "p-Ola", "Ola", "Nowak") is None


@pytest.mark.parametrize(
    ("first", "last"), [("Ola", "Nowak"), ("OLA", "nowak"), ("O\u200bla", "Nowak ")]
)
def test_a_second_player_with_the_same_name_is_asked_for_an_initial(first: str, last: str) -> None:
    evening = Evening()
    evening.join("Ola")
    with pytest.raises(errors.SameName, match="initial"):
        evening.wants(Join, "other", first, last)


def test_nobody_joins_after_the_last_seat_is_taken() -> None:
    evening = Evening(limit=2)
    evening.join("Ola", "Max")
    with pytest.raises(errors.TournamentFull):
        evening.join("Zoë")


def test_leaving_and_rejoining_never_exceeds_the_limit() -> None:
    evening = Evening(limit=2)
    evening.join("Ola", "Max")
    evening.does(RemovePlayer, "p-Ola")
    evening.join("Zoë")
    with pytest.raises(errors.TournamentFull):
        evening.join("Ola")


def test_a_removed_player_may_come_back_but_a_blocked_one_may_not() -> None:
    evening = Evening()
    evening.join("Ola", "Max")
    evening.does(RemovePlayer, "p-Ola")
    evening.join("Ola")
    evening.does(BlockPlayer, "p-Max")
    with pytest.raises(errors.PlayerIsBlocked):
        evening.join("Max")
    with pytest.raises(errors.PlayerIsBlocked):  # another browser, the same person
        evening.wants(Join, "other", "MAX", "Nowak")
    with pytest.raises(errors.PlayerIsBlocked):
        evening.wants(Join, "other", "Max\U000e0100", "No\u17b4wak")
    evening.does(UnblockPlayer, "p-Max")
    evening.join("Max")


@pytest.mark.parametrize("how", [RemovePlayer, BlockPlayer])
def test_taking_a_player_out_frees_their_team_and_updates_readiness(
    how: type[Command],
) -> None:
    evening = Evening(limit=3)
    ids = evening.all_picked(3)
    assert evening.t.ready
    evening.does(how, ids[1])
    assert not evening.t.ready
    assert 1 not in evening.t.holders
    evening.does(CloseList)
    assert evening.t.ready
    evening.draw()
    drawn = evening.events[-1]
    assert ids[1] not in dict(drawn.hands)  # type: ignore[attr-defined]


def test_a_limit_never_goes_below_the_players_or_above_the_teams() -> None:
    evening = Evening(limit=4, team_count=5)
    evening.join("Ola", "Max", "Zoë")
    with pytest.raises(errors.LimitTooLow):
        evening.wants(ChangeLimit, 2)
    with pytest.raises(errors.TooFewTeams) as few:
        evening.wants(ChangeLimit, 8)
    assert few.value.missing == 3
    evening.does(ChangeLimit, 3)
    assert evening.t.full


def test_locked_joining_keeps_newcomers_out_until_it_is_unlocked() -> None:
    evening = Evening()
    evening.does(LockJoining)
    with pytest.raises(errors.JoiningIsLocked):
        evening.join("Ola")
    evening.does(UnlockJoining)
    evening.join("Ola")


def test_a_closed_tournament_refuses_changes_until_it_is_reopened() -> None:
    evening = Evening()
    (ola,) = evening.join("Ola")
    evening.does(CloseTournament)
    for attempt in (
        lambda: evening.wants(Join, "p", "A", "B"),
        lambda: evening.wants(PickTeam, ola, 1, ""),
        lambda: evening.wants(RenameTournament, "New"),
        lambda: evening.wants(LockJoining),
        lambda: evening.wants(RestartPicks, "ab" * 32),
        lambda: evening.wants(RemovePlayer, ola),
    ):
        with pytest.raises(errors.TournamentIsClosed):
            attempt()
    evening.does(ReopenTournament, "")
    evening.pick(ola, 1)


def test_nobody_picks_joins_or_is_removed_after_the_draw() -> None:
    evening = Evening(limit=2)
    ids = evening.all_picked(2)
    evening.draw()
    for attempt in (
        lambda: evening.wants(Join, "p", "A", "B"),
        lambda: evening.wants(PickTeam, ids[0], 5, ""),
        lambda: evening.wants(LetGo, ids[0]),
        lambda: evening.wants(RenamePlayer, ids[0], "A", "B"),
        lambda: evening.wants(RemovePlayer, ids[0]),
        lambda: evening.wants(ChangeLimit, 3),
    ):
        with pytest.raises(errors.AlreadyDrawn):
            attempt()


def test_only_events_that_change_the_flow_raise_the_version() -> None:
    evening = Evening()
    before = evening.t.version
    (ola,) = evening.join("Ola")
    evening.pick(ola, 1)
    assert evening.t.version == before
    evening.does(LockJoining)
    evening.does(RenameTournament, "Saturday Cup")
    assert evening.t.version == before + 2


@pytest.mark.parametrize(
    ("name", "limit", "count", "field"),
    [
        ("", 4, 10, "name"),
        ("x" * 61, 4, 10, "name"),
        ("Cup", 1, 10, "limit"),
        ("Cup", 1025, 2000, "limit"),
        ("Cup", 11, 10, "teams"),
    ],
)
def test_a_tournament_with_a_wrong_field_is_not_created(
    name: str, limit: int, count: int, field: str
) -> None:
    with pytest.raises(errors.Invalid) as refusal:
        decide(
            Tournament("BCDF2345"), CreateTournament, name, limit, teams(count), "plain", SECRET,
            Keys("", "", ""),
        )  # fmt: skip
    assert set(refusal.value.fields) == {field}


def wanted(t: Tournament, what: str, player: str, which: int) -> tuple[object, ...]:
    """A command and its own fields."""
    wishes: dict[str, tuple[object, ...]] = {
        "join": (Join, player, f"N{player}", "X"),
        "pick": (PickTeam, player, which, f"{which:032x}"),
        "let_go": (LetGo, player),
        "remove": (RemovePlayer, player),
        "block": (BlockPlayer, player),
        "limit": (ChangeLimit, which),
        "close_list": (CloseList,),
        "draw": (DrawTeams, t.attempt),
        "restart": (RestartPicks, "ab" * 32),
        "rename": (RenameTournament, f"Cup {which}"),
        "close": (CloseTournament,),
        "reopen": (ReopenTournament, ""),
    }
    return wishes[what]


WISHES = (
    "join", "pick", "let_go", "remove", "block", "limit", "close_list", "draw", "restart", "rename",
    "close", "reopen",
)  # fmt: skip
ACTIONS = st.lists(
    st.tuples(st.sampled_from(WISHES), st.integers(0, 5), st.integers(0, 7)), max_size=60
)


@settings(max_examples=150, deadline=None)
@given(ACTIONS)
def test_a_team_never_has_two_holders_and_replay_gives_the_same_evening(
    actions: list[tuple[str, int, int]],
) -> None:
    evening = Evening(limit=4, team_count=8)
    t = evening.t
    for what, who, which in actions:
        with contextlib.suppress(errors.LctError):
            evening.does(*wanted(t, what, f"p{who}", which))  # type: ignore[arg-type]
        held = [p.team for p in t.players.values() if p.team is not None]
        assert len(held) == len(set(held))
        assert t.holders == {p.team: p.id for p in t.players.values() if p.team is not None}
        assert len(t.players) <= t.limit
    again = Tournament(t.code)
    for seq, event in enumerate(evening.events, 1):
        stored = EVENTS[event.type].from_data(event.to_data())
        assert stored == event
        apply(again, stored, seq, evening.now)
    assert asdict(again) == asdict(t)
    assert asdict(snapshot.restore(snapshot.dump(t))) == asdict(t)
