"""The cost of each layer around a view: a POST that answers `ok`, with the layer and without."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median

from lct.laptop.machine import listen

from .client import Phone, Wire
from .figures import Figure, measures
from .place import cpu_ms, place, served
from .taps import PLAIN

LAYERS = "log", "metrics", "headers", "session_token_body"  # bench/app.py leaves them out
ROUNDS, POSTS = 25, 40
SETTLE = 0.003


@measures(
    *(f"layer_{layer}_vs_plain_flask" for layer in (*LAYERS, "rest")),
    "layers_all_vs_plain_flask",
)
def layers() -> Iterator[Figure]:
    """By turns in one run, as multiples of the same POST in plain Flask; the median of the
    rounds."""
    with ExitStack() as stack:
        where = stack.enter_context(place(workers=1, target="bench.app:app"))
        home = Wire(where.port)
        stack.callback(home.hang_up)
        phone = Phone(home, where.create(2), 0)
        phone.get("join")
        phone.join()
        phone.get("me")
        asked = {"all": (where.app.workers[0], phone)}
        for name in ("plain", *LAYERS):
            listener = stack.enter_context(listen("127.0.0.1", 0))
            target, more = ("bench.plain:app", PLAIN) if name == "plain" else ("bench.app:app", ())
            app = stack.enter_context(
                served(where.settings, listener, target, *more, BENCH_WITHOUT=name)
            )
            wire = Wire(listener.getsockname()[1])
            stack.callback(wire.hang_up)
            asked[name] = (app.workers[0], phone.by(wire))
        fields = {"team": 1, "value": "ab" * 16}  # as long as a pick's
        rounds: list[dict[str, float]] = []
        for _ in range(ROUNDS + 1):
            spent = {}
            for name, (worker, same) in asked.items():
                before = cpu_ms(worker)
                for _ in range(POSTS):
                    same.tap("/bench/constant", fields)
                time.sleep(SETTLE)
                spent[name] = cpu_ms(worker) - before
            rounds.append(spent)
        del rounds[0]
    plain = median(spent["plain"] for spent in rounds)
    each = {
        layer: median(spent["all"] - spent[layer] for spent in rounds) / plain for layer in LAYERS
    }
    whole = median(spent["all"] for spent in rounds) / plain
    for layer, times in each.items():
        yield Figure(f"layer_{layer}_vs_plain_flask", times, "x")
    yield Figure("layer_rest_vs_plain_flask", whole - 1 - sum(each.values()), "x")
    yield Figure("layers_all_vs_plain_flask", whole, "x")
