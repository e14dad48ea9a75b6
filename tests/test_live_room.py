"""A room, its pictures and its screens, without a server."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
import gevent.socket
import pytest

from lct.application.messages import Looked
from lct.application.screens.change import ANYTHING
from lct.application.screens.region import Region, Scene
from lct.application.screens.region import Screen as View
from lct.locale import Language
from lct.running import PublicAddress
from lct.web.outbox import EventOutbox, Outbox, Shared, event, messages
from lct.web.picture import Picture
from lct.web.render import out_of_band
from lct.web.room import AT_ONCE, COALESCE, Room

from .desk import utc_now
from .evening import CODE, Evening

ADDRESS = PublicAddress("https://cup.example", Path("/nowhere"))


def nothing(*about: object) -> None:
    """Nothing is due in these tournaments."""


def unknown_changes(evening: Evening, seq: int) -> Any:
    """A stream that does not know what its events touched."""
    return SimpleNamespace(
        tournament=evening.t, seq=seq, at=utc_now(), touched_since=lambda seq: [None]
    )


def bus_with(looks: Callable[[str], dict[str, tuple[int, float]]]) -> Any:
    """A bus with these looks."""
    return SimpleNamespace(looks=looks, presences=lambda code: [], connected=True, now=utc_now)


def store_with(stream: Any) -> Any:
    """A store with one stream in it."""
    return SimpleNamespace(read=lambda code: stream, stream=lambda code: stream)


@pytest.mark.parametrize(
    ("heard", "stored", "shown"),
    [
        (3, {}, {"p-Ola": 3}),
        (4, {"p-Ola": (3, 8.0)}, {"p-Ola": 4}),
        (None, {"p-Ola": (3, 8.0)}, {}),
    ],
    ids=["she looks", "she looks elsewhere", "she looks away"],
)
def test_a_look_received_while_stored_looks_are_read_overrides_them(
    heard: int | None, stored: dict[str, tuple[int, float]], shown: dict[str, int]
) -> None:
    evening = Evening()
    evening.join("Ola")
    stream = unknown_changes(evening, 2)

    def read_looks(code: str) -> dict[str, tuple[int, float]]:
        room.look(Looked(code, "p-Ola", heard), 8)
        return stored

    unused: Any = None
    bus: Any = bus_with(read_looks)
    room = Room(
        CODE, store=store_with(stream), bus=bus, renderer=unused, address=ADDRESS, go_on=nothing
    )
    room._refresh()
    room.greenlet.kill(block=False)
    assert room.live_now().looks == shown


class Screen(Outbox):
    """A phone's outbox that keeps what it is sent."""

    def __init__(self, player_id: str) -> None:
        self.ends = socket.socketpair()
        super().__init__(self.ends[0], Shared("me"), player_id)
        self.sent: list[str] = []
        self.closed_with = 0

    def offer(self, data: bytes, ids: set[str]) -> None:
        self.sent.append(data.decode(errors="replace"))

    def close(self, code: int, reason: str = "") -> None:
        self.closed_with = code


class Renderer:
    """Renders the data of a region as text, and fails on text that contains ``broken``."""

    broken = "nothing"

    def html(self, region: Region, language: Language) -> str:
        children = "".join(self.html(child, language) for child in region.children)
        text = f'<p id="{region.id}">{region.data}{children}</p>'
        if self.broken in text:
            raise RuntimeError(self.broken)
        return text


def test_a_phone_whose_own_regions_fail_to_render_does_not_affect_the_others() -> None:
    evening = Evening()
    ids = evening.join("Ola", "Max", "Zoe")
    stream = unknown_changes(evening, 2)
    bus: Any = bus_with(lambda code: {})
    renderer: Any = Renderer()
    room = Room(
        CODE, store=store_with(stream), bus=bus, renderer=renderer, address=ADDRESS, go_on=nothing
    )
    phones = [Screen(player_id) for player_id in ids]
    for phone in phones:
        room.enter(phone)
        phone.sent.clear()
    renderer.broken = "name='Max Nowak'"  # only on Max's own card
    for team, player_id in enumerate(ids):
        evening.pick(player_id, team)
    stream.seq = 5
    room.moved(5)
    room._refresh()
    room.greenlet.kill(block=False)
    ola, max_, zoe = phones
    assert max_.closed_with == 1011
    for phone, name in ((ola, "Ola Nowak"), (zoe, "Zoe Nowak")):
        assert f"name='{name}'" in "".join(phone.sent)
        assert not phone.closed_with


