"""The rules of the shares: pledged with the pick, opened once the picks are fixed, then closed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lct.application.finished_draws import DrawFacts, finished_draws
from lct.domain import errors, snapshot
from lct.domain.call_names import SetCallName
from lct.domain.door import LockJoining
from lct.domain.draw import NOT_OWN, PLAIN
from lct.domain.drawing import (
    DealTeams,
    DrawBegun,
    DrawTeams,
    NameNumber,
    NoNumberWanted,
    NumberMissing,
    SkipReveal,
    TeamsDrawn,
    next_step,
)
from lct.domain.evening import (
    ChangeLimit,
    CloseList,
    CloseTournament,
    RenameTournament,
    ReopenTournament,
)
from lct.domain.fact import EVENTS, Event, apply
from lct.domain.gathering import (
    CloseShares,
    NotGathering,
    OpenShares,
    SharesAreClosed,
    SharesClosed,
    SharesOpened,
    StillGathering,
    WrongShare,
    check_share,
)
from lct.domain.guests import AddPlayer
from lct.domain.listing import ListTeams
from lct.domain.people import BlockPlayer, ForgetPlayer, Join, RemovePlayer, RenamePlayer
from lct.domain.picking import LetGo, PickTeam, RestartPicks
from lct.domain.rights import OPERATOR, SYSTEM, organiser, player
from lct.domain.shares import Opened, pledge
from lct.domain.tournament import Tournament
from lct.infrastructure import transfer

from .desk import Desk
from .evening import CODE, START, Evening

OLA, MAX, ZOE = "p-N0", "p-N1", "p-N2"
OTHER = "7b" * 32


def begun(n: int = 3, roll: bool = False, option: str = PLAIN) -> Evening:
    """Everybody has pledged a share, and the picks are fixed."""
    evening = Evening(limit=n, option=option)
    evening.all_pledged(n)
    evening.does(DrawTeams, 1, roll)
    return evening


def facts_of(evening: Evening) -> DrawFacts:
    *_, facts = finished_draws(evening.t, evening.later(3600))
    return facts


def types(evening: Evening) -> list[str]:
    """The events of the draw."""
    names = [event.type for event in evening.events]
    return names[names.index("draw-begun") :]


# --- the pledge -----------------------------------------------------------------------------------


def test_only_the_players_own_pick_has_a_pledge() -> None:
    evening = Evening()
    evening.join("N0")
    sealed = pledge(CODE, OLA, evening.share(OLA))
    for by in (organiser("device"), SYSTEM):
        evening.does(PickTeam, OLA, 1, "ab" * 16, sealed, by=by)
        ola = evening.t.players[OLA]
        assert (ola.team, ola.pledge, ola.picked_for) == (1, "", True)
        evening.does(PickTeam, OLA, 2, "ab" * 16, sealed, by=player(OLA))
        assert (ola.team, ola.pledge, ola.picked_for) == (2, sealed, False)
    evening.does(PickTeam, OLA, 1, "ab" * 16, sealed, by=organiser("device"))
    evening.does(LetGo, OLA, by=player(OLA))
    assert (ola.team, ola.pledge, ola.picked_for) == (None, "", False)


def test_a_pledge_stands_for_one_share_of_one_player_in_one_tournament() -> None:
    share = "5a" * 32
    sealed = {
        pledge(code, who, what)
        for code in (CODE, "BCDF2346")
        for who in (OLA, MAX)
        for what in (share, OTHER)
    }
    assert len(sealed) == 8


# --- opening a share ------------------------------------------------------------------------------


def test_a_share_that_does_not_fit_its_pledge_is_refused() -> None:
    evening = begun()
    for wrong in (OTHER, "", evening.share(MAX), evening.share(OLA).upper()):
        with pytest.raises(WrongShare):
            check_share(evening.t, OLA, wrong)
        assert evening.wants(OpenShares, 1, (Opened(OLA, wrong),)) is None


def test_a_share_of_somebody_without_a_pick_or_a_pledge_is_refused() -> None:
    evening = Evening(limit=2)
    evening.join("N0", "N1")
    evening.pledge(OLA, 0)
    evening.pick(MAX, 1)
    evening.draw()
    for who in (MAX, "p-Nobody"):
        with pytest.raises(WrongShare):
            check_share(evening.t, who, evening.share(who))
        assert evening.open(who) is None


def test_a_pledge_that_was_copied_from_another_guest_cannot_be_opened() -> None:
    evening = Evening(limit=2)
    evening.join("N0", "N1")
    evening.pledge(OLA, 0)
    copied = evening.t.players[OLA].pledge
    evening.does(PickTeam, MAX, 1, "ab" * 16, copied, by=player(MAX))
    assert evening.t.players[MAX].pledge == copied
    evening.draw()
    with pytest.raises(WrongShare):
        check_share(evening.t, MAX, evening.share(OLA))
    evening.open(OLA, MAX)
    assert evening.t.gathering
    assert list(evening.t.gathering.shares) == [OLA]


def test_a_share_is_refused_before_the_picks_are_fixed_and_after_the_gathering() -> None:
    evening = Evening(limit=2)
    evening.all_pledged(2)
    with pytest.raises(NotGathering):
        check_share(evening.t, OLA, evening.share(OLA))
    assert evening.open(OLA) is None
    evening.does(DrawTeams, 1, True)
    evening.open(OLA)
    evening.now = evening.later(5)
    evening.go_on()
    for _ in range(2):  # while the number is awaited, and once the teams are dealt
        with pytest.raises(SharesAreClosed):
            check_share(evening.t, MAX, evening.share(MAX))
        assert evening.open(MAX) is None
        evening.does(NameNumber, 1, "7")
    assert [each.player_id for each in facts_of(evening).gathered.shares] == [OLA]  # type: ignore[union-attr]


def test_only_the_system_goes_on_with_a_draw() -> None:
    evening = begun()
    for by in (player(OLA), organiser("device")):
        with pytest.raises(errors.NotAllowed):
            evening.wants(OpenShares, 1, (Opened(OLA, evening.share(OLA)),), by=by)
        with pytest.raises(errors.NotAllowed):
            evening.wants(CloseShares, 1, by=by)
        with pytest.raises(errors.NotAllowed):
            evening.wants(DealTeams, 1, by=by)


def test_opening_a_share_twice_changes_nothing() -> None:
    evening = begun()
    evening.open(OLA)
    before = asdict(evening.t)
    check_share(evening.t, OLA, evening.share(OLA))
    assert evening.open(OLA) is None
    assert asdict(evening.t) == before
    again = evening.open(MAX, OLA, MAX)
    assert isinstance(again, SharesOpened)
    assert again.shares == (Opened(MAX, evening.share(MAX)),)


def test_a_batch_takes_in_what_can_still_go_in_in_the_order_of_the_picks() -> None:
    evening = begun(4)
    opened = {OLA: OTHER, **{who: evening.share(who) for who in (ZOE, "p-Nobody", MAX)}}
    event = evening.does(OpenShares, 1, tuple(Opened(*each) for each in opened.items()))
    assert isinstance(event, SharesOpened)
    assert [each.player_id for each in event.shares] == [MAX, ZOE]
    assert event.touches(evening.t).players == {MAX, ZOE}
    assert evening.wants(OpenShares, 2, (Opened("p-N3", evening.share("p-N3")),)) is None


# --- while the gathering is on --------------------------------------------------------------------


REFUSED: dict[str, tuple[object, ...]] = {
    "pick": (PickTeam, OLA, 7, "ab" * 16),
    "let go": (LetGo, OLA),
    "join": (Join, "p-Eve", "Eve", "Nowak"),
    "add": (AddPlayer, "p-Eve", "Eve", "Nowak"),
    "rename": (RenamePlayer, OLA, "Olga", "Nowak"),
    "remove": (RemovePlayer, OLA),
    "block": (BlockPlayer, OLA),
    "limit": (ChangeLimit, 5),
    "close the list": (CloseList,),
    "list": (ListTeams, ("Lech", "Wisła", "Legia")),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("closed", [False, True])
def test_what_the_draw_rests_on_cannot_be_changed(what: str, closed: bool) -> None:
    evening = begun(roll=True)
    if closed:
        evening.open(OLA, MAX, ZOE)
    before = asdict(evening.t)
    with pytest.raises(errors.DrawHasBegun):
        evening.does(*REFUSED[what])  # type: ignore[arg-type]
    assert asdict(evening.t) == before


def test_what_the_draw_does_not_rest_on_can_be() -> None:
    evening = begun()
    assert evening.does(RenameTournament, "Saturday Cup")
    assert evening.does(LockJoining)
    assert evening.does(SetCallName, OLA, "Oli")
    assert evening.does(ForgetPlayer, MAX, by=OPERATOR)
    assert evening.wants(DrawTeams, 1) is None
    assert evening.wants(DrawTeams, 1, True) is None  # the first command has fixed whether to roll
    with pytest.raises(errors.NotDrawn):
        evening.wants(SkipReveal)
    evening.open(OLA, MAX, ZOE)
    assert facts_of(evening).holds
    assert facts_of(evening).names[1] == "Player No. 1"


def test_an_evening_that_was_closed_meanwhile_goes_on_when_it_is_opened_again() -> None:
    evening = begun()
    evening.open(OLA)
    assert evening.does(CloseTournament)
    evening.now = evening.later(60)
    assert next_step(evening.t, evening.now, {}) is None
    for kind, *own in [
        (OpenShares, 1, (Opened(MAX, evening.share(MAX)),)), (CloseShares, 1), (DealTeams, 1),
        (NameNumber, 1, "7"), (DrawTeams, 1),
    ]:  # fmt: skip
        with pytest.raises(errors.TournamentIsClosed):
            evening.wants(kind, *own)  # type: ignore[arg-type]
    evening.does(ReopenTournament)
    assert types(evening)[-3:] == ["tournament-reopened", "shares-closed", "teams-drawn"]
    assert facts_of(evening).holds


# --- the end of the gathering ---------------------------------------------------------------------


def test_it_ends_after_five_seconds_and_not_before() -> None:
    evening = begun()
    evening.open(OLA)
    for seconds in (0, 4.999):
        evening.now = START + timedelta(seconds=seconds)
        assert next_step(evening.t, evening.now, {}) is None
        with pytest.raises(StillGathering):
            evening.wants(CloseShares, 1)
        with pytest.raises(StillGathering):
            evening.wants(DealTeams, 1)
    evening.now = START + timedelta(seconds=5)
    evening.go_on()
    assert types(evening) == ["draw-begun", "shares-opened", "shares-closed", "teams-drawn"]
    assert facts_of(evening).gathered.missing == ((MAX, "silent"), (ZOE, "silent"))  # type: ignore[union-attr]


def test_it_ends_as_soon_as_every_pledge_is_redeemed() -> None:
    evening = Evening(limit=3)
    evening.join("N0", "N1", "N2")
    evening.pledge(OLA, 0)
    evening.pick(MAX, 1)  # a pick without a share is not waited for
    evening.pledge(ZOE, 2)
    evening.draw()
    evening.open(ZOE)
    assert types(evening)[-1] == "shares-opened"
    evening.open(OLA)
    assert types(evening)[-3:] == ["shares-opened", "shares-closed", "teams-drawn"]
    assert evening.now == START


def test_without_a_pledge_it_ends_at_once_and_says_that_no_share_is_in() -> None:
    evening = Evening(limit=2)
    evening.all_picked(2)
    evening.draw()
    assert types(evening) == ["draw-begun", "shares-closed", "teams-drawn"]
    gathered = facts_of(evening).gathered
    assert gathered
    assert (gathered.shares, gathered.missing) == ((), ((OLA, "host"), (MAX, "host")))
    assert facts_of(evening).holds


def test_it_is_said_why_each_share_is_missing() -> None:
    evening = Evening(limit=7)
    ids = evening.join(*(f"N{i}" for i in range(7)))
    for team, who in enumerate(ids[:5]):
        evening.pledge(who, team)
    evening.does(PickTeam, ids[5], 5, "ab" * 16, by=player(ids[5]))
    evening.does(PickTeam, ids[6], 6, "ab" * 16, by=organiser("device"))
    evening.draw()
    evening.open(ids[0])
    evening.now = evening.later(5)
    evening.go_on({ids[1]: "asleep", ids[2]: "away", ids[3]: "here", ids[0]: "away"})
    why = dict(facts_of(evening).gathered.missing)  # type: ignore[union-attr]
    assert why == dict(
        zip(ids[1:], ["asleep", "away", "silent", "silent", "no-script", "host"], strict=True)
    )


def test_a_step_for_another_attempt_or_a_second_time_changes_nothing() -> None:
    evening = begun(roll=True)
    evening.open(OLA, MAX, ZOE)
    assert evening.wants(CloseShares, 1) is None
    with pytest.raises(NumberMissing):
        evening.wants(DealTeams, 1)
    evening.does(RestartPicks, OTHER)
    for kind in (CloseShares, DealTeams):
        assert evening.wants(kind, 1) is None
        assert evening.wants(kind, 2) is None  # it has not begun
    again = begun(2)
    again.open(OLA, MAX)
    assert again.wants(DealTeams, 1) is None


# --- a number from the room -----------------------------------------------------------------------


def test_the_number_is_named_once_the_shares_are_closed_and_goes_in() -> None:
    evening = begun(roll=True)
    evening.open(OLA, MAX)
    with pytest.raises(StillGathering):
        evening.wants(NameNumber, 1, "4 + 3")
    evening.open(ZOE)
    assert types(evening)[-1] == "shares-closed"
    evening.now = evening.later(3600)
    evening.go_on()
    assert not evening.t.dealt  # it waits as long as the room wants
    with pytest.raises(errors.AnotherAttempt):
        evening.wants(NameNumber, 2, "4 + 3")
    evening.does(NameNumber, 1, " 4 +\u200b  3 ")
    facts = facts_of(evening)
    assert facts.gathered
    assert (facts.gathered.roll, facts.gathered.number, facts.holds) == (True, "4 + 3", True)
    assert "“4 + 3”" in str(evening.events[-1].sentence(evening.t))
    for same in ("4 + 3", " 4 +\u200b  3 "):
        assert evening.wants(NameNumber, 1, same) is None
    for another in ("4 + 4", ""):
        with pytest.raises(NoNumberWanted):
            evening.wants(NameNumber, 1, another)


def test_a_number_is_skipped_and_that_is_on_record() -> None:
    evening = begun(roll=True)
    evening.open(OLA, MAX, ZOE)
    evening.does(NameNumber, 1, "")
    facts = facts_of(evening)
    assert facts.gathered
    assert (facts.gathered.roll, facts.gathered.number, facts.holds) == (True, "", True)
    assert evening.wants(NameNumber, 1, "") is None


def test_no_number_goes_into_a_draw_that_was_not_to_be_rolled_for() -> None:
    evening = begun()
    with pytest.raises(NoNumberWanted):
        evening.wants(NameNumber, 1, "7")
    evening.open(OLA, MAX, ZOE)
    with pytest.raises(NoNumberWanted):
        evening.wants(NameNumber, 1, "7")


@pytest.mark.parametrize("typed", ["  ", "\u200b", "7" * 41, "e\u0301" * 41])
def test_a_number_that_is_empty_to_the_eye_or_too_long_is_invalid(typed: str) -> None:
    evening = begun(2, roll=True)
    evening.open(OLA, MAX)
    with pytest.raises(errors.Invalid) as refusal:
        evening.wants(NameNumber, 1, typed)
    assert set(refusal.value.fields) == {"number"}


@pytest.mark.parametrize("typed", ["7" * 40, "🎲" * 40, "e\u0301" * 40])
def test_a_number_has_up_to_forty_characters_as_people_count_them(typed: str) -> None:
    evening = begun(2, roll=True)
    evening.open(OLA, MAX)
    event = evening.does(NameNumber, 1, typed)
    assert isinstance(event, TeamsDrawn)
    assert event.sound()
    assert facts_of(evening).holds
    assert not replace(event, number="7" * (40 * 16 + 1)).sound()


# --- any worker goes on ---------------------------------------------------------------------------


def replayed(events: list[Event], times: list[datetime]) -> Tournament:
    """Another worker's state, from the store."""
    t = Tournament(CODE)
    for seq, (event, at) in enumerate(zip(events, times, strict=True), 1):
        apply(t, EVENTS[event.type].from_data(event.to_data()), seq, at)
    return t


