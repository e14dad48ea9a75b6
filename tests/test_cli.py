"""The flask commands, as a developer types them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from lct.config import Settings, environ_of
from lct.infrastructure import documents

from .support import LiveServer, clean_environ


@pytest.fixture
def flask(settings: Settings) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs ``flask --app wsgi <words>`` on this test's database."""
    documents.connect_store(settings)
    documents.ensure_indexes()
    documents.disconnect()

    def run(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "flask", "--app", "wsgi", *words]
        environ = {**clean_environ(), **environ_of(settings)}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr + done.stdout
        return done

    return run


def code_in(text: str) -> str:
    found = re.search(r"code\s+(\w{4}-\w{4})", text)
    assert found
    return found[1]


def events(text: str) -> list[dict[str, object]]:
    return [line for line in map(json.loads, text.splitlines()) if "seq" in line]


@pytest.mark.parametrize(
    ("stage", "joined", "picked", "drawn"),
    [("lobby", 6, 0, 0), ("picking", 6, 3, 0), ("picked", 8, 8, 0), ("drawn", 8, 8, 1)],
)
def test_seed_makes_an_evening_at_each_stage(
    flask: Callable[..., subprocess.CompletedProcess[str]],
    stage: str,
    joined: int,
    picked: int,
    drawn: int,
) -> None:
    code = code_in(flask("seed", "--players", "8", "--stage", stage).stdout)
    kinds = [event["type"] for event in events(flask("export", code).stdout)]
    assert kinds.count("player-joined") == joined
    assert kinds.count("team-picked") == picked
    assert kinds.count("teams-drawn") == drawn


def test_seed_knows_names_of_many_scripts_and_fills_large_evenings(
    flask: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    code = code_in(flask("seed", "--players", "70", "--stage", "picked").stdout)
    names = {
        f"{event['data']['first']} {event['data']['last']}"  # type: ignore[index]
        for event in events(flask("export", code).stdout)
        if event["type"] == "player-joined"
    }
    assert len(names) == 70
    assert {"Łukasz Żak", "ليلى حسن", "Bob 🐺"} <= names


def test_an_export_keeps_the_secret_until_the_last_card(
    flask: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    code = code_in(flask("seed", "--stage", "drawn").stdout)
    lines = events(flask("export", code).stdout)
    created, drawn = lines[0], lines[-1]
    assert "secret" not in created["data"]  # type: ignore[operator]
    assert "secret" not in drawn["data"]  # type: ignore[operator]
    assert "hands" not in drawn["data"]  # type: ignore[operator]
    refused = flask("verify-draw", code, code=1)
    assert "no finished draw" in refused.stderr


@pytest.mark.parametrize("word", ["export", "verify-draw", "simulate"])
def test_a_code_that_is_none_is_one_clear_sentence(
    flask: Callable[..., subprocess.CompletedProcess[str]], word: str
) -> None:
    refused = flask(word, "not a code", code=1)
    assert refused.stderr.strip().splitlines()[-1].startswith("Error: 'not a code' is not a code")


def test_ensure_indexes_may_run_twice(
    flask: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    assert "events" in flask("ensure-indexes").stdout
    assert "events" in flask("ensure-indexes").stdout


def test_simulated_guests_join_look_and_pick_a_team_each(
    flask: Callable[..., subprocess.CompletedProcess[str]],
    live_server: Callable[..., LiveServer],
) -> None:
    server = live_server(workers=2)
    code = code_in(flask("seed", "--players", "20", "--stage", "lobby").stdout)
    done = flask("simulate", code, "--base", server.url, "--guests", "5", "--pace", "0.1")
    assert re.search(r"5 joined, 5 picked, \d+ came second for a team, 0 failed", done.stdout)
    stored = events(flask("export", code).stdout)
    assert sum(event["type"] == "team-picked" for event in stored) == 5
