"""What the event store promises, tested on the server that LCT_MONGO_URI names or the local one.

On a replica set, as in the pipeline (only databases named lct_test_... are created and dropped):

    LCT_MONGO_URI="mongodb://127.0.0.1:27017/?replicaSet=rs0" make test-store

The tests do not depend on the server, except where they check that a query used an index. Tests
that need the local server are in test_event_store.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pytest

from lct.application.execute import CommandRepeated, SeqTaken
from lct.config import Settings
from lct.domain import errors
from lct.domain.devices import AdmitDevice, RevokeDevice
from lct.domain.door import LockJoining, UnlockJoining
from lct.domain.drawing import DrawTeams, SkipReveal
from lct.domain.evening import ChangeLimit, CloseTournament, RenameTournament, ReopenTournament
from lct.domain.fact import EVENTS, Claim, Command, Event
from lct.domain.people import (
    BlockPlayer,
    ForgetPlayer,
    Join,
    RemovePlayer,
    RenamePlayer,
    UnblockPlayer,
)
from lct.domain.picking import LetGo, PickTeam, RestartPicks
from lct.domain.rights import SYSTEM
from lct.domain.snapshot import SCHEMA, dump
from lct.domain.text import Text, text
from lct.infrastructure import documents
from lct.places import ROOT

from .desk import Desk, utc_now
from .evening import SECRET

PATIENCE = 60  # seconds; a tap that gets a 503 is repeated, as guests do


def patiently(tap: Callable[[], Any]) -> Any:
    """Repeat a tap while the store is unavailable; return its result or its refusal."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return tap()
        except errors.Unavailable:
            if time.monotonic() > end:
                raise
        except (errors.LctError, CommandRepeated) as refusal:
            return refusal


def in_parallel(taps: list[Callable[[], Any]]) -> list[Any]:
    """Run all taps at once, patiently; return their results or refusals, in order."""
    results: list[Any] = [None] * len(taps)
    barrier = threading.Barrier(len(taps))

    def run(i: int) -> None:
        barrier.wait()
        try:
            results[i] = patiently(taps[i])
        except Exception as error:  # reported to the test, which then fails
            results[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(taps))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


# --- Order: one command, one event, with the next seq --------------------------------------------


def test_a_command_stores_one_event_and_publishes_it(desks: Callable[[], Desk]) -> None:
    desk = desks()
    code = desk.create()
    desk.join(code, "Ola")
    desk.pick(code, "Ola", 3)
    assert desk.seqs(code) == [1, 2, 3]
    assert desk.published == [(code, 1), (code, 2), (code, 3)]


def test_a_stored_event_has_the_agreed_fields(desks: Callable[[], Desk]) -> None:
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


def test_two_workers_with_stale_states_both_store_their_events(
    desks: Callable[[], Desk],
) -> None:
    one, other = desks(), desks()
    code = one.create()
    other.store.read(code)
    one.join(code, "Ola")
    other.join(code, "Max")
    one.join(code, "Zoë")
    assert one.seqs(code) == [1, 2, 3, 4]


def test_a_catch_up_during_a_command_cannot_give_a_team_twice(
    desks: Callable[[], Desk],
) -> None:
    """The hub reads while a command frees an old name, so the command's decision is stale."""
    one, other = desks(), desks()
    code = one.create()
    for name in ("Ola", "Max"):
        one.join(code, name)
    other.store.read(code)
    one.execute(RenameTournament(by=SYSTEM, code=code, name="Saturday Cup"))
    other.store.read(code)  # now this worker must free a name, which takes a round trip
    one.pick(code, "Ola", 3)
    free = other.store._free_stale

    def free_while_the_hub_reads(stream: Any) -> None:
        free(stream)
        other.store.catch_up(stream)

    other.store._free_stale = free_while_the_hub_reads  # type: ignore[method-assign]
    with pytest.raises(errors.TeamTaken):
        other.pick(code, "Max", 3)
    assert one.store.read(code).tournament.holders == {3: "p-Ola"}


