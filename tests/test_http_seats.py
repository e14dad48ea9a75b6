"""Guests without a phone of their own: the host adds them, or they share a phone."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from functools import partial

import pytest

from lct.application.screens.live_now import LiveNow
from lct.application.screens.region import Scene
from lct.application.screens.shared_phone import seats_region
from lct.domain.guests import AddPlayer
from lct.domain.people import Join

from .browser import PHONE, Screens, is_live, join, no_sideways_scroll, see
from .evening import Evening as InMemory
from .http_client import Answer, Element, Evening, House, Phone, at_once

# --- the host adds a guest ------------------------------------------------------------------------


def added(e: Evening, first: str, players: int, **fields: object) -> Answer:
    """The host's form, on a page that shows so many players."""
    return e.act("add", first=first, last="Nowak", players=players, **fields)


def test_a_host_seats_a_guest_without_a_phone_and_picks_for_them(house: House) -> None:
    e = house.evening()
    assert e.act("lock").status == 200  # for guests who come by themselves
    answer = added(e, "Kim", 0)
    kim = e.player("Kim")
    pick_for = e.at(f"pick-for?player={kim}")
    assert answer.headers["HX-Redirect"] == pick_for
    assert e.host.get(pick_for).page.by_id("team-3")
    assert e.host.post(e.at("pick-for"), {"player": kim, "team": 3}).location == e.at("organise")
    assert "Kim Nowak" in e.visitor().get(e.at()).page.by_id("seat-1").text
    assert e.facts("team-picked")[0]["team"] == 3
    told = e.host.get(e.at("history")).page.text
    assert "gave Kim Nowak a seat" in told


def test_adding_the_same_guest_twice_is_one_guest_unless_it_is_meant(house: House) -> None:
    e = house.evening(limit=2)
    version = e.version
    first, again = (added(e, "Kim", 0, version=version) for _ in range(2))
    assert first.headers["HX-Redirect"] == again.headers["HX-Redirect"]
    meant = added(e, "Kim", 1)
    assert (meant.status, "already in" in meant.text) == (422, True)
    assert added(e, " ", 1).status == 422
    assert added(e, "Max", 1).status == 200
    full = added(e, "Zoe", 2)
    assert (full.status, "All 2 seats are taken." in full.text) == (409, True)
    assert len(e.facts("player-added")) == 2


def test_a_host_is_told_that_the_guest_they_add_is_blocked(house: House) -> None:
    e = house.evening()
    e.guest("Kim")
    assert e.act("block", player=e.player("Kim")).status == 200
    answer = added(e, "kim", 0)
    assert (answer.status, "Unblock them first" in answer.text) == (422, True)
    assert e.act("unblock", player=e.player("Kim")).status == 200
    assert added(e, "kim", 0).status == 200


def test_an_added_guest_counts_as_without_a_phone_until_they_come_for_their_seat() -> None:
    e = InMemory()
    e.join("Ola")
    e.does(AddPlayer, "p-Kim", "Kim", "Lee")
    away = Scene(e.t, e.now, LiveNow(here={}))
    assert [away.presence(p) for p in e.t.players.values()] == ["away", "phoneless"]
    here = Scene(e.t, e.now, LiveNow(here={"p-Kim": "here"}))
    assert [here.presence(p) for p in e.t.players.values()] == ["away", "here"]


def test_the_host_reports_the_match_of_a_guest_without_a_phone(house: House) -> None:
    e = house.evening(limit=2)
    ola = e.guest("Ola")
    assert added(e, "Kim", 1).status == 200
    assert e.pick(ola, 1).status == 200
    assert e.host.post(e.at("pick-for"), {"player": e.player("Kim"), "team": 2}).status == 303
    for do, fields in (("draw", {"attempt": 1}), ("skip", {}), ("format", {"kind": "knockout"})):
        assert e.act(do, **fields).status == 200
    said = ola.post(e.at("score"), {"match": "K2.1", "home": 2, "away": 1}, htmx=True)
    assert said.status == 200
    needs = e.host.get(e.at("organise")).page.by_id("needs")
    assert "Kim has not said" in needs.text
    assert e.act("result", match="K2.1", home=2, away=1).status == 200
    assert e.facts("result-set")


# --- several players on one phone -----------------------------------------------------------------


