"""The API runs an evening: every operation, repeats, versions, pages, problems, other origins."""

from __future__ import annotations

import json
import secrets
import uuid
from typing import Any

import pytest
from flask import Flask

from .api_client import ApiEvening, Program, good, refused, served, settings_for
from .http_client import PUBLIC_URL, at_once
from .test_rights import guesses

pytestmark = pytest.mark.usefixtures("uncounted")


@pytest.fixture
def e(app: Flask) -> ApiEvening:
    return ApiEvening(app)


# --- an evening -----------------------------------------------------------------------------------


def test_an_evening_runs_from_the_first_call_to_the_checked_draw(app: Flask) -> None:
    e = ApiEvening(app, limit=3)
    ids = e.filled()
    assert good(e.anyone.get(e.at()))["phase"] == "ready"
    assert e.draw()["event"] == "draw-begun"
    good(e.host.post(e.at("/skip")))
    players = good(e.anyone.get(e.at("/players")))["items"]
    assert [p["id"] for p in players] == ids
    assert sorted(p["drawn"] for p in players) == [0, 1, 2]
    (record,) = good(e.anyone.get(e.at("/draws")))
    assert record["picks"][0]["player_id"] == ids[0]
    evening = good(e.anyone.get(e.at()))
    assert (evening["phase"], evening["cards"], evening["turned"]) == ("drawn", 3, 3)


def test_creating_returns_everything_needed_to_run_the_evening(e: ApiEvening) -> None:
    made, code = e.created, e.code
    assert made["join_url"] == f"{PUBLIC_URL}/t/{code}/join"
    assert made["board_url"] == f"{PUBLIC_URL}/t/{code}"
    assert made["organiser_url"].startswith(f"{PUBLIC_URL}/t/{code}/host/")
    assert (made["seq"], made["version"], made["event"]) == (1, 1, "tournament-created")


@pytest.mark.parametrize(
    ("more", "count", "first"),
    [
        ({"source": "classic"}, 10, "Liverpool"),
        ({"source": "pasted", "pasted": ["Reds", "Blues", "Greens", "Whites"]}, 4, "Reds"),
    ],
)
def test_teams_come_from_the_same_sources_as_on_the_pages(
    app: Flask, more: dict[str, Any], count: int, first: str
) -> None:
    e = ApiEvening(app, **more)
    teams = good(e.anyone.get(e.at("/teams")))["items"]
    assert (len(teams), teams[0]["name"]) == (count, first)


def test_a_pasted_team_is_one_name_and_not_two(app: Flask) -> None:
    sent = {"name": "Cup", "limit": 2, "source": "pasted", "pasted": ["Reds\nBlues", "Greens"]}
    answer = refused(Program(app).post("/api/v1/tournaments", sent), 422)
    assert answer["errors"] == [
        {"field": "pasted", "detail": "“Reds Blues” has a line break in it."}
    ]


def test_rated_teams_keep_to_their_kind_and_stars(app: Flask) -> None:
    e = ApiEvening(app, source="rated", kinds=["nation"], least=4.0, cap=4.5)
    teams = good(e.anyone.get(e.at("/teams?limit=200")))["items"]
    assert {t["kind"] for t in teams} == {"nation"}
    assert {t["stars"] for t in teams} == {4.0, 4.5}


def test_the_list_of_teams_says_which_are_taken(e: ApiEvening) -> None:
    ola = e.join("Ola")
    good(e.pick(ola, 2))
    teams = good(e.anyone.get(e.at("/teams")))["items"]
    assert [t["number"] for t in teams if t["taken_by"]] == [2]
    assert teams[2]["taken_by"] == ola


def test_a_player_changes_lets_go_looks_and_corrects_their_name(e: ApiEvening) -> None:
    ola = e.join("Ola")
    me = e.players[ola]
    path = e.at(f"/players/{ola}")
    good(e.pick(ola, 2))
    good(e.pick(ola, 3))
    assert good(e.anyone.get(e.at("/players")))["items"][0]["team"] == 3
    good(me.post(f"{path}/let-go"))
    assert good(e.anyone.get(e.at("/players")))["items"][0]["team"] is None
    assert me.post(f"{path}/look", {"team": 4}).status_code == 204
    refused(me.post(f"{path}/look", {"team": 40}), 404, "unknown-team")
    good(me.post(f"{path}/rename", {"first": "Aleksandra", "last": "Nowak"}))
    assert good(e.anyone.get(e.at("/players")))["items"][0]["first"] == "Aleksandra"


