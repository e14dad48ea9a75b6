"""A phone makes a share with its pick, keeps it shut, and opens it once the picks are fixed."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from lct.domain.shares import pledge

from .browser import PHONE, QUICK, Screens, be, decoded, hurry, is_by, is_live, see
from .http_client import Evening, House, Phone
from .network import Network
from .support import wait_until

pytestmark = pytest.mark.browser


@pytest.fixture
def network(house: House) -> Iterator[Network]:
    made = Network(house.port)
    yield made
    made.close()


def kept(page: Any, evening: Evening) -> Any:
    """What the browser keeps of the evening."""
    return json.loads(page.evaluate(f"localStorage.getItem('lct:{evening.code}')"))


def share_of(key: str, evening: Evening, player: str, value: str) -> str:
    text = f"lct share v2|{evening.code}|{player}|{value}"
    return hmac.new(bytes.fromhex(key), text.encode(), hashlib.sha256).hexdigest()


def fits(pick: dict[str, str], key: str, evening: Evening, player: str) -> bool:
    share = share_of(key, evening, player, pick["value"])
    return pick["pledge"] == pledge(evening.code, player, share)


def at(page: Any, evening: Evening, phone: Phone, url: str) -> Any:
    """Show a phone's own page."""
    be(page, phone)
    page.goto(f"{url}{evening.at('me')}")
    return page


def tap(page: Any, team: int) -> None:
    page.locator(f"#team-{team} .tile").tap()
    see(page.locator(f"#team-{team}"), "yours")


def link_of(page: Any, url: str) -> str:
    """The link to the seat, read from its QR code, at the address of the test."""
    page.get_by_text("Save your seat").tap()
    page.locator("svg.qr").wait_for(timeout=QUICK)
    link = decoded(page)
    assert link == page.locator(".seat-link a").get_attribute("href")
    return link.replace("https://cup.example", url)


def show_picks(page: Any, **said: Any) -> None:
    """Let a phone's page show other picks than the server's."""
    page.evaluate(
        """(said) => {
          const { dataset } = document.querySelector("#share");
          dataset.share = JSON.stringify({ ...JSON.parse(dataset.share ?? "{}"), ...said });
          readShare();
        }""",
        said,
    )


def opened(evening: Evening) -> dict[str, str]:
    """The shares that are in, by player."""
    batches = [fact["shares"] for fact in evening.facts("shares-opened")]
    return dict(each for batch in batches for each in batch)


def test_a_share_is_made_with_the_pick_and_found_again_for_the_draw(
    house: House, screens: Screens
) -> None:
    evening = house.evening(limit=3)
    first, again, max_, zoe = (screens.open(**PHONE) for _ in range(4))
    at(first, evening, evening.guest("Ola"), house.url)
    tap(first, 1)
    tap(first, 2)
    player, key = evening.player("Ola"), kept(first, evening)["keys"][evening.player("Ola")][0]
    one, two = evening.facts("team-picked")
    assert fits(one, key, evening, player)
    assert fits(two, key, evening, player)
    assert one["value"] != two["value"]

    # The link takes the key to another browser, beside its own, and tells nobody else.
    told: list[str] = []
    again.on("request", lambda asked: told.append(f"{asked.url} {asked.headers} {asked.post_data}"))
    link = link_of(first, house.url)
    for damaged in (link[:-1], link):
        again.goto(damaged)
        again.wait_for_url("**/me")
        is_live(again)
    assert link.endswith(f"#k={key}")
    assert "#" not in again.url
    (own, other), *_ = kept(again, evening)["keys"].values()
    assert own != key == other
    again.get_by_text("My short name", exact=True).tap()
    again.get_by_label("What do people call you?").fill("Ola")
    again.get_by_role("button", name="Save my short name").tap()
    see(again, "Saved.")
    assert any("call-name" in each for each in told)
    assert not any("hx-current-url" in each for each in told)
    first.context.close()

    # Max's page is loaded again before the draw, and Zoe's browser stores nothing.
    at(max_, evening, evening.guest("Max"), house.url)
    tap(max_, 3)
    frames: list[Any] = []
    max_.on("websocket", lambda socket: socket.on("framesent", lambda sent: frames.append(sent)))
    max_.reload()
    zoe.add_init_script(
        "Object.defineProperty(self, 'localStorage', { get() { throw new Error(); } })"
    )
    at(zoe, evening, evening.guest("Zoe"), house.url)
    tap(zoe, 4)
    for page in (max_, zoe):
        is_live(page)
    began = time.monotonic()
    assert evening.act("draw", attempt=1).status == 200
    for page in (again, max_, zoe):
        see(page.locator("#share"), "Your share is in.")
    wait_until(lambda: evening.facts("teams-drawn"), 3)
    assert time.monotonic() - began < 3

    (begun,), (closed,) = evening.facts("draw-begun"), evening.facts("shares-closed")
    assert closed["missing"] == []
    assert [list(json.loads(each)) for each in frames if "shares" in each] == [["shares"]]
    assert len(opened(evening)) == 3
    share = opened(evening)[player]
    assert share == share_of(key, evening, player, two["value"])
    wait_until(lambda: again.evaluate("JSON.parse($('#share').dataset.share).shares"), 5)
    assert kept(again, evening)["opened"] == {
        "1": {
            "picks": begun["fingerprint"],
            "shares": {player: share},
            "closed": closed["fingerprint"],
        }
    }
    assert [each for each in told if key in each] == []
    assert key not in house.log()


