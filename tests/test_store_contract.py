"""What the event store promises, on whichever server LCT_MONGO_URI names, else on the local one.

On a replica set (the pipeline does; it empties no database but its own):

    LCT_MONGO_URI="mongodb://127.0.0.1:27017/?replicaSet=rs0" make test-store
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pymongo
import pytest

from lct.application import commands as c
from lct.config import Settings
from lct.domain import errors
from lct.domain.apply import apply
from lct.domain.events import EVENTS, Claim, Event
from lct.domain.snapshot import SCHEMA, dump
from lct.infrastructure import documents
from lct.infrastructure import stream as stream_module

from .desk import Desk


@pytest.fixture
def desks(settings: Settings) -> Iterator[Callable[[], Desk]]:
    """Makes workers that share one store."""
    documents.connect_store(settings)
    documents.ensure_indexes()
    yield Desk
    documents.disconnect()


# --- Order: one command, one event, at the next place --------------------------------------------


def test_a_command_is_one_event_and_is_published(desks: Callable[[], Desk]) -> None:
    desk = desks()
    code = desk.create()
    desk.join(code, "Ola")
    desk.pick(code, "Ola", 3)
    assert desk.seqs(code) == [1, 2, 3]
    assert desk.published == [(code, 1), (code, 2), (code, 3)]


def test_a_stored_event_has_the_fields_that_were_agreed(desks: Callable[[], Desk]) -> None:
    desk = desks()
    code = desk.create(command_id="abc", request_id="req-1")
    (event,) = desk.store.tail(code)
    assert event["_id"] == f"{code}:1"
    assert event["unique"] == "tournament-name:friday cup"
    assert (event["type"], event["schema"]) == ("tournament-created", 1)
    assert (event["command_id"], event["request_id"], event["actor"]) == ("abc", "req-1", "system")
    desk.join(code, "Ola")
    joined = next(iter(desk.store.tail(code, 1)))
    assert "unique" not in joined
    assert "command_id" not in joined


def test_of_two_workers_that_decide_on_old_states_both_get_their_event_in(
    desks: Callable[[], Desk],
) -> None:
    one, other = desks(), desks()
    code = one.create()
    other.store.read(code)
    one.join(code, "Ola")
    other.join(code, "Max")
    one.join(code, "Zoë")
    assert one.seqs(code) == [1, 2, 3, 4]


def test_news_that_arrive_while_a_command_is_stored_cannot_give_a_team_twice(
    desks: Callable[[], Desk],
) -> None:
    """The hub reads while a command frees an old name: the decision is then out of date."""
    one, other = desks(), desks()
    code = one.create()
    for name in ("Ola", "Max"):
        one.join(code, name)
    other.store.read(code)
    one.execute(c.RenameTournament(code=code, name="Saturday Cup"))
    other.store.read(code)  # now this worker has a name to free, which takes a round trip
    one.pick(code, "Ola", 3)
    free = other.store._free_stale

    def free_while_the_hub_reads(stream: Any) -> None:
        free(stream)
        other.store.catch_up(stream)

    other.store._free_stale = free_while_the_hub_reads  # type: ignore[method-assign]
    with pytest.raises(errors.TeamTaken):
        other.pick(code, "Max", 3)
    assert one.store.read(code).tournament.holders == {3: "p-Ola"}


# --- No gap, no double, whoever writes at once ---------------------------------------------------


def in_parallel(work: list[Callable[[], Any]]) -> list[Any]:
    """Runs everything at once; results or the refusals, in order."""
    results: list[Any] = [None] * len(work)
    barrier = threading.Barrier(len(work))

    def run(i: int) -> None:
        barrier.wait()
        try:
            results[i] = work[i]()
        except errors.LctError as refusal:
            results[i] = refusal

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_fifty_parallel_commands_leave_no_gap_and_no_double(desks: Callable[[], Desk]) -> None:
    workers = [desks() for _ in range(5)]
    code = workers[0].create(limit=50, team_count=50)
    work = [lambda i=i: workers[i % 5].join(code, f"N{i}") for i in range(50)]
    results = in_parallel(work)
    refused = [r for r in results if isinstance(r, errors.LctError)]
    assert all(isinstance(r, errors.Busy) for r in refused)  # bounded to two seconds each
    assert workers[0].seqs(code) == list(range(1, 52 - len(refused)))
    assert len(workers[1].store.read(code).tournament.players) == 50 - len(refused)


def test_the_last_seat_is_given_once_to_twenty_at_the_door(desks: Callable[[], Desk]) -> None:
    workers = [desks(), desks()]
    code = workers[0].create(limit=3)
    workers[0].join(code, "Ola")
    workers[0].join(code, "Max")
    results = in_parallel([lambda i=i: workers[i % 2].join(code, f"N{i}") for i in range(20)])
    assert sum(isinstance(r, errors.TournamentFull) for r in results) == 19
    assert workers[0].seqs(code) == [1, 2, 3, 4]


def test_events_are_read_in_the_order_of_their_places(desks: Callable[[], Desk]) -> None:
    workers = [desks() for _ in range(3)]
    code = workers[0].create(limit=12)
    in_parallel([lambda i=i: workers[i % 3].join(code, f"N{i}") for i in range(12)])
    stored = list(workers[1].store.tail(code))
    assert [event["_id"] for event in stored] == [f"{code}:{i}" for i in range(1, len(stored) + 1)]
    seated = [event["data"]["first"] for event in stored[1:]]
    assert [p.first for p in desks().store.read(code).tournament.players.values()] == seated


# --- Visibility: what was acknowledged is seen by everybody --------------------------------------


def test_another_worker_sees_what_was_acknowledged(desks: Callable[[], Desk]) -> None:
    one, other = desks(), desks()
    code = one.create()
    other.store.read(code)
    one.join(code, "Ola")
    assert [p.first for p in other.store.read(code).tournament.players.values()] == ["Ola"]


def test_what_was_acknowledged_is_seen_at_once_by_workers_old_and_new(
    desks: Callable[[], Desk],
) -> None:
    one, other = desks(), desks()
    code = one.create(limit=60, team_count=60)
    for i in range(60):
        one.join(code, f"N{i}")
        for reader in (other, desks()):  # one behind, and one that begins with a snapshot
            assert f"p-N{i}" in reader.store.read(code).tournament.players


def test_an_unknown_code_is_no_tournament(desks: Callable[[], Desk]) -> None:
    with pytest.raises(errors.UnknownTournament):
        desks().join("BCDF2345", "Ola")


# --- Uniqueness: a text is held by one event -----------------------------------------------------


def test_a_name_is_held_by_one_open_tournament_and_freed_by_renaming_and_closing(
    desks: Callable[[], Desk],
) -> None:
    desk = desks()
    first = desk.create("Friday Cup")
    with pytest.raises(errors.TournamentNameTaken):
        desk.create("FRIDAY\u00a0 cup\u200b")
    desk.execute(c.RenameTournament(code=first, name="Saturday Cup"))
    second = desk.create("Friday Cup")
    desk.execute(c.CloseTournament(code=second))
    third = desk.create("friday cup")
    with pytest.raises(errors.TournamentNameTaken):
        desk.execute(c.ReopenTournament(code=second))
    desk.execute(c.ReopenTournament(code=second, name="Friday Cup II"))
    assert desk.store.read(second).tournament.name == "Friday Cup II"
    assert not desk.store.read(third).tournament.closed


def test_a_name_may_change_its_case_and_stays_held(desks: Callable[[], Desk]) -> None:
    desk = desks()
    code = desk.create("Friday Cup")
    desk.execute(c.RenameTournament(code=code, name="FRIDAY CUP"))
    with pytest.raises(errors.TournamentNameTaken):
        desk.create("Friday cup")
    desk.execute(c.RenameTournament(code=code, name="Sunday Cup"))
    desk.create("Friday cup")


def test_a_name_that_a_crash_left_held_is_freed_by_the_next_command(
    desks: Callable[[], Desk],
) -> None:
    desk = desks()
    code = desk.create("Friday Cup")
    desk.store._free_stale = lambda stream: None  # type: ignore[method-assign]  # the crash
    desk.execute(c.RenameTournament(code=code, name="Saturday Cup"))
    after = desks()
    with pytest.raises(errors.TournamentNameTaken):
        after.create("Friday Cup")
    after.join(code, "Ola")
    after.create("Friday Cup")


def test_a_code_that_exists_is_not_overwritten(desks: Callable[[], Desk]) -> None:
    desk, other = desks(), desks()
    code = desk.create("Friday Cup")
    for worker in (desk, other):
        with pytest.raises(errors.CodeTaken):
            worker.create("Another Cup", code=code)
    assert other.store.read(code).tournament.name == "Friday Cup"
    desk.create("Another Cup")  # the refused ones left no name behind


def test_any_event_class_claims_a_text_by_one_line(
    desks: Callable[[], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wristbands have nothing to do with names: the store knows neither, only claims."""

    class BandTaken(errors.Invalid):
        def __init__(self, band: str) -> None:
            super().__init__(band=f"Band {band} is on another wrist.")

    @dataclass(frozen=True, slots=True)
    class WristbandGiven(Event):
        type = "wristband-given"
        claims = Claim("wristband", "band", BandTaken)
        band: str

    @dataclass(frozen=True, kw_only=True)
    class GiveWristband(c.Command):
        band: str

        def decide(self, t: Any, now: Any) -> Event:
            return WristbandGiven(self.band)

    def apply_or_not(t: Any, event: Event, seq: int, at: Any) -> None:
        if not isinstance(event, WristbandGiven):
            apply(t, event, seq, at)

    monkeypatch.setitem(EVENTS, "wristband-given", WristbandGiven)
    monkeypatch.setattr(stream_module, "apply", apply_or_not)
    desk = desks()
    one, other = desk.create("7"), desk.create("8")
    desk.execute(GiveWristband(code=one, band="7"))  # the name "7" is no wristband
    with pytest.raises(BandTaken, match="Band ７ is on another wrist"):
        desk.execute(GiveWristband(code=other, band="７"))
    desk.execute(GiveWristband(code=one, band="9"))
    desk.execute(GiveWristband(code=other, band="7"))
    with pytest.raises(errors.TournamentNameTaken):
        desk.create("7")


