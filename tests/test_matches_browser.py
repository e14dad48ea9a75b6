"""The matches as people see them: two players' phones, the TV and the host, on two workers."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from .browser import (
    PHONE,
    QUICK,
    TV,
    Screens,
    be,
    hurry,
    is_live,
    letters_are_whole,
    no_sideways_scroll,
    nothing_is_cut,
    see,
)
from .http_client import Evening, House
from .support import wait_until

pytestmark = pytest.mark.browser


def begun(
    house: House, players: int, kind: str = "knockout", **how: int
) -> tuple[Evening, dict[str, Any]]:
    """An evening whose matches have begun on two consoles, and its guests by player id."""
    e = house.evening(limit=players, teams=max(8, players))
    guests = e.drawn()
    assert e.act("consoles", names="Sofa\nKitchen").status == 200
    assert e.act("format", kind=kind, **how).status == 200
    return e, {e.player(f"N{i}"): guest for i, guest in enumerate(guests)}


def with_names(house: House, names: list[str], **how: Any) -> tuple[Evening, dict[str, Any]]:
    """An evening of guests with these names, whose matches have begun, and the guests by id."""
    e = house.evening(limit=len(names), teams=max(8, len(names)))
    guests = {}
    for team, name in enumerate(names):
        first, _, last = name.partition(" ")
        guest = e.guest(first, last)
        guests[e.player(first, last)] = guest
        assert e.pick(guest, team).status == 200
    assert e.act("draw", attempt=1).status == e.act("skip").status == 200
    assert e.act("format", **how).status == 200
    return e, guests


def matches(e: Evening) -> dict[str, dict[str, Any]]:
    listed = json.loads(e.visitor().get(f"/api/v1/tournaments/{e.code}/matches").text)
    return {match["key"]: match for match in listed["items"]}


def agree(e: Evening, guests: dict[str, Any], key: str, home: int, away: int) -> None:
    match = matches(e)[key]
    for side in ("home", "away"):
        sent = {"match": key, "home": home, "away": away}
        assert guests[match[side]].post(e.at("score"), sent, htmx=True).status == 200


def enter(phone: Any, mine: int, theirs: int, twice: bool = False) -> None:
    """Type a score on a phone, one's own goals first, and send it."""
    for goals, place in ((mine, 0), (theirs, 1)):
        phone.locator("#score .goals input[type=number]").nth(place).fill(str(goals))
    send = phone.get_by_role("button", name=re.compile(f"Send {mine}:{theirs}"))
    send.dblclick() if twice else send.click()


def goals_on(tv: Any, match: str) -> list[str]:
    """The numbers that stand alone in a match on the TV."""
    return re.findall(r"(?m)^\s*(\d+)\s*$", tv.locator(f"#match-{match}").inner_text())


def test_two_players_report_differ_agree_and_one_goes_on(house: House, screens: Screens) -> None:
    e, guests = begun(house, 4)
    first = matches(e)["K4.1"]
    tv, home, away = screens.open(**TV), screens.open(**PHONE), screens.open(**PHONE)
    tv.goto(house.url + e.at())
    for phone, side in ((home, "home"), (away, "away")):
        be(phone, guests[first[side]])
        phone.goto(house.url + e.at("me"))
    for page in (tv, home, away):
        is_live(page)
    see(home, "You're on now")
    see(tv, "Sofa")

    # The steppers count, and a double tap sends one report.
    more = home.locator("#score .goals .plus")
    more.nth(0).click(click_count=2)
    more.nth(1).click()
    home.get_by_role("button", name=re.compile("Send 2:1")).dblclick()
    see(home, "Your score is in")
    see(tv, "one score in")
    assert goals_on(tv, "K4-1") == []
    see(away, "has reported")

    # A different one: both see both, nobody else sees a number.
    enter(away, 2, 1)
    see(away, "Two different scores")
    see(home, "Two different scores")
    see(tv, "two scores")
    assert goals_on(tv, "K4-1") == []
    no_sideways_scroll(home)
    home.reload()
    see(home, "Two different scores")

    # One yields: it counts on every screen.
    away.get_by_role("button", name=re.compile("is right, it was")).click()
    see(tv, "Just in")
    see(away, "out")
    assert goals_on(tv, "K4-1") == ["2", "1"]

    # The other semi-final, and the final with penalties, to the champion.
    agree(e, guests, "K4.2", 0, 1)
    see(home, "You're on now")
    final = matches(e)["K2.1"]
    be(away, guests[final["away"]])
    away.goto(house.url + e.at("me"))
    for phone in (home, away):
        for place in (0, 1):
            phone.locator("#score .goals input[type=number]").nth(place).fill("1")
        mine = 4 if phone is home else 3
        penalties = phone.locator("[data-pair=penalties] input")
        penalties.nth(0).fill(str(mine))
        penalties.nth(1).fill(str(7 - mine))
        phone.get_by_role("button", name=re.compile("Send 1:1")).click()
    see(home, "Champion!")
    tv.locator("#stage[data-kind=champion]").wait_for()
    home.get_by_text("Bracket", exact=True).click()
    for round_, seen in (("Final", ["K2-1"]), ("Semi-final", ["K4-1", "K4-2"])):
        home.locator(".rounds").get_by_text(round_, exact=True).click()
        shown = [m for m in home.locator(".match-list > li").all() if m.is_visible()]
        assert [m.get_attribute("id") for m in shown] == [f"match-{key}" for key in seen]
        no_sideways_scroll(home)
    champion = tv.locator("#stage").inner_text()
    name = re.sub(r"\s+", " ", home.locator("#me .own-line").inner_text())
    assert name.split()[0] in champion


