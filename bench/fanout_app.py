"""The app with a board that is a prepared frame, to measure the cost of sending alone.

Everything is real (gunicorn, the websocket's route, Hub, bus, Room, Picture, Outbox) except three
things: the state is only the last number from the bus; the board is one region of BENCH_BYTES with
that number in it; and a room does not pause between two frames, so each message is sent. In bench,
only this file depends on the internals of lct.web.
"""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

from lct.application.screens import VIEWS
from lct.application.screens.region import Region, Screen
from lct.bootstrap import create_app
from lct.config import Settings
from lct.web import hub as hub_module
from lct.web import room as room_module

from .peers.prepared import prepared

html = prepared(int(os.environ["BENCH_BYTES"]))
said = 1  # the last number from the bus


class ReadyRoom(room_module.Room):
    """A room that keeps the last number it receives."""

    def moved(self, seq: int, trace: str | None = None) -> None:
        global said
        said = max(said, seq)
        super().moved(seq, trace)


hub_module.Room = ReadyRoom
room_module.COALESCE = 0
hub_module.SILENCE = 3600.0  # so that heartbeats can be turned off
VIEWS["board"] = Screen(lambda s: (Region("f", "", (said,)),), lambda s, touched: None)

app = create_app(Settings.from_env())
hub = app.extensions["lct"].hub
store = hub.store


def known(code: str) -> Any:
    stream = store.stream(code)
    return SimpleNamespace(
        tournament=stream.tournament, seq=said, at=stream.at, touched_since=lambda seq: [None]
    )


hub.store = SimpleNamespace(read=known, stream=known, forget=store.forget)
hub.renderer.html = lambda region, *_: html(region.data[0])


@app.get("/bench/heartbeat/<int:seconds>")
def heartbeat(seconds: int) -> str:
    hub_module.HEARTBEAT = seconds
    return "ok"
