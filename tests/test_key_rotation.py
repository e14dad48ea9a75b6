"""A new LCT_SECRET_KEY: everything works while the old one is a fallback, and then the old one is
worthless."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from lct.config import Settings
from lct.domain.tournament import Tournament

from .http_client import TOKEN, app_here, parse

OLD, NEW = "the key of last season", "the key of this season"


def text(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


@dataclass
class Browser:
    """A browser's cookies and the token of its last page, on the app that serves now."""

    cookies: Any = None
    token: str = ""
    client: FlaskClient = field(init=False)

    def at(self, app: Flask) -> Browser:
        self.client = app.test_client()
        if self.cookies is not None:
            self.client._cookies = self.cookies
        self.cookies = self.client._cookies
        return self

    def get(self, path: str) -> Any:
        answer = self.client.get(path)
        if found := TOKEN.search(text(answer)):
            self.token = found[1]
        return answer

    def post(self, path: str, **fields: Any) -> Any:
        return self.client.post(path, data={"csrf_token": self.token, **fields})


@dataclass
class Evening:
    """The credentials of a tournament that was created under the old key."""

    settings: Settings
    code: str = ""
    host: Browser = field(default_factory=Browser)
    ola: Browser = field(default_factory=Browser)
    link: str = ""
    seat: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    player_id: str = ""

    @contextmanager
    def under(self, key: str, *fallbacks: str) -> Iterator[Flask]:
        """The app with these keys; both browsers talk to it."""
        given = replace(
            self.settings, secret_key=key, secret_key_fallbacks=" , ".join(fallbacks)
        )  # fmt: skip
        with app_here(given) as app:
            self.host.at(app)
            self.ola.at(app)
            yield app

    def path(self, page: str) -> str:
        return f"/t/{self.code}/{page}"

    def t(self, app: Flask) -> Tournament:
        return app.extensions["lct"].store.read(self.code).tournament  # type: ignore[no-any-return]

    def begin(self, app: Flask) -> None:
        self.host.get("/")
        made = self.host.post("/", name=secrets.token_hex(4), limit=4, source="classic")
        self.code = made.location.split("/")[2]
        page = parse(text(self.host.get(self.path("organise"))))
        (link,) = {a.attrs["href"] for a in page.all("a") if "/host/" in a.attrs["href"]}
        self.link = "/t/" + link.partition("/t/")[2]
        self.ola.get(self.path("join"))
        assert self.ola.post(self.path("join"), first="Ola", last="Nowak").status_code == 303
        self.seat = re.search(r"/seat/(\w{8})", text(self.ola.get(self.path("me"))))[1]  # type: ignore[index]
        (self.player_id,) = self.t(app).players
        key = self.link.rpartition("/")[2]
        api = app.test_client()
        admitted = api.post(self.api("devices"), json={"link_key": key, "label": "robot"})
        back = api.post(self.api("seat"), json={"seat_code": self.seat})
        self.tokens = {
            "host": admitted.get_json()["organiser_key"],
            "player": back.get_json()["token"],
        }

    def api(self, page: str) -> str:
        return f"/api/v1/tournaments/{self.code}/{page}"


@pytest.fixture
def evening(settings: Settings) -> Evening:
    from lct.infrastructure.documents import connect_store, disconnect, ensure_indexes

    connect_store(settings)
    ensure_indexes()
    disconnect()
    made = Evening(settings)
    with made.under(OLD) as app:
        made.begin(app)
    return made


Door = Callable[[Evening, Flask], bool]


def called(e: Evening, app: Flask, who: str, page: str) -> bool:
    bearer = {"Authorization": f"Bearer {e.tokens[who]}"}
    answer = app.test_client().get(e.api(page), headers=bearer)
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def coming_back(e: Evening, app: Flask) -> bool:
    phone = Browser().at(app)
    phone.get(e.path("back"))
    return phone.post(e.path("back"), code=e.seat).status_code == 303


