"""Event streams, polling and posts besides the websocket, and the limits on all of them."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from lct.config import Settings

from .http_client import PATIENCE, Evening, House, Phone, Screen
from .support import wait_until

AT_ONCE = {"LCT_DRAIN_SECONDS": "0"}  # these servers stop without draining


class Stream:
    """Server-sent events as a browser reads them, with a websocket's methods for Screen."""

    def __init__(self, phone: Phone, path: str, last: str = "") -> None:
        self.sock = socket.create_connection((phone.house.host, phone.house.port), PATIENCE)
        lines = [f"GET {path} HTTP/1.1", f"Host: {phone.house.host}:{phone.house.port}"]
        lines += [f"Cookie: {phone.cookie_header(path)}", "Accept: text/event-stream"]
        lines += [f"Last-Event-ID: {last}"] if last else []
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode())
        self._read = b""
        head = self._until(b"\r\n\r\n", PATIENCE)
        self.status = int(head.split()[1])
        self.headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        self.last, self.retry, self.names = last, 0, list[str]()

    def _until(self, mark: bytes, timeout: float) -> str:
        end = time.monotonic() + timeout
        while mark not in self._read:
            self.sock.settimeout(max(0.001, end - time.monotonic()))
            if not (got := self.sock.recv(65536)):
                raise EOFError
            self._read += got
        found, _, self._read = self._read.partition(mark)
        return found.decode()

    def recv(self, timeout: float) -> str:
        lines, name = list[str](), "message"
        for line in self._until(b"\n\n", timeout).split("\n"):
            field, _, value = line.partition(": ")
            if field == "data":
                lines.append(value)
            elif field == "id":
                self.last = value
            elif field == "event":
                name = value
            elif field == "retry":
                self.retry = int(value)
        if not lines:
            return self.recv(timeout)
        self.names.append(name)
        return "\n".join(lines)

    def close(self) -> None:
        self.sock.close()


def events(e: Evening, phone: Phone, view: str, last: str = "") -> Screen:
    return Screen(Stream(phone, e.at(f"events?view={view}"), last))


# --- server-sent events -----------------------------------------------------------------------


def test_an_event_stream_shows_the_same_as_the_websocket(house: House) -> None:
    """On every kind of page."""
    e = house.evening()
    ola, max_ = e.guest("Ola"), e.guest("Max")
    e.pick(max_, 2)
    phones = {"board": ola, "me": ola, "watch": ola, "organise": e.host}
    with ExitStack() as open_:
        pairs = [
            (
                open_.enter_context(events(e, phone, view)),
                open_.enter_context(phone.live(e.live(view))),
            )
            for view, phone in phones.items()
        ]
        for stream, ws in pairs:
            assert stream.ws.headers["Content-Type"].startswith("text/event-stream")
            assert stream.ws.headers["X-Request-Id"]
            for screen in (stream, ws):
                screen.take()
        assert e.pick(ola, 1).status == 200
        for stream, ws in pairs:
            for screen in (stream, ws):
                screen.until(lambda s: "Team 1" in s.text)
            stream.until(lambda s, ws=ws: s.page.picture() == ws.page.picture(), 5)
            assert 1000 <= stream.ws.retry <= 3000
        for stream, _ in pairs:
            stream.until(lambda s: s.beats, 7)
            assert stream.beats[-1]["live"] is True


def test_a_resumed_stream_is_sent_only_new_changes(house: House) -> None:
    e = house.evening()
    ola, max_ = e.guest("Ola", worker=0), e.guest("Max")
    first = events(e, ola, "me")
    first.take()
    first.quiet(3.5)  # until presence has settled
    last = first.ws.last
    assert last
    # The first stream stays open, so Ola is here all the time.
    again = events(e, ola, "me", last)
    assert again.quiet(0.5) == []
    assert e.pick(max_, 2).status == 200
    roots = Screen.roots(again.ws.recv(PATIENCE))
    assert {root.id for root in roots} == {"wait", "team-2"}
    assert again.ws.last != last
    late = events(e, ola, "me", last)
    while "Max Nowak" not in (frame := late.ws.recv(PATIENCE)):
        pass
    assert 'id="team-2"' in frame
    for screen in (first, again, late):
        screen.ws.close()


