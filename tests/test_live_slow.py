"""Live screens over time: heartbeats, expiring looks, recovery from a lost message, presence, and a
request that never arrives whole.

The scenes run in parallel, so the file takes as long as the slowest of them.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest

from lct.application.messages import Present, channel, encode

from .http_client import House, Raw, Screen
from .support import wait_until

pytestmark = pytest.mark.slow


def beats_of_an_idle_screen(house: House) -> list[tuple[float, dict[str, Any]]]:
    """The heartbeats of a screen on which nothing happens, with their times."""
    e = house.evening()
    ola = e.guest("Ola", worker=0)
    beats = []
    with house.phone(1).live(e.live("board")) as screen, ola.live(e.live("me")):
        screen.quiet(4)  # by then the screen shows who is here
        assert "is-away" not in screen.text
        assert "is-asleep" not in screen.text
        began = time.monotonic()
        while time.monotonic() - began < 17:
            assert screen.take(8) == []
            beats.append((time.monotonic() - began, screen.beats[-1]))
    return beats


def seconds_of_a_look(house: House) -> float:
    """How long others see a look that is not repeated."""
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
    """How long screens on two workers take to show an event that was not published."""
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


def seconds_until_a_stuck_reader_is_disconnected(house: House) -> float:
    """How long a client that reads nothing stays connected; an idle one stays."""
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
            assert time.monotonic() - began < 30, "it is still connected"
            idle.quiet(0.5)
        seconds = time.monotonic() - began
        with pytest.raises(OSError, match=r"missing|reset"):
            stuck.recv()
        stuck.close()
        e.pick(ola, 1)
        idle.until(lambda s: "Team 1" in s.shows("seat-1"), 2)
    return seconds


def seconds_until_a_body_is_given_up(house: House) -> float:
    """How long the server waits for a body that arrives one byte at a time."""
    with socket.create_connection((house.host, house.port), timeout=15) as phone:
        phone.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
        began = time.monotonic()
        for _ in range(8):
            phone.sendall(b"a")
            time.sleep(0.5)
        assert phone.recv(12) == b"HTTP/1.1 408"
        seconds = time.monotonic() - began
        while phone.recv(4096):  # until the server closes the connection
            pass
    return seconds


# --- presence: every worker shows it soon, and as long as it lasts --------------------------------


SOON = 6  # seconds, on a busy machine; a silent phone counts as away after 8


def mood(seat: str) -> Any:
    """A condition on a screen: it shows seat 1 as ``here``, ``asleep`` or ``away``."""

    def holds(screen: Screen) -> bool:
        classes = screen.page.by_id("seat-1").attrs["class"].split()
        shown = [word for word in ("is-asleep", "is-away") if word in classes]
        return shown == ([] if seat == "here" else [f"is-{seat}"])

    return holds


def a_phone_is_here_while_connected_asleep_if_it_says_so_and_otherwise_away(
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
        own.ws.close()  # as a phone's browser does when the screen turns off
        board.quiet(3)
        assert mood("asleep")(board)
        own = ola.live(e.live("me"))
        board.until(mood("here"), SOON)
        own.ws.close()
        board.until(mood("away"), SOON)


def a_phone_with_two_tabs_is_here_until_both_are_closed(house: House) -> None:
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


def a_lost_phone_is_away_within_ten_seconds(house: House) -> None:
    e = house.evening()
    ola = e.guest("Ola", worker=0)
    with house.phone(1).live(e.live("board")) as board:
        own = ola.live(e.live("me"))
        board.until(mood("here"), SOON)
        own.ws.socket.settimeout(None)
        own.ws.protocol.receive_data = lambda data: None  # it stops answering pings
        began = time.monotonic()
        board.until(mood("away"), 15)
        assert time.monotonic() - began < 13  # ten, plus a margin for a busy machine
        own.ws.socket.close()


def a_phone_without_a_socket_says_by_post_that_it_sleeps(house: House) -> None:
    e = house.evening()
    ola = e.guest("Ola", worker=0)
    with house.phone(1).live(e.live("board")) as board:
        assert ola.get(e.at("now?view=me")).status == 200
        board.until(mood("here"), SOON)
        ola.get(e.at("me"))
        assert ola.post(e.at("look"), {"asleep": "true"}, htmx=True).status == 204
        board.until(mood("asleep"), SOON)


def a_phone_on_an_event_stream_that_hides_is_asleep_and_never_away(house: House) -> None:
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


def every_worker_reports_in_the_api_who_is_here(house: House) -> None:
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


def a_presence_message_from_an_unknown_worker_expires(house: House) -> None:
    e = house.evening()
    e.guest("Ola")
    with house.phone(1).live(e.live("board")) as board:
        board.until(mood("away"), SOON)
        message = Present(e.code, "w", (e.player("Ola"), "p-nobody"), ())
        house.redis.publish(channel(message), encode(message))
        board.until(mood("here"), SOON)
        board.until(mood("away"), 13)  # the message is not repeated


def the_host_sees_how_the_tv_is_doing(house: House) -> None:
    e = house.evening()

    def says(text: str) -> Callable[[Screen], bool]:
        return lambda screen: text in screen.shows("tv")

    with e.host.live(e.live("organise")) as host:
        host.until(says("no screen shows the board"), SOON)
        tv = house.phone(0).live(e.live("board"))
        host.until(says("it shows the board"), SOON)
        tv.ws.send(json.dumps({"asleep": True}))
        tv.ws.close()
        host.until(says("hidden"), SOON)
        tv = house.phone(1).live(e.live("board"))
        host.until(says("it shows the board"), SOON)
        tv.ws.close()
        host.until(says("it has stopped answering"), SOON)
        # Without a websocket, by polling and by POST.
        phone = house.phone(0)
        phone.get(e.at())
        assert phone.get(e.at("now?view=board")).status == 200
        host.until(says("it shows the board"), SOON)
        answer = phone.post(e.at("look?view=board"), {"asleep": "true"}, htmx=True)
        assert answer.status == 204
        host.until(says("hidden"), SOON)


PRESENCE = (
    the_host_sees_how_the_tv_is_doing,
    a_phone_is_here_while_connected_asleep_if_it_says_so_and_otherwise_away,
    a_phone_with_two_tabs_is_here_until_both_are_closed,
    a_lost_phone_is_away_within_ten_seconds,
    a_phone_without_a_socket_says_by_post_that_it_sleeps,
    a_phone_on_an_event_stream_that_hides_is_asleep_and_never_away,
    every_worker_reports_in_the_api_who_is_here,
    a_presence_message_from_an_unknown_worker_expires,
)
SCENES = (
    beats_of_an_idle_screen,
    seconds_of_a_look,
    seconds_to_heal,
    seconds_until_a_stuck_reader_is_disconnected,
    seconds_until_a_body_is_given_up,
    *PRESENCE,
)


# --- the tests, on the results of the scenes ------------------------------------------------------


@pytest.fixture(scope="module")
def scenes(house: House) -> Iterator[Callable[[Callable[[House], Any]], Any]]:
    """A function that returns a scene's result; all scenes start together."""
    with ThreadPoolExecutor(len(SCENES)) as pool:
        running: dict[Any, Future[Any]] = {scene: pool.submit(scene, house) for scene in SCENES}
        yield lambda scene: running[scene].result(60)


