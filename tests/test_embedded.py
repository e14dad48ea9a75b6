"""The two local servers: they are private and durable, and restart quickly."""

import os
import threading
import time

import pymongo
import pytest
import redis
from pymongo.errors import BulkWriteError, DuplicateKeyError

from lct.laptop.local_servers import LocalServerError, start_bus, start_store

from .support import wait_until


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A store for the tests that do not kill it."""
    server = start_store(tmp_path_factory.mktemp("kept"))
    server.wait_ready()
    yield server
    server.stop()


@pytest.fixture
def store(tmp_path):
    server = start_store(tmp_path)
    server.wait_ready()
    yield server
    server.stop()


@pytest.fixture
def bus(tmp_path):
    server = start_bus(tmp_path)
    server.wait_ready()
    yield server
    server.stop()


@pytest.fixture
def events(kept):
    with pymongo.MongoClient(kept.uri) as client:
        yield indexed(client)
        client.drop_database("cup")


@pytest.fixture
def broken(store):
    """The same collection, in a store that the test kills."""
    with pymongo.MongoClient(store.uri) as client:
        yield indexed(client)


def indexed(client):
    collection = client["cup"]["events"]
    collection.create_index([("stream", 1), ("seq", 1)], unique=True)
    collection.create_index("stream")
    collection.create_index("unique", unique=True)
    collection.create_index("command_id", unique=True)
    return collection


def event(seq, **fields):
    return {"_id": f"AB3K7QXM:{seq}", "stream": "AB3K7QXM", "seq": seq, **fields}


def test_a_document_comes_back_as_it_was(events):
    document = event(1, data={"name": "Győr ⚽", "seats": [1, 2], "none": None, "rate": 0.5})
    events.insert_one(document)
    assert events.find_one({"_id": "AB3K7QXM:1"}) == document


def test_an_id_can_be_used_once(events):
    events.insert_one({"_id": "AB3K7QXM:1"})
    with pytest.raises(DuplicateKeyError) as refused:
        events.insert_one({"_id": "AB3K7QXM:1"})
    assert refused.value.details["keyPattern"] == {"_id": 1}


@pytest.mark.parametrize("field", ["unique", "command_id"])
def test_a_clash_names_its_index(events, field):
    events.insert_one(event(1, **{field: "friday cup"}))
    with pytest.raises(DuplicateKeyError) as refused:
        events.insert_one(event(2, **{field: "friday cup"}))
    assert refused.value.details["keyPattern"] == {field: 1}
    with pytest.raises(BulkWriteError) as refused:
        events.insert_many([event(3), event(4, **{field: "friday cup"})])
    assert refused.value.details["writeErrors"][0]["keyPattern"] == {field: 1}


def test_a_clash_in_a_compound_index_names_all_its_fields(events):
    events.insert_one({"_id": "one", "stream": "AB3K7QXM", "seq": 1})
    with pytest.raises(DuplicateKeyError) as refused:
        events.insert_one({"_id": "two", "stream": "AB3K7QXM", "seq": 1})
    assert list(refused.value.details["keyPattern"]) == ["stream", "seq"]


def test_an_absent_field_is_in_no_unique_index_and_unsetting_frees_it(events):
    events.insert_many([event(1), event(2), event(3, unique="friday cup")])
    events.update_one({"_id": "AB3K7QXM:3"}, {"$unset": {"unique": ""}})
    events.insert_one(event(4, unique="friday cup"))
    with pytest.raises(DuplicateKeyError) as refused:
        events.update_one({"_id": "AB3K7QXM:1"}, {"$set": {"unique": "friday cup"}})
    assert refused.value.details["keyPattern"] == {"unique": 1}


def test_an_upsert_by_id_replaces_only_an_older_one(events):
    snapshots = events.database["snapshots"]
    for seq in (50, 100):
        older = {"_id": "AB3K7QXM", "seq": {"$lt": seq}}
        snapshots.update_one(older, {"$set": {"seq": seq}}, upsert=True)
    with pytest.raises(DuplicateKeyError):
        snapshots.update_one(older, {"$set": {"seq": 50}}, upsert=True)
    assert list(snapshots.find()) == [{"_id": "AB3K7QXM", "seq": 100}]


def test_the_tail_of_a_stream_is_read_through_its_index_and_in_order(events):
    events.insert_many([event(seq) for seq in range(300, 0, -1)])
    tail = events.find({"stream": "AB3K7QXM", "seq": {"$gt": 100}}).sort("seq", 1)
    assert [document["seq"] for document in tail] == list(range(101, 301))
    plan = tail.clone().explain()["queryPlanner"]["winningPlan"]
    assert "USING INDEX idx_events_stream_seq" in str(plan)


def test_each_id_goes_to_one_of_many_parallel_writers(events):
    won = []

    def write(name):
        for seq in range(1, 31):
            try:
                events.insert_one(event(seq, by=name))
            except DuplicateKeyError:
                continue
            won.append(seq)

    writers = [threading.Thread(target=write, args=(name,)) for name in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(won) == list(range(1, 31))


def test_databases_are_separate(kept):
    with pymongo.MongoClient(kept.uri) as client:
        client["one"]["events"].insert_one({"_id": "x"})
        assert client["two"]["events"].find_one({"_id": "x"}) is None


def test_a_message_larger_than_any_buffer_arrives_whole(events):
    events.insert_one(event(1, data={"text": "ő" * 2_000_000}))
    assert len(events.find_one({"_id": "AB3K7QXM:1"})["data"]["text"]) == 2_000_000


def test_a_killed_store_keeps_every_acknowledged_write(store, broken):
    written = []

    def write():
        try:
            for seq in range(1, 10_000):
                broken.insert_one(event(seq))
                written.append(seq)
        except pymongo.errors.PyMongoError:
            return  # the server has just been killed

    writer = threading.Thread(target=write)
    writer.start()
    wait_until(lambda: len(written) > 100)
    store.kill()
    writer.join()
    store.start()
    store.wait_ready()
    with pymongo.MongoClient(store.uri) as client:
        kept = {document["seq"] for document in client["cup"]["events"].find({}, {"seq": 1})}
    assert kept >= set(written)


def test_a_client_reconnects_to_the_store_on_the_same_socket(store, broken):
    broken.insert_one(event(1))
    store.kill()
    store.start()
    store.wait_ready()
    assert broken.find_one({"_id": "AB3K7QXM:1"})["seq"] == 1


def test_a_client_reconnects_to_the_bus_on_the_same_socket(bus):
    with redis.from_url(bus.uri) as client:
        assert client.ping()
        bus.kill()
        bus.start()
        bus.wait_ready()
        assert client.ping()


def test_only_this_user_can_reach_the_servers(store, bus, tmp_path):
    for path in (tmp_path, tmp_path / "store"):
        assert path.stat().st_mode & 0o777 == 0o700
    assert store.socket.parent == bus.socket.parent == tmp_path
    with redis.from_url(bus.uri) as client:
        assert client.config_get("port") == {"port": "0"}


def test_a_socket_path_that_is_too_long_moves_to_a_short_private_folder(tmp_path):
    folder = tmp_path / ("long" * 25)
    server = start_store(folder)
    server.wait_ready()
    private = server.socket.parent
    assert len(os.fsencode(server.socket)) <= 100
    assert private.stat().st_mode & 0o777 == 0o700
    with pymongo.MongoClient(server.uri) as client:
        client["cup"]["events"].insert_one({"_id": "x"})
    assert (folder / "store" / "cup.db").exists()
    server.stop()
    assert not private.exists()


@pytest.mark.parametrize("start", [start_store, start_bus])
def test_a_server_stops_at_once_when_asked(start, tmp_path):
    server = start(tmp_path)
    server.wait_ready()
    began = time.monotonic()
    assert server.stop()
    assert time.monotonic() - began < 2  # after which it would be killed
    assert not list(tmp_path.glob("**/*-wal")), "SQLite was not closed"


def test_a_server_that_cannot_start_says_where_its_log_is(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "admin.db").write_text("this is no database" * 100)
    server = start_store(tmp_path)
    with pytest.raises(LocalServerError, match=r"local store ended with code 1; .*store\.log"):
        server.wait_ready()
    assert "not a database" in (tmp_path / "store.log").read_text()