def test_the_host_settles_a_dispute_and_confirms_what_falls(house: House, screens: Screens) -> None:
    e, guests = begun(house, 4)
    first = matches(e)["K4.1"]
    host = screens.open(**{**PHONE, "viewport": {"width": 390, "height": 844}})
    be(host, e.host)
    host.goto(house.url + e.at("organise"))
    is_live(host)
    for side, home in (("home", 2), ("away", 0)):
        sent = {"match": "K4.1", "home": home, "away": 1}
        guests[first[side]].post(e.at("score"), sent, htmx=True)
    see(host, "Needs you")
    host.locator("#aloud", has_text="differ.").wait_for(state="attached", timeout=QUICK)
    # The sheet of a match gives the focus back to what opened it.
    host.locator("#needs").get_by_role("link", name="Other").focus()
    host.keyboard.press("Enter")
    host.locator("dialog.up:modal").wait_for(timeout=QUICK)
    host.keyboard.press("Escape")
    host.locator("#needs a:focus").wait_for(timeout=QUICK)
    host.locator("#needs").get_by_text("2:1").first.click()
    host.get_by_role("button", name=re.compile("Settle it")).first.click()
    host.locator("#needs", has_text="Settle it").wait_for(state="hidden")
    assert matches(e)["K4.1"]["score"]["home"] == 2

    agree(e, guests, "K4.2", 3, 0)
    agree(e, guests, "K2.1", 1, 0)
    champion = matches(e)["K2.1"]["winner"]
    answer = e.act("result", match="K4.1", home=0, away=1)
    assert answer.status == 409
    assert "K2.1" in answer.text
    assert matches(e)["K2.1"]["winner"] == champion  # nothing has changed yet
    assert e.act("result", match="K4.1", home=0, away=1, falls="K2.1").status == 200
    after = matches(e)
    assert after["K2.1"]["score"] is None
    assert after["K2.1"]["home"] == first["away"]


WHOLE = {"knockout": 5, "league": 15, "groups": 9, "double-elimination": 10, "swiss": 9}


