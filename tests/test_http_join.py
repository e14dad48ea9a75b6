"""Joining over HTTP on two workers: one person is one player, and every refusal gives a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from .http_client import PUBLIC_URL, Answer, Element, Evening, House, at_once

FAMILY = "👨‍👩‍👧‍👦"


@pytest.fixture(scope="module")
def quiet(house: House) -> Evening:
    """An evening for tests that change nothing in it."""
    return house.evening()


def error_beside(page: Element, name: str) -> str:
    """The message that a form shows beside a field that it marks as wrong."""
    box = page.by_id(f"f-{name}")
    assert box.attrs.get("aria-invalid") == "true"
    return page.by_id(box.attrs["aria-describedby"]).text


def shows_the_board(answer: Answer, *names: str) -> None:
    """Assert that the response is a complete live page with these players' seats."""
    page = answer.page
    stage = page.by_id("stage").text
    assert all(name in stage for name in names)
    assert page.all("html")
    assert page.by_id("live").attrs["hx-ws:connect"].endswith("view=watch")


# --- one person is one player ---------------------------------------------------------------------


def test_the_same_join_twice_within_50_ms_at_two_workers_is_one_player(house: House) -> None:
    e = house.evening(limit=20, teams=20)
    for number in range(10):
        browser = e.visitor()
        taps = [browser.copy(worker) for worker in (0, 1)]
        for tap in taps:
            tap.connect()
        name = {"first": f"Ola{number}", "last": "Nowak"}
        answers = at_once(*(partial(tap.post, e.at("join"), name) for tap in taps))
        assert [(a.status, a.location) for a in answers] == [(303, e.at("me"))] * 2
        ids = {a.cookies[0].value for a in answers if a.cookies[0].key == "lct_player"}
        assert len(ids) == 1
        for tap in taps:
            assert f"Ola{number} Nowak" in tap.get(e.at("me")).page.by_id("me").text
    assert len(e.events) == 11
    assert [event["seq"] for event in e.events] == list(range(1, 12))


def test_a_guest_who_opens_the_join_page_again_lands_on_their_seat(house: House) -> None:
    e = house.evening()
    ola = e.guest("Ola")
    answer = ola.get(e.at("join"))
    assert (answer.status, answer.location) == (303, e.at("me"))
    again = ola.post(e.at("join"), {"first": "Someone", "last": "Else"})
    assert (again.status, again.location) == (303, e.at("me"))
    assert [e["first"] for e in e.facts("player-joined")] == ["Ola"]


def test_a_second_player_with_the_same_name_is_refused_with_a_reason(house: House) -> None:
    e = house.evening()
    ola = e.guest("Ola")
    other = e.visitor()
    for first, last in (("Ola", "Nowak"), (" OLA", "nowak\u200b")):
        answer = other.post(e.at("join"), {"first": first, "last": last})
        assert answer.status == 422
        assert "already in" in error_beside(answer.page, "last")
    assert other.post(e.at("join"), {"first": "Ola", "last": "Nowak-Lis"}).status == 303
    assert e.pick(other, 1).status == 200
    assert "Team 1" not in ola.get(e.at("me")).page.by_id("me").text
    assert len(e.facts("player-joined")) == 2


# --- the last seat --------------------------------------------------------------------------------


def test_one_of_twenty_gets_the_last_seat_and_the_others_read_that_all_are_taken(
    house: House,
) -> None:
    e = house.evening(limit=3)
    e.guest("Ola")
    e.guest("Max")
    crowd = [e.visitor(number % 2) for number in range(20)]
    for phone in crowd:
        phone.connect()
    answers = at_once(
        *(
            partial(phone.post, e.at("join"), {"first": f"N{number}", "last": "Late"})
            for number, phone in enumerate(crowd)
        )
    )
    assert sorted(a.status for a in answers) == [303] + [409] * 19
    for answer in answers:
        if answer.status == 409:
            assert "All 3 seats are taken." in answer.page.text
            shows_the_board(answer, "Ola Nowak", "Max Nowak")
    assert len(e.facts("player-joined")) == 3
    assert len(e.events) == 4


