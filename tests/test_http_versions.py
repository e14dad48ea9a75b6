"""Two hosts at once: no change is overwritten unseen, and a tap that is sent twice counts once."""

from __future__ import annotations

from functools import partial

import pytest

from .http_client import Evening, House, Phone, at_once


def two_hosts(e: Evening) -> tuple[Phone, Phone]:
    """Two devices of the organiser, on two workers."""
    other = e.house.phone(1)
    other.get(e.at("recover"))
    other.post(e.at("recover"), {"code": e.recovery})
    other.get(e.at("organise"))
    return e.host.copy(0), other


def test_the_second_of_two_hosts_is_shown_the_current_state_and_overwrites_nothing(
    house: House,
) -> None:
    e = house.evening()
    one, other = two_hosts(e)
    version = e.version
    assert e.act("rename", one, name=f"{e.name} one", version=version).status == 200
    answer = e.act("rename", other, name=f"{e.name} other", version=version)
    assert answer.status == 409
    page = answer.page
    assert "Somebody changed this in the meantime" in page.by_id("notice").text
    assert f"{e.name} one" in page.by_id("bar").text
    assert page.by_id("c-name").attrs["value"] == f"{e.name} one"
    shown = {box.attrs["value"] for box in page.all("input", name="version")}
    assert shown == {str(version + 1)}
    assert [fact["name"] for fact in e.facts("tournament-renamed")] == [f"{e.name} one"]
    assert e.act("rename", other, name=f"{e.name} other", version=version + 1).status == 200


def test_two_hosts_who_tap_at_once_on_two_workers_make_one_change(house: House) -> None:
    e = house.evening(teams=30)
    one, other = two_hosts(e)
    for limit in range(5, 25, 2):
        version = e.version
        for phone in (one, other):
            phone.connect()
        answers = at_once(
            partial(e.act, "limit", one, limit=limit, version=version),
            partial(e.act, "limit", other, limit=limit + 1, version=version),
        )
        assert sorted(answer.status for answer in answers) == [200, 409]
        assert e.version == version + 1
    assert len(e.facts("limit-changed")) == 10


@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "form"])
def test_the_same_tap_twice_succeeds_and_counts_once(house: House, htmx: bool) -> None:
    e = house.evening()
    version = e.version
    twins = [e.host.copy(worker) for worker in (0, 1)]
    for twin in twins:
        twin.connect()
    form = {"do": "lock", "version": version}
    answers = at_once(*(partial(t.post, e.at("organise"), form, htmx=htmx) for t in twins))
    again = twins[0].post(e.at("organise"), form, htmx=htmx)
    assert [answer.status for answer in (*answers, again)] == [200 if htmx else 303] * 3
    assert len(e.facts("joining-locked")) == 1
    assert e.version == version + 1


def test_joining_and_picking_do_not_make_the_hosts_form_stale(house: House) -> None:
    e = house.evening()
    version = e.version
    ola = e.guest("Ola")
    e.pick(ola, 1)
    assert e.act("lock", version=version).status == 200


def test_a_player_who_is_removed_by_two_hosts_is_removed_once(house: House) -> None:
    e = house.evening()
    one, other = two_hosts(e)
    e.guest("Ola")
    player, version = e.player("Ola"), e.version
    assert e.act("remove", one, player=player, version=version).status == 200
    answer = e.act("remove", other, player=player, version=version)
    assert answer.status in (200, 409)
    assert len(e.facts("player-removed")) == 1


def test_a_name_can_be_changed_back_and_forth(house: House) -> None:
    e = house.evening()
    e.guest("Ola")
    player = e.player("Ola")
    for first in ("Ala", "Ola", "Ala", "Ola"):
        answer = e.act("rename-player", player=player, first=first, last="Nowak")
        assert answer.status == 200
        assert f"{first} Nowak" in house.phone().get(e.at()).page.by_id("seat-1").text


def test_a_door_can_be_locked_and_unlocked_again_and_again(house: House) -> None:
    e = house.evening()
    for do, says in [("lock", "locked the door"), ("unlock", "Take a seat")] * 3:
        assert e.act(do).status == 200
        assert says in house.phone().get(e.at("join")).page.text


@pytest.mark.parametrize("version", ["x", "-1", "1.5", "99999999999999", "1e3", "²"])
def test_a_version_that_is_not_a_number_is_refused(house: House, version: str) -> None:
    e = house.evening()
    for htmx in (True, False):
        form = {"do": "lock", "version": version}
        answer = e.host.post(e.at("organise"), form, htmx=htmx)
        assert answer.status == 422
        assert answer.page.text
    assert len(e.events) == 1


def test_a_stale_form_without_javascript_leads_back_to_the_current_state(house: House) -> None:
    e = house.evening()
    answer = e.host.post(e.at("organise"), {"do": "lock", "version": 0})
    assert answer.status == 409
    assert "Somebody changed this" in answer.page.all("h1")[0].text
    assert answer.page.all("a", href=e.at("organise"))


def test_the_same_form_twice_makes_one_tournament(house: House) -> None:
    house.forget_limits()
    host = house.phone()
    page = host.get("/").page
    nonce = page.all("input", name="nonce")[0].attrs["value"]
    form = {"name": "Twice", "limit": "4", "source": "classic", "nonce": nonce}
    twins = [host.copy(worker) for worker in (0, 1)]
    for twin in twins:
        twin.connect()
    answers = at_once(*(partial(twin.post, "/", form) for twin in twins))
    assert [answer.status for answer in answers] == [303, 303]
    assert len({answer.location for answer in answers}) == 1
    for twin in twins:
        shown = twin.get(answers[0].location).page
        assert shown.all(cls="recovery")
        assert twin.get(answers[0].location.replace("created", "organise")).status == 200
