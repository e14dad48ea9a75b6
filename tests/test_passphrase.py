"""A public installation may require a passphrase to create a tournament."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from .api_client import Program, good, refused, served, settings_for
from .http_client import TOKEN, parse

pytestmark = pytest.mark.usefixtures("uncounted")

RIGHT, WRONG = "Zażółć gęślą", "Zazolc gesla"
DOORS = ("/api/v1/tournaments", "/api/Tournament/create")


@pytest.fixture(scope="module")
def app(servers: Any) -> Iterator[Flask]:
    with served(settings_for(servers, create_passphrase=RIGHT)) as made:
        yield made


class Browser:
    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()

    @property
    def asked(self) -> bool:
        self.page = self.client.get("/").get_data(as_text=True)
        return bool(parse(self.page).all("input", name="passphrase"))

    def create(self, **fields: str) -> Any:
        token = TOKEN.search(self.client.get("/").get_data(as_text=True))
        assert token
        form = {"name": secrets.token_hex(6), "limit": "4", "source": "classic"}
        return self.client.post("/", data={**form, "csrf_token": token[1], **fields})


def test_the_passphrase_is_asked_for_once_on_each_device(app: Flask) -> None:
    browser = Browser(app)
    assert browser.asked
    for given in ({}, {"passphrase": ""}, {"passphrase": WRONG}):
        answer = browser.create(**given)
        assert answer.status_code == 403
        page = parse(answer.get_data(as_text=True))
        assert "Ask the person in charge" in page.by_id("e-passphrase").text
        assert WRONG not in answer.get_data(as_text=True)
    assert browser.create(passphrase=RIGHT).status_code == 303
    assert not browser.asked
    assert browser.create().status_code == 303
    assert Browser(app).asked


def test_the_passphrase_is_remembered_even_if_another_field_was_wrong(app: Flask) -> None:
    browser = Browser(app)
    assert browser.create(passphrase=RIGHT, name="").status_code == 422
    assert not browser.asked


def test_the_passphrase_is_not_asked_for_again_after_a_key_rotation(app: Flask) -> None:
    browser, before = Browser(app), app.extensions["lct"]
    assert browser.create(passphrase=RIGHT).status_code == 303
    try:
        app.extensions["lct"] = replace(before, secrets=(b"the next key", *before.secrets))
        assert not browser.asked
        app.extensions["lct"] = replace(before, secrets=(b"the next key",))
        assert browser.asked
    finally:
        app.extensions["lct"] = before


def test_a_changed_passphrase_is_asked_for_again(app: Flask) -> None:
    browser = Browser(app)
    assert browser.create(passphrase=RIGHT).status_code == 303
    app.config["LCT_CREATE_PASSPHRASE"] = "another one"
    try:
        assert browser.asked
        assert browser.create().status_code == 403
        assert browser.create(passphrase=RIGHT).status_code == 403
    finally:
        app.config["LCT_CREATE_PASSPHRASE"] = RIGHT


@pytest.mark.parametrize("path", DOORS)
def test_programs_send_the_passphrase_with_the_call(app: Flask, path: str) -> None:
    about = {"name": secrets.token_hex(6), "limit": 4, "playerLimit": 4}
    del about["limit" if path.startswith("/api/T") else "playerLimit"]
    anyone = Program(app)
    for given in ({}, {"passphrase": WRONG}):
        refused(anyone.post(path, {**about, **given}), 403, "wrong-passphrase")
    made = anyone.post(path, {**about, "passphrase": RIGHT})
    good(made, 201 if "v1" in path else 200)


def test_guessing_is_limited_even_if_a_later_guess_is_right(app: Flask) -> None:
    browser = Browser(app)
    statuses = [browser.create(passphrase=f"guess {n}").status_code for n in range(11)]
    assert statuses == [403] * 10 + [429]
    answer = browser.create(passphrase=RIGHT)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 61
    problem = refused(
        Program(app).post(DOORS[0], {"name": "X", "limit": 2, "passphrase": RIGHT}), 429
    )
    assert "Try again in" in problem["detail"]


def test_a_known_device_does_not_wait_because_another_one_guesses(app: Flask) -> None:
    host, thief = Browser(app), Browser(app)
    assert host.create(passphrase=RIGHT).status_code == 303
    assert [thief.create(passphrase=WRONG).status_code for _ in range(12)][-1] == 429
    assert host.create().status_code == 303


def test_no_passphrase_is_asked_for_where_none_is_set(servers: Any) -> None:
    with served(settings_for(servers)) as open_to_all:
        browser = Browser(open_to_all)
        assert not browser.asked
        assert browser.create().status_code == 303