def test_the_personal_code_brings_a_player_back(e: ApiEvening) -> None:
    ola = e.join("Ola")
    seat = good(e.players[ola].get(e.at(f"/players/{ola}/seat")))
    assert good(e.host.get(e.at(f"/players/{ola}/seat"))) == seat
    back = good(e.anyone.post(e.at("/seat"), {"seat_code": seat["seat_code"].lower()}))
    assert back["player_id"] == ola
    again = Program(e.app, back["token"])
    good(again.post(e.at(f"/players/{ola}/team"), {"team": 1}))
    wrong = refused(e.anyone.post(e.at("/seat"), {"seat_code": "BBBB-BBBB"}), 422)
    assert wrong["errors"][0]["field"] == "seat_code"


def test_the_organiser_adds_a_guest_and_picks_for_them_behind_a_locked_door(e: ApiEvening) -> None:
    good(e.host.post(e.at("/lock")))
    kim = good(e.host.post(e.at("/players/add"), {"first": "Kim", "last": "Nowak"}))
    assert kim["event"] == "player-added"
    good(e.host.post(e.at(f"/players/{kim['player_id']}/team"), {"team": 2}))
    again = e.host.post(e.at("/players/add"), {"first": "Kim", "last": "Nowak"})
    assert refused(again, 422)["errors"][0]["field"] == "last"


def test_the_organiser_can_do_everything_that_the_page_can(e: ApiEvening) -> None:
    ola, max_ = e.join("Ola"), e.join("Max")
    steps: list[tuple[str, Any, str]] = [
        ("/rename", {"name": f"Cup {secrets.token_hex(4)}"}, "tournament-renamed"),
        ("/limit", {"limit": 6}, "limit-changed"),
        ("/lock", None, "joining-locked"),
        ("/unlock", None, "joining-unlocked"),
        (f"/players/{ola}/rename", {"first": "Olga", "last": "Nowak"}, "player-renamed"),
        (f"/players/{ola}/team", {"team": 1}, "team-picked"),
        (f"/players/{max_}/block", None, "player-blocked"),
        (f"/players/{max_}/unblock", None, "player-unblocked"),
        (f"/players/{ola}/remove", None, "player-removed"),
        ("/restart", None, "picks-restarted"),
        ("/close", None, "tournament-closed"),
        ("/reopen", {}, "tournament-reopened"),
        ("/recovery-code", None, "recovery-code-renewed"),
    ]
    for path, body, event in steps:
        assert good(e.host.post(e.at(path), body))["event"] == event, path
    told = good(e.host.get(e.at("/history?limit=200")))["items"]
    assert [line["type"] for line in told[3:]] == [event for _, _, event in steps]
    for name in ("Ola", "Max", "Zoe"):
        e.join(name)
    assert good(e.host.post(e.at("/close-list")))["event"] == "limit-changed"


def test_the_history_has_the_board_as_it_was_after_any_event(e: ApiEvening) -> None:
    ola = e.join("Ola")
    good(e.pick(ola, 2))
    then = good(e.host.get(e.at("/history/2")))
    assert (then["event"]["who"], then["event"]["what"]) == ("Ola Nowak", "took a seat")
    assert then["players"] == [
        {"id": ola, "first": "Ola", "last": "Nowak", "call_name": "", "team": None, "drawn": None}
    ]
    assert good(e.host.get(e.at("/history/3")))["players"][0]["team"] == 2
    for place in (0, 4, 10**12):
        refused(e.host.get(e.at(f"/history/{place}")), 404)


def test_the_rules_are_the_same_as_on_the_pages(e: ApiEvening) -> None:
    ola, max_ = e.join("Ola"), e.join("Max")
    good(e.pick(ola, 2))
    refused(e.pick(max_, 2), 409, "team-taken")
    refused(e.pick(max_, 99), 404, "unknown-team")
    same = refused(e.anyone.post(e.at("/players"), {"first": "ola", "last": "NOWAK"}), 422)
    assert same["errors"] == [{"field": "last", "detail": same["detail"]}]
    refused(e.host.post(e.at("/draw"), {"attempt": 1}), 409, "seats-empty")
    refused(e.host.post(e.at("/draw"), {"attempt": 2}), 409, "another-attempt")
    refused(e.anyone.get(e.at("/draw")), 409, "not-drawn")
    good(e.host.post(e.at("/lock")))
    refused(
        e.anyone.post(e.at("/players"), {"first": "Zoe", "last": "X"}), 409, "joining-is-locked"
    )
    refused(e.anyone.get("/api/v1/tournaments/BBBBBBBB"), 404, "unknown-tournament")


