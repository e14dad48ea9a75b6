"""The tools of the drills still work: the drills themselves take minutes, and run by themselves."""

from __future__ import annotations

import pytest

from . import races
from .cluster.crowd import Crowd, Watcher
from .http_client import House
from .support import wait_until


def test_a_watcher_reads_what_screens_show(house: House) -> None:
    e = house.evening(limit=2)
    ola = e.guest("Ola")
    crowd = Crowd()
    board, phone = (
        Watcher(house.port, e.live("board")),
        Watcher(house.port, e.live("me"), ola.cookie_header(e.at())),
    )
    crowd.add(board, phone)
    try:
        wait_until(lambda: board.live and phone.live)
        e.pick(ola, 3)
        wait_until(lambda: ">Team 3<" in board.regions["seat-1"])
        wait_until(lambda: "is-mine" in phone.regions["team-3"])
    finally:
        crowd.leave(board, phone)


@pytest.mark.slow
def test_a_revoked_device_loses_every_race(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(races, "ROUNDS", 2 * len(races.COMMANDS))
    assert races.main() == 0, capsys.readouterr().out
