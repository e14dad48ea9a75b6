"""Presence as one worker computes it, with a fake clock. test_live_slow.py covers the screens."""

from __future__ import annotations

from typing import Any

import pytest

from lct.application.messages import PRESENT_SECONDS, Present
from lct.web.presence import ASLEEP, SAY_AGAIN, SETTLING, Presence


class Box:
    """A socket as presence sees it."""

    def __init__(self, player_id: str | None, asleep: bool = False) -> None:
        self.seats, self.asleep, self.lost = (player_id,) if player_id else (), asleep, False

    def answers(self, clock: float, seconds: float) -> bool:
        return not self.lost


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    now = [1000.0]
    monkeypatch.setattr("lct.web.presence.time.monotonic", lambda: now[0])
    return now


def test_presence_is_unknown_until_every_worker_has_had_time_to_report(clock: list[float]) -> None:
    here = Presence("BCDF2345", "w1")
    assert here.now(deaf=False) is None
    clock[0] += SETTLING
    assert here.now(deaf=False) == {}


def test_an_unchanged_report_is_repeated_only_after_a_while(clock: list[float]) -> None:
    here = Presence("BCDF2345", "w1")
    boxes: Any = [Box("p-Ola"), Box(None)]
    assert here.say(boxes) == Present("BCDF2345", "w1", ("p-Ola",), ())
    assert here.say(boxes) is None
    clock[0] += SAY_AGAIN
    assert here.say(boxes) is not None
    assert here.say([]) == Present("BCDF2345", "w1", (), ())
    clock[0] += SAY_AGAIN
    assert here.say([]) is None


def test_an_awake_tab_counts_more_than_a_sleeping_one(clock: list[float]) -> None:
    here = Presence("BCDF2345", "w1")
    clock[0] += SETTLING
    here.say([Box("p-Ola", asleep=True), Box("p-Max", asleep=True), Box("p-Max")])  # type: ignore[list-item]
    here.hear(Present("BCDF2345", "w2", ("p-Ola",), ("p-Zoe",)))
    assert here.now(deaf=False) == {"p-Ola": "here", "p-Max": "here", "p-Zoe": "asleep"}


def test_a_phone_that_polls_two_workers_is_asleep_once_it_tells_one(clock: list[float]) -> None:
    one, other = Presence("BCDF2345", "w1"), Presence("BCDF2345", "w2")
    clock[0] += SETTLING

    def tell(speaker: Presence, listener: Presence) -> None:
        if word := speaker.say([]):
            listener.hear(word)

    def both_say(mood: str) -> bool:
        return one.now(deaf=False) == other.now(deaf=False) == {"p-Ola": mood}

    for worker, listener in ((one, other), (other, one)):
        worker.polled("p-Ola")
        tell(worker, listener)
    assert both_say("here")
    one.dozes(("p-Ola",), [])
    clock[0] += SAY_AGAIN
    tell(other, one)  # other has not heard that Ola sleeps
    one.hear(Present("BCDF2345", "w3", ("p-Ola",), ()), stored=True)  # nor had w3
    one.hear(Present("BCDF2345", "w3", (), ()))
    tell(one, other)
    tell(other, one)
    assert both_say("asleep")
    other.polled("p-Ola")
    tell(other, one)
    tell(one, other)
    assert both_say("here")


def test_a_silent_workers_report_counts_for_ten_seconds_and_longer_without_a_bus(
    clock: list[float],
) -> None:
    here = Presence("BCDF2345", "w1")
    here.hear(Present("BCDF2345", "w2", ("p-Ola",), ()))
    clock[0] += PRESENT_SECONDS - 1
    assert here.now(deaf=False) == {"p-Ola": "here"}
    for _ in range(3):
        clock[0] += PRESENT_SECONDS - 1
        assert here.now(deaf=True) == {"p-Ola": "here"}
    clock[0] += PRESENT_SECONDS
    assert here.now(deaf=False) == {}


def test_a_phone_that_falls_asleep_and_disconnects_is_asleep_for_ten_minutes(
    clock: list[float],
) -> None:
    here = Presence("BCDF2345", "w1")
    clock[0] += SETTLING
    here.left(Box("p-Ola", asleep=True))  # type: ignore[arg-type]
    here.left(Box("p-Max"))  # type: ignore[arg-type]
    here.say([])
    assert here.now(deaf=False) == {"p-Ola": "asleep"}
    assert here.needed
    clock[0] += ASLEEP
    here.say([])
    assert here.now(deaf=False) == {}
    assert not here.needed
