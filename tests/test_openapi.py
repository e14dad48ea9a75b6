"""The OpenAPI document is valid and complete: every route and status, with examples that run."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from lct.domain.shares import pledge
from lct.web.api import operations
from lct.webhooks.message import Message

from .api_client import ApiEvening, Program, good
from .browser import Screens
from .support import LiveServer

pytestmark = pytest.mark.usefixtures("uncounted")

ROOT = Path(__file__).parent.parent
CLIENT = ROOT / "docs/api_client.py"


def errors_in(document: Any) -> list[Any]:
    """Everything that is not OpenAPI 3.1."""
    from openapi_spec_validator import OpenAPIV31SpecValidator  # takes a second to import

    return list(OpenAPIV31SpecValidator(document).iter_errors())


@pytest.fixture(scope="module")
def document(app: Flask) -> Any:
    return good(Program(app).get("/swagger/openapi.json"))


def described(document: Any) -> dict[tuple[str, str], Any]:
    return {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


# --- the document ---------------------------------------------------------------------------------


def test_the_document_is_valid_openapi_3_1(document: Any) -> None:
    assert document["openapi"].startswith("3.1.")
    assert errors_in(document) == []


def test_the_validator_rejects_a_broken_document(document: Any) -> None:
    assert errors_in(document | {"paths": {"/x": {"get": 1}}})


def test_the_document_has_exactly_the_routes_under_api(app: Flask, document: Any) -> None:
    served_ = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api")
    }
    assert described(document).keys() == served_
    assert len(served_) > 35


def test_the_older_operations_are_there(document: Any) -> None:
    older = {("GET", "/api/Tournament"), ("POST", "/api/Tournament/create"),
            ("POST", "/api/Tournament/assignPlayer"), ("POST", "/api/Tournament/draw"),
            ("GET", "/api/Team"), ("POST", "/api/Team/select")}  # fmt: skip
    assert older <= described(document).keys()


def test_every_operation_has_a_summary_and_a_unique_id(document: Any) -> None:
    found = described(document).values()
    assert all(operation["summary"].endswith(".") for operation in found)
    assert len({operation["operationId"] for operation in found}) == len(found)


def test_only_operations_that_need_a_token_list_401(document: Any) -> None:
    for (_, path), operation in described(document).items():
        assert ("401" in operation["responses"]) == ("security" in operation), path
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_every_refusal_is_a_problem_with_a_request_id(document: Any) -> None:
    for operation in described(document).values():
        for status, answer in operation["responses"].items():
            assert "X-Request-Id" in answer["headers"]
            if int(status) >= 400:
                (media,) = answer["content"]
                assert media == "application/problem+json"


def test_the_webhook_message_is_described(document: Any) -> None:
    from jsonschema import Draft202012Validator

    described_ = document["webhooks"]["message"]["post"]
    names = [parameter["name"] for parameter in described_["parameters"]]
    assert names == ["webhook-id", "webhook-timestamp", "webhook-signature"]
    reference = described_["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    now = datetime.now(UTC)
    body = json.loads(Message("x", "player-joined", "BB3K7QXM", 2, 1, now, {}).body())
    assert set(schema["required"]) == schema["properties"].keys() == body.keys()
    Draft202012Validator(schema).validate(body)


# --- examples -------------------------------------------------------------------------------------


def in_stage(app: Flask, name: str) -> tuple[ApiEvening, str]:
    """An evening in which this operation changes something, and one of its players."""
    drawing = name in ("draw_teams", "skip_reveal", "older_draw", "name_number", "open_share")
    e = ApiEvening(app, limit=3)
    in_play = (
        "set_result",
        "report_score",
        "withdraw_report",
        "move_match",
        "take_back_call",
        "seed",
    )
    if name in in_play:
        return e, in_a_match(e, reported=name == "withdraw_report")
    if name == "pair_round":
        return e, in_a_swiss_round(e)
    if name in ("leave_matches", "return_to_matches"):
        player_id = in_a_match(e, reported=False)
        if name == "return_to_matches":
            good(e.host.post(e.at(f"/players/{player_id}/leave"), {}))
        return e, player_id
    player_id = e.filled()[0] if drawing else e.join("Zoe")
    before: dict[str, Callable[[], Any]] = {
        "skip_reveal": e.draw,
        "name_number": lambda: good(e.host.post(e.at("/draw"), {"attempt": 1, "roll": True})),
        "open_share": lambda: begin_with_a_share(e, player_id),
        "close_list": lambda: e.join("Max"),
        "let_go": lambda: good(e.pick(player_id, 1)),
        "reopen_tournament": lambda: good(e.host.post(e.at("/close"))),
        "unblock_player": lambda: good(e.host.post(e.at(f"/players/{player_id}/block"))),
        "unlock_joining": lambda: good(e.host.post(e.at("/lock"))),
        "older_select": lambda: e.join("Ola"),
    }
    before.get(name, lambda: None)()
    return e, player_id


def begin_with_a_share(e: ApiEvening, player_id: str) -> None:
    """Begin a draw in which the player's pick has the pledge of the example's share."""
    pledged = pledge(e.code, player_id, "5a" * 32)
    path = e.at(f"/players/{player_id}/team")
    good(e.players[player_id].post(path, {"team": 7, "pledge": pledged}))
    good(e.host.post(e.at("/draw"), {"attempt": 1}))


MATCH = "K4.2"  # of a cup of three: the first one


def in_a_match(e: ApiEvening, reported: bool) -> str:
    """Begin a cup; the player at home in its first match."""
    begin(e, "knockout")
    matches = good(e.anyone.get(e.at("/matches")))["items"]
    (home,) = [match["home"] for match in matches if match["key"] == MATCH]
    if reported:
        path = e.at(f"/players/{home}/matches/{MATCH}/score")
        good(e.players[home].post(path, {"home": 1, "away": 0}))
    return str(home)


def in_a_swiss_round(e: ApiEvening) -> str:
    """Bring a Swiss system to a second round whose pairs have become the wrong ones."""
    begin(e, "swiss")
    good(e.host.post(e.at("/matches/S1.1/result"), {"score": {"home": 1, "away": 0}}))
    good(e.host.post(e.at("/matches/S2.1/take-back")))
    good(e.host.post(e.at("/matches/S1.1/result"), {"score": {"home": 0, "away": 1}}))
    return next(iter(e.players))


def begin(e: ApiEvening, kind: str) -> None:
    e.filled()
    e.draw()
    good(e.host.post(e.at("/skip")))
    good(e.host.post(e.at("/consoles"), {"names": ["1", "2"]}))
    good(e.host.post(e.at("/format"), {"kind": kind}))


WRITES = [
    (o.name, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", o.path))
    for o in operations()
    if o.method == "POST"
]


@pytest.mark.parametrize(("name", "path"), WRITES, ids=[name for name, _ in WRITES])
def test_the_example_of_an_operation_runs(app: Flask, document: Any, name: str, path: str) -> None:
    e, player_id = in_stage(app, name)
    operation = described(document)["POST", path]
    recovery = e.created["recovery_code"]
    other = good(e.anyone.post(e.at("/devices"), {"recovery_code": recovery}), 201)
    body = example_of(document, operation)
    # Fill in this evening's own code and secrets.
    own = {"tournamentId": e.code, "recovery_code": recovery}
    if name == "come_back":
        own["seat_code"] = good(e.host.get(e.at(f"/players/{player_id}/seat")))["seat_code"]
    if name == "seed":
        own["order"] = good(e.anyone.get(e.at("/seeding")))["order"][::-1]
    if body is not None:
        body |= {field: value for field, value in own.items() if field in body}
    events = len(app.extensions["lct"].stored(e.code))
    who = e.players[player_id] if operation.get("description") == "For that player." else e.host
    device = other["device_id"]
    where = path.format(code=e.code, player=player_id, device=device, match=MATCH, round=2)
    answer = who.post(where, body)
    (expected,) = [int(status) for status in operation["responses"] if int(status) < 400]
    assert answer.status_code == expected, answer.get_data(as_text=True)
    elsewhere = name in ("create", "older_create", "come_back", "look", "add_webhook", "open_share")
    more = {"draw_teams": 3, "older_draw": 3}.get(name, not elsewhere)
    assert len(app.extensions["lct"].stored(e.code)) == events + more


def example_of(document: Any, operation: Any) -> Any:
    if "requestBody" not in operation:
        return None
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    (example,) = document["components"]["schemas"][reference.rpartition("/")[2]]["examples"]
    return dict(example)


def test_every_body_has_an_example(document: Any) -> None:
    bodies = [o for o in described(document).values() if "requestBody" in o]
    assert len(bodies) > 10
    assert all(example_of(document, operation) for operation in bodies)


# --- the client in docs ---------------------------------------------------------------------------


@pytest.fixture
def server(live_server: Callable[..., LiveServer]) -> LiveServer:
    return live_server(workers=1)


def test_the_client_in_docs_runs_an_evening(server: LiveServer) -> None:
    said = subprocess.run(
        [sys.executable, CLIENT, server.url, f"Cup {secrets.token_hex(4)}"],
        capture_output=True, text=True, check=True, timeout=30,
    ).stdout.splitlines()  # fmt: skip
    hands = [line.split(" plays ") for line in said]
    assert [player for player, _ in hands] == ["Ola Nowak", "Max Nowak", "Zoe Nowak"]
    assert {team for _, team in hands} == {"Liverpool", "Manchester City", "Paris Saint-Germain"}


def test_the_client_has_about_twenty_lines() -> None:
    lines = CLIENT.read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip()]) <= 22


# --- the page -------------------------------------------------------------------------------------


@pytest.mark.browser
def test_swagger_ui_shows_the_document_and_makes_calls_under_our_csp(
    server: LiveServer, screens: Screens
) -> None:
    """The page needs no exception: no inline script or style, no other host."""
    page = screens.open()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    answer = page.goto(f"{server.url}/swagger/index.html")
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'self';")
    page.locator(".opblock").nth(30).wait_for()
    page.locator("#operations-v1-create .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    status = page.locator(".live-responses-table .response-col_status").nth(1)
    status.wait_for()
    assert status.inner_text().startswith("201")
    page.get_by_role("button", name="Authorize").click()
    page.locator(".auth-container input").fill("x")
    page.locator(".auth-btn-wrapper .authorize").click()
    assert {url.split("/")[2] for url in asked if not url.startswith("data:")} == {
        server.url.split("/")[2]
    }
