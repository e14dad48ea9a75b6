"""The arithmetic of docs/scale.md, checked at small scale with real buses and shards.

Pods are connections that subscribe as a pod does. Each screen opens on a pod, at random or by the
hash of its tournament's code. Then every tournament changes a few times, and the run counts the
pods that receive a change and the CPU of the bus. Then the same with a sharded bus: several
servers, with each tournament's channel on the server that owns its hash slot.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from zlib import crc32

import redis
from redis.crc import key_slot

from lct.application.messages import CHANNEL, Moved, encode
from lct.domain.values import new_code
from lct.laptop.local_servers import LocalServer, start_bus

from .figures import Figure, measures
from .place import cpu_ms

PODS, TOURNAMENTS, SCREENS, CHANGES = 12, 400, 20, 5
SHARDS, SLOTS = 4, 16384


class Pods:
    """PODS pods as a bus sees them, and their subscriptions."""

    def __init__(self, buses: list[LocalServer], shard: Callable[[str], int]) -> None:
        self.buses, self.shard = [redis.from_url(bus.uri) for bus in buses], shard
        self.ears = [[bus.pubsub() for bus in self.buses] for _ in range(PODS)]
        self.processes = [bus.process.pid for bus in buses]

    def open(self, codes: list[str], pod_of: Callable[[str], int]) -> None:
        """Open every screen of every tournament somewhere; a pod subscribes once."""
        wanted: list[set[str]] = [set() for _ in range(PODS)]
        for code in codes:
            for _ in range(SCREENS):
                wanted[pod_of(code)].add(code)
        for ears, heard in zip(self.ears, wanted, strict=True):
            for number, ear in enumerate(ears):
                if names := [CHANNEL + c for c in heard if self.shard(c) == number]:
                    ear.subscribe(*names)
                    for _ in names:
                        ear.get_message(timeout=5)

    def change(self, codes: list[str]) -> tuple[Counter[int], float]:
        """Publish every change; returns deliveries by bus and the CPU milliseconds of all buses."""
        heard: Counter[int] = Counter()
        before = cpu_ms(*self.processes)
        for seq in range(1, CHANGES + 1):
            for code in codes:
                number = self.shard(code)
                heard[number] += self.buses[number].publish(
                    CHANNEL + code, encode(Moved(code, seq))
                )
        time.sleep(0.2)
        return heard, cpu_ms(*self.processes) - before

    def close(self) -> None:
        for ears in self.ears:
            for ear in ears:
                ear.close()


@measures(
    "scale_pods_told_by_chance",
    "scale_pods_told_vs_formula",
    "scale_pods_told_routed",
    "scale_bus_us_per_publish",
    "scale_bus_us_per_delivery",
    "scale_busiest_shard_vs_mean",
)
def scale() -> Iterator[Figure]:
    chance = random.Random(1)
    codes = [new_code(chance.choice) for _ in range(TOURNAMENTS)]
    changes = TOURNAMENTS * CHANGES
    with ExitStack() as stack:
        buses = []
        for number in range(SHARDS):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lct-bench-")))
            buses.append(start_bus(folder))
            stack.callback(buses[number].stop)
        for bus in buses:
            bus.wait_ready()

        def run(
            buses: list[LocalServer], pod_of: Callable[[str], int]
        ) -> tuple[Counter[int], float]:
            # A Redis Cluster gives each shard a range of slots, and SPUBLISH routes by slot.
            pods = Pods(
                buses, lambda code: key_slot((CHANNEL + code).encode()) * len(buses) // SLOTS
            )
            pods.open(codes, pod_of)
            told = pods.change(codes)
            pods.close()
            return told

        def routed(code: str) -> int:
            return crc32(code.encode()) % PODS

        spread, spread_cpu = run(buses[:1], lambda code: chance.randrange(PODS))
        straight, straight_cpu = run(buses[:1], routed)
        shards, _ = run(buses, routed)
    by_chance = spread.total() / changes
    formula = PODS * (1 - (1 - 1 / PODS) ** SCREENS)
    # CPU = publishes * a + deliveries * b, measured at two numbers of deliveries.
    per_delivery = (spread_cpu - straight_cpu) / (spread.total() - straight.total())
    per_publish = (straight_cpu - straight.total() * per_delivery) / changes
    yield Figure("scale_pods_told_by_chance", by_chance, "pods")
    yield Figure("scale_pods_told_vs_formula", by_chance / formula, "times", "<= 1.05")
    yield Figure("scale_pods_told_routed", straight.total() / changes, "pods", "<= 1")
    yield Figure("scale_bus_us_per_publish", per_publish * 1000, "us")
    yield Figure("scale_bus_us_per_delivery", per_delivery * 1000, "us")
    mean = shards.total() / SHARDS
    yield Figure("scale_busiest_shard_vs_mean", max(shards.values()) / mean, "times", "<= 1.3")