@pytest.mark.parametrize("kind", WHOLE)
def test_every_format_is_played_to_its_champion(house: House, screens: Screens, kind: str) -> None:
    """Six guests on two workers: a phone that reloads, sleeps and taps twice, five whose reports
    arrive twice, and a TV that reloads."""
    e, guests = begun(house, 6, kind)
    tv, phone = screens.open(**TV), screens.open(**PHONE)
    tv.goto(house.url + e.at())
    me = next(iter(guests))
    be(phone, guests[me])
    phone.goto(house.url + e.at("me"))
    is_live(tv)
    power = phone.context.new_cdp_session(phone)
    asleep, played = False, 0

    def sleep(now: bool) -> None:
        nonlocal asleep
        asleep = now
        if now:
            power.send("Page.setWebLifecycleState", {"state": "frozen"})
        phone.context.set_offline(now)
        if not now:
            power.send("Page.setWebLifecycleState", {"state": "active"})

    while called := [m for m in matches(e).values() if m["state"] == "called"]:
        match = called[0]
        for side in ("home", "away"):
            if match[side] == me:
                sleep(False)
                phone.locator(f"#score[data-match='{match['key']}']").wait_for(timeout=20_000)
                enter(phone, *((2, 1) if side == "home" else (1, 2)), twice=True)
                see(phone, "Your score is in") if side == "home" else None
            else:
                sent = {"match": match["key"], "home": 2, "away": 1}
                for worker in (0, 1):
                    twin = guests[match[side]].copy(worker)
                    assert twin.post(e.at("score"), sent, htmx=True).status == 200
        wait_until(lambda key=match["key"]: matches(e)[key]["state"] == "decided", 10)
        played += 1
        if played == 2:
            tv.reload()
        if not asleep and played % 3 == 1:
            phone.reload()
        elif not asleep and played % 3 == 2:
            sleep(True)
    sleep(False)
    assert played == WHOLE[kind]
    listed = json.loads(e.visitor().get(f"/api/v1/tournaments/{e.code}/matches").text)
    champion = guests[listed["champion"]]
    tv.locator("#stage[data-kind=champion]").wait_for()
    phone.locator("#me[data-phase=finished]").wait_for(timeout=20_000)
    see(phone, "Most goals")
    no_sideways_scroll(phone)
    for worker in (0, 1):
        assert "Champion!" in champion.copy(worker).get(e.at("me")).page.by_id("me").text


def test_a_second_leg_asks_for_extra_time_where_both_legs_are_level(
    house: House, screens: Screens
) -> None:
    """M15, on screens: 4-3, then 2-1 and 3-1 after extra time."""
    e, guests = begun(house, 4, cup_legs=2)
    agree(e, guests, "K4.1a", 4, 3)
    second = matches(e)["K4.1b"]
    assert (second["leg"], second["first_leg"]) == (2, [3, 4])
    tv, home = screens.open(**TV), screens.open(**PHONE)
    away = screens.open(**PHONE, java_script_enabled=False)
    tv.goto(house.url + e.at())
    for phone, side in ((home, "home"), (away, "away")):
        be(phone, guests[second[side]])
        phone.goto(house.url + e.at("me"))
    is_live(tv)
    see(tv, "after leg 1")
    see(home, "You are 3:4 down after leg 1.")
    see(away, "You lead 4:3 after leg 1.")

    goals = home.locator("#score .goals input[type=number]")
    goals.nth(0).fill("3")
    goals.nth(1).fill("1")
    see(home, "You go through, 6:5 over both legs")
    goals.nth(0).fill("2")
    see(home, "Level over both legs")
    extra = home.locator("#score [data-pair=extra] input")
    extra.nth(0).fill("1")
    assert extra.nth(1).input_value() == "0"
    see(home, "You go through after extra time, 6:5 over both legs")
    no_sideways_scroll(home)
    home.get_by_role("button", name=re.compile("Send 3:1")).click()
    see(home, "Your score is in")

    for name, number in (("home", "2"), ("away", "1")):
        away.locator(f"#score [name={name}]").fill(number)
    away.locator("#score button.send").click()
    see(away, "Over both legs it is level")
    away.goto(house.url + e.at("me"))
    for name, number in (("home", "2"), ("away", "1"), ("extra_home", "1"), ("extra_away", "0")):
        away.locator(f"#score [name={name}]").fill(number)
    away.locator("#score button.send").click()
    see(tv, "3:4, 3:1")
    assert goals_on(tv, "K4-1b") == ["6", "5"]

    answer = e.act("result", match="K4.1a", home=4, away=2)
    assert answer.status == 409
    assert "Extra time in leg 2 was not due" in answer.text
    assert "goes through, 5:4 over both legs" in answer.text
    assert e.act("result", match="K4.1a", home=4, away=2, falls="K4.1b").status == 200
    corrected = matches(e)["K4.1b"]
    assert (corrected["winner"], corrected["score"]["extra"]) == (second["away"], None)
    see(tv, "2:4, 2:1")

    assert e.act("result", match="K4.1a", home=4, away=3).status == 200
    assert e.act("result", match="K4.1b", home=3, away=1).status == 200
    assert e.act("result", match="K4.1a", home=5, away=3).status == 200
    host = screens.open(**PHONE)
    be(host, e.host)
    host.goto(house.url + e.at("organise"))
    see(host, "are level")
    host.get_by_text("Enter extra time or penalties").click()
    see(host, "After leg 1")
    no_sideways_scroll(host)


