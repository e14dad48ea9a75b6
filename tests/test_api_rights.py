"""Access rights: every operation answer_to by every role, generated from the operations."""

from __future__ import annotations

import re
import secrets
from typing import Any, NamedTuple

import pytest
from flask import Flask

from lct.web.api import operations
from lct.web.api.operation import Operation
from lct.web.api.rights import Right
from lct.web.identity import ORGANISER, PLAYER, _signer
from tools.rights_table import API, IN, ROLES

from .api_client import ApiEvening, Program, good, press, refused

pytestmark = pytest.mark.usefixtures("uncounted")

# Open to anyone, but the secret or code in the example is refused.
ASKS = {"admit": 403, "come_back": 422}


class Cast(NamedTuple):
    evening: ApiEvening
    player_id: str
    people: dict[str, Program]


def cast_of(app: Flask) -> Cast:
    """An evening with two players, and a caller for each role."""
    e, elsewhere = ApiEvening(app, limit=8), ApiEvening(app, limit=8)
    player_id, other, gone = e.join("Ola"), e.join("Max"), e.join("Zoe")
    second = good(
        e.anyone.post(e.at("/devices"), {"recovery_code": e.created["recovery_code"]}), 201
    )
    left = good(e.host.post(e.at(f"/devices/{second['device_id']}/revoke")))
    e.created["recovery_code"] = left["recovery_code"]
    co_organiser = admitted(e, link_key=link_key(e))
    good(e.host.post(e.at(f"/players/{gone}/remove")))
    people = (
        e.anyone, e.players[player_id], e.players[other], elsewhere.players[elsewhere.join("Eve")],
        e.players[gone], e.host, co_organiser, elsewhere.host,
        Program(app, second["organiser_key"]),
    )  # fmt: skip
    return Cast(e, player_id, dict(zip(ROLES, people, strict=True)))


def answer_to(who: Program, operation: Operation, cast: Cast) -> Any:
    """The answer to a call of the operation with its example as the body."""
    known = {
        "code": cast.evening.code,
        "device": "x",
        "match": "K2.1",
        "round": "1",
        "webhook": "x",
        "seq": "1",
        "player": cast.player_id,
    }
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: known[found[1]], operation.path)
    body = None
    if operation.body:
        body = dict(operation.body.model_json_schema()["examples"][0])
        if "tournamentId" in body:
            body["tournamentId"] = cast.evening.code
        if operation.right is Right.ANYONE and "name" in body:
            body["name"] = secrets.token_hex(6)
    elif operation.code_field:
        path += f"?{operation.code_field}={cast.evening.code}"
    return who.call(operation.method, path, body)


CHECKED = [o for o in operations() if o.name != "events"]  # it never ends: test_api_served.py


@pytest.mark.parametrize("operation", CHECKED, ids=lambda o: f"{o.method} {o.path}")
def test_an_operation_admits_only_the_roles_its_right_allows(
    app: Flask, operation: Operation
) -> None:
    cast = cast_of(app)
    for role, expected in zip(ROLES, API[operation.right], strict=True):
        before = len(app.extensions["lct"].stored(cast.evening.code))
        answer = answer_to(cast.people[role], operation, cast)
        if expected != IN:
            refused(answer, int(str(expected)))
            assert len(app.extensions["lct"].stored(cast.evening.code)) == before, role
            assert (answer.status_code == 401) == ("WWW-Authenticate" in answer.headers)
        elif operation.name in ASKS:
            refused(answer, ASKS[operation.name])
        elif (operation.name, role) == ("revoke", "co-organiser"):
            refused(answer, 403)  # may sign out only itself
        else:
            assert answer.status_code not in (401, 403), role
            assert answer.status_code < 500, role


def test_missing_rights_are_reported_before_a_malformed_body(app: Flask) -> None:
    e = ApiEvening(app)
    assert e.anyone.post(e.at("/rename"), {"nonsense": 1}).status_code == 401
    assert ApiEvening(app).host.post(e.at("/rename"), {"nonsense": 1}).status_code == 403


# --- cookies and tokens ---------------------------------------------------------------------------


def test_a_cookie_grants_no_rights_in_the_api(app: Flask) -> None:
    """So no other site can make a browser call the API with its visitor's rights."""
    browser = app.test_client()
    page = browser.get("/").get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    form = {"name": secrets.token_hex(6), "limit": "4", "source": "classic", "csrf_token": token[1]}
    code = browser.post("/", data=form).headers["Location"].split("/")[2]
    assert browser.get(f"/t/{code}/organise").status_code == 200
    for path in (f"/api/v1/tournaments/{code}/lock", f"/api/Tournament/draw?tournamentId={code}"):
        for sent in ({}, {"X-CSRFToken": token[1]}):
            refused(browser.post(path, headers=sent), 401)
    # The cookie's value is not a token either.
    cookie = browser.get_cookie("lct_organiser", path=f"/t/{code}")
    assert cookie
    refused(Program(app, cookie.value).post(f"/api/v1/tournaments/{code}/lock"), 401)


