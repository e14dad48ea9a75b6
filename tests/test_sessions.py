"""A worker caches verified cookies and tokens; a cached one is valid in its own session only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse
from werkzeug.wrappers import Request

from lct.config import Settings
from lct.web.sessions import LONGEST_TOGETHER, Asked

from .desk import Desk
from .http_client import app_here, parse


class Guest:
    """A browser in a tournament, with the token of its last page."""

    def __init__(self, app: Flask, code: str) -> None:
        self.client: FlaskClient = app.test_client()
        self.code = code

    def token(self) -> str:
        page = parse(self.client.get(f"/t/{self.code}/join").get_data(as_text=True))
        return page.all("input", name="csrf_token")[0].attrs["value"]

    def send(self, token: str) -> TestResponse:
        """Send a form with an error, whose status shows whether the token was accepted."""
        return self.client.post(f"/t/{self.code}/join", data={"csrf_token": token, "first": ""})

    @property
    def session(self) -> str:
        cookie = self.client.get_cookie("lct")
        assert cookie is not None
        return cookie.value


LET_IN, REFUSED = 422, 403


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    with app_here(replace(settings)) as app:
        yield app


@pytest.fixture
def guests(app: Flask) -> tuple[Guest, Guest]:
    code = Desk().create()
    return Guest(app, code), Guest(app, code)


def test_a_token_is_accepted_again_in_its_own_session_and_never_in_another(
    guests: tuple[Guest, Guest],
) -> None:
    ola, max_ = guests
    token, other = ola.token(), max_.token()
    assert [ola.send(token).status_code for _ in range(3)] == [LET_IN] * 3
    assert max_.send(token).status_code == REFUSED
    assert max_.send(other).status_code == LET_IN
    assert ola.send(other).status_code == REFUSED


@pytest.mark.parametrize("change", [lambda t: t[:-1] + "~", lambda t: "", lambda t: t + "x"])
def test_an_accepted_token_does_not_let_a_changed_one_in(
    guests: tuple[Guest, Guest], change: object
) -> None:
    ola, _ = guests
    token = ola.token()
    assert ola.send(token).status_code == LET_IN
    assert callable(change)
    assert ola.send(change(token)).status_code == REFUSED


def test_an_accepted_token_is_refused_without_its_session(
    guests: tuple[Guest, Guest],
) -> None:
    ola, _ = guests
    token = ola.token()
    assert ola.send(token).status_code == LET_IN
    ola.client.delete_cookie("lct")
    assert ola.send(token).status_code == REFUSED


def test_a_recognised_session_does_not_let_a_changed_one_in(
    guests: tuple[Guest, Guest],
) -> None:
    ola, _ = guests
    token, kept = ola.token(), ola.session
    assert ola.send(token).status_code == LET_IN
    head, _, signature = kept.rpartition(".")
    ola.client.set_cookie("lct", f"{head}x.{signature}")
    assert ola.send(token).status_code == REFUSED
    ola.client.set_cookie("lct", kept)
    assert ola.send(token).status_code == LET_IN


def test_a_recognised_session_still_ends_after_its_lifetime(
    app: Flask, guests: tuple[Guest, Guest]
) -> None:
    ola, _ = guests
    token = ola.token()
    assert ola.send(token).status_code == LET_IN
    app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(seconds=-1)
    assert ola.send(token).status_code == REFUSED


def test_each_request_gets_its_own_copy_of_a_session(
    app: Flask, guests: tuple[Guest, Guest]
) -> None:
    """One request must not see what another changed in its session."""
    from flask import session

    ola, _ = guests
    with ola.client.session_transaction() as kept:
        kept["recovery"] = {"a": "b"}
    header = {"Cookie": f"lct={ola.session}"}
    for _ in range(3):
        with app.test_request_context(headers=header):
            assert session["recovery"].pop("a") == "b"


@pytest.mark.parametrize(
    "given",
    [
        "lct=a.b; lct-player=c",
        "lct=a; lct=b",
        'a="b;c"; d="\\303\\251"; e',
        " ; =; a=\u00c3\u00a9;",
        f"lct={'x' * LONGEST_TOGETHER}",
        "",
        None,
    ],
)
def test_cookies_are_what_werkzeug_reads(given: str | None) -> None:
    environ = {} if given is None else {"HTTP_COOKIE": given}
    expected = list(Request(environ).cookies.items(multi=True))
    for _ in range(2):
        assert list(Asked(environ).cookies.items(multi=True)) == expected
