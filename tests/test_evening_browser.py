"""The whole evening up to the draw as users see it: a TV, a host and four phones, two workers."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from .browser import (
    PHONE,
    QUICK,
    TV,
    Screens,
    create,
    decoded,
    is_live,
    join,
    no_sideways_scroll,
    see,
)
from .support import LiveServer

pytestmark = pytest.mark.browser

COUNT_BEATS = """() => {
  window.beats = 0;
  const mark = document.getElementById("live-mark");
  mark.addEventListener("animationstart", () => window.beats++);
}"""
ENDLESS = """document.getAnimations()
  .filter((each) => each.effect.getComputedTiming().iterations === Infinity).length"""


def test_the_evening_up_to_the_draw(
    live_server: Callable[..., LiveServer], screens: Screens
) -> None:
    server = live_server(workers=2)
    host = screens.open(**TV)
    code = create(host, server.url, "Friday Cup", 4)
    recovery = host.locator(".recovery").inner_text()
    assert re.fullmatch(r"(\w{4}-){4}\w{4}", recovery.strip())
    host.get_by_role("link", name="Run the evening").click()

    tv = screens.open(**TV, reduced_motion="no-preference")
    tv.goto(f"{server.url}/t/{code}")
    join_url = decoded(tv)
    assert join_url.endswith(f"/t/{code}/join")
    is_live(tv)
    tv.evaluate(COUNT_BEATS)

    # Everyone joins; Max taps everything twice.
    ola, max_, zoe, sam = phones = [screens.open(**PHONE) for _ in range(4)]
    join(ola, join_url, "Ola", "Nowak")
    see(tv, "Ola Nowak")
    join(max_, join_url, "Max", "Berger", twice=True)
    join(zoe, join_url, "Zoë", "Martin")
    join(sam, join_url, "ليلى", "👨‍👩‍👧‍👦")
    see(tv, "ليلى 👨‍👩‍👧‍👦")
    assert tv.locator("#stage .cells > *", has_text="Max Berger").count() == 1
    for phone in phones:
        no_sideways_scroll(phone)
        is_live(phone)
    ola.reload()
    see(ola, "Pick your team")

    # A fifth guest sees that the seats are taken, with the board below.
    late = screens.open(**PHONE)
    late.goto(join_url)
    see(late, "All 4 seats are taken")
    see(late, "Ola Nowak")
    late.close()

    # A hover shows on every other screen, with the guest's name.
    ola.locator("#team-2 .tile").hover()
    see(zoe.locator("#team-2"), "Ola is looking")
    see(tv, "looking at Paris Saint-Germain")
    assert "Ola is looking" not in ola.locator("#team-2").inner_text()
    ola.reload()

    # Picks: a single tap, a double tap on one team, and a change of mind.
    ola.locator("#team-2 .tile").tap()
    see(ola.locator("#me"), "Paris Saint-Germain")
    see(zoe.locator("#team-2"), "Ola Nowak")
    max_.locator("#team-3 .tile").dblclick()
    see(max_.locator("#team-3"), "yours")
    zoe.locator("#team-4 .tile").tap()
    see(zoe.locator("#team-4"), "yours")
    zoe.locator("#team-5 .tile").tap()
    see(zoe.locator("#team-5"), "yours")
    see(ola.locator("#wait"), "3 of 4")
    assert "yours" not in zoe.locator("#team-4").inner_text()
    ola.reload()
    see(ola.locator("#me"), "Paris Saint-Germain")

    # Zoë opens the QR again in a browser without cookies and comes back as herself.
    zoe.get_by_text("Save your seat").tap()
    personal = zoe.locator(".seat-link .code-text").inner_text()
    again = screens.open(**PHONE)
    again.goto(join_url.replace("/join", "/back"))
    again.get_by_label("Your personal code").fill(personal.lower())
    again.get_by_role("button", name="Back to my seat").tap()
    again.wait_for_url("**/me")
    see(again.locator("#team-5"), "yours")

    # Sam's phone sleeps through the draw.
    sam.locator("#team-6 .tile").tap()
    see(tv, "Everyone has picked")
    asleep = sam.context.new_cdp_session(sam)
    asleep.send("Page.setWebLifecycleState", {"state": "frozen"})
    sam.context.set_offline(True)
    host.get_by_role("button", name="Draw the teams").dblclick()
    see(tv, "The draw has begun")
    ola.reload()
    see(ola.locator("#share"), "Your share is in.", QUICK)
    see(tv, "in: 3 shares · without: ليلى", 15_000)
    see(ola, "before yours" if ola.get_by_text("before yours").count() else "card", QUICK)

    # The cards turn on every screen, one after another.
    tv.locator("#stage[data-kind=draw] .is-done").first.wait_for(timeout=15_000)
    assert tv.locator("#stage .is-done").count() < 4
    # The name in the light stands above its card, beside the list, in the largest letters.
    name, card, rows = (tv.locator(f"#stage {each}").bounding_box()
                        for each in (".spot-name", ".card-3d", ".cells"))  # fmt: skip
    assert name["y"] + name["height"] <= card["y"]
    assert card["x"] + card["width"] <= rows["x"]
    sizes = tv.evaluate("""() => [...document.querySelectorAll("h1, .tally, .stage p, .stage bdi")]
      .map((text) => [parseFloat(getComputedStyle(text).fontSize), text.className])""")
    assert "spot-name" in " ".join(what for size, what in sizes if size == max(sizes)[0])
    tv.locator("#stage[data-kind=list]").wait_for(timeout=30_000)
    for phone in (ola, max_, zoe, again):
        see(phone.locator("#me"), "You play with")
    sam.context.set_offline(False)
    asleep.send("Page.setWebLifecycleState", {"state": "active"})
    see(sam.locator("#me"), "You play with", 12_000)
    drawn = [phone.locator("#me .me-main").inner_text() for phone in (ola, max_, zoe, sam)]
    assert zoe.locator("#me .me-main").inner_text() == again.locator("#me .me-main").inner_text()
    picked = {"Paris Saint-Germain", "Real Madrid CF", "FC Barcelona", "FC Bayern München"}
    assert {name.casefold() for name in drawn} == {name.casefold() for name in picked}
    ola.reload()
    see(ola.locator("#me"), drawn[0])

    # The mark beat with the server, and what moved has come to rest.
    assert tv.evaluate("window.beats") >= 3
    assert tv.evaluate(ENDLESS) == 0

    # Anyone can check it.
    ola.goto(f"{server.url}/t/{code}/verify")
    see(ola, "The draw is fair")
    no_sideways_scroll(ola)

    # The host lost the laptop: the recovery code brings the evening back.
    other = screens.open(**PHONE)
    other.goto(f"{server.url}/t/{code}/organise")
    see(other, "Only the host can do that")
    other.goto(f"{server.url}/t/{code}/recover")
    other.get_by_label("Recovery code").fill(recovery)
    other.get_by_role("button", name="Run the evening here").tap()
    other.wait_for_url("**/organise")
    see(other, "The teams are drawn")
    no_sideways_scroll(other)
