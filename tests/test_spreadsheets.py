"""The matches as files for a spreadsheet, and a finished evening that was closed."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from .http_client import Evening, House


def sheet(e: Evening, name: str) -> list[dict[str, str]]:
    text = e.visitor().get(e.at(name)).text
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def settle(e: Evening, key: str, **result: Any) -> None:
    assert e.act("result", match=key, **result).status == 200


def test_a_cup_is_exported_with_its_penalties_and_walkovers(house: House) -> None:
    """M16: a shoot-out has columns of its own, and a walkover has a winner and no goals."""
    e = house.evening(limit=4, teams=8)
    assert e.visitor().get(e.at("matches.csv")).status == 409
    for number, first in enumerate(("=Ada", "Bo", "@Cai", 'Dee "D"')):
        e.pick(e.guest(first), number)
    for do, more in (("draw", {"attempt": 1}), ("skip", {}), ("format", {"kind": "knockout"})):
        assert e.act(do, **more).status == 200
    level = {"home": 3, "away": 3, "penalties_home": 4, "penalties_away": 2}
    settle(e, "K4.1", **level)
    settle(e, "K4.2", came="away")
    settle(e, "K2.1", home=1, away=0)

    by_key = {row["match"]: row for row in sheet(e, "matches.csv")}
    shootout, walkover, final = (by_key[key] for key in ("K4.1", "K4.2", "K2.1"))
    numbers = "home_goals", "away_goals", "home_penalties", "away_penalties", "decided_by"
    assert [shootout[name] for name in numbers] == ["3", "3", "4", "2", "penalties"]
    assert [walkover[name] for name in numbers] == ["", "", "", "", "walkover"]
    assert walkover["winner"] == walkover["away"] == final["away"]
    assert final["winner"] == final["home"] == shootout["home"]
    people = {row[side] for row in by_key.values() for side in ("home", "away")}
    # No name runs as a formula.
    assert people == {"'=Ada Nowak", "Bo Nowak", "'@Cai Nowak", 'Dee "D" Nowak'}
    assert sheet(e, "standings.csv") == []

    # A closed evening keeps its champion, its results and its files.
    winner = final["winner"].lstrip("'")
    assert e.act("close").status == 200
    assert winner in e.visitor().get(e.at()).page.by_id("stage").text
    assert sheet(e, "matches.csv") == list(by_key.values())
    listed = json.loads(e.visitor().get(f"/api/v1/tournaments/{e.code}/matches").text)
    assert len(listed["items"]) == 3


def test_an_evening_closed_in_the_middle_keeps_its_tables_and_takes_no_score(house: House) -> None:
    e = house.evening(limit=3, teams=8)
    guests = e.drawn()
    assert e.act("format", kind="league").status == 200
    settle(e, "L1.1", home=2, away=1)
    leader = sheet(e, "standings.csv")[0]["player"]
    (other,) = [
        match
        for match in sheet(e, "matches.csv")
        if leader in (match["home"], match["away"]) and match["state"] != "decided"
    ]
    at_home = other["home"] == leader
    settle(e, other["match"], home=2 if at_home else 1, away=1 if at_home else 2)
    assert e.act("close").status == 200
    for guest in guests:
        phone = guest.get(e.at("me")).page
        assert "Full time" in phone.by_id("me").text
        assert not phone.by_id("score").all("form")
        assert phone.by_id("stage").all("table")
    first = sheet(e, "standings.csv")[0]
    assert (first["place"], first["points"], first["goals_for"]) == ("1", "6", "4")
    assert first["certain"] == "first"


def test_a_bye_of_a_swiss_round_is_exported_as_a_win(house: House) -> None:
    """M10: a bye counts the same in the table, the files and the API."""
    e = house.evening(limit=3, teams=8)
    e.drawn()
    assert e.act("format", kind="swiss").status == 200
    (bye,) = [row for row in sheet(e, "matches.csv") if row["decided_by"] == "bye"]
    assert (bye["away"], bye["winner"]) == ("", bye["home"])
    table = {row["player"]: row["points"] for row in sheet(e, "standings.csv")}
    assert table[bye["home"]] == "3"
