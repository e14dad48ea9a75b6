"""The TV board, and the page that checks a draw."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, abort, request, url_for
from flask.typing import ResponseReturnValue

from ..application import queries
from ..domain import draw
from .identity import known_code
from .limits import guess
from .parts import join_url, parts
from .render import page

bp = Blueprint("board", __name__)


@bp.get("/t/<code>")
def board(code: str) -> ResponseReturnValue:
    t = guess(known_code(code))
    regions = queries.board(
        t, parts().now(), parts().hub.looks(t.code), join_url(parts().public_url, t.code)
    )
    live_url = url_for("live.live", code=t.code, view="board")
    return page(
        "board/page.html",
        t=t,
        regions=regions,
        live_url=live_url,
        warning=_warning(parts().public_url),
    )


def _warning(public_url: str) -> str:
    """What the host should read when guests cannot follow the QR code."""
    host = urlsplit(public_url).hostname or ""
    if host == "localhost" or host.startswith("127.") or host == "::1":
        return (
            "Phones cannot open this address: it leads to this computer only. "
            "Start lct with LCT_PUBLIC_URL set to the address that guests use."
        )
    return ""


@bp.get("/t/<code>/verify")
def verify(code: str) -> ResponseReturnValue:
    """Recheck a draw; nothing is shown of one whose cards are still turning."""
    t = guess(known_code(code))
    now = parts().now()
    over = [record for record in t.draws if record is not t.current_draw or record.is_over(now)]
    if not over:
        return page("verify/page.html", t=t, seal=t.commitment, attempt=t.attempt, attempts=())
    wanted = request.args.get("attempt", str(over[-1].attempt))
    record = next((r for r in over if str(r.attempt) == wanted), None)
    if record is None:
        abort(404)
    drew = {player_id: t.teams[team].name for player_id, _, team in record.hands}
    names = {player_id: name for player_id, name, _ in record.hands}
    holds = draw.verify(
        t.code,
        record.commitment,
        record.secret,
        record.attempt,
        record.picks,
        record.option,
        [drew[pick.player_id] for pick in record.picks],
    )
    hands = [
        {"name": names[p.player_id], "picked": p.team, "drew": drew[p.player_id]}
        for p in record.picks
    ]
    return page(
        "verify/page.html",
        t=t,
        seal=record.commitment,
        secret=record.secret,
        ok=holds,
        attempt=record.attempt,
        attempts=[r.attempt for r in over],
        option=record.option,
        hands=hands,
        message=draw.message(record.attempt, record.picks).decode(),
    )
