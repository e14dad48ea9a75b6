"""What users see when the store is slow, cut off, stepping down, full, or returns nonsense.

After each fault two things must hold: nothing counts twice, and everything acknowledged is stored.
"""

from __future__ import annotations

import json
import resource
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pymongo
import pytest
from click.testing import CliRunner, Result

from lct.application.execute import CommandRepeated, Execute
from lct.application.history import replay
from lct.cli import main
from lct.config import Settings, environ_of
from lct.domain import errors
from lct.domain.door import LockJoining
from lct.domain.drawing import picks_in_order
from lct.domain.evening import RenameTournament
from lct.domain.fact import Command
from lct.domain.picking import PickTeam
from lct.domain.rights import SYSTEM
from lct.domain.snapshot import dump
from lct.infrastructure import documents, retention, stored_events
from lct.laptop.local_servers import LocalServer, start_store

from .conftest import Servers
from .desk import Desk
from .http_client import Answer, Evening, House, Phone, at_once, open_house, pasted
from .proxy import Fault, Proxy, cut_after, cut_before, does_it_and_says, error, says, slow
from .support import deadline, wait_until

# Seconds. A tap times out after 4; PATIENCE allows for a busy machine, and is less than TOO_SLOW,
# for which the store is silent. Tests that need no particular timeout use SHORT.
PATIENCE, TOO_SLOW = 12, 20
SHORT = 1.2
RETRYABLE = "RetryableWriteError"
STEPS_DOWN = [
    (10107, "NotWritablePrimary"),
    (13435, "NotPrimaryNoSecondaryOk"),
    (11600, "InterruptedAtShutdown"),
    (189, "PrimarySteppedDown"),
]
REFUSES = {
    "the disk is full": says(**error(14031, "OutOfDiskSpace")),
    "the disk is full, reported per document": says(
        ok=1.0, n=0, writeErrors=[{"index": 0, "code": 14031, "errmsg": "no space left"}]
    ),
    "the store is read-only": says(**error(20, "IllegalOperation")),
    "no permission to write": says(**error(13, "Unauthorized")),
    "a meaningless answer": says(ok=0.0, errmsg="?"),
}


class Failing:
    """A worker that reaches the store through the proxy, and a direct view of the stored events."""

    def __init__(self, proxy: Proxy, store: Any) -> None:
        self.proxy, self.events = proxy, store["events"]
        self.desk = Desk()
        self.code = self.desk.create()
        self.desk.join(self.code, "Ola")
        self.desk.join(self.code, "Max")
        proxy.seen.clear()
        self.desk.published.clear()

    def stored(self) -> list[str]:
        """The types of the events after the first three, which __init__ stored."""
        found = list(self.events.find({"stream": self.code}).sort("seq", 1))
        assert [event["seq"] for event in found] == list(range(1, len(found) + 1))
        return [event["type"] for event in found[3:]]

    def check(self, *types: str) -> None:
        """Check that exactly these were stored, and that old and new workers agree."""
        assert self.proxy.spent
        assert self.stored() == list(types)
        mine, fresh = self.desk.store.read(self.code), Desk().store.read(self.code)
        assert dump(mine.tournament) == dump(fresh.tournament)
        told = replay(self.code, stored_events.stored(self.desk.store, self.code))
        assert dump(told) == dump(mine.tournament)

    def pick(self, name: str = "Ola", team: int = 3, **more: Any) -> dict[int, str]:
        return self.desk.pick(self.code, name, team, **more).holders

    def lock(self, command_id: str | None = None, version: int | None = 1) -> bool:
        locking = LockJoining(
            by=SYSTEM, code=self.code, command_id=command_id, expected_version=version
        )
        return self.desk.execute(locking).locked


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A store for this module alone."""
    server = start_store(tmp_path_factory.mktemp("failing"))
    server.wait_ready()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def impatient_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the driver look for a lost store at once, not after half a second."""
    monkeypatch.setattr("pymongo.common.MIN_HEARTBEAT_INTERVAL", 0.02)


def settings_for(uri: str, database: str) -> Settings:
    return Settings(mongo_uri=uri, redis_url="unix:///none", database=database, secret_key="x" * 20)


