"""The commands, as a developer types them."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lct.cli import SECTIONS, commands
from lct.config import Settings, environ_of
from lct.domain.errors import UnknownTournament
from lct.infrastructure import documents

from .support import LiveServer, Prepared, clean_environ


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """Runs commands in processes that have already loaded lct. The tests that need no database,
    and test_up.py, start fresh processes."""
    made = Prepared(tmp_path_factory.mktemp("commands"))
    yield made
    made.stop()


@pytest.fixture
def lct(settings: Settings, prepared: Prepared) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs ``lct <words>`` on this test's database."""
    documents.connect_store(settings)
    documents.ensure_indexes()
    documents.disconnect()

    def run(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        environ = {**clean_environ(), **environ_of(settings)}
        done = prepared.run("lct", *words, environ=environ)
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
    [
        ("lobby", 6, 0, 0),
        ("picking", 6, 3, 0),
        ("picked", 8, 8, 0),
        ("drawn", 8, 8, 1),
        ("playing", 8, 8, 1),
        ("champion", 8, 8, 1),
    ],
)
def test_demo_makes_an_evening_at_each_stage(
    lct: Callable[..., subprocess.CompletedProcess[str]],
    stage: str,
    joined: int,
    picked: int,
    drawn: int,
) -> None:
    code = code_in(lct("demo", "--players", "8", "--stage", stage).stdout)
    kinds = [event["type"] for event in events(lct("export", code).stdout)]
    assert kinds.count("player-joined") == joined
    assert kinds.count("team-picked") == picked
    assert kinds.count("teams-drawn") == drawn
    if stage == "champion":
        told = lct("verify-draw", code).stdout
        assert "attempt 1: holds" in told
        assert "shares  8 in\n" in told