def test_events_are_read_in_seq_order_whatever_their_insertion_order(
    desks: Callable[[], Desk],
) -> None:
    desk = desks()
    code = desk.create()
    for name in ("Ola", "Max", "Zoe"):
        desk.join(code, name)
    stored = list(desk.store.tail(code))
    desk.store.events.drop_indexes()  # an index would return them in order anyway
    desk.store.events.delete_many({"stream": code})
    for event in reversed(stored):
        desk.store.events.insert_one(event)
    fresh = desks()
    assert list(fresh.store.tail(code)) == stored
    assert list(fresh.store.tail(code, 2)) == stored[2:]
    assert [p.first for p in fresh.store.read(code).tournament.players.values()] == [
        "Ola",
        "Max",
        "Zoe",
    ]


def test_events_inserted_concurrently_are_read_in_seq_order(
    desks: Callable[[], Desk],
) -> None:
    workers = [desks() for _ in range(3)]
    code = workers[0].create(limit=12)
    in_parallel([lambda i=i: workers[i % 3].join(code, f"N{i}") for i in range(12)])
    stored = list(workers[1].store.tail(code))
    assert [event["_id"] for event in stored] == [f"{code}:{i}" for i in range(1, 14)]
    seated = [event["data"]["first"] for event in stored[1:]]
    for reader in (*workers, desks()):
        players = reader.store.read(code).tournament.players.values()
        assert [p.first for p in players] == seated


# --- No gap and no duplicate under parallel writes -----------------------------------------------


def test_fifty_parallel_commands_leave_no_gap_and_no_duplicate(desks: Callable[[], Desk]) -> None:
    workers = [desks() for _ in range(5)]
    code = workers[0].create(limit=50, team_count=50)
    results = in_parallel([lambda i=i: workers[i % 5].join(code, f"N{i}") for i in range(50)])
    assert not any(isinstance(r, Exception) for r in results)
    assert workers[0].seqs(code) == list(range(1, 52))
    assert set(workers[1].store.read(code).tournament.players) == {f"p-N{i}" for i in range(50)}


def test_a_seq_is_taken_once_and_a_refused_append_leaves_nothing(
    desks: Callable[[], Desk],
) -> None:
    one, other = desks(), desks()
    code = one.create()
    behind = other.store.read(code)
    renaming = RenameTournament(by=SYSTEM, code=code, name="Sunday Cup", command_id="tap-1")
    event = renaming.decide(behind.tournament, utc_now())
    one.join(code, "Ola")
    for place in (1, 2):
        with pytest.raises(SeqTaken):
            other.store.append(behind, place, event, renaming, utc_now())
    assert [event["type"] for event in one.store.tail(code)] == [
        "tournament-created",
        "player-joined",
    ]
    assert other.store.stream_of_command("tap-1") is None
    one.create("Sunday Cup")  # the name is free


def test_one_of_twenty_guests_gets_the_last_seat(desks: Callable[[], Desk]) -> None:
    workers = [desks(), desks()]
    code = workers[0].create(limit=3)
    workers[0].join(code, "Ola")
    workers[0].join(code, "Max")
    results = in_parallel([lambda i=i: workers[i % 2].join(code, f"N{i}") for i in range(20)])
    assert sum(isinstance(r, errors.TournamentFull) for r in results) == 19, results
    assert workers[0].seqs(code) == [1, 2, 3, 4]


# --- Visibility: all workers see every acknowledged event ----------------------------------------


def test_another_worker_sees_an_acknowledged_event(desks: Callable[[], Desk]) -> None:
    one, other = desks(), desks()
    code = one.create()
    other.store.read(code)
    one.join(code, "Ola")
    assert [p.first for p in other.store.read(code).tournament.players.values()] == ["Ola"]


def test_old_and_new_workers_see_an_acknowledged_event_at_once(
    desks: Callable[[], Desk],
) -> None:
    one, other = desks(), desks()
    code = one.create(limit=60, team_count=60)
    for i in range(60):
        one.join(code, f"N{i}")
        for reader in (other, desks()):  # one that is behind, and one that starts from a snapshot
            assert f"p-N{i}" in reader.store.read(code).tournament.players


