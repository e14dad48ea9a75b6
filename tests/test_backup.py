"""Backup and restore as docs/backup.md describes them: back up, lose everything, restore to a new
store, check by `replay --all`, and play on."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import bson
import pymongo
import pytest

from lct.cli import commands
from lct.config import Settings
from lct.infrastructure.documents import DOCUMENTS
from lct.laptop.local_servers import LocalServer, start_store
from lct.places import ROOT

from .conftest import Servers
from .http_client import House, Phone, open_house
from .support import LiveServer, wait_until

GUIDE = (ROOT / "docs/backup.md").read_text()
Restore = Callable[[LocalServer], None]


def check(house: House, code: int = 0) -> dict[str, str]:
    """What `replay --all` says about each tournament."""
    told = house.flask("replay", "--all")
    assert told.returncode == code, told.stdout + told.stderr
    return dict(line.split(": ", 1) for line in told.stdout.splitlines())


# --- the ways to back up; each makes a backup and returns what restores it to an empty store ------


def dump_the_documents(house: House, old: LocalServer, folder: Path) -> Restore:
    """As mongodump and mongorestore do: a file of BSON for each collection."""
    database = house.mongo[house.settings.database]
    for name in database.list_collection_names():
        file = b"".join(map(bson.encode, database[name].find()))
        (folder / f"{name}.bson").write_bytes(file)

    def restore(new: LocalServer) -> None:
        with pymongo.MongoClient(new.uri) as client:
            for path in folder.glob("*.bson"):
                if made := bson.decode_all(path.read_bytes()):
                    client[database.name][path.stem].insert_many(made)

    return restore


def export_each_evening(house: House, old: LocalServer, folder: Path) -> Restore:
    for code in check(house):
        exported = house.flask("export", "--with-secrets", code)
        assert exported.returncode == 0, exported.stderr
        (folder / f"{code}.jsonl").write_text(exported.stdout)

    def restore(new: LocalServer) -> None:
        assert house.flask("ensure-indexes").returncode == 0
        for path in folder.glob("*.jsonl"):
            done = house.flask("import", str(path))
            assert done.returncode == 0, done.stderr

    return restore


def copy_the_folder(house: House, old: LocalServer, folder: Path) -> Restore:
    """A laptop's data, copied while `lct up` does not run."""
    old.kill()
    shutil.copytree(old.log.parent / "store", folder / "store")
    old.start()
    old.wait_ready()

    def restore(new: LocalServer) -> None:
        new.kill()
        shutil.rmtree(new.log.parent / "store")
        shutil.copytree(folder / "store", new.log.parent / "store")
        new.start()
        new.wait_ready()

    return restore


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[LocalServer, LocalServer]]:
    started = start_store(tmp_path / "old"), start_store(tmp_path / "new")
    for server in started:
        server.wait_ready()
    yield started
    for server in started:
        server.stop()


@pytest.fixture
def house(
    stores: tuple[LocalServer, LocalServer], servers: Servers, tmp_path: Path
) -> Iterator[House]:
    with open_house(Servers(stores[0].uri, servers.redis_url), tmp_path, workers=1) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize(
    "way",
    [
        dump_the_documents,
        pytest.param(export_each_evening, marks=pytest.mark.drill),
        pytest.param(copy_the_folder, marks=pytest.mark.drill),
    ],
)
def test_everything_is_restored_to_a_new_store(
    stores: tuple[LocalServer, LocalServer],
    house: House,
    tmp_path: Path,
    way: Callable[[House, LocalServer, Path], Restore],
) -> None:
    old, new = stores
    over, begun = house.evening(limit=2), house.evening(limit=4)
    guests = over.drawn()
    ola, max_ = begun.guest("Ola"), begun.guest("Max")
    assert begun.pick(ola, 1).status == 200
    counts = {e.code: len(e.events) for e in (over, begun)}
    folder = tmp_path / "backup"
    folder.mkdir()
    restore = way(house, old, folder)
    wait_until(lambda: begun.pick(max_, 2).status == 200)  # after the backup: it will be gone

    house.server.stop()
    house.mongo.drop_database(house.settings.database)
    house.settings = replace(house.settings, mongo_uri=new.uri)
    restore(new)
    assert house.flask("ensure-indexes").returncode == 0
    if way is export_each_evening:
        counts[begun.code] += 1  # its seal is new, so everybody picks again
    told = check(house)
    assert {code: int(line.split()[0]) for code, line in told.items()} == counts
    assert all(line.endswith("; snapshot and events agree") for line in told.values())
    assert house.flask("verify-draw", over.code).returncode == 0

    again = House(LiveServer(house.settings, tmp_path / "again.log"), house.settings)
    try:
        drawn, late, host = (moved(each, again) for each in (guests[0], max_, begun.host))
        assert drawn.get(over.at("me")).status == 200
        assert "Max Nowak" in late.get(begun.at("me")).page.text
        assert host.get(begun.at("organise")).status == 200
        assert replace(begun, house=again).pick(late, 3).status == 200
        assert len(again.events(begun.code)) == counts[begun.code] + 1
    finally:
        again.server.stop()
        again.redis.close()
        again.mongo.close()


def moved(phone: Phone, house: House) -> Phone:
    """The same browser at another server of the same address."""
    phone.house, phone.connection = house, None
    return phone


@pytest.mark.slow
def test_replay_finds_what_a_restore_lost(house: House) -> None:
    """An event in the middle, which neither a page nor a snapshot shows; the first; a field."""
    with house.desk() as desk:
        codes = [desk.create(f"Cup {number}") for number in range(4)]
        for code in codes:
            desk.join(code, "Ola")
            for number in range(51):
                desk.pick(code, "Ola", number % 2)
        whole, middle, first, damaged = codes
    events = house.mongo[house.settings.database]["events"]
    events.delete_one({"_id": f"{middle}:20"})
    events.delete_one({"_id": f"{first}:1"})
    events.update_one({"_id": f"{damaged}:20"}, {"$set": {"data": {}}})
    assert house.phone().get(f"/t/{middle}").status == 200  # by its snapshot
    told = check(house, 1)
    assert told.keys() == set(codes)
    assert told.pop(whole).startswith("53 events, the last at 20")
    assert set(told.values()) == {"CANNOT BE READ: an event is missing or damaged"}
    alone = house.flask("replay", damaged)
    assert alone.returncode == 1


def test_the_guide_s_commands_exist_with_their_options() -> None:
    known = {str(each.name): each for each in commands}
    asked = re.findall(
        r"(?:flask --app wsgi|\blct|\brun) ([a-z]+(?:-[a-z]+)*)((?: --[a-z-]+)*)", GUIDE
    )
    used = {name for name, _ in asked if name in known}
    assert {"ensure-indexes", "replay", "export", "import", "forget", "delete-old"} <= used
    for name, options in asked:
        if name in known:
            there = {option for each in known[name].params for option in each.opts}
            assert set(options.split()) <= there, name


def test_the_guide_says_what_each_collection_is_worth() -> None:
    for document in DOCUMENTS:
        assert f"`{document._get_collection_name()}`" in GUIDE
    database = Settings.__dataclass_fields__["database"].default
    assert f"--db={database} " in GUIDE
    assert f"--nsInclude='{database}.*'" in GUIDE
