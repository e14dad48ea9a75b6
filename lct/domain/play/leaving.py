"""A player leaves during the matches, or comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ..errors import Invalid
from ..fact import Command, Event, Public
from ..text import Text, counted, text
from ..tournament import Tournament
from . import refusals
from .checks import check_under_way
from .competition import Competition
from .derivation import with_left
from .formats import SWISS
from .matches import BestOf, Paired
from .state import After, Play
from .tables import Table
from .withdrawals import (
    KNOCKED_OUT,
    POLICIES,
    REMOVED,
    REST_UNPLAYED,
    REST_WALKOVERS,
    WALKOVERS,
)

SAID = {
    REMOVED: text("none of their matches counts"),
    WALKOVERS: text("all their matches are walkovers"),
    REST_WALKOVERS: text("what they played stands, the rest are walkovers"),
    REST_UNPLAYED: text("what they played stands, the rest is not played"),
    KNOCKED_OUT: text("their open matches are walkovers"),
}


def table_of(competition: Competition, player_id: str) -> Table | None:
    """The table that a player is in."""
    for table in competition.tables.values():
        if any(row.entrant == player_id for row in (*table.rows, *table.left)):
            return table
    return None


def may_still_play(competition: Competition, player_id: str) -> bool:
    """Whether a player has matches left, or can still get some out of their group."""
    undecided = [match for match in competition.matches.values() if not match.decided]
    if any(player_id in match.sides for match in undecided):
        return True
    table = table_of(competition, player_id)
    open_ = [
        source
        for match in undecided
        for source, side in zip((match.fixture.home, match.fixture.away), match.sides, strict=True)
        if side is None
    ]
    return table is not None and any(
        isinstance(source, BestOf | Paired) or getattr(source, "group", None) == table.group
        for source in open_
    )


def policies(competition: Competition, player_id: str) -> tuple[str, ...]:
    """The policies that a player can leave under, the usual one first.

    In a table that is not finished: REMOVED is usual while under half of their matches are played,
    and REST_WALKOVERS from then on. A walkover is decided, but not played. In a Swiss system what
    was played always stands (FIDE Tournament Rules, article V.5).
    """
    table = table_of(competition, player_id)
    if table is None or table.finished:
        return (KNOCKED_OUT,)
    if competition.basis.format.kind == SWISS:
        return (REST_WALKOVERS,)
    matches = [competition.matches[key] for key in competition.plan.table[table.group]]
    theirs = [m.result for m in matches if player_id in m.sides and not m.off]
    played = sum(bool(result and result.score) for result in theirs)
    usual = REMOVED if 2 * played < len(theirs) else REST_WALKOVERS
    return tuple(sorted(POLICIES, key=lambda policy: policy != usual))


def leave(play: Play, left: Mapping[str, str]) -> None:
    """Those who have left are these now. What was said and decided in their matches is kept."""
    new, changed = with_left(play.competition, left, play.results)
    play.left = left
    play.go_on(new, play.noted(changed))


def after_leaving(play: Play, left: Mapping[str, str]) -> After:
    """The play if those had left under these policies, and nobody else."""
    new, changed = with_left(play.competition, left, play.results)
    lost = [key for key in new.matches if play.counts(key) and not play.counts(key, new)]
    return After(new, play.noted({*changed, *lost}))


def _with_losses(said: Text, fallen: tuple[str, ...]) -> Text:
    if not fallen:
        return said
    return counted(
        "%(said)s; %(n)s result was lost", "%(said)s; %(n)s results were lost",
        len(fallen), said=said,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlayerLeft(Event):
    """A player left during the matches; the policy says what becomes of theirs."""

    type = "player-left"
    versioned = True

    player_id: Public[str]
    policy: Public[str]
    fallen: Public[tuple[str, ...]]  # matches whose results do not count any more

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        if self.player_id not in t.play.entrants:
            raise ValueError("nobody who plays")  # an import may hold anything
        leave(t.play, {**t.play.left, self.player_id: self.policy})

    def sentence(self, t: Tournament) -> Text:
        who, policy = t.name_of(self.player_id), SAID[self.policy]
        said = text("noted that %(player)s left: %(policy)s", player=who, policy=policy)
        return _with_losses(said, self.fallen)

    def sound(self) -> bool:
        return self.policy in SAID and Event.sound(self)


@dataclass(frozen=True, kw_only=True)
class LeaveMatches(Command):
    """Without a policy it is the usual one. ``falls`` are the matches whose results the organiser
    was told do not count any more."""

    player_id: str
    policy: str = ""
    falls: tuple[str, ...] = ()

    def decide(self, t: Tournament, now: datetime) -> PlayerLeft | None:
        check_under_way(t, now)
        name = t.player(self.player_id).name
        if before := t.play.left.get(self.player_id):
            if self.policy in ("", before):
                return None
            raise refusals.SideHasLeft(name)
        competition = t.play.competition
        if not may_still_play(competition, self.player_id):
            raise refusals.NothingLeftToPlay(name)
        possible = policies(competition, self.player_id)
        policy = self.policy or possible[0]
        if policy not in possible:
            raise Invalid(policy=text("Choose what becomes of their matches."))
        fallen = after_leaving(t.play, {**t.play.left, self.player_id: policy}).fallen
        if fallen != self.falls:
            raise refusals.ResultsFall(fallen)
        return PlayerLeft(self.player_id, policy, fallen)


@dataclass(frozen=True, slots=True)
class PlayerReturned(Event):
    """A player who had left is back in; their matches are as if they had stayed."""

    type = "player-returned"
    versioned = True

    player_id: Public[str]
    fallen: Public[tuple[str, ...]]  # matches that lost their results

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        leave(t.play, _without(t, self.player_id))

    def sentence(self, t: Tournament) -> Text:
        said = text("brought %(player)s back in", player=t.name_of(self.player_id))
        return _with_losses(said, self.fallen)


@dataclass(frozen=True, kw_only=True)
class ReturnToMatches(Command):
    """``falls`` are the matches that the organiser was told lose their results."""

    player_id: str
    falls: tuple[str, ...] = ()

    def decide(self, t: Tournament, now: datetime) -> PlayerReturned | None:
        check_under_way(t, now)
        t.player(self.player_id)
        if self.player_id not in t.play.left:
            return None
        fallen = after_leaving(t.play, _without(t, self.player_id)).fallen
        if fallen != self.falls:
            raise refusals.ResultsFall(fallen)
        return PlayerReturned(self.player_id, fallen)


def _without(t: Tournament, player_id: str) -> dict[str, str]:
    return {who: policy for who, policy in t.play.left.items() if who != player_id}
