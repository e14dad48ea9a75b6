"""The event store compared: with raw inserts, by stream length and writers, and with a library.

`python -m bench.store <uri> <database> <number>` is one of WRITERS: each line of its input is
`[seconds, stream]`, answered with `{"commands", "tries", "busy", "seconds"}`. The single writer is
one of the processes that also write concurrently.
"""

from __future__ import annotations

import json
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import mongoengine
from pymongo import MongoClient
from pymongo.monitoring import CommandListener

from lct.application.execute import Execute
from lct.config import Settings
from lct.domain.draw import PLAIN
from lct.domain.errors import Busy
from lct.domain.evening import CreateTournament, Keys
from lct.domain.fact import Command, Event
from lct.domain.people import Join
from lct.domain.picking import LetGo, PickTeam, TeamPicked
from lct.domain.rights import SYSTEM, player
from lct.domain.values import new_code
from lct.infrastructure import snapshots
from lct.infrastructure.documents import connect_store, ensure_indexes
from lct.infrastructure.event_store import EventStore
from lct.infrastructure.stream import Stream
from lct.laptop.local_servers import start_store
from lct.places import ROOT

from .figures import Figure, measures
from .place import TEAMS

PLAYERS = 32
WRITERS = 8
LENGTHS = (10, 100, 1_000, 10_000)
BEHIND = snapshots.EVERY - 1  # the most events that the newest snapshot can miss
APPEND_ROUNDS, APPENDS = 25, 50
LOAD_ROUNDS = 31
CONTENDED_ROUNDS, CONTENDED_SECONDS = 5, 1.0


def now() -> datetime:
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


@dataclass(frozen=True)
class Ground:
    """The local store that all figures share."""

    settings: Settings
    folder: Path


@contextmanager
def ground() -> Iterator[Ground]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lct-bench-")))
        server = start_store(folder)
        stack.callback(server.stop)
        server.wait_ready()
        settings = Settings(
            mongo_uri=server.uri, redis_url="", secret_key="x" * 32, var=folder, environment="bench"
        )
        connect_store(settings)
        stack.callback(mongoengine.disconnect)
        ensure_indexes()
        yield Ground(settings, folder)


# --- streams ----------------------------------------------------------------------------------


def commands(code: str) -> Iterator[Command]:
    """An evening of PLAYERS who join and pick, then change their picks endlessly."""
    keys = Keys("device", "hash", "recovery")
    yield CreateTournament(by=SYSTEM,
        code=code, name=f"Bench {code}", limit=PLAYERS, teams=TEAMS, option=PLAIN,
        secret=secrets.token_hex(32), keys=keys,
    )  # fmt: skip
    for number in range(PLAYERS):
        player_id = f"player-{number:02}"
        yield Join(
            code=code, by=player(player_id), player_id=player_id,
            first=f"Guest{number}", last=f"Number{number}",
        )  # fmt: skip
        yield pick(code, number, number)
    for turn in count(PLAYERS):
        number = turn % PLAYERS
        if turn % 10 == 0:
            yield LetGo(
                by=player(f"player-{number:02}"), code=code, player_id=f"player-{number:02}"
            )
        yield pick(code, number, turn % len(TEAMS))


def pick(code: str, number: int, team: int) -> PickTeam:
    """A pick as the web makes it, with a value and a request id."""
    player_id = f"player-{number:02}"
    return PickTeam(
        code=code, by=player(player_id), request_id=secrets.token_hex(16), player_id=player_id,
        team=team, value=secrets.token_hex(16),
    )  # fmt: skip


def document_of(stream: Stream, event: Event, command: Command) -> dict[str, Any]:
    """The document that EventStore.append would store for the stream's next event."""
    seq = stream.seq + 1
    document: dict[str, Any] = {
        "_id": f"{stream.code}:{seq}", "stream": stream.code, "seq": seq,
        "type": event.type, "schema": event.schema, "data": event.to_data(),
        "at": now(), "actor": str(command.by),
    }  # fmt: skip
    if command.request_id:
        document["request_id"] = command.request_id
    if event.unique:
        document["unique"] = event.unique
    return document