def test_a_code_is_understood_in_any_spelling(e: ApiEvening) -> None:
    typed = f"{e.code[:4]}-{e.code[4:]}".lower()
    assert good(e.anyone.get(f"/api/v1/tournaments/{typed}"))["code"] == e.code


# --- hidden until the reveal ----------------------------------------------------------------------


def test_no_answer_reveals_a_card_before_it_turns(app: Flask) -> None:
    e = ApiEvening(app, limit=3)
    ids = e.filled()
    e.draw()
    for who in (e.anyone, e.host, e.players[ids[0]]):
        assert {p["drawn"] for p in good(who.get(e.at("/players")))["items"]} == {None}
        assert {c["team"] for c in good(who.get(e.at("/draw")))} == {""}
        assert good(who.get(e.at("/draws"))) == []
        older = good(who.get(f"/api/Tournament?Id={e.code}"))
        assert {p["drawnTeam"] for p in older["players"]} == {None}
    then = good(e.host.get(e.at("/history/8")))
    assert {p["drawn"] for p in then["players"]} == {None}
    secret = app.extensions["lct"].store.stream(e.code).tournament.secret
    reads = ["", "/teams", "/players", "/draw", "/draws", "/host", "/history", "/history/8"]
    for path in [*reads, "/history.jsonl"]:
        text = e.host.get(e.at(path)).get_data(as_text=True)
        assert secret not in text, path
        assert '"hands"' not in text, path
    good(e.host.post(e.at("/skip")))
    assert secret in e.host.get(e.at("/history.jsonl")).get_data(as_text=True)
    assert secret in e.anyone.get(e.at("/draws")).get_data(as_text=True)


# --- repeats --------------------------------------------------------------------------------------


def key() -> str:
    return str(uuid.uuid4())


def test_a_repeated_create_returns_the_same_evening_with_the_same_keys(app: Flask) -> None:
    about = {"name": f"Cup {secrets.token_hex(4)}", "limit": 4}
    sent = {"Idempotency_Key": key()}
    first, second = (Program(app).post("/api/v1/tournaments", about, **sent) for _ in range(2))
    assert good(first, 201) == good(second, 201)
    assert first.headers["ETag"] == second.headers["ETag"]
    assert first.headers["Location"] == second.headers["Location"]
    another = Program(app).post("/api/v1/tournaments", {**about, "limit": 5}, **sent)
    assert refused(another, 422)["errors"][0]["field"] == "Idempotency-Key"


def test_a_repeat_gets_the_first_answer_whatever_happened_since(e: ApiEvening) -> None:
    ola = e.join("Ola")
    for path, who, body in (
        (e.at("/players"), e.anyone, {"first": "Max", "last": "Nowak"}),
        (e.at("/players/add"), e.host, {"first": "Kim", "last": "Nowak"}),
        (e.at(f"/players/{ola}/team"), e.players[ola], {"team": 1}),
        (e.at("/lock"), e.host, None),
        (e.at("/recovery-code"), e.host, None),
    ):
        sent = {"Idempotency_Key": key()}
        first = who.post(path, body, **sent)
        assert first.status_code in (200, 201)
        good(e.host.post(e.at("/unlock" if path.endswith("lock") else "/lock")))
        good(e.pick(ola, 5))
        second = who.post(path, body, **sent)
        assert second.get_json() == first.get_json(), path
        assert second.headers["ETag"] == first.headers["ETag"]
        good(e.host.post(e.at("/unlock")))
    assert good(e.anyone.get(e.at()))["players"] == 3


def test_a_repeated_conditional_call_does_not_conflict_with_itself(e: ApiEvening) -> None:
    sent = {"Idempotency_Key": key(), "If_Match": '"1"'}
    first = e.host.post(e.at("/lock"), **sent)
    assert good(first)["version"] == 2
    assert good(e.host.post(e.at("/lock"), **sent)) == good(first)


