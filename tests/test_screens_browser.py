"""Single screens: without JavaScript, by keyboard, in dark mode, without a connection."""

from __future__ import annotations

import os
import re
import signal
import unicodedata
from collections.abc import Callable

import pytest

from lct.domain.spelling import IGNORABLE, sought

from .browser import (
    PHONE,
    TV,
    Screens,
    be,
    create,
    decoded,
    hurry,
    is_live,
    join,
    no_sideways_scroll,
    see,
)
from .http_client import PUBLIC_URL, House
from .support import LiveServer, wait_until

pytestmark = pytest.mark.browser


# Assigned letters, marks and signs up to CJK, and the compatibility forms.
SPELLED = [
    chr(c)
    for c in (*range(0x20, 0x3000), *range(0xA640, 0xA800), *range(0xFB00, 0xFFF0))
    if unicodedata.category(chr(c)) != "Cn"
]


@pytest.fixture
def base(house: House) -> str:
    """The URL of the app that all tests share."""
    house.forget_limits()
    return house.url


def test_the_browser_folds_as_the_server_does(base: str, screens: Screens) -> None:
    page = screens.open()
    page.goto(base)
    folded = page.evaluate("all => all.map(c => plain(`a${c}b`))", SPELLED)
    assert folded == [sought(f"a{c}b") for c in SPELLED]
    unseen = page.evaluate(r"""() => Array.from({ length: 0x110000 }, (_, c) => c)
        .filter(c => /^\p{Default_Ignorable_Code_Point}$/u.test(String.fromCodePoint(c)))""")
    assert unseen == [c for c in range(0x110000) if re.match(f"[{IGNORABLE}]", chr(c))]


# What the translators of browsers do: each text is replaced by two <font> with other words, now and
# whenever the page changes, except where translate="no".
TRANSLATOR = """addEventListener("DOMContentLoaded", () => {
  const done = new WeakSet();
  const kept = "script, style, textarea, svg, template, [translate=no]";
  const translate = () => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), texts = [];
    while (walker.nextNode()) texts.push(walker.currentNode);
    for (const text of texts) {
      if (done.has(text) || !text.data.trim() || text.parentNode.closest(kept)) continue;
      const outer = document.createElement("font"), inner = document.createElement("font");
      inner.textContent = text.data.replace(/(\\p{L}+)/gu, "$1¤");
      done.add(inner.firstChild);
      outer.append(inner);
      text.replaceWith(outer);
    }
  };
  translate();
  const all = { childList: true, characterData: true, subtree: true };
  new MutationObserver(translate).observe(document.body, all);
  window.marks = 0;
  const mark = document.getElementById("live-mark");
  new MutationObserver(() => { window.marks += 1; }).observe(mark, all);
});"""
# The texts of a page without what the translator adds, and without the mark.
SHOWN = """() => {
  const plain = (element) => element.innerText.replaceAll("¤", "");
  const lines = plain(document.body).split("\\n").map((line) => line.trim());
  return lines.filter((line) => line && line !== plain(document.querySelector("#live-mark")));
}"""


def test_a_page_that_the_browser_translates_stays_right(house: House, screens: Screens) -> None:
    e = house.evening(limit=4, teams=["Lech", "Wisła", "Legia", "Śląsk"])
    guests = [e.guest(name) for name in ("Ola", "Max", "Zoë", "Sam")]
    pages = []
    for size, path in ((PHONE, "me"), (TV, "")):
        translated, plain = screens.open(**size), screens.open(**size)
        translated.add_init_script(TRANSLATOR)
        for page in (translated, plain):
            be(page, guests[0])
            page.goto(house.url + e.at(path))
            is_live(page)
        pages.append((translated, plain))
    for translated, _ in pages:
        assert "¤" in translated.locator("#live-mark").inner_text()
        assert "¤" not in "".join(translated.locator("bdi, .code").all_inner_texts())
        translated.evaluate("marks = 0")
    for team, guest in enumerate(guests):
        assert e.pick(guest, team).status == 200
        for translated, plain in pages:
            taken = plain.locator("#stage :is(.is-picked, .is-taken, .is-mine)")
            wait_until(lambda taken=taken, picks=team + 1: taken.count() == picks)
            wait_until(lambda t=translated, p=plain: t.evaluate(SHOWN) == p.evaluate(SHOWN))
    for translated, _ in pages:
        assert translated.evaluate("marks") == 0


