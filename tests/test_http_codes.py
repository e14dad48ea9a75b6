"""Code collisions: the app generates another code and leaves the existing tournament alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, repeat

import pytest
from flask.testing import FlaskClient

from lct.config import Settings
from lct.domain.values import new_code
from lct.web import home

from .desk import Desk
from .http_client import app_here

FIRST, SECOND = "BCDF2345", "BCDF2346"


@pytest.fixture
def host(settings: Settings) -> Iterator[FlaskClient]:
    with app_here(settings) as app:
        yield app.test_client()


def create(host: FlaskClient, name: str) -> tuple[int, str, str]:
    """Submit the form; return the status, Location and Retry-After."""
    page = host.get("/").get_data(as_text=True)
    fields = dict(re.findall(r'name="(csrf_token|nonce)" value="([^"]+)"', page))
    form = fields | {"name": name, "limit": "4", "source": "classic", "option": "plain"}
    answer = host.post("/", data=form)
    return answer.status_code, answer.location or "", answer.headers.get("Retry-After", "")


def test_a_taken_code_is_replaced_by_a_new_one(
    host: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = chain([FIRST, FIRST, FIRST, SECOND], repeat(SECOND))
    monkeypatch.setattr(home, "new_code", lambda choose: next(codes))
    assert create(host, "Old Cup")[1] == f"/t/{FIRST}/created"
    assert create(host, "New Cup")[1] == f"/t/{SECOND}/created"
    assert Desk().store.read(FIRST).tournament.name == "Old Cup"


def test_the_host_is_asked_to_wait_when_every_code_is_taken(
    host: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "new_code", lambda choose: FIRST)
    assert create(host, "Old Cup")[0] == 303
    status, _, wait = create(host, "New Cup")
    assert (status, wait) == (503, "1")
    assert Desk().seqs(FIRST) == [1]
    monkeypatch.setattr(home, "new_code", new_code)
    assert create(host, "New Cup")[0] == 303  # the failed attempt did not keep the name
