"""The phase of a tournament. Events and time change it; templates/phases/ has a file for each."""

from __future__ import annotations

from datetime import datetime

from ...domain.tournament import Tournament

JOIN, PICK, READY, DRAW, DRAWN, CLOSED = "join", "pick", "ready", "draw", "drawn", "closed"
GATHER, PLAY, FINISHED = "gather", "play", "finished"
RETRY = 1.0  # seconds after which a worker tries again to go on with a draw


def phase(t: Tournament, now: datetime) -> str:
    """The phase of the tournament: closed, or what it has ``reached``."""
    return CLOSED if t.closed else reached(t, now)


def reached(t: Tournament, now: datetime) -> str:
    """How far the tournament has got, closed or not: join, pick, ready, gather (shares come in),
    draw (cards turning), drawn, play (matches) or finished (there is a champion)."""
    if draw := t.current_draw:
        if not draw.is_over(now):
            return DRAW
        if not t.play.begun:
            return DRAWN
        return FINISHED if t.play.competition.champion else PLAY
    if t.gathering:
        return GATHER
    if not t.full:
        return JOIN
    return PICK if t.choosing() else READY


def cards_turned(t: Tournament, now: datetime) -> tuple[int, int]:
    """(cards turned, all cards) of the draw in force."""
    draw = t.current_draw
    return (draw.revealed(now), len(draw.hands)) if draw else (0, 0)


def next_change(t: Tournament, now: datetime) -> float | None:
    """Seconds until time alone changes something (the gathering ends, a card turns), or None."""
    if t.gathering:
        if t.closed or (t.gathering.closed and t.gathering.roll):
            return None
        left = (t.gathering.ends - now).total_seconds()
        return left if left > 0 and not t.gathering.closed else RETRY
    draw = t.current_draw
    if draw is None or draw.is_over(now):
        return None
    wait = draw.timeline.next_change(now)
    return wait.total_seconds() if wait is not None else None