def test_leaving_and_rejoining_never_fills_more_seats_than_there_are(house: House) -> None:
    e = house.evening(limit=2)
    ola, _ = e.guest("Ola"), e.guest("Max")
    newcomer = e.visitor(1)
    for _ in range(5):
        for who in ("Ola", "Late"):
            if any(s.text.startswith(who) for s in seats(e)):
                assert e.act("remove", player=e.player(who)).status == 200
        back = ola.copy(0)
        back.get(e.at("join"))
        answers = at_once(
            partial(back.post, e.at("join"), {"first": "Ola", "last": "Nowak"}),
            partial(newcomer.post, e.at("join"), {"first": "Late", "last": "Nowak"}),
        )
        assert sorted(a.status for a in answers) == [303, 409]
        assert sum("is-empty" in seat.attrs["class"] for seat in seats(e)) == 0
        assert len(seats(e)) == 2


def seats(e: Evening) -> list[Element]:
    stage = e.house.phone().get(e.at()).page.by_id("stage")
    named = stage.all("li", cls="seat")
    for seat in named:  # the crest's initials come before the name
        seat.children = [c for c in seat.children if isinstance(c, str) or c.tag != "svg"]
    return named


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["", "   ", "\u200b\u2060\ufeff", "\u202e\u2066", "\x00\x07", "x" * 10_000, "🐺" * 41],
    ids=["nothing", "spaces", "zero width", "bidi", "control", "10,000 letters", "41 emoji"],
)
@pytest.mark.parametrize("field", ["first", "last"])
def test_an_unreadable_name_is_refused_beside_its_field(
    quiet: Evening, field: str, name: str
) -> None:
    e, before = quiet, len(quiet.events)
    guest = e.visitor()
    typed = {"first": "Ola", "last": "Nowak", field: name}
    answer = guest.post(e.at("join"), typed)
    assert answer.status == 422
    page = answer.page
    assert error_beside(page, field)
    other = "last" if field == "first" else "first"
    assert "aria-invalid" not in page.by_id(f"f-{other}").attrs
    assert page.by_id(f"f-{other}").attrs["value"] == typed[other]
    assert len(e.events) == before


def test_two_wrong_names_are_reported_at_once(quiet: Evening) -> None:
    page = quiet.visitor().post(quiet.at("join"), {"first": " ", "last": "y" * 41}).page
    assert error_beside(page, "first") != error_beside(page, "last")
    assert page.by_id("f-last").attrs["value"] == "y" * 41


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        ("Bob 🐺", "Lind", "Bob 🐺 Lind"),
        (FAMILY, "Lind", f"{FAMILY} Lind"),
        (FAMILY * 40, "Lind", f"{FAMILY * 40} Lind"),
        ("ليلى", "حسن", "ليلى حسن"),
        ("O\u202ela\x07", "No\u2066wak\u200b\r\n", "Ola Nowak"),
        ("'=1+1", '"quoted"', '\'=1+1 "quoted"'),
    ],
    ids=["wolf", "family", "40 families", "arabic", "control and bidi", "quotes"],
)
def test_every_page_shows_the_whole_name(house: House, first: str, last: str, shown: str) -> None:
    e = house.evening()
    guest = e.guest(first, last)
    anyone = house.phone()
    pages = [
        guest.get(e.at("me")).page.by_id("me"),
        anyone.get(e.at()).page.by_id("seat-1"),
        e.host.get(e.at("organise")).page.by_id("people"),
    ]
    for page in pages:
        assert shown in [bdi.text for bdi in page.all("bdi")]
    for view in ("board", "me", "watch", "organise"):
        with e.host.live(e.live(view)) as screen:
            screen.take()
            assert view == "me" or shown in [bdi.text for bdi in screen.page.all("bdi")]


def test_an_export_keeps_emoji_names_whole(house: House) -> None:
    e = house.evening()
    e.guest("Bob 🐺", FAMILY)
    done = house.flask("export", e.code)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()][:-1]
    assert [event["seq"] for event in events] == [1, 2]
    assert (events[1]["data"]["first"], events[1]["data"]["last"]) == ("Bob 🐺", FAMILY)


# --- another browser ------------------------------------------------------------------------------


