"""The devices that may run a tournament, and the secrets that admit people to it.

*Owners* are the device that created the tournament and those admitted by the recovery code. The
others, co-organisers, were admitted by the link. A co-organiser runs the tournament but can sign
out only themselves: otherwise one who falls out with the host could lock the host out.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime

from . import errors
from .fact import Command, Event, Exported, Public
from .rights import Right, organiser
from .text import Text, text
from .tournament import Tournament, device_text

MAX_DEVICES = 20


# --- coming in ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeviceAdmitted(Event):
    """A device got the organiser's rights, by the link or the recovery code."""

    type = "device-admitted"
    by = "holder of the link or the recovery code"
    schema = 2  # 1 did not say how it was admitted

    device_id: Exported[str]
    label: Public[str]
    owner: Exported[bool]  # it showed the recovery code

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.devices[self.device_id] = self.label
        if self.owner:
            t.owners.add(self.device_id)

    def sentence(self, t: Tournament) -> Text:
        return text(
            "let another device run the evening: %(device)s", device=device_text(self.label)
        )


@dataclass(frozen=True, kw_only=True)
class AdmitDevice(Command):
    """Admit a device that showed a secret; ``shown`` is the secret's hash, checked in decide()."""

    right = Right.ANYONE

    device_id: str
    label: str
    shown: str

    def decide(self, t: Tournament, now: datetime) -> DeviceAdmitted | None:
        by_link = _same(self.shown, t.organiser_hash)
        by_code = _same(self.shown, t.recovery_hash)
        if self.device_id in t.devices and (self.device_id in t.owners or not by_code):
            return None
        if not (by_link or by_code):
            raise errors.NotTheOrganiser
        if len(t.devices) >= MAX_DEVICES and not by_code:
            raise errors.TooManyDevices(MAX_DEVICES)
        return DeviceAdmitted(self.device_id, self.label, by_code)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


# --- going out ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeviceRevoked(Event):
    """A device lost the organiser's rights. Secrets that it may have seen are replaced: the
    co-organiser link, and the recovery code unless the device signed itself out."""

    type = "device-revoked"
    versioned = True
    schema = 2  # 1 kept the recovery code

    device_id: Exported[str]
    organiser_hash: Exported[str]
    recovery_hash: Exported[str]  # empty: the code is unchanged

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.devices.pop(self.device_id, None)
        t.owners.discard(self.device_id)
        t.organiser_hash = self.organiser_hash
        t.organiser_links += 1
        t.recovery_hash = self.recovery_hash or t.recovery_hash

    def sentence(self, t: Tournament) -> Text:
        if self.device_id not in t.devices:
            return text("signed out a device")
        return text("signed out %(device)s", device=device_text(t.devices[self.device_id]))


@dataclass(frozen=True, kw_only=True)
class RevokeDevice(Command):
    """Sign a device out. An owner may sign out any device, a co-organiser only their own.

    The hashes are of the new link and the new recovery code. A device that signs itself out could
    not be shown a new code, so the code stays: it may be the only way back.
    """

    device_id: str
    organiser_hash: str
    recovery_hash: str

    def decide(self, t: Tournament, now: datetime) -> DeviceRevoked | None:
        leaves = self.by == organiser(self.device_id)
        if self.by.kind == "organiser" and not leaves and self.by.id not in t.owners:
            raise errors.NotTheOwner
        if self.device_id not in t.devices:
            return None
        return DeviceRevoked(
            self.device_id, self.organiser_hash, "" if leaves else self.recovery_hash
        )


# --- new secrets ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecoveryCodeRenewed(Event):
    """The recovery code was replaced."""

    type = "recovery-code-renewed"

    recovery_hash: Exported[str]

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.recovery_hash = self.recovery_hash

    def sentence(self, t: Tournament) -> Text:
        return text("made a new recovery code")


@dataclass(frozen=True, kw_only=True)
class RenewRecoveryCode(Command):
    right = Right.OWNER

    recovery_hash: str

    def decide(self, t: Tournament, now: datetime) -> RecoveryCodeRenewed:
        return RecoveryCodeRenewed(self.recovery_hash)


@dataclass(frozen=True, slots=True)
class SeatCodesRenewed(Event):
    """One player's personal code was replaced, or everybody's. A new code for one player signs them
    out on every phone; new codes for everybody sign nobody out."""

    type = "seat-codes-renewed"

    player_id: Public[str]  # empty: everybody

    def apply(self, t: Tournament, seq: int, at: datetime) -> None:
        t.seat_codes[self.player_id] = t.seat_codes.get(self.player_id, 0) + 1

    def sentence(self, t: Tournament) -> Text:
        if not self.player_id:
            return text("made new personal codes for everybody")
        player = t.name_of(self.player_id)
        return text("made a new personal code for %(player)s", player=player)


@dataclass(frozen=True, kw_only=True)
class RenewSeatCodes(Command):
    """Invalidate personal codes that somebody else may have read."""

    right = Right.OWNER

    player_id: str = ""  # empty: everybody

    def decide(self, t: Tournament, now: datetime) -> SeatCodesRenewed:
        return SeatCodesRenewed(t.player(self.player_id).id if self.player_id else "")
