"""History, export, forgetting and deleting, as users see them, on two workers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from lct.domain.door import LockJoining, UnlockJoining
from lct.domain.rights import SYSTEM
from lct.web.history import LINES

from .http_client import Element, House, app_here


def test_the_host_reads_who_did_what_and_sees_the_board_as_it_was(house: House) -> None:
    e = house.evening(limit=4)
    ola = e.guest("Ola")
    e.pick(ola, 3)
    (joined,) = e.facts("player-joined")
    e.host.post(e.at("pick-for"), {"player": joined["player_id"], "team": 5})
    e.act("lock")
    now = e.host.get(e.at("history"))
    assert now.status == 200
    story = now.page.all(cls="story")[0].text
    assert "Ola Nowak took a seat" in story
    assert "Ola Nowak took Team 3" in story
    assert "took Team 5 instead of Team 3 for Ola Nowak" in story
    assert story.count("Ola Nowak") == 3
    assert "locked the door" in story
    assert "Host" in story
    assert "Team 5" in now.page.by_id("seat-1").text
    then = e.host.get(e.at("history?at=2")).page
    assert "2 of 5" in then.by_id("moment").text
    assert "Ola Nowak" in then.by_id("seat-1").text
    assert "Team 3" not in then.by_id("seat-1").text


def test_a_long_history_is_split_into_pages(house: House) -> None:
    e = house.evening(limit=4)
    with app_here(house.settings) as app, app.app_context():
        for number in range(LINES + 2):
            kind = UnlockJoining if number % 2 else LockJoining
            app.extensions["lct"].execute(kind(by=SYSTEM, code=e.code))
    newest = LINES + 3

    def listed(page: Element) -> list[int]:
        (story,) = page.all(cls="story")
        return [int(line.attrs["value"]) for line in story.all("li")]

    page = e.host.get(e.at(f"history?at={newest}")).page
    assert listed(page) == list(range(newest, 3, -1))
    (earlier,) = [a for a in page.all("a") if a.text == "Earlier events"]
    page = e.host.get(e.at("history" + earlier.attrs["href"])).page
    assert listed(page) == [3, 2, 1]
    assert f"{newest} of {newest}" in page.by_id("moment").text
    (later,) = [a for a in page.all("a") if a.text == "Later events"]
    assert listed(e.host.get(e.at("history" + later.attrs["href"])).page) == [*range(203, 3, -1)]


@pytest.mark.parametrize("at", ["0", "-1", "99", "x", "", "9" * 5000, "1e1", "%C2%B2"])
def test_an_unknown_event_number_shows_the_newest_event(house: House, at: str) -> None:
    e = house.evening(limit=4)
    page = e.host.get(e.at(f"history?at={at}"))
    assert page.status in (200, 414)
    if page.status == 200:
        assert "1 of 1" in page.page.by_id("moment").text


def test_the_history_of_a_draw_shows_no_card_before_it_turns(house: House) -> None:
    e = house.evening(limit=2)
    e.filled()
    for team, player in enumerate(e.facts("player-joined")):
        form = {"player": player["player_id"], "team": team}
        assert e.host.post(e.at("pick-for"), form).status == 303
    assert e.act("draw", attempt=1).status == 200
    drawn = e.events[-1]["seq"]
    secret = e.facts("teams-drawn")[0]["secret"]
    for address in ("history", f"history?at={drawn}", "history.jsonl"):
        answer = e.host.get(e.at(address))
        assert secret not in answer.text
        assert '"hands"' not in answer.text
    assert e.act("skip").status == 200
    assert secret in e.host.get(e.at("history.jsonl")).text
    before = e.host.get(e.at(f"history?at={drawn}")).page
    assert not [row for row in before.walk() if "is-done" in row.attrs.get("class", "")]


def test_the_page_and_the_command_export_the_same_file(house: House) -> None:
    e = house.evening(limit=4)
    e.guest("Ola")
    file = e.host.get(e.at("history.jsonl"))
    assert f"lct-{e.code}.jsonl" in file.headers["Content-Disposition"]
    assert file.text == house.flask("export", e.code).stdout


def test_a_forgotten_guest_disappears_from_live_screens_and_the_store(
    house: House, tmp_path: Path
) -> None:
    e = house.evening(limit=4)
    e.guest("Gwendolyn")
    with house.phone(0).live(e.live("board")) as board, house.phone(1).live(e.live("board")) as tv:
        for screen in (board, tv):
            screen.until(lambda s: "Gwendolyn Nowak" in s.text)
        done = house.flask("forget", e.code, "Gwendolyn Nowak")
        assert done.returncode == 0, done.stderr
        for screen in (board, tv):
            screen.until(lambda s: "Player No. 1" in s.shows("seat-1"), 5)
    assert "Gwendolyn" not in json.dumps(e.events, default=str)
    for worker in (0, 1):
        assert "Gwendolyn" not in house.phone(worker).get(e.at()).text
    told = house.flask("replay", e.code)
    assert told.returncode == 0
    assert "snapshot and events agree" in told.stdout
    assert "Gwendolyn" not in told.stdout + house.log()
    assert any(line["event"].get("action") == "privacy.forget" for line in log_lines(done.stderr))


def log_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_an_evening_moves_to_another_installation_and_continues_there(
    house: House, tmp_path: Path
) -> None:
    e = house.evening(limit=2)
    guests = e.filled()
    exported = house.flask("export", "--with-secrets", e.code)
    file = tmp_path / "evening.jsonl"
    file.write_text(exported.stdout)
    house.mongo[house.settings.database]["events"].delete_many({"stream": e.code})
    house.mongo[house.settings.database]["snapshots"].delete_many({"_id": e.code})
    done = house.flask("import", str(file))
    assert done.returncode == 0, done.stderr
    assert "events imported\nIts draw is still to come, so it has a new seal" in done.stdout
    for team, guest in enumerate(guests):
        assert e.pick(guest, team).status == 200
    assert e.act("draw", attempt=2).status == 200
    again = house.flask("import", str(file))
    assert again.returncode == 1
    assert "has newer events here" in again.stderr


def test_a_deleted_evening_closes_its_screens_for_good(house: House) -> None:
    e = house.evening(limit=4)
    e.guest("Ola")
    events = house.mongo[house.settings.database]["events"]
    for document in list(events.find({"stream": e.code})):
        old = document | {"at": datetime.now(UTC) - timedelta(days=400)}
        events.replace_one({"_id": document["_id"]}, old)
    refused = house.flask("delete-old")
    assert refused.returncode == 1
    assert "LCT_RETENTION_DAYS is not set" in refused.stderr
    with house.phone(0).live(e.live("board")) as board, house.phone(1).live(e.live("watch")) as two:
        kept = house.flask("delete-old", "--dry-run", LCT_RETENTION_DAYS="365")
        assert f"{e.code}: would be deleted" in kept.stdout
        gone = house.flask("delete-old", LCT_RETENTION_DAYS="365")
        assert f"{e.code}: 2 events deleted" in gone.stdout, gone.stderr
        for screen in (board, two):
            with pytest.raises(ConnectionClosed) as closed:
                screen.until(lambda s: False, 5)
            assert closed.value.rcvd.code == 1008
    for worker in (0, 1):
        assert house.phone(worker).get(e.at()).status == 404