def test_a_browser_without_cookies_comes_back_with_the_personal_code(house: House) -> None:
    e = house.evening()
    ola = e.guest("Ola")
    assert e.pick(ola, 3).status == 200
    code = ola.get(e.at("me")).page.all("b", cls="code-text")[0].text

    other = house.phone(1)
    door = other.get(e.at("join"))
    assert door.page.all("a", href="back")
    other.get(e.at("back"))
    wrong = other.post(e.at("back"), {"code": "BBBB-BBBB"})
    assert wrong.status == 422
    assert error_beside(wrong.page, "code")
    assert wrong.page.by_id("f-code").attrs["value"] == "BBBB-BBBB"
    answer = other.post(e.at("back"), {"code": f" {code.lower()} "})
    assert (answer.status, answer.location) == (303, e.at("me"))
    assert "Team 3" in other.get(e.at("me")).page.by_id("me").text
    assert e.pick(other, 4).status == 200
    assert "Team 4" in ola.get(e.at("me")).page.by_id("me").text
    assert len(e.facts("player-joined")) == 1


def test_a_browser_without_cookies_comes_back_with_the_personal_link(house: House) -> None:
    e = house.evening()
    ola = e.guest("Ola")
    links = ola.get(e.at("me")).page.all("a")
    (link,) = [a.attrs["href"] for a in links if "/seat/" in a.attrs["href"]]
    assert link.startswith(house.settings.public_url or "")
    path = link.removeprefix(house.settings.public_url or "")

    other = house.phone()
    landed = other.get(path)
    assert landed.status == 303
    assert other.get(landed.location).location == e.at("me")
    assert "Ola Nowak" in other.get(e.at("me")).page.by_id("me").text
    assert other.get(e.at("join")).location == e.at("me")
    forgetful = house.phone().get(landed.location)
    assert forgetful.status == 403
    assert "Your browser keeps no cookies" in forgetful.text
    assert PUBLIC_URL + e.at("back") in forgetful.page.text
    stranger = house.phone()
    assert stranger.get(path[:-8] + "BBBBBBBB").location == e.at("back")
    assert not [name for _, name in stranger.cookies if name == "lct_player"]
    assert len(e.facts("player-joined")) == 1


def test_the_personal_code_of_a_removed_player_opens_nothing(house: House) -> None:
    e = house.evening()
    ola = e.guest("Ola")
    code = ola.get(e.at("me")).page.all("b", cls="code-text")[0].text
    assert e.act("remove", player=e.player("Ola")).status == 200
    other = house.phone()
    other.get(e.at("back"))
    assert other.post(e.at("back"), {"code": code}).status == 422


@pytest.mark.parametrize("typed", ["lower", "dashed"])
def test_a_code_typed_in_another_form_leads_people_to_their_own_pages(
    house: House, typed: str
) -> None:
    e = house.evening()
    ola = e.guest("Ola")
    # The player returns on a second browser, which knows the seat from its cookie alone.
    code = ola.get(e.at("me")).page.all("b", cls="code-text")[0].text
    other = house.phone()
    other.get(e.at("back"))
    other.post(e.at("back"), {"code": code})
    form = {"lower": e.code.lower(), "dashed": f"{e.code[:4]}-{e.code[4:]}"}[typed]
    assert landing(e, other, f"/t/{form}/join") == e.at("me")
    assert landing(e, other, f"/t/{form}/me") == e.at("me")
    assert landing(e, e.host, f"/t/{form}/organise") == e.at("organise")
    assert landing(e, house.phone(), f"/t/{form}") == e.at()
    assert landing(e, house.phone(), f"/go?code={form}") == e.at("join")


def landing(e: Evening, phone: Any, path: str) -> str:
    """The address where a browser ends up after opening this one."""
    for _ in range(5):
        answer = phone.get(path)
        if answer.status not in (301, 302, 303, 307, 308):
            assert answer.status == 200, (path, answer.status)
            return path.replace(e.code.lower(), e.code)
        path = answer.location
    raise AssertionError(f"still redirected at {path}")


# --- removed and blocked --------------------------------------------------------------------------


def test_a_removed_player_reads_why_leaves_no_trace_and_may_join_again(house: House) -> None:
    e = house.evening()
    ola = e.guest("Ola")
    assert e.pick(ola, 2).status == 200
    assert e.act("remove", player=e.player("Ola")).status == 200
    assert "Ola" not in house.phone().get(e.at()).page.by_id("stage").text
    told = ola.get(e.at("me"))
    assert told.status == 200
    assert "The host took you out" in told.page.by_id("me").text
    assert e.pick(ola, 3).status == 403
    max_ = e.guest("Max")
    assert e.pick(max_, 2).status == 200
    answer = ola.post(e.at("join"), {"first": "Ola", "last": "Nowak"})
    assert (answer.status, answer.location) == (303, e.at("me"))
    assert "Pick your team" in ola.get(e.at("me")).page.by_id("me").text