def test_a_share_that_does_not_come_is_missed_by_its_phone_and_on_the_board(
    house: House, network: Network, screens: Screens
) -> None:
    evening = house.evening(limit=5)
    far = Network(house.port)
    polling, zoe, max_, sam, late = (screens.open(**PHONE) for _ in range(5))
    for page in (polling, late):
        page.clock.install()
    people = {name: evening.guest(name) for name in ("Ola", "Zoe", "Max", "Sam", "Lea")}
    at(polling, evening, people["Ola"], network.url)
    tap(polling, 1)
    at(zoe, evening, people["Zoe"], network.url)
    tap(zoe, 2)
    link = link_of(zoe, network.url)
    zoe.context.close()
    polling.goto(link)
    assert "#" not in polling.url
    polling.get_by_role("button", name="Add the seat of Zoe Nowak").tap()
    polling.wait_for_url("**/me?seat=*")
    assert kept(polling, evening)["keys"][evening.player("Zoe")] == [link[-64:]]

    # Max's key is gone, and Sam's phone is told of another draw.
    at(max_, evening, people["Max"], house.url)
    tap(max_, 3)
    max_.evaluate("localStorage.clear()")
    max_.reload()
    at(sam, evening, people["Sam"], house.url)
    tap(sam, 4)
    pick = evening.facts("team-picked")[-1]
    seat = [pick["player_id"], pick["value"], pick["pledge"], False]
    show_picks(sam, attempt=9, picks="f", shares="", over=False, seats=[seat])
    assert kept(sam, evening)["opened"]["9"]["shares"].keys() == {pick["player_id"]}
    at(late, evening, people["Lea"], far.url)
    tap(late, 5)
    for page in (max_, sam):
        is_live(page)
    for page, through in ((polling, network), (late, far)):
        through.set(live="refuse", events="refuse")
        hurry(page, lambda page=page: page.locator("#live-mark[data-way=poll]").count())
        is_by(page, "poll", "slow")
    far.set(live="refuse", events="refuse", share="cut")
    assert evening.act("draw", attempt=1).status == 200
    see(max_.locator("#share"), "Your share is on the phone")
    see(sam.locator("#share .share-bad"), "two lists of picks")
    show_picks(max_, picks="g")
    see(max_.locator("#share .share-bad"), "two lists of picks")
    ids = {name: evening.player(name) for name in people}
    wait_until(lambda: opened(evening).keys() == {ids["Ola"], ids["Zoe"]}, 4)
    see(late.locator("#share"), "Opening your share")
    far.set(live="refuse", events="refuse", share="cut", now="cut")
    wait_until(lambda: evening.facts("shares-closed"), 8)
    missing = dict(map(tuple, evening.facts("shares-closed")[0]["missing"]))
    assert missing == dict.fromkeys((ids["Max"], ids["Sam"], ids["Lea"]), "silent")
    assert "Max (no answer)" in evening.host.get(evening.at()).page.text

    # Lea's phone tries again, says what the server answers, and knows later that it tried.
    far.set(live="refuse", events="refuse", now="cut")
    see(late.locator("#share .share-bad"), "This share came too late")
    late.reload()
    see(late.locator("#share .share-bad"), "This phone sent your share, and it is not in the draw")
    far.close()