def shared(e: Evening, *names: str) -> Phone:
    """A phone with the seats of these players, the last one shown."""
    phone = e.guest(names[0])
    for name in names[1:]:
        assert "another" in phone.get(e.at("join?another=yes")).text
        answer = phone.post(e.at("join"), {"first": name, "last": "Nowak", "another": "yes"})
        assert (answer.status, answer.location) == (303, e.at(f"me?seat={e.player(name)}"))
    return phone


def on(e: Evening, phone: Phone, name: str) -> Element:
    """The phone's page with that player's seat."""
    return phone.get(e.at(f"me?seat={e.player(name)}")).page


def test_a_second_person_joins_on_a_phone_without_taking_the_first_ones_seat(house: House) -> None:
    e = house.evening()
    phone = shared(e, "Ola", "Kim")
    assert "Kim Nowak" in phone.get(e.at("me")).page.by_id("me").text  # the newest
    for name, other in (("Ola", "Kim"), ("Kim", "Ola")):
        page = on(e, phone, name)
        assert f"{name} Nowak" in page.by_id("me").text
        here = {a.attrs["href"]: "aria-current" in a.attrs for a in page.by_id("seats").all("a")}
        assert here == {f"me?seat={e.player(name)}": True, f"me?seat={e.player(other)}": False}
    assert phone.get(e.at("join")).location == e.at(f"me?seat={e.player('Kim')}")


def test_a_phone_with_one_seat_shows_no_way_to_another(house: House) -> None:
    e = house.evening()
    ola = e.guest("Ola")
    assert "hidden" in ola.get(e.at("me")).page.by_id("seats").attrs
    assert ola.get(e.at("join")).location == e.at("me")


def test_the_cookie_of_a_phone_with_one_seat_is_as_it_was_before_phones_had_several(
    house: House,
) -> None:
    e = house.evening()
    ola = e.guest("Ola")
    signed = ola.cookies[e.at(), "lct_player"].partition(".")[0]
    content = urlsafe_b64decode(signed + "=" * (-len(signed) % 4))
    assert json.loads(content) == [e.code, e.player("Ola")]


def test_players_of_a_phone_who_share_a_first_name_are_told_apart() -> None:
    e = InMemory()
    for player, name in (("p-1", "Ola Nowak"), ("p-2", "ola Lis"), ("p-3", "Kim Lis")):
        e.does(Join, player, *name.split())
    region = seats_region(Scene(e.t, e.now), "p-1", ("p-3", "p-2", "p-1"))["seats"]
    assert [seat.short for seat in region.data[0]] == ["Ola Nowak", "ola Lis", "Kim"]  # type: ignore[attr-defined]


def test_the_same_second_person_sent_twice_is_one_player(house: House) -> None:
    e = house.evening()
    phone = e.guest("Ola")
    tabs = [phone.copy(worker) for worker in (0, 1)]
    form = {"first": "Kim", "last": "Nowak", "another": "yes"}
    answers = at_once(*(partial(tab.post, e.at("join"), form) for tab in tabs))
    assert {(a.status, a.location) for a in answers} == {(303, e.at(f"me?seat={e.player('Kim')}"))}
    assert len(e.facts("player-joined")) == 2
    again = tabs[0].post(e.at("join"), form)
    assert (again.status, "already in" in again.text) == (422, True)


def test_every_tap_acts_for_the_seat_that_its_page_shows(house: House) -> None:
    """In two tabs, with JavaScript (a header) and without (a field)."""
    e = house.evening()
    phone = shared(e, "Ola", "Kim")
    ola, kim = e.player("Ola"), e.player("Kim")
    page = on(e, phone, "Ola")
    assert page.all("body")[0].attrs["hx-headers:inherited"].endswith(f'"Lct-Seat": "{ola}"}}')
    assert e.pick(phone, 1, headers={"Lct-Seat": ola}).status == 200
    answer = phone.post(e.at("team"), {"team": 2, "seat": kim})
    assert (answer.status, answer.location) == (303, e.at(f"me?seat={kim}"))
    picked = [(each["player_id"], each["team"]) for each in e.facts("team-picked")]
    assert picked == [(ola, 1), (kim, 2)]
    for name, form in (("Ola", "let-go"), ("Kim", "let-go"), ("Kim", "name")):
        (shown,) = [f for f in on(e, phone, name).all("form") if f.attrs.get("action") == form]
        assert shown.all("input", name="seat")[0].attrs["value"] == e.player(name), form
    assert phone.post(e.at("let-go"), {"seat": ola}).status == 303
    assert [each["player_id"] for each in e.facts("team-let-go")] == [ola]