def test_an_idle_screen_gets_the_current_seq_at_least_every_six_seconds(
    scenes: Callable[..., Any],
) -> None:
    beats = scenes(beats_of_an_idle_screen)
    assert [beat for _, beat in beats] == [{"live": True, "seq": 2}] * len(beats)
    times = [0.0, *(at for at, _ in beats)]
    gaps = [after - before for before, after in pairwise(times)]
    assert len(beats) >= 3
    assert max(gaps) < 6


def test_a_look_that_is_not_repeated_expires_within_ten_seconds(
    scenes: Callable[..., Any],
) -> None:
    assert 3 < scenes(seconds_of_a_look) < 10


def test_an_event_that_was_not_published_is_shown_within_35_seconds(
    scenes: Callable[..., Any],
) -> None:
    assert max(scenes(seconds_to_heal)) < 35


def test_a_client_that_reads_nothing_for_twenty_seconds_is_disconnected(
    scenes: Callable[..., Any],
) -> None:
    assert 19 < scenes(seconds_until_a_stuck_reader_is_disconnected) < 25


def test_a_body_that_does_not_arrive_is_given_up(scenes: Callable[..., Any]) -> None:
    assert 9 < scenes(seconds_until_a_body_is_given_up) < 12


@pytest.mark.parametrize("scene", PRESENCE, ids=lambda scene: scene.__name__)
def test_screens_show_who_is_here(scenes: Callable[..., Any], scene: Any) -> None:
    scenes(scene)
