"""Who is here: shown soon, for as long as it is so, whichever worker the phone is connected to."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from lct.application.messages import PRESENT_SECONDS, Present, channel, encode
from lct.web.presence import ASLEEP, SAY_AGAIN, SETTLING, Presence

from .http_client import House, Screen
from .support import wait_until

SOON = 6  # seconds, for a machine that is busy; a phone that is only silent is away after 8


def mood(seat: str) -> Any:
    """A condition on a screen: seat 1 is shown as ``here``, ``asleep`` or ``away``."""

    def holds(screen: Screen) -> bool:
        classes = screen.page.by_id("seat-1").attrs["class"].split()
        shown = [word for word in ("is-asleep", "is-away") if word in classes]
        return shown == ([] if seat == "here" else [f"is-{seat}"])

    return holds


@pytest.mark.slow
def test_a_phone_is_here_while_connected_asleep_when_it_says_so_and_else_away(
    house: House,
) -> None:
    e = house.evening()
    ola = e.guest("Ola", worker=0)
    with house.phone(1).live(e.live("board")) as board:
        board.until(mood("away"), SOON)
        own = ola.live(e.live("me"))
        board.until(mood("here"), SOON)
        own.ws.send(json.dumps({"asleep": True}))
        board.until(mood("asleep"), SOON)
        own.ws.close()  # as a phone's browser does when its screen is dark
        board.quiet(3)
        assert mood("asleep")(board)
        own = ola.live(e.live("me"))
        board.until(mood("here"), SOON)
        own.ws.close()
        board.until(mood("away"), SOON)


@pytest.mark.slow
def test_a_phone_with_two_tabs_is_here_until_both_are_closed(house: House) -> None:
    e = house.evening()
    ola = e.guest("Ola", worker=0)
    with house.phone(1).live(e.live("board")) as board:
        one, other = ola.live(e.live("me")), ola.copy(1).live(e.live("me"))
        board.until(mood("here"), SOON)
        one.ws.close()
        board.quiet(3)
        assert mood("here")(board)
        other.ws.close()
        board.until(mood("away"), SOON)


@pytest.mark.slow
def test_a_lost_phone_is_away_within_ten_seconds(house: House) -> None:
    e = house.evening()
    ola = e.guest("Ola", worker=0)
    with house.phone(1).live(e.live("board")) as board:
        own = ola.live(e.live("me"))
        board.until(mood("here"), SOON)
        own.ws.socket.settimeout(None)
        own.ws.protocol.receive_data = lambda data: None  # it answers no ping any more
        began = time.monotonic()
        board.until(mood("away"), 15)
        assert time.monotonic() - began < 13  # ten, and what a busy machine adds
        own.ws.socket.close()


def test_a_phone_without_a_socket_says_by_post_that_it_sleeps(house: House) -> None:
    e = house.evening()
    ola = e.guest("Ola", worker=0)
    with house.phone(1).live(e.live("board")) as board:
        assert ola.get(e.at("now?view=me")).status == 200
        board.until(mood("here"), SOON)
        ola.get(e.at("me"))
        assert ola.post(e.at("look"), {"asleep": "true"}, htmx=True).status == 204
        board.until(mood("asleep"), SOON)


def test_a_phone_on_an_event_stream_that_hides_is_asleep_and_never_away(house: House) -> None:
    e = house.evening()
    ola = e.guest("Ola", worker=0)
    with house.phone(1).live(e.live("board")) as board:
        ola.get(e.at("me"))
        connection = ola.connect()
        connection.request(
            "GET", e.at("events?view=me"), headers={"Cookie": ola.cookie_header(e.at())}
        )
        board.until(mood("here"), SOON)
        # Both before the next beat: the page says that it sleeps, and ends its stream.
        assert ola.copy(0).post(e.at("look"), {"asleep": "true"}, htmx=True).status == 204
        connection.close()
        frames = board.quiet(4)
        assert mood("asleep")(board)
        assert not any("is-away" in frame for frame in frames)


def test_programs_are_told_who_is_here_whichever_worker_they_ask(house: House) -> None:
    e = house.evening()
    ola = e.guest("Ola", worker=0)

    def told() -> set[str]:
        answers = [house.phone(n).get(f"/api/v1/tournaments/{e.code}/players") for n in (0, 1)]
        return {json.loads(answer.text)["items"][0]["presence"] for answer in answers}

    assert told() == {"away"}
    with ola.live(e.live("me")) as own:
        own.take()
        wait_until(lambda: told() == {"here"}, SOON)
        own.ws.send(json.dumps({"asleep": True}))
        wait_until(lambda: told() == {"asleep"}, SOON)
        own.ws.send(json.dumps({"asleep": False}))
        wait_until(lambda: told() == {"here"}, SOON)
    wait_until(lambda: told() == {"away"}, SOON)


def test_nobody_is_marked_for_what_a_stranger_says_on_the_bus(house: House) -> None:
    e = house.evening()
    e.guest("Ola")
    with house.phone(1).live(e.live("board")) as board:
        board.until(mood("away"), SOON)
        message = Present(e.code, "w", (e.player("Ola"), "p-nobody"), ())
        house.redis.publish(channel(message), encode(message))
        board.until(mood("here"), SOON)
        board.until(mood("away"), 13)  # nobody says it again


# --- without a server -----------------------------------------------------------------------------


class Box:
    """A socket as presence sees it."""

    def __init__(self, player_id: str | None, asleep: bool = False) -> None:
        self.player_id, self.asleep, self.lost = player_id, asleep, False

    def answers(self, clock: float, seconds: float) -> bool:
        return not self.lost


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    now = [1000.0]
    monkeypatch.setattr("lct.web.presence.time.monotonic", lambda: now[0])
    return now


def test_nothing_is_known_until_everybody_had_time_to_speak(clock: list[float]) -> None:
    here = Presence("BCDF2345", "w1")
    assert here.now(deaf=False) is None
    clock[0] += SETTLING
    assert here.now(deaf=False) == {}


def test_the_same_is_said_again_only_after_a_while(clock: list[float]) -> None:
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


def test_a_phone_that_asks_two_workers_sleeps_when_it_says_so_to_one(clock: list[float]) -> None:
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
    one.dozes("p-Ola", [])
    clock[0] += SAY_AGAIN
    tell(other, one)  # which has not heard of it
    one.hear(Present("BCDF2345", "w3", ("p-Ola",), ()), stored=True)  # nor had that one
    one.hear(Present("BCDF2345", "w3", (), ()))
    tell(one, other)
    tell(other, one)
    assert both_say("asleep")
    other.polled("p-Ola")
    tell(other, one)
    tell(one, other)
    assert both_say("here")


def test_a_worker_that_fell_silent_is_believed_for_ten_seconds_and_longer_without_a_bus(
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


def test_a_phone_that_closed_its_socket_to_sleep_sleeps_for_ten_minutes(clock: list[float]) -> None:
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
