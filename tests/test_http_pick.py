"""Picking over HTTP at two workers: two guests never hold one team."""

from __future__ import annotations

import time
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest

from .http_client import PATIENCE, Answer, Evening, House, Phone, at_once


@pytest.fixture(scope="module")
def quiet(house: House) -> tuple[Evening, Phone]:
    """An evening with one player, for tests that change nothing in it."""
    e = house.evening(teams=[*(f"Team {i}" for i in range(12)), "Rovers", "Łódź"])
    return e, e.guest("Ola")


def tile(phone: Phone, e: Evening, team: int) -> str:
    """The text of a team's tile on a phone's page."""
    return phone.get(e.at("me")).page.by_id(f"team-{team}").text


def test_the_host_mends_the_list_of_teams_until_somebody_picks(house: House) -> None:
    e = house.evening(limit=2, teams=["Lech", "Wisla", "Legia"])
    ola = e.guest("Ola")
    with ola.live(e.live("me")) as screen:
        sheet = e.host.get(e.at("organise?teams=all")).page.by_id("confirm")
        assert sheet.all("textarea")[0].text == "Lech Wisla Legia"
        few = e.act("teams", teams="Lech")
        assert few.status == 422
        assert few.page.by_id("confirm").all("textarea")[0].text == "Lech"
        assert e.act("teams", teams="Legia\r\nLech\r\nWisła").status == 200
        screen.until(lambda s: "Wisła" in s.text and "Wisla" not in s.text)
    late = e.pick(ola, 0)  # of the list that the page showed before
    assert late.status == 409
    assert "The host has just changed the list of teams" in late.page.by_id("notice").text
    tile = ola.get(e.at("me")).page.by_id("team-1").all("button")[0]
    assert e.pick(ola, tile.attrs["value"]).status == 200
    assert "Lech" in ola.get(e.at("me")).page.by_id("me").text
    refused = e.act("teams", teams="Legia\nLech")
    assert (refused.status, len(e.facts("teams-listed"))) == (409, 1)
    assert "until the first pick" in refused.page.by_id("confirm").text
    sheet = e.host.get(e.at("organise?teams=all")).page.by_id("confirm")
    assert "so the list stays as it is" in sheet.text


def test_the_two_phones_talk_to_different_workers(house: House) -> None:
    e = house.evening()
    ola, max_ = e.guest("Ola", worker=0), e.guest("Max", worker=1)
    for phone, worker in ((ola, 1), (max_, 0)):
        connection = phone.connect()
        with house.only(worker):
            connection.request("GET", "/liveness")
            connection.sock.settimeout(0.3)
            with pytest.raises(TimeoutError):
                connection.sock.recv(1)
        connection.sock.settimeout(PATIENCE)
        assert connection.sock.recv(65536).startswith(b"HTTP/1.1 200")
        phone.connection = None


def test_one_of_two_taps_at_once_gets_the_team_in_each_of_200_rounds(
    house: House,
) -> None:
    e = house.evening(limit=2, teams=2)
    phones = {"Ola Nowak": e.guest("Ola", worker=0), "Max Nowak": e.guest("Max", worker=1)}
    met = 0
    before = len(e.events)

    def tap(phone: Phone) -> tuple[float, Answer, float]:
        return time.monotonic(), e.pick(phone, 1), time.monotonic()

    for _ in range(200):
        for phone in phones.values():
            phone.connect()
        sent, tapped, answered = zip(
            *at_once(*(partial(tap, p) for p in phones.values())), strict=True
        )
        met += max(sent) < min(answered)
        answers = dict(zip(phones, tapped, strict=True))
        assert sorted(a.status for a in answers.values()) == [200, 409]
        winner = next(name for name, answer in answers.items() if answer.status == 200)
        (loser,) = phones.keys() - {winner}
        told = answers[loser].page
        assert f"Team 1 was just taken by {winner}" in told.by_id("notice").text
        assert winner in told.by_id("team-1").text
        assert "yours" in answers[winner].page.by_id("team-1").text
        assert "Pick your team" in told.by_id("me").text
        assert phones[winner].post(e.at("let-go"), htmx=True).status == 200
    stored = e.events[before:]
    assert [event["type"] for event in stored] == ["team-picked", "team-let-go"] * 200
    assert [event["seq"] for event in e.events] == list(range(1, before + 401))
    assert met >= 20, f"the taps overlapped in only {met} rounds"


