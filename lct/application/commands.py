"""Commands: what somebody wants, as frozen data. ``decide`` asks the tournament for the event."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime

from ..domain.events import Event, Keys, RecoveryCodeRenewed
from ..domain.teams import Team
from ..domain.tournament import Tournament


@dataclass(frozen=True, kw_only=True)
class Command(ABC):
    """``expected_version`` is the version the person saw (None: does not matter);
    repeating a ``command_id`` is a success that changes nothing."""

    code: str
    actor: str = "system"
    expected_version: int | None = None
    command_id: str | None = None
    request_id: str | None = None

    @abstractmethod
    def decide(self, t: Tournament, now: datetime) -> Event | None:
        """The event that the rules make of it, None for "nothing to do", or a refusal."""


@dataclass(frozen=True, kw_only=True)
class CreateTournament(Command):
    name: str
    limit: int
    teams: tuple[Team, ...]
    option: str
    secret: str
    keys: Keys

    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.create(self.name, self.limit, self.teams, self.option, self.secret, self.keys)


@dataclass(frozen=True, kw_only=True)
class Join(Command):
    player_id: str
    first: str
    last: str

    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.join(self.player_id, self.first, self.last)


@dataclass(frozen=True, kw_only=True)
class PickTeam(Command):
    player_id: str
    team: int
    value: str

    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.pick(self.player_id, self.team, self.value)


@dataclass(frozen=True, kw_only=True)
class LetGo(Command):
    player_id: str

    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.let_go(self.player_id)


@dataclass(frozen=True, kw_only=True)
class RenamePlayer(Command):
    player_id: str
    first: str
    last: str

    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.rename_player(self.player_id, self.first, self.last)


@dataclass(frozen=True, kw_only=True)
class RemovePlayer(Command):
    player_id: str

    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.remove(self.player_id)


@dataclass(frozen=True, kw_only=True)
class BlockPlayer(Command):
    player_id: str

    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.block(self.player_id)


@dataclass(frozen=True, kw_only=True)
class UnblockPlayer(Command):
    player_id: str

    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.unblock(self.player_id)


@dataclass(frozen=True, kw_only=True)
class RenameTournament(Command):
    name: str

    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.rename(self.name)


@dataclass(frozen=True, kw_only=True)
class ChangeLimit(Command):
    limit: int

    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.change_limit(self.limit)


@dataclass(frozen=True, kw_only=True)
class CloseList(Command):
    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.close_list()


@dataclass(frozen=True, kw_only=True)
class LockJoining(Command):
    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.lock()


@dataclass(frozen=True, kw_only=True)
class UnlockJoining(Command):
    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.unlock()


@dataclass(frozen=True, kw_only=True)
class RestartPicks(Command):
    secret: str

    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.restart_picks(self.secret)


@dataclass(frozen=True, kw_only=True)
class DrawTeams(Command):
    attempt: int

    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.draw(self.attempt)


@dataclass(frozen=True, kw_only=True)
class SkipReveal(Command):
    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.skip_reveal(now)


@dataclass(frozen=True, kw_only=True)
class CloseTournament(Command):
    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.close()


@dataclass(frozen=True, kw_only=True)
class ReopenTournament(Command):
    name: str = ""

    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.reopen(self.name)


@dataclass(frozen=True, kw_only=True)
class AdmitDevice(Command):
    device_id: str
    label: str

    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.admit_device(self.device_id, self.label)


@dataclass(frozen=True, kw_only=True)
class RevokeDevice(Command):
    device_id: str
    organiser_hash: str

    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.revoke_device(self.device_id, self.organiser_hash)


@dataclass(frozen=True, kw_only=True)
class RenewRecoveryCode(Command):
    recovery_hash: str

    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return RecoveryCodeRenewed(self.recovery_hash)


@dataclass(frozen=True, kw_only=True)
class ForgetPlayer(Command):
    player_id: str

    def decide(self, t: Tournament, now: datetime) -> Event | None:
        return t.forget_player(self.player_id)
