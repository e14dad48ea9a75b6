"""GET /metrics: all workers together, protected by a token, with bounded label values."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from lct.application.screens import VIEWS
from lct.config import Settings
from lct.domain.values import normal_code
from lct.web import metrics

from .http_client import House, app_here, open_house
from .support import wait_until

TOKEN = "a token for tests only"
SHOWN = {"Authorization": f"Bearer {TOKEN}"}
DOCUMENT = Path(__file__).parent.parent / "docs/metrics.md"

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def house(servers: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(servers, tmp_path_factory.mktemp("metrics"), metrics_token=TOKEN) as made:
        yield made


def read(house: House, worker: int | None = None) -> Samples:
    """Every sample of a scrape: (name, labels in order) -> value."""
    answer = house.phone(worker).get("/metrics", headers=SHOWN)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return parsed(answer.text)


def parsed(text: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(samples: Samples, name: str, **labels: str) -> float:
    """The sum of the samples with that name and those labels."""
    return sum(
        value
        for (found, given), value in samples.items()
        if found == name and labels.items() <= dict(given).items()
    )


# --- access ---------------------------------------------------------------------------------------


def test_the_page_does_not_exist_without_a_configured_token(settings: Settings) -> None:
    with app_here(settings) as app:
        phone = app.test_client()
        answer = phone.get("/metrics", headers=SHOWN)
        unknown = phone.get("/nothing-here")
    assert (answer.status_code, unknown.status_code) == (404, 404)
    own = re.compile(rb"[0-9a-f]{32}|[\w.-]{60,}")  # its request's id and token
    assert own.sub(b"", answer.data) == own.sub(b"", unknown.data)


@pytest.mark.parametrize(
    "shown",
    ["", TOKEN, "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}",
     "Bearer \xe9", "Bearer None"],
)  # fmt: skip
def test_a_wrong_token_is_refused(settings: Settings, shown: str) -> None:
    with app_here(replace(settings, metrics_token=TOKEN)) as app:
        answer = app.test_client().get("/metrics", headers={"Authorization": shown})
    assert answer.status_code == 403
    assert b"lct_" not in answer.data


def test_the_token_gives_access_in_a_single_process(settings: Settings) -> None:
    with app_here(replace(settings, metrics_token=TOKEN)) as app:
        phone = app.test_client()
        before = parsed(phone.get("/metrics", headers=SHOWN).text)
        for _ in range(3):
            phone.get("/nothing-here")
        after = parsed(phone.get("/metrics", headers=SHOWN).text)
    labels = {"method": "GET", "route": "none", "status": "4xx"}
    counts = [total(samples, "lct_request_seconds_count", **labels) for samples in (before, after)]
    assert counts[1] - counts[0] == 3
    errors = [total(samples, "lct_errors_total", kind="business") for samples in (before, after)]
    assert errors[1] - errors[0] == 3


# --- all workers together -------------------------------------------------------------------------


def test_every_worker_reports_the_sum_of_all_workers(house: House) -> None:
    labels = {"route": "history.history", "status": "4xx"}
    for worker, times in ((0, 2), (1, 3)):
        phone = house.phone(worker)
        for _ in range(times):
            phone.get("/t/BBBBBBBB/history")
    house.forget_limits()
    for worker in (0, 1):
        samples = read(house, worker)
        assert total(samples, "lct_request_seconds_count", **labels) == 5
        assert total(samples, "lct_request_seconds_bucket", le="+Inf", **labels) == 5


def test_the_bus_metrics_cover_both_workers(house: House) -> None:
    wait_until(
        lambda: total(read(house), "lct_bus_connected") == 1, what="both connected to the bus"
    )
    assert total(read(house), "lct_bus_age_seconds") < 5


def test_a_killed_workers_sockets_vanish_and_its_counts_stay(servers: Any, tmp_path: Path) -> None:
    with open_house(servers, tmp_path, metrics_token=TOKEN) as house:
        e = house.evening()
        screens = [house.phone(w).live(e.live("board")) for w in (0, 1, 1)]
        for screen in screens:
            screen.take()
        # A screen is counted once its first frame is on its way, and frames once a second.
        before = wait_until(lambda: (s := read(house)) and total(s, "lct_frames_total") >= 3 and s)
        assert total(before, "lct_sockets") == total(before, "lct_sockets", view="board") == 3
        os.kill(house.workers[1], signal.SIGKILL)
        wait_until(lambda: len(set(house.server.pids) - {house.workers[1]}) == 2)
        after = wait_until(lambda: (s := read(house)) and total(s, "lct_sockets") == 1 and s)
        for (name, labels), value in before.items():
            if name.endswith(("_total", "_count", "_sum", "_bucket")):
                assert after[name, labels] >= value, name
        screens[0].ws.close()
        wait_until(lambda: total(read(house), "lct_sockets") == 0)


# --- names and labels -----------------------------------------------------------------------------


def test_labels_have_known_values_and_never_a_code(house: House) -> None:
    e = house.evening()
    guest = e.guest("Ola")
    e.pick(guest, 1)
    for path in (e.at("verify"), f"/{e.code}", f"/t/{e.code.lower()}", e.at("host/x"), e.at("x")):
        guest.get(path)
    guest.request(e.code, e.at())
    with guest.live(e.live("me")) as screen:
        screen.take()
        samples = read(house)
    known = {
        "method": {"GET", "HEAD", "POST", "DELETE", "OPTIONS", "other"},
        "status": {"2xx", "3xx", "4xx", "5xx"},
        "kind": {"validation", "business", "security", "service", "moved", "cancelled"},
        "way": {"ws", "sse"},
        "view": set(VIEWS),
        "reason": {"stuck", "silent", "error", "limit", "malformed", "drain"},
        "cause": {"tick", "subscribe", "retry"},
        "outcome": {"delivered", "failed", "refused", "gone", "given-up"},
    }
    for (_, labels), _value in samples.items():
        for label, value in labels:
            assert normal_code(value) != e.code
            if label == "route":
                assert re.fullmatch(r"none|static|[a-z]+\.[a-z_]+", value)
            elif label != "le":
                assert value in known[label]
    assert total(samples, "lct_request_seconds_count", method="other") == 1
    assert total(samples, "lct_request_seconds_count", route="none") >= 2


def test_the_docs_list_every_metric() -> None:
    rows = re.findall(r"(?m)^\| `(lct_\w+)` \| (\w+) \| ([^|]*)\|", DOCUMENT.read_text())
    documented = [(name, kind, re.findall(r"`(\w+)`", labels)) for name, kind, labels in rows]
    there = []
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            there.append((name, family.type, list(metric._labelnames)))
    assert documented == there
    assert len(there) == len(list(metrics.REGISTRY.collect()))
