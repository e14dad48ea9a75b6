"""Guests without a phone of their own: the host adds them, or they share a phone."""

from __future__ import annotations

from lct.application.screens.live_now import LiveNow
from lct.application.screens.region import Scene
from lct.domain.people import AddPlayer

from .evening import Evening as InMemory
from .http_client import Answer, Evening, House

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
