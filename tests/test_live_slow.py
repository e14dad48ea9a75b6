"""What takes its time: heartbeats, looks that end by themselves, and a lost message that heals.

The scenes run side by side, so the file takes as long as the slowest of them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest

from .http_client import House, Raw

pytestmark = pytest.mark.slow


def beats_of_an_idle_screen(house: House) -> list[tuple[float, dict[str, Any]]]:
    """When a screen on which nothing happens was spoken to, and what it was told."""
    e = house.evening()
    ola = e.guest("Ola", worker=0)
    beats = []
    with house.phone(1).live(e.live("board")) as screen, ola.live(e.live("me")):
        screen.quiet(4)  # by then it is known who is here
        assert "is-away" not in screen.text
        assert "is-asleep" not in screen.text
        began = time.monotonic()
        while time.monotonic() - began < 17:
            assert screen.take(8) == []
            beats.append((time.monotonic() - began, screen.beats[-1]))
    return beats


def seconds_of_a_look(house: House) -> float:
    """How long a look is seen by others when nothing more is heard of who looks."""
    e = house.evening()
    ola, max_ = e.guest("Ola", worker=0), e.guest("Max", worker=1)
    with ola.live(e.live("me")) as own, max_.live(e.live("me")) as other:
        other.take()
        time.sleep(0.5)
        own.ws.send(json.dumps({"look": 3}))
        other.until(lambda s: "Ola is looking" in s.shows("team-3"), 2)
        began = time.monotonic()
        other.until(lambda s: "looking" not in s.shows("team-3"), 15)
    return time.monotonic() - began


def seconds_to_heal(house: House) -> list[float]:
    """How long screens on two workers need when nobody was told of an event."""
    e = house.evening()
    screens = [house.phone(worker).live(e.live("board")) for worker in (0, 1)]
    for screen in screens:
        screen.take()
    with house.desk() as desk:
        desk.join(e.code, "Ola")
    began, seconds = time.monotonic(), []
    for screen in screens:
        screen.until(lambda s: "Ola Nowak" in s.shows("seat-1"), 40)
        seconds.append(time.monotonic() - began)
        screen.ws.close()
    return seconds


def seconds_until_a_stuck_reader_is_cut(house: House) -> float:
    """How long a reader is kept that takes nothing, while an idle one goes on."""
    e = house.giant_evening()
    ola, max_ = e.guest("Ola", worker=0), e.guest("Max", worker=0)
    began = time.monotonic()
    stuck = Raw(max_, e.live("me"), receive_buffer=4096)
    with house.phone(0).live(e.live("watch")) as idle:
        idle.take()
        about = {"tournament": e.code, "view": "me"}
        while not [
            line
            for line in house.lines()
            if line["message"] == "screen closed" and about.items() <= line["labels"].items()
        ]:
            assert time.monotonic() - began < 30, "it is still held"
            idle.quiet(0.5)
        seconds = time.monotonic() - began
        with pytest.raises(OSError, match=r"missing|reset"):
            stuck.recv()
        stuck.close()
        e.pick(ola, 1)
        idle.until(lambda s: "Team 1" in s.shows("seat-1"), 2)
    return seconds


SCENES = (
    beats_of_an_idle_screen,
    seconds_of_a_look,
    seconds_to_heal,
    seconds_until_a_stuck_reader_is_cut,
)


@pytest.fixture(scope="module")
def scenes(house: House) -> Iterator[Callable[[Callable[[House], Any]], Any]]:
    """The result of a scene, all of which have been started together."""
    with ThreadPoolExecutor() as pool:
        running: dict[Any, Future[Any]] = {scene: pool.submit(scene, house) for scene in SCENES}
        yield lambda scene: running[scene].result(60)


def test_an_idle_screen_hears_at_least_every_six_seconds_how_far_the_evening_is(
    scenes: Callable[..., Any],
) -> None:
    beats = scenes(beats_of_an_idle_screen)
    assert [beat for _, beat in beats] == [{"live": True, "seq": 2}] * len(beats)
    times = [0.0, *(at for at, _ in beats)]
    gaps = [after - before for before, after in pairwise(times)]
    assert len(beats) >= 3
    assert max(gaps) < 6


def test_a_look_that_is_not_repeated_is_gone_within_ten_seconds(
    scenes: Callable[..., Any],
) -> None:
    assert 3 < scenes(seconds_of_a_look) < 10


def test_an_event_of_which_nobody_was_told_is_shown_within_35_seconds(
    scenes: Callable[..., Any],
) -> None:
    assert max(scenes(seconds_to_heal)) < 35


def test_a_reader_that_takes_nothing_for_twenty_seconds_is_cut_off(
    scenes: Callable[..., Any],
) -> None:
    assert 19 < scenes(seconds_until_a_stuck_reader_is_cut) < 25
