"""What has to be so before a match is reported, settled or called; else a refusal."""

from __future__ import annotations

from datetime import datetime

from .. import errors
from ..tournament import Tournament
from . import refusals
from .match import Match


def check_under_way(t: Tournament, now: datetime) -> None:
    """Refuse if no matches are played now."""
    t.check_open()
    draw = t.current_draw
    if draw is None:
        raise errors.NotDrawn
    if not draw.is_over(now):
        raise refusals.NotRevealed
    if not t.play.begun:
        raise refusals.NothingToPlay


def playing(t: Tournament, key: str, now: datetime) -> Match:
    """The match of that key; a refusal if no matches are played now, or there is none like it."""
    check_under_way(t, now)
    if key not in t.play.competition.matches:
        raise refusals.UnknownMatch
    return t.play.competition.matches[key]


def check_playable(match: Match) -> None:
    """A refusal if the match cannot be played yet."""
    if not match.known:
        raise refusals.MatchNotReady
    if not match.playable:
        raise refusals.FirstLegOpen


def check_not_left(t: Tournament, match: Match, *policies: str) -> None:
    """A refusal if one of its sides left, under one of these policies or any."""
    for side in filter(None, match.sides):
        if (policy := t.play.left.get(side)) and (policy in policies or not policies):
            raise refusals.SideHasLeft(t.players[side].name)