def written(store: EventStore, length: int, snapshot_at: int | None = None) -> str:
    """Write a stream of that many events with a snapshot at ``snapshot_at`` (default: at the
    end); returns its code."""
    stream = Stream(new_code(secrets.choice))
    documents = []
    for command in commands(stream.code):
        event = command.decide(stream.tournament, now())
        if event is None:
            continue
        documents.append(document_of(stream, event, command))
        stream.take(documents[-1])
        if stream.seq == (snapshot_at or length):
            store.write_snapshot(stream)
        if stream.seq == length:
            break
    for start in range(0, length, 200):  # on a busy machine 1,000 exceed the deadline
        store.events.insert_many(documents[start : start + 200])
    return stream.code


# --- clocks -----------------------------------------------------------------------------------

Works = dict[str, Callable[[], object]]
Rounds = list[dict[str, float]]  # kind of work -> milliseconds of one piece of it


@dataclass(frozen=True)
class Clocks:
    """The time this process spent on each kind of work, by round."""

    wall: Rounds
    cpu: Rounds


def interleaved(
    works: Works, rounds: int, each: int = 1, between: Callable[[], object] = lambda: None
) -> Clocks:
    """Do each kind of work ``each`` times a round, by turns in random order; ``between`` is not
    timed. A warm-up round comes first."""
    clocks = Clocks([], [])
    order = list(works)
    for _ in range(rounds + 1):
        wall, cpu = dict.fromkeys(works, 0.0), dict.fromkeys(works, 0.0)
        for _ in range(each):
            random.shuffle(order)
            for kind in order:
                cpu_began, began = time.process_time(), time.perf_counter()
                works[kind]()
                wall[kind] += (time.perf_counter() - began) * 1000 / each
                cpu[kind] += (time.process_time() - cpu_began) * 1000 / each
                between()
        clocks.wall.append(wall)
        clocks.cpu.append(cpu)
    del clocks.wall[0], clocks.cpu[0]
    return clocks


def ms(rounds: Rounds, kind: str) -> float:
    return median(spent[kind] for spent in rounds)


def ratio(rounds: Rounds, kind: str, base: str) -> float:
    return median(spent[kind] / spent[base] for spent in rounds)


# --- writing ----------------------------------------------------------------------------------


def appends(store: EventStore, deferred: list[Callable[[], None]], peer: Peer) -> Iterator[Figure]:
    """Append one event to a prepared stream: by the store, raw, and by the other library."""
    places = range(2 * PLAYERS + 2, 2 * PLAYERS + 2 + (APPEND_ROUNDS + 1) * APPENDS)
    stream = store.read(written(store, 2 * PLAYERS + 1))
    raw = written(store, 2 * PLAYERS + 1)
    picks = [pick(stream.code, seq % PLAYERS, seq % len(TEAMS)) for seq in places]
    ours, theirs = iter(picks), iter(picks)
    like = store.events.find_one({"stream": raw, "type": TeamPicked.type})
    bare = iter(
        [
            like | {"_id": f"{raw}:{seq}", "seq": seq, "request_id": secrets.token_hex(16)}
            for seq in places
        ]
    )

    def append() -> None:
        command = next(ours)
        event = TeamPicked(command.player_id, command.team, command.value, "", False)
        store.append(stream, stream.seq + 1, event, command, now())

    def work_off() -> None:
        while deferred:
            deferred.pop()()

    peer_one = peer.written(2 * PLAYERS + 1)
    works: Works = {
        "append": append,
        "raw": lambda: store.events.insert_one(next(bare)),
        "peer": lambda: peer.append(peer_one, next(theirs)),
    }
    clocks = interleaved(works, APPEND_ROUNDS, APPENDS, work_off)
    yield Figure("append_vs_raw", ratio(clocks.wall, "append", "raw"), "x", "<= 1.25")
    yield Figure("append_vs_raw_cpu", ratio(clocks.cpu, "append", "raw"), "x")
    yield Figure("append_vs_eventsourcing", ratio(clocks.wall, "append", "peer"), "x")
    yield Figure("append_vs_eventsourcing_cpu", ratio(clocks.cpu, "append", "peer"), "x")
    yield Figure("append_ms", ms(clocks.wall, "append"), "ms")
    yield Figure("raw_insert_ms", ms(clocks.wall, "raw"), "ms")
    yield Figure("eventsourcing_append_ms", ms(clocks.wall, "peer"), "ms")

    def count_on() -> None:  # so that each snapshot is newer than the stored one
        stream.seq += 1

    snapshots = interleaved(
        {"write": lambda: store.write_snapshot(stream)}, LOAD_ROUNDS, between=count_on
    )
    yield Figure("snapshot_write_ms", ms(snapshots.wall, "write"), "ms")
    store.forget(stream.code)