def test_concurrent_repeats_are_one_command(e: ApiEvening) -> None:
    sent = {"Idempotency_Key": key()}
    body = {"first": "Ola", "last": "Nowak"}
    answers = at_once(*[lambda: e.anyone.post(e.at("/players"), body, **sent)] * 4)
    assert len({json.dumps(good(answer, 201)) for answer in answers}) == 1
    assert good(e.anyone.get(e.at()))["players"] == 1


def test_concurrent_creates_with_one_key_are_one_evening(app: Flask) -> None:
    sent = {"Idempotency_Key": key()}
    about = {"name": f"Cup {secrets.token_hex(4)}", "limit": 4}
    answers = at_once(*[lambda: Program(app).post("/api/v1/tournaments", about, **sent)] * 4)
    assert len({json.dumps(good(answer, 201)) for answer in answers}) == 1


def test_a_key_belongs_to_its_caller(e: ApiEvening) -> None:
    ola, max_, sent = e.join("Ola"), e.join("Max"), {"Idempotency_Key": key()}
    assert good(e.pick(ola, 1, **sent))["seq"] != good(e.pick(max_, 2, **sent))["seq"]


def test_a_key_with_another_call_is_refused(e: ApiEvening) -> None:
    ola, sent = e.join("Ola"), {"Idempotency_Key": key()}
    good(e.pick(ola, 1, **sent))
    refused(e.pick(ola, 2, **sent), 422)
    refused(e.players[ola].post(e.at(f"/players/{ola}/let-go"), **sent), 422)
    for weak in ("1", "x" * 15, "x" * 65, "spaces in between it"):
        refused(e.pick(ola, 3, Idempotency_Key=weak), 422)
    assert good(e.anyone.get(e.at("/players")))["items"][0]["team"] == 1


WEAK = (
    "organiser-2026-key",
    "0123456789abcdef0123",  # pragma: allowlist secret
    "0" * 32,
    "abcdef01" * 3,
    "deadbeef-dead-beef-dead",
)
STRONG = (secrets.token_hex(16), secrets.token_urlsafe(16), secrets.token_urlsafe(48), key())


@pytest.mark.parametrize("weak", WEAK)
def test_a_call_without_a_token_needs_an_unguessable_key(weak: str, e: ApiEvening) -> None:
    calls = {
        "/api/v1/tournaments": {"name": f"Cup {secrets.token_hex(4)}", "limit": 4},
        "/api/Tournament/create": {"name": f"Cup {secrets.token_hex(4)}", "playerLimit": 4},
        e.at("/players"): {"first": "Ola", "last": "Nowak"},
    }
    for path, body in calls.items():
        answer = refused(e.anyone.post(path, body, Idempotency_Key=weak), 422)
        assert [wrong["field"] for wrong in answer["errors"]] == ["Idempotency-Key"], path
        assert "random UUID" in answer["detail"]
    assert good(e.anyone.get(e.at()))["players"] == 0


def test_every_kind_of_strong_key_is_accepted_without_a_token(e: ApiEvening) -> None:
    for number, strong in enumerate(STRONG):
        body = {"first": f"N{number}", "last": "Nowak"}
        good(e.anyone.post(e.at("/players"), body, Idempotency_Key=strong), 201)


def test_a_key_that_another_client_has_used_counts_as_a_wrong_guess(e: ApiEvening) -> None:
    sent = {"Idempotency_Key": key()}
    good(e.anyone.post(e.at("/players"), {"first": "Ola", "last": "Nowak"}, **sent), 201)
    tried = [
        e.anyone.post(e.at("/players"), {"first": f"N{n}", "last": "Nowak"}, **sent).status_code
        for n in range(21)
    ]
    assert tried == [422] * 20 + [429]


def test_a_call_that_changes_nothing_says_so(e: ApiEvening) -> None:
    assert good(e.host.post(e.at("/lock")))["changed"] is True
    again = good(e.host.post(e.at("/lock")))
    assert (again["changed"], again["event"], again["version"]) == (False, None, 2)


# --- versions -------------------------------------------------------------------------------------


def test_if_match_prevents_overwriting_an_unseen_change(e: ApiEvening) -> None:
    seen = e.anyone.get(e.at()).headers["ETag"]
    assert seen == '"1"'
    first = e.host.post(e.at("/limit"), {"limit": 5}, If_Match=seen)
    assert good(first)["version"] == 2
    late = e.host.post(e.at("/limit"), {"limit": 6}, If_Match=seen)
    refused(late, 412, "version-mismatch")
    assert late.headers["ETag"] == first.headers["ETag"] == '"2"'
    assert good(e.anyone.get(e.at()))["limit"] == 5
    good(e.host.post(e.at("/limit"), {"limit": 6}, If_Match=late.headers["ETag"]))


