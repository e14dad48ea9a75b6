"""The draw: dealing the picked teams, and turning the cards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from . import errors
from .draw import NOT_OWN, Ticket, hand_out
from .fact import AfterLastCard, Command, Event, Public
from .play import refusals
from .play.choosing import begin
from .play.formats import for_entrants
from .text import Text, counted, text
from .tournament import Draw, Hand, Tournament


class Dealt(NamedTuple):
    """The team that a player got."""

    player_id: str
    team: int  # its place in the tournament's list


def picks_in_order(t: Tournament) -> list[Ticket]:
    """The picks in the order they were made: the input of the draw."""
    picked = sorted(t.players.values(), key=lambda player: player.picked_at)
    return [Ticket(p.id, t.teams[p.team].name, p.value) for p in picked if p.team is not None]


@dataclass(frozen=True, slots=True)
class TeamsDrawn(Event):
    """The picked teams were handed out; the cards turn from this time on."""

    type = "teams-drawn"
    versioned = True

    attempt: Public[int]
    secret: AfterLastCard[str]
    option: Public[str]
    hands: AfterLastCard[tuple[Dealt, ...]]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        picks = picks_in_order(t)
        for player_id, team in self.hands:
            t.players[player_id].dealt = team
        hands = [
            Hand(dealt.player_id, str(t.name_of(dealt.player_id)), dealt.team)
            for dealt in self.hands
        ]
        t.draws.append(Draw(self.attempt, t.commitment, self.secret, self.option, picks, hands, at))
        t.dealt = True
        begin(t)

    def sentence(self, t: Tournament) -> Text:
        return counted(
            "drew the teams: attempt %(attempt)s, %(n)s card",
            "drew the teams: attempt %(attempt)s, %(n)s cards",
            len(self.hands),
            attempt=self.attempt,
        )


@dataclass(frozen=True, kw_only=True)
class DrawTeams(Command):
    """Deal the teams of ``attempt``; do nothing if they are already dealt."""

    attempt: int

    def decide(self, t: Tournament, now: datetime) -> TeamsDrawn | None:
        t.check_open()
        if self.attempt != t.attempt:
            raise errors.AnotherAttempt(t.attempt)
        if t.dealt:
            return None
        if not t.full:
            raise errors.SeatsEmpty(t.limit - len(t.players))
        if choosing := t.choosing():
            raise errors.PicksMissing(tuple(p.name for p in choosing))
        if t.option == NOT_OWN and len(t.players) < 2:
            raise errors.NobodyToSwapWith
        try:
            for_entrants(t.play.format, len(t.players))
        except errors.Invalid:
            raise refusals.FormatDoesNotFit(len(t.players)) from None
        picks = picks_in_order(t)
        given = hand_out(t.secret, t.attempt, picks, t.option)
        number = {t.teams[team].name: team for team in t.holders}
        team_of = {p.player_id: number[name] for p, name in zip(picks, given, strict=True)}
        hands = tuple(Dealt(player_id, team_of[player_id]) for player_id in t.players)
        return TeamsDrawn(t.attempt, t.secret, t.option, hands)


@dataclass(frozen=True, slots=True)
class RevealSkipped(Event):
    """All cards were turned at once."""

    type = "reveal-skipped"
    versioned = True

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.draws[-1].skipped = True

    def sentence(self, t: Tournament) -> Text:
        return text("turned all cards at once")


@dataclass(frozen=True, kw_only=True)
class SkipReveal(Command):
    def decide(self, t: Tournament, now: datetime) -> RevealSkipped | None:
        t.check_open()
        draw = t.current_draw
        if draw is None:
            raise errors.NotDrawn
        return None if draw.is_over(now) else RevealSkipped()
