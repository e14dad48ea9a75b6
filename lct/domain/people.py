"""The players: joining, their names, taking them off the list, forgetting them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from . import errors
from .fact import Command, Event, Public, Touched
from .picking import free
from .rights import Right
from .text import Text, text
from .tournament import Player, Tournament
from .values import fold, is_person_name, person_name


def check_new_name(t: Tournament, first: str, last: str, besides: str | None = None) -> None:
    """Refuse a name that another player has, or is called."""
    folded = fold(f"{first} {last}")
    for player in t.players.values():
        if player.id != besides and player.folded == folded:
            raise errors.SameName(player.name)
        if player.id != besides and player.call_name and fold(player.call_name) == folded:
            raise errors.SameName(player.call_name)


def take_out(t: Tournament, player_id: str) -> Player:
    player = t.players.pop(player_id)
    free(t, player)
    return player


# --- joining --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlayerJoined(Event):
    """A guest took a seat."""

    type = "player-joined"
    by = "player"
    players_own = True

    player_id: Public[str]
    first: Public[str]
    last: Public[str]

    def touches(self, t: Tournament) -> Touched:
        return Touched(frozenset((self.player_id,)))

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.players[self.player_id] = Player(self.player_id, self.first, self.last)
        t.removed.discard(self.player_id)

    def sentence(self, t: Tournament) -> Text:
        return text("took a seat")

    def sound(self) -> bool:
        return is_person_name(self.first, self.last) and Event.sound(self)


@dataclass(frozen=True, kw_only=True)
class Join(Command):
    right = Right.ANYONE

    player_id: str
    first: str
    last: str

    def decide(self, t: Tournament, now: datetime) -> PlayerJoined | None:
        if self.player_id in t.players:
            return None
        if self.player_id in t.blocked:
            raise errors.PlayerIsBlocked
        t.check_door()
        first, last = person_name(self.first, self.last)
        if fold(f"{first} {last}") in map(fold, t.blocked.values()):
            raise errors.PlayerIsBlocked
        check_new_name(t, first, last)
        return PlayerJoined(self.player_id, first, last)


# --- names ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlayerRenamed(Event):
    """A player's name was corrected."""

    type = "player-renamed"
    by = "player or organiser"

    player_id: Public[str]
    first: Public[str]
    last: Public[str]

    def touches(self, t: Tournament) -> Touched:
        team = t.players[self.player_id].team
        return Touched(frozenset((self.player_id,)), frozenset(() if team is None else (team,)))

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.players[self.player_id].rename(self.first, self.last)

    def sentence(self, t: Tournament) -> Text:
        before, after = t.name_of(self.player_id), f"{self.first} {self.last}"
        return text("changed the name %(before)s to %(after)s", before=before, after=after)

    def sound(self) -> bool:
        return is_person_name(self.first, self.last) and Event.sound(self)


@dataclass(frozen=True, kw_only=True)
class RenamePlayer(Command):
    right = Right.EITHER

    player_id: str
    first: str
    last: str

    def decide(self, t: Tournament, now: datetime) -> PlayerRenamed | None:
        t.check_picking()
        player = t.player(self.player_id)
        first, last = person_name(self.first, self.last)
        if (first, last) == (player.first, player.last):
            return None
        check_new_name(t, first, last, besides=self.player_id)
        return PlayerRenamed(self.player_id, first, last)


# --- off the list ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlayerRemoved(Event):
    """A player was taken off the list, and may come back."""

    type = "player-removed"
    versioned = True

    player_id: Public[str]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        take_out(t, self.player_id)
        t.removed.add(self.player_id)

    def sentence(self, t: Tournament) -> Text:
        return text("took %(player)s off the list", player=t.name_of(self.player_id))


@dataclass(frozen=True, kw_only=True)
class RemovePlayer(Command):
    player_id: str

    def decide(self, t: Tournament, now: datetime) -> PlayerRemoved | None:
        t.check_picking()
        if self.player_id in t.removed and self.player_id not in t.players:
            return None
        return PlayerRemoved(t.player(self.player_id).id)


@dataclass(frozen=True, slots=True)
class PlayerBlocked(Event):
    """A player was taken off the list for good."""

    type = "player-blocked"
    versioned = True

    player_id: Public[str]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.blocked[self.player_id] = take_out(t, self.player_id).name

    def sentence(self, t: Tournament) -> Text:
        return text("blocked %(player)s", player=t.name_of(self.player_id))


@dataclass(frozen=True, kw_only=True)
class BlockPlayer(Command):
    player_id: str

    def decide(self, t: Tournament, now: datetime) -> PlayerBlocked | None:
        t.check_picking()
        if self.player_id in t.blocked:
            return None
        return PlayerBlocked(t.player(self.player_id).id)


@dataclass(frozen=True, slots=True)
class PlayerUnblocked(Event):
    """A blocked player may join again."""

    type = "player-unblocked"
    versioned = True

    player_id: Public[str]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.blocked.pop(self.player_id, None)

    def sentence(self, t: Tournament) -> Text:
        return text("unblocked %(player)s", player=t.name_of(self.player_id))


@dataclass(frozen=True, kw_only=True)
class UnblockPlayer(Command):
    player_id: str

    def decide(self, t: Tournament, now: datetime) -> PlayerUnblocked | None:
        t.check_open()
        return PlayerUnblocked(self.player_id) if self.player_id in t.blocked else None


# --- forgetting -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlayerForgotten(Event):
    """A player asked to be forgotten: a neutral name replaces theirs from here on, and in the
    older events that named them."""

    type = "player-forgotten"
    by = "operator"

    player_id: Public[str]
    first: Public[str]
    last: Public[str]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        if player := t.players.get(self.player_id):
            player.rename(self.first, self.last)
            player.call_name = ""
        name = f"{self.first} {self.last}"
        if self.player_id in t.blocked:
            t.blocked[self.player_id] = name
        for draw in t.draws:
            draw.hands = [
                hand._replace(name=name) if hand.player_id == self.player_id else hand
                for hand in draw.hands
            ]
        t.forgotten.add(self.player_id)

    def sentence(self, t: Tournament) -> Text:
        name = f"{self.first} {self.last}"
        return text("forgot a player, now %(name)s", name=name)

    def sound(self) -> bool:
        return is_person_name(self.first, self.last) and Event.sound(self)


@dataclass(frozen=True, kw_only=True)
class ForgetPlayer(Command):
    """Put a neutral name in a player's place; UnknownPlayer if they were never in."""

    right = Right.OPERATOR

    player_id: str

    def decide(self, t: Tournament, now: datetime) -> PlayerForgotten | None:
        if self.player_id in t.forgotten:
            return None
        known = {*t.players, *t.blocked, *t.removed}
        known |= {hand.player_id for draw in t.draws for hand in draw.hands}
        if self.player_id not in known:
            raise errors.UnknownPlayer
        return PlayerForgotten(self.player_id, "Player", f"No. {len(t.forgotten) + 1}")