@pytest.mark.parametrize(
    ("tag", "status"),
    [('"1"', 200), ("*", 200), ('"7", "1"', 200), ('"1:br"', 200), ('"2"', 412), ('W/"1"', 412),
     ('"x"', 412), ('""', 412), ("nonsense", 412), ('"-1"', 412)],
)  # fmt: skip
def test_if_match_follows_the_rules_of_http(e: ApiEvening, tag: str, status: int) -> None:
    assert e.host.post(e.at("/lock"), If_Match=tag).status_code == status


def test_joining_and_picking_take_if_match_too(e: ApiEvening) -> None:
    ola = e.join("Ola")
    refused(e.pick(ola, 1, If_Match='"9"'), 412)
    good(e.pick(ola, 1, If_Match='"1"'))
    body = {"first": "Max", "last": "Nowak"}
    refused(e.anyone.post(e.at("/players"), body, If_Match='"9"'), 412)


# --- pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/teams", "/players", "/history"])
def test_a_list_read_page_by_page_is_the_whole_list(app: Flask, path: str) -> None:
    e = ApiEvening(app, limit=5)
    e.filled()
    whole = good(e.host.get(e.at(f"{path}?limit=200")))
    assert whole["next"] is None
    found, cursor, pages = [], "", 0
    while cursor is not None:
        page = good(e.host.get(e.at(f"{path}?limit=2&cursor={cursor}")))
        assert 1 <= len(page["items"]) <= 2
        found += page["items"]
        cursor, pages = page["next"], pages + 1
    assert found == whole["items"]
    assert pages == (len(found) + 1) // 2


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "cursor=x", "cursor=-1", "cursor=ZnJvbTotMQ", "cursor=%00",
     "cursor=é", "cursor=ZnJvbTowMg"],
)  # fmt: skip
def test_a_wrong_page_parameter_is_named(e: ApiEvening, query: str) -> None:
    problem = refused(e.anyone.get(e.at(f"/teams?{query}")), 422)
    assert problem["errors"][0]["field"] == query.partition("=")[0]


# --- problems -------------------------------------------------------------------------------------


def test_every_wrong_field_is_named(app: Flask) -> None:
    answer = Program(app).post("/api/v1/tournaments", {"limit": "4", "self": 1, "option": "x"})
    fields = {each["field"] for each in refused(answer, 422, "invalid")["errors"]}
    assert fields == {"name", "limit", "self", "option"}


def test_a_refusal_by_the_domain_names_its_field_too(e: ApiEvening) -> None:
    name = good(e.anyone.get(e.at()))["name"]
    again = e.anyone.post("/api/v1/tournaments", {"name": name.upper(), "limit": 4})
    assert refused(again, 422, "tournament-name-taken")["errors"][0]["field"] == "name"
    few = e.anyone.post("/api/v1/tournaments", {"name": secrets.token_hex(4), "limit": 11})
    assert refused(few, 422, "too-few-teams")["errors"][0]["field"] == "teams"


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b'"x"', "application/json", 422),
        (b'{"name": "\\ud800", "limit": 4}', "application/json", 422),
        (b'{"name": "x", "limit": 1e999}', "application/json", 422),
        (b'{"name": "x", "limit": NaN}', "application/json", 422),
        (b"name=x&limit=4", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
        (b" " * 300_000, "application/json", 413),
    ],
)
def test_a_malformed_body_is_refused_as_a_problem(
    app: Flask, body: bytes, media: str, status: int
) -> None:
    answer = app.test_client().post("/api/v1/tournaments", data=body, content_type=media)
    refused(answer, status)


def test_unknown_paths_and_methods_are_problems_too(app: Flask) -> None:
    refused(Program(app).get("/api/v1/nothing"), 404)
    refused(Program(app).get("/api/"), 404)
    wrong = Program(app).call("DELETE", "/api/v1/tournaments")
    refused(wrong, 405)
    assert "POST" in wrong.headers["Allow"]
    refused(Program(app).get("/api/Tournament/draw"), 405)


