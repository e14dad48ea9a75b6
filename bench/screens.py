"""How long a pick takes to reach all screens: from sending the tap to reading the last frame."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median
from typing import Any

from markupsafe import escape

from lct.places import ROOT

from .client import Phone, Wire
from .figures import Figure, measures, percentile
from .place import TEAMS, Place, cpu_ms, place
from .readers import compiled
from .systems import systems

SEATS = 60
PHONES = 49  # screens of players; the board is the fiftieth
PICKS = 60
IDLE = 0.15, 0.35  # seconds between picks, longer than the hub's pause between frames


class Watchers:
    """The process that holds the screens."""

    def __init__(self, port: int, screens: list[tuple[str, str]]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.watchers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.tell({"port": port, "screens": screens})
        ready = self.hear()["ready"]
        if ready != len(screens):
            raise RuntimeError(f"{ready} of {len(screens)} screens are live")

    def tell(self, what: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout
        return dict(json.loads(self.process.stdout.readline()))

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


def seated(wire: Wire, code: str, seats: int = SEATS) -> list[Phone]:
    """One joined phone per seat."""
    phones = [Phone(wire, code, number) for number in range(seats)]
    for phone in phones:
        phone.get("join")
        phone.join()
    return phones


def wanted(
    phones: list[Phone], actor: int, team: int, team_name: str, live: int
) -> list[tuple[str, str]]:
    """What each screen must show of a pick: on ``live`` phones the tile with its holder, on the
    board the seat."""
    tile = f"team-{team}"
    shown = [(tile, "is-mine" if n == actor else phones[actor].name) for n in range(live)]
    return [*shown, (f"seat-{actor + 1}", f">{escape(team_name)}<")]


@measures(
    "tap_to_50_screens_p95_ms",
    "tap_to_50_screens_p50_ms",
    "tap_to_first_screen_p50_ms",
    "pick_with_50_screens_cpu_ms",
)
def tap_to_screens() -> Iterator[Figure]:
    chance = random.Random(1)
    with ExitStack() as stack:
        where = stack.enter_context(place(workers=2))
        wire = Wire(where.port)
        stack.callback(wire.hang_up)
        code = where.create(SEATS)
        phones = seated(wire, code)
        screens = [(f"/t/{code}/live?view=me", phone.cookie) for phone in phones[:PHONES]]
        watchers = Watchers(where.port, [*screens, (f"/t/{code}/live?view=board", "")])
        stack.callback(watchers.stop)
        last, first, costs = [], [], []
        for pick in range(PICKS + 5):
            actor, team = pick % PHONES, pick
            wire.hang_up()  # as if the phone's connection had timed out
            time.sleep(chance.uniform(*IDLE))
            watchers.tell(wanted(phones, actor, team, TEAMS[team].name, PHONES))
            watchers.hear()
            cpu, began = cpu_ms(*where.app.workers), time.monotonic()
            phones[actor].pick(team)
            seen = watchers.hear()["seen"]
            if None in seen:
                blind = [n for n, when in enumerate(seen) if when is None]
                raise RuntimeError(f"pick {pick} of team {team} is not on the screens {blind}")
            costs.append(cpu_ms(*where.app.workers) - cpu)
            last.append((max(seen) - began) * 1000)
            first.append((min(seen) - began) * 1000)
        last, first, costs = last[5:], first[5:], costs[5:]  # the first ones only warm up
    yield Figure("tap_to_50_screens_p95_ms", percentile(last, 95), "ms", "< 100")
    yield Figure("tap_to_50_screens_p50_ms", percentile(last, 50), "ms")
    yield Figure("tap_to_first_screen_p50_ms", percentile(first, 50), "ms")
    yield Figure("pick_with_50_screens_cpu_ms", sum(costs) / len(costs), "ms")


# --- what a pick costs with and without screens ---------------------------------------------------

TURNS, PICKS_A_TURN = 8, 6
SETTLE = 0.12  # seconds for the workers' work after the last screen has seen a pick
MANY_TEAMS = 1000
SIZE = 600  # bytes of a delivery at the floor


class Evening:
    """A tournament in which somebody picks, with or without screens."""

    def __init__(self, stack: ExitStack, where: Place, teams: int, screens: bool) -> None:
        self.where, self.wire = where, Wire(where.port)
        stack.callback(self.wire.hang_up)
        code = where.create(SEATS, teams)
        self.phones = seated(self.wire, code, PHONES + 1)
        self.picks = 0
        self.idle = 0.0
        self.watchers: Watchers | None = None
        if screens:
            phones = [(f"/t/{code}/live?view=me", phone.cookie) for phone in self.phones[:PHONES]]
            self.watchers = Watchers(where.port, [*phones, (f"/t/{code}/live?view=board", "")])
            stack.callback(self.watchers.stop)

    def pick(self) -> float:
        """Make one pick; returns the CPU milliseconds of all workers."""
        team, actor = self.picks, self.picks % PHONES
        self.picks += 1
        self.wire.hang_up()
        if self.watchers:
            self.watchers.tell(wanted(self.phones, actor, team, TEAMS[team].name, PHONES))
            self.watchers.hear()
        cpu, began = cpu_ms(*self.where.app.workers), time.monotonic()
        self.phones[actor].pick(team)
        if self.watchers and None in self.watchers.hear()["seen"]:
            raise RuntimeError(f"pick {self.picks} is not on every screen")
        time.sleep(SETTLE)
        spent = cpu_ms(*self.where.app.workers) - cpu
        return spent - self.idle * (time.monotonic() - began)

    def rest(self) -> None:
        """Measure the idle CPU of the workers: heartbeats, and listening to the bus."""
        cpu = cpu_ms(*self.where.app.workers)
        time.sleep(1)
        self.idle = cpu_ms(*self.where.app.workers) - cpu  # milliseconds of CPU a second


@measures(
    "pick_50_screens_vs_floor", "pick_50_screens_1000_vs_174_teams",
    "pick_alone_cpu_ms", "floor_50_deliveries_cpu_ms",
)  # fmt: skip
def picks_and_screens() -> Iterator[Figure]:
    """CPU of a pick with 50 screens, relative to a pick without screens plus 50 deliveries at the
    floor: the cost of showing a change beside deciding and sending it. By turns in one run."""
    with ExitStack() as stack:
        program = stack.enter_context(compiled())
        floor = stack.enter_context(systems(program, SIZE)).floor()
        floor.open(PHONES + 1)
        where = stack.enter_context(place(workers=2))
        kinds = {"alone": (174, False), "screens": (174, True), "many": (MANY_TEAMS, True)}
        evenings = {kind: Evening(stack, where, *about) for kind, about in kinds.items()}
        for evening in evenings.values():
            evening.pick()
        costs: dict[str, list[float]] = {kind: [] for kind in (*evenings, "floor")}
        for _ in range(TURNS):
            for kind, evening in evenings.items():
                evening.rest()
                costs[kind].append(sum(evening.pick() for _ in range(PICKS_A_TURN)) / PICKS_A_TURN)
            costs["floor"].append(floor.send(PICKS_A_TURN, 5).cpu_ms / PICKS_A_TURN)
    each = {kind: median(found) for kind, found in costs.items()}
    against = each["screens"] / (each["alone"] + each["floor"])
    yield Figure("pick_50_screens_vs_floor", against, "x", "<= 1.5")
    yield Figure("pick_50_screens_1000_vs_174_teams", each["many"] / each["screens"], "x", "<= 1.2")
    yield Figure("pick_alone_cpu_ms", each["alone"], "ms")
    yield Figure("floor_50_deliveries_cpu_ms", each["floor"], "ms")