def another_worker(evening: Evening, count: int) -> Evening:
    """A worker that knows the first events only."""
    other = Evening.__new__(Evening)
    other.events, other.times = evening.events[:count], evening.times[:count]
    other.t, other.now = replayed(other.events, other.times), other.times[-1]
    return other


EVENINGS = {
    "pledged": st.lists(st.booleans(), min_size=2, max_size=6),
    "random": st.randoms(use_true_random=False),
    "roll": st.booleans(),
    "option": st.sampled_from([PLAIN, NOT_OWN]),
}


@settings(max_examples=60, deadline=None)
@given(**EVENINGS)
def test_whichever_event_a_worker_dies_after_another_one_deals_the_same_teams_once(
    pledged: list[bool], random: Random, roll: bool, option: str
) -> None:
    evening = Evening(limit=len(pledged), option=option)
    ids = evening.join(*(f"N{i}" for i in range(len(pledged))))
    for team, (who, own) in enumerate(zip(ids, pledged, strict=True)):
        (evening.pledge if own else evening.pick)(who, team)
    fixed = len(evening.events) + 1
    evening.does(DrawTeams, 1, roll)
    waiting = random.sample(ids, len(ids))
    while waiting:
        batch = [waiting.pop() for _ in range(random.randint(1, len(waiting)))]
        evening.now = evening.later(0.1)
        evening.open(*batch)
    if roll:
        evening.does(NameNumber, 1, "4 + 3")
    order = [name for name in types(evening) if name != "shares-opened"]
    assert order == ["draw-begun", "shares-closed", "teams-drawn"]
    assert facts_of(evening).holds

    for count in range(fixed, len(evening.events) + 1):
        other = another_worker(evening, count)
        assert asdict(snapshot.restore(snapshot.dump(other.t))) == asdict(other.t)
        other.go_on()
        other.open(*ids)  # the phones send until they see that their share is in
        if roll:
            other.does(NameNumber, 1, "4 + 3")
        assert types(other).count("teams-drawn") == 1
        assert facts_of(other) == facts_of(evening)


