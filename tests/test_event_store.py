"""The event store on the local server: what is killed, cut off, or does not answer."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lct.config import Settings
from lct.domain import errors
from lct.infrastructure import documents
from lct.infrastructure.embedded import start_store

from .desk import Desk


@pytest.fixture
def desks(settings: Settings) -> Iterator[Callable[[], Desk]]:
    """Makes workers that share one store."""
    documents.connect_store(settings)
    documents.ensure_indexes()
    yield Desk
    documents.disconnect()


def test_nobody_waits_long_behind_a_command_whose_store_does_not_answer(
    desks: Callable[[], Desk],
) -> None:
    desk = desks()
    code = desk.create()
    desk.store.read(code).lock.acquire()
    began = time.monotonic()
    with pytest.raises(errors.Busy):
        desk.join(code, "Ola")
    assert 1.5 < time.monotonic() - began < 6
    desk.store.read(code).lock.release()
    desk.join(code, "Ola")


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
        writers = [
            subprocess.Popen(
                [*command, str(i)],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                cwd=os.getcwd(),
            )
            for i in range(2)
        ]
        acknowledged = {writers[0].stdout.readline().strip() for _ in range(40)}  # type: ignore[union-attr]
        store.kill()
        for writer in writers:
            writer.kill()
            acknowledged |= set(writer.communicate()[0].splitlines()[:-1])  # the last may be cut
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


def test_an_unreachable_store_is_unavailable_and_heals(tmp_path: Any) -> None:
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
        store.start()
        store.wait_ready()
        desk.join(code, "Ola")
        assert desk.seqs(code) == [1, 2]
    finally:
        documents.disconnect()
        store.stop()


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="Linux only: prlimit")
def test_a_full_disk_is_unavailable_loses_nothing_and_heals(
    tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The store's files may not grow: what it meets then is what it meets on a full disk."""
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
            pytest.fail("the disk never was full")
        assert "store unavailable" in caplog.text
        for reader in (desk, Desk()):  # reading goes on
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