def test_a_blocked_player_reads_why_and_cannot_return_by_clearing_cookies(
    house: House,
) -> None:
    e = house.evening()
    ola = e.guest("Ola")
    player = e.player("Ola")
    assert e.act("block", player=player).status == 200
    assert "blocked" in ola.get(e.at("me")).page.by_id("me").text
    door = ola.get(e.at("join"))
    assert door.status == 200
    assert "blocked you" in door.page.text
    for phone, name in ((ola, "Other"), (e.visitor(), "Ola")):
        answer = phone.post(e.at("join"), {"first": name, "last": "Nowak"})
        assert answer.status == 403
        assert "blocked you" in answer.page.text
    assert e.act("unblock", player=player).status == 200
    assert ola.post(e.at("join"), {"first": "Ola", "last": "Nowak"}).status == 303
    assert len(e.facts("player-joined")) == 2


@pytest.mark.parametrize("picked", [False, True], ids=["before the pick", "after the pick"])
def test_a_draw_after_a_removal_needs_a_closed_list_and_leaves_the_player_out(
    house: House, picked: bool
) -> None:
    e = house.evening(limit=3)
    ola, max_, zoe = (e.guest(name) for name in ("Ola", "Max", "Zoe"))
    for team, phone in enumerate((ola, max_, zoe)):
        if picked or phone is not zoe:
            assert e.pick(phone, team).status == 200
    ghost = e.player("Zoe")
    assert e.act("remove", player=ghost).status == 200
    empty = e.act("draw", attempt=1)
    assert empty.status == 409
    assert "1 seat is still empty" in empty.text
    assert e.act("close-list").status == 200
    assert e.act("draw", attempt=1).status == 200
    assert e.act("skip").status == 200
    (drawn,) = e.facts("teams-drawn")
    assert ghost not in json.dumps(drawn)
    assert len(drawn["hands"]) == 2
    for page in ("", "verify"):
        assert "Zoe" not in house.phone().get(e.at(page)).page.text


# --- joining is over ------------------------------------------------------------------------------


def locked(e: Evening) -> None:
    e.guest("Ola")
    assert e.act("lock").status == 200


def full(e: Evening) -> None:
    e.guest("Ola")
    e.guest("Max")


def drawn(e: Evening) -> None:
    for team, guest in enumerate((e.guest("Ola"), e.guest("Max"))):
        e.pick(guest, team)
    assert e.act("draw", attempt=1).status == 200
    assert e.act("skip").status == 200


def closed(e: Evening) -> None:
    e.guest("Ola")
    assert e.act("close").status == 200


@pytest.mark.parametrize(
    ("shut", "says"),
    [
        (full, "All 2 seats are taken."),
        (locked, "The host has locked the door."),
        (drawn, "The teams have already been drawn."),
        (closed, "This tournament is closed."),
    ],
)
def test_a_guest_who_cannot_join_reads_why_and_sees_the_board(
    house: House, shut: Callable[[Evening], None], says: str
) -> None:
    e = house.evening(limit=2)
    late = e.visitor(1)
    shut(e)
    before = len(e.events)
    tapped = late.post(e.at("join"), {"first": "Late", "last": "Comer"})
    opened = late.get(e.at("join"))
    assert (tapped.status, opened.status) == (409, 200)
    for answer in (tapped, opened):
        assert says in answer.page.text
        shows_the_board(answer, "Ola Nowak")
        assert not answer.page.all("input", name="first")
    assert len(e.events) == before


def test_a_guest_after_the_draw_sees_who_plays_with_which_team(house: House) -> None:
    e = house.evening(limit=2)
    drawn(e)
    stage = house.phone().get(e.at("join")).page.by_id("stage")
    (hands,) = [fact["hands"] for fact in e.facts("teams-drawn")]
    names = {p["player_id"]: f"{p['first']} {p['last']}" for p in e.facts("player-joined")}
    for number, (player, team) in enumerate(hands, 1):
        row = stage.by_id(f"row-{number}").text
        assert names[player] in row
        assert e.teams[team] in row
