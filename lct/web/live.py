"""The three ways in which a page stays live: a websocket, server-sent events, and polling.

All show the same regions. A page sends nothing but "I look at this team", "I sleep" and, while a
draw begins, "here are my shares".
"""

from __future__ import annotations

import json
import logging
import random
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any
from weakref import WeakValueDictionary

from flask import Blueprint, Response, abort, g, make_response, request
from flask.typing import ResponseReturnValue
from flask_sock import Sock

from ..application.messages import Looked
from ..application.screens import PAGES
from ..application.screens.live_now import BOARD
from ..application.screens.phone import personal
from ..domain.errors import Elsewhere, ForeignOrigin, LctError, NotAPlayer
from ..domain.tournament import Tournament
from ..locale import spoken
from ..this_request import request_id
from .app import app, scene
from .headers import LONGEST, security
from .identity import invited, require_organiser
from .inbox import DEFLATE, Looks, deflates, messages
from .limits import address
from .links import is_ours
from .lookup import tournament_at
from .outbox import EventOutbox, Outbox, Shared
from .seats import MOST_SEATS, player_here, seats_here
from .stay import Stay

log = logging.getLogger(__name__)


LOOKS: WeakValueDictionary[tuple[str, str], Looks] = WeakValueDictionary()
bp = Blueprint("live", __name__)
sock = Sock()


