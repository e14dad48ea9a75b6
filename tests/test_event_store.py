"""The event store on the local server: deadlines, driver options, a killed store, a full disk."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import mongoengine
import pymongo
import pytest

from lct.config import Settings
from lct.domain import errors
from lct.domain.door import LockJoining
from lct.domain.evening import RenameTournament
from lct.domain.rights import SYSTEM
from lct.infrastructure import documents, stored_events
from lct.laptop.local_servers import LocalServer, start_store

from .desk import Desk
from .proxy import Proxy, cut_after, cut_before, slow
from .support import deadline

# --- Deadlines ----------------------------------------------------------------------------------
#
# The bounds are wide, for a busy machine. What counts is the refusal: without a deadline a slow
# command would succeed, only later. The test of an unreachable store checks the four seconds of
# production; here the deadline is shorter.
SHORT = 1.2


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A store of this module's own."""
    server = start_store(tmp_path_factory.mktemp("slow"))
    server.wait_ready()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def impatient_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check a lost store again after 20 ms instead of half a second."""
    monkeypatch.setattr("pymongo.common.MIN_HEARTBEAT_INTERVAL", 0.02)


@pytest.fixture
def behind_proxy(store: LocalServer) -> Iterator[Callable[..., Proxy]]:
    """Connects to an empty database through a proxy, and returns the proxy."""
    proxies = []

    def connect(**how: Any) -> Proxy:
        proxies.append(Proxy(store.socket, **how))
        documents.connect_store(
            Settings(
                mongo_uri=proxies[-1].uri,
                redis_url="unix:///none",
                database="lct_test_slow",
                secret_key="x" * 20,
            )
        )
        documents.ensure_indexes()
        return proxies[-1]

    yield connect
    documents.disconnect()
    for proxy in proxies:
        proxy.__exit__()
    with pymongo.MongoClient(store.uri) as direct:
        direct.drop_database("lct_test_slow")


def seconds_until_unavailable(tap: Callable[[], Any]) -> float:
    began = time.monotonic()
    with pytest.raises(errors.Unavailable) as refused:
        tap()
    assert type(refused.value) is errors.Unavailable
    return time.monotonic() - began


def test_a_command_does_not_wait_long_behind_a_stuck_one(
    desks: Callable[[], Desk],
) -> None:
    desk = desks()
    code = desk.create()
    with desk.store.read(code).lock:
        began = time.monotonic()
        with pytest.raises(errors.Busy):
            desk.join(code, "Ola")
        assert 1.9 < time.monotonic() - began < 10
    desk.join(code, "Ola")


def test_all_store_operations_of_a_command_share_one_deadline(
    behind_proxy: Callable[..., Proxy],
) -> None:
    """A rename that meets another writer: five operations, each well within the limit."""
    proxy, desk = behind_proxy(), Desk()
    code = desk.create()
    Desk().join(code, "Max")  # takes the next seq, so the rename must look up the conflict
    renaming = RenameTournament(by=SYSTEM, code=code, name="Sunday Cup", command_id="tap-1")
    proxy.break_all(slow(0.45))
    with deadline(SHORT):
        assert 1 < seconds_until_unavailable(lambda: desk.execute(renaming)) < 10
    proxy.break_all(None)
    assert desk.execute(renaming).name == "Sunday Cup"
    assert desk.execute(renaming).name == "Sunday Cup"
    assert desk.seqs(code) == [1, 2, 3]
    desk.create("Friday Cup")


def test_all_store_operations_of_a_page_share_one_deadline(
    behind_proxy: Callable[..., Proxy],
) -> None:
    """The worst case: a snapshot that belongs to another history takes five operations."""
    proxy, desk = behind_proxy(), Desk()
    code = desk.create()
    desk.store.write_snapshot(desk.store.read(code))
    desk.store.snapshots.update_one({"_id": code}, {"$set": {"seq": 50}})
    proxy.seen.clear()
    proxy.break_all(slow(0.45))
    with deadline(SHORT):
        assert 1 < seconds_until_unavailable(lambda: Desk().store.stream(code)) < 10
    proxy.break_all(None)
    assert len(proxy.seen) < 5
    assert Desk().store.read(code).seq == 1


def test_waiting_for_another_command_counts_towards_the_deadline(
    behind_proxy: Callable[..., Proxy],
) -> None:
    proxy, desk = behind_proxy(), Desk()
    code = desk.create()
    lock = desk.store.read(code).lock
    lock.acquire()
    threading.Timer(0.5, lock.release).start()
    proxy.break_next("insert", slow(1.8))
    with deadline(2):
        assert 1.8 < seconds_until_unavailable(lambda: desk.join(code, "Ola")) < 10
    assert "p-Ola" in desk.join(code, "Ola").players  # it was stored; the guest taps again
    assert desk.seqs(code) == [1, 2]


@pytest.mark.slow
def test_the_driver_retries_until_the_deadline(
    behind_proxy: Callable[..., Proxy],
) -> None:
    """A failover that breaks more than one connection goes unnoticed; the command counts once."""
    proxy, desk = behind_proxy(replica_set=True), Desk()
    code = desk.create()
    proxy.break_next("insert", cut_before, cut_after)
    desk.join(code, "Ola")
    proxy.break_next("find", cut_before, cut_after)
    assert desk.store.read(code).seq == 2
    assert proxy.spent
    assert desk.seqs(code) == [1, 2]
    proxy.break_all(cut_before)
    with deadline(SHORT):
        assert 1 < seconds_until_unavailable(lambda: desk.join(code, "Max")) < 10
    proxy.break_all(None)
    desk.join(code, "Max")
    assert desk.seqs(code) == [1, 2, 3]


@pytest.mark.slow
def test_a_worker_stops_soon_when_the_store_is_down(tmp_path: Any) -> None:
    """It ends its sessions on the store, which no command's deadline limits."""
    server = start_store(tmp_path)
    server.wait_ready()
    try:
        address = server.uri.partition("?")[0]  # its options would limit the wait too
        client = documents.connect_store(
            Settings(mongo_uri=address, redis_url="unix:///none", secret_key="x" * 20)
        )
        sessions = [client.start_session() for _ in range(3)]  # as from three concurrent reads
        for session in sessions:
            client.admin.command("ping", session=session)
        for session in sessions:
            session.end_session()
        server.kill()
        with deadline(0.5):
            seconds_until_unavailable(lambda: Desk().store.read("BCDF2345"))
        began = time.monotonic()
        documents.disconnect()
        assert time.monotonic() - began < 15  # lct's 2, not the driver's 30
    finally:
        server.stop()


