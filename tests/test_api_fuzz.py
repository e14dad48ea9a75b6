"""Schemathesis calls the whole API with input that the document allows or forbids. Every answer
must be documented, and none may be a 500."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from .api_client import ApiEvening, good, served, settings_for

pytestmark = pytest.mark.slow

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
POSITIVE = schemathesis.GenerationMode.POSITIVE
# Calls per operation and mode: few in every run, more in the drill.
FEW, MANY = 4, 25
# Its answer never ends; its refusals are those of every read.
LEFT_OUT = {"/api/v1/tournaments/{code}/events"}


class Fuzzed:
    """The app without rate limits, and its OpenAPI document."""

    def __init__(self, app: Any) -> None:
        app.extensions["lct"].limiter.hit = lambda *_: None  # all calls come from one address
        self.app = app
        self.numbers = count()  # of calls
        self.schema = schemathesis.openapi.from_wsgi("/swagger/openapi.json", app)

    def begin(self) -> None:
        """Create three evenings: seats empty, all picks made, and cards turning."""
        self.evenings = [ApiEvening(self.app, limit=limit) for limit in (10, 3, 3)]
        self.evenings[0].join("Ola")
        self.evenings[1].filled()
        self.evenings[2].filled()
        self.evenings[2].draw()
        e = self.evenings[0]
        added = e.host.post(e.at("/webhooks"), {"url": "https://receiver.example/"})
        self.webhook = good(added, 201)["id"]


@pytest.fixture(scope="module")
def fuzzed(servers: Any) -> Iterator[Fuzzed]:
    with served(settings_for(servers)) as app:
        yield Fuzzed(app)


def operations(fuzzed: Fuzzed) -> list[Any]:
    found = [each.ok() for each in fuzzed.schema.get_all_operations()]
    return [operation for operation in found if operation.path not in LEFT_OUT]


@pytest.mark.parametrize("examples", [FEW, pytest.param(MANY, marks=pytest.mark.drill)])
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda m: m.value)
def test_every_answer_is_documented(fuzzed: Fuzzed, mode: Any, examples: int) -> None:
    seen: dict[int, int] = {}
    changes = 0
    fuzzed.begin()
    for operation in operations(fuzzed):
        # An operation that takes only a code has no invalid input.
        if mode is POSITIVE or operation.body or operation.query or operation.headers:
            call_often(fuzzed, operation, mode, examples, seen)
            changes += operation.method.upper() != "GET"
            if changes == 4:  # an evening that was closed, say, answers little else
                fuzzed.begin()
                changes = 0
    # Calls got past authentication and were refused in several ways.
    assert {200, 401, 403, 404, 409, 422} <= seen.keys()


def call_often(
    fuzzed: Fuzzed, operation: Any, mode: Any, examples: int, seen: dict[int, int]
) -> None:
    @seed(20261128)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: Any) -> None:
        fill_in_known_values(fuzzed, case, next(fuzzed.numbers))
        answer = case.call_and_validate(checks=CHECKS)
        seen[answer.status_code] = seen.get(answer.status_code, 0) + 1

    call()


def fill_in_known_values(fuzzed: Fuzzed, case: Any, number: int) -> None:
    """Of eight calls, seven are for an existing evening and six of those are authorised."""
    case.headers = {**(case.headers or {}), "Accept-Encoding": "identity"}
    if number % 8 == 7:
        return
    e = fuzzed.evenings[number % 3]
    player_id, player = next(iter(e.players.items()))
    known = {"code": e.code, "player": player_id, "device": "x", "webhook": fuzzed.webhook}
    for name in case.path_parameters or {}:
        case.path_parameters[name] = known.get(name, case.path_parameters[name])
    for given_ in (case.query, case.body):
        if isinstance(given_, dict):
            for name in given_.keys() & {"Id", "tournamentId"}:
                given_[name] = e.code
    if isinstance(case.body, dict) and "name" in case.body and number % 2:
        case.body["name"] = secrets.token_hex(6)
    who = player if "/look" in case.path or "/let-go" in case.path else e.host
    if number % 8 != 6:
        case.headers["Authorization"] = f"Bearer {who.token}"
