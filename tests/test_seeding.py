"""The order of the players, put by the organiser's hand."""

from __future__ import annotations

import json

import pytest

from lct.application.screens.region import Scene
from lct.application.screens.seeding import Seeding, moved, seeding
from lct.domain import errors, snapshot
from lct.domain.drawing import SkipReveal
from lct.domain.picking import RestartPicks
from lct.domain.play import refusals
from lct.domain.play.choosing import ChooseFormat
from lct.domain.play.formats import BY_HAND, BY_LOTS, DRAW_ONLY, GROUPS, KNOCKOUT, LEAGUE, Format
from lct.domain.play.seeding import SeedEntrants

from .browser import PHONE, Screens, be, is_live, no_sideways_scroll, see
from .evening import SECRET, Evening
from .http_client import House
from .test_matches_browser import begun
from .test_play import Cup


def people(*numbers: int) -> tuple[str, ...]:
    return tuple(f"p-N{number}" for number in numbers)


def test_the_matches_begin_again_in_the_order_of_the_hand() -> None:
    e = Cup(4)
    assert e.names("K4.1") == ("N0", "N3")
    lots = e.play.lots
    e.does(SeedEntrants, people(2, 0, 3, 1), ())
    assert (e.names("K4.1"), e.names("K4.2")) == (("N2", "N1"), ("N0", "N3"))
    assert (e.play.format.seeding, e.play.lots) == (BY_HAND, lots)
    assert e.wants(SeedEntrants, people(2, 0, 3, 1), ()) is None
    assert str(e.events[-1].sentence(e.t)) == "put the players in order, N2 Nowak first"
    assert snapshot.restore(snapshot.dump(e.t)).play.competition == e.play.competition


def test_an_order_of_other_people_is_refused() -> None:
    e = Cup(4)
    for wrong in (people(0, 1, 2), people(0, 1, 2, 2), people(0, 1, 2, 9), ()):
        with pytest.raises(refusals.OthersPlay):
            e.wants(SeedEntrants, wrong, ())


def test_there_is_no_order_before_the_last_card() -> None:
    e = Evening(limit=3)
    e.does(ChooseFormat, Format(KNOCKOUT), ())
    e.all_picked(3)
    with pytest.raises(errors.NotDrawn):
        e.wants(SeedEntrants, people(2, 1, 0), ())
    with pytest.raises(errors.Invalid) as refusal:
        e.wants(ChooseFormat, Format(KNOCKOUT, seeding=BY_HAND), ())
    assert set(refusal.value.fields) == {"seeding"}
    e.draw()
    with pytest.raises(refusals.NotRevealed):
        e.wants(SeedEntrants, people(2, 1, 0), ())


def test_another_order_needs_to_know_which_results_it_loses() -> None:
    e = Cup(4)
    e.agree("K4.1", 1, 0)
    e.report("N1", "K4.2", 2, 0)
    with pytest.raises(refusals.ResultsFall) as refusal:
        e.wants(SeedEntrants, people(2, 0, 3, 1), ("K4.1",))
    assert refusal.value.matches == ("K4.1", "K4.2")
    e.does(SeedEntrants, people(2, 0, 3, 1), ("K4.1", "K4.2"))
    assert (e.play.results, e.play.reports) == ({}, {})
    assert e.called() == ["K4.1", "K4.2"]


def test_another_format_keeps_the_order_until_it_is_seeded_otherwise() -> None:
    e = Cup(4)
    order = people(2, 0, 3, 1)
    e.does(SeedEntrants, order, ())
    e.does(ChooseFormat, Format(LEAGUE, seeding=BY_HAND), ())
    assert e.play.entrants == order
    e.does(ChooseFormat, Format(LEAGUE, seeding=BY_LOTS), ())
    assert e.play.entrants == e.play.lots


