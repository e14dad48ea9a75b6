"""Short names, as long as tells everyone apart."""

from __future__ import annotations

from collections import Counter

from ...domain.tournament import Player
from .region import Scene


class ShortNames(dict[str, str]):
    """Player id -> the first name; where others would read the same, with the surname's first
    letter, or the whole name. Made when asked for: a tap needs few of a thousand."""

    def __init__(self, s: Scene) -> None:
        self._players = s.t.players
        self._firsts = Counter([player.first for player in self._players.values()])
        self._letters = Counter[str]()  # first names with a letter, counted once one is needed

    def __missing__(self, player_id: str) -> str:
        player = self._players[player_id]
        name = player.first if self._firsts[player.first] == 1 else self._longer(player)
        self[player_id] = name
        return name

    def _longer(self, player: Player) -> str:
        if not self._letters:
            self._letters.update(_with_letter(each) for each in self._players.values())
        return _with_letter(player) if self._letters[_with_letter(player)] == 1 else player.name


def short_names(s: Scene) -> ShortNames:
    return s.once(ShortNames)


def _with_letter(player: Player) -> str:
    return f"{player.first} {player.last[:1]}."