@pytest.fixture
def failing(store: LocalServer) -> Iterator[Callable[..., Any]]:
    """A context manager that makes a worker behind a proxy."""

    @contextmanager
    def make(options: str = "", **how: Any) -> Iterator[Failing]:
        name = f"lct_test_{secrets.token_hex(4)}"
        with Proxy(store.socket, **how) as proxy, pymongo.MongoClient(store.uri) as direct:
            documents.connect_store(settings_for(proxy.uri + options, name))
            try:
                documents.ensure_indexes()
                yield Failing(proxy, direct[name])
            finally:
                documents.disconnect()
                direct.drop_database(name)

    return make


# --- slow -----------------------------------------------------------------------------------------


def test_a_command_waits_for_a_store_that_takes_a_second_and_a_half_per_request(
    failing: Any,
) -> None:
    with failing() as f:
        f.proxy.break_all(slow(1.5))
        began = time.monotonic()
        assert f.pick() == {3: "p-Ola"}
        assert 1.4 < time.monotonic() - began < PATIENCE
        f.proxy.break_all(slow(0.3))
        with pytest.raises(errors.TeamTaken):  # before it refuses, it asks the store
            f.pick("Max", 3)
        f.proxy.break_all(None)
        f.check("team-picked")


def test_a_command_of_many_slow_operations_has_one_deadline_for_all_of_them(failing: Any) -> None:
    with failing() as f:
        Desk().pick(
            f.code, "Max", 5
        )  # takes the next seq, so the pick conflicts and must read again
        f.proxy.break_all(slow(0.45))
        began = time.monotonic()
        with deadline(SHORT), pytest.raises(errors.Unavailable):
            f.pick(command_id="tap-1")
        assert SHORT - 0.2 < time.monotonic() - began < PATIENCE
        f.proxy.break_all(None)
        assert f.pick(command_id="tap-1") == {5: "p-Max", 3: "p-Ola"}
        f.check("team-picked", "team-picked")


