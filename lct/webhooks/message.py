"""The messages to a webhook, their order and their signature (Standard Webhooks, "v1").

A webhook gets every event after it was added, in order, without anything still secret. A draw is
announced when it is made; its result follows once the last card has turned.
"""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ..application.finished_draws import finished_draws
from ..application.history import Stored
from ..domain.drawing import TeamsDrawn
from ..domain.tournament import Tournament

MOST = 5  # webhooks of a tournament
PAUSES = (5.0, 30.0, 120.0, 600.0, 3600.0)  # seconds before the next try; the last one repeats
JITTER = 0.2
GIVE_UP = 24 * 3600.0  # seconds since the first failed try
DRAW_OVER = "draw-over"


class Progress(NamedTuple):
    """What has been sent to a webhook."""

    seq: int
    version: int  # after that event
    draw: int = 0  # the attempt whose result is still to be sent; 0: none


class Message(NamedTuple):
    """A message; a retry has the same ``id``."""

    id: str
    type: str
    code: str
    seq: int
    version: int
    at: datetime
    data: dict[str, Any]

    def body(self) -> bytes:
        told = self._asdict() | {"at": self.at.isoformat(timespec="milliseconds")}
        del told["id"]
        return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def progress_of(t: Tournament, seq: int, now: datetime) -> Progress:
    """The start of a webhook that is added now: only later events are sent."""
    turning = t.current_draw and not t.current_draw.is_over(now)
    return Progress(seq, t.version, t.attempt if turning else 0)


def following(
    t: Tournament, told: Progress, newer: Stored | None, now: datetime
) -> tuple[Message, Progress] | None:
    """The next message and the progress after it; ``newer`` is the event after ``told.seq``.
    None: nothing to send now."""
    if told.draw and (message := _draw_over(t, told, now)):
        return message, told._replace(draw=0)
    if newer is None:
        return None
    event, version = newer.event, told.version + newer.event.versioned
    message = Message(
        f"{t.code}-{newer.seq}", event.type, t.code, newer.seq, version, newer.at, event.public()
    )
    draw = event.attempt if isinstance(event, TeamsDrawn) else told.draw
    return message, Progress(newer.seq, version, draw)


def _draw_over(t: Tournament, told: Progress, now: datetime) -> Message | None:
    for facts in finished_draws(t, now):
        if facts.attempt == told.draw:
            hands = [
                {"player_id": pick.player_id, "name": name, "team": team}
                for pick, name, team in zip(facts.picks, facts.names, facts.given, strict=True)
            ]
            data = {
                "attempt": facts.attempt,
                "option": facts.option,
                "commitment": facts.seal,
                "secret": facts.secret,
                "hands": hands,
            }
            at = next(draw.at for draw in t.draws if draw.attempt == facts.attempt)
            sent = f"{t.code}-draw-{facts.attempt}"
            return Message(sent, DRAW_OVER, t.code, told.seq, told.version, at, data)
    return None


# --- signing ----------------------------------------------------------------------------------


def signing_key(installation: bytes, code: str, hook: str) -> bytes:
    """32 bytes derived from the installation's secret, so that no key has to be stored."""
    return hmac.digest(installation, f"webhook|{code}|{hook}".encode(), "sha256")


def shown_secret(key: bytes) -> str:
    return f"whsec_{b64encode(key).decode()}"


def headers(keys: Sequence[bytes], message_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """The headers by which the receiver verifies the body, with a signature by each key;
    ``seconds`` since the epoch."""
    signed = b"%s.%d.%s" % (message_id.encode(), seconds, body)
    signatures = (b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def pause(tries: int, chance: float) -> float:
    """Seconds until the next try after ``tries`` failed ones; ``chance`` from 0 to 1."""
    longest = PAUSES[min(tries, len(PAUSES)) - 1]
    return longest * (1 + JITTER * (2 * chance - 1))
