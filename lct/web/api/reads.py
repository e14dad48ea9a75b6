"""Queries."""

from __future__ import annotations

from typing import Any

from flask import Response, url_for

from ...application import finished_draws as checks
from ...application.history import last_told, story
from ...application.messages import merged
from ...domain.errors import NotDrawn, NotFound
from ...domain.rights import Right
from ...domain.tournament import Tournament
from ...domain.values import shown_code
from ..app import app
from ..identity import seat_code
from ..links import join_url, public
from ..organise import organiser_url
from . import answers
from .bodies import Page
from .operation import Call, Table
from .paging import bounds, page

api = Table("api_reads", "/api/v1")
T = "/tournaments/<code>"
PUBLIC = {"right": Right.ANYONE}
HOST = {"right": Right.ORGANISER}


@api.operation("GET", T, **PUBLIC, answer=answers.TournamentState, headers=("ETag",))
def tournament(call: Call) -> Any:
    """The state of the tournament. The ETag is its version, for If-Match."""
    call.headers["ETag"] = f'"{call.t.version}"'
    return answers.tournament(call.t, app().now())


@api.operation("GET", f"{T}/teams", **PUBLIC, query=Page, answer=answers.Teams)
def teams(call: Call) -> Any:
    """The teams, with who holds each and who is looking at it."""
    t = call.t
    looks = {p: team for p, (team, _) in app().bus.looks(t.code).items()}
    numbers, following = page(range(len(t.teams)), call.query)
    return answers.Teams(items=[answers.team(t, n, looks) for n in numbers], next=following)


@api.operation("GET", f"{T}/players", **PUBLIC, query=Page, answer=answers.Players)
def players(call: Call) -> Any:
    """The players in the order of joining, with their picks, the teams they drew once shown, and
    whether their phone is connected."""
    items, following = page(answers.players(call.t, app().now()), call.query)
    there = merged(app().bus.presences(call.t.code))
    present = [
        answers.PresentPlayer.model_validate(
            each.model_dump() | {"presence": there.get(each.id, "away")}
        )
        for each in items
    ]
    return answers.Players(items=present, next=following)


@api.operation("GET", f"{T}/draw", **PUBLIC, answer=list[answers.CardFacts], refusals=(409,))
def cards(call: Call) -> Any:
    """The cards of the current draw."""
    if not call.t.dealt:
        raise NotDrawn
    return answers.cards(call.t, app().now())


@api.operation("GET", f"{T}/draws", **PUBLIC, answer=list[answers.DrawRecord])
def draws(call: Call) -> Any:
    """Finished draws, with everything needed to check them."""
    return answers.draws(call.t, app().now())


@api.operation("GET", f"{T}/players/<player>/seat", right=Right.EITHER, answer=answers.Seat)
def seat(call: Call) -> Any:
    """The personal code and link that bring this player back on another phone."""
    return seat_of(call.t, call.t.player(call.path["player"]).id)


def seat_of(t: Tournament, player_id: str) -> answers.Seat:
    personal = seat_code(t, player_id)
    path = url_for("join.seat", code=t.code, seat=personal)
    return answers.Seat(seat_code=shown_code(personal), seat_url=public(path))


@api.operation("GET", f"{T}/host", **HOST, answer=answers.Host)
def host(call: Call) -> Any:
    """The co-organiser link, the devices that may run the tournament, and who is blocked."""
    t = call.t
    return answers.Host(
        organiser_url=organiser_url(t),
        join_url=join_url(app().public_url, t.code),
        devices=[answers.DeviceFacts(id=d, label=label) for d, label in t.devices.items()],
        blocked=t.blocked,
    )


@api.operation("GET", f"{T}/history", **HOST, query=Page, answer=answers.History)
def history(call: Call) -> Any:
    """Every event as a sentence, oldest first."""
    begin, end = bounds(call.query)
    events = app().stored(call.t.code, min(end, call.t.seq))  # later ones are not needed
    lines = story(call.t.code, events)[begin:]
    following = str(end) if end < call.t.seq else None
    return answers.History(items=[answers.line(each) for each in lines], next=following)


@api.operation("GET", f"{T}/history/<int:seq>", **HOST, answer=answers.Moment)
def moment(call: Call) -> Any:
    """The tournament as it was right after that event; cards that turned later lie face down."""
    seq = int(call.path["seq"])
    if not 0 < seq <= call.t.seq:
        raise NotFound
    newest = seq == call.t.seq
    told, then = last_told(call.t.code, app().stored(call.t.code, seq))
    now = app().now() if newest else told.at
    return answers.Moment(
        event=answers.line(told),
        tournament=answers.tournament(then, now),
        players=answers.players(then, now),
    )


@api.operation(
    "GET", f"{T}/history.jsonl", **HOST, name="file", answer=str, media="application/jsonl"
)
def file(call: Call) -> Any:
    """The stored events, one per line, without anything still secret. The last line is no event:
    it has their number, ``events``, and the ``sha256`` of the lines before it."""
    public = {facts.attempt for facts in checks.finished_draws(call.t, app().now())}
    lines = app().exported(call.t.code, public)
    return Response((line + "\n" for line in lines), mimetype="application/jsonl")