def test_of_many_who_want_one_name_one_gets_it(desks: Callable[[], Desk]) -> None:
    workers = [desks() for _ in range(4)]
    results = in_parallel([lambda i=i: workers[i % 4].create("Only Cup") for i in range(12)])
    codes = [r for r in results if isinstance(r, str)]
    assert len(codes) == 1
    assert all(isinstance(r, (str, errors.TournamentNameTaken)) for r in results)
    held = list(workers[0].store.events.find({"unique": "tournament-name:only cup"}))
    assert [event["stream"] for event in held] == codes


# --- Versions ------------------------------------------------------------------------------------


def test_a_version_that_somebody_else_moved_is_refused(desks: Callable[[], Desk]) -> None:
    one, other = desks(), desks()
    code = one.create()
    other.store.read(code)
    one.execute(c.RenameTournament(code=code, name="Saturday Cup", expected_version=1))
    with pytest.raises(errors.VersionMismatch):
        other.execute(c.RenameTournament(code=code, name="Sunday Cup", expected_version=1))
    assert one.store.read(code).tournament.name == "Saturday Cup"


def test_of_two_versioned_commands_at_once_one_is_refused(desks: Callable[[], Desk]) -> None:
    one, other = desks(), desks()
    code = one.create()
    other.store.read(code)
    names = ("Saturday Cup", "Sunday Cup")
    results = in_parallel([
        lambda w=worker, n=name: w.execute(
            c.RenameTournament(code=code, name=n, expected_version=1)
        )
        for worker, name in zip((one, other), names, strict=True)
    ])  # fmt: skip
    assert sum(isinstance(r, errors.VersionMismatch) for r in results) == 1
    assert one.seqs(code) == [1, 2]


