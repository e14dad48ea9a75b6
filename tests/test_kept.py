"""A worker's caches are bounded in size, whatever strangers send."""

from __future__ import annotations

import functools
import gc
import sys
import types
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

import lct.bootstrap  # noqa: F401 - loads every cache
from lct.domain.drawing import Dealt, DrawBegun, TeamsDrawn
from lct.domain.evening import TournamentCreated
from lct.domain.fact import Event
from lct.domain.gathering import SharesOpened
from lct.domain.people import PlayerJoined
from lct.domain.picking import TeamPicked
from lct.domain.shares import Opened
from lct.domain.teams import Team
from lct.infrastructure.stream import EMPTY, Stream
from lct.kept import Kept
from lct.web.identity import PLAYER, _signer

from .api_client import ApiEvening, served, settings_for

# Classes and code. A cached method is code too, and refers to the whole app.
ATOMS = (
    type, types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType
)  # fmt: skip
LONG = 200  # requests with long texts
MOST = 500_000  # bytes by which all caches together may grow


def size(*things: Any) -> int:
    """The bytes of these objects and of all that they refer to, each once; no classes or code."""
    seen = set[int]()
    total, todo = 0, list(things)
    while todo:
        each = todo.pop()
        # isinstance() would look up the target of a weakref.proxy, which may be gone.
        if id(each) in seen or issubclass(type(each), ATOMS):
            continue
        seen.add(id(each))
        total += sys.getsizeof(each)
        todo += gc.get_referents(each)
    return total


def caches() -> list[Any]:
    """Every cache of a function of ours."""
    made = (each for each in gc.get_objects() if type(each) is functools._lru_cache_wrapper)
    return [each for each in made if (each.__module__ or "").startswith("lct.")]


def held() -> int:
    kept = (each for each in gc.get_objects() if type(each) is Kept)
    return sum(size(each) for each in caches()) + sum(each.held for each in kept)


@pytest.fixture
def behind_a_proxy(servers: Any) -> Iterator[Flask]:
    with served(settings_for(servers, trusted_proxies=1)) as app:
        yield app


def test_long_texts_from_strangers_are_not_cached(behind_a_proxy: Flask) -> None:
    evening = ApiEvening(behind_a_proxy)
    browser = behind_a_proxy.test_client()
    browser.get("/")
    session = browser.get_cookie("lct")
    assert session is not None
    keys = behind_a_proxy.extensions["lct"].secrets
    player = str(_signer(keys, PLAYER).dumps([evening.code, "nobody"]))
    stranger = behind_a_proxy.test_client(use_cookies=False)
    before = held()
    for number in range(LONG):
        long = f"{number:04}" + "\U0001f40d" * 990
        about = {"playerName": long, "playerSurname": long[::-1], "team": long}
        path = "/api/Team/select"
        assert evening.host.post(path, {"tournamentId": evening.code, **about}).status_code == 404
        # Junk after a signature changes nothing: base64 decoding skips characters outside its set.
        junk = "".join("!#$%&*~^"[int(digit)] for digit in f"{number:04o}") + "!" * 4000
        for headers in (
            {"Cookie": f"lct={session.value}{junk}; {PLAYER}={player}{junk}"},
            {"X-Forwarded-For": junk},
            {"X-Forwarded-Host": f"{number:04}{'a' * 4000}.example"},
        ):
            stranger.get(f"/t/{evening.code}/join", headers=headers)
    assert held() - before < MOST


@pytest.mark.parametrize(("teams", "players", "draws"), [(10, 0, 0), (174, 16, 1), (1200, 1024, 2)])
def test_a_streams_size_is_estimated_within_reason(teams: int, players: int, draws: int) -> None:
    stream = Stream("BB3K7QXM")

    def take(event: Event) -> None:
        seq = stream.seq + 1
        stream.take({
            "_id": f"BB3K7QXM:{seq}", "seq": seq, "type": event.type, "schema": event.schema,
            "data": event.to_data(), "at": datetime.now(UTC), "actor": "system",
        })  # fmt: skip

    # Nearly fills a request body. A four-byte character widens its whole string to four bytes each.
    names = tuple(Team(f"{number:04} " + "a" * 30 + "\U0001f40d") for number in range(teams))
    take(TournamentCreated("Cup", 1024, names, "plain", "0" * 64, "1" * 64, "d", "h", "r"))
    ids = [f"player{number:06}" for number in range(players)]
    for number, player in enumerate(ids):
        take(PlayerJoined(player, f"{number:04}" + "\U0001f40d" * 10, "b" * 30))
        take(TeamPicked(player, number, "0" * 32, "2" * 64, False))
    for attempt in range(draws):
        dealt = tuple(Dealt(player, number) for number, player in enumerate(ids))
        take(DrawBegun(attempt + 1, "3" * 64, False))
        take(SharesOpened(attempt + 1, tuple(Opened(player, "4" * 64) for player in ids)))
        take(TeamsDrawn(attempt + 1, "1" * 64, "plain", dealt, ""))
    assert 0.5 * size(stream) < stream.size() < 3 * size(stream) + EMPTY


def test_recent_entries_are_kept_and_oversized_ones_are_not() -> None:
    kept = Kept[str, str](100, len, largest=60)
    for key in "abc":
        kept.put(key, key * 30)
    assert kept.get("a")
    kept.put("d", "d" * 40)
    assert [key for key in "abcd" if key in kept] == ["a", "c", "d"]
    kept.put("e", "e" * 61)
    kept.put("d", "d")
    assert "e" not in kept
    assert kept.held == 61
