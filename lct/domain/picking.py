"""Picking a team: taking one, giving it back, and starting the picks again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from . import errors
from .draw import commitment
from .fact import AfterLastCard, Command, Event, Exported, Public, Touched
from .listing import AnotherList
from .rights import Right
from .text import Text, text
from .tournament import Player, Tournament


def free(t: Tournament, player: Player) -> None:
    """Take a player's team from them, if they have one."""
    if player.team is not None:
        del t.holders[player.team]
        player.team, player.value, player.pledge, player.picked_at = None, "", "", 0
        player.picked_for = False


def _touched(t: Tournament, player_id: str, *teams: int) -> Touched:
    before = t.players[player_id].team
    held = () if before is None else (before,)
    return Touched(frozenset((player_id,)), frozenset((*held, *teams)))


@dataclass(frozen=True, slots=True)
class TeamPicked(Event):
    """A player took a team; their previous one, if any, is free."""

    type = "team-picked"
    schema = 2
    by = "player or organiser"
    players_own = True

    player_id: Public[str]
    team: Public[int]  # its place in the tournament's list
    value: Exported[str]  # hex, made in the player's browser
    pledge: Public[str]  # of the share that the value leads to; empty: there is none
    picked_for: Public[bool]  # by the organiser

    def touches(self, t: Tournament) -> Touched:
        return _touched(t, self.player_id, self.team)

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        player = t.players[self.player_id]
        free(t, player)
        player.team, player.value, player.picked_at = self.team, self.value, seq
        player.pledge, player.picked_for = self.pledge, self.picked_for
        t.holders[self.team] = player.id

    def sentence(self, t: Tournament) -> Text:
        team, before = t.teams[self.team].name, t.players[self.player_id].team
        if before is None:
            return text("took %(team)s", team=team)
        return text("took %(team)s instead of %(other)s", team=team, other=t.teams[before].name)


@dataclass(frozen=True, kw_only=True)
class PickTeam(Command):
    right = Right.EITHER

    player_id: str
    team: int
    value: str
    pledge: str = ""
    relisted: int | None = None  # Tournament.relisted of the list that the person saw

    def decide(self, t: Tournament, now: datetime) -> TeamPicked | None:
        t.check_picking()
        player = t.player(self.player_id)
        if self.relisted not in (None, t.relisted):
            raise AnotherList
        if not 0 <= self.team < len(t.teams):
            raise errors.UnknownTeam
        if player.team == self.team:
            return None
        holder = t.holders.get(self.team)
        if holder is not None:
            raise errors.TeamTaken(t.teams[self.team].name, t.players[holder].name)
        # Somebody else's share is not the player's own.
        own = self.by.kind == "player"
        pledge = self.pledge if own else ""
        return TeamPicked(self.player_id, self.team, self.value, pledge, not own)


@dataclass(frozen=True, slots=True)
class TeamLetGo(Event):
    """A player gave their team back."""

    type = "team-let-go"
    by = "player"
    players_own = True

    player_id: Public[str]

    def touches(self, t: Tournament) -> Touched:
        return _touched(t, self.player_id)

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        free(t, t.players[self.player_id])

    def sentence(self, t: Tournament) -> Text:
        before = t.players[self.player_id].team
        if before is None:
            return text("let a team go")
        return text("let %(team)s go", team=t.teams[before].name)


@dataclass(frozen=True, kw_only=True)
class LetGo(Command):
    right = Right.PLAYER

    player_id: str

    def decide(self, t: Tournament, now: datetime) -> TeamLetGo | None:
        t.check_picking()
        return TeamLetGo(self.player_id) if t.player(self.player_id).team is not None else None


@dataclass(frozen=True, slots=True)
class PicksRestarted(Event):
    """Everyone picks again, under a new seal."""

    type = "picks-restarted"
    versioned = True

    attempt: Public[int]
    commitment: Public[str]
    secret: AfterLastCard[str]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        for player in t.players.values():
            free(t, player)
            player.dealt = None
        t.attempt, t.commitment, t.secret = self.attempt, self.commitment, self.secret
        t.dealt, t.gathering = False, None
        t.play.end()

    def sentence(self, t: Tournament) -> Text:
        return text(
            "restarted the picks: attempt %(attempt)s, under a new seal", attempt=self.attempt
        )


def new_seal(t: Tournament, secret: str) -> PicksRestarted:
    """The next attempt, sealed by ``secret``, because the old one may be known by now."""
    return PicksRestarted(t.attempt + 1, commitment(t.code, secret), secret)


@dataclass(frozen=True, kw_only=True)
class RestartPicks(Command):
    secret: str  # as in CreateTournament

    def decide(self, t: Tournament, now: datetime) -> PicksRestarted:
        t.check_open()
        return new_seal(t, self.secret)