def joining_again(e: Evening, app: Flask) -> bool:
    """Whether a browser that lost its seat cookie, but not its session, is still the same player.
    Otherwise it gets the form."""
    e.ola.client.delete_cookie("lct_player", path=f"/t/{e.code}")
    return e.ola.get(e.path("join")).status_code == 303  # type: ignore[no-any-return]


DOORS: dict[str, Door] = {
    "the host's cookie": lambda e, app: e.host.get(e.path("organise")).status_code == 200,
    "a player's cookie": lambda e, app: e.ola.get(e.path("me")).status_code == 200,
    "an old page, with its token": lambda e, app: (
        e.ola.post(e.path("team"), team=3).location == e.path("me")
    ),
    "a browser's session": joining_again,
    "a personal link": lambda e, app: (
        app.test_client().get(e.path(f"seat/{e.seat}")).location.startswith(e.path("me"))
    ),
    "a personal code": coming_back,
    "the co-organiser link": lambda e, app: (
        "Run the evening here" in app.test_client().get(e.link).text
    ),
    "an organiser's API token": lambda e, app: called(e, app, "host", "host"),
    "a player's API token": lambda e, app: called(e, app, "player", f"players/{e.player_id}/seat"),
}


@pytest.mark.parametrize("door", DOORS)
def test_credentials_of_the_old_key_work_until_the_key_is_removed(
    evening: Evening, door: str
) -> None:
    for keys, opens in (
        ((OLD, NEW), True),  # first every worker learns the new one
        ((NEW, OLD), True),
        ((NEW, "the key before that", OLD), True),
        ((NEW,), False),
        ((NEW, "another key altogether"), False),
    ):
        with evening.under(*keys) as app:
            assert DOORS[door](evening, app) is opens, keys


def test_credentials_given_out_after_the_swap_use_the_new_key(evening: Evening) -> None:
    with evening.under(NEW, OLD) as app:
        max_ = Browser().at(app)
        max_.get(evening.path("join"))
        max_.post(evening.path("join"), first="Max", last="Nowak")
        seat = re.search(r"/seat/(\w{8})", text(evening.ola.get(evening.path("me"))))[1]  # type: ignore[index]
        assert seat != evening.seat
    with evening.under(NEW) as app:
        assert max_.at(app).get(evening.path("me")).status_code == 200
        back = app.test_client().get(evening.path(f"seat/{seat}"))
        assert back.location.startswith(evening.path("me"))
    with evening.under(OLD) as app:  # a pod that does not have the new key yet
        assert max_.at(app).get(evening.path("me")).status_code == 303


def test_a_blocked_player_stays_blocked(evening: Evening) -> None:
    with evening.under(OLD) as app:
        page = text(evening.host.get(evening.path("organise")))
        version = re.search(r'name="version" value="(\d+)"', page)[1]  # type: ignore[index]
        evening.host.post(
            evening.path("organise"), do="block", player=evening.player_id, version=version
        )
        assert evening.player_id in evening.t(app).blocked
    with evening.under(NEW, OLD) as app:
        evening.ola.client.delete_cookie("lct_player", path=f"/t/{evening.code}")
        evening.ola.get(evening.path("join"))
        assert evening.ola.post(evening.path("join"), first="O", last="N").status_code != 303
        assert not evening.t(app).players


def test_the_hosts_page_shows_the_current_link_whichever_key_made_it(
    evening: Evening,
) -> None:
    with evening.under(NEW, OLD):
        assert evening.link in text(evening.host.get(evening.path("organise")))


def test_a_removed_key_cannot_forge_a_link(evening: Evening) -> None:
    """With a stolen key one can make links whose hashes match the stored ones. So a link must also
    come from an accepted key."""
    with evening.under(OLD) as app, app.app_context():
        from lct.web.identity import is_organiser_key, organiser_key

        stolen = organiser_key(evening.code, 1)
        assert is_organiser_key(evening.t(app), stolen)
    with evening.under(NEW) as app, app.app_context():
        assert not is_organiser_key(evening.t(app), stolen)
        assert not is_organiser_key(evening.t(app), "é")