def test_the_api_sets_no_cookie(app: Flask) -> None:
    e = ApiEvening(app)
    for answer in (
        e.anyone.post("/api/v1/tournaments", {"name": secrets.token_hex(6), "limit": 2}),
        e.anyone.post(e.at("/players"), {"first": "Ola", "last": "Nowak"}),
        e.host.post(e.at("/lock")),
    ):
        assert answer.status_code in (200, 201)
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "sent",
    ["", "Bearer", "Bearer ", "Bearer x", "Bearer x.y", "Basic {token}", "{token}",
     "Bearer {token}x", "Bearer A{token}", "Bearer \u00e9", "Bearer {token} {token}",
     "Bearer {cut}", "Bearer {moved}"],
)  # fmt: skip
def test_an_invalid_token_is_refused(app: Flask, sent: str) -> None:
    e, other = ApiEvening(app), ApiEvening(app)
    head, _, seal = e.host.token.rpartition(".")
    moved = f"{other.host.token.rpartition('.')[0]}.{seal}"
    sent = sent.format(token=e.host.token, cut=head, moved=moved)
    refused(Program(app).post(e.at("/lock"), Authorization=sent), 401, "unauthenticated")


def test_another_installations_token_is_refused(app: Flask) -> None:
    e = ApiEvening(app)
    forged = str(_signer((b"another key",), "lct_token").dumps([e.code, ORGANISER, "x"]))
    refused(Program(app, forged).post(e.at("/lock")), 401)


def test_the_scheme_is_case_insensitive(app: Flask) -> None:
    e = ApiEvening(app)
    good(Program(app).post(e.at("/lock"), Authorization=f"bearer {e.host.token}"))


def test_a_players_token_is_for_one_player_of_one_tournament(app: Flask) -> None:
    e, elsewhere = ApiEvening(app), ApiEvening(app)
    ola = e.join("Ola")
    eve = elsewhere.join("Eve")
    refused(elsewhere.players[eve].post(e.at(f"/players/{ola}/team"), {"team": 1}), 403)
    refused(elsewhere.players[eve].post(e.at(f"/players/{eve}/team"), {"team": 1}), 403)


# --- the organiser's secrets ----------------------------------------------------------------------


def admitted(e: ApiEvening, **secret: str) -> Program:
    made = good(e.anyone.post(e.at("/devices"), {"label": "score keeper", **secret}), 201)
    return Program(e.app, made["organiser_key"])


def link_key(e: ApiEvening) -> str:
    return good(e.host.get(e.at("/host")))["organiser_url"].rpartition("/")[2]


def test_the_link_and_the_recovery_code_give_a_key_that_the_host_sees_and_revokes(
    app: Flask,
) -> None:
    e = ApiEvening(app)
    old = link_key(e)
    code = e.created["recovery_code"]
    for secret in ("link_key", "recovery_code"):
        lost = admitted(e, **{secret: old if secret == "link_key" else code.lower()})
        good(lost.post(e.at("/lock")))
        device = good(e.host.get(e.at("/host")))["devices"][-1]
        assert device["label"] == "score keeper"
        revoked = good(e.host.post(e.at(f"/devices/{device['id']}/revoke")))
        refused(e.anyone.post(e.at("/devices"), {"recovery_code": code}), 403)
        code = revoked["recovery_code"]
        refused(lost.post(e.at("/unlock")), 401, "unauthenticated")
        refused(lost.get(e.at("/host")), 401)
        good(e.host.post(e.at("/unlock")))
    # The holder of the device may have seen the link, so it admits nobody any more.
    refused(e.anyone.post(e.at("/devices"), {"link_key": old}), 403)
    assert link_key(e) != old
    good(admitted(e, link_key=link_key(e)).post(e.at("/lock")))


def test_a_link_key_is_not_a_bearer_token(app: Flask) -> None:
    e = ApiEvening(app)
    refused(Program(app, link_key(e)).post(e.at("/lock")), 401)
    refused(Program(app, e.created["recovery_code"]).post(e.at("/lock")), 401)


def test_a_new_recovery_code_ends_the_old_one(app: Flask) -> None:
    e = ApiEvening(app)
    new = good(e.host.post(e.at("/recovery-code")))["recovery_code"]
    old = e.created["recovery_code"]
    refused(e.anyone.post(e.at("/devices"), {"recovery_code": old}), 403, "wrong-recovery-code")
    good(admitted(e, recovery_code=new).post(e.at("/lock")))


def test_a_browser_and_a_program_run_the_same_evening(app: Flask) -> None:
    e = ApiEvening(app)
    browser = app.test_client()
    path = e.created["organiser_url"].partition("cup.example")[2]
    assert press(browser, path).headers["Location"] == f"/t/{e.code}/organise"
    good(e.host.post(e.at("/lock")))
    assert "Unlock" in browser.get(f"/t/{e.code}/organise").get_data(as_text=True)


def test_no_secret_is_stored_or_shown_to_others(app: Flask) -> None:
    e = ApiEvening(app)
    ola = e.join("Ola")
    stored = "".join(app.extensions["lct"].exported(e.code, {1}))
    told = "".join(
        e.anyone.get(e.at(path)).get_data(as_text=True)
        for path in ("", "/teams", "/players", "/draws")
    )
    keys = [e.host.token, e.players[ola].token, e.created["recovery_code"], link_key(e)]
    for secret in keys:
        assert secret not in stored
        assert secret not in told
    assert PLAYER not in told
