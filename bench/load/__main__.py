"""Run the named scenarios (default all) against `lct up`; prints a table for each.

The exit code is 0 if every limit was kept, 1 if one was missed or a user met an error.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext

import locust  # noqa: F401 - first, because it patches the standard library for gevent

# isort: split
import gevent
from locust.env import Environment
from locust.runners import Runner

from bench.figures import Figure, table
from bench.load.scenarios import Assign, Create, Evening, Get, Scenario
from bench.startup import lct_up

SCENARIOS: dict[str, type[Scenario]] = {
    "create": Create,
    "assign": Assign,
    "get": Get,
    "evening": Evening,
}
GRACE = 20  # seconds for users to finish their task


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("bench.load", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SCENARIOS))
    parser.add_argument("--users", type=int, help="override the scenario's number of users")
    parser.add_argument("--seconds", type=float, help="override the scenario's duration")
    parser.add_argument("--port", type=int, help="use the local app on this port, not `lct up`")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.names) - set(SCENARIOS):
        parser.error(f"no scenario is called {', '.join(sorted(unknown))}")
    given = f"http://127.0.0.1:{asked.port}" if asked.port else ""
    kept = True
    with nullcontext(given) if given else lct_up(LCT_TRUSTED_PROXIES="1") as origin:
        for name in asked.names or SCENARIOS:
            scenario = SCENARIOS[name]
            scenario.seconds = asked.seconds or scenario.seconds
            users = asked.users or scenario.users
            busy = f"load average {os.getloadavg()[0]:.1f} before"
            print(f"\n{name}: {users} users, {scenario.seconds:g} s, {busy}\n", flush=True)
            kept &= run(scenario, origin, users)
    return 0 if kept else 1


def run(scenario: type[Scenario], origin: str, users: int) -> bool:
    """Start all users within the first sixth of the time; returns whether all limits were kept."""
    environment = Environment(user_classes=[scenario], host=origin, stop_timeout=GRACE)
    runner = environment.create_local_runner()
    end = time.monotonic() + scenario.seconds
    runner.start(users, spawn_rate=max(1, 6 * users / scenario.seconds))
    gevent.sleep(scenario.seconds / 6)
    while runner.user_count and time.monotonic() < end:
        gevent.sleep(0.1)
    runner.quit()
    entries = {entry.name: entry for entry in environment.stats.entries.values()}
    figures = [limit.figure(entries) for limit in scenario.limits]
    figures.append(Figure("errors of users", len(runner.exceptions), "", "<= 0"))
    print(steps(runner), table(figures), sep="\n\n", flush=True)
    return all(figure.ok for figure in figures)


def steps(runner: Runner) -> str:
    """A table of all steps with their times in milliseconds, and the errors."""
    rows = [f"{'step':<28}" + "".join(f"{head:>8}" for head in STEP_HEADS)]
    for entry in sorted(runner.stats.entries.values(), key=lambda entry: entry.name):
        of = entry.get_response_time_percentile
        times = (entry.avg_response_time, of(0.5), of(0.9), of(0.95), of(0.99))
        counts = f"{entry.num_requests:>8}{entry.num_failures:>8}"
        rows.append(f"{entry.name:<28}{counts}" + "".join(f"{ms:>8.0f}" for ms in times))
    rows += [f"{e.occurrences} x {e.name}: {e.error}" for e in runner.stats.errors.values()]
    rows += [f"{e['count']} x {e['msg']}" for e in runner.exceptions.values()]
    return "\n".join(rows)


STEP_HEADS = ("times", "failed", "mean", "p50", "p90", "p95", "p99")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
