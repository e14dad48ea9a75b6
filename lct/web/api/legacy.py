"""The API of lct's predecessor: its paths and its JSON, on our commands and rights.

Deliberate differences: drawing is a POST, and refusals have statuses of their own. There anybody
could pick for anybody; here writes need the organiser's key, which ``create`` returns.
"""

from __future__ import annotations

import secrets
from typing import Annotated, Any

import gevent
from flask import make_response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...application.screens.cards import cards
from ...application.screens.region import Scene
from ...domain.drawing import DrawTeams
from ...domain.errors import NotDrawn, UnknownPlayer, UnknownTeam
from ...domain.guests import AddPlayer
from ...domain.picking import PickTeam
from ...domain.rights import Right
from ...domain.tournament import Tournament
from ...domain.values import fold
from ..app import app
from ..forms import Wanted
from ..identity import new_player_id
from . import answers
from .bodies import PASSPHRASE, SEATS
from .doors import created
from .operation import Call, Table
from .repeats import once, run

api = Table("api_older", "/api")
READ = {"right": Right.ANYONE}
WRITE = {
    "right": Right.ORGANISER,
    "code_field": "tournamentId",
    "headers": ("ETag",),
    "refusals": (409,),
    "conditional": True,
    "repeatable": True,
}
TEXT = Annotated[str, Field(max_length=1000)]
CODE = Annotated[str, Field(max_length=40, description="The tournament's code.")]


def shown(**example: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example]})


class Given(BaseModel):
    """What a program sends. The predecessor bound names in any case, so programs use several."""

    @model_validator(mode="before")
    @classmethod
    def _in_any_case(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        names = {name.lower(): name for name in cls.model_fields}
        return {names.get(name.lower(), name): each for name, each in given.items()}


class Create(Given):
    model_config = shown(name="Sunday Cup", playerLimit=4)

    name: TEXT
    playerLimit: Annotated[int, SEATS]
    passphrase: Annotated[str, PASSPHRASE] = ""


class ById(Given):
    Id: CODE


class ByTournament(Given):
    model_config = shown(tournamentId="BB3K7QXM")

    tournamentId: CODE


class AssignPlayer(ByTournament):
    model_config = shown(tournamentId="BB3K7QXM", name="Ola", surname="Nowak")

    name: TEXT
    surname: TEXT


class SelectTeam(ByTournament):
    model_config = shown(
        tournamentId="BB3K7QXM", playerName="Ola", playerSurname="Nowak", team="Liverpool"
    )

    playerName: TEXT
    playerSurname: TEXT
    team: TEXT


class OlderPlayer(BaseModel):
    name: str
    surname: str
    selectedTeam: str | None
    drawnTeam: str | None = Field(description="Set once the card has turned.")


class OlderTournament(BaseModel):
    id: str
    tournamentName: str
    players: list[OlderPlayer]
    playerLimit: int
    version: int


class OlderTeam(BaseModel):
    name: str
    selected: bool


class DrawnTeam(BaseModel):
    name: str
    surname: str
    teamName: str | None = Field(description="Set once the card has turned.")


@api.operation(
    "GET", "/Tournament", **READ, query=ById, code_field="Id", answer=OlderTournament,
    headers=("ETag",),
)  # fmt: skip
def older_tournament(call: Call) -> Any:
    """The tournament with its players."""
    t = call.t
    call.headers["ETag"] = f'"{t.version}"'
    return OlderTournament(
        id=t.code,
        tournamentName=t.name,
        players=[
            OlderPlayer(
                name=p.first,
                surname=p.last,
                selectedTeam=_name(t, p.team),
                drawnTeam=_name(t, p.drawn),
            )
            for p in answers.players(t, app().now())
        ],
        playerLimit=t.limit,
        version=t.version,
    )


def _name(t: Tournament, number: int | None) -> str | None:
    return None if number is None else t.teams[number].name


@api.operation(
    "POST", "/Tournament/create", **READ, body=Create, answer=str,
    headers=("ETag", "Location", "Lct-Organiser-Key"), refusals=(403,), repeatable=True,
)  # fmt: skip
def older_create(call: Call) -> Any:
    """Create a tournament with the classic ten teams. Returns its id, and the organiser's key in a
    header."""
    made = created(call, Wanted(call.body.name, call.body.playerLimit))
    call.headers["Lct-Organiser-Key"] = made.organiser_key
    return made.code


@api.operation(
    "POST", "/Tournament/assignPlayer", **WRITE, body=AssignPlayer, answer=None, status=200
)
def older_assign(call: Call) -> Any:
    """Give a player a seat."""
    this, sent = once(call), call.body
    player_id = new_player_id(call.t.code, this.command_id)
    run(call, AddPlayer, this, player_id=player_id, first=sent.name, last=sent.surname)
    return make_response("", 200)


@api.operation(
    "GET", "/Team", **READ, query=ByTournament, code_field="tournamentId", answer=list[OlderTeam]
)
def older_teams(call: Call) -> Any:
    """The teams, and which of them are taken."""
    teams = enumerate(call.t.teams)
    return [OlderTeam(name=team.name, selected=n in call.t.holders) for n, team in teams]


@api.operation("POST", "/Team/select", **WRITE, body=SelectTeam, answer=None, status=200)
def older_select(call: Call) -> Any:
    """Pick a team for a player."""
    t, sent = call.t, call.body
    name = fold(f"{sent.playerName} {sent.playerSurname}")
    player_id = next((p.id for p in t.players.values() if p.folded == name), None)
    if player_id is None:
        raise UnknownPlayer
    wanted = fold(sent.team)
    team = next((n for n, each in enumerate(t.teams) if fold(each.name) == wanted), None)
    if team is None:
        raise UnknownTeam
    run(call, PickTeam, player_id=player_id, team=team, value=secrets.token_hex(16))
    return make_response("", 200)


@api.operation(
    "POST", "/Tournament/draw", **WRITE, body=ByTournament, by_query=True, answer=list[DrawnTeam]
)
def older_draw(call: Call) -> Any:
    """Draw the picked teams, once the phones have opened their shares. A face-down card has no team
    yet: call again later, which does not draw twice."""
    run(call, DrawTeams, attempt=call.t.attempt)
    t = app().store.stream(call.t.code).tournament
    while t.gathering and not (t.gathering.roll or t.closed):
        gevent.sleep(0.2)
        t = app().store.read(call.t.code).tournament
        app().execute.follow_up(t)
    if not t.dealt:
        raise NotDrawn
    drawn = []
    for hand, card in zip(t.draws[-1].hands, cards(Scene(t, app().now())), strict=True):
        who = t.players[hand.player_id]
        drawn.append(DrawnTeam(name=who.first, surname=who.last, teamName=card.team or None))
    return drawn
