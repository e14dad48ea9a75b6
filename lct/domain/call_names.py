"""Call names: what a player wants to be called where a whole name has no room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .errors import Invalid
from .fact import Command, Event, Public, Touched
from .rights import Right
from .text import Text, text
from .tournament import Player, Tournament
from .values import CALL_NAME_CLUSTERS, fold, visible_text


def call_name(typed: str) -> str:
    """The call name, cleaned, at most CALL_NAME_CLUSTERS characters; empty for none."""
    if not typed.strip():
        return ""
    missing = text("Type a name that can be seen.")
    return visible_text(typed, "call_name", CALL_NAME_CLUSTERS, missing)


@dataclass(frozen=True, slots=True)
class CallNameSet(Event):
    """A player's call name was chosen, changed or taken away."""

    type = "call-name-set"
    by = "player or organiser"

    player_id: Public[str]
    call_name: Public[str]  # empty: none

    def touches(self, t: Tournament) -> Touched | None:
        if t.dealt:
            return None
        team = t.players[self.player_id].team
        return Touched(frozenset((self.player_id,)), frozenset(() if team is None else (team,)))

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.players[self.player_id].call_name = self.call_name

    def sentence(self, t: Tournament) -> Text:
        player = t.name_of(self.player_id)
        if not self.call_name:
            return text("took away the short name of %(player)s", player=player)
        return text(
            "set the short name of %(player)s: %(name)s", player=player, name=self.call_name
        )

    def sound(self) -> bool:
        try:
            return call_name(self.call_name) == self.call_name and Event.sound(self)
        except Invalid:
            return False


@dataclass(frozen=True, kw_only=True)
class SetCallName(Command):
    right = Right.EITHER

    player_id: str
    call_name: str

    def decide(self, t: Tournament, now: datetime) -> CallNameSet | None:
        t.check_open()
        player = t.player(self.player_id)
        chosen = call_name(self.call_name)
        if chosen == player.call_name:
            return None
        if chosen and (other := _read_alike(t, player, fold(chosen))):
            taken = text("%(name)s would read the same. Choose another one.", name=other.name)
            raise Invalid(call_name=taken)
        return CallNameSet(player.id, chosen)


def _read_alike(t: Tournament, player: Player, folded: str) -> Player | None:
    """Another player whose name, call name or first name alone is shown as that."""
    others = (other for other in t.players.values() if other is not player)
    return next((o for o in others if folded in (o.folded, fold(o.short))), None)
