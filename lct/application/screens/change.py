"""The parts of the screens that a change may alter, so that only these are rebuilt."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from ...domain.fact import THE_PLAY, Touched
from ...domain.tournament import Tournament
from ..messages import Looked
from .live_now import LiveNow
from .matches import Shower
from .played import Played, altered, played
from .region import Scene


class Change(NamedTuple):
    """The change since the screens were built. ``touched`` is None if anything may differ.

    With ``again``, unchanged regions are sent too: several things happened, and the answer to a
    tap may have left a page in a state in between.
    """

    touched: Touched | None = None
    again: bool = False


ANYTHING = Change()


class Shown(NamedTuple):
    """The inputs that a tournament's screens were last built from, and the matches as they show
    them. Holds ``seq`` and not the state, which is mutable."""

    seq: int
    phase: str
    live: LiveNow
    played: Played | None  # while matches are played
    join_urls: tuple[str, ...]
    matches: Shower | None  # while matches are played


def shown(s: Scene) -> Shown:
    matches = s.once(Shower) if s.has_matches else None
    return Shown(s.t.seq, s.phase, s.live, s.once(played), s.join_urls, matches)


def change(
    before: Shown, scene: Scene, events: Sequence[Touched | None], looked: Collection[Looked]
) -> Change:
    """The change from ``before`` to ``scene``, which takes over the matches that look the same.
    ``events``: what each event in between touched; ``looked``: the looks received in between."""
    again = len(events) + len(looked) > 1
    same = before.phase == scene.phase and before.join_urls == scene.join_urls
    touched = Touched() if same else None
    for each in events:
        touched = touched | each if touched and each else None
    if touched and scene.t.dealt:
        touched = _among_matches(before, scene, touched)
        if touched and before.matches:
            scene.once(Shower).reuse(before.matches, touched.matches)
    if touched:
        touched |= _around(scene.t, before.live, scene.live, touched, looked)
    return Change(touched, again)


def _among_matches(before: Shown, scene: Scene, touched: Touched) -> Touched | None:
    """What events of the matches touched. After other events anything may differ: players who were
    dealt teams stand in many places."""
    now = scene.once(played)
    if touched not in (Touched(), THE_PLAY) or not (before.played and now):
        return None
    return altered(before.played, now)


def _around(
    t: Tournament, old: LiveNow, new: LiveNow, touched: Touched, looked: Iterable[Looked]
) -> Touched:
    """``touched``, plus the players and teams touched by changes of looks and presence."""
    players, teams = set(touched.players), set(touched.teams)
    for message in looked:
        players.add(message.player_id)
        if message.team is not None:
            teams.add(message.team)
    for player_id in old.looks.keys() | new.looks.keys():
        looks = {live.looks[player_id] for live in (old, new) if player_id in live.looks}
        if old.looks.get(player_id) != new.looks.get(player_id) or player_id in players:
            players.add(player_id)
            teams |= looks
    if old.here != new.here:
        players |= {p for p in t.players if old.presence(p) != new.presence(p)}
    for live in (old, new):  # lookers' seats and own tiles show what they look at, and with whom
        players |= {p for p, team in live.looks.items() if team in teams}
    return Touched(frozenset(players), frozenset(teams))
