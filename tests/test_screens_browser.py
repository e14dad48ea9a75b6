"""Single screens: without JavaScript, by keyboard, in dark mode, without a connection."""

from __future__ import annotations

import os
import re
import signal
import time
import unicodedata
from collections.abc import Callable

import pytest

from lct.domain.spelling import IGNORABLE, sought

from .browser import (
    PHONE,
    QUICK,
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


FOCUS = (
    "document.activeElement.value || document.activeElement.id || document.activeElement.tagName"
)


def test_a_player_picks_by_keyboard_and_keeps_the_focus(house: House, screens: Screens) -> None:
    e = house.evening(limit=2, teams=20)
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
    # One polite live region announces what is new, one how a tap went; none is assertive.
    spoken = page.locator("[aria-live], [role=status], [role=alert]")
    assert {each.get_attribute("id") for each in spoken.all()} == {"notice", "aloud"}
    assert page.locator("[aria-live=assertive], [role=alert]").count() == 0

    # The focus goes to what took the place of what had it.
    page.get_by_role("button", name="Let it go").focus()
    page.keyboard.press("Enter")
    see(page.locator("#me"), "Pick your team")
    page.locator("#me:focus").wait_for(timeout=QUICK)
    page.locator("#team-5 .tile").focus()
    page.keyboard.press("Enter")
    see(page.locator("#team-5"), "yours")
    page.locator("#team-5 .tile:focus").wait_for(timeout=QUICK)
    max_ = e.guest("Max")
    assert e.pick(max_, 7).status == 200
    see(page, "Everyone has picked")
    page.locator("#team-5 .tile:focus").wait_for(timeout=QUICK)
    host = screens.open(**TV)
    be(host, e.host)
    host.goto(house.url + e.at("organise"))
    is_live(host)
    host.get_by_role("button", name="Draw the teams").focus()
    host.keyboard.press("Enter")
    page.locator("#stage[data-kind=list]").wait_for()
    page.locator("#me:focus").wait_for(timeout=QUICK)  # while the draw begins, there is no stage
    host.get_by_role("button", name="Skip the reveal").focus()
    host.keyboard.press("Enter")
    see(host, "The teams are drawn")
    host.locator("#controls:focus").wait_for(timeout=QUICK)
    # A page that was loaded without anything to pick has the search after a restart.
    page.reload()
    assert page.get_by_label("Find a team").first.is_hidden()
    is_live(page)
    page.mouse.click(1270, 700)
    assert e.act("restart").status == 200
    see(page, "Pick your team")
    assert page.locator(":focus").count() == 0
    page.get_by_role("searchbox", name="Find a team").fill("team 19")
    assert page.locator(".tile:visible").count() == 1
    page.keyboard.press("Enter")  # the keyboard of a phone goes, and does not come back by itself
    assert e.pick(max_, 9).status == 200
    see(page.locator("#wait"), "1 of 2")
    page.wait_for_timeout(200)
    assert page.locator(":focus").count() == 0
    # The draw hides the search: what had the focus in it has nowhere to go back to.
    page.get_by_role("searchbox", name="Find a team").fill("team 18")
    page.locator(".tile:visible").focus()
    page.keyboard.press("Enter")
    page.get_by_role("searchbox", name="Find a team").focus()
    assert e.act("draw", attempt=2).status == 200
    page.locator("#me:focus").wait_for(timeout=QUICK)


HEARD = """(selector) => {
  window.readOut = [];
  new MutationObserver((changes) => {
    for (const each of changes.flatMap(({ addedNodes }) => [...addedNodes])) {
      each.querySelectorAll?.("[aria-hidden=true]").forEach((hidden) => hidden.remove());
      if (each.textContent.trim()) readOut.push(each.textContent.trim());
    }
  }).observe(document.querySelector(selector), { childList: true, subtree: true });
}"""


def test_a_players_own_news_are_read_at_once_and_counts_now_and_then(
    house: House, screens: Screens
) -> None:
    e = house.evening(limit=12, teams=12)
    page = screens.open(**PHONE)
    be(page, e.guest("Ola"))
    others = [e.guest(f"N{number}") for number in range(1, 12)]
    page.goto(house.url + e.at("me"))
    is_live(page)
    page.evaluate(HEARD, "#aloud")

    def heard(*wanted: str, seconds: float = 2) -> None:
        """These were read since the last call, and nothing else."""
        end = time.monotonic() + seconds
        while (said := page.evaluate("readOut")) != [*wanted] and time.monotonic() < end:
            page.wait_for_timeout(50)
        assert said == [*wanted]
        page.evaluate("readOut.length = 0")

    page.locator("#team-0 .tile").tap()
    heard("Your pick. Team 0.")
    for number, other in enumerate(others, 1):
        assert e.pick(other, number).status == 200
    see(page, "Everyone has picked")
    heard()  # the last words are not 5 s old
    heard("Everyone has picked. The draw can start.", seconds=6)
    assert e.act("draw", attempt=1).status == 200
    picked = "You picked Team 0. Eyes on the TV."
    heard(f"The draw has begun. {picked}", f"Your card is next. {picked}")
    assert e.act("skip").status == 200
    see(page, "You play with")
    drawn = page.locator("#me .me-main").inner_text()
    heard(f"You play with. {drawn}.")
    assert e.act("restart").status == 200
    heard("Pick your team. Tap one below. It goes into the hat for the draw.")
    assert e.act("remove", player=e.player("Ola")).status == 200
    heard("You're off the list. The host took you out of this tournament. You can join again.")


def test_the_same_words_about_a_tap_are_read_again_and_no_reference_is(
    house: House, screens: Screens
) -> None:
    e = house.evening(limit=2)
    ola, max_ = e.guest("Ola"), e.guest("Max")
    host, phone = screens.open(**TV), screens.open(**PHONE)
    be(host, e.host)
    host.goto(house.url + e.at("organise"))
    host.evaluate(HEARD, "#notice")
    for word in ("Lock", "Unlock"):
        host.get_by_role("button", name=f"{word} the door", exact=True).click()
        host.get_by_role("button", name=f"{word} the door", exact=True).wait_for(state="detached")
    assert host.evaluate("readOut") == ["Done.", "Done."]
    be(phone, max_)
    phone.goto(house.url + e.at("me"))
    phone.evaluate(HEARD, "#notice")
    phone.evaluate("document.querySelector('#live').remove()")  # it does not learn of the pick
    assert e.pick(ola, 3).status == 200
    phone.locator("#team-3 .tile").tap()
    see(phone, "just taken")
    assert phone.evaluate("readOut") == ["Team 3 was just taken by Ola Nowak. Pick another one."]


def test_a_look_ends_when_the_mouse_the_person_or_the_tile_goes(
    house: House, screens: Screens
) -> None:
    e = house.evening(limit=2)
    page, max_ = screens.open(**TV), e.guest("Max")
    be(page, e.guest("Ola"))
    page.goto(house.url + e.at("me"))
    is_live(page)
    ends = [
        lambda: page.mouse.move(640, -1),
        lambda: page.evaluate("window.dispatchEvent(new Event('blur'))"),
        lambda: e.pick(max_, 3),
    ]
    with max_.live(e.live("board")) as board:
        for end in ends:
            page.locator("#team-2 .tile").hover()
            page.locator("#team-3 .tile").hover()
            board.until(lambda s: "looking at Team 3" in s.text, 5)
            end()
            board.until(lambda s: "looking at" not in s.text, 7)


def contrast(*colours: str) -> float:
    """The ratio of two colours, such as ``rgb(1, 2, 3)`` (WCAG 2.2, relative luminance)."""

    def linear(part: str) -> float:
        value = int(part) / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    def luminance(colour: str) -> float:
        red, green, blue = map(linear, re.findall(r"\d+", colour))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, bright = sorted(map(luminance, colours))
    return (bright + 0.05) / (dark + 0.05)


def test_at_400_percent_nothing_covers_what_has_the_focus(house: House, screens: Screens) -> None:
    e = house.evening(teams=20)
    page = screens.open(viewport={"width": 320, "height": 256}, color_scheme="light")
    be(page, e.guest("Ola"))
    for height in (256, 480):
        page.set_viewport_size({"width": 320, "height": height})
        page.goto(house.url + e.at("me"))
        page.locator("#team-12 .tile").focus()
        for key in ("Tab", *["Shift+Tab"] * 9):
            page.keyboard.press(key)
            covered = page.evaluate(
                """() => {
                  const tile = document.activeElement, box = tile.getBoundingClientRect();
                  const [x, y] = [box.left + box.width / 2, Math.max(box.top, 0) + 12];
                  const seen = document.elementFromPoint(x, y);
                  return tile.contains(seen) ? "" : `${tile.value}: ${seen?.className}`;
                }"""
            )
            assert covered == "", height
    colours = page.locator(".skip").evaluate(
        "(link) => [getComputedStyle(link).color, getComputedStyle(link).backgroundColor]"
    )
    assert contrast(*colours) > 4.5


def test_a_screen_that_cannot_stay_on_says_so(house: House, screens: Screens) -> None:
    e = house.evening()
    tv, phone = screens.open(**TV), screens.open(**PHONE)
    be(phone, e.guest("Ola"))
    for page, where in ((tv, e.at()), (phone, e.at("me"))):
        page.add_init_script("Object.defineProperty(navigator, 'wakeLock', { value: undefined });")
        page.goto(house.url + where)
        is_live(page)
        see(page.locator("#dark"), "may go dark")


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
    phone.wait_for_url("**/join*")
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


def test_a_pasted_list_is_understood_while_it_is_typed(house: House, screens: Screens) -> None:
    house.forget_limits()
    phone = screens.open(**PHONE)
    phone.goto(house.url)
    phone.get_by_label("Name of the evening").fill("Paste Cup")
    phone.get_by_label("Players", exact=True).fill("2")
    phone.get_by_text("Our own list").click()
    phone.get_by_role("textbox", name="One team per line").fill("1. Roma\n2. Ajax")
    see(phone, "2 teams understood: Roma, Ajax")
    phone.get_by_role("textbox", name="One team per line").fill("Roma\nAjax\nCelta")
    see(phone, "3 teams understood: Roma, Ajax, Celta")
    no_sideways_scroll(phone)
    phone.get_by_role("button", name="Create the tournament").click()
    phone.locator("h1", has_text="Paste Cup").wait_for()


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
    assert e.act("draw", attempt=1).status == 200
    tv.locator(".hat-count").wait_for()
    letters_are_whole(tv)
    assert e.act("skip").status == 200
    tv.locator(".row.is-done").nth(7).wait_for()
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


def test_the_tv_turns_the_pages_of_hundreds_of_seats_and_shows_each_once(
    house: House, screens: Screens
) -> None:
    e = house.evening(limit=300, teams=300)
    tv = screens.open(**TV)
    tv.clock.install()
    tv.goto(house.url + e.at())
    is_live(tv)

    def seen() -> list[int]:
        visible = tv.locator(".seat:visible").evaluate_all("all => all.map((seat) => seat.id)")
        return [int(seat.removeprefix("seat-")) for seat in visible]

    for number, first in enumerate(range(1, 301, 32), 1):
        see(tv.locator("#pages"), f"Page {number} of 10")
        assert seen() == list(range(first, min(first + 32, 301)))
        if first == 257:  # in the second stage, which a change in the first one does not turn
            e.guest("Ola")
            hurry(tv, lambda: "Ola" in tv.locator("#seat-1").text_content(), 2)
            assert seen()[0] == 257
        tv.clock.run_for(8000)
    assert seen()[0] == 1