def test_without_javascript_a_score_is_sent_by_a_form(house: House, screens: Screens) -> None:
    e, guests = begun(house, 4)
    first = matches(e)["K4.1"]
    phone = screens.open(**PHONE, java_script_enabled=False)
    be(phone, guests[first["home"]])
    phone.goto(house.url + e.at("me"))
    for place, goals in ((0, "2"), (1, "0")):
        phone.locator("#score .goals input[type=number]").nth(place).fill(goals)
    phone.locator("#score button.send").click()
    see(phone, "Your score is in")
    assert matches(e)["K4.1"]["state"] == "reported"
    phone.get_by_text("Bracket", exact=True).click()
    phone.locator(".rounds").get_by_text("Final", exact=True).click()
    assert phone.url.endswith("#match-K2-1")
    assert phone.locator("#match-K2-1").is_visible()


def test_the_tv_turns_its_pages_and_follows_a_result(house: House, screens: Screens) -> None:
    e, _ = begun(house, 32)
    tv = screens.open(**TV)
    tv.clock.install()
    tv.goto(house.url + e.at())
    is_live(tv)

    def page(number: int) -> bool:
        """Whether this page is the one that is seen, and said at the touchline."""
        seen = [tv.locator(f"#match-K32-{key}").is_visible() for key in (1, 9)]
        said = tv.locator("#pages").inner_text() == f"{number} of 2"
        return said and seen == [number == 1, number == 2]

    assert page(1)
    assert e.act("result", match="K32.16", home=2, away=1).status == 200
    hurry(tv, lambda: page(2), 2)
    assert goals_on(tv, "K32-16") == ["2", "1"]
    hurry(tv, lambda: page(1), 10)
    tv.clock.run_for(20_000)  # two matches are on here: it stays for 24 s
    assert page(1)
    hurry(tv, lambda: page(2), 8)
    hurry(tv, lambda: page(1), 16)
    assert tv.evaluate("document.documentElement.scrollHeight <= innerHeight")
    no_sideways_scroll(tv)
    assert e.act("consoles", names="\n".join(f"Room {n}" for n in range(1, 15))).status == 200
    cards = tv.locator(".now-card")
    hurry(tv, lambda: cards.count() == 14, 2)
    first = [card.is_visible() for card in cards.all()]
    assert sorted(first) in ([False] * 2 + [True] * 12, [False] * 12 + [True] * 2)
    hurry(tv, lambda: [card.is_visible() for card in cards.all()] == [not b for b in first], 26)
    tv.set_viewport_size({"width": 390, "height": 844})  # on a phone all pages are there
    for key in (1, 16):
        assert tv.locator(f"#match-K32-{key}").is_visible()
    no_sideways_scroll(tv)
    nothing_is_cut(tv, ".duel", ".duel-name, .duel-goals")
    plain = screens.open(**TV, java_script_enabled=False)
    plain.goto(house.url + e.at())  # the page with the newest result
    assert plain.locator("#match-K32-16").is_visible()
    assert not plain.locator("#match-K32-1").is_visible()


def test_names_of_22_letters_are_whole_on_the_tv_and_on_a_phone(
    house: House, screens: Screens
) -> None:
    names = [f"Maximiliane Oberhuber{letter}" for letter in "abcdefghijklmnop"]
    e, guests = with_names(house, names, kind="knockout", third_place="1")
    tv = screens.open(**TV)
    tv.goto(house.url + e.at())
    is_live(tv)
    rounds = ([f"K16.{i}" for i in range(1, 9)], [f"K8.{i}" for i in range(1, 5)], ["K4.1", "K4.2"])
    for played in ([], *rounds):
        for key in played:
            assert (
                e.act(
                    "result", match=key, home=1, away=1, penalties_home=5, penalties_away=4
                ).status
                == 200
            )
        if played:
            tv.locator(f"#match-{played[-1].replace('.', '-')} .is-in").wait_for()
        for width, height in ((1280, 720), (1920, 1080)):
            tv.set_viewport_size({"width": width, "height": height})
            nothing_is_cut(tv, ".duel", ".duel-name, .duel-goals")
            nothing_is_cut(tv, ".now-card, .next-card", ".now-name, .next-who")
            letters_are_whole(tv)
            for key in ("K2-1", "K3-1"):
                box = tv.locator(f"#match-{key} .duel").bounding_box()
                assert box["y"] + box["height"] < height * 0.9
            assert tv.evaluate("document.documentElement.scrollHeight <= innerHeight")
    phone = screens.open(**{**PHONE, "viewport": {"width": 390, "height": 844}})
    be(phone, guests[matches(e)["K3.1"]["home"]])
    phone.goto(house.url + e.at("me"))
    phone.evaluate("document.documentElement.style.fontSize = '24px'")
    nothing_is_cut(phone, ".goals-side", ".goals-name")
    for tab in ("My matches", "Bracket", "Results"):
        phone.get_by_text(tab, exact=True).click()
        nothing_is_cut(phone, ".match-box", ".match-name, .match-goals")
        nothing_is_cut(phone, ".match-side > *", "bdi")
        letters_are_whole(phone)
        no_sideways_scroll(phone)


