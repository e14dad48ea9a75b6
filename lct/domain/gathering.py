"""Gathering the shares: phones open them, once the picks are fixed, until the system closes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from . import errors, shares
from .fact import AfterLastCard, Command, Event, Public, Touched
from .rights import Right
from .shares import Opened, fingerprint_of_shares
from .text import Text, counted, text
from .tournament import Gathering, Player, Tournament

# Why a share is missing. The first three: the phone was asleep, away, or did not answer in time.
ASLEEP, AWAY, SILENT, NO_SCRIPT, HOST = "asleep", "away", "silent", "no-script", "host"


class WrongShare(errors.Refused):
    sentence = text("This share does not fit the pledge that came with the pick.")


class NotGathering(errors.Refused):
    sentence = text("Shares are opened when the draw begins.")


class SharesAreClosed(errors.Refused):
    sentence = text("This share came too late; the draw goes on without it.")


class StillGathering(errors.Refused):
    sentence = text("The phones are still opening their shares. Try again in a moment.")


class Missing(NamedTuple):
    """A player whose share is not in."""

    player_id: str
    why: str


def without_pledge(player: Player) -> str:
    """Why the pick of a player has no share; empty: it has one."""
    if player.pledge:
        return ""
    return HOST if player.picked_for else NO_SCRIPT


def check_share(t: Tournament, player_id: str, share: str) -> None:
    """Refuse a share that cannot go into the draw; one that is in already can."""
    if t.dealt or (t.gathering and t.gathering.closed):
        raise SharesAreClosed
    if t.gathering is None:
        raise NotGathering
    pick = next((pick for pick in t.gathering.picks if pick.player_id == player_id), None)
    if pick is None or not shares.fits(t.code, pick, share):
        raise WrongShare


@dataclass(frozen=True, slots=True)
class SharesOpened(Event):
    """Phones opened their shares in the chance."""

    type = "shares-opened"
    by = "the system"

    attempt: Public[int]
    shares: AfterLastCard[tuple[Opened, ...]]

    def touches(self, t: Tournament) -> Touched:
        return Touched(frozenset(opened.player_id for opened in self.shares))

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        if t.gathering is None:
            raise ValueError("no draw has begun")  # an import may hold anything
        t.gathering.shares |= self.shares

    def sentence(self, t: Tournament) -> Text:
        return counted("took in %(n)s share", "took in %(n)s shares", len(self.shares))


@dataclass(frozen=True, kw_only=True)
class OpenShares(Command):
    """Take in the shares that several phones sent. A share proves itself, so the right to open it
    is to know it; one that cannot go into the draw any more is left out."""

    right = Right.OPERATOR

    attempt: int
    shares: tuple[Opened, ...]

    def decide(self, t: Tournament, now: datetime) -> SharesOpened | None:
        t.check_open()
        if t.gathering is None or t.gathering.closed or self.attempt != t.attempt:
            return None
        pledged = {pick.player_id: pick for pick in t.gathering.picks}
        new = {
            player_id: share
            for player_id, share in self.shares
            if player_id not in t.gathering.shares
            and player_id in pledged
            and shares.fits(t.code, pledged[player_id], share)
        }
        opened = shares.in_order(t.gathering.picks, new)
        return SharesOpened(t.attempt, opened) if opened else None


@dataclass(frozen=True, slots=True)
class SharesClosed(Event):
    """The gathering is over; no share is taken in any more."""

    type = "shares-closed"
    by = "the system"
    versioned = True

    attempt: Public[int]
    fingerprint: Public[str]  # of the shares
    missing: Public[tuple[Missing, ...]]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        if t.gathering is None:
            raise ValueError("no draw has begun")
        t.gathering.closed, t.gathering.missing = self.fingerprint, dict(self.missing)

    def sentence(self, t: Tournament) -> Text:
        count = len(t.gathering.shares) if t.gathering else 0
        return counted(
            "closed the gathering with %(n)s share of %(all)s",
            "closed the gathering with %(n)s shares of %(all)s",
            count,
            all=count + len(self.missing),
        )


@dataclass(frozen=True, kw_only=True)
class CloseShares(Command):
    """End the gathering, if its time is over or every share is in. ``presence`` (player id -> here,
    asleep or away) says why one is missing, as far as it is known."""

    right = Right.OPERATOR

    attempt: int
    presence: Mapping[str, str] = field(default_factory=dict)

    def decide(self, t: Tournament, now: datetime) -> SharesClosed | None:
        t.check_open()
        if t.gathering is None or t.gathering.closed or self.attempt != t.attempt:
            return None
        if not is_over(t.gathering, now):
            raise StillGathering
        opened = shares.in_order(t.gathering.picks, t.gathering.shares)
        missing = tuple(
            Missing(pick.player_id, self._why(t.players[pick.player_id]))
            for pick in t.gathering.picks
            if pick.player_id not in t.gathering.shares
        )
        fixed = fingerprint_of_shares(t.gathering.fingerprint, opened)
        return SharesClosed(t.attempt, fixed, missing)

    def _why(self, player: Player) -> str:
        found = self.presence.get(player.id, "")
        return without_pledge(player) or (found if found in (ASLEEP, AWAY) else SILENT)


def is_over(gathering: Gathering, now: datetime) -> bool:
    return now >= gathering.ends or not gathering.awaited()
