"""A player leaves, as the host, the players and programs see it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .browser import PHONE, TV, Screens, be, is_live, no_sideways_scroll, see
from .http_client import Evening, House, words
from .test_matches_browser import begun, matches


def standings(e: Evening) -> Any:
    (table,) = json.loads(e.visitor().get(f"/api/v1/tournaments/{e.code}/standings").text)
    return table


def played(e: Evening, who: str, goals: int) -> str:
    """The first match of a player that is not decided, won by them."""
    listed = matches(e).items()
    key, match = next(
        (key, m) for key, m in listed if who in (m["home"], m["away"]) and m["state"] != "decided"
    )
    home = goals if match["home"] == who else 0
    assert e.act("result", match=key, home=home, away=goals - home).status == 200
    return key


def test_without_javascript_the_host_sees_what_each_policy_leads_to_and_takes_a_player_out(
    house: House,
) -> None:
    e, guests = begun(house, 4, "league", walkover=1)
    listed = json.loads(e.visitor().get(f"/api/v1/tournaments/{e.code}/matches").text)
    assert listed["format"]["walkover"] == 1
    who = e.player("N0")
    key = played(e, who, 2)
    page = e.host.get(e.at(f"organise?leaves={who}"))
    assert page.status == 200
    said = words(page.text)
    order = [said.index(policy) for policy in (
        "none of their matches counts", "all their matches are walkovers",
        "what they played stands, the rest are walkovers",
        "what they played stands, the rest is not played",
    )]  # fmt: skip
    assert order == sorted(order)  # the usual one first
    assert "usual" in said
    assert "What was said and decided in this match does not count any more" in said

    # A list that is not the true one is refused, and the true one is shown.
    wrong = e.act("leave", player=who, policy="removed", falls=["L9.9"])
    assert wrong.status == 409
    assert f'name="falls" value="{key}"' in wrong.text
    left = {"do": "leave", "player": who, "policy": "removed", "falls": key, "version": e.version}
    assert e.host.post(e.at("organise"), left).status == 303
    assert "left: none of their matches counts" in words(e.host.get(e.at("organise")).text)

    table = standings(e)
    assert table["left"] == [who]
    assert who not in [row["player_id"] for row in table["rows"]]
    assert "You have left" in words(guests[who].get(e.at("me")).text)
    assert "left" in words(e.visitor().get(e.at()).text)
    ours = {key for key, m in matches(e).items() if who in (m["home"], m["away"])}
    assert {matches(e)[key]["state"] for key in ours} == {"off"}
    report = {"match": min(ours), "home": 1, "away": 0}
    refused = guests[who].post(e.at("score"), report, htmx=True)
    assert (refused.status, "has left the matches" in words(refused.text)) == (409, True)
    assert "N0 Nowak" in e.visitor().get(e.at("standings.csv")).text

    assert e.act("return", player=who).status == 200
    assert standings(e)["left"] == []
    assert matches(e)[key]["state"] == "decided"
    history = words(e.host.get(e.at("history")).text)
    assert "noted that N0 Nowak left: none of their matches counts; 1 result was lost" in history
    assert "brought N0 Nowak back in" in history


def test_in_a_cup_the_other_side_goes_on_and_the_return_lists_what_falls(house: House) -> None:
    e, guests = begun(house, 4)
    first = matches(e)["K4.1"]
    who, other = first["home"], first["away"]
    page = words(e.host.get(e.at(f"organise?leaves={who}")).text)
    assert "their open matches are walkovers" in page
    assert e.act("leave", player=who, policy="knocked-out").status == 200
    assert matches(e)["K4.1"]["came"] == "away"
    assert "w/o" in words(guests[other].get(e.at("me")).text)
    for key in ("K4.2", "K2.1"):
        assert e.act("result", match=key, home=1, away=0).status == 200
    refused = e.act("return", player=who)
    assert refused.status == 409
    assert "these later matches are played again" in words(refused.text)
    assert e.act("return", player=who, falls="K2.1").status == 200
    assert matches(e)["K2.1"]["state"] == "waiting"


@pytest.mark.browser
def test_every_live_screen_follows_when_a_player_leaves_and_returns(
    house: House, screens: Screens
) -> None:
    e, guests = begun(house, 4, "league")
    who = e.player("N0")
    host, tv, phone = screens.open(**PHONE), screens.open(**TV), screens.open(**PHONE)
    be(host, e.host)
    be(phone, guests[who])
    for page, path in ((host, "organise"), (tv, ""), (phone, "me")):
        page.goto(house.url + e.at(path))
        is_live(page)
    host.get_by_role("link", name="N0 Nowak leaves").click()
    see(host, "What becomes of their matches?")
    no_sideways_scroll(host)
    host.get_by_text("what they played stands, the rest are walkovers").click()
    host.get_by_role("button", name="Take N0 Nowak out").click()
    see(host, "left: what they played stands")
    see(phone, "You have left")
    left = tv.locator(".ladder .is-left")
    left.wait_for()
    assert "N0 Nowak left" in " ".join(left.inner_text().split())
    host.get_by_role("button", name="Bring N0 Nowak back in").click()
    phone.get_by_text("You have left", exact=True).wait_for(state="detached")
    left.wait_for(state="detached")


def test_who_cannot_leave_is_refused_in_words(house: House) -> None:
    e, guests = begun(house, 3)
    out = matches(e)["K4.2"]["away"]
    assert e.act("result", match="K4.2", home=1, away=0).status == 200
    sheet = e.host.get(e.at(f"organise?leaves={out}"))
    assert (sheet.status, "no match left to play" in words(sheet.text)) == (409, True)
    assert e.host.get(e.at("organise?leaves=nobody")).status == 404
    assert e.act("leave", player=out, policy="").status == 409
    left = {"do": "leave", "player": out, "policy": "", "version": e.version}
    assert guests[out].post(e.at("organise"), left).status == 403