def test_a_revoked_device_is_sent_over_before_its_stream_ends(house: House) -> None:
    e = house.evening()
    other = e.house.phone()
    other.get(e.at("recover"))
    other.post(e.at("recover"), {"code": e.recovery})
    stream = events(e, other, "organise")
    stream.take()
    newest = e.facts("device-admitted")[-1]["device_id"]
    assert e.act("revoke", device=newest).status == 200
    while "over" not in stream.ws.names:
        stream.ws.recv(PATIENCE)
    with pytest.raises(EOFError):
        stream.ws.recv(PATIENCE)


def test_a_head_request_for_events_ends_at_once(house: House) -> None:
    e = house.evening()
    answer = house.phone().request("HEAD", e.at("events?view=board"))
    assert (answer.status, answer.text) == (200, "")


# --- polling ----------------------------------------------------------------------------------


def test_polling_gets_204_until_something_changes(house: House) -> None:
    e = house.evening()
    ola, max_ = e.guest("Ola"), e.guest("Max")
    path = e.at("now?view=watch")
    first = max_.get(path)
    assert first.status == 200
    assert first.headers["Lct-Live"] == "true"
    ids = {root.id for root in Screen.roots(first.text)}
    assert ids == {"bar", "wait", "stage"}
    tag = first.headers["ETag"]
    again = max_.request("GET", path, headers={"If-None-Match": tag})
    assert (again.status, again.text, again.headers["ETag"]) == (204, "", tag)
    e.pick(ola, 1)
    changed = max_.request("GET", path, headers={"If-None-Match": tag})
    assert changed.status == 200
    assert "Team 1" in changed.text
    assert changed.headers["ETag"] != tag


def test_each_player_has_their_own_etag(house: House) -> None:
    e = house.evening()
    ola, max_ = e.guest("Ola"), e.guest("Max")
    tags = {phone.get(e.at("now?view=me")).headers["ETag"] for phone in (ola, max_)}
    assert len(tags) == 2
    assert 'class="tile is-mine' not in ola.get(e.at("now?view=me")).text
    e.pick(ola, 3)
    assert "yours" in ola.get(e.at("now?view=me")).text
    assert "yours" not in max_.get(e.at("now?view=me")).text


# --- sending without a websocket --------------------------------------------------------------


def test_a_look_by_post_is_seen_and_limited(house: House) -> None:
    e = house.evening()
    ola = e.guest("Ola")
    with house.phone(1).live(e.live("board")) as board:
        board.take()
        assert ola.post(e.at("look"), {"team": "3"}, htmx=True).status == 204
        board.until(lambda s: "looking at Team 3" in s.shows("seat-1"), 3)
        assert ola.post(e.at("look"), {"team": ""}, htmx=True).status == 204
        board.until(lambda s: "looking" not in s.shows("seat-1"), 3)
    for strange in ("-1", "99", "x", "1.5"):
        time.sleep(0.3)
        assert ola.post(e.at("look"), {"team": strange}, htmx=True).status == 404
    wait_until(lambda: ola.post(e.at("look"), {"team": "1"}, htmx=True).status == 429)


@pytest.mark.parametrize("said", [{"team": "3"}, {"asleep": "true"}, {"asleep": "false"}])
def test_a_worker_with_a_stale_cache_accepts_posts_from_a_new_player(
    house: House, said: dict[str, str]
) -> None:
    e = house.evening()
    assert house.phone(0).get(e.at()).status == 200  # it caches the evening without Ola
    ola = e.guest("Ola", worker=1)
    assert ola.copy(0).post(e.at("look"), said, htmx=True).status == 204