def test_a_phone_that_slept_gets_its_new_match_with_an_empty_form(
    house: House, screens: Screens
) -> None:
    e, guests = begun(house, 4, "league")
    ada = matches(e)["L1.1"]["home"]
    tv, phone = screens.open(**TV), screens.open(**PHONE)
    be(phone, guests[ada])
    for page, path in ((tv, ""), (phone, "me")):
        page.goto(house.url + e.at(path))
        is_live(page)
    for place, goals in ((0, "4"), (1, "3")):
        phone.locator("#score .goals input[type=number]").nth(place).fill(goals)
    phone.context.set_offline(True)
    for key in ("L1.1", "L1.2"):
        assert e.act("result", match=key, home=2, away=2).status == 200
    (new,) = [m for m in matches(e).values() if m["state"] == "called" and ada in m.values()]
    phone.context.set_offline(False)
    phone.locator(f"#score[data-match='{new['key']}']").wait_for(timeout=20_000)
    typed = phone.locator("#score .goals input[type=number]")
    assert [each.input_value() for each in typed.all()] == ["", ""]

    # The form of the old match, sent all the same: a sentence, the new match, and nothing written.
    answer = guests[ada].post(e.at("score"), {"match": "L1.1", "home": 4, "away": 3}, htmx=True)
    assert answer.status == 409
    assert answer.page.by_id("notice").text
    assert answer.page.by_id("score").attrs["data-match"] == new["key"]
    assert matches(e)[new["key"]]["state"] == "called"

    # Moved: both phones and the TV say where. Taken back: nobody is called there.
    other = guests[new["away"] if new["home"] == ada else new["home"]]
    place = "Kitchen" if new["console"] == "Sofa" else "Sofa"
    assert e.act("move", match=new["key"], console=place).status == 200
    see(phone.locator("#me .own-flood"), place)
    assert place in other.get(e.at("me")).page.by_id("me").text
    card = tv.locator(".now-card", has_text=place)
    see(card, str(phone.locator("#me .own-against bdi").inner_text()).split()[0])
    assert e.act("take-back", match=new["key"]).status == 200
    phone.locator("#me .own-flood").wait_for(state="detached")
    assert matches(e)[new["key"]]["state"] == "ready"
    assert "on now" not in other.get(e.at("me")).page.by_id("me").text


# What a live page shows, in the shape of the page itself.
SHOWN = """page => {
  const text = node => node.nodeType === 3 ? node.nodeValue.trim()
    : node.nodeType !== 1 || node.matches("template, .live-mark, input[type=hidden]") ? ""
    : [node.tagName, node.id, node.matches("details, input") ? "" : node.className,
       ...[...node.childNodes].map(text).filter(Boolean)].join("|");
  return [...document.querySelectorAll(page)].map(text);
}"""


def test_a_page_that_got_frames_of_rows_and_cards_shows_what_a_new_one_does(
    house: House, screens: Screens
) -> None:
    """Rows of a table, cards of the band, and matches that go from one list of the host's to
    another, while the others stay."""
    e, guests = begun(house, 4, "league")
    views = {"": "#stage, #side", "join": "#stage", "organise": ".host-matches, .needs"}
    pages = {}
    for view in views:
        pages[view] = screens.open(**TV)
        be(pages[view], e.host)
        pages[view].goto(house.url + e.at(view))
        is_live(pages[view])
    for number in range(3):
        key = next(key for key, match in matches(e).items() if match["state"] == "called")
        agree(e, guests, key, number, 2)
        for view, parts in views.items():
            new = screens.open(**TV)
            be(new, e.host)
            new.goto(house.url + e.at(view))
            wanted = new.evaluate(SHOWN, parts)
            new.context.close()
            shown = wait_until(lambda: pages[view].evaluate(SHOWN, parts) == wanted)  # noqa: B023
            assert shown, view