@settings(max_examples=40, deadline=None)
@given(**EVENINGS)
def test_if_the_phones_are_gone_too_it_is_finished_with_the_shares_that_are_in(
    pledged: list[bool], random: Random, roll: bool, option: str
) -> None:
    evening = Evening(limit=len(pledged), option=option)
    ids = evening.join(*(f"N{i}" for i in range(len(pledged))))
    for team, (who, own) in enumerate(zip(ids, pledged, strict=True)):
        (evening.pledge if own else evening.pick)(who, team)
    evening.does(DrawTeams, 1, roll)
    there = random.sample(ids, random.randint(0, len(ids)))
    for who in there:
        evening.open(who)
    other = another_worker(evening, len(evening.events))
    other.now = START + timedelta(days=1)
    other.go_on()
    if roll:
        other.does(NameNumber, 1, "")
    facts = facts_of(other)
    assert facts.gathered
    opened = [who for who, own in zip(ids, pledged, strict=True) if own and who in there]
    assert [each.player_id for each in facts.gathered.shares] == opened
    assert [who for who, _ in facts.gathered.missing] == [w for w in ids if w not in opened]
    assert facts.holds


def test_two_workers_that_close_it_at_once_decide_the_same() -> None:
    evening = begun()
    evening.open(MAX)
    evening.now = evening.later(5)
    found = [another_worker(evening, len(evening.events)) for _ in range(2)]
    for other in found:
        other.now = evening.now
        other.go_on()
    assert found[0].events == found[1].events
    assert sum(isinstance(event, SharesClosed) for event in found[0].events) == 1