@bp.before_request
def check_before_the_upgrade() -> None:
    """Refuse everything that can be refused while the response is still plain HTTP."""
    origin = request.headers.get("Origin")
    if origin and not is_ours(origin):
        compared = {"labels.host": request.host, "labels.public_url": app().public_url}
        log.warning("origin refused", extra={"labels.origin": origin[:LONGEST], **compared})
        raise ForeignOrigin
    if request.method == "POST":
        return
    try:
        request.environ.get("HTTP_HOST", "").encode().decode("idna")
    except UnicodeError:  # wsproto decodes it like this, and does not catch the error
        abort(400)
    view = request.args.get("view", "")
    if view not in PAGES:
        abort(404)
    # A live screen reads the store when it enters its room.
    fresh = request.endpoint == "live.now" or view == "organise"
    g.t = t = tournament_at((request.view_args or {})["code"], fresh)
    g.code, g.player_id, g.device_id, g.renewed, g.seats = t.code, None, None, 0, ()
    if view == "organise":
        g.device_id = require_organiser(t)
    elif view == "me":
        g.seats = seats_here(t)
        g.player_id = player_here(t, g.seats)
        g.renewed = t.seat_codes.get(g.player_id, 0) if g.player_id else 0
    if request.endpoint != "live.now":
        # A proxy tries another pod. Without one the page retries with `again`, and any worker takes
        # it.
        if app().hub.rollout.is_next() and "again" not in request.args:
            raise Elsewhere
        admit(t.code)
    # Without a context from one message to the next: a window would cost 38 to 199 KB a socket.
    g.deflates = deflates(request.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", ""))
    if g.deflates:
        request.environ["HTTP_SEC_WEBSOCKET_EXTENSIONS"] = DEFLATE


def admit(code: str) -> None:
    """Count one more screen, or refuse it."""
    if app().hub.draining:
        raise Elsewhere
    g.code, g.admitted = code, app().hub.admission.admit(code, address(), invited(code))


@bp.teardown_request
def release(error: BaseException | None) -> None:
    if "admitted" in g:
        app().hub.admission.release(g.admitted)


def _stay(seen: str = "") -> Stay:
    return Stay(app(), g.admitted, request_id.get(), seen)


# --- a websocket ------------------------------------------------------------------------------


@sock.route("/t/<code>/live", bp=bp)  # type: ignore[untyped-decorator]
def live(ws: Any, code: str) -> None:
    # A duplicate, since gunicorn closes its socket when the view returns.
    shared = Shared(request.args["view"], spoken())
    box = Outbox(ws.sock.dup(), shared, g.player_id, g.device_id, g.renewed, g.deflates)
    _stay().begin(box, _read)
    ws.connected = False  # else flask-sock closes with 1000, after which htmx does not reconnect


def _read(stay: Stay, box: Outbox) -> None:
    """Handle the page's messages until the peer is gone."""
    code, player_id, bus = stay.code, box.player_id or "", stay.app.bus
    # All sockets of a player share one, else more sockets would evade the limit.
    looks = LOOKS.setdefault(
        (code, player_id), Looks(lambda team: bus.send(Looked(code, player_id, team)))
    )
    for message in messages(box, code):
        try:
            said = json.loads(message)
            if "asleep" in said:
                box.asleep = bool(said["asleep"])
            elif "shares" in said:
                _open(stay, box.player_id, said["shares"])
            else:
                t = stay.app.store.stream(code).tournament
                _look(said["look"], box.player_id, t, looks.look)
        except (ValueError, KeyError, TypeError, RecursionError):
            log.warning("websocket message malformed", extra={"labels.tournament": code})


def _open(stay: Stay, player_id: str | None, shares: object) -> None:
    """Take in the shares of a phone's seats. It sends one that is refused again by POST, and shows
    what the answer says."""
    if player_id not in stay.app.store.stream(stay.code).tournament.players:
        return
    if not isinstance(shares, dict) or not all(type(each) is str for each in shares.values()):
        raise ValueError
    if len(shares) > MOST_SEATS:
        raise ValueError
    for player_id, share in shares.items():
        with suppress(LctError):
            stay.app.gatherer.take(stay.code, player_id, share)


def _look(
    team: object, player_id: str | None, t: Tournament, send: Callable[[int | None], None]
) -> None:
    """Pass on a look; ValueError if there is no such team."""
    if not (team is None or (type(team) is int and 0 <= team < len(t.teams))):
        raise ValueError
    if player_id in t.players and not t.dealt:
        send(team)


# --- server-sent events, where websockets are blocked -------------------------------------------


class Written(Response):
    """A response that was already written to the connection."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        raise StopIteration  # gunicorn's sign that there is nothing more to do


@bp.get("/t/<code>/events")
def events(code: str) -> ResponseReturnValue:
    """The frames of the websocket as events. ``Last-Event-ID`` spares the first one, with
    everything in it, when nothing has changed since."""
    if request.method == "HEAD":
        return Response(mimetype="text/event-stream")
    return stream(EventOutbox, request.args["view"], g.player_id, g.device_id, g.renewed)


def stream(
    kind: type[EventOutbox],
    view: str,
    player_id: str | None = None,
    device_id: str | None = None,
    renewed: int = 0,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    """Answer with an event stream that stays open; ``more`` are additional headers."""
    connection = request.environ["gunicorn.socket"]
    # A stream has no pings, so the kernel has to detect a dead connection.
    connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, "TCP_USER_TIMEOUT", 18), 10_000)
    headers = {"X-Request-Id": request_id.get(), **dict(security()), **more}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    retry = random.randint(1000, 3000)  # so that a pod's screens do not all reconnect at once
    connection.sendall(
        f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
        f"Cache-Control: no-store, no-transform\r\nX-Accel-Buffering: no\r\n"
        f"{lines}Connection: close\r\n\r\nretry: {retry}\n\n".encode()
    )
    box = kind(connection.dup(), Shared(view, spoken()), player_id, device_id, renewed)
    _stay(request.headers.get("Last-Event-ID", "")).begin(box, _wait)
    return Written()


def _wait(stay: Stay, box: Outbox) -> None:
    """Wait for the end of the stream; its client sends nothing else."""
    with suppress(OSError):
        while not box.closed and box.sock.recv(4096):
            pass


# --- polling, where neither gets through ----------------------------------------------------------


@bp.get("/t/<code>/now")
def now(code: str) -> ResponseReturnValue:
    """All regions of a view, or 204 if ``If-None-Match`` has their tag."""
    t = g.t
    seats = tuple(each for each in g.seats if each in t.players)
    app().hub.polled(t.code, *((BOARD,) if request.args["view"] == BOARD else seats))
    at = scene(t)
    mine = personal(at, g.player_id, seats=g.seats) if g.player_id else {}
    touched = app().store.stream(t.code).touched_since
    picture = app().hub.pictures.at(request.args["view"], at, touched)
    tag = picture.tag(mine)
    # Compression adds its method to the tag.
    known = {given.partition(":")[0] for given in request.if_none_match.as_set(True)}
    answer = make_response(("", 204) if tag in known else (picture.whole(mine), 200))
    answer.set_etag(tag)
    answer.headers["Lct-Live"] = "true" if app().bus.connected else "false"
    return answer


@bp.post("/t/<code>/look")
def look(code: str) -> ResponseReturnValue:
    """A message from a page without a websocket: a look, or that it sleeps."""
    t = tournament_at(code, fresh=False)
    board = request.args.get("view") == BOARD
    player_id, seats = (BOARD, (BOARD,)) if board else (player_here(t), seats_here(t))
    if player_id is None:
        raise NotAPlayer
    if player_id not in (*t.players, BOARD):
        t = app().store.read(t.code).tournament  # they may have joined on another worker
        if player_id not in t.players:
            raise NotAPlayer
    who = address() if board else player_id
    app().limiter.hit("sleep" if "asleep" in request.form else "look", who)
    if request.form.get("asleep") == "true":
        app().hub.dozes(t.code, seats)
    elif "asleep" in request.form:
        app().hub.polled(t.code, *seats)
    else:
        team = request.form.get("team", "")
        try:
            number = int(team) if team else None
            _look(number, player_id, t, lambda n: app().bus.send(Looked(t.code, player_id, n)))
        except ValueError:
            abort(404)
    return "", 204
