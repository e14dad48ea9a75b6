"""The load scenarios of bench/load run, and fail when a limit is missed.

They run as a process: importing locust patches the standard library.
"""

from __future__ import annotations

import re
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

Ran = subprocess.Popen[str]


def load(port: int, *arguments: str) -> Ran:
    """Run two users for a few seconds against a running app."""
    command = [sys.executable, "-m", "bench.load", *arguments, "--port", str(port), "--users", "2"]
    return subprocess.Popen(
        command, env=clean_environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(ran: Ran) -> tuple[int, str, str]:
    """Its exit code, output and errors."""
    try:
        said, errors = ran.communicate(timeout=120)
    finally:
        ran.kill()
    return ran.returncode, said, errors


@pytest.fixture(scope="module")
def house(servers: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The app trusts a proxy, so each user has their own address and rate limits."""
    with open_house(
        servers, tmp_path_factory.mktemp("load"), trusted_proxies=1, workers=1
    ) as house:
        yield house


STEPS = {
    "create": ("create",),
    "assign": ("create", "join", "pick", "tap to board"),
    "get": ("open the board", "first picture"),
    "evening": ("join", "pick", "draw", "skip", "draw to screen", "evening"),
}


@pytest.mark.slow
def test_every_scenario_runs_without_failures(house: House) -> None:
    events = house.mongo[house.settings.database].events
    short, whole = [name for name in STEPS if name != "evening"], ["evening"]
    # Run at the same time: their users mostly wait.
    runs = [
        (names, load(house.port, *names, "--seconds", seconds))
        for names, seconds in ((short, "3"), (whole, "8"))
    ]
    for names, ran in runs:
        code, said, errors = ended(ran)
        tables = re.split(r"(?m)^(\w+): 2 users, .*$", said)[1:]
        assert tables[::2] == names, said + errors
        missed = [judge(name, text, errors) for name, text in zip(names, tables[1::2], strict=True)]
        assert code == any(missed), said + errors
    drawn = events.count_documents({"type": "teams-drawn"})
    assert drawn == times(tables[-1])["evening"]


def judge(name: str, text: str, errors: str) -> bool:
    """Whether the scenario missed a limit. Only time limits may be missed."""
    limits = [line.split() for line in text.splitlines() if line.endswith(("met", "MISSED"))]
    assert limits, text + errors
    # Durations mean something on a quiet machine only, so a missed one is only returned.
    assert not [row for row in limits if row[-1] == "MISSED" and "s" not in row], text + errors
    assert not [row for row in limits if "nan" in row], text + errors
    made = times(text)
    assert all(made[step] >= 2 for step in STEPS[name]), text + errors
    return any(row[-1] == "MISSED" for row in limits)


def times(text: str) -> dict[str, int]:
    """How many times each step ran."""
    rows = [line.rsplit(maxsplit=7) for line in text.splitlines()]
    return {row[0]: int(row[1]) for row in rows if len(row) == 8 and row[1].isdigit()}


@contextmanager
def slow_create(seconds: float) -> Iterator[int]:
    """The port of a server with the two pages for creating; the POST takes some seconds."""

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
def test_a_missed_limit_is_a_failure() -> None:
    with slow_create(0.1) as quick, slow_create(2.2) as slow:
        runs = [load(port, "create", "--seconds", "2") for port in (quick, slow)]
        for ran, wanted, verdict in zip(runs, (0, 1), ("met", "MISSED"), strict=True):
            code, said, errors = ended(ran)
            assert code == wanted, said + errors
            (row,) = [line for line in said.splitlines() if line.startswith("create, mean")]
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
def test_a_limit_is_missed_when_reached_or_when_its_step_never_ran(
    limit: Limit, measured: dict[str, float], kept: bool
) -> None:
    entry = SimpleNamespace(**{"num_requests": 100, **measured})
    assert limit.figure({"join": entry}).ok is kept