def test_a_room_sends_a_few_changes_at_once_and_more_of_them_at_its_pace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evening = Evening()
    (ola,) = evening.join("Ola")
    times: list[float] = []

    def refresh(room: Room) -> float:
        times.append(time.monotonic())
        return 30.0

    monkeypatch.setattr(Room, "_refresh", refresh)
    bus: Any = bus_with(lambda code: {})
    renderer: Any = Renderer()
    stream = unknown_changes(evening, 2)
    room = Room(
        CODE, store=store_with(stream), bus=bus, renderer=renderer, address=ADDRESS, go_on=nothing
    )
    room.enter(Screen(ola))
    began = time.monotonic()
    while time.monotonic() < began + 8 * COALESCE:
        room.wake.set()
        gevent.sleep(0.001)
    room.greenlet.kill(block=False)
    assert len(times) >= AT_ONCE + 1
    assert times[AT_ONCE - 1] - times[0] < (AT_ONCE - 1) * COALESCE
    for count, when in enumerate(times, 1):
        assert count <= AT_ONCE + (when - times[0]) / COALESCE + 0.01


class Painted:
    """A picture of the given regions."""

    def __init__(self, renderer: Any, *top: Region) -> None:
        self.top = top
        self.scene = Scene(Evening().t, utc_now())
        self.picture = Picture(
            renderer, View(lambda s: self.top, lambda s, touched: None), self.scene
        )

    def update(self, *top: Region) -> tuple[bytes, set[str]]:
        self.top = top
        return self.picture.update(self.scene, ANYTHING)


def test_the_next_update_includes_a_region_that_failed_to_render() -> None:
    renderer: Any = Renderer()
    picture = Painted(renderer, Region("one", "", ("a",)), Region("two", "", ("b",)))
    changed = (Region("one", "", ("new",)), Region("two", "", ("b",)))
    renderer.broken = "new"
    with pytest.raises(RuntimeError):
        picture.update(*changed)
    renderer.broken = "nothing"
    html, ids = picture.update(*changed)
    assert ids == {"one"}
    assert b"new" in html
    assert picture.update(*changed) == (b"", set())


def test_own_regions_replace_shared_ones_which_are_rendered_once() -> None:
    rendered: list[str] = []

    class Counting(Renderer):
        def html(self, region: Region, language: Language) -> str:
            rendered.append(region.id)
            return super().html(region, language)

    renderer: Any = Counting()
    rows = tuple(Region(f"row-{n}", "", (n,)) for n in range(50))
    painted = Painted(renderer, Region("stage", "", ("s",), rows), Region("me", "", ("all",)))
    picture = painted.picture
    picture.html({"stage", "me", *(row.id for row in rows)}, {})
    rendered.clear()
    for n in range(10):
        mine = {"row-7": Region("row-7", "", (f"own {n}",)), "me": Region("me", "", (f"I {n}",))}
        html = picture.html({"stage", "me", *(row.id for row in rows)}, mine).decode()
        assert f"own {n}" in html
        assert f"I {n}" in html
        assert "(7,)" not in html
        assert html.count('id="row-') == 50
        assert picture.whole(mine).decode().count(f"own {n}") == 1
    assert len(rendered) < 100  # not 50 for each phone
    painted.update(Region("stage", "", ("s",), (*rows[:3], Region("row-3", "", ("x",)))))
    assert b"('x',)" in picture.whole({})
    assert b"row-9" not in picture.whole({})


def test_a_closed_stream_sends_over_even_after_a_half_written_event() -> None:
    ours, theirs = gevent.socket.socketpair()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    box = EventOutbox(ours, Shared("board"))
    big = event(b"x" * 1_000_000)
    box.offer(big, set())
    assert box.lagging
    box.close(1008, "deleted")
    box.offer(event(b"too late"), set())
    got = b""
    while data := theirs.recv(65536):
        got += data
    assert got == big + b"event: over\ndata: deleted\n\n"
    box.see_off()


@pytest.mark.parametrize(
    ("sizes", "cut"),
    [
        ([10, 90_000, 10], [3]),
        ([10, 90_000, 90_000, 90_000, 10], [2, 1, 2]),
        ([10, 400_000, 10], [3]),  # nothing is gained by small ones on their own
        ([10, 400_000, 400_000, 10], [2, 2]),
        ([900] * 400, [165, 165, 70]),
        ([], []),
    ],
)
def test_a_large_change_comes_in_messages_of_whole_regions(
    sizes: list[int], cut: list[int]
) -> None:
    regions = [
        out_of_band(f'<{tag} id="r-{n}"><b id="b-{n}">{"x" * (size - 70)}</b></{tag}>', "")
        for n, size in enumerate(sizes)
        for tag in ("tbody" if n % 2 else "section",)
    ]
    html = "".join(regions).encode()
    found = messages(html)
    assert b"".join(found) == html
    assert [each.count(b"hx-swap-oob") for each in found if each] == cut
    assert all(each.startswith((b"<section ", b"<table><tbody ")) for each in found if each)