def test_commands_without_a_version_work_side_by_side(desks: Callable[[], Desk]) -> None:
    one, other = desks(), desks()
    code = one.create()
    one.join(code, "Ola")
    other.join(code, "Max")
    version = one.store.read(code).tournament.version
    in_parallel([lambda: one.pick(code, "Ola", 1), lambda: other.pick(code, "Max", 2)])
    after = desks().store.read(code).tournament
    assert (after.holders, after.version) == ({1: "p-Ola", 2: "p-Max"}, version)


# --- Idempotency: a command that is repeated counts once -----------------------------------------


def test_the_same_command_twice_at_once_is_one_event(desks: Callable[[], Desk]) -> None:
    one, other = desks(), desks()
    code = one.create()
    other.store.read(code)
    results = in_parallel(
        [
            lambda: one.execute(c.LockJoining(code=code, command_id="tap-1", expected_version=1)),
            lambda: other.execute(c.LockJoining(code=code, command_id="tap-1", expected_version=1)),
        ]
    )
    assert not any(isinstance(r, Exception) for r in results)
    assert one.seqs(code) == [1, 2]


def test_a_command_repeated_later_is_a_success_that_changes_nothing(
    desks: Callable[[], Desk],
) -> None:
    one, other = desks(), desks()
    code = one.create()
    for desk in (one, other, one):
        desk.execute(c.LockJoining(code=code, command_id="tap-1", expected_version=1))
    assert one.seqs(code) == [1, 2]


