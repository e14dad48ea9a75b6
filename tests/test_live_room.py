"""A room while it reads the looks that Redis keeps: what is heard meanwhile is newer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lct.application.messages import Looked
from lct.web.room import Room

from .evening import CODE, Evening


@pytest.mark.parametrize(
    ("heard", "stored", "shown"),
    [
        (3, {}, {"p-Ola": 3}),
        (4, {"p-Ola": (3, 8.0)}, {"p-Ola": 4}),
        (None, {"p-Ola": (3, 8.0)}, {}),
    ],
    ids=["she looks", "she looks elsewhere", "she looks away"],
)
def test_a_look_that_is_heard_while_the_stored_ones_are_read_counts(
    heard: int | None, stored: dict[str, tuple[int, float]], shown: dict[str, int]
) -> None:
    evening = Evening()
    evening.join("Ola")
    stream = SimpleNamespace(tournament=evening.t, seq=2)

    def read_looks(code: str) -> dict[str, tuple[int, float]]:
        room.look(Looked(code, "p-Ola", heard), 8)
        return stored

    unused: Any = None
    bus: Any = SimpleNamespace(looks=read_looks, presences=lambda code: [], connected=True)
    room = Room(CODE, lambda code: stream, lambda code: stream, bus, unused, "")
    room._refresh()
    room.greenlet.kill(block=False)
    assert room.around().looks == shown