def test_the_evening_works_without_javascript(base: str, screens: Screens) -> None:
    host = screens.open(**TV, java_script_enabled=False)
    code = create(host, base, "Plain Cup", 2)
    ola, max_ = (screens.open(**PHONE, java_script_enabled=False) for _ in range(2))
    for phone, name in ((ola, "Ola"), (max_, "Max")):
        join(phone, f"{base}/t/{code}/join", name, "Nowak")
    ola.goto(f"{base}/t/{code}/me?q=league chél")
    assert ola.locator(".tile").count() == 1
    ola.locator(".tile").click()
    see(ola.locator("#me"), "Chelsea")
    max_.locator(".tile", has_text="Chelsea").click()
    see(max_, "Chelsea was just taken by Ola Nowak")
    max_.get_by_role("link", name="Back").click()
    max_.locator(".tile", has_text="Liverpool").click()
    max_.get_by_role("button", name="Let it go").click()
    see(max_, "Pick your team")
    max_.locator(".tile", has_text="Juventus").click()
    host.goto(f"{base}/t/{code}/organise")
    host.get_by_text("Rename", exact=True).first.click()
    host.get_by_label("Name of the evening").fill("")
    host.locator("#c-name").evaluate("field => field.removeAttribute('required')")
    host.get_by_role("button", name="Save").first.click()
    see(host, "Type a name for the tournament")
    host.get_by_role("link", name="Back").click()
    host.get_by_role("button", name="Draw the teams").click()
    host.get_by_role("button", name="Skip the reveal").click()
    see(host, "The teams are drawn")
    ola.goto(f"{base}/t/{code}/me")
    see(ola.locator("#me"), "You play with")


def test_a_rejected_form_keeps_its_input_and_says_why(base: str, screens: Screens) -> None:
    host = screens.open(**PHONE)
    host.goto(base)
    host.get_by_label("Name of the evening").fill("Friday Cup")
    host.get_by_label("Players", exact=True).fill("12")
    host.get_by_role("button", name="Create the tournament").tap()
    see(host, "10 teams for 12 players: 2 missing.")
    assert host.get_by_label("Name of the evening").input_value() == "Friday Cup"
    assert host.get_by_label("Players", exact=True).input_value() == "12"
    no_sideways_scroll(host)


def test_a_player_picks_by_keyboard_and_keeps_the_focus(house: House, screens: Screens) -> None:
    e = house.evening()
    page = screens.open(**TV)
    be(page, e.guest("Ola"))
    page.goto(house.url + e.at("me"))
    is_live(page)
    page.locator("#team-3 .tile").focus()
    page.keyboard.press("Enter")
    see(page.locator("#team-3"), "yours")
    assert page.evaluate("document.activeElement.value") == "3"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    see(page.locator("#team-4"), "yours")
    # One polite live region announces the evening, one the player's own taps; none is assertive.
    spoken = page.locator("[aria-live], [role=status], [role=alert]")
    assert {each.get_attribute("id") for each in spoken.all()} == {"notice", "wait"}
    assert page.locator("[aria-live=assertive], [role=alert]").count() == 0


def test_a_camera_reads_the_code_on_the_tv_in_dark_mode_too(house: House, screens: Screens) -> None:
    e = house.evening(2)
    for scheme in ("light", "dark"):
        tv = screens.open(**TV, color_scheme=scheme)
        tv.goto(house.url + e.at())
        assert decoded(tv) == PUBLIC_URL + e.at("join")
        assert tv.evaluate("document.documentElement.scrollHeight <= innerHeight")


@pytest.mark.parametrize("players", [2, 16, 32])
def test_the_board_fits_the_smallest_tv(base: str, screens: Screens, players: int) -> None:
    host = screens.open(**TV)
    host.goto(base)
    host.get_by_label("Name of the evening").fill(f"{players}".rjust(60, "W"))
    host.get_by_label("Players", exact=True).fill(str(players))
    host.get_by_text("By stars").click()
    host.get_by_label("From", exact=True).select_option("2")
    host.get_by_role("button", name="Create the tournament").click()
    host.wait_for_url("**/created")
    tv = screens.open(**TV)
    tv.goto(host.url.replace("/created", ""))
    assert tv.locator("#stage .cells > *").count() == players
    assert tv.evaluate("document.documentElement.scrollHeight <= innerHeight")
    last = tv.locator("#stage .cells > *").last.bounding_box()
    assert last["y"] + last["height"] <= 720
    no_sideways_scroll(tv)