# --- Snapshots change nothing but the time -------------------------------------------------------


def test_snapshots_change_no_answer(desks: Callable[[], Desk]) -> None:
    desk = desks()
    code = desk.create(limit=60, team_count=70)
    for i in range(60):
        desk.join(code, f"N{i}")
        desk.pick(code, f"N{i}", i)
    snapshot = desk.store.snapshots.find_one({"_id": code})
    assert snapshot["seq"] == 100
    with_snapshot = desks().store.read(code)
    desk.store.snapshots.delete_many({"_id": code})
    without = desks().store.read(code)
    assert asdict(with_snapshot.tournament) == asdict(without.tournament)
    assert with_snapshot.claims == without.claims
    assert with_snapshot.seq == without.seq == 121


def test_a_snapshot_after_any_event_is_as_good_as_the_events(desks: Callable[[], Desk]) -> None:
    desk = desks()
    code = desk.create(limit=4)
    steps: list[Callable[[], Any]] = [
        lambda: desk.join(code, "Ola"),
        lambda: desk.join(code, "Max"),
        lambda: desk.pick(code, "Ola", 3),
        lambda: desk.execute(c.RenameTournament(code=code, name="Saturday Cup")),
        lambda: desk.execute(c.RemovePlayer(code=code, player_id="p-Max")),
        lambda: desk.execute(c.LockJoining(code=code)),
        lambda: desk.execute(c.CloseTournament(code=code)),
        lambda: desk.execute(c.ReopenTournament(code=code, name="Saturday Cup")),
    ]
    for step in steps:
        desk.store.snapshots.delete_many({})
        step()
        without = desks().store.read(code)
        desk.store.write_snapshot(without)
        with_one = desks().store.read(code)
        assert asdict(with_one.tournament) == asdict(without.tournament)
        assert (with_one.claims, with_one.stale) == (without.claims, without.stale)


