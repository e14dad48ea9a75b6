"""Run the measurements that match ONLY (a figure or a module; default all), then print a table.
Figures that other work has disturbed say so.

The exit code is 0 if every aim was met, 1 if one was missed or a measurement failed.
"""

from __future__ import annotations

import sys
import traceback
from dataclasses import replace

from . import (  # noqa: F401 - they register
    dearest,
    fanout,
    gathering,
    large,
    layers,
    matches,
    page,
    results,
    reveal,
    scale,
    screens,
    startup,
    store,
    taps,
)
from .calm import disturbances, look
from .figures import MEASUREMENTS, Figure, table


def main(only: str = "") -> int:
    chosen = [m for m in MEASUREMENTS if not only or only == m.subject or only in m.names]
    if not chosen:
        print(f"bench: nothing is called {only!r}; there are:", file=sys.stderr)
        for m in MEASUREMENTS:
            print(f"  {m.subject}: {', '.join(m.names)}", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    failed = 0
    before = look()
    best = before.loop
    for m in chosen:
        made: list[Figure] = []
        try:
            for figure in m.run():
                assert figure.name in m.names, f"{figure.name} is not declared"
                if only in ("", m.subject, figure.name):
                    made.append(figure)
        except Exception:
            failed += 1
            traceback.print_exc()
        after = look()
        best = min(best, after.loop)
        disturbed = "; ".join(disturbances(before, after, best))
        before = after
        for figure in made:
            figures.append(replace(figure, disturbed=disturbed))
            print(figures[-1].line(), flush=True)
    print(f"\n{table(figures)}")
    return 1 if failed or any(figure.ok is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
