"""The cost of a join and a pick, beside the same two store operations raw and a constant answer."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from statistics import median
from typing import NamedTuple

from lct.laptop.machine import listen
from lct.places import ROOT

from .client import Phone, Wire
from .figures import Figure, measures, percentile
from .place import App, Place, cpu_ms, place, served

ROUNDS = 12
PLAYERS = 48
SETTLE = 0.003  # seconds for the app's work after the answer
TAPS = ("join", "pick", "constant", "raw")
FLOORS = ("bare", "plain")
PLAIN = "--worker-class", "gevent"  # our worker class extends it, so ours counts as a layer
AIMS = {"pick": "<= 2.5", "join": "<= 3"}  # times the raw find and insert
PAGES = ("join_page", "me_page")


class Cost(NamedTuple):
    """CPU milliseconds by process, for a number of requests of one kind."""

    requests: float = 0
    own: float = 0.0  # the app's worker, or the floor's
    store: float = 0.0
    bus: float = 0.0

    @property
    def each(self) -> float:
        return self.own / self.requests

    @property
    def each_with_store(self) -> float:
        return (self.own + self.store + self.bus) / self.requests


Round = dict[str, Cost]


class Meter:
    """The cost of each kind of request by round, and the duration of each request."""

    def __init__(self, where: Place, bare: subprocess.Popen[str], plain: App) -> None:
        (self.worker,), (self.plain,) = where.app.workers, plain.workers
        self.store, self.bus = where.store.process.pid, where.bus.process.pid
        self.bare = bare
        self.rounds: list[Round] = []
        self.waits: dict[str, list[float]] = defaultdict(list)

    def begin(self) -> None:
        self.rounds.append(defaultdict(Cost))

    def slice(self, kind: str, requests: Sequence[Callable[[], float]]) -> None:
        """Make requests of one kind, one after the other."""
        worker = self.plain if kind == "plain" else self.worker
        before = self._clocks(worker)
        self.waits[kind] += [request() for request in requests]
        time.sleep(SETTLE)
        own, store, bus = (b - a for a, b in zip(before, self._clocks(worker), strict=True))
        self._add(kind, Cost(len(requests), own, store, bus))

    def bare_slice(self, pairs: int) -> None:
        """Make ``pairs`` finds and inserts in the bare process."""
        assert self.bare.stdin
        assert self.bare.stdout
        before = self._clocks(self.worker)
        self.bare.stdin.write(f"{pairs}\n")
        self.bare.stdin.flush()
        answer = json.loads(self.bare.stdout.readline())
        self.waits["bare"] += answer["ms"]
        _, store, bus = (b - a for a, b in zip(before, self._clocks(self.worker), strict=True))
        self._add("bare", Cost(pairs, answer["cpu_ms"], store, bus))

    def each(self, kind: str) -> float:
        """CPU milliseconds of one request: the median over the rounds, as in all methods below."""
        return median(costs[kind].each for costs in self.rounds)

    def each_with_store(self, kind: str) -> float:
        return median(costs[kind].each_with_store for costs in self.rounds)

    def ratio(self, kind: str, base: str) -> float:
        """The CPU of a request, as a multiple of ``base``."""
        return median(costs[kind].each / costs[base].each for costs in self.rounds)

    def ratio_with_store(self, kind: str, base: str) -> float:
        return median(
            costs[kind].each_with_store / costs[base].each_with_store for costs in self.rounds
        )

    def net_ratio(self, kind: str, base: str, floor: str) -> float:
        """The same after subtracting ``floor`` from both."""
        return median(
            (costs[kind].each - costs[floor].each) / (costs[base].each - costs[floor].each)
            for costs in self.rounds
        )

    def _clocks(self, worker: int) -> list[float]:
        return [cpu_ms(pid) for pid in (worker, self.store, self.bus)]

    def _add(self, kind: str, cost: Cost) -> None:
        known = self.rounds[-1][kind]
        self.rounds[-1][kind] = Cost(*(a + b for a, b in zip(known, cost, strict=True)))


def one_round(where: Place, wire: Wire, meter: Meter, plain: Wire) -> None:
    """The start of an evening: all join, all pick. The baselines run after each."""
    code = where.create(PLAYERS)
    phones = [Phone(wire, code, number) for number in range(PLAYERS)]
    meter.begin()
    meter.slice("join_page", [partial(phone.get, "join") for phone in phones])
    meter.slice("join", [phone.join for phone in phones])
    _beside(phones[0], meter, plain)
    meter.slice("me_page", [partial(phone.get, "me") for phone in phones])
    meter.slice("pick", [partial(phone.pick, team) for team, phone in enumerate(phones)])
    _beside(phones[0], meter, plain)


def _beside(phone: Phone, meter: Meter, plain: Wire) -> None:
    fields = {"team": 1, "value": "ab" * 16}  # as long as a pick's
    for kind in ("constant", "raw"):
        meter.slice(kind, [partial(phone.tap, f"/bench/{kind}", fields)] * PLAYERS)
    same = phone.by(plain)
    meter.slice("plain", [partial(same.tap, "/bench/constant", fields)] * PLAYERS)
    meter.bare_slice(PLAYERS)


def measured() -> Meter:
    """All rounds, after one that only warms up."""
    with ExitStack() as stack:
        where = stack.enter_context(place(workers=1, target="bench.app:app"))
        listener = stack.enter_context(listen("127.0.0.1", 0))
        floor = stack.enter_context(served(where.settings, listener, "bench.plain:app", *PLAIN))
        wire, plain = Wire(where.port), Wire(listener.getsockname()[1])
        stack.callback(wire.hang_up)
        stack.callback(plain.hang_up)
        warm = where.create(2)
        for number in range(2):
            phone = Phone(wire, warm, number)
            phone.get("join")
            phone.join()
            phone.pick(number)
        bare = stack.enter_context(_bare(where))
        stack.callback(bare.kill)
        meter = Meter(where, bare, floor)
        for _ in range(ROUNDS + 1):
            one_round(where, wire, meter, plain)
            if len(meter.rounds) == 1:
                meter.waits.clear()
        del meter.rounds[0]
        return meter


def _bare(where: Place) -> subprocess.Popen[str]:
    settings = where.settings
    return subprocess.Popen(
        [sys.executable, "-m", "bench.raw", settings.mongo_uri, settings.database],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@measures(
    *(f"{tap}_cpu_vs_{what}" for tap in ("pick", "join") for what in (
        "raw_store", "raw_client", "raw_in_app", "raw_in_app_net", "constant",
    )),
    "constant_vs_plain_flask", "me_page_vs_join_page",
    *(f"{kind}_cpu_ms" for kind in (*TAPS, *FLOORS, *PAGES)),
    *(f"{kind}_with_store_cpu_ms" for kind in (*TAPS, "bare")),
    *(f"{kind}_p{percent}_ms" for kind in (*TAPS, *FLOORS) for percent in (50, 99)),
)  # fmt: skip
def cost_of_taps() -> Iterator[Figure]:
    meter = measured()
    yield Figure("constant_vs_plain_flask", meter.ratio("constant", "plain"), "x", "<= 2")
    yield Figure("me_page_vs_join_page", meter.ratio("me_page", "join_page"), "x", "<= 1.5")
    for tap in ("pick", "join"):
        name = f"{tap}_cpu_vs"
        yield Figure(f"{name}_raw_store", meter.ratio_with_store(tap, "bare"), "x", AIMS[tap])
        yield Figure(f"{name}_raw_client", meter.ratio(tap, "bare"), "x")
        yield Figure(f"{name}_raw_in_app", meter.ratio(tap, "raw"), "x")
        yield Figure(f"{name}_raw_in_app_net", meter.net_ratio(tap, "raw", "constant"), "x")
        yield Figure(f"{name}_constant", meter.ratio(tap, "constant"), "x")
    for kind in (*TAPS, *FLOORS, *PAGES):
        yield Figure(f"{kind}_cpu_ms", meter.each(kind), "ms")
    for kind in (*TAPS, "bare"):
        yield Figure(f"{kind}_with_store_cpu_ms", meter.each_with_store(kind), "ms")
    for kind in (*TAPS, *FLOORS):
        for percent in (50, 99):
            value = percentile(meter.waits[kind], percent)
            yield Figure(f"{kind}_p{percent}_ms", value, "ms")
