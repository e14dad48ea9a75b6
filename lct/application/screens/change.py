"""What a change may alter on the screens, so that nothing else is made again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from ...domain.fact import Touched
from ...domain.tournament import Tournament
from ..messages import Looked
from .live_now import LiveNow
from .region import Scene


class Change(NamedTuple):
    """What has happened since the screens were made. ``touched`` is None where anything may differ.

    With ``again``, regions that look as before are sent all the same: several things happened, and
    a page may show a state in between, by the answer to a tap.
    """

    touched: Touched | None = None
    again: bool = False


ANYTHING = Change()


class Shown(NamedTuple):
    """What the screens of a tournament were last made from. (Of its state only the place in the
    stream: that object moves on.)"""

    seq: int
    phase: str
    live: LiveNow


def change(
    shown: Shown, scene: Scene, events: Sequence[Touched | None], looked: Collection[Looked]
) -> Change:
    """From what is shown to the scene; ``events``: what each event in between touched, ``looked``:
    the looks that came meanwhile."""
    again = len(events) + len(looked) > 1
    if None in events or shown.phase != scene.phase or scene.t.dealt:
        return Change(None, again)
    touched = Touched()
    for each in events:
        touched |= each or Touched()
    return Change(touched | _around(scene.t, shown.live, scene.live, touched, looked), again)


def _around(
    t: Tournament, old: LiveNow, new: LiveNow, touched: Touched, looked: Iterable[Looked]
) -> Touched:
    """Who looks and who is here: what of that is different, and what it touches."""
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
    for live in (old, new):  # their seats and their own tiles say what they look at, and with whom
        players |= {p for p, team in live.looks.items() if team in teams}
    return Touched(frozenset(players), frozenset(teams))
