"""The draw: fixing the picks, dealing the teams, and turning the cards.

The host's command fixes the picks. Then the phones open their shares and the system closes the
gathering (gathering.py), the host may name a number, and the teams are dealt: an event each,
decided on those before it. ``next_step`` says what the system has to do now, so that any worker
can go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from . import draw, errors, shares
from .draw import NOT_OWN, Ticket, hand_out
from .fact import AfterLastCard, Command, Event, Public
from .gathering import CloseShares, StillGathering, is_over
from .play import refusals
from .play.choosing import begin
from .play.formats import for_entrants
from .rights import SYSTEM, Right
from .shares import Pledged, fingerprint_of_picks
from .text import Text, counted, text
from .tournament import Draw, Gathering, Hand, Player, Tournament
from .values import visible_text

NUMBER_CLUSTERS = 40


class NumberMissing(errors.Refused):
    sentence = text("This draw waits for a number from the room.")


class NoNumberWanted(errors.Refused):
    sentence = text("This draw waits for no number.")


class Dealt(NamedTuple):
    """The team that a player got."""

    player_id: str
    team: int  # its place in the tournament's list


def _in_order(t: Tournament) -> list[tuple[Player, str]]:
    """The players who picked, in the order of their picks, with the names of the teams."""
    picked = sorted(t.players.values(), key=lambda player: player.picked_at)
    return [(p, t.teams[p.team].name) for p in picked if p.team is not None]


def picks_in_order(t: Tournament) -> list[Pledged]:
    """The picks in the order they were made."""
    return [Pledged(p.id, team, p.pledge) for p, team in _in_order(t)]


# --- fixing the picks -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DrawBegun(Event):
    """The picks were fixed for the draw, and the phones may open their shares."""

    type = "draw-begun"
    versioned = True

    attempt: Public[int]
    fingerprint: Public[str]  # of the picks
    roll: Public[bool]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.gathering = Gathering(picks_in_order(t), self.fingerprint, self.roll, at)

    def sentence(self, t: Tournament) -> Text:
        if self.roll:
            return text(
                "fixed the picks for attempt %(attempt)s, to roll for it", attempt=self.attempt
            )
        return text("fixed the picks for attempt %(attempt)s", attempt=self.attempt)


@dataclass(frozen=True, kw_only=True)
class DrawTeams(Command):
    """Begin the draw of ``attempt``; do nothing if it has begun. With ``roll``, it waits for a
    number from the room."""

    attempt: int
    roll: bool = False

    def decide(self, t: Tournament, now: datetime) -> DrawBegun | TeamsDrawn | None:
        t.check_open()
        if self.attempt != t.attempt:
            raise errors.AnotherAttempt(t.attempt)
        if t.dealt or t.gathering:
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
        if t.protocol == draw.V1:
            tickets = [Ticket(p.id, team, p.value) for p, team in _in_order(t)]
            return _deal(t, draw.message(t.attempt, tickets))
        picks = picks_in_order(t)
        fixed = fingerprint_of_picks(t.code, t.commitment, t.attempt, t.option, picks, self.roll)
        return DrawBegun(t.attempt, fixed, self.roll)


# --- dealing --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TeamsDrawn(Event):
    """The picked teams were handed out; the cards turn from this time on."""

    type = "teams-drawn"
    schema = 2
    by = "the system or the organiser"
    versioned = True

    attempt: Public[int]
    secret: AfterLastCard[str]
    option: Public[str]
    hands: AfterLastCard[tuple[Dealt, ...]]
    number: Public[str]  # from the room; empty: none

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        tickets = [] if t.gathering else [Ticket(p.id, team, p.value) for p, team in _in_order(t)]
        for player_id, team in self.hands:
            t.players[player_id].dealt = team
        hands = [
            Hand(dealt.player_id, str(t.name_of(dealt.player_id)), dealt.team)
            for dealt in self.hands
        ]
        t.draws.append(
            Draw(
                self.attempt, t.commitment, self.secret, self.option, hands, at,
                picks=tickets, gathering=t.gathering, number=self.number,
            )
        )  # fmt: skip
        t.dealt, t.gathering = True, None
        begin(t)

    def sentence(self, t: Tournament) -> Text:
        drew = counted(
            "drew the teams: attempt %(attempt)s, %(n)s card",
            "drew the teams: attempt %(attempt)s, %(n)s cards",
            len(self.hands),
            attempt=self.attempt,
        )
        if not self.number:
            return drew
        return text("%(drew)s, with the number “%(number)s”", drew=drew, number=self.number)

    def sound(self) -> bool:
        return len(self.number) <= NUMBER_CLUSTERS * 16 and Event.sound(self)


def _deal(t: Tournament, message: bytes, number: str = "") -> TeamsDrawn:
    own = _in_order(t)
    given = hand_out(t.secret, message, [team for _, team in own], t.option)
    number_of = {t.teams[team].name: team for team in t.holders}
    team_of = {p.id: number_of[name] for (p, _), name in zip(own, given, strict=True)}
    hands = tuple(Dealt(player_id, team_of[player_id]) for player_id in t.players)
    return TeamsDrawn(t.attempt, t.secret, t.option, hands, number)


@dataclass(frozen=True, kw_only=True)
class DealTeams(Command):
    """Deal the teams, once the shares are closed and no number is awaited."""

    right = Right.OPERATOR

    attempt: int

    def decide(self, t: Tournament, now: datetime) -> TeamsDrawn | None:
        t.check_open()
        if t.dealt or t.gathering is None or self.attempt != t.attempt:
            return None
        if not t.gathering.closed:
            raise StillGathering
        if t.gathering.roll:
            raise NumberMissing
        return _deal(t, shares.message(t.gathering.closed, ""))


@dataclass(frozen=True, kw_only=True)
class NameNumber(Command):
    """Deal the teams with a number from the room; empty: it is skipped."""

    attempt: int
    number: str

    def decide(self, t: Tournament, now: datetime) -> TeamsDrawn | None:
        t.check_open()
        if self.attempt != t.attempt:
            raise errors.AnotherAttempt(t.attempt)
        number = ""
        if self.number:
            missing = text("Type what was rolled, or skip it.")
            number = visible_text(self.number, "number", NUMBER_CLUSTERS, missing)
        if t.dealt and t.draws[-1].number == number:
            return None
        if t.gathering is None or not t.gathering.roll:
            raise NoNumberWanted
        if not t.gathering.closed:
            raise StillGathering
        return _deal(t, shares.message(t.gathering.closed, number), number)


def next_step(
    t: Tournament, now: datetime, presence: Mapping[str, str]
) -> CloseShares | DealTeams | None:
    """What the system has to do now for a draw that has begun, or None."""
    gathering = t.gathering
    if gathering is None or t.closed:
        return None
    if gathering.closed:
        return None if gathering.roll else DealTeams(code=t.code, by=SYSTEM, attempt=t.attempt)
    if not is_over(gathering, now):
        return None
    return CloseShares(code=t.code, by=SYSTEM, attempt=t.attempt, presence=presence)


# --- turning the cards ----------------------------------------------------------------------------


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
