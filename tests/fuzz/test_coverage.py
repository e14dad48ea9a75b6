"""atheris, starting from valid input, for a bounded number of runs; `make fuzz` runs longer.

It has wheels for Linux on x86-64 only; elsewhere only the hypothesis tests beside it run.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from lct.places import ROOT

MACHINE = (platform.system(), platform.machine())


@pytest.mark.slow
@pytest.mark.skipif(MACHINE != ("Linux", "x86_64"), reason="atheris has no wheel for this machine")
def test_coverage_guided_fuzzing_raises_nothing(tmp_path: Path) -> None:
    limits = ["-runs=5000", "-max_total_time=6", "-seed=20261128"]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.targets", str(tmp_path), *limits],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-3000:]
    assert "Done" in ended.stderr
    assert len(list(tmp_path.iterdir())) > 30  # it reached new code