# --- restarting -----------------------------------------------------------------------------------


def test_a_restart_in_the_gathering_is_numbered_and_leaves_a_trace() -> None:
    evening = begun()
    evening.open(OLA)
    opened = evening.events[-1]
    evening.does(RestartPicks, OTHER)
    assert evening.t.gathering is None
    assert evening.t.attempt == 2
    assert [(p.team, p.pledge) for p in evening.t.players.values()] == [(None, "")] * 3
    for team, who in enumerate((OLA, MAX, ZOE)):
        evening.pledge(who, team)
    evening.draw()
    with pytest.raises(WrongShare):  # the one of the first attempt
        check_share(evening.t, OLA, dict(opened.shares)[OLA])  # type: ignore[attr-defined]
    evening.open(OLA, MAX, ZOE)
    found = finished_draws(evening.t, evening.later(3600))
    assert [(facts.attempt, facts.holds) for facts in found] == [(2, True)]
    told = [str(event.sentence(evening.t)) for event in evening.events]
    first, second = (told.index(f"fixed the picks for attempt {n}") for n in (1, 2))
    assert first < told.index("restarted the picks: attempt 2, under a new seal") < second
    # What was opened for a draw that was not made is never published.
    assert opened.exported({2}) == opened.public() == {"attempt": 1}


