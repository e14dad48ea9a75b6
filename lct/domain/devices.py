"""The devices that may run a tournament, and the two secrets that admit one."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime

from . import errors
from .fact import Command, Event, Exported, Public
from .rights import Right
from .tournament import Tournament


@dataclass(frozen=True, slots=True)
class DeviceAdmitted(Event):
    """A device got the organiser's rights, by the link or the recovery code."""

    type = "device-admitted"
    by = "holder of the link or the recovery code"

    device_id: Exported[str]
    label: Public[str]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.devices[self.device_id] = self.label

    def sentence(self, t: Tournament) -> str:
        return f"let another device run the evening: {self.label}"


@dataclass(frozen=True, kw_only=True)
class AdmitDevice(Command):
    """Admit whoever showed a secret; ``shown`` is its hash, and has to fit when it is decided."""

    right = Right.ANYONE

    device_id: str
    label: str
    shown: str

    def decide(self, t: Tournament, now: datetime) -> DeviceAdmitted | None:
        if self.device_id in t.devices:
            return None
        in_force = (t.organiser_hash, t.recovery_hash)
        if not any(hmac.compare_digest(self.shown.encode(), each.encode()) for each in in_force):
            raise errors.NotTheOrganiser
        return DeviceAdmitted(self.device_id, self.label)


@dataclass(frozen=True, slots=True)
class DeviceRevoked(Event):
    """A device lost the organiser's rights. The co-organiser link is replaced too, since the device
    may have seen it."""

    type = "device-revoked"
    versioned = True

    device_id: Exported[str]
    organiser_hash: Exported[str]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.devices.pop(self.device_id, None)
        t.organiser_hash = self.organiser_hash
        t.organiser_links += 1

    def sentence(self, t: Tournament) -> str:
        return f"signed out {t.devices.get(self.device_id, 'a device')}"


@dataclass(frozen=True, kw_only=True)
class RevokeDevice(Command):
    device_id: str
    organiser_hash: str  # of the new link

    def decide(self, t: Tournament, now: datetime) -> DeviceRevoked | None:
        if self.device_id not in t.devices:
            return None
        return DeviceRevoked(self.device_id, self.organiser_hash)


@dataclass(frozen=True, slots=True)
class RecoveryCodeRenewed(Event):
    """The recovery code was replaced."""

    type = "recovery-code-renewed"

    recovery_hash: Exported[str]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.recovery_hash = self.recovery_hash

    def sentence(self, t: Tournament) -> str:
        return "made a new recovery code"


@dataclass(frozen=True, kw_only=True)
class RenewRecoveryCode(Command):
    recovery_hash: str

    def decide(self, t: Tournament, now: datetime) -> RecoveryCodeRenewed:
        return RecoveryCodeRenewed(self.recovery_hash)
