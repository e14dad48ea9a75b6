"""Short names, as long as tells everyone apart."""

from __future__ import annotations

import re
from collections import Counter
from itertools import takewhile

from ...domain.tournament import Player
from .region import Scene

_WORDS = re.compile(r"[^ -]+[ -]?|[ -]")


class ShortNames(dict[str, str]):
    """Player id -> the call name, or the first name; where others would read the same, with the
    surname's first letter, with what tells the surnames apart, or the whole name. Made when asked
    for: a tap needs few of a thousand."""

    def __init__(self, s: Scene) -> None:
        self._players = s.t.players
        # Player.short, without a call for each of a thousand at each tap.
        self._shorts = Counter([each.call_name or each.first for each in self._players.values()])
        # First names with a letter -> the surnames; filled once one is needed.
        self._lasts: dict[str, list[str]] = {}

    def __missing__(self, player_id: str) -> str:
        player = self._players[player_id]
        alone = player.call_name or self._shorts[player.first] == 1
        name = player.short if alone else self._longer(player)
        self[player_id] = name
        return name

    def _longer(self, player: Player) -> str:
        if not self._lasts:
            for each in self._players.values():
                self._lasts.setdefault(_with_letter(each), []).append(each.last)
        lasts, name = self._lasts[_with_letter(player)], _with_letter(player)
        if len(lasts) == 1 and name not in self._shorts:
            return name
        words = zip(*map(_WORDS.findall, lasts), strict=False)
        same = "".join(each[0] for each in takewhile(lambda each: len(set(each)) == 1, words))
        ending = f"{player.first} {player.last[:1]}… {player.last[len(same) :]}"
        return ending if same and all(last != same for last in lasts) else player.name


def short_names(s: Scene) -> ShortNames:
    return s.once(ShortNames)


def _with_letter(player: Player) -> str:
    return f"{player.first} {player.last[:1]}."
