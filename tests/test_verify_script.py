"""The stand-alone script that checks a draw, and the test vectors of a second implementation.

tests/data/draw-v2.json was written by tests/data/draw_vectors.mjs, which was made from docs/draw.md
alone.
"""

from __future__ import annotations

import io
import json
import runpy
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from lct.application.finished_draws import DrawFacts, Shares, finished_draws
from lct.domain import shares
from lct.domain.draw import NOT_OWN, PLAIN, V1, V2, sha256
from lct.domain.drawing import DrawTeams, NameNumber, SkipReveal
from lct.domain.gathering import Missing
from lct.domain.shares import Opened, Pledged, fingerprint_of_picks, fingerprint_of_shares

from .evening import Evening

SCRIPT = Path("docs/verify_draw.py")
DATA = Path(__file__).parent / "data"
VECTORS = json.loads((DATA / "draw-v2.json").read_text(encoding="utf-8"))


def drawn(option: str, protocol: str = V2, roll: bool = False) -> DrawFacts:
    """A draw of seven. By v2, the sixth phone kept its share shut and the last guest has none."""
    evening = Evening(limit=7, option=option, protocol=protocol)
    *pledged, last = evening.join(*(f"N{i}" for i in range(7)))
    for team, player_id in enumerate(pledged):
        evening.pledge(player_id, team)
    evening.pick(last, 6)
    evening.does(DrawTeams, 1, roll)
    evening.open(*pledged[:5])
    evening.now = evening.later(5)
    evening.go_on()
    if roll:
        evening.does(NameNumber, 1, "sześć 🎲")
    (facts,) = finished_draws(evening.t, evening.later(3600))
    return facts


def verdict(record: dict[str, Any], folder: Path) -> bool:
    """What the script says of a file, run in this process: a start takes longer than the check."""
    file = folder / "draw.json"
    file.write_text(json.dumps(record), encoding="utf-8")
    code: object = 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as said:
        patch.setattr(sys, "argv", [str(SCRIPT), str(file)])
        try:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        except SystemExit as ended:
            code = ended.code or 0
    found = {(0, "The draw holds.\n"): True, (1, "The draw does NOT hold.\n"): False}
    return found[code, said.getvalue()]  # type: ignore[index]


def swapped(given: tuple[Any, ...]) -> list[Any]:
    return [given[1], given[0], *given[2:]]


@pytest.mark.parametrize("option", [PLAIN, NOT_OWN])
@pytest.mark.parametrize(("protocol", "roll"), [(V1, False), (V2, False), (V2, True)])
def test_the_script_accepts_a_fair_draw_and_rejects_a_changed_one(
    option: str, protocol: str, roll: bool, tmp_path: Path
) -> None:
    facts = drawn(option, protocol, roll)
    record = facts.record
    assert facts.holds
    assert record["protocol"] == protocol
    assert verdict(record, tmp_path)
    changes: list[dict[str, Any]] = [
        {"given": swapped(facts.given)},
        {"secret": "00" * 32},
        {"seal": "00" * 32},
        {"attempt": 2},
        {"code": "BCDF2346"},
        {"protocol": V1 if protocol == V2 else V2},
        {"picks": swapped(record["picks"])},
        {"picks": [record["picks"][0] | {"team": "Team 9"}, *record["picks"][1:]]},
    ]
    if protocol == V2:
        changes += [
            {"number": "five" if roll else "7"},
            {"roll": not roll},
            {"shares": record["shares"][1:]},
            {"shares": swapped(record["shares"])},
            {"shares": [*record["shares"], record["shares"][0]]},
            {"missing": record["missing"][1:]},
            {"picks_fingerprint": "00" * 32},
            {"shares_fingerprint": "00" * 32},
            {"picks": [*record["picks"][:-1], record["picks"][-1] | {"pledge": "00" * 32}]},
        ]
    for change in changes:
        assert not verdict(record | change, tmp_path), change


def test_the_script_runs_by_itself_and_its_exit_code_says_whether_the_draw_holds(
    tmp_path: Path,
) -> None:
    record = drawn(PLAIN).record
    for number, changed in enumerate((record, record | {"secret": "00" * 32})):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(changed), encoding="utf-8")
        command = [sys.executable, "-I", str(SCRIPT), str(file)]
        ended = subprocess.run(command, check=False, capture_output=True, text=True)
        assert (ended.returncode, ended.stderr) == (number, "")
        assert ("NOT" in ended.stdout) == bool(number)


def test_the_script_is_short_and_needs_only_the_standard_library() -> None:
    lines = SCRIPT.read_text(encoding="utf-8").splitlines()
    imports = {line.split()[1] for line in lines if line.startswith(("import ", "from "))}
    assert imports <= {"hashlib", "hmac", "json", "sys"}
    assert len([line for line in lines if line.strip()]) < 85


def test_a_draw_whose_cards_are_still_turning_is_not_among_the_finished() -> None:
    evening = Evening(limit=2)
    evening.all_picked(2)
    evening.draw()
    assert finished_draws(evening.t, evening.later(4)) == ()
    evening.now = evening.later(4)
    evening.does(SkipReveal)
    assert len(finished_draws(evening.t, evening.now)) == 1


# --- the vectors of the second implementation -----------------------------------------------------


def read(record: dict[str, Any]) -> DrawFacts:
    """A file's draw as lct checks it."""
    gathered = Shares(
        tuple(Opened(**each) for each in record["shares"]),
        tuple(Missing(**each) for each in record["missing"]),
        record["roll"],
        record["number"],
        record["picks_fingerprint"],
        record["shares_fingerprint"],
    )
    return DrawFacts(
        record["protocol"],
        record["code"],
        record["attempt"],
        record["option"],
        record["seal"],
        record["secret"],
        tuple(Pledged(**each) for each in record["picks"]),
        tuple(record["given"]),
        tuple(record["names"]),
        gathered,
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_lct_and_the_script_say_of_each_vector_what_the_second_implementation_does(
    vector: dict[str, Any], tmp_path: Path
) -> None:
    facts = read(vector["file"])
    assert facts.holds is vector["holds"]
    assert verdict(vector["file"], tmp_path) is vector["holds"]
    if vector["holds"]:
        assert json.loads(json.dumps(facts.record)) == vector["file"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_texts_that_are_hashed_are_the_same_to_the_byte(vector: dict[str, Any]) -> None:
    facts, said = read(vector["file"]), vector["messages"]
    assert facts.gathered
    picks = [Pledged(*pick) for pick in facts.picks]
    fixed = fingerprint_of_picks(
        facts.code, facts.seal, facts.attempt, facts.option, picks, facts.gathered.roll
    )
    assert fixed == sha256(said["picks"].encode())
    closed = fingerprint_of_shares(fixed, facts.gathered.shares)
    assert closed == sha256(said["shares"].encode())
    assert shares.message(closed, facts.gathered.number) == said["message"].encode()


def test_the_vectors_have_sound_and_wrong_draws_of_all_kinds() -> None:
    sound = [vector["file"] for vector in VECTORS if vector["holds"]]
    assert {file["option"] for file in sound} == {PLAIN, NOT_OWN}
    assert {(file["roll"], bool(file["number"])) for file in sound} == {
        (False, False), (True, False), (True, True),
    }  # fmt: skip
    assert {len(file["picks"]) for file in sound} >= {2, 3, 8, 16, 33, 64}
    assert {each["why"] for file in sound for each in file["missing"]} == {
        "asleep", "away", "silent", "no-script", "host",
    }  # fmt: skip
    assert any(not file["shares"] for file in sound)
    assert len(VECTORS) - len(sound) >= 30