@pytest.mark.parametrize("path", ["team", "let-go", "name", "score", "withdraw", "look"])
def test_a_forged_or_unsaid_seat_never_acts(house: House, path: str) -> None:
    e = house.evening()
    phone = shared(e, "Ola", "Kim")
    max_ = e.guest("Max")
    assert e.pick(max_, 1).status == 200
    before = len(e.events)
    form = {"team": 2, "first": "New", "last": "Name", "match": "K2.1", "home": 1, "away": 0}
    for seat in (e.player("Max"), "nobody", ""):
        for how in ({"htmx": True, "headers": {"Lct-Seat": seat}}, {}):
            answer = phone.post(e.at(path), form if how else {**form, "seat": seat}, **how)
            assert answer.status == 403, (seat, how)
    assert len(e.events) == before
    assert phone.get(e.at(f"me?seat={e.player('Max')}")).location == e.at("join")
    assert phone.get(e.at(f"seat.svg?seat={e.player('Max')}")).status == 403


def test_a_live_page_gets_the_card_of_its_own_seat(house: House) -> None:
    e = house.evening()
    phone = shared(e, "Ola", "Kim")
    sockets = {name: on(e, phone, name).by_id("live").attrs["hx-ws:connect"]
               for name in ("Ola", "Kim")}  # fmt: skip
    with phone.live(sockets["Ola"]) as ola, phone.live(sockets["Kim"]) as kim:
        for name, screen in (("Ola", ola), ("Kim", kim)):
            screen.until(lambda s, name=name: f"{name} Nowak" in s.shows("me"))
        assert e.pick(phone, 3, headers={"Lct-Seat": e.player("Kim")}).status == 200
        kim.until(lambda s: "Team 3" in s.shows("me"))
        ola.until(lambda s: "choosing" not in s.shows("seats"))
        assert "Pick your team" in ola.shows("me")
        assert "yours" in kim.shows("team-3")
        assert "Kim Nowak" in ola.shows("team-3")
        assert e.act("remove", player=e.player("Kim")).status == 200
        kim.until(lambda s: "off the list" in s.shows("me"))
        ola.until(lambda s: "Kim" not in s.shows("seats"))
    poll = phone.get(e.at(f"now?view=me&seat={e.player('Ola')}"))
    assert "Ola Nowak" in poll.page.by_id("me").text


def test_all_players_of_a_phone_are_here(house: House) -> None:
    e = house.evening()
    phone = shared(e, "Ola", "Kim")
    live = on(e, phone, "Ola").by_id("live").attrs["hx-ws:connect"]
    with e.host.live(e.live("organise")) as host, phone.live(live):
        host.until(lambda s: "2 here" in s.shows("people-title"))


def test_a_removed_seat_leaves_the_others_and_may_join_again(house: House) -> None:
    e = house.evening()
    phone = shared(e, "Ola", "Kim")
    kim = e.player("Kim")
    assert e.act("remove", player=kim).status == 200
    assert "Ola Nowak" in phone.get(e.at("me")).page.by_id("me").text
    assert e.pick(phone, 1, headers={"Lct-Seat": kim}).status == 403
    off = phone.get(e.at(f"me?seat={kim}")).page.by_id("me")
    (again,) = off.all("a")
    form = phone.get(e.at(again.attrs["href"])).page
    assert form.all("input", name="seat")[0].attrs["value"] == kim
    answer = phone.post(e.at("join"), {"first": "Kim", "last": "Nowak", "seat": kim})
    assert answer.location == e.at(f"me?seat={kim}")
    assert [each["player_id"] for each in e.facts("player-joined")][-1] == kim
    assert "Ola Nowak" in on(e, phone, "Ola").by_id("me").text


def test_a_new_code_for_one_seat_signs_only_that_one_out(house: House) -> None:
    e = house.evening()
    phone = shared(e, "Ola", "Kim")
    kim = e.player("Kim")
    assert e.act("new-seat-codes", player=kim).status == 200
    assert e.pick(phone, 1, headers={"Lct-Seat": kim}).status == 403
    assert e.pick(phone, 1, headers={"Lct-Seat": e.player("Ola")}).status == 200


def test_a_phone_with_a_blocked_seat_takes_no_further_one(house: House) -> None:
    e = house.evening()
    phone = shared(e, "Ola", "Kim")
    assert e.act("block", player=e.player("Kim")).status == 200
    assert "blocked" in phone.get(e.at("join?another=yes")).page.text
    answer = phone.post(e.at("join"), {"first": "Zoe", "last": "Nowak", "another": "yes"})
    assert answer.status == 403
    assert e.pick(phone, 1, headers={"Lct-Seat": e.player("Ola")}).status == 200


