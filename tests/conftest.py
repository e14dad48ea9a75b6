"""Fixtures: the two servers, settings with an empty database of their own, and a served app.

LCT_MONGO_URI and LCT_REDIS_URL point the tests at real servers; every test then makes and drops a
database named lct_test_..., and empties the Redis database 9. `make test` runs four processes side
by side: each has servers of its own, or the next Redis database.
"""

from __future__ import annotations

import gc
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pymongo
import pytest
import redis

from lct.config import Settings
from lct.infrastructure import documents
from lct.laptop.local_servers import start_bus, start_store

from . import support
from .browser import Screens
from .desk import Desk


def pytest_configure() -> None:
    gc.disable()  # what collecting the tests makes stays to the end


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@dataclass(frozen=True)
class Servers:
    """Where a MongoDB and a Redis server listen."""

    mongo_uri: str
    redis_url: str


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The servers that LCT_MONGO_URI and LCT_REDIS_URL name, else two local ones."""
    folder = tmp_path_factory.mktemp("servers")
    started = []
    addresses = []
    for variable, start in (("LCT_MONGO_URI", start_store), ("LCT_REDIS_URL", start_bus)):
        address = os.environ.get(variable)
        if not address:
            started.append(start(folder))
            address = started[-1].uri
        addresses.append(address)
    for server in started:
        server.wait_ready()
    process = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    yield Servers(addresses[0], redis_database(addresses[1], 9 + int(process)))
    for server in started:
        server.stop()


@pytest.fixture
def desks(settings: Settings) -> Iterator[Callable[[], Desk]]:
    """Makes workers that share one store."""
    documents.connect_store(settings)
    documents.ensure_indexes()
    yield Desk
    documents.disconnect()


@pytest.fixture
def desk(desks: Callable[[], Desk]) -> Desk:
    """One worker."""
    return desks()


@pytest.fixture
def uncounted(servers: Servers) -> Iterator[None]:
    """No attempt is counted yet, and none of this test's is counted for the next one."""
    support.forget_limits(servers.redis_url)
    yield
    support.forget_limits(servers.redis_url)


@pytest.fixture
def settings(servers: Servers, tmp_path: Path) -> Iterator[Settings]:
    """Settings with a database of this test's own, dropped afterwards, and an empty bus."""
    with redis.from_url(servers.redis_url) as bus:
        bus.flushdb()
    made = Settings(
        mongo_uri=servers.mongo_uri,
        redis_url=servers.redis_url,
        database=f"lct_test_{secrets.token_hex(4)}",
        secret_key="a secret key for tests only",
        host="127.0.0.1",
        drain_seconds=1,
        var=tmp_path / "var",
        environment="test",
    )
    yield made
    with pymongo.MongoClient(servers.mongo_uri) as store:
        store.drop_database(made.database)


@pytest.fixture
def live_server(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., support.LiveServer]]:
    """Starts the app behind gunicorn: live_server(workers=1, LCT_LOG_LEVEL="DEBUG")."""
    from lct.infrastructure.documents import connect_store, ensure_indexes

    connect_store(settings)
    ensure_indexes()
    started: list[support.LiveServer] = []

    def start(workers: int = 2, **environ: str) -> support.LiveServer:
        log = tmp_path / f"server-{len(started)}.log"
        served = replace(settings, workers=workers)
        started.append(support.LiveServer(served, log, **environ))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def house(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The app with two workers, for all tests that break nothing."""
    from .http_client import open_house

    with open_house(servers, tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest.fixture(scope="module")
def app(servers: Servers) -> Iterator[Any]:
    """The app in this process, with a database of its own; for what calls the API."""
    from .api_client import served, settings_for

    with served(settings_for(servers)) as made:
        yield made


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for the whole run; tests open contexts of their own in it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(**support.browser_options())
        yield chromium
        chromium.close()


@pytest.fixture
def screens(browser: Any) -> Iterator[Screens]:
    """Devices of this test's own; it fails when one of them met an error in a script or the CSP."""
    made = Screens(browser)
    yield made
    made.close()


def redis_database(url: str, number: int) -> str:
    """The same Redis server, another of its databases."""
    if url.startswith("unix://"):
        return f"{url.partition('?')[0]}?db={number}"
    return urlsplit(url)._replace(path=f"/{number}").geturl()
