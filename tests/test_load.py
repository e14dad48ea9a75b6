"""The load scenarios of bench/load run, and a limit that is missed makes them fail.

They run as a process: importing locust patches the standard library.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from bench.load.limits import Limit

from .http_client import House, open_house
from .support import clean_environ


def load(port: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Two users for a few seconds on an app that is there."""
    command = [sys.executable, "-m", "bench.load", *arguments, "--port", str(port), "--users", "2"]
    return subprocess.run(
        command, env=clean_environ(), capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def house(servers: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """It trusts a proxy, so that each user has an address and rate limits of their own."""
    with open_house(servers, tmp_path_factory.mktemp("load"), trusted_proxies=1) as house:
        yield house


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "seconds", "steps"),
    [
        ("create", 3, ("create",)),
        ("assign", 3, ("create", "join", "pick", "tap to board")),
        ("get", 3, ("open the board", "first picture")),
        ("evening", 15, ("join", "pick", "draw", "skip", "draw to screen", "evening")),
    ],
)
def test_a_scenario_runs_and_nothing_in_it_fails(
    house: House, name: str, seconds: int, steps: tuple[str, ...]
) -> None:
    events = house.mongo[house.settings.database].events
    before = events.count_documents({"type": "teams-drawn"})
    ran = load(house.port, name, "--seconds", str(seconds))
    said = ran.stdout + ran.stderr
    limits = [line.split() for line in ran.stdout.splitlines() if line.endswith(("met", "MISSED"))]
    assert limits, said
    # How long it took says something on a quiet machine only, and is judged below.
    assert not [row for row in limits if row[-1] == "MISSED" and "s" not in row], said
    assert not [row for row in limits if "nan" in row], said
    assert ran.returncode == any(row[-1] == "MISSED" for row in limits), said
    rows = [line.rsplit(maxsplit=7) for line in ran.stdout.splitlines()]
    times = {row[0]: int(row[1]) for row in rows if len(row) == 8 and row[1].isdigit()}
    assert all(times[step] >= 2 for step in steps), said
    drawn = events.count_documents({"type": "teams-drawn"}) - before
    assert drawn == (times["evening"] if name == "evening" else 0)


@contextmanager
def slow_create(seconds: float) -> Iterator[int]:
    """The port of a server that has the two pages of creating, and takes its time for one."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer('<input name="csrf_token" value="t"><input name="nonce" value="n">')

        def do_POST(self) -> None:
            time.sleep(seconds)
            self.answer('<a href="/t/BCDF2345">')

        def answer(self, page: str) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "code", "verdict"), [(0.1, 0, "met"), (2.2, 1, "MISSED")])
def test_a_missed_limit_is_a_failure(seconds: float, code: int, verdict: str) -> None:
    with slow_create(seconds) as port:
        ran = load(port, "create", "--seconds", "2")
    assert ran.returncode == code, ran.stdout + ran.stderr
    (row,) = [line for line in ran.stdout.splitlines() if line.startswith("create, mean")]
    assert row.split()[-1] == verdict


@pytest.mark.parametrize(
    ("limit", "measured", "kept"),
    [
        (Limit("join", "mean", "< 2"), {"avg_response_time": 1999}, True),
        (Limit("join", "mean", "< 2"), {"avg_response_time": 2000}, False),
        (Limit("join", "failed", "< 2"), {"fail_ratio": 0.019}, True),
        (Limit("join", "failed", "< 2"), {"fail_ratio": 0.02}, False),
        (Limit("join", "failed", "< 2"), {"fail_ratio": 0.0, "num_requests": 0}, False),
        (Limit("pick", "failed", "< 2"), {"fail_ratio": 0.0}, False),
    ],
)
def test_a_limit_is_missed_by_too_much_and_by_a_step_that_nobody_took(
    limit: Limit, measured: dict[str, float], kept: bool
) -> None:
    entry = SimpleNamespace(**{"num_requests": 100, **measured})
    assert limit.figure({"join": entry}).ok is kept