def test_a_seat_link_and_a_code_add_a_seat_to_those_of_the_phone(house: House) -> None:
    e = house.evening()
    phone, kim = e.guest("Ola"), e.guest("Kim")
    assert added(e, "Max", 2).status == 200
    page = e.host.get(e.at(f"pick-for?player={e.player('Max')}")).page
    code = page.all("b", cls="code-text")[0].text.replace("-", "")
    asked = phone.get(e.at(f"seat/{code}")).page.text
    assert "Ola Nowak" in asked
    assert "Add the seat of Max Nowak" in asked
    assert len(phone.get(e.at("me")).page.by_id("seats").all("a")) == 0
    answer = phone.post(e.at(f"seat/{code}"))
    assert answer.location == e.at(f"me?seat={e.player('Max')}")
    code = kim.get(e.at("me")).page.all("b", cls="code-text")[0].text
    phone.get(e.at("back"))
    phone.post(e.at("back"), {"code": code})
    seats = phone.get(e.at("me")).page.by_id("seats").all("a")
    assert [seat.all("bdi")[0].text for seat in seats] == ["Ola", "Max", "Kim"]


def test_a_phone_has_at_most_eight_seats(house: House) -> None:
    e = house.evening(limit=12, teams=12)
    phone = shared(e, *(f"N{number}" for number in range(8)))
    assert "has 8 seats already" in phone.get(e.at("join?another=yes")).page.text
    answer = phone.post(e.at("join"), {"first": "Zoe", "last": "Nowak", "another": "yes"})
    assert answer.status == 409
    assert len(e.facts("player-joined")) == 8
    assert phone.get(e.at(f"me?seat={e.player('N0')}")).status == 200


def test_each_player_of_a_phone_reports_their_own_match_alone(house: House) -> None:
    e = house.evening(limit=2)
    phone = shared(e, "Ola", "Kim")
    players = [e.player("Ola"), e.player("Kim")]
    for team, player in enumerate(players):
        assert e.pick(phone, team, headers={"Lct-Seat": player}).status == 200
    for do, fields in (("draw", {"attempt": 1}), ("skip", {}), ("format", {"kind": "knockout"})):
        assert e.act(do, **fields).status == 200
    assert "on now" in on(e, phone, "Ola").by_id("seats").text
    said = {"match": "K2.1", "home": 2, "away": 1}
    for player, other in zip(players, ("", "enter the score"), strict=True):
        assert not e.facts("score-agreed")
        assert other in on(e, phone, "Ola").by_id("seats").text
        answer = phone.post(e.at("score"), said, htmx=True, headers={"Lct-Seat": player})
        assert answer.status == 200
    assert len(e.facts("score-agreed")) == 1


@pytest.mark.browser
def test_in_a_browser_a_shared_phone_acts_for_the_seat_that_it_shows(
    house: House, screens: Screens
) -> None:
    e = house.evening()
    max_ = e.guest("Max")
    phone = screens.open(**PHONE)
    join(phone, f"http://{house.host}:{house.port}{e.at('join')}", "Ola", "Nowak")
    phone.get_by_role("link", name="Add a person on this phone").tap()
    phone.get_by_label("First name").fill("Kim")
    phone.get_by_label("Surname").fill("Nowak")
    phone.get_by_role("button", name="Take a seat").tap()
    is_live(phone)
    see(phone.locator("#me"), "Kim Nowak")
    no_sideways_scroll(phone)
    for name, team, other in (("Kim", 3, 1), ("Ola", 4, 2)):
        phone.locator("#seats a", has_text=name).tap()
        is_live(phone)
        assert e.pick(max_, other).status == 200  # the page's regions come by its socket
        see(phone.locator(f"#team-{other}"), "Max Nowak")
        phone.locator(f"#team-{team} .tile").tap()
        see(phone.locator("#me"), f"Team {team}")
    phone.get_by_role("button", name="Let it go").tap()
    see(phone.locator("#me"), "Pick your team")
    picked = [(p["player_id"], p["team"]) for p in e.facts("team-picked")]
    assert [each for each in picked if each[1] > 2] == [(e.player("Kim"), 3), (e.player("Ola"), 4)]
    assert e.facts("team-let-go") == [{"player_id": e.player("Ola")}]