@pytest.mark.parametrize("damage", [
    {"schema": 99}, {"state": {}}, {"state": None}, {"seq": 5000}, {"claims": 3},
    {"state": {"players": [{"id": 1}]}},
])  # fmt: skip
def test_a_damaged_snapshot_is_ignored_and_written_anew(
    desks: Callable[[], Desk], damage: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    desk = desks()
    code = desk.create(limit=60, team_count=60)
    for i in range(52):
        desk.join(code, f"N{i}")
    desk.store.write_snapshot(desk.store.read(code))
    desk.store.snapshots.update_one({"_id": code}, {"$set": damage})
    again = desks().store.read(code)
    assert dump(again.tournament) == dump(desk.store.read(code).tournament)
    assert "snapshot ignored" in caplog.text
    rewritten = desk.store.snapshots.find_one({"_id": code})
    assert (rewritten["seq"], rewritten["schema"]) == (53, SCHEMA)


def test_an_older_snapshot_never_replaces_a_newer_one(desks: Callable[[], Desk]) -> None:
    desk, behind = desks(), desks()
    code = desk.create()
    old = behind.store.read(code)
    desk.join(code, "Ola")
    desk.store.write_snapshot(desk.store.read(code))
    behind.store.write_snapshot(old)
    assert desk.store.snapshots.find_one({"_id": code})["seq"] == 2


# --- Isolation between streams -------------------------------------------------------------------


def test_what_happens_in_one_stream_changes_no_other(desks: Callable[[], Desk]) -> None:
    one, other = desks(), desks()
    here, there = one.create("Here"), one.create("There")
    before = dump(desks().store.read(there).tournament)
    one.join(here, "Ola", command_id="tap-1")
    other.pick(here, "Ola", 3)
    other.execute(c.RenameTournament(code=here, name="Elsewhere", expected_version=1))
    assert one.seqs(there) == [1]
    for reader in (one, other, desks()):
        assert dump(reader.store.read(there).tournament) == before
    with pytest.raises(errors.TournamentNameTaken):  # what one frees, it frees of its own
        one.create("There")
    one.create("Here")


def test_streams_that_are_written_at_the_same_time_do_not_mix(desks: Callable[[], Desk]) -> None:
    workers = [desks() for _ in range(2)]
    codes = [workers[0].create(f"Cup {i}", limit=10) for i in range(4)]
    in_parallel([
        lambda w=workers[i % 2], code=code, i=i: w.join(code, f"N{i}")
        for i in range(5)
        for code in codes
    ])  # fmt: skip
    for code in codes:
        assert workers[0].seqs(code) == [1, 2, 3, 4, 5, 6]
        players = desks().store.read(code).tournament.players
        assert set(players) == {f"p-N{i}" for i in range(5)}


def test_a_command_id_counts_once_in_the_whole_store(desks: Callable[[], Desk]) -> None:
    """Ids are made of the tournament's code, among others: one that meets another stream's is a
    repetition of it, and nothing happens."""
    desk = desks()
    here, there = desk.create("Here"), desk.create("There")
    desk.join(here, "Ola", command_id="tap-1")
    desk.join(there, "Ola", command_id="tap-1")
    assert (desk.seqs(here), desk.seqs(there)) == ([1, 2], [1])


def test_an_unreadable_event_stops_its_own_tournament_only(desks: Callable[[], Desk]) -> None:
    desk = desks()
    broken, well = desk.create("Broken"), desk.create("Well")
    desk.store.events.insert_one({
        "_id": f"{broken}:2", "stream": broken, "seq": 2, "type": "from-the-future", "schema": 1,
        "data": {}, "at": documents.EventDocument._get_collection().find_one()["at"], "actor": "x",
    })  # fmt: skip
    with pytest.raises(errors.Unreadable):
        desks().store.read(broken)
    desks().join(well, "Ola")


# --- Indexes -------------------------------------------------------------------------------------


def test_every_index_that_a_document_declares_is_there(
    desks: Callable[[], Desk], settings: Settings
) -> None:
    with pymongo.MongoClient(settings.mongo_uri) as client:
        found = client[settings.database]["events"].index_information().values()
    unique = {tuple(field for field, _ in index["key"]) for index in found if index.get("unique")}
    assert {("stream", "seq"), ("unique",), ("command_id",)} <= unique


@pytest.mark.parametrize("field", ["_id", "unique", "command_id", "stream"])
def test_no_lookup_reads_the_whole_collection(desks: Callable[[], Desk], field: str) -> None:
    desk = desks()
    desk.create()
    plan = str(desk.store.events.find({field: "x"}).explain())
    assert "USING" in plan or "IXSCAN" in plan or "IDHACK" in plan
    assert "'SCAN events'" not in plan


def test_reading_the_tail_uses_an_index(desks: Callable[[], Desk]) -> None:
    desk = desks()
    code = desk.create()
    plan = str(desk.store.events.find({"stream": code, "seq": {"$gt": 0}}).explain())
    assert "USING INDEX" in plan or "IXSCAN" in plan
    scan = str(desk.store.events.find({"actor": code}).explain())
    assert "USING INDEX idx" not in scan  # so the check above can fail
    assert "IXSCAN" not in scan