def test_a_given_request_id_is_kept(e: ApiEvening) -> None:
    answer = e.anyone.post(e.at("/lock"), X_Request_Id="abcdef12")
    assert refused(answer, 401)["request_id"] == "abcdef12"


def test_an_internal_error_is_a_problem_without_details(app: Flask, monkeypatch: Any) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("the-inside-story")

    monkeypatch.setattr("lct.web.api.answers.tournament", fail)
    e = ApiEvening(app)
    answer = e.anyone.get(e.at())
    refused(answer, 500)
    assert "the-inside-story" not in answer.get_data(as_text=True)


def test_guesses_are_counted_as_on_the_pages(app: Flask) -> None:
    answers = [Program(app).get(f"/api/v1/tournaments/{code}") for code in guesses(130)]
    assert {answer.status_code for answer in answers} == {404, 429}
    assert int(answers[-1].headers["Retry-After"]) <= 61
    e = ApiEvening(app)
    keys = [e.anyone.post(e.at("/devices"), {"recovery_code": c}) for c in guesses(45)]
    assert {answer.status_code for answer in keys} == {403, 429}


# --- other origins --------------------------------------------------------------------------------


def test_no_other_origin_may_call_unless_it_is_configured(e: ApiEvening) -> None:
    for method in ("GET", "OPTIONS"):
        answer = e.anyone.call(method, e.at(), Origin="https://app.example")
        assert answer.status_code == 200
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_a_configured_origin_may_call_and_only_that_one(servers: Any) -> None:
    origins = "https://app.example http://127.0.0.1:3000"
    with served(settings_for(servers, api_origins=origins)) as app:
        e = ApiEvening(app)
        for origin in origins.split():
            answer = e.anyone.get(e.at(), Origin=origin)
            assert answer.headers["Access-Control-Allow-Origin"] == origin
            assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
            assert "Access-Control-Allow-Credentials" not in answer.headers
            assert "Origin" in answer.headers["Vary"]
            asked = {"Access_Control_Request_Method": "POST", "Origin": origin}
            before = e.anyone.call("OPTIONS", e.at("/lock"), **asked)
            assert "POST" in before.headers["Access-Control-Allow-Methods"]
            assert "Idempotency-Key" in before.headers["Access-Control-Allow-Headers"]
            denied = e.anyone.post(e.at("/lock"), Origin=origin)
            assert denied.status_code == 401
            assert denied.headers["Access-Control-Allow-Origin"] == origin
        for origin in ("https://app.example.evil.example", "null", "https://APP.example"):
            answer = e.anyone.get(e.at(), Origin=origin)
            assert "Access-Control-Allow-Origin" not in answer.headers
        page = e.anyone.get(f"/t/{e.code}", Origin=origins.split()[0])
        assert "Access-Control-Allow-Origin" not in page.headers


def test_a_body_with_many_errors_is_answered_with_the_first_few(app: Flask) -> None:
    body = {"name": "x", "limit": 4} | {f"field-{n}-{'y' * 200}": n for n in range(1000)}
    answer = Program(app).post("/api/v1/tournaments", body)
    wrong = refused(answer, 422)["errors"]
    assert len(wrong) == 11
    assert wrong[-1] == {"field": "body", "detail": "990 more things are wrong."}
    assert max(len(each["field"]) for each in wrong) == 101
    assert len(answer.data) < 5000
    listed = Program(app).post(
        "/api/v1/tournaments", {"name": "x", "limit": 4, "pasted": [1] * 9999}
    )
    assert len(refused(listed, 422)["errors"]) == 11


@pytest.mark.parametrize(
    "path", ["//", "//evil.example", "/t//BCDF2345", "//t/BCDF2345/join", "/go/"]
)
def test_no_path_is_redirected_to_the_requested_host(app: Flask, path: str) -> None:
    asked = {"PATH_INFO": path, "HTTP_HOST": "evil.example"}
    answer = app.test_client().get("/", environ_overrides=asked)
    assert answer.status_code not in range(300, 400)
    assert "Location" not in answer.headers


def test_the_router_redirects_to_no_route(app: Flask) -> None:
    """Such a redirect goes to an absolute URL, made from the Host header."""
    assert app.url_map.merge_slashes is False
    for rule in app.url_map.iter_rules():
        assert rule.rule == "/" or not rule.rule.endswith("/"), rule
        assert not rule.redirect_to
        assert not rule.alias