def test_building_indexes_is_not_bound_by_the_timeout(
    behind_proxy: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(documents.TIMEOUTS, "timeoutMS", 300)
    proxy = behind_proxy()
    proxy.break_next("createIndexes", slow(1))
    documents.ensure_indexes()
    assert proxy.spent


# --- Driver options ------------------------------------------------------------------------------


def test_no_option_in_the_uri_weakens_the_guarantees_of_a_replica_set() -> None:
    weak = "w=1&journal=false&readConcernLevel=local&readPreference=secondary&retryReads=false"
    documents.connect_store(
        Settings(
            mongo_uri=f"mongodb://127.0.0.1:1/?{weak}",
            redis_url="unix:///none",
            secret_key="x" * 20,
        )
    )
    store = Desk().store
    for collection in (store.events, store.snapshots, documents.WebhookDocument._get_collection()):
        assert collection.write_concern.document == {"w": "majority", "j": True}
        assert collection.read_concern.level == "majority"
        assert collection.read_preference == pymongo.ReadPreference.PRIMARY
    options = mongoengine.get_connection().options
    assert (options.retry_writes, options.retry_reads, options.timeout) == (True, True, 4)
    documents.disconnect()


def test_the_uri_may_switch_off_retries_of_writes() -> None:
    """Some servers refuse every write that could be retried; the string they give out says so."""
    given = {"redis_url": "unix:///none", "secret_key": "x" * 20}
    for option, retries in (("false", False), ("true", True)):
        uri = f"mongodb://127.0.0.1:1/?retrywrites={option}"
        documents.connect_store(Settings(mongo_uri=uri, **given))
        assert mongoengine.get_connection().options.retry_writes is retries
    documents.disconnect()


def test_a_receipt_is_found_without_reading_other_evenings(
    behind_proxy: Callable[..., Proxy],
) -> None:
    """An aggregation would make the local store read the whole collection on every write call."""
    proxy, desk = behind_proxy(), Desk()
    code = desk.create()
    desk.join(code, "Ola", command_id="call-1")
    desk.execute(LockJoining(by=SYSTEM, code=code, command_id="call-2"))
    proxy.seen.clear()
    found = [stored_events.receipt(desk.store, command_id) for command_id in ("call-1", "call-2")]
    assert [(each.seq, each.version) for each in found if each] == [(2, 1), (3, 2)]
    assert stored_events.receipt(desk.store, "call-3") is None
    assert set(proxy.seen) == {"find"}


# --- Killed and full -----------------------------------------------------------------------------


WRITER = """
import sys
from lct.config import Settings
from lct.infrastructure import documents
from lct.infrastructure import stream as stream_module
from tests.desk import Desk
import dataclasses, json
documents.connect_store(Settings(**json.loads(sys.argv[1])))
desk = Desk()
for i in range(100000):
    desk.join(sys.argv[2], f"N{sys.argv[3]}x{i}")
    print(f"N{sys.argv[3]}x{i}", flush=True)
"""


def test_killing_the_store_during_writes_loses_nothing_that_was_acknowledged(tmp_path: Any) -> None:
    store = start_store(tmp_path)
    store.wait_ready()
    try:
        given = {
            "mongo_uri": store.uri,
            "redis_url": "unix:///none",
            "database": "lct",
            "secret_key": "x" * 20,
        }
        documents.connect_store(Settings(**given))
        documents.ensure_indexes()
        desk = Desk()
        code = desk.create(limit=1024, team_count=1024)
        command = [sys.executable, "-c", WRITER, json.dumps(given), code]
        output, end = os.pipe()  # of both: one of them may take nearly all seats
        writers = [
            subprocess.Popen([*command, str(i)], stdout=end, stderr=subprocess.DEVNULL)
            for i in range(2)
        ]
        os.close(end)
        with open(output, encoding="utf-8") as lines:
            acknowledged = {lines.readline().strip() for _ in range(40)}
            store.kill()
            for writer in writers:
                writer.kill()
                writer.wait()
            acknowledged |= {line.strip() for line in lines if line.endswith("\n")}
        store.start()
        store.wait_ready()
        again = Desk()
        names = {p.first for p in again.store.read(code).tournament.players.values()}
        assert len(acknowledged) >= 40
        assert acknowledged <= names
        assert again.seqs(code) == list(range(1, len(names) + 2))
    finally:
        documents.disconnect()
        store.stop()


def test_an_unreachable_store_raises_unavailable_until_it_returns(tmp_path: Any) -> None:
    store = start_store(tmp_path)
    store.wait_ready()
    try:
        documents.connect_store(
            Settings(mongo_uri=store.uri, redis_url="unix:///none", secret_key="x" * 20)
        )
        documents.ensure_indexes()
        desk = Desk()
        code = desk.create()
        store.kill()
        with pytest.raises(errors.Unavailable):
            desk.join(code, "Ola")
        # Now it is known to be down: a command waits for its deadline, not for the driver's two s.
        assert 3.5 < seconds_until_unavailable(lambda: desk.join(code, "Ola")) < 10
        store.start()
        store.wait_ready()
        desk.join(code, "Ola")
        assert desk.seqs(code) == [1, 2]
    finally:
        documents.disconnect()
        store.stop()


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="Linux only: prlimit")
def test_a_full_disk_raises_unavailable_and_loses_nothing(
    tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A limit on file size keeps the store's files from growing, as a full disk would."""
    store = start_store(tmp_path)
    store.wait_ready()
    try:
        documents.connect_store(
            Settings(mongo_uri=store.uri, redis_url="unix:///none", secret_key="x" * 20)
        )
        documents.ensure_indexes()
        desk = Desk()
        code = desk.create(limit=1024, team_count=1024)
        desk.join(code, "Ola")
        largest = max(file.stat().st_size for file in (tmp_path / "store").rglob("*"))
        limits = resource.prlimit(store.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(store.process.pid, resource.RLIMIT_FSIZE, (largest, limits[1]))
        acknowledged = ["Ola"]
        for i in range(500):
            try:
                desk.join(code, f"N{i}")
            except errors.Unavailable:
                break
            acknowledged.append(f"N{i}")
        else:
            pytest.fail("the disk never filled up")
        assert "store unavailable" in caplog.text
        for reader in (desk, Desk()):  # reads still work
            players = reader.store.read(code).tournament.players.values()
            assert [p.first for p in players] == acknowledged
        with pytest.raises(errors.Unavailable):
            Desk().join(code, "Max")
        resource.prlimit(store.process.pid, resource.RLIMIT_FSIZE, limits)
        desk.join(code, "Max")
        names = [p.first for p in Desk().store.read(code).tournament.players.values()]
        assert names == [*acknowledged, "Max"]
        assert desk.seqs(code) == list(range(1, len(names) + 2))
    finally:
        documents.disconnect()
        store.stop()