class Writer:
    """A worker whose four players change teams, within a set that no other writer uses."""

    def __init__(self, number: int) -> None:
        self.tries = 0
        self.store = EventStore(defer=lambda work: work())
        self.players = range(number * 4, number * 4 + 4)
        self.teams = range(number, len(TEAMS), WRITERS)
        self.turns: dict[str, int] = defaultdict(int)
        self.execute = Execute(self, [], now)  # type: ignore[type-var]
        for name in ("stream", "new_stream", "catch_up", "stream_of_command", "deadline"):
            setattr(self, name, getattr(self.store, name))

    def append(self, *given: Any) -> None:
        self.tries += 1
        self.store.append(*given)

    def work(self, seconds: float, code: str) -> dict[str, float]:
        done, busy, before, began = 0, 0, self.tries, time.monotonic()
        while time.monotonic() < began + seconds:
            turn = self.turns[code]
            try:
                self.execute(pick(code, self.players[turn % 4], self.teams[turn % len(self.teams)]))
            except Busy:
                busy += 1
                continue
            done += 1
            self.turns[code] += 1
        spent = time.monotonic() - began
        return {"commands": done, "tries": self.tries - before, "busy": busy, "seconds": spent}


def contended(where: Ground, store: EventStore) -> Iterator[Figure]:
    """Commands a second: one writer, all on one stream, each on its own stream."""
    execute = Execute(store, [], now)
    codes = [new_code(secrets.choice) for _ in range(WRITERS + 2)]
    for code in codes:
        for command in commands(code):
            if isinstance(command, LetGo):
                break
            if not isinstance(command, PickTeam):
                execute(command)
        store.forget(code)
    with ExitStack() as stack:
        writers = [_writer(where, number) for number in range(WRITERS)]
        for writer in writers:
            stack.callback(writer.wait, 10)
            stack.callback(writer.kill)
        kinds = {
            "one": (codes[:1], writers[:1]),
            # Not the single writer's stream: the other seven would first have to catch up.
            "shared": (codes[1:2] * WRITERS, writers),
            "apart": (codes[2:], writers),
        }
        rates: Rounds = []
        tries: list[float] = []
        busy = 0.0
        for _ in range(CONTENDED_ROUNDS + 1):
            rates.append({})
            for kind in random.sample(list(kinds), len(kinds)):
                answers = _together(*kinds[kind])
                done = sum(answer["commands"] for answer in answers)
                rates[-1][kind] = done / max(answer["seconds"] for answer in answers)
                if kind == "shared":
                    tries.append(sum(answer["tries"] for answer in answers) / done)
                    busy += sum(answer["busy"] for answer in answers)
        del rates[0]
    yield Figure("contended_8_writers_vs_1", ratio(rates, "shared", "one"), "x", ">= 0.5")
    yield Figure("separate_8_writers_vs_1", ratio(rates, "apart", "one"), "x")
    yield Figure("single_writer_commands_per_s", ms(rates, "one"), "1/s")
    yield Figure("contended_commands_per_s", ms(rates, "shared"), "1/s")
    yield Figure("contended_tries_per_command", median(tries), "tries")
    yield Figure("contended_busy", busy, "refused")


