"""How long a pick takes to be on all screens: from the tap being sent to the last frame read."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from markupsafe import escape

from lct.places import ROOT

from .client import Phone, Wire
from .figures import Figure, measures, percentile
from .place import TEAMS, cpu_ms, place

SEATS = 60
PHONES = 49  # screens of players; the board is the fiftieth
PICKS = 60
IDLE = 0.15, 0.35  # seconds between two picks, more than the hub's pause between frames


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


def seated(wire: Wire, code: str) -> list[Phone]:
    """Everybody who fits, joined."""
    phones = [Phone(wire, code, number) for number in range(SEATS)]
    for phone in phones:
        phone.get("join")
        phone.join()
    return phones


def wanted(phones: list[Phone], actor: int, team: int, team_name: str) -> list[tuple[str, str]]:
    """What every screen shall show of a pick: its tile with the holder, or the board's seat."""
    tile = f"team-{team}"
    shown = [(tile, "is-mine" if n == actor else phones[actor].name) for n in range(PHONES)]
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
            wire.hang_up()  # a phone taps after its connection has timed out
            time.sleep(chance.uniform(*IDLE))
            watchers.tell(wanted(phones, actor, team, TEAMS[team].name))
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
