"""In-process API clients for tests, and an evening run through the API."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pymongo
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from lct.config import Settings
from lct.infrastructure.documents import connect_store, disconnect, ensure_indexes

from .http_client import PUBLIC_URL, app_here
from .support import forget_limits


@contextmanager
def served(settings: Settings) -> Iterator[Flask]:
    """The app with its own database, dropped afterwards, and with fresh rate limits."""
    forget_limits(settings.redis_url)
    connect_store(settings)
    ensure_indexes()
    disconnect()
    with app_here(settings) as app:
        yield app
    with pymongo.MongoClient(settings.mongo_uri) as store:
        store.drop_database(settings.database)


def settings_for(servers: Any, **more: Any) -> Settings:
    return Settings(
        **{
            "mongo_uri": servers.mongo_uri,
            "redis_url": servers.redis_url,
            "database": f"lct_test_{secrets.token_hex(4)}",
            "secret_key": "a secret key for tests only",
            "public_url": PUBLIC_URL,
            "webhooks": True,
            **more,
        }
    )


@dataclass
class Program:
    """An API client, with a token or anonymous."""

    app: Flask
    token: str = ""

    def call(self, method: str, path: str, json: Any = None, **headers: str) -> TestResponse:
        """``If_Match="..."`` sends the header If-Match."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        return self.app.test_client().open(path, method=method, json=json, headers=sent)

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.call("GET", path, **headers)

    def post(self, path: str, json: Any = None, **headers: str) -> TestResponse:
        return self.call("POST", path, json, **headers)


class ApiEvening:
    """A tournament created over the API; its players are API clients too."""

    def __init__(self, app: Flask, limit: int = 4, **more: Any) -> None:
        self.app, self.anyone = app, Program(app)
        about = {"name": f"Cup {secrets.token_hex(4)}", "limit": limit, **more}
        self.created = good(self.anyone.post("/api/v1/tournaments", about), 201)
        self.code = self.created["code"]
        self.host = Program(app, self.created["organiser_key"])
        self.players: dict[str, Program] = {}  # player id -> client

    def at(self, path: str = "") -> str:
        return f"/api/v1/tournaments/{self.code}{path}"

    def join(self, first: str) -> str:
        """Add a player; return the id."""
        answer = self.anyone.post(self.at("/players"), {"first": first, "last": "Nowak"})
        joined = good(answer, 201)
        self.players[joined["player_id"]] = Program(self.app, joined["token"])
        return joined["player_id"]

    def pick(self, player_id: str, team: int, **headers: str) -> TestResponse:
        path = self.at(f"/players/{player_id}/team")
        return self.players[player_id].post(path, {"team": team}, **headers)

    def filled(self) -> list[str]:
        """Fill every seat; the player with index i picks team i. Returns the ids."""
        ids = [self.join(f"N{i}") for i in range(good(self.anyone.get(self.at()))["limit"])]
        for team, player_id in enumerate(ids):
            good(self.pick(player_id, team))
        return ids

    def draw(self) -> Any:
        return good(self.host.post(self.at("/draw"), {"attempt": 1}))


def press(browser: FlaskClient, path: str) -> TestResponse:
    """Open a page that has one button, such as the co-organiser link's, and press it."""
    (token,) = re.findall(r'csrf_token" value="([^"]+)"', browser.get(path).text)
    return browser.post(path, data={"csrf_token": token})


def good(answer: TestResponse, status: int = 200) -> Any:
    """Check the status of a JSON response; return its body."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.mimetype == "application/json"
    return answer.get_json()


def refused(answer: TestResponse, status: int, kind: str = "") -> Any:
    """Check a problem document and its status; return it."""
    problem = answer.get_json()
    assert (answer.status_code, problem["status"]) == (status, status), problem
    assert answer.mimetype == "application/problem+json"
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert problem["title"]
    assert problem["detail"]
    assert problem["type"] == (f"urn:lct:problem:{kind}" if kind else problem["type"])
    return problem
