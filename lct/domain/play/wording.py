"""How sentences name a match and its score."""

from __future__ import annotations

from ..text import Text, text
from ..tournament import Tournament
from .results import Score


def sides_text(t: Tournament, key: str) -> Text:
    """Who plays the match: ``Ola Nowak v Max Nowak``."""
    match = t.play.competition.matches.get(key)
    if match is None or not match.known:
        return text("match %(key)s", key=key)
    home, away = (t.name_of(side or "") for side in match.sides)
    if leg := match.fixture.leg:
        return text("%(home)s v %(away)s, leg %(leg)s", home=home, away=away, leg=leg)
    return text("%(home)s v %(away)s", home=home, away=away)


def score_text(score: Score) -> Text:
    """``2:1``, ``2:2, 4:3 on penalties``."""
    home, away = score.goals
    if score.penalties:
        ours, theirs = score.penalties
        return text(
            "%(home)s:%(away)s, %(ours)s:%(theirs)s on penalties",
            home=home,
            away=away,
            ours=ours,
            theirs=theirs,
        )
    if score.extra:
        return text("%(home)s:%(away)s after extra time", home=home, away=away)
    return text("%(home)s:%(away)s", home=home, away=away)