def test_looking_for_old_evenings_may_take_longer_than_a_tap(
    failing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(documents.TIMEOUTS, "timeoutMS", 300)
    with failing() as f:
        f.proxy.break_all(slow(0.5))
        with pytest.raises(errors.Unavailable):
            f.desk.store.stream_of_command("anything")
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        assert retention.outdated(0, tomorrow) == [f.code]
        f.proxy.break_all(None)


def test_a_write_answered_too_late_gives_a_503_in_time_and_counts_once(failing: Any) -> None:
    with failing() as f:
        f.proxy.break_next("insert", slow(TOO_SLOW))
        began = time.monotonic()
        with deadline(SHORT), pytest.raises(errors.Unavailable):
            f.pick()
        assert SHORT - 0.2 < time.monotonic() - began < PATIENCE
        assert f.stored() == ["team-picked"]  # stored, although no answer arrived
        assert f.pick() == {3: "p-Ola"}  # the guest taps again
        f.check("team-picked")


def test_a_read_answered_too_late_gives_a_503_in_time(failing: Any) -> None:
    with failing() as f:
        f.proxy.break_all(slow(TOO_SLOW))
        began = time.monotonic()
        with deadline(SHORT), pytest.raises(errors.Unavailable):
            f.desk.store.read(f.code)
        assert SHORT - 0.2 < time.monotonic() - began < PATIENCE
        f.proxy.break_all(None)
        f.pick()
        f.check("team-picked")


# --- cut ------------------------------------------------------------------------------------------


def again_after_503(tap: Callable[[], Any]) -> Any:
    """Run a tap, and run it once more after a 503."""
    try:
        return tap()
    except errors.Unavailable:
        return tap()


@pytest.mark.parametrize("replica_set", [False, True], ids=["single server", "replica set"])
@pytest.mark.parametrize("cut", [cut_before, cut_after])
def test_a_cut_connection_costs_at_most_a_second_tap(
    failing: Any, replica_set: bool, cut: Fault
) -> None:
    with failing(replica_set=replica_set) as f:
        f.proxy.break_next("insert", cut)
        assert again_after_503(f.pick) == {3: "p-Ola"}
        f.proxy.break_next("insert", cut)
        assert "p-Zoe" in again_after_503(partial(f.desk.join, f.code, "Zoe")).players
        f.proxy.break_next("insert", cut)
        assert again_after_503(partial(f.lock, "tap-1"))
        f.check("team-picked", "player-joined", "joining-locked")


def test_a_cut_before_the_write_stores_nothing_without_a_retry(failing: Any) -> None:
    with failing() as f:
        f.proxy.break_next("insert", cut_before)
        with pytest.raises(errors.Unavailable):
            f.pick()
        f.check()
        f.pick()
        f.check("team-picked")


def test_the_driver_retries_a_write_to_a_replica_set(failing: Any) -> None:
    with failing(replica_set=True) as f:
        for number, cut in enumerate((cut_before, cut_after)):
            f.proxy.seen.clear()
            f.proxy.break_next("insert", cut)
            assert f.pick(team=number) == {number: "p-Ola"}
            assert f.proxy.seen.count("insert") == 2
        f.check("team-picked", "team-picked")
        assert f.desk.published == [(f.code, 4), (f.code, 5)]


@pytest.mark.parametrize("ids", [(None, None), ("tap-1", "tap-2")], ids=["no id", "ids"])
def test_repeating_a_tap_whose_answer_was_lost_succeeds(
    failing: Any, ids: tuple[str | None, str | None]
) -> None:
    with failing() as f:
        for tap in (partial(f.pick, command_id=ids[0]), partial(f.lock, ids[1], None)):
            f.proxy.break_next("insert", cut_after)
            with pytest.raises(errors.Unavailable):
                tap()
            assert tap()
            assert tap()
        f.check("team-picked", "joining-locked")


def test_repeating_a_versioned_tap_succeeds_only_with_its_command_id(failing: Any) -> None:
    with failing() as f:
        f.proxy.break_next("insert", cut_after)
        with pytest.raises(errors.Unavailable):
            f.lock("tap-1")
        assert f.lock("tap-1")
        with pytest.raises(errors.VersionMismatch):  # without its id it counts as another host's
            f.lock()
        f.check("joining-locked")


def test_an_evening_whose_answer_was_lost_is_created_once_and_found_by_its_command_id(
    failing: Any,
) -> None:
    with failing() as f:
        f.proxy.break_next("insert", cut_after)
        with pytest.raises(errors.Unavailable):
            f.desk.create("Saturday Cup", code="CCCC2222", command_id="create-1")
        with pytest.raises(CommandRepeated) as repeated:
            f.desk.create("Saturday Cup", code="DDDD3333", command_id="create-1")
        assert repeated.value.code == "CCCC2222"
        assert f.events.count_documents({"type": "tournament-created"}) == 2
        f.desk.join("CCCC2222", "Ola")
        with pytest.raises(errors.UnknownTournament):
            f.desk.join("DDDD3333", "Ola")


def test_repeating_a_tap_whose_answer_was_lost_publishes_its_event(
    failing: Any,
) -> None:
    """The first try published nothing; otherwise screens would be stale for up to 30 s."""
    with failing() as f:
        for place, tap in enumerate((f.pick, partial(f.lock, "tap-1")), 4):
            f.proxy.break_next("insert", cut_after)
            with pytest.raises(errors.Unavailable):
                tap()
            tap()
            assert (f.code, place) in f.desk.published


def test_a_name_stays_held_until_the_next_command_when_freeing_it_fails(failing: Any) -> None:
    with failing() as f:
        f.proxy.break_next("update", cut_before)
        renaming = RenameTournament(
            by=SYSTEM, code=f.code, name="Sunday Cup", command_id="tap-1", expected_version=1
        )
        assert f.desk.execute(renaming).name == "Sunday Cup"  # the rename itself is stored
        with pytest.raises(errors.TournamentNameTaken):
            Desk().create("Friday Cup")
        f.pick()
        Desk().create("Friday Cup")
        with pytest.raises(errors.TournamentNameTaken):
            Desk().create("Sunday Cup")
        f.check("tournament-renamed", "team-picked")


def test_the_driver_retries_a_read_that_was_cut(failing: Any) -> None:
    with failing() as f:
        f.proxy.break_next("find", cut_before)
        assert f.desk.store.read(f.code).seq == 3
        f.proxy.break_next("find", cut_after)
        assert Desk().store.read(f.code).seq == 3
        f.check()


# --- steps down -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "name"), STEPS_DOWN)
def test_a_command_survives_one_step_down_of_the_primary(
    failing: Any, code: int, name: str
) -> None:
    with failing(replica_set=True) as f:
        f.proxy.break_next("insert", says(**error(code, name, RETRYABLE)))
        assert f.pick() == {3: "p-Ola"}
        assert f.proxy.seen.count("insert") == 2
        f.check("team-picked")


@pytest.mark.parametrize(("code", "name"), STEPS_DOWN)
def test_a_step_down_without_retries_gives_a_503_and_heals(
    failing: Any, code: int, name: str
) -> None:
    with failing() as f:
        f.proxy.break_next("insert", says(**error(code, name, RETRYABLE)))
        with pytest.raises(errors.Unavailable):
            f.pick()
        f.check()
        f.pick()
        f.check("team-picked")


@pytest.mark.parametrize("remembers", [True, False], ids=["remembers the retry", "forgets it"])
def test_a_write_counts_once_when_the_primary_steps_down_after_it(
    failing: Any, remembers: bool
) -> None:
    """The server recognises the retry by its number. Failing that, its seq and command id do."""
    with failing(replica_set=True, remembers=remembers) as f:
        down = does_it_and_says(**error(189, "PrimarySteppedDown", RETRYABLE))
        f.proxy.break_next("insert", down)
        assert f.pick() == {3: "p-Ola"}
        f.proxy.break_next("insert", down)
        assert f.lock("tap-1")
        assert f.proxy.seen.count("insert") == 4
        f.check("team-picked", "joining-locked")


def test_a_write_that_the_majority_did_not_confirm_gives_a_503_and_counts_once(
    failing: Any,
) -> None:
    unsure = {"code": 64, "codeName": "WriteConcernTimeout", "errmsg": "waiting timed out"}
    with failing() as f:
        f.proxy.break_next("insert", does_it_and_says(ok=1.0, n=1, writeConcernError=unsure))
        with pytest.raises(errors.Unavailable):
            f.lock("tap-1")
        assert f.lock("tap-1")
        f.check("joining-locked")


# --- cannot write ---------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", REFUSES.values(), ids=REFUSES)
def test_a_store_that_cannot_write_gives_a_503_still_reads_and_heals(
    failing: Any, answer: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    with failing() as f:
        f.proxy.break_next("insert", answer, answer)
        for _ in range(2):
            with pytest.raises(errors.Unavailable) as refused:
                f.pick()
            assert (type(refused.value), refused.value.retry_after) == (errors.Unavailable, 2)
        lines = [record for record in caplog.records if record.message == "store unavailable"]
        assert [line.__dict__["event.action"] for line in lines] == ["store.unavailable"] * 2
        assert f.desk.published == []
        f.check()
        assert f.pick() == {3: "p-Ola"}
        f.check("team-picked")


def test_a_snapshot_that_cannot_be_written_fails_no_command(failing: Any) -> None:
    with failing() as f:
        for number in range(46):
            f.pick(team=number % 2)
        f.proxy.break_next("insert", lambda forward: forward(), REFUSES["the disk is full"])
        f.pick(team=4)  # the fiftieth event triggers a snapshot
        assert f.desk.published[-1] == (f.code, 50)
        f.pick(team=5)
        f.check(*["team-picked"] * 48)


# --- found by ensure-indexes ----------------------------------------------------------------------


NO_RETRIES = "&retryWrites=false"
UNCONFIRMED = {"code": 64, "codeName": "WriteConcernTimeout", "errmsg": "waiting timed out"}
REPORTED = {
    "code 13 (Unauthorized): Unauthorized, said the proxy": REFUSES["no permission to write"],
    "code 14031 (OutOfDiskSpace): OutOfDiskSpace, said the proxy": REFUSES["the disk is full"],
    "code 14031 (WriteError): no space left": REFUSES["the disk is full, reported per document"],
    "code 64 (WriteConcernTimeout): waiting timed out": does_it_and_says(
        ok=1.0, n=1, writeConcernError=UNCONFIRMED
    ),
}


def run_ensure_indexes(uri: str, *options: str) -> Result:
    """`lct ensure-indexes` on an empty database."""
    name = f"lct_test_{secrets.token_hex(4)}"
    environ = environ_of(settings_for(uri, name))
    try:
        return CliRunner().invoke(main, ["ensure-indexes", *options], env=environ)
    finally:
        documents.disconnect()


@pytest.mark.parametrize(("told", "answer"), REPORTED.items(), ids=REPORTED)
def test_ensure_indexes_fails_with_the_reason_why_no_tap_would_be_stored(
    store: LocalServer, told: str, answer: Fault
) -> None:
    with Proxy(store.socket, replica_set=True) as proxy:
        proxy.break_next("insert", answer)
        ended = run_ensure_indexes(proxy.uri)
        assert proxy.spent
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr == f"Error: The database refuses: {told}\n"


def test_ensure_indexes_fails_when_no_index_may_be_created(store: LocalServer) -> None:
    with Proxy(store.socket) as proxy:
        proxy.break_next("createIndexes", REFUSES["no permission to write"])
        ended = run_ensure_indexes(proxy.uri)
    assert ended.exit_code == 1
    assert "code 13 (Unauthorized)" in ended.stderr


def test_ensure_indexes_quotes_no_value_that_is_stored_twice(store: LocalServer) -> None:
    twice = error(11000, "DuplicateKey") | {"errmsg": 'dup key: { unique: "friday cup" }'}
    with Proxy(store.socket) as proxy:
        proxy.break_next("createIndexes", says(**twice))
        ended = run_ensure_indexes(proxy.uri)
    assert ended.exit_code == 1
    assert "code 11000 (DuplicateKey)" in ended.stderr
    assert "friday" not in ended.stderr


def test_the_trial_write_is_a_tap_s_and_leaves_nothing(failing: Any) -> None:
    with failing(replica_set=True) as f:
        documents.ensure_indexes()
        insert = f.proxy.bodies["insert"]
        assert insert["writeConcern"] == {"w": "majority", "j": True}
        assert insert["txnNumber"]
        assert f.events.database["checks"].count_documents({}) == 0
        assert f.events.count_documents({}) == 3


def test_a_server_without_retries_is_found_and_served_when_the_address_says_so(
    store: LocalServer, failing: Any
) -> None:
    """Azure's DocumentDB gives out connection strings with retrywrites=false."""
    how = {"replica_set": True, "retryable": False}
    with Proxy(store.socket, **how) as proxy:
        ended = run_ensure_indexes(proxy.uri)
    assert ended.exit_code == 1
    assert "code 20 (IllegalOperation)" in ended.stderr
    assert "add retryWrites=false to your connection string" in ended.stderr
    with failing(NO_RETRIES, **how) as f:  # has run ensure-indexes
        assert f.pick() == {3: "p-Ola"}
        f.proxy.break_next("insert", cut_after)
        with pytest.raises(errors.Unavailable):
            f.lock("tap-1")
        assert f.lock("tap-1")
        f.check("team-picked", "joining-locked")


def test_ensure_indexes_waits_for_a_store_that_starts(store: LocalServer) -> None:
    with Proxy(store.socket) as proxy:
        proxy.break_next("ping", cut_before, says(**error(18, "AuthenticationFailed")))
        ended = run_ensure_indexes(proxy.uri, "--wait=20")
        assert proxy.spent
    assert ended.exit_code == 0, ended.stderr
    assert "Waiting up to 20 s. The database refuses: code 18 (Authentic" in ended.stderr


def test_ensure_indexes_waits_no_longer_than_it_is_told() -> None:
    began = time.monotonic()
    ended = run_ensure_indexes("mongodb://127.0.0.1:1/", "--wait=2")
    assert 1 < time.monotonic() - began < 8
    assert ended.exit_code == 1
    assert ended.stderr.startswith("Error: The database is not responding: 127.0.0.1:1: ")
    assert "Topology" not in ended.stderr


# --- nonsense -------------------------------------------------------------------------------------


def test_a_clock_that_goes_backwards_changes_nothing_but_the_times(failing: Any) -> None:
    with failing() as f:
        noon = datetime(2026, 11, 25, 12, tzinfo=UTC)
        times = [noon, noon - timedelta(hours=2), noon - timedelta(days=400)]

        def at(moment: datetime, command: Command) -> None:
            Execute(f.desk.store, [], lambda: moment)(command)

        at(times[0], PickTeam(by=SYSTEM, code=f.code, player_id="p-Max", team=1, value="ab" * 16))
        at(times[1], PickTeam(by=SYSTEM, code=f.code, player_id="p-Ola", team=0, value="cd" * 16))
        at(times[2], LockJoining(by=SYSTEM, code=f.code))
        f.check("team-picked", "team-picked", "joining-locked")
        told = stored_events.stored(f.desk.store, f.code)
        assert [each.at for each in told] == sorted(each.at for each in told)
        assert [each.at for each in told[3:]] == [told[2].at] * 3  # the test's setting-up was later
        picks = picks_in_order(f.desk.store.read(f.code).tournament)
        assert [pick.player_id for pick in picks] == ["p-Max", "p-Ola"]  # by seq, not by time


DAMAGE = {
    "an unknown type": {"type": "from-the-future"},
    "a newer schema": {"schema": 99},
    "a missing field": {"data": {"player_id": "p-Ola"}},
    "an extra field": {"data": {"player_id": "p-Ola", "team": 3, "value": "ab", "more": 1}},
    "a player without a seat": {"data": {"player_id": "p-Eva", "team": 3, "value": "ab"}},
    "no data": {"data": None},
    "no time": {"at": None},
    "a wrong seq": {"seq": 9},
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_an_unreadable_event_stops_only_its_own_evening_until_it_is_repaired(
    failing: Any, damage: dict[str, Any]
) -> None:
    with failing() as f:
        other = f.desk.create("Saturday Cup")
        behind = Desk()
        behind.store.read(f.code)
        f.pick()
        whole = f.events.find_one({"_id": f"{f.code}:4"})
        f.events.update_one({"_id": whole["_id"]}, {"$set": damage})
        for worker in (behind, Desk()):
            for _ in range(2):
                with pytest.raises(errors.Unreadable):
                    worker.store.read(f.code)
            with pytest.raises(errors.Unreadable):
                worker.pick(f.code, "Max", 5)
            worker.join(other, f"Guest{id(worker)}")
        f.events.delete_one({"_id": whole["_id"]})
        f.events.insert_one(whole)
        assert behind.store.read(f.code).tournament.holders == {3: "p-Ola"}
        f.check("team-picked")


# --- through HTTP ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(
    store: LocalServer, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[House, Proxy]]:
    """The app with one worker, which reaches the store through the proxy."""
    with (
        Proxy(store.socket) as proxy,
        open_house(
            Servers(proxy.uri, servers.redis_url),
            Path(tmp_path_factory.mktemp("served")),
            workers=1,
        ) as house,
    ):
        yield house, proxy


too_late = slow(TOO_SLOW)


def told_to_try_again(refused: Answer) -> None:
    assert (refused.status, refused.headers["Retry-After"]) == (503, "2")
    assert "Nothing is lost: try again in a moment." in refused.page.text


def logged_once(house: House, lines: list[dict[str, Any]], taps: int = 1) -> None:
    """Check that each tap logged one store error, one request error and no traceback."""
    told = [line for line in lines if line["event"].get("action") == "store.unavailable"]
    assert [line["log.level"] for line in told] == ["error"] * taps
    ended = [x for x in lines if x.get("http", {}).get("response", {}).get("status_code") == 503]
    about = [(line["log.level"], line["labels"]["error_kind"]) for line in ended]
    assert about == [("error", "service")] * taps
    assert "Traceback" not in house.log()


@pytest.mark.parametrize(
    ("fault", "stored"),
    [
        (REFUSES["the disk is full"], False),
        (REFUSES["the store is read-only"], False),
        (says(**error(189, "PrimarySteppedDown", RETRYABLE)), False),
        (cut_before, False),
        (cut_after, True),
        pytest.param(too_late, True, marks=pytest.mark.slow),
    ],
    ids=["disk full", "read-only", "steps down", "cut before the write", "answer lost", "too late"],
)
def test_a_guest_is_asked_to_try_again_and_the_next_try_works(
    served: tuple[House, Proxy], fault: Fault, stored: bool
) -> None:
    """With an HTMX tap in one evening and a plain form in another at the same moment."""
    house, proxy = served
    evenings = [(e, e.guest("Ola"), htmx) for htmx in (True, False) for e in [house.evening()]]
    before = len(house.lines())
    proxy.break_next("insert", fault, fault)

    def tap(e: Evening, ola: Phone, htmx: bool) -> tuple[Answer, float]:
        began = time.monotonic()
        return e.pick(ola, 1, htmx=htmx), time.monotonic() - began

    for answer, seconds in at_once(*(partial(tap, *each) for each in evenings)):
        told_to_try_again(answer)
        assert seconds < PATIENCE
        assert seconds > 3 or fault is not too_late
    assert proxy.spent
    assert [len(e.facts("team-picked")) for e, *_ in evenings] == [stored] * 2
    logged_once(house, house.lines()[before:], taps=2)

    for e, ola, htmx in evenings:
        assert e.pick(ola, 1, htmx=htmx).status == (200 if htmx else 303)
        assert [fact["team"] for fact in e.facts("team-picked")] == [1]
        assert "yours" in ola.get(e.at("me")).page.by_id("team-1").text


@contextmanager
def no_room(store: LocalServer) -> Iterator[None]:
    """Forbid the store to write to files, which fails as on a full disk."""
    pid, what = store.process.pid, resource.RLIMIT_FSIZE
    limits = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (0, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, what, limits)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="Linux only")
def test_ensure_indexes_finds_a_disk_that_is_really_full(store: LocalServer, failing: Any) -> None:
    with failing() as f:
        with no_room(store), pytest.raises(pymongo.errors.OperationFailure) as refused:
            documents.ensure_indexes()  # the indexes are there already
        assert documents.reason(refused.value) == "The database refuses: disk I/O error"
        documents.ensure_indexes()
        f.check()


@contextmanager
def away(store: LocalServer) -> Iterator[None]:
    store.kill()
    try:
        yield
    finally:
        store.start()
        store.wait_ready()


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(
            no_room, marks=pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="Linux only")
        ),
        away,
    ],
)
def test_a_guest_loses_nothing_when_the_store_is_really_full_or_down(
    served: tuple[House, Proxy], store: LocalServer, trouble: Callable[..., Any]
) -> None:
    house, _ = served
    e = house.evening()
    ola, max_ = e.guest("Ola"), e.guest("Max")
    assert e.pick(ola, 1).status == 200
    before = len(house.lines())
    with trouble(store):
        told_to_try_again(e.pick(max_, 2))
        logged_once(house, house.lines()[before:])
        if trouble is no_room:  # reads still work
            page = max_.get(e.at("me")).page
            assert "Ola Nowak" in page.by_id("team-1").text
            assert "yours" not in page.by_id("team-2").text
    wait_until(lambda: e.pick(max_, 2).status == 200)
    assert [fact["team"] for fact in e.facts("team-picked")] == [1, 2]
    with away(store):  # acknowledged picks are on disk
        pass
    wait_until(lambda: ola.get(e.at("me")).status == 200)
    assert [fact["team"] for fact in e.facts("team-picked")] == [1, 2]


