"""A worker is killed before and after each request that a command sends to the store.

No other moments affect what is stored; test_store_model adds random ones. Whatever was stored, a
tap that is repeated later on another worker counts once.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pymongo
import pytest

from lct.application.execute import CommandRepeated
from lct.config import Settings
from lct.domain import errors
from lct.domain.evening import CreateTournament, Keys, RenameTournament
from lct.domain.fact import Command
from lct.domain.picking import PickTeam
from lct.domain.rights import SYSTEM
from lct.infrastructure import documents, snapshots
from lct.laptop.local_servers import LocalServer, start_store

from .desk import Desk
from .doomed import Moment, run_and_kill
from .evening import SECRET, teams

BEFORE, AFTER = False, True
NEVER: Moment = ("no such request", BEFORE)  # the command is done, then the worker is killed


class Crash:
    """An evening, and one worker that survives."""

    def __init__(self, store: LocalServer, settings: Settings) -> None:
        self.store, self.settings, self.desk = store, settings, Desk()
        self.code = self.desk.create()
        self.desk.join(self.code, "Ola")
        self.picking = PickTeam(
            by=SYSTEM,
            code=self.code,
            player_id="p-Ola",
            team=3,
            value="ab" * 16,
            command_id="tap-1",
        )

    def kill(self, command: Command, moment: Moment) -> bool:
        known = self.code if command.code == self.code else ""
        return run_and_kill(self.store.socket, self.settings, command, moment, known)

    def types(self, code: str = "") -> list[str]:
        """The types of the stored events, without the first two that __init__ stored."""
        found = list(self.desk.store.tail(code or self.code))
        assert [event["seq"] for event in found] == list(range(1, len(found) + 1))
        return [event["type"] for event in found[0 if code else 2 :]]

    def held(self) -> set[str]:
        """The names that no other evening may take."""
        claims = self.desk.store.events.find({"unique": {"$exists": True}})
        return {claim["unique"].partition(":")[2] for claim in claims}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A store for this module alone."""
    server = start_store(tmp_path_factory.mktemp("crash"))
    server.wait_ready()
    yield server
    server.stop()


@pytest.fixture
def crash(store: LocalServer) -> Iterator[Crash]:
    settings = Settings(
        mongo_uri=store.uri,
        redis_url="unix:///none",
        database=f"lct_test_{secrets.token_hex(4)}",
        secret_key="x" * 20,
    )
    documents.connect_store(settings)
    documents.ensure_indexes()
    yield Crash(store, settings)
    documents.disconnect()
    with pymongo.MongoClient(store.uri) as direct:
        direct.drop_database(settings.database)


@pytest.mark.parametrize(
    ("moment", "stored"), [(("insert", BEFORE), False), (("insert", AFTER), True)]
)
def test_a_tap_whose_worker_was_killed_counts_once_when_it_is_repeated(
    crash: Crash, moment: Moment, stored: bool
) -> None:
    assert not crash.kill(crash.picking, moment)
    assert crash.types() == ["team-picked"] * stored
    Desk().join(crash.code, "Max")  # another command comes in between
    for _ in range(2):
        Desk().execute(crash.picking)
    assert sorted(crash.types()) == ["player-joined", "team-picked"]
    for desk in (crash.desk, Desk()):
        assert desk.store.read(crash.code).tournament.holders == {3: "p-Ola"}


def test_a_tap_that_was_not_stored_claims_nothing(crash: Crash) -> None:
    crash.desk.join(crash.code, "Max")
    assert not crash.kill(crash.picking, ("insert", BEFORE))
    assert crash.desk.pick(crash.code, "Max", 3).holders == {3: "p-Max"}
    with pytest.raises(errors.TeamTaken):
        Desk().execute(crash.picking)


def test_a_command_acknowledged_before_the_kill_is_stored(crash: Crash) -> None:
    assert crash.kill(crash.picking, NEVER)
    assert crash.types() == ["team-picked"]
    assert Desk().store.read(crash.code).tournament.holders == {3: "p-Ola"}


@pytest.mark.parametrize(
    ("moment", "held"),
    [
        (("insert", BEFORE), {"friday cup"}),
        (("insert", AFTER), {"friday cup", "sunday cup"}),
        (("update", BEFORE), {"friday cup", "sunday cup"}),
        (("update", AFTER), {"sunday cup"}),
    ],
)
def test_an_evening_holds_a_name_of_its_own_at_every_moment_of_a_rename(
    crash: Crash, moment: Moment, held: set[str]
) -> None:
    renaming = RenameTournament(
        by=SYSTEM, code=crash.code, name="Sunday Cup", command_id="tap-2", expected_version=1
    )
    assert not crash.kill(renaming, moment)
    assert crash.held() == held
    assert crash.types() == ["tournament-renamed"] * ("sunday cup" in held)
    for name in held:
        with pytest.raises(errors.TournamentNameTaken):
            Desk().create(name)
    reader = Desk()  # a snapshot also remembers names that are held too long
    reader.store.write_snapshot(reader.store.read(crash.code))
    assert Desk().execute(renaming).name == "Sunday Cup"
    Desk().execute(crash.picking)  # the next command frees what is still held
    assert crash.held() == {"sunday cup"}
    assert crash.types() == ["tournament-renamed", "team-picked"]


@pytest.mark.parametrize(
    ("moment", "stored"),
    [(("insert", BEFORE), False), (("insert", AFTER), True), (NEVER, True)],
)
def test_an_evening_is_created_whole_or_not_at_all(
    crash: Crash, moment: Moment, stored: bool
) -> None:
    creating = CreateTournament(by=SYSTEM,
        code="CCCC2222", name="Sunday Cup", limit=2, teams=teams(4), option="plain",
        secret=SECRET, keys=Keys("device", "hash", "recovery"), command_id="create-1",
    )  # fmt: skip
    assert crash.kill(creating, moment) == (moment == NEVER)
    assert crash.types("CCCC2222") == ["tournament-created"] * stored
    if stored:
        with pytest.raises(CommandRepeated):
            Desk().execute(creating)
    else:
        Desk().execute(creating)
    assert crash.types("CCCC2222") == ["tournament-created"]
    assert Desk().join("CCCC2222", "Ola").name == "Sunday Cup"


@pytest.mark.parametrize("operation", ["insert", "find", "update"])
@pytest.mark.parametrize("done", [BEFORE, AFTER])
def test_a_worker_killed_while_writing_a_snapshot_leaves_the_old_one_or_the_new_one(
    crash: Crash, monkeypatch: pytest.MonkeyPatch, operation: str, done: bool
) -> None:
    """The insert stores the event. The snapshot takes a find, then an update of the old one."""
    monkeypatch.setattr(snapshots, "EVERY", 3)
    crash.desk.store.write_snapshot(crash.desk.store.read(crash.code))
    assert not crash.kill(crash.picking, (operation, done))
    snapshot = crash.desk.store.snapshots.find_one({"_id": crash.code})
    assert snapshot["seq"] == (3 if (operation, done) == ("update", AFTER) else 2)
    stored = (operation, done) != ("insert", BEFORE)
    assert Desk().store.read(crash.code).tournament.holders == ({3: "p-Ola"} if stored else {})
    Desk().execute(crash.picking)
    assert crash.types() == ["team-picked"]