def _writer(where: Ground, number: int) -> subprocess.Popen[str]:
    settings = where.settings
    return subprocess.Popen(
        [sys.executable, "-m", "bench.store", settings.mongo_uri, settings.database, str(number)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def _together(
    codes: Sequence[str], writers: Sequence[subprocess.Popen[str]]
) -> list[dict[str, float]]:
    for code, writer in zip(codes, writers, strict=True):
        assert writer.stdin
        writer.stdin.write(json.dumps([CONTENDED_SECONDS, code]) + "\n")
        writer.stdin.flush()
    return [json.loads(writer.stdout.readline()) for writer in writers if writer.stdout]


# --- reading ----------------------------------------------------------------------------------


class Counter(CommandListener):
    """Counts the commands sent to the server."""

    sent = 0

    def started(self, event: Any) -> None:
        self.sent += 1

    def succeeded(self, event: Any) -> None:
        pass

    def failed(self, event: Any) -> None:
        pass


def queries(where: Ground, code: str) -> Iterator[Figure]:
    """Commands sent to the store for a stream in its cache."""
    counter, settings = Counter(), where.settings
    with MongoClient(settings.mongo_uri, event_listeners=[counter]) as client:
        store = fresh()
        store.events = client[settings.database]["events"]
        store.snapshots = client[settings.database]["snapshots"]
        store.read(code)
        counter.sent = 0
        store.read(code)
        yield Figure("warm_load_queries", counter.sent, "queries", "<= 1")
        counter.sent = 0
        Execute(store, [], now)(pick(code, 0, len(TEAMS) - 1))
        yield Figure("warm_command_queries", counter.sent, "queries", "<= 1")


def fresh(snapshots: bool = True) -> EventStore:
    """A worker's store with an empty cache; without ``snapshots`` it finds none."""
    store = EventStore(defer=lambda work: None)
    if not snapshots:
        store.snapshots = store.events.database["no_snapshots"]
    return store


def loads(codes: dict[str, str], peer: Peer) -> Iterator[Figure]:
    """A worker's first read of a stream, by its length, with and without a snapshot."""
    known: Works = {name: lambda c=code: fresh().read(c) for name, code in codes.items()}
    clocks = interleaved(known, LOAD_ROUNDS)
    longest, shortest = str(LENGTHS[-1]), str(LENGTHS[0])
    wall = ratio(clocks.wall, longest, shortest)
    yield Figure("cold_load_10000_vs_10", wall, "x", "<= 2")
    yield Figure("cold_load_10000_vs_10_cpu", ratio(clocks.cpu, longest, shortest), "x")
    yield Figure("cold_load_10000_behind_vs_10", ratio(clocks.wall, "behind", shortest), "x")
    for length in LENGTHS:
        yield Figure(f"load_ms_{length}_with_snapshot", ms(clocks.wall, str(length)), "ms")
    yield Figure("load_ms_10000_behind_with_snapshot", ms(clocks.wall, "behind"), "ms")

    one = peer.written(1000)
    plain: Works = {
        str(length): lambda c=codes[str(length)]: fresh(snapshots=False).read(c)
        for length in LENGTHS
    }
    plain["peer"] = lambda: peer.load(one)
    clocks = interleaved(plain, LOAD_ROUNDS // 3)
    yield Figure("load_1000_vs_eventsourcing", ratio(clocks.wall, "1000", "peer"), "x")
    yield Figure("load_1000_vs_eventsourcing_cpu", ratio(clocks.cpu, "1000", "peer"), "x")
    yield Figure("eventsourcing_load_1000_ms", ms(clocks.wall, "peer"), "ms")
    for length in LENGTHS:
        yield Figure(f"load_ms_{length}_without_snapshot", ms(clocks.wall, str(length)), "ms")


# --- the other library ------------------------------------------------------------------------


class Peer:
    """The same evenings with the eventsourcing package, in-process on a SQLite file."""

    def __init__(self, folder: Path) -> None:
        from eventsourcing.application import Application
        from eventsourcing.domain import Aggregate, event

        class Evening(Aggregate):
            @event("Created")
            def __init__(self, name: str, limit: int, teams: list[list[Any]]) -> None:
                self.name, self.limit, self.teams = name, limit, teams
                self.players: dict[str, dict[str, Any]] = {}
                self.holders: dict[int, str] = {}

            @event("Joined")
            def join(self, player_id: str, first: str, last: str) -> None:
                self.players[player_id] = {"first": first, "last": last, "team": None}

            @event("Picked")
            def pick(self, player_id: str, team: int, value: str) -> None:
                player = self.players[player_id]
                self.holders.pop(player["team"], None)
                player["team"], player["value"] = team, value
                self.holders[team] = player_id

            @event("LetGo")
            def let_go(self, player_id: str) -> None:
                player = self.players[player_id]
                self.holders.pop(player["team"], None)
                player["team"] = None

        self.evening = Evening
        self.app: Any = Application(
            env={
                "PERSISTENCE_MODULE": "eventsourcing.sqlite",
                "SQLITE_DBNAME": str(folder / "eventsourcing.db"),
            }
        )

    def written(self, length: int) -> Any:
        """Store an evening of that many events; returns it."""
        evening: Any = None
        for done, command in enumerate(commands("")):
            if done == length:
                break
            match command:
                case CreateTournament():
                    teams = [list(team) for team in command.teams]
                    evening = self.evening(command.name, command.limit, teams)
                case Join():
                    evening.join(command.player_id, command.first, command.last)
                case PickTeam():
                    evening.pick(command.player_id, command.team, command.value)
                case LetGo():
                    evening.let_go(command.player_id)
        self.app.save(evening)
        return evening

    def append(self, evening: Any, command: PickTeam) -> None:
        evening.pick(command.player_id, command.team, command.value)
        self.app.save(evening)

    def load(self, evening: Any) -> Any:
        return self.app.repository.get(evening.id)


# --- all of it --------------------------------------------------------------------------------


@measures(
    "append_vs_raw", "append_vs_raw_cpu", "append_ms", "raw_insert_ms",
    "append_vs_eventsourcing", "append_vs_eventsourcing_cpu", "eventsourcing_append_ms",
    "snapshot_write_ms", "warm_load_queries", "warm_command_queries",
    "cold_load_10000_vs_10", "cold_load_10000_vs_10_cpu", "cold_load_10000_behind_vs_10",
    *(f"load_ms_{length}_with{out}_snapshot" for length in LENGTHS for out in ("", "out")),
    "load_ms_10000_behind_with_snapshot",
    "load_1000_vs_eventsourcing", "load_1000_vs_eventsourcing_cpu", "eventsourcing_load_1000_ms",
    "contended_8_writers_vs_1", "separate_8_writers_vs_1", "single_writer_commands_per_s",
    "contended_commands_per_s", "contended_tries_per_command", "contended_busy",
)  # fmt: skip
def event_store() -> Iterator[Figure]:
    with ground() as where:
        deferred: list[Callable[[], None]] = []
        store, peer = EventStore(defer=deferred.append), Peer(where.folder)
        codes = {str(length): written(store, length) for length in LENGTHS}
        behind = LENGTHS[-1] - 1
        codes["behind"] = written(store, behind, snapshot_at=behind - BEHIND)
        yield from appends(store, deferred, peer)
        yield from loads(codes, peer)
        yield from queries(where, codes["100"])
        yield from contended(where, store)
        peer.app.close()


def main(uri: str, database: str, number: str) -> None:
    """Run a writer: work for each input line, until the input ends."""
    settings = Settings(mongo_uri=uri, redis_url="", secret_key="x" * 32, database=database)
    connect_store(settings)
    writer = Writer(int(number))
    for line in sys.stdin:
        print(json.dumps(writer.work(*json.loads(line))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4])