@pytest.mark.parametrize(
    ("seconds", "lead"), [(0, 3), (0.5, 2.5), (2.6, 0.4), (2.9, 0.3), (5, 0.3), (600, 0.3)]
)
def test_the_gathering_is_a_part_of_the_drum_roll(seconds: float, lead: float) -> None:
    evening = begun(2, roll=True)
    evening.open(OLA, MAX)
    evening.now = evening.later(seconds)
    evening.does(NameNumber, 1, "7")
    (record,) = evening.t.draws
    assert record.at == evening.now
    assert record.timeline.lead == timedelta(seconds=lead)
    face_down = record.timeline.start + record.timeline.lead
    assert record.timeline.at(face_down - timedelta(milliseconds=1)) == (0, 0)
    assert record.timeline.at(face_down) == (0, 1)


# --- what an import may hold ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda e: SharesOpened(1, (Opened(OLA, e.share(OLA)),)),
        lambda e: SharesClosed(1, "ab" * 32, ()),
    ],
)
def test_a_file_with_a_gathering_that_never_began_is_refused(
    desk: Desk, make: Callable[[Evening], Event]
) -> None:
    evening = Evening(limit=2)
    evening.all_pledged(2)
    lines = [
        json.dumps(
            {"_id": f"{CODE}:{seq}", "stream": CODE, "seq": seq, "type": event.type,
             "schema": event.schema, "data": event.to_data(), "at": START.isoformat(),
             "actor": "system"}
        )
        for seq, event in enumerate([*evening.events, make(evening)], 1)
    ]  # fmt: skip
    with pytest.raises(errors.Invalid, match=f"Line {len(lines)} is an event that cannot be read"):
        transfer.imported(desk.store, lines, unchecked=True)
    assert transfer.imported(desk.store, lines[:-1], unchecked=True).events == len(lines) - 1


def test_an_event_with_a_number_or_text_that_no_rule_makes_is_not_sound() -> None:
    assert DrawBegun(1, "ab" * 32, False).sound()
    assert not DrawBegun(2**31, "ab" * 32, False).sound()
    opened = SharesOpened(1, (Opened(OLA, "ab" * 32),))
    assert opened.sound()
    assert not replace(opened, shares=(Opened(OLA, "a" * 10_000),)).sound()
    closed = SharesClosed(1, "ab" * 32, ())
    assert closed.sound()
    assert not replace(closed, fingerprint="a" * 10_000).sound()