def test_demo_uses_names_in_many_scripts_and_fills_large_evenings(
    lct: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    code = code_in(lct("demo", "--players", "70", "--stage", "picked").stdout)
    names = {
        f"{event['data']['first']} {event['data']['last']}"  # type: ignore[index]
        for event in events(lct("export", code).stdout)
        if event["type"] == "player-joined"
    }
    assert len(names) == 70
    assert {"Łukasz Żak", "ليلى حسن", "Bob 🐺"} <= names


def test_names_that_the_terminal_cannot_write_end_no_command_and_change_no_export(
    lct: Callable[..., subprocess.CompletedProcess[str]], settings: Settings
) -> None:
    code = code_in(lct("demo", "--players", "70", "--stage", "lobby").stdout)
    environ = {**clean_environ(), **environ_of(settings), "PYTHONIOENCODING": "iso-8859-9"}
    told, exported = (
        subprocess.run(
            [sys.executable, "-m", "lct", word, code], env=environ, capture_output=True, check=True
        ).stdout
        for word in ("replay", "export")
    )
    assert b"?ukasz" in told
    assert exported.decode() == lct("export", code).stdout


def test_an_export_has_no_secret_before_the_last_card(
    lct: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    code = code_in(lct("demo", "--stage", "drawn").stdout)
    lines = events(lct("export", code).stdout)
    created, drawn = lines[0], lines[-1]
    assert "secret" not in created["data"]  # type: ignore[operator]
    assert "secret" not in drawn["data"]  # type: ignore[operator]
    assert "hands" not in drawn["data"]  # type: ignore[operator]
    refused = lct("verify-draw", code, code=1)
    assert "no finished draw" in refused.stderr


@pytest.mark.parametrize("word", ["export", "verify-draw", "simulate", "delete"])
def test_a_malformed_code_gives_one_clear_sentence(
    lct: Callable[..., subprocess.CompletedProcess[str]], word: str
) -> None:
    refused = lct(word, "not a code", code=1)
    assert refused.stderr.strip().splitlines()[-1].startswith("Error: 'not a code' is not a code")


@pytest.mark.parametrize("word", ["export", "forget", "delete"])
def test_an_unknown_code_gives_one_clear_sentence(
    lct: Callable[..., subprocess.CompletedProcess[str]], word: str
) -> None:
    more = ["Ola Nowak"] if word == "forget" else []
    refused = lct(word, "BB3K-7QXM", *more, code=1)
    assert refused.stderr == f"Error: {UnknownTournament.sentence}\n"


def test_ensure_indexes_may_run_twice(
    lct: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    assert "events" in lct("ensure-indexes").stdout
    assert "events" in lct("ensure-indexes").stdout


def test_replay_takes_either_a_code_or_all(
    lct: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    for words in ((), ("--all", "BB3K-7QXM"), ("--all", "--at", "3")):
        assert "Usage: " in lct("replay", *words, code=2).stderr
    codes = {code_in(lct("demo", "--stage", stage).stdout) for stage in ("picking", "drawn")}
    told = lct("replay", "--all").stdout.splitlines()
    assert {line.partition(":")[0] for line in told} == {c.replace("-", "") for c in codes}
    assert all(line.endswith("; snapshot and events agree") for line in told)


def test_simulated_guests_join_look_and_pick_a_team_each(
    lct: Callable[..., subprocess.CompletedProcess[str]],
    live_server: Callable[..., LiveServer],
) -> None:
    server = live_server(workers=2)
    code = code_in(lct("demo", "--players", "20", "--stage", "lobby").stdout)
    done = lct("simulate", code, "--base", server.url, "--guests", "5", "--pace", "0.1")
    assert re.search(r"5 joined, 5 picked, \d+ came second for a team, 0 failed", done.stdout)
    stored = events(lct("export", code).stdout)
    assert sum(event["type"] == "team-picked" for event in stored) == 5


def test_simulated_guests_play_to_the_champion(
    lct: Callable[..., subprocess.CompletedProcess[str]],
    live_server: Callable[..., LiveServer],
) -> None:
    server = live_server(workers=2)
    sent = json.dumps({"name": f"Cup {secrets.token_hex(4)}", "limit": 4}).encode()
    request = urllib.request.Request(
        f"{server.url}/api/v1/tournaments", sent, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        code = json.load(answer)["code"]
    how = ("--guests", "4", "--pace", "0.1", "--format", "knockout", "--cup-legs", "2")
    done = lct("simulate", code, "--base", server.url, *how)
    assert "10 scores reported" in done.stdout
    stored = [event["type"] for event in events(lct("export", code).stdout)]
    assert stored.count("score-agreed") == 5


def test_the_help_lists_every_command_by_subject_and_loads_no_app() -> None:
    code = """if True:
        import sys
        from lct.cli import main
        main(["--help"], standalone_mode=False)
        sys.exit(any(name in sys.modules for name in ("flask", "gevent", "pymongo", "redis")))
    """
    command = [sys.executable, "-c", code]
    asked = subprocess.run(command, env=clean_environ(), capture_output=True, text=True, check=True)
    listed = re.findall(r"(?m)^  ([a-z][a-z-]+) {2,}\S.*\.$", asked.stdout)
    shown = {str(command.name) for command in commands if not command.hidden} | {"up"}
    assert sorted(listed) == sorted(shown)
    assert re.findall(r"(?m)^(\w.*):$", asked.stdout)[1:] == list(SECTIONS)


def test_a_command_without_settings_ends_with_one_sentence(tmp_path: Path) -> None:
    for word in ("demo", "ensure-indexes"):
        refused = subprocess.run(
            [sys.executable, "-m", "lct", word],
            env={**clean_environ(), "LCT_VAR": str(tmp_path)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert refused.returncode == 1
        assert refused.stderr == (
            f"Error: No `lct up` is running on {tmp_path}, and LCT_MONGO_URI is not set:"
            " start one, or set LCT_VAR to the folder of the one that runs.\n"
        )


def test_a_command_names_a_bad_setting() -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "lct", "demo"],
        env={**clean_environ(), "LCT_WORKERS": "none"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode == 1
    assert refused.stderr == "Error: LCT_WORKERS must be a whole number, not 'none'.\n"


def test_flask_has_the_same_commands(settings: Settings) -> None:
    def flask(*words: str) -> str:
        command = [sys.executable, "-m", "flask", "--app", "wsgi", *words]
        environ = {**clean_environ(), **environ_of(settings)}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        return done.stdout

    listed = set(re.findall(r"(?m)^  ([a-z-]+)", flask("--help")))
    assert {str(command.name) for command in commands if not command.hidden} <= listed
    assert "events" in flask("ensure-indexes")
