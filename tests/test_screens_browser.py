"""Single screens: without JavaScript, by keyboard, in dark mode, without a connection."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

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
    letters_are_whole,
    no_sideways_scroll,
    nothing_is_cut,
    see,
)
from .http_client import PUBLIC_URL, House
from .support import LiveServer

pytestmark = pytest.mark.browser


@pytest.fixture
def base(house: House) -> str:
    """The URL of the app that all tests share."""
    house.forget_limits()
    return house.url


def test_the_evening_works_without_javascript(base: str, screens: Screens) -> None:
    host = screens.open(**TV, java_script_enabled=False)
    code = create(host, base, "Plain Cup", 2)
    ola, max_ = (screens.open(**PHONE, java_script_enabled=False) for _ in range(2))
    for phone, name in ((ola, "Ola"), (max_, "Max")):
        join(phone, f"{base}/t/{code}/join", name, "Nowak")
    ola.goto(f"{base}/t/{code}/me?q=chel")
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


def test_long_names_are_whole_with_all_their_marks(house: House, screens: Screens) -> None:
    names = [
        "Wolfgang-Maximilian von Hohenstein", "Max Müller-Lüdenscheidt A",
        "Max Müller-Lüdenscheidt B", "Ễva Nguyễn Thị Minh Khai", "Αλέξανδρος Παπαδόπουλος",
        "Екатерина Константинопольская", "محمد عبد الرحمن", "Åsa Șerbănescu-Ģögy",
    ]  # fmt: skip
    teams = ["Borussia Mönchengladbach", "Wolverhampton Wanderers", "Παναθηναϊκός", "ŞÅ Ẳjgy"]
    e = house.evening(32, [*teams, *(f"Brighton & Hove Albion {n}" for n in range(28))])
    guests = [e.guest(*name.split(" ", 1)) for name in names]
    for team, guest in enumerate(guests):
        assert e.pick(guest, team).status == 200
    tv, phone = screens.open(**TV), screens.open(**PHONE)
    be(phone, guests[0])
    for page, at in ((tv, e.at()), (phone, e.at("me"))):
        page.goto(house.url + at)
        is_live(page)
        letters_are_whole(page)
        no_sideways_scroll(page)
    nothing_is_cut(tv, ".seat", ".name")
    nothing_is_cut(phone, ".tile", ".tile-name, .tile-state bdi")
    in_one_line = """each => {
      const range = document.createRange(), text = each.firstChild;
      range.setStart(text, text.data.indexOf("Mönch"));
      range.setEnd(text, text.length);
      return range.getClientRects().length === 1;
    }"""
    for name in phone.get_by_text("Borussia Mönchengladbach", exact=True).all():
        assert name.evaluate(in_one_line)
    # Greek and Cyrillic come from another face, which is made about as narrow.
    wide, narrow = phone.evaluate(
        """() => ["sans-serif", getComputedStyle(document.querySelector("h1")).fontFamily].map(
          (family) => {
            const pen = document.createElement("canvas").getContext("2d");
            pen.font = "600 40px " + family;
            return pen.measureText("Екатерина Παναθηναϊκός").width;
          })"""
    )
    assert narrow < 0.9 * wide
    assert e.act("limit", limit=8).status == 200
    assert e.act("draw", attempt=1).status == e.act("skip").status == 200
    for page, rows in ((tv, ".row"), (phone, ".line")):
        page.locator(rows).nth(7).wait_for()
        letters_are_whole(page)
        nothing_is_cut(page, rows, ".name, .what, .crest")
        no_sideways_scroll(page)
    assert e.act("consoles", names="Sofa\nBar").status == 200
    assert e.act("format", kind="knockout").status == 200
    tv.locator(".now-card").nth(1).wait_for()
    letters_are_whole(tv)
    nothing_is_cut(tv, ".duel", ".duel-name")
