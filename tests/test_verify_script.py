"""The stand-alone script that checks a draw, run on draws of the domain code."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lct.application.finished_draws import finished_draws
from lct.domain import draw
from lct.domain.drawing import SkipReveal
from tests.evening import Evening

SCRIPT = Path("docs/verify_draw.py")


def drawn(option: str) -> dict[str, Any]:
    evening = Evening(limit=7, option=option)
    evening.all_picked(7)
    evening.draw()
    (facts,) = finished_draws(evening.t, evening.later(3600))
    return facts._asdict() | {"picks": [pick._asdict() for pick in facts.picks]}


def verdict(facts: dict[str, Any], folder: Path) -> int:
    file = folder / "draw.json"
    file.write_text(json.dumps(facts), encoding="utf-8")
    return subprocess.run([sys.executable, SCRIPT, file], check=False).returncode


@pytest.mark.parametrize("option", [draw.PLAIN, draw.NOT_OWN])
def test_the_script_accepts_a_fair_draw_and_rejects_a_changed_one(
    option: str, tmp_path: Path
) -> None:
    facts = drawn(option)
    assert verdict(facts, tmp_path) == 0
    swapped = [facts["given"][1], facts["given"][0], *facts["given"][2:]]
    assert verdict(facts | {"given": swapped}, tmp_path) == 1
    assert verdict(facts | {"secret": "00" * 32}, tmp_path) == 1


def test_the_script_is_short_and_needs_only_the_standard_library() -> None:
    lines = SCRIPT.read_text(encoding="utf-8").splitlines()
    imports = {line.split()[1] for line in lines if line.startswith(("import ", "from "))}
    assert imports <= {"hashlib", "hmac", "json", "sys"}
    assert len([line for line in lines if line.strip()]) < 45


def test_a_draw_whose_cards_are_still_turning_is_not_among_the_finished() -> None:
    evening = Evening(limit=2)
    evening.all_picked(2)
    evening.draw()
    assert finished_draws(evening.t, evening.later(4)) == ()
    evening.now = evening.later(4)
    evening.does(SkipReveal)
    assert len(finished_draws(evening.t, evening.now)) == 1