def test_a_new_pick_frees_the_old_team_at_once_at_another_worker(house: House) -> None:
    e = house.evening()
    ola, max_ = e.guest("Ola", worker=0), e.guest("Max", worker=1)
    for team in range(8):
        answer = e.pick(ola, team)
        assert answer.status == 200
        page = answer.page
        assert "yours" in page.by_id(f"team-{team}").text
        if team:
            assert "Ola" not in page.by_id(f"team-{team - 1}").text
            assert e.pick(max_, team - 1).status == 200
            assert e.pick(ola, team - 1).status == 409


def test_letting_go_frees_the_team_and_repeating_it_stores_nothing(house: House) -> None:
    e = house.evening()
    ola, max_ = e.guest("Ola", worker=0), e.guest("Max", worker=1)
    assert e.pick(ola, 3).status == 200
    assert "Ola Nowak" in tile(max_, e, 3)
    for _ in range(2):
        answer = ola.post(e.at("let-go"), htmx=True)
        assert answer.status == 200
        assert "Pick your team" in answer.page.by_id("me").text
    assert "Ola" not in tile(max_, e, 3)
    assert e.pick(max_, 3).status == 200
    assert len(e.facts("team-let-go")) == 1


@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "form"])
def test_a_double_tap_stores_one_event(house: House, htmx: bool) -> None:
    e = house.evening()
    ola = e.guest("Ola")
    twins = [ola.copy(worker) for worker in (0, 1)]
    for twin in twins:
        twin.connect()
    answers = at_once(*(partial(e.pick, twin, 2, htmx=htmx) for twin in twins))
    assert [a.status for a in answers] == [200 if htmx else 303] * 2
    assert len(e.facts("team-picked")) == 1


def test_a_tap_answers_only_with_the_regions_it_changed(house: House) -> None:
    e = house.evening(teams=100)
    ola = e.guest("Ola")
    e.pick(ola, 1)
    answer = e.pick(ola, 2)
    roots = {child.id for child in answer.page.children}  # type: ignore[union-attr]
    assert roots == {"notice", "wait", "me", "team-1", "team-2"}
    assert all(c.attrs["hx-swap-oob"] for c in answer.page.children)  # type: ignore[union-attr]
    assert len(answer.text) < 6000


@pytest.mark.parametrize(
    ("team", "status"),
    [("14", 404), ("999999", 404), ("-1", 422), ("1.5", 422), ("x", 422), ("", 422), ("1e3", 422),
     ("99999999999", 422), ("١", 422), ("0x1", 422)],
)  # fmt: skip
def test_an_unknown_team_cannot_be_picked(
    quiet: tuple[Evening, Phone], team: str, status: int
) -> None:
    e, ola = quiet
    before = len(e.events)
    for htmx in (True, False):
        answer = ola.post(e.at("team"), {"team": team}, htmx=htmx)
        assert answer.status == status
        assert answer.page.text
    assert len(e.events) == before


def test_only_a_player_can_pick_let_go_or_rename(
    house: House, quiet: tuple[Evening, Phone]
) -> None:
    e, other = quiet[0], house.evening()
    elsewhere = other.guest("Eve")
    # Eve's cookie, moved to this tournament's path, still belongs to the other one.
    moved = elsewhere.copy()
    for (path, name), value in list(moved.cookies.items()):
        moved.cookies[path.replace(other.code, e.code), name] = value
    before = len(e.events)
    for phone in (e.visitor(), elsewhere, moved, e.host):
        for page in ("team", "let-go", "name"):
            fields = {"team": 1, "first": "A", "last": "B"}
            answer = phone.post(e.at(page), fields, htmx=True)
            assert answer.status == 403, page
            assert answer.page.by_id("notice").text
    assert len(e.events) == before


def test_nobody_picks_renames_or_lets_go_after_the_draw(house: House) -> None:
    e = house.evening(limit=2)
    guests = e.drawn()
    before = len(e.events)
    for page, fields in (("team", {"team": 5}), ("let-go", {}), ("name", {"first": "X"})):
        for htmx in (True, False):
            answer = guests[0].post(e.at(page), fields, htmx=htmx)
            assert answer.status == 409
            assert "The teams have already been drawn." in answer.page.text
    assert "You play with" in answer_of(guests[0], e, "team", team=5).by_id("me").text
    assert len(e.events) == before


def answer_of(phone: Phone, e: Evening, page: str, **fields: Any) -> Any:
    return phone.post(e.at(page), fields, htmx=True).page