# --- limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize("flood", ["messages", "pings"])
def test_a_flooding_socket_is_closed_for_good_and_does_not_slow_others(
    house: House, flood: str
) -> None:
    e = house.evening()
    ola, max_ = e.guest("Ola", worker=0), e.guest("Max", worker=0)
    bad = ola.live(e.live("me"))
    with max_.live(e.live("me")) as good:
        good.take()
        send: Callable[[], Any] = (
            bad.ws.ping if flood == "pings" else lambda: bad.ws.send(json.dumps({"look": 1}))
        )

        def misbehave() -> None:
            for _ in range(20_000):
                send()
            while True:
                bad.ws.recv(PATIENCE)

        with pytest.raises(ConnectionClosed) as closed:
            misbehave()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
        began = time.monotonic()
        assert e.pick(max_, 2).status == 200
        good.until(lambda s: "yours" in s.shows("team-2"), 3)
        assert time.monotonic() - began < 3


def test_a_screen_over_the_limit_is_refused_before_the_upgrade(
    live_server: Any, settings: Settings
) -> None:
    limits = {"LCT_SOCKETS_PER_ADDRESS": "3", "LCT_SOCKETS_PER_TOURNAMENT": "2"}
    house = House(live_server(1, **AT_ONCE, **limits), settings)
    one, other = house.evening(), house.evening()
    open_ = [house.phone().live(one.live("board")) for _ in range(2)]
    with pytest.raises(InvalidStatus) as refused:
        house.phone().live(one.live("board"))
    assert refused.value.response.status_code == 429
    assert int(refused.value.response.headers["Retry-After"]) > 0
    open_.append(house.phone().live(other.live("board")))
    with pytest.raises(InvalidStatus) as refused:
        house.phone().live(other.live("board"))
    assert refused.value.response.status_code == 429
    assert Stream(house.phone(), other.at("events?view=board")).status == 429
    open_.pop().ws.close()
    end = time.monotonic() + PATIENCE
    while True:  # its place is free once the server has noticed
        try:
            house.phone().live(other.live("board")).ws.close()
            break
        except InvalidStatus:
            assert time.monotonic() < end
            time.sleep(0.05)
    for screen in open_:
        screen.ws.close()


def test_strangers_cannot_take_the_last_places(live_server: Any, settings: Settings) -> None:
    house = House(live_server(1, **AT_ONCE, LCT_SOCKETS_PER_TOURNAMENT="5"), settings)
    e = house.evening()
    ola = e.guest("Ola")
    open_ = [house.phone().live(e.live("board")) for _ in range(4)]
    with pytest.raises(InvalidStatus) as refused:
        house.phone().live(e.live("board"))
    assert refused.value.response.status_code == 429
    elsewhere = house.evening()
    assert Stream(elsewhere.guest("Eve"), e.at("events?view=board")).status == 429
    open_.append(ola.live(e.live("me")))
    with pytest.raises(InvalidStatus):
        e.host.live(e.live("organise"))
    open_.pop().ws.close()
    wait_until(lambda: house.log().count("screen closed") == 1)
    open_.append(e.host.live(e.live("organise")))
    for screen in open_:
        screen.ws.close()


def test_players_of_one_evening_cannot_take_all_reserved_places_of_an_address(
    live_server: Any, settings: Settings
) -> None:
    house = House(live_server(1, **AT_ONCE, LCT_SOCKETS_PER_ADDRESS="20"), settings)
    mine, other = house.evening(), house.evening()
    eve, ola = mine.guest("Eve"), other.guest("Ola")
    open_: list[Any] = []

    def fill(phone: Any, e: Any, view: str) -> int:
        before = len(open_)
        with suppress(InvalidStatus):
            while True:
                open_.append(phone.live(e.live(view)))
        return len(open_) - before

    assert fill(house.phone(), mine, "board") == 16
    assert fill(eve, mine, "me") == 2  # of the four that are reserved
    assert fill(house.phone(), other, "board") == 0
    assert fill(ola, other, "me") == 1
    for screen in open_[16:]:
        screen.ws.close()
    wait_until(lambda: house.log().count("screen closed") == 3)
    assert fill(ola, other, "me") == 2
    for screen in [*open_[:16], *open_[19:]]:
        screen.ws.close()
