"""The websocket route: downstream the regions, upstream nothing but "I am looking at this team"."""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import gevent
from flask import Blueprint, abort, g, request
from flask_sock import Sock
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.utilities import RemoteProtocolError

from ..application.messages import Looked
from ..application.queries import VIEWS
from ..domain.errors import ForeignOrigin, LctError
from .identity import known_code, player_here, require_organiser
from .limits import guess
from .outbox import CLOSE, PONG, Outbox
from .parts import parts

log = logging.getLogger(__name__)

MAX_MESSAGE = 1000  # bytes; what a page sends is under 30
LOOKS_PER_SECOND = 5


class Inline:
    """Stands in for the thread that simple-websocket would start: the route reads by itself."""

    def __init__(self, target: Any) -> None:
        self.name = ""

    def start(self) -> None:
        pass


bp = Blueprint("live", __name__)
sock = Sock()


@bp.before_request
def check_before_the_upgrade() -> None:
    """Everything that can be refused is refused while it is still plain HTTP."""
    origin = request.headers.get("Origin")
    if origin and urlsplit(origin).netloc != request.host:
        raise ForeignOrigin
    view = request.args.get("view", "")
    if view not in VIEWS:
        abort(404)
    tournament = guess(known_code((request.view_args or {})["code"]))
    g.code, g.player_id, g.device_id = tournament.code, None, None
    if view == "organise":
        g.device_id = require_organiser(tournament)
    elif view == "me":
        g.player_id = player_here(tournament.code)
    # Compression would cost 38 to 199 KB a socket and gain little on frames of a few hundred bytes.
    request.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)


@sock.route("/t/<code>/live", bp=bp)
def live(ws: Any, code: str) -> None:
    box = Outbox(ws.sock, request.args["view"], g.player_id, g.device_id)
    g.upgraded = True
    hub, room, started = parts().hub, None, time.monotonic()
    about = {"labels.tournament": g.code, "labels.view": box.view, "http.request.id": g.request_id}
    log.info("websocket opened", extra={"event.action": "ws.open", **about})
    try:
        room = hub.enter(g.code, box)
        _read(ws, box, g.code)
    except LctError:
        box.close(1013, "try again later")
    except Exception:
        log.exception("websocket failed", extra={"labels.error_kind": "service", **about})
        box.close(1011, "error")
    finally:
        if room is not None:
            hub.leave(room, box)
        _see_off(ws, box)
        ws.connected = False  # so that flask-sock does not say 1000, after which htmx stays away
        duration = int((time.monotonic() - started) * 1e9)
        ended = {"event.action": "ws.close", "event.duration": duration}
        log.info("websocket closed", extra={**ended, **about})


class Looks:
    """A player's looks on their way to the bus: at most so many in any second. Of those that come
    faster the last one counts, and goes out as soon as it may."""

    def __init__(self, send: Callable[[int | None], None]) -> None:
        self._send = send
        self._sent: deque[float] = deque([-1.0] * LOOKS_PER_SECOND, maxlen=LOOKS_PER_SECOND)
        self._last: int | None = None
        self._waiting = False

    def look(self, team: int | None) -> None:
        self._last = team
        if not self._waiting:
            self._waiting = True
            wait = self._sent[0] + 1 - time.monotonic()
            if wait > 0:
                gevent.spawn_later(wait, self._go)
            else:
                self._go()

    def _go(self) -> None:
        self._waiting = False
        self._sent.append(time.monotonic())
        self._send(self._last)


def _read(ws: Any, box: Outbox, code: str) -> None:
    """Take in looks until the peer is gone."""
    bus = parts().bus
    looks = Looks(lambda team: bus.look(Looked(code, box.player_id or "", team)))
    for message in _messages(ws, box, code):
        _look(message, box, code, looks)


def _messages(ws: Any, box: Outbox, code: str) -> Iterator[str]:
    """Every whole text message. Pongs and closes go through the outbox: one writer."""
    text, size = "", 0
    while not box.closing:
        try:
            data = ws.sock.recv(4096)
        except OSError:
            return
        if not data:
            return
        box.heard = time.monotonic()
        try:
            ws.ws.receive_data(data)
            events = list(ws.ws.events())
        except RemoteProtocolError:
            log.warning("websocket frame malformed", extra={"labels.tournament": code})
            box.close(1002, "protocol error")
            return
        for event in events:
            if isinstance(event, Ping):
                box.control(PONG, bytes(event.payload))
            elif isinstance(event, CloseConnection):
                box.control(CLOSE, int(event.code).to_bytes(2, "big") if event.code else b"")
                box.abort()
                return
            elif isinstance(event, TextMessage | BytesMessage):
                size += len(event.data)
                if size > MAX_MESSAGE:
                    log.warning("websocket frame too large", extra={"labels.tournament": code})
                    box.close(1009, "too large")
                    return
                text += event.data if isinstance(event, TextMessage) else ""
                if event.message_finished:
                    yield text
                    text, size = "", 0


def _see_off(ws: Any, box: Outbox) -> None:
    """Read on until the peer has gone: cutting a connection with unread bytes in it would throw
    away the close frame on its way. The outbox cuts it two seconds after a close."""
    with suppress(OSError):
        while box.closing and not box.closed and ws.sock.recv(65536):
            pass
    box.abort()


def _look(message: str, box: Outbox, code: str, looks: Looks) -> None:
    try:
        team = json.loads(message)["look"]
    except (ValueError, KeyError, TypeError, RecursionError):
        log.warning("websocket message malformed", extra={"labels.tournament": code})
        return
    tournament = parts().known(code).tournament
    if not (team is None or (type(team) is int and 0 <= team < len(tournament.teams))):
        log.warning("websocket message malformed", extra={"labels.tournament": code})
        return
    if box.player_id in tournament.players and not tournament.drawn:
        looks.look(team)