def test_a_tap_waits_for_a_slow_store_and_logs_no_error(
    served: tuple[House, Proxy],
) -> None:
    house, proxy = served
    e = house.evening()
    ola = e.guest("Ola")
    before = len(house.lines())
    proxy.break_next("insert", slow(1.5))
    assert e.pick(ola, 1).status == 200
    assert not [line for line in house.lines()[before:] if line["log.level"] == "error"]


def test_a_host_whose_answer_was_lost_creates_one_evening(served: tuple[House, Proxy]) -> None:
    house, proxy = served
    house.forget_limits()
    host = house.phone()
    host.get("/")
    form = {"name": "Lost Cup", "limit": 4, "option": "plain"}
    form |= pasted("\n".join(f"Team {i}" for i in range(4)))
    form["nonce"] = "ab" * 16  # the browser sends the same form again
    proxy.break_next("insert", cut_after)
    refused = host.post("/", form)
    assert (refused.status, refused.headers["Retry-After"]) == (503, "2")
    again = host.post("/", form)
    assert again.status == 303
    assert host.get(again.location).status == 200
    events = house.mongo[house.settings.database]["events"]
    assert events.count_documents({"data.name": "Lost Cup"}) == 1


def test_a_worker_that_was_never_probed_is_ready_while_the_store_is_away_for_a_moment(
    served: tuple[House, Proxy],
) -> None:
    """Probes may all go to the other worker, so each worker looks for the store when it starts."""
    house, proxy = served
    proxy.break_all(cut_before)
    answer = house.phone().get("/readiness")
    proxy.break_all(None)
    assert (answer.status, json.loads(answer.text)["store"]) == (200, False)
