"""The cost of the fan-out of one change to many screens, beside a floor and two other libraries.

Sending alone (fanout_app.py: a prepared frame, everything else real), all systems by turns in one
run: `fanout_cpu_vs_*`, `cpu_per_socket_5000_vs_100`, `slow_reader_others_p99_ms`. The whole app
with a full tournament of 1,024: `renders_per_1000_joins`, `kb_per_connection`,
`commit_to_frame_p99_ms_1000`. CPU is the server's only; a C program (readers.c) reads the frames.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC
from functools import partial
from statistics import median

from lct.infrastructure.documents import EventDocument
from lct.places import ROOT

from .client import Phone, Wire
from .figures import Figure, measures, percentile
from .place import Place, cpu_ms, place, rss_mb
from .plot import plot
from .readers import Readers, compiled
from .systems import Missing, Run, System, systems

RATE = 20  # messages a second: as many changes as a room sends
SIZE = 600  # bytes of HTML
BEAT = 5.0  # seconds between our heartbeats; each run contains exactly one
ROUNDS = 2
TURNS, TURN = 10, 30  # turns of ours and the floor, messages a turn


# --- sending alone ----------------------------------------------------------------------------

SOCKETS = 500
PEERS = ("flask_socketio", "socketio_node")


def missing(name: str, why: object) -> None:
    print(f"{name} is left out: {why}.", file=sys.stderr)


@measures(
    "fanout_cpu_vs_floor",
    "fanout_cpu_vs_floor_with_heartbeats",
    *(f"fanout_cpu_vs_{peer}" for peer in PEERS),
    *(f"fanout_cpu_us_per_delivery_{name}" for name in ("ours", "floor", *PEERS)),
    *(f"fanout_p99_ms_{name}" for name in ("ours", "floor", *PEERS)),
    *(f"fanout_kb_per_socket_{name}" for name in ("ours", "floor", *PEERS)),
    "heartbeat_cpu_us",
)
def side_by_side() -> Iterator[Figure]:
    """All systems are up at once and run by turns. Messages reach every socket (at least 9 in 10,
    or the run fails), so CPU per delivery compares like CPU per socket and second."""
    with compiled() as program, systems(program, SIZE) as start:
        ours, floor = rivals = [start.ours(), start.floor()]
        for make in (start.flask_socketio, start.socketio_node):
            try:
                rivals.append(make())
            except Missing as why:
                missing(make.__name__, why)
        for system in rivals:
            system.open(SOCKETS)
        cpu = cpu_ms(ours.pid)
        time.sleep(2 * BEAT)
        beat = (cpu_ms(ours.pid) - cpu) / 2  # one heartbeat to all sockets
        for system in rivals:
            system.send(RATE, RATE)  # a second to warm up
        # The floor has no heartbeat, so ours is off here; the peers keep theirs.
        start.beat_every(3600)
        alone: dict[str, list[Run]] = {"ours": [], "floor": []}
        for turn in range(TURNS):
            for system in (ours, floor) if turn % 2 else (floor, ours):
                alone[system.name].append(delivered(system, TURN))
        start.beat_every(int(BEAT))
        runs: dict[str, list[Run]] = {system.name: [] for system in rivals if system is not floor}
        for _ in range(ROUNDS):
            for system in rivals:
                if system is not floor:
                    runs[system.name].append(delivered(system, int(RATE * BEAT)))
    pure = {name: [run.each_us for run in done] for name, done in alone.items()}
    whole = {name: [run.each_us for run in done] for name, done in runs.items()}
    yield Figure("fanout_cpu_vs_floor", ratio(pure["ours"], pure["floor"]), "x", "<= 1.15")
    with_beats = median(whole["ours"]) / median(pure["floor"])
    yield Figure("fanout_cpu_vs_floor_with_heartbeats", with_beats, "x")
    for peer in [name for name in PEERS if name in whole]:
        yield Figure(f"fanout_cpu_vs_{peer}", ratio(whole["ours"], whole[peer]), "x", "< 1")
    for system in rivals:
        name = system.name
        each = median(pure["floor"] if system is floor else whole[name])
        yield Figure(f"fanout_cpu_us_per_delivery_{name}", each, "us")
        waits = itertools.chain(*(run.waits for run in (alone if name in alone else runs)[name]))
        yield Figure(f"fanout_p99_ms_{name}", percentile(list(waits), 99), "ms")
        yield Figure(f"fanout_kb_per_socket_{name}", system.kb, "kB")
    yield Figure("heartbeat_cpu_us", beat * 1000 / SOCKETS, "us")


def delivered(system: System, messages: int) -> Run:
    run = system.send(messages, RATE)
    if len(run.notes) < 0.9 * SOCKETS * messages:
        raise RuntimeError(f"{system.name} delivered {len(run.notes)} of {SOCKETS * messages}")
    return run


def ratio(these: Sequence[float], those: Sequence[float]) -> float:
    return median(a / b for a, b in zip(these, those, strict=True))


# --- a slow reader ----------------------------------------------------------------------------

SLOW_SIZE, SLOW_RATE, SLOW_MESSAGES, SLOW_SOCKETS = 4000, 800, 1500, 50


@measures(
    "slow_reader_others_p99_ms",
    *(f"slow_reader_others_p99_ms_{peer}" for peer in PEERS),
    "slow_reader_catches_up",
)
def slow_reader() -> Iterator[Figure]:
    """One of 50 sockets stops reading. When it reads again it must see the newest state."""
    with compiled() as program, systems(program, SLOW_SIZE) as start:
        for make in (start.ours, start.flask_socketio, start.socketio_node):
            try:
                system = make()
            except Missing as why:
                missing(make.__name__, why)
                continue
            system.open(1, settle=0, buffer=4096)
            system.open(SLOW_SOCKETS - 1)
            system.readers.mute(1)
            run = system.send(SLOW_MESSAGES, SLOW_RATE, SLOW_SOCKETS - 1)
            last = max(run.sent)
            reached = {note.socket for note in run.notes if note.number == last}
            if len(reached) < SLOW_SOCKETS - 1:
                raise RuntimeError(f"{system.name}: {len(reached)} of the others saw the last one")
            p99 = percentile(run.waits, 99)  # of delivered frames: ours may skip states (room.py)
            if system.name != "ours":
                yield Figure(f"slow_reader_others_p99_ms_{system.name}", p99, "ms")
                continue
            yield Figure("slow_reader_others_p99_ms", p99, "ms", "< 100")
            system.readers.mute(0)
            time.sleep(1)
            seen = max((note.number for note in system.readers.notes()), default=0)
            yield Figure("slow_reader_catches_up", float(seen == last), "yes", ">= 1")


# --- from 100 to 5,000 ------------------------------------------------------------------------

SIZES = (100, 200, 500, 1000, 2000, 5000)
MANY_RATE = 4  # messages a second: a busy core cannot deliver 10 to 5,000 sockets
PLOT = ROOT / "docs/fanout.svg"


@measures("cpu_per_socket_5000_vs_100", "cpu_per_delivery_5000_vs_floor")
def flat() -> Iterator[Figure]:
    """The same servers with more and more sockets, heartbeats included."""
    lines: dict[str, dict[int, float]] = {}
    with compiled() as program, systems(program, SIZE) as start:
        pair = (start.ours(), start.floor())
        for count in SIZES:
            for system in pair:
                system.open(count - system.readers.opened, settle=0.2 + count / 5000)
                run = system.send(int(MANY_RATE * BEAT), MANY_RATE)
                # Per delivery: a room that falls behind sends fewer, newer frames.
                lines.setdefault(system.name, {})[count] = run.each_us * MANY_RATE
    ours, floor = lines["ours"], lines["floor"]
    yield Figure("cpu_per_socket_5000_vs_100", ours[SIZES[-1]] / ours[SIZES[0]], "x", "<= 1.15")
    yield Figure("cpu_per_delivery_5000_vs_floor", ours[SIZES[-1]] / floor[SIZES[-1]], "x")
    PLOT.write_text(
        plot(
            lines,
            title=f"CPU per socket, {MANY_RATE} frames of {SIZE} bytes a second",
            across="open sockets",
            up="µs a second",
        )
    )


# --- the whole app, full ------------------------------------------------------------------------

LIMIT = 1024
FEW = 24  # players with a live phone before the others join; the same number of boards
MANY = 1000
BOARDS = 1000
HANDS = 8  # taps in flight at once
TAPS_RATE, TAPPERS = 20, 60  # each of them picks, changes and lets go


@measures(
    "renders_per_1000_joins",
    "joins_per_second",
    "kb_per_connection",
    "kb_per_connection_me",
    "kb_per_connection_board",
    "open_me_cpu_ms",
    "commit_to_frame_p99_ms_1000",
    "commit_to_frame_p50_ms_1000",
    "taps_cpu_share_1000",
)
def full_house() -> Iterator[Figure]:
    with ExitStack() as stack:
        program = stack.enter_context(compiled())
        where = stack.enter_context(place(1, "bench.live_app:app", sockets_per_address=5000))
        (worker,) = where.app.workers
        readers = Readers(program, where.settings.var, where.port)
        stack.callback(readers.stop)
        code = where.create(LIMIT)
        me, board = f"/t/{code}/live?view=me", f"/t/{code}/live?view=board"

        phones = [Phone(Wire(where.port), code, number) for number in range(LIMIT)]
        crowd = Crowd(where.port)
        stack.callback(crowd.stop)
        for phone in phones[:FEW]:
            phone.wire = phones[0].wire
            phone.get("join")
            phone.join()
            readers.open(me, cookie=phone.cookie)
        readers.open(board, FEW)
        yield from joins(where, crowd, phones[FEW:])
        players = phones[FEW:]
        before, cpu = rss_mb(worker), cpu_ms(worker)
        for phone in players:
            readers.open(me, cookie=phone.cookie)
        cpu = cpu_ms(worker) - cpu
        time.sleep(3)
        of_me = (rss_mb(worker) - before) * 1024 / MANY
        # Freed memory is not returned to the system, so open the boards beside the phones.
        before = rss_mb(worker)
        readers.open(board, BOARDS)
        time.sleep(2)
        of_board = (rss_mb(worker) - before) * 1024 / BOARDS
        readers.close(BOARDS)
        yield Figure("kb_per_connection", max(of_me, of_board), "kB", "<= 30")
        yield Figure("kb_per_connection_me", of_me, "kB")
        yield Figure("kb_per_connection_board", of_board, "kB")
        yield Figure("open_me_cpu_ms", cpu / MANY, "ms")
        time.sleep(2)
        yield from commits(where, crowd, readers, players, 2 * FEW)


class Crowd:
    """A pool of threads that tap for everybody, each over its own connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._own = threading.local()
        self._pool = ThreadPoolExecutor(HANDS)

    def do(self, taps: Iterable[tuple[Phone, Callable[[], object]]], rate: float = 0) -> float:
        """Make taps at that rate, or as fast as they are answered; returns the seconds it took."""
        began, done = time.monotonic(), []
        for number, (phone, tap) in enumerate(taps):
            if rate:
                time.sleep(max(0.0, began + number / rate - time.monotonic()))
            done.append(self._pool.submit(self._tap, phone, tap))
        for future in done:
            future.result()
        return time.monotonic() - began

    def stop(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _tap(self, phone: Phone, tap: Callable[[], object]) -> None:
        if not hasattr(self._own, "wire"):
            self._own.wire = Wire(self._port)
        phone.wire = self._own.wire
        tap()


def joins(where: Place, crowd: Crowd, phones: list[Phone]) -> Iterator[Figure]:
    """All join as fast as one worker can admit them. Each join renders a new row on the boards and
    a new number in the heads, which changes within 50 ms share: 2 renders a join are enough."""
    crowd.do((phone, partial(phone.get, "join")) for phone in phones)
    before = renders(where)
    seconds = crowd.do((phone, phone.join) for phone in phones)
    time.sleep(0.5)
    rendered = (renders(where) - before) * 1000 / len(phones)
    yield Figure("renders_per_1000_joins", rendered, "", "<= 2000")
    yield Figure("joins_per_second", len(phones) / seconds, "/s")


def renders(where: Place) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{where.port}/bench/renders") as answer:
        return int(answer.read())


def commits(
    where: Place, crowd: Crowd, readers: Readers, phones: list[Phone], first: int
) -> Iterator[Figure]:
    """Players pick, change and let go. Time runs from the event's timestamp, taken just before the
    insert, until each phone has read the frame with that team."""
    (worker,) = where.app.workers
    events = EventDocument._get_collection()
    known = events.count_documents({"stream": phones[0].code})
    readers.mark('id="team-')
    readers.notes()
    cpu = cpu_ms(worker)
    seconds = crowd.do(list(schedule(phones)), TAPS_RATE)
    cpu = cpu_ms(worker) - cpu
    time.sleep(1)
    clock = time.time() - time.monotonic()
    shown: dict[int, list[tuple[float, int]]] = {}  # team -> (when shown, on which phone)
    for note in readers.notes():
        if note.socket >= first:
            shown.setdefault(note.number, []).append((note.at + clock, note.socket))
    held: dict[str, int] = {}
    waits = []
    tail = list(events.find({"stream": phones[0].code, "seq": {"$gt": known}}).sort("seq", 1))
    for event in tail:
        old = held.get(event["actor"])
        team = held[event["actor"]] = event["data"].get("team", old)
        at = event["at"].replace(tzinfo=UTC).timestamp()
        soonest: dict[int, float] = {}
        for when, phone in shown.get(team, ()):
            if when >= at:
                soonest[phone] = min(when, soonest.get(phone, when))
        if len(soonest) < MANY:
            raise RuntimeError(f"team {team} was shown on {len(soonest)} of {MANY} phones")
        waits += [(when - at) * 1000 for when in soonest.values()]
    if len(tail) != 3 * TAPPERS:
        raise RuntimeError(f"{len(tail)} events, not {3 * TAPPERS}")
    yield Figure("commit_to_frame_p99_ms_1000", percentile(waits, 99), "ms", "< 100")
    yield Figure("commit_to_frame_p50_ms_1000", percentile(waits, 50), "ms")
    yield Figure("taps_cpu_share_1000", cpu / seconds / 10, "%")


def schedule(phones: list[Phone]) -> Iterator[tuple[Phone, Callable[[], object]]]:
    """Taps in order: TAPPERS players pick, then change, then let go. No team is touched twice
    within two seconds."""
    for phone, team in zip(phones[:TAPPERS], range(TAPPERS), strict=True):
        yield phone, partial(phone.pick, team)
    for phone, team in zip(phones[:TAPPERS], range(TAPPERS, 2 * TAPPERS), strict=True):
        yield phone, partial(phone.pick, team)
    for phone in phones[:TAPPERS]:
        yield phone, partial(phone.tap, f"/t/{phone.code}/let-go", {})