def test_picking_again_ends_the_order_of_the_hand() -> None:
    e = Cup(4)
    e.does(SeedEntrants, people(2, 0, 3, 1), ())
    e.does(RestartPicks, SECRET)
    for team, player_id in enumerate(people(0, 1, 2, 3)):
        e.pick(player_id, team)
    e.draw()
    e.does(SkipReveal)
    assert e.play.format.seeding == BY_LOTS
    assert e.play.entrants == e.play.lots


def test_an_order_of_the_hand_without_matches_begins_none() -> None:
    e = Cup(4)
    e.does(SeedEntrants, people(2, 0, 3, 1), ())
    e.does(ChooseFormat, Format(DRAW_ONLY, seeding=BY_HAND), ())
    assert not e.play.begun


@pytest.mark.parametrize(
    ("who", "by", "after"),
    [("b", -1, "bac"), ("b", 1, "acb"), ("a", -1, "abc"), ("c", 1, "abc"), ("x", 1, "abc")],
)
def test_one_step_moves_one_player(who: str, by: int, after: str) -> None:
    assert "".join(moved("abc", who, by)) == after


def test_the_sheet_says_into_which_group_each_place_leads() -> None:
    e = Cup(6, GROUPS)
    shown = seeding(Scene(e.t, e.later(60)), people(5, 4, 3, 2, 1, 0)).data
    assert isinstance(shown, Seeding)
    assert [(seed.player_id[-1], str(seed.group)[-1]) for seed in shown.seeds] == [
        ("5", "A"), ("4", "B"), ("3", "B"), ("2", "A"), ("1", "A"), ("0", "B"),
    ]  # fmt: skip


@pytest.mark.browser
def test_the_host_orders_the_players_by_buttons_and_by_drag(house: House, screens: Screens) -> None:
    e, _ = begun(house, 4)

    def order() -> list[str]:
        answer = e.visitor().get(f"/api/v1/tournaments/{e.code}/seeding")
        return list(json.loads(answer.text)["order"])

    first = order()
    host = screens.open(**PHONE)
    be(host, e.host)
    host.goto(house.url + e.at("organise"))
    is_live(host)
    host.locator("#format summary").first.click()
    host.get_by_role("link", name="Put the players in order").click()
    rows = host.locator(".seed")
    rows.nth(3).locator("[name=up]").click()  # 0 1 3 2
    see(host, "place 3")
    assert rows.nth(2).locator("[name=up]").evaluate("button => button === document.activeElement")
    grip, top = rows.nth(1).locator(".seed-grip"), rows.nth(0).bounding_box()
    grip.hover()
    host.mouse.down()
    host.mouse.move(top["x"] + 10, top["y"] + 5, steps=5)
    host.mouse.up()  # 1 0 3 2
    no_sideways_scroll(host)
    assert order() == first
    host.get_by_role("button", name="Save the order").click()
    host.locator(".seed").first.wait_for(state="detached")
    assert order() == [first[place] for place in (1, 0, 3, 2)]


def test_without_javascript_the_buttons_are_forms(house: House) -> None:
    e, _ = begun(house, 4)
    page = e.host.get(e.at("organise?seeding=hand")).page
    ids = [each.attrs["data-id"] for each in page.all("li", "seed")]
    sent = {"do": "seeding", "order": " ".join(ids), "version": version(page)}
    page = e.host.post(e.at("organise"), {**sent, "down": ids[0]}).page
    now = [each.attrs["data-id"] for each in page.all("li", "seed")]
    assert now == [ids[1], ids[0], *ids[2:]]
    answer = e.host.post(e.at("organise"), {**sent, "order": " ".join([*now[:3], "nobody"])})
    assert answer.status == 409
    assert "Load the page again" in answer.text
    assert e.host.post(e.at("organise"), {**sent, "order": " ".join(now)}).status == 303


def version(page: object) -> str:
    (field,) = page.all("input", name="version")  # type: ignore[attr-defined]
    return str(field.attrs["value"])
