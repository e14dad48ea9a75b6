"""During a rollout, a screen that leaves an old pod connects to a new one."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus

from lct.application.messages import EVERYWHERE, Revision, decode, encode
from lct.config import LONGEST_NAME
from lct.web.rollout import Rollout

from .browser import TV, Screens, is_by
from .http_client import Evening, House, Phone
from .network import Network
from .support import wait_until
from .test_live_ways import Stream


@pytest.mark.parametrize(
    ("heard", "is_next"),
    [
        ("", False),
        ("old leaves", False),  # scaled down
        ("new begins", False),  # no pod leaves yet
        ("new begins, old leaves", True),
        ("old leaves, new begins", False),
        ("new begins, old leaves, new leaves", True),
        ("new begins, new leaves", False),
        ("new begins, old leaves, old begins", False),  # rolled back
        ("new begins, old begins, old leaves", False),  # a crashed pod is back
        ("old begins, new begins, old leaves", True),
    ],
)
def test_a_worker_knows_whether_it_is_replaced_next(heard: str, is_next: bool) -> None:
    rollout = Rollout("old")
    for word in filter(None, heard.split(", ")):
        revision, _, what = word.partition(" ")
        rollout.heard(Revision(revision, leaving=what == "leaves"))
    assert rollout.is_next() is is_next


def test_a_stalled_rollout_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    rollout, now = Rollout("old"), time.monotonic()
    for word in (Revision("new", leaving=False), Revision("old", leaving=True)):
        rollout.heard(word)
    monkeypatch.setattr("time.monotonic", lambda: now + 59)
    assert rollout.is_next()
    monkeypatch.setattr("time.monotonic", lambda: now + 61)
    assert not rollout.is_next()


@pytest.mark.parametrize(
    "word", [Revision(LONGEST_NAME * "a", leaving=False), Revision("", leaving=True)]
)
def test_a_revision_message_survives_the_bus(word: Revision) -> None:
    assert decode(encode(word)) == word


@pytest.mark.parametrize(
    "data",
    ['"revision":"a"', '"revision":1,"leaving":true', '"revision":"a","leaving":1',
     '"revision":"' + 65 * "a" + '","leaving":true'],
)  # fmt: skip
def test_a_malformed_revision_message_is_dropped(data: str) -> None:
    assert decode(f'{{"type":"revision",{data}}}') is None


# --- a rollout in progress ------------------------------------------------------------------------


def status(phone: Phone, path: str) -> int:
    """The status of the response to a websocket handshake."""
    try:
        phone.live(path).ws.close()
    except InvalidStatus as refused:
        return refused.response.status_code
    return 101


@pytest.fixture
def evening(house: House) -> Evening:
    return house.evening()


@pytest.fixture
def replaced(house: House, evening: Evening) -> Iterator[None]:
    """A rollout: newer pods have started, and a pod of the house's revision is leaving."""

    def say(*words: Revision) -> None:
        for word in words:
            house.redis.publish(EVERYWHERE, encode(word))

    def answers(*words: Revision) -> set[int]:
        say(*words)  # repeated: a worker that has just started may not be listening yet
        board = evening.live("board")
        return {status(house.phone(n), board) for n in range(len(house.workers))}

    going = Revision("new", leaving=False), Revision("", leaving=True)
    wait_until(lambda: answers(*going) == {503})
    yield
    wait_until(lambda: answers(Revision("", leaving=False)) == {101})


@pytest.mark.usefixtures("replaced")
def test_a_pod_to_be_replaced_next_refuses_screens_once_and_nothing_else(evening: Evening) -> None:
    board, ola = evening.live("board"), evening.guest("Ola")
    assert status(ola, board) == 503
    assert status(ola, board + "&again") == 101
    answer = ola.get(evening.at("events?view=me"))
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert Stream(ola, evening.at("events?view=me&again")).status == 200
    assert ola.get(evening.at("now?view=me")).status == 200
    assert Stream(ola, f"/api/v1/tournaments/{evening.code}/events").status == 200
    assert evening.pick(ola, 1).status == 200


@pytest.mark.browser
@pytest.mark.parametrize("way", ["ws", "sse"])
def test_a_page_that_no_other_pod_takes_reconnects_after_one_refusal(
    house: House, evening: Evening, screens: Screens, request: pytest.FixtureRequest, way: str
) -> None:
    network, tv = Network(house.port), screens.open(**TV)
    network.set(**({} if way == "ws" else {"live": "refuse"}))
    tv.goto(f"{network.url}{evening.at()}")
    is_by(tv, way, "live")
    request.getfixturevalue("replaced")
    asked: list[str] = []
    tv.on("websocket", lambda socket: asked.append(socket.url))
    tv.on("request", lambda sent: asked.append(sent.url))
    network.cut()
    tv.locator("#live-mark[data-state=off]").wait_for()
    is_by(tv, way, "live")
    path = {"ws": "/live?", "sse": "/events?"}[way]
    said_again = [url.endswith("&again") for url in asked if path in url]
    assert (said_again[0], said_again[-1]) == (False, True)
    assert not any("/now?" in url for url in asked)
    network.close()
