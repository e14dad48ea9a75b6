"""The older API: the paths and JSON of lct's predecessor, with three deliberate differences."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from lct.web.api import legacy

from .api_client import Program, good, refused

pytestmark = pytest.mark.usefixtures("uncounted")


class OlderClient:
    """An organiser's client of the older API, which writes its names in some ``case``."""

    def __init__(self, app: Flask, limit: int = 2, case: Callable[[str], str] = str) -> None:
        self.anyone, self.case = Program(app), case
        about = {"name": f"Cup {secrets.token_hex(4)}", "playerLimit": limit}
        answer = self.anyone.post("/api/Tournament/create", self.cased(about))
        self.id = good(answer)
        self.host = Program(app, answer.headers["Lct-Organiser-Key"])

    def cased(self, body: dict[str, Any]) -> dict[str, Any]:
        return {self.case(name): value for name, value in body.items()}

    def assign(self, name: str, surname: str = "Nowak", who: Program | None = None) -> Any:
        body = {"tournamentId": self.id, "name": name, "surname": surname}
        return (who or self.host).post("/api/Tournament/assignPlayer", self.cased(body))

    def select(self, name: str, team: str, who: Program | None = None) -> Any:
        body = {"tournamentId": self.id, "playerName": name, "playerSurname": "Nowak", "team": team}
        return (who or self.host).post("/api/Team/select", self.cased(body))

    def draw(self, who: Program | None = None) -> Any:
        return (who or self.host).post(
            f"/api/Tournament/draw?{self.case('tournamentId')}={self.id}"
        )

    def get(self) -> Any:
        return good(self.anyone.get(f"/api/Tournament?{self.case('Id')}={self.id}"))

    def teams(self) -> Any:
        return good(self.anyone.get(f"/api/Team?{self.case('tournamentId')}={self.id}"))


def in_pascal_case(name: str) -> str:
    return name[0].upper() + name[1:]


@pytest.mark.parametrize("case", [str, str.lower, str.upper, in_pascal_case])
def test_an_evening_runs_over_the_older_api_with_names_in_any_case(
    app: Flask, case: Callable[[str], str]
) -> None:
    s = OlderClient(app, case=case)
    assert isinstance(s.id, str)
    for name in ("Ola", "Max"):
        answer = s.assign(name)
        assert (answer.status_code, answer.data) == (200, b"")
    teams = s.teams()
    assert teams[0] == {"name": "Liverpool", "selected": False}
    assert s.select("Ola", "Liverpool").status_code == 200
    assert s.select("max", "chelsea").status_code == 200
    teams = s.teams()
    assert {t["name"] for t in teams if t["selected"]} == {"Liverpool", "Chelsea"}
    assert s.get() | {"tournamentName": ""} == {
        "id": s.id,
        "tournamentName": "",
        "players": [
            {"name": "Ola", "surname": "Nowak", "selectedTeam": "Liverpool", "drawnTeam": None},
            {"name": "Max", "surname": "Nowak", "selectedTeam": "Chelsea", "drawnTeam": None},
        ],
        "playerLimit": 2,
        "version": 1,
    }
    face_down = good(s.draw())
    assert face_down == [
        {"name": "Ola", "surname": "Nowak", "teamName": None},
        {"name": "Max", "surname": "Nowak", "teamName": None},
    ]
    good(s.host.post(f"/api/v1/tournaments/{s.id}/skip"))
    drawn = good(s.draw())
    assert {d["teamName"] for d in drawn} == {"Liverpool", "Chelsea"}
    assert [p["drawnTeam"] for p in s.get()["players"]] == [d["teamName"] for d in drawn]


def test_every_shape_of_the_older_api_takes_its_names_in_any_case() -> None:
    for operation in legacy.api.operations:
        for shape in filter(None, (operation.body, operation.query)):
            assert issubclass(shape, legacy.Given), shape


def test_the_draw_also_takes_the_id_as_json(app: Flask) -> None:
    s = OlderClient(app)
    body = {"TOURNAMENTID": s.id.lower()}
    refused(s.host.post("/api/Tournament/draw", body), 409, "seats-empty")


def test_drawing_needs_a_post(app: Flask) -> None:
    s = OlderClient(app)
    refused(s.host.get(f"/api/Tournament/draw?tournamentId={s.id}"), 405)


def test_every_write_needs_the_organisers_key(app: Flask) -> None:
    s, other = OlderClient(app), OlderClient(app)
    for who, status in ((s.anyone, 401), (other.host, 403)):
        refused(s.assign("Ola", who=who), status)
        refused(s.select("Ola", "Chelsea", who=who), status)
        refused(s.draw(who=who), status)
    assert s.get()["players"] == []


def test_each_refusal_has_its_own_status(app: Flask) -> None:
    s = OlderClient(app)
    s.assign("Ola")
    s.assign("Max")
    s.select("Ola", "Chelsea")
    refused(s.assign("Zoe"), 409, "tournament-full")
    refused(s.select("Max", "Chelsea"), 409, "team-taken")
    refused(s.select("Max", "Atlantis"), 404, "unknown-team")
    refused(s.select("Zoe", "Liverpool"), 404, "unknown-player")
    refused(s.draw(), 409, "picks-missing")
    refused(s.anyone.get("/api/Tournament?Id=BBBBBBBB"), 404, "unknown-tournament")
    refused(s.anyone.get("/api/Team?tournamentId=x"), 404, "unknown-tournament")
    refused(s.anyone.get("/api/Tournament"), 422)
    refused(s.anyone.post("/api/Tournament/create", {"name": "", "playerLimit": 2}), 422)
    refused(s.anyone.post("/api/Tournament/create", {"name": "X", "playerLimit": 0}), 422)
    again = s.anyone.post(
        "/api/Tournament/create", {"name": s.get()["tournamentName"], "playerLimit": 2}
    )
    refused(again, 422, "tournament-name-taken")


def test_a_repeated_request_runs_once_here_too(app: Flask) -> None:
    about = {"name": f"Cup {secrets.token_hex(4)}", "playerLimit": 3}
    sent = {"Idempotency_Key": str(uuid.uuid4())}
    made = [Program(app).post("/api/Tournament/create", about, **sent) for _ in range(2)]
    assert good(made[0]) == good(made[1])
    assert made[0].headers["Lct-Organiser-Key"] == made[1].headers["Lct-Organiser-Key"]
    host = Program(app, made[0].headers["Lct-Organiser-Key"])
    body = {"tournamentId": good(made[0]), "name": "Ola", "surname": "Nowak"}
    for _ in range(2):
        assert host.post("/api/Tournament/assignPlayer", body, **sent).status_code == 200
    assert len(good(host.get(f"/api/Tournament?Id={good(made[0])}"))["players"]) == 1


def test_unknown_fields_are_ignored(app: Flask) -> None:
    about = {"name": f"Cup {secrets.token_hex(4)}", "playerLimit": 2, "requestId": "x"}
    good(Program(app).post("/api/Tournament/create", about))
