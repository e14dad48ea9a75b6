"""What can be asked."""

from __future__ import annotations

from typing import Any

from flask import Response, url_for

from ...application import finished_draws as checks
from ...application.history import replay, story
from ...application.messages import merged
from ...domain.errors import NotDrawn, NotFound
from ...domain.rights import Right
from ...domain.values import shown_code
from ..app import app
from ..identity import seat_code
from ..links import join_url, public
from ..organise import organiser_url
from . import answers
from .bodies import Page
from .operation import Call, Table
from .paging import page

api = Table("api_reads", "/api/v1")
T = "/tournaments/<code>"
PUBLIC = {"right": Right.ANYONE}
HOST = {"right": Right.ORGANISER}


@api.operation("GET", T, **PUBLIC, answer=answers.Evening, headers=("ETag",))
def tournament(call: Call) -> Any:
    """How the evening stands. The ETag is its version, for If-Match."""
    call.headers["ETag"] = f'"{call.t.version}"'
    return answers.evening(call.t, app().now())


@api.operation("GET", f"{T}/teams", **PUBLIC, query=Page, answer=answers.Teams)
def teams(call: Call) -> Any:
    """The teams, with who holds which and who looks at which."""
    t = call.t
    looks = {p: team for p, (team, _) in app().bus.looks(t.code).items()}
    numbers, following = page(range(len(t.teams)), call.query)
    return answers.Teams(items=[answers.team(t, n, looks) for n in numbers], next=following)


@api.operation("GET", f"{T}/players", **PUBLIC, query=Page, answer=answers.Players)
def players(call: Call) -> Any:
    """Who is in, in the order of joining, with their picks, what they drew once it is shown, and
    whether their phone is there."""
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
    """The cards of the draw in force."""
    if not call.t.dealt:
        raise NotDrawn
    return answers.cards(call.t, app().now())


@api.operation("GET", f"{T}/draws", **PUBLIC, answer=list[answers.DrawRecord])
def draws(call: Call) -> Any:
    """Finished draws, with all that anyone needs to check them."""
    return answers.draws(call.t, app().now())


@api.operation("GET", f"{T}/players/<player>/seat", right=Right.EITHER, answer=answers.Seat)
def seat(call: Call) -> Any:
    """The personal code and link that bring this player back on another phone."""
    return seat_of(call.t.code, call.t.player(call.path["player"]).id)


def seat_of(code: str, player_id: str) -> answers.Seat:
    personal = seat_code(code, player_id)
    path = url_for("join.seat", code=code, seat=personal)
    return answers.Seat(seat_code=shown_code(personal), seat_url=public(path))


@api.operation("GET", f"{T}/host", **HOST, answer=answers.Host)
def host(call: Call) -> Any:
    """The co-organiser link, the devices that may run the evening, and who is blocked."""
    t = call.t
    return answers.Host(
        organiser_url=organiser_url(t),
        join_url=join_url(app().public_url, t.code),
        devices=[answers.DeviceFacts(id=d, label=label) for d, label in t.devices.items()],
        blocked=t.blocked,
    )


@api.operation("GET", f"{T}/history", **HOST, query=Page, answer=answers.History)
def history(call: Call) -> Any:
    """Every event as a sentence, the oldest first."""
    lines, following = page(story(call.t.code, app().stored(call.t.code)), call.query)
    return answers.History(items=[answers.line(each) for each in lines], next=following)


@api.operation("GET", f"{T}/history/<int:seq>", **HOST, answer=answers.Moment)
def moment(call: Call) -> Any:
    """The evening as it stood right after that event: cards that turned later lie face down."""
    events, seq = app().stored(call.t.code), int(call.path["seq"])
    if not 0 < seq <= len(events):
        raise NotFound
    told = story(call.t.code, events[:seq])[-1]
    now = app().now() if seq == len(events) else told.at
    then = replay(call.t.code, events[:seq])
    return answers.Moment(
        event=answers.line(told),
        evening=answers.evening(then, now),
        players=answers.players(then, now),
    )


@api.operation(
    "GET", f"{T}/history.jsonl", **HOST, name="file", answer=str, media="application/jsonl"
)
def file(call: Call) -> Any:
    """The stored events, one a line, without what may not be seen yet."""
    public = {facts.attempt for facts in checks.finished_draws(call.t, app().now())}
    lines = app().exported(call.t.code, public)
    return Response((line + "\n" for line in lines), mimetype="application/jsonl")