def test_a_tap_without_javascript_is_a_form_that_leads_back_to_the_page(house: House) -> None:
    e = house.evening()
    ola, max_ = e.guest("Ola"), e.guest("Max", worker=1)
    form = ola.get(e.at("me")).page.by_id("pick")
    assert form.attrs["method"] == "post"
    answer = e.pick(ola, 2, htmx=False)
    assert (answer.status, answer.location) == (303, e.at("me"))
    assert "yours" in tile(ola, e, 2)
    refused = e.pick(max_, 2, htmx=False)
    assert refused.status == 409
    assert "Team 2 was just taken by Ola Nowak" in refused.page.all("h1")[0].text
    assert refused.page.all("a", href=e.at("me"))
    let_go = ola.post(e.at("let-go"))
    assert (let_go.status, let_go.location) == (303, e.at("me"))
    assert "yours" not in tile(ola, e, 2)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("ab" * 16, True), ("AB" * 16, False), ("", False), ("zz" * 16, False), ("a" * 65, False)],
)
def test_the_server_keeps_a_valid_value_from_the_browser_and_replaces_others(
    house: House, sent: str, kept: bool
) -> None:
    e = house.evening()
    ola = e.guest("Ola")
    assert ola.post(e.at("team"), {"team": 1, "value": sent}, htmx=True).status == 200
    value = e.facts("team-picked")[0]["value"]
    assert (value == sent) == kept
    assert len(value) == 32
    assert int(value, 16)


def test_a_player_changes_only_their_own_name(house: House) -> None:
    e = house.evening()
    ola, max_ = e.guest("Ola"), e.guest("Max")
    fields = {"first": "Aleksandra", "last": "Nowak", "player": e.player("Max")}
    assert ola.post(e.at("name"), fields, htmx=True).status == 200
    board = house.phone().get(e.at()).page.by_id("stage").text
    assert "Aleksandra Nowak" in board
    assert "Max Nowak" in board
    assert "Ola" not in board
    wrong = max_.post(e.at("name"), {"first": "", "last": "x" * 41}, htmx=True)
    assert wrong.status == 422
    assert wrong.page.by_id("notice").all(**{"data-field": "first"})
    same = max_.post(e.at("name"), {"first": "aleksandra", "last": "NOWAK"}, htmx=True)
    assert same.status == 422
    assert "already in" in same.text


def test_the_host_picks_for_an_absent_player(house: House) -> None:
    e = house.evening()
    ola, away = e.guest("Ola"), e.guest("Max")
    e.pick(ola, 1)
    player = e.player("Max")
    page = e.host.get(e.at(f"pick-for?player={player}")).page
    assert "Max Nowak" in page.all("h1")[0].text
    taken = e.host.post(e.at("pick-for"), {"player": player, "team": 1})
    assert taken.status == 409
    assert "was just taken by Ola" in taken.page.text
    for fields in ({"player": "nobody", "team": 2}, {"player": player, "team": 99}):
        assert e.host.post(e.at("pick-for"), fields).status == 404
    answer = e.host.post(e.at("pick-for"), {"player": player, "team": 2})
    assert (answer.status, answer.location) == (303, e.at("organise"))
    assert "Team 2" in away.get(e.at("me")).page.by_id("me").text
    assert e.events[-1]["actor"].startswith("organiser:")


@pytest.mark.parametrize(
    ("query", "found"),
    [({"q": "rov"}, ["Rovers"]), ({"q": "ŁÓDŹ"}, ["Łódź"]), ({"q": "nothing"}, []),
     ({"stars": "5"}, []), ({"kind": "club"}, []), ({"q": '"><b>'}, []),
     ({"stars": "nan", "kind": '"'}, [])],
)  # fmt: skip
def test_a_search_without_javascript_shows_the_matching_teams(
    quiet: tuple[Evening, Phone], query: dict[str, str], found: list[str]
) -> None:
    e, ola = quiet
    page = ola.get(e.at(f"me?{urlencode(query)}")).page
    names = [cell.all("bdi", cls="tile-name")[0].text for cell in page.all("li", cls="tile-cell")]
    assert names == found
    assert page.by_id("f-q").attrs["value"] == query.get("q", "")


def test_team_buttons_on_the_phone_name_their_holder(house: House) -> None:
    e = house.evening()
    ola, max_ = e.guest("Ola"), e.guest("Max")
    e.pick(ola, 1)
    for phone, label in ((ola, "Team 1, yours"), (max_, "Team 1, taken by Ola Nowak")):
        (button,) = phone.get(e.at("me")).page.by_id("team-1").all("button")
        assert button.attrs["aria-label"] == label
        assert button.attrs["form"] == "pick"
