"""The API on two workers, and its event stream, which sends news at each change and nothing secret
too early."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import pytest

from .http_client import PATIENCE, Answer, House, open_house
from .support import wait_until

ORIGIN = "https://app.example"


@pytest.fixture(scope="module")
def house(servers: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with open_house(servers, folder, api_origins=ORIGIN, sockets_per_tournament=4) as opened:
        yield opened


class Api:
    """An evening over HTTP, on whichever worker takes a call."""

    def __init__(self, house: House) -> None:
        house.forget_limits()
        self.house = house
        self.code = ""
        about = {"name": f"Cup {secrets.token_hex(4)}", "limit": 3}
        made = self.post("", about)
        self.code, self.host = made["code"], made["organiser_key"]

    def at(self, path: str = "") -> str:
        return f"/api/v1/tournaments{'/' * bool(self.code)}{self.code}{path}"

    def answer(
        self, path: str, body: Any = None, token: str = "", worker: int | None = None, **more: str
    ) -> Answer:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        sent = json.dumps(body).encode() if body is not None else b""
        return self.house.phone(worker).request("POST", self.at(path), sent, headers)

    def post(self, path: str, body: Any = None, token: str = "") -> Any:
        answer = self.answer(path, body, token)
        assert answer.status in (200, 201, 204), answer.text
        return json.loads(answer.text or "null")

    def join(self, first: str) -> tuple[str, str]:
        made = self.post("/players", {"first": first, "last": "Nowak"})
        return made["player_id"], made["token"]

    def filled(self) -> None:
        for team, name in enumerate(("Ola", "Max", "Zoe")):
            player_id, token = self.join(name)
            self.post(f"/players/{player_id}/team", {"team": team}, token)


class Stream:
    """A program that listens to the event stream."""

    def __init__(self, api: Api, method: str = "GET", **headers: str) -> None:
        where = urlsplit(api.house.url)
        self.connection = HTTPConnection(where.hostname or "", where.port, timeout=PATIENCE)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, api.at("/events"), headers=sent)
        self.answer: HTTPResponse = self.connection.getresponse()
        self.said = ""

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()
        self.connection.close()

    def event(self) -> dict[str, str]:
        """The fields of the next event."""
        fields: dict[str, str] = {}
        while True:
            line = self.answer.readline().decode()
            assert line, "the stream ended"
            self.said += line
            if line == "\n" and "data" in fields:
                return fields
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                fields[name] = value

    def news(self) -> Any:
        """The next event without a name."""
        while "event" in (event := self.event()):
            pass
        return json.loads(event["data"])

    def until(self, **wanted: Any) -> Any:
        end = time.monotonic() + PATIENCE
        while not wanted.items() <= (news := self.news()).items():
            assert time.monotonic() < end, news
        return news


def test_the_stream_sends_news_at_once_and_after_each_change(house: House) -> None:
    api = Api(house)
    with Stream(api) as stream:
        assert stream.answer.status == 200
        assert stream.answer.headers["Content-Type"].startswith("text/event-stream")
        assert stream.answer.headers["X-Request-Id"]
        first = stream.news()
        assert first == {
            "seq": 1, "version": 1, "phase": "join", "players": 0, "picked": 0, "turned": 0,
            "cards": 0,
        }  # fmt: skip
        player_id, token = api.join("Ola")
        assert stream.until(seq=2)["players"] == 1
        for place, team in ((3, 4), (4, 5)):  # the second changes none of the counts
            done = api.post(f"/players/{player_id}/team", {"team": team}, token)
            assert done["seq"] == place
            assert stream.until(seq=place)["picked"] == 1
        api.post("/lock", token=api.host)
        assert stream.until(seq=5)["version"] == 2


def test_the_stream_counts_the_turned_cards_and_never_says_what_is_on_them(house: House) -> None:
    api = Api(house)
    api.filled()
    with Stream(api) as stream:
        assert stream.news()["phase"] == "ready"
        api.post("/draw", {"attempt": 1}, api.host)
        assert stream.until(phase="draw")["turned"] == 0
        stream.until(turned=1, phase="draw")
        api.post("/skip", token=api.host)
        assert stream.until(phase="drawn")["turned"] == 3
        fact = house.mongo[house.settings.database]["events"].find_one(
            {"stream": api.code, "type": "teams-drawn"}
        )
        assert fact["data"]["secret"] not in stream.said
        assert "Liverpool" not in stream.said


def test_the_list_of_teams_shows_who_looks_at_a_team_until_it_is_taken(house: House) -> None:
    api = Api(house)
    (ola, token), (max_, other) = api.join("Ola"), api.join("Max")

    def teams() -> Any:
        return json.loads(house.phone().get(api.at("/teams")).text)["items"]

    api.post(f"/players/{ola}/look", {"team": 2}, token)
    wait_until(lambda: [t["number"] for t in teams() if t["looking"] == [ola]] == [2])
    api.post(f"/players/{max_}/team", {"team": 2}, other)
    assert (teams()[2]["looking"], teams()[2]["taken_by"]) == ([], max_)
    api.post(f"/players/{ola}/look", {"team": 3}, token)
    wait_until(lambda: teams()[3]["looking"] == [ola])
    api.post(f"/players/{ola}/look", {"team": None}, token)
    wait_until(lambda: not any(t["looking"] for t in teams()))


def test_heartbeats_have_an_event_name_of_their_own(house: House) -> None:
    api = Api(house)
    with Stream(api) as stream:
        stream.news()
        alive = stream.event()
        assert alive["event"] == "alive"
        assert json.loads(alive["data"]) == {"live": True, "seq": 1}


def test_a_reconnecting_program_gets_only_newer_events(house: House) -> None:
    api = Api(house)
    with Stream(api) as stream:
        last = stream.event()["id"]
    with Stream(api, Last_Event_ID=last) as again:
        api.join("Ola")
        assert again.news()["seq"] == 2


def test_a_refused_stream_is_answered_with_a_problem_document(house: House) -> None:
    api = Api(house)
    api.code, known = "BBBBBBBB", api.code
    with Stream(api) as stream:
        assert stream.answer.status == 404
        assert stream.answer.headers["Content-Type"] == "application/problem+json"
    api.code = known
    with Stream(api, "HEAD") as stream:
        assert stream.answer.status == 200
        assert stream.answer.read() == b""


def test_streams_count_as_screens(house: House) -> None:
    """Both workers have four places each."""
    api = Api(house)
    streams = [Stream(api) for _ in range(9)]
    try:
        statuses = {stream.answer.status for stream in streams}
        assert statuses == {200, 429}
    finally:
        for stream in streams:
            stream.__exit__()


def test_a_configured_origin_may_listen(house: House) -> None:
    api = Api(house)
    for origin, allowed in ((ORIGIN, ORIGIN), ("https://evil.example", None)):
        with Stream(api, Origin=origin) as stream:
            assert stream.news()["seq"] == 1
            assert stream.answer.headers["Access-Control-Allow-Origin"] == allowed


# --- two workers ----------------------------------------------------------------------------------


def test_any_worker_answers_a_repeated_call_with_the_first_answer(house: House) -> None:
    api, sent = Api(house), {"Idempotency_Key": secrets.token_hex(16)}
    first, second = (
        api.answer("/players", {"first": "Ola", "last": "Nowak"}, worker=worker, **sent)
        for worker in (0, 1)
    )
    assert (first.status, first.text) == (201, second.text)
    code, api.code = api.code, ""
    about = {"name": f"Cup {secrets.token_hex(4)}", "limit": 2}
    made = [api.answer("", about, worker=worker, **sent) for worker in (1, 0)]
    assert made[0].status == 201
    assert made[0].text == made[1].text
    assert code not in made[0].text


def test_a_key_revoked_on_one_worker_is_refused_by_the_other(house: House) -> None:
    api = Api(house)
    link = json.loads(
        house.phone(1).get(api.at("/host"), headers={"Authorization": f"Bearer {api.host}"}).text
    )["organiser_url"]
    new = api.post("/devices", {"link_key": link.rpartition("/")[2]})
    assert api.answer("/lock", token=new["organiser_key"], worker=1).status == 200
    revoke = f"/devices/{new['device_id']}/revoke"
    assert api.answer(revoke, token=api.host, worker=0).status == 200
    assert api.answer("/unlock", token=new["organiser_key"], worker=1).status == 401


def test_if_match_holds_across_workers(house: House) -> None:
    api = Api(house)
    first = api.answer("/lock", token=api.host, worker=0, If_Match='"1"')
    assert first.headers["ETag"] == '"2"'
    assert api.answer("/unlock", token=api.host, worker=1, If_Match='"1"').status == 412
    assert api.answer("/unlock", token=api.host, worker=1, If_Match='"2"').status == 200