def test_every_screen_says_when_it_is_not_live_and_comes_back_by_itself(
    live_server: Callable[..., LiveServer], screens: Screens
) -> None:
    server = live_server(workers=1)
    base = server.url
    phone, tv = screens.open(**PHONE), screens.open(**TV)
    code = create(phone, base, "Lost Cup", 2)
    for screen in (tv, phone):
        screen.clock.install()
    tv.goto(f"{base}/t/{code}")
    join(phone, f"{base}/t/{code}/join", "Ola", "Nowak")
    for screen in (tv, phone):
        is_live(screen)
        see(screen, "Ola Nowak")
    for worker in server.pids:
        os.kill(worker, signal.SIGSTOP)  # reachable but silent
    for screen in (tv, phone):
        hurry(screen, screen.get_by_text("Not live since").count, 14)
        see(screen, "Ola Nowak")  # the last known picture stays
    for worker in server.pids:
        os.kill(worker, signal.SIGCONT)
    for screen in (tv, phone):
        is_live(screen, 12_000)
    for worker in server.pids:
        os.kill(worker, signal.SIGKILL)  # disconnected; new workers take the same address
    for screen in (tv, phone):
        is_live(screen, 12_000)


def test_a_removed_player_reads_why_and_may_come_back(house: House, screens: Screens) -> None:
    e = house.evening()
    host, phone = screens.open(**TV), screens.open(**PHONE)
    be(host, e.host)
    host.goto(house.url + e.at("organise"))
    join(phone, house.url + e.at("join"), "Ola", "Nowak")
    phone.locator("#team-1 .tile").tap()
    host.get_by_label("Remove Ola Nowak").click()
    host.get_by_role("button", name="Yes, remove Ola").click()
    see(phone, "You're off the list")
    phone.get_by_role("link", name="Join again").tap()
    phone.wait_for_url("**/join")
    join(phone, house.url + e.at("join"), "Ola", "Nowak")
    see(phone, "Pick your team")
    host.get_by_label("Remove Ola Nowak").click()
    host.get_by_role("button", name="Block Ola").click()
    see(phone, "You can't join this one")


def test_a_wrong_field_of_the_host_shows_its_error_beside_it(
    house: House, screens: Screens
) -> None:
    e = house.evening()
    for name in ("Ola", "Max", "Zoë"):
        e.guest(name)
    host = screens.open(**PHONE)
    be(host, e.host)
    host.goto(house.url + e.at("organise"))
    is_live(host)
    host.get_by_text("Seats: 4").tap()
    seats = host.locator("#c-limit")
    # In one step: a frame in between would turn the browser's own validation on again.
    seats.evaluate(
        """(field) => {
          field.form.noValidate = true;
          field.value = "2";
          field.form.querySelector("button").click();
        }"""
    )
    see(host, "3 players have already joined")
    told = seats.evaluate("field => field.validationMessage")
    assert told.startswith("3 players have already joined")
    assert seats.input_value() == "2"
    seats.fill("3")
    host.locator("#c-tool-limit").get_by_role("button", name="Save").tap()
    see(host, "picks missing")
    no_sideways_scroll(host)


def test_a_board_is_current_and_live_after_going_back(house: House, screens: Screens) -> None:
    """For "back", browsers restore the old page or reload it; either way it is live."""
    e = house.evening()
    tv = screens.open(**TV)
    tv.goto(house.url + e.at())
    is_live(tv)
    tv.goto(house.url + e.at("join"))
    ola = e.guest("Ola")
    assert e.pick(ola, 1).status == 200
    tv.go_back()
    tv.locator("#seat-1.is-picked").wait_for(timeout=5_000)
    is_live(tv)
    assert e.pick(ola, 2).status == 200
    tv.locator("#seat-1", has_text=e.teams[2]).wait_for(timeout=5_000)