READER = """
import json, sys
from dataclasses import asdict
from lct.config import Settings
from lct.infrastructure import documents
from tests.desk import Desk
documents.connect_store(Settings(**json.loads(sys.argv[1])))
for code in sys.argv[2:]:
    stream = Desk().store.read(code)
    print(json.dumps([stream.seq, list(stream.tournament.players)]))
"""


def test_a_new_process_sees_every_event_with_or_without_a_snapshot(
    desks: Callable[[], Desk], settings: Settings
) -> None:
    desk = desks()
    short, long = (desk.create(name, limit=60, team_count=60) for name in ("Short", "Long"))
    expected = []
    for code, count in ((short, 5), (long, 52)):
        for i in range(count):
            desk.join(code, f"N{i}")
        expected.append([count + 1, [f"p-N{i}" for i in range(count)]])
    assert [found["_id"] for found in desk.store.snapshots.find({}, {"_id": 1})] == [long]
    names = ("mongo_uri", "redis_url", "database", "secret_key")
    given = json.dumps({name: getattr(settings, name) for name in names})
    reader = [sys.executable, "-c", READER, given, short, long]
    said = subprocess.run(reader, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [json.loads(line) for line in said.splitlines()] == expected


def test_an_unknown_code_is_refused(desks: Callable[[], Desk]) -> None:
    with pytest.raises(errors.UnknownTournament):
        desks().join("BCDF2345", "Ola")


# --- Uniqueness: one event holds a text ----------------------------------------------------------


def test_a_name_is_held_by_one_open_tournament_and_freed_by_renaming_and_closing(
    desks: Callable[[], Desk],
) -> None:
    desk = desks()
    first = desk.create("Friday Cup")
    with pytest.raises(errors.TournamentNameTaken):
        desk.create("FRIDAY\u00a0 cup\u200b")
    desk.execute(RenameTournament(by=SYSTEM, code=first, name="Saturday Cup"))
    second = desk.create("Friday Cup")
    desk.execute(CloseTournament(by=SYSTEM, code=second))
    third = desk.create("friday cup")
    with pytest.raises(errors.TournamentNameTaken):
        desk.execute(ReopenTournament(by=SYSTEM, code=second))
    desk.execute(ReopenTournament(by=SYSTEM, code=second, name="Friday Cup II"))
    assert desk.store.read(second).tournament.name == "Friday Cup II"
    assert not desk.store.read(third).tournament.closed


def test_a_name_may_change_its_case_and_stays_held(desks: Callable[[], Desk]) -> None:
    desk = desks()
    code = desk.create("Friday Cup")
    desk.execute(RenameTournament(by=SYSTEM, code=code, name="FRIDAY CUP"))
    with pytest.raises(errors.TournamentNameTaken):
        desk.create("Friday cup")
    desk.execute(RenameTournament(by=SYSTEM, code=code, name="Sunday Cup"))
    desk.create("Friday cup")


def test_a_name_that_a_crash_left_held_is_freed_by_the_next_command(
    desks: Callable[[], Desk],
) -> None:
    desk = desks()
    code = desk.create("Friday Cup")
    desk.store._free_stale = lambda stream: None  # type: ignore[method-assign]  # the crash
    desk.execute(RenameTournament(by=SYSTEM, code=code, name="Saturday Cup"))
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
    desk.create("Another Cup")  # the refused commands hold no name


def test_any_event_class_claims_a_text_with_one_line(
    desks: Callable[[], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store knows only claims. It has no code for wristbands, and none for names."""

    class BandTaken(errors.Invalid):
        def __init__(self, band: str) -> None:
            super().__init__(band=f"Band {band} is on another wrist.")

    monkeypatch.setitem(EVENTS, "wristband-given", Event)  # the class below replaces it

    @dataclass(frozen=True, slots=True)
    class WristbandGiven(Event):
        type = "wristband-given"
        claims = Claim("wristband", "band", BandTaken)
        band: str

        def apply(self, t: Any, seq: int, at: Any) -> None:
            """A wristband changes no state."""

        def sentence(self, t: Any) -> Text:
            return text("gave out wristband %(band)s", band=self.band)

    @dataclass(frozen=True, kw_only=True)
    class GiveWristband(Command):
        band: str

        def decide(self, t: Any, now: Any) -> Event:
            return WristbandGiven(self.band)

    desk = desks()
    one, other = desk.create("7"), desk.create("8")
    desk.execute(GiveWristband(by=SYSTEM, code=one, band="7"))  # the name "7" is not a wristband
    with pytest.raises(BandTaken, match="Band ７ is on another wrist"):
        desk.execute(GiveWristband(by=SYSTEM, code=other, band="７"))
    desk.execute(GiveWristband(by=SYSTEM, code=one, band="9"))
    desk.execute(GiveWristband(by=SYSTEM, code=other, band="7"))
    with pytest.raises(errors.TournamentNameTaken):
        desk.create("7")


def test_one_of_many_parallel_creations_gets_the_name(desks: Callable[[], Desk]) -> None:
    workers = [desks() for _ in range(4)]
    results = in_parallel([lambda i=i: workers[i % 4].create("Only Cup") for i in range(12)])
    codes = [r for r in results if isinstance(r, str)]
    assert len(codes) == 1
    assert all(isinstance(r, (str, errors.TournamentNameTaken)) for r in results)
    held = list(workers[0].store.events.find({"unique": "tournament-name:only cup"}))
    assert [event["stream"] for event in held] == codes


# --- Versions ------------------------------------------------------------------------------------


def test_a_stale_version_is_refused(desks: Callable[[], Desk]) -> None:
    one, other = desks(), desks()
    code = one.create()
    other.store.read(code)
    one.execute(RenameTournament(by=SYSTEM, code=code, name="Saturday Cup", expected_version=1))
    with pytest.raises(errors.VersionMismatch):
        other.execute(RenameTournament(by=SYSTEM, code=code, name="Sunday Cup", expected_version=1))
    assert one.store.read(code).tournament.name == "Saturday Cup"


def test_one_of_two_parallel_versioned_commands_is_refused(desks: Callable[[], Desk]) -> None:
    one, other = desks(), desks()
    code = one.create()
    other.store.read(code)
    names = ("Saturday Cup", "Sunday Cup")
    results = in_parallel([
        lambda w=worker, n=name: w.execute(
            RenameTournament(by=SYSTEM, code=code, name=n, expected_version=1, command_id=n)
        )
        for worker, name in zip((one, other), names, strict=True)
    ])  # fmt: skip
    assert sum(isinstance(r, errors.VersionMismatch) for r in results) == 1
    assert one.seqs(code) == [1, 2]


def test_parallel_commands_without_a_version_both_succeed(desks: Callable[[], Desk]) -> None:
    one, other = desks(), desks()
    code = one.create()
    one.join(code, "Ola")
    other.join(code, "Max")
    version = one.store.read(code).tournament.version
    other.store.read(code)
    in_parallel([lambda: one.pick(code, "Ola", 1), lambda: other.pick(code, "Max", 2)])
    after = desks().store.read(code).tournament
    assert (after.holders, after.version) == ({1: "p-Ola", 2: "p-Max"}, version)


# --- Idempotency: a repeated command counts once -------------------------------------------------


def test_the_same_command_sent_twice_at_once_stores_one_event(desks: Callable[[], Desk]) -> None:
    one, other = desks(), desks()
    code = one.create()
    other.store.read(code)
    results = in_parallel(
        [
            lambda: one.execute(
                LockJoining(by=SYSTEM, code=code, command_id="tap-1", expected_version=1)
            ),
            lambda: other.execute(
                LockJoining(by=SYSTEM, code=code, command_id="tap-1", expected_version=1)
            ),
        ]
    )
    assert not any(isinstance(r, Exception) for r in results)
    assert one.seqs(code) == [1, 2]


def test_a_command_repeated_later_succeeds_and_changes_nothing(
    desks: Callable[[], Desk],
) -> None:
    one, other = desks(), desks()
    code = one.create()
    for desk in (one, other, one):
        desk.execute(LockJoining(by=SYSTEM, code=code, command_id="tap-1", expected_version=1))
    assert one.seqs(code) == [1, 2]


def test_a_repeated_command_counts_once_when_its_first_try_precedes_the_snapshot(
    desks: Callable[[], Desk],
) -> None:
    desk = desks()
    code = desk.create()
    locking = LockJoining(by=SYSTEM, code=code, command_id="tap-1", expected_version=1)
    desk.execute(locking)
    desk.execute(UnlockJoining(by=SYSTEM, code=code))
    desk.store.write_snapshot(desk.store.read(code))
    assert not desks().execute(locking).locked
    assert desk.seqs(code) == [1, 2, 3]


def test_a_repeated_creation_makes_one_tournament_and_reports_its_code(
    desks: Callable[[], Desk],
) -> None:
    workers = [desks() for _ in range(4)]
    results = in_parallel([lambda w=w: w.create(command_id="create-1") for w in workers * 2])
    (code,) = {r for r in results if isinstance(r, str)}
    assert {r.code for r in results if isinstance(r, CommandRepeated)} == {code}
    assert workers[0].seqs(code) == [1]
    assert workers[0].store.events.count_documents({}) == 1


# --- Snapshots save time and change nothing else -------------------------------------------------


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


def test_a_snapshot_after_any_event_gives_the_same_state_as_the_events(
    desks: Callable[[], Desk],
) -> None:
    """Each snapshot is read at once, and again at the end with all later events on top."""
    desk = desks()
    code = desk.create("Friday Cup", limit=3)
    guest: dict[str, Any] = {"code": code, "player_id": "p-Max"}
    steps = [
        *(
            Join(by=SYSTEM, code=code, player_id=f"p-{n}", first=n, last="N")
            for n in ("Ola", "Max", "Zoe")
        ),
        PickTeam(by=SYSTEM, **guest, team=3, value="ab" * 16),
        LetGo(by=SYSTEM, **guest),
        RenameTournament(by=SYSTEM, code=code, name="Saturday Cup"),
        RenameTournament(by=SYSTEM, code=code, name="SATURDAY cup"),
        RemovePlayer(by=SYSTEM, **guest),
        BlockPlayer(by=SYSTEM, code=code, player_id="p-Zoe"),
        ChangeLimit(by=SYSTEM, code=code, limit=2),
        Join(by=SYSTEM, **guest, first="Max", last="N"),
        PickTeam(by=SYSTEM, **guest, team=3, value="ab" * 16),
        PickTeam(by=SYSTEM, code=code, player_id="p-Ola", team=7, value="cd" * 16),
        DrawTeams(by=SYSTEM, code=code, attempt=1),
        SkipReveal(by=SYSTEM, code=code),
        RestartPicks(by=SYSTEM, code=code, secret=SECRET[::-1]),
        UnblockPlayer(by=SYSTEM, code=code, player_id="p-Zoe"),
        RenamePlayer(by=SYSTEM, **guest, first="Maximilian", last="N"),
        LockJoining(by=SYSTEM, code=code),
        AdmitDevice(by=SYSTEM, code=code, device_id="phone", label="Phone", shown="hash"),
        RevokeDevice(
            by=SYSTEM, code=code, device_id="phone", organiser_hash="another", recovery_hash=""
        ),
        CloseTournament(by=SYSTEM, code=code),
        ReopenTournament(by=SYSTEM, code=code, name="Saturday Cup"),
        ForgetPlayer(by=SYSTEM, **guest),
    ]
    kept: list[dict[str, Any]] = []

    def same(one: Any, other: Any) -> None:
        assert asdict(one.tournament) == asdict(other.tournament)
        assert (one.seq, one.claims) == (other.seq, other.claims)

    for step in (None, *steps):
        if step:
            desk.execute(step)
        desk.store.snapshots.delete_many({})
        without = desks().store.read(code)
        same(desk.store.read(code), without)
        desk.store.write_snapshot(without)
        with_one = desks().store.read(code)
        same(with_one, without)
        assert with_one.stale == without.stale
        kept.append(desk.store.snapshots.find_one({"_id": code}))
    whole = desk.store.read(code)
    assert [found["seq"] for found in kept] == sorted({found["seq"] for found in kept})
    for found in kept:
        desk.store.snapshots.replace_one({"_id": code}, found)
        same(desks().store.read(code), whole)


def test_a_name_that_a_crash_left_held_is_freed_through_a_snapshot_too(
    desks: Callable[[], Desk],
) -> None:
    desk = desks()
    code = desk.create("Friday Cup")
    desk.store._free_stale = lambda stream: None  # type: ignore[method-assign]  # the crash
    desk.execute(RenameTournament(by=SYSTEM, code=code, name="Saturday Cup"))
    desk.store.write_snapshot(desk.store.read(code))
    after = desks()
    after.join(code, "Ola")
    after.create("Friday Cup")
    with pytest.raises(errors.TournamentNameTaken):
        after.create("Saturday Cup")


def test_a_name_freed_since_the_snapshot_is_not_taken_from_its_new_holder(
    desks: Callable[[], Desk],
) -> None:
    desk = desks()
    code = desk.create("Friday Cup")
    desk.store.write_snapshot(desk.store.read(code))
    desk.execute(RenameTournament(by=SYSTEM, code=code, name="Saturday Cup"))
    desk.create("Friday Cup")
    desks().join(code, "Ola")  # the snapshot says that this stream holds the old name
    for name in ("Friday Cup", "Saturday Cup"):
        with pytest.raises(errors.TournamentNameTaken):
            desks().create(name)


@pytest.mark.parametrize("damage", [
    {"schema": 99}, {"state": {}}, {"state": None}, {"seq": 5000}, {"claims": 3},
    {"state": {"players": [{"id": 1}]}},
])  # fmt: skip
def test_a_damaged_snapshot_is_ignored_and_rewritten(
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


def test_an_event_in_one_stream_changes_no_other_stream(desks: Callable[[], Desk]) -> None:
    one, other = desks(), desks()
    here, there = one.create("Here"), one.create("There")
    before = dump(desks().store.read(there).tournament)
    one.join(here, "Ola", command_id="tap-1")
    other.pick(here, "Ola", 3)
    other.execute(RenameTournament(by=SYSTEM, code=here, name="Elsewhere", expected_version=1))
    assert one.seqs(there) == [1]
    for reader in (one, other, desks()):
        assert dump(reader.store.read(there).tournament) == before
    with pytest.raises(errors.TournamentNameTaken):  # a stream frees only its own names
        one.create("There")
    one.create("Here")


def test_the_same_command_on_two_streams_counts_in_each(desks: Callable[[], Desk]) -> None:
    desk = desks()
    here, there = desk.create("Here"), desk.create("There")
    for code in (here, there):
        desk.join(code, "Ola")
        desk.pick(code, "Ola", 3)
        desk.execute(
            LockJoining(by=SYSTEM, code=code, command_id=f"{code}-tap-1", expected_version=1)
        )
    assert desk.seqs(here) == desk.seqs(there) == [1, 2, 3, 4]
    for code in (here, there):
        assert desks().store.read(code).tournament.holders == {3: "p-Ola"}


def test_renaming_or_closing_one_tournament_frees_no_name_of_another(
    desks: Callable[[], Desk],
) -> None:
    desk = desks()
    here, there = desk.create("Here"), desk.create("There")
    for command in (
        RenameTournament(by=SYSTEM, code=here, name="Nowhere"),
        RenameTournament(by=SYSTEM, code=here, name="Here"),
        CloseTournament(by=SYSTEM, code=here),
    ):
        desk.execute(command)
        with pytest.raises(errors.TournamentNameTaken):
            desk.create("There")
    desk.store.snapshots.delete_many({})
    held = desk.store.events.find({"unique": {"$exists": True}})
    assert [(event["stream"], event["seq"]) for event in held] == [(there, 1)]


def test_a_snapshot_belongs_to_its_own_stream(desks: Callable[[], Desk]) -> None:
    desk = desks()
    here, there = desk.create("Here"), desk.create("There")
    desk.join(here, "Ola")
    desk.join(there, "Max")
    desk.store.write_snapshot(desk.store.read(here))
    assert list(desks().store.read(there).tournament.players) == ["p-Max"]
    desk.store.snapshots.delete_many({"_id": there})
    assert list(desks().store.read(here).tournament.players) == ["p-Ola"]


def test_streams_written_in_parallel_do_not_mix(desks: Callable[[], Desk]) -> None:
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
    """An id is derived from the tournament's code, among others. A command whose id is already in
    another stream counts as a repetition, and stores nothing."""
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
        "data": {}, "at": utc_now(), "actor": "x",
    })  # fmt: skip
    with pytest.raises(errors.Unreadable):
        desks().store.read(broken)
    desks().join(well, "Ola")


# --- Indexes: lookups stay fast -------------------------------------------------------------------


def test_every_index_that_a_document_declares_exists(desks: Callable[[], Desk]) -> None:
    """Compared by their fields, since each server chooses its own index names."""
    declared = {
        (tuple(field for field, _ in index["fields"]), index.get("unique", False))
        for index in documents.EventDocument._meta["index_specs"]
    }
    found = {
        (tuple(field for field, _ in index["key"]), bool(index.get("unique")))
        for index in desks().store.events.index_information().values()
    }
    assert (("stream", "seq"), True) in declared
    assert declared <= found


def steps(plan: Any) -> Iterator[str]:
    """The steps of a plan: a tree of stages on MongoDB, SQLite's list on the local server."""
    if isinstance(plan, dict):
        yield from (plan[name] for name in ("stage", "detail") if name in plan)
        plan = list(plan.values())
    if isinstance(plan, list):
        for part in plan:
            yield from steps(part)


def uses_an_index(explained: dict[str, Any]) -> bool:
    plan = list(steps(explained["queryPlanner"]["winningPlan"]))
    assert plan
    if any(step == "COLLSCAN" or step.startswith("SCAN events") for step in plan):
        return False
    return any(
        step == "IDHACK" or step.endswith("IXSCAN") or step.startswith("SEARCH events USING")
        for step in plan
    )


@pytest.mark.parametrize("query", [
    {"_id": "x"}, {"unique": "x"}, {"command_id": "x"}, {"stream": "x"},
    {"stream": "x", "seq": {"$gt": 0}}, {"_id": {"$in": ["x", "y"]}},
], ids=lambda query: ", ".join(query))  # fmt: skip
def test_no_lookup_reads_the_whole_collection(
    desks: Callable[[], Desk], query: dict[str, Any]
) -> None:
    desk = desks()
    desk.create()
    assert uses_an_index(desk.store.events.find(query).explain())


def test_a_lookup_without_an_index_is_noticed(desks: Callable[[], Desk]) -> None:
    desk = desks()
    desk.create()
    assert not uses_an_index(desk.store.events.find({"actor": "x"}).explain())


@pytest.mark.parametrize(("plan", "indexed"), [
    ({"stage": "COLLSCAN", "direction": "forward"}, False),
    ({"stage": "FETCH", "filter": {}, "inputStage": {"stage": "COLLSCAN"}}, False),
    ({"stage": "EOF"}, False),
    ({"stage": "IDHACK"}, True),
    ({"stage": "EXPRESS_IXSCAN", "keyPattern": "{ _id: 1 }"}, True),
    ({"stage": "EXPRESS_CLUSTERED_IXSCAN"}, True),
    ({"stage": "FETCH", "inputStage": {"stage": "IXSCAN", "indexName": "stream_1_seq_1"}}, True),
    ({"stage": "SORT", "inputStage": {"stage": "FETCH", "inputStage": {"stage": "IXSCAN"}}}, True),
    ({"queryPlan": {"stage": "FETCH", "inputStage": {"stage": "IXSCAN"}},
      "slotBasedPlan": {"slots": "$$RESULT=s11", "stages": "[2] nlj inner [] [s4]"}}, True),
    ({"queryPlan": {"stage": "COLLSCAN"}, "slotBasedPlan": {"stages": "[1] scan s4"}}, False),
])  # fmt: skip
def test_the_plans_of_a_real_mongodb_are_understood(plan: dict[str, Any], indexed: bool) -> None:
    """The plans are from MongoDB's documentation, not from a server."""
    assert uses_an_index({"queryPlanner": {"winningPlan": plan, "rejectedPlans": []}}) is indexed
