"""The addresses of a laptop by which guests may reach it."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface
from pathlib import Path
from typing import NamedTuple

import psutil

from lct.laptop.machine import ANYWHERE, web_address
from lct.running import PublicAddress, share_addresses, unshare_addresses

CONNECTED = {"up", "running"}  # an interface's flags
ROUTES = Path("/proc/net/route")
# Anywhere on the internet (RFC 5737); nothing is sent there.
FAR_AWAY = "192.0.2.1"
LOOK_SECONDS = 4.0  # between two looks at the machine's addresses


class GuestAddress:
    """How guests reach this laptop, now and after it has moved to another network."""

    def __init__(self, folder: Path, host: str, port: int, given: str = "") -> None:
        """Listening on ``host``; ``given`` is a fixed address."""
        self.folder, self.port, self.six = folder, port, host == "::"
        self.moves = host in ANYWHERE and not given
        self.seen, self.due = self.urls() if self.moves else (), 0.0
        here = "127.0.0.1" if host in ANYWHERE else host
        self.first = given or (self.seen[0] if self.seen else web_address(here, port))
        if self.moves:
            share_addresses(folder, self.first, self.seen)
        else:
            unshare_addresses(folder)
        self.public = PublicAddress(self.first, folder)

    def urls(self) -> tuple[str, ...]:
        found = guest_addresses(six=self.six)
        return tuple(web_address(address, self.port) for address in found)

    def look(self, now: float) -> bool:
        """Notice another network, or a host's choice; whether the address is another one.

        Addresses count once they were seen twice, since a network that comes back may have none
        for a moment. Without any, the last ones stay.
        """
        if not self.moves or now < self.due:
            return False
        self.due, before, seen = now + LOOK_SECONDS, self.seen, self.urls()
        self.seen = seen
        if seen and seen == before and seen != self.public.found:
            share_addresses(self.folder, self.first, seen)
        url = self.public.url
        self.public.look()
        return self.public.url != url


class Address(NamedTuple):
    """One address, and its interface; a tunnel, such as a VPN's, leads to one other machine."""

    at: IPv4Interface | IPv6Interface
    interface: str
    tunnel: bool = False


def guest_addresses(*, six: bool) -> tuple[str, ...]:
    """This machine's addresses, the likeliest first; IPv6 ones (if ``six``) are last."""
    return likeliest(own_addresses(), way_out(), gateways(), physical(), six=six)


def likeliest(
    found: Sequence[Address],
    out: str = "",
    gateways: Sequence[str] = (),
    physical: frozenset[str] = frozenset(),
    *,
    six: bool = False,
) -> tuple[str, ...]:
    """Order addresses by how likely guests can reach them.

    ``out`` is the one that packets to the internet come from, a VPN's if there is one. A gateway of
    a default route is in the network of an address that guests share. A hotspot may have neither.
    Adapters of virtual machines, unlike ``physical`` ones, have no device.
    """

    def rank(address: Address) -> tuple[bool, ...]:
        at = address.at
        alone = at.network.num_addresses <= 2
        routed = any(ip_address(gateway) in at.network for gateway in gateways)
        parts = address.interface in physical
        return at.version == 6, address.tunnel or alone, not routed, str(at.ip) != out, not parts

    usable = [a for a in found if not (a.at.is_loopback or a.at.is_link_local)]
    ordered = sorted((a for a in usable if six or a.at.version == 4), key=rank)
    return tuple(dict.fromkeys(str(address.at.ip) for address in ordered))


def way_out() -> str:
    """The address that packets to the internet come from; empty without a route."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((FAR_AWAY, 9))  # only asks the routing table
        return str(probe.getsockname()[0])
    return ""


def gateways() -> list[str]:
    """The gateways of default routes, where the kernel lists them in a file (Linux)."""
    try:
        rows = [line.split() for line in ROUTES.read_text().splitlines()[1:]]
    except OSError:
        return []
    default = [row[2] for row in rows if row[1] == row[7] == "00000000" != row[2]]
    return [socket.inet_ntoa(struct.pack("=L", int(gateway, 16))) for gateway in default]


def physical() -> frozenset[str]:
    """The interfaces that have a device (Linux)."""
    return frozenset(path.parent.name for path in Path("/sys/class/net").glob("*/device"))


def own_addresses() -> list[Address]:
    """The addresses of all interfaces that are up and connected."""
    found, interfaces = [], psutil.net_if_stats()
    for name, addresses in psutil.net_if_addrs().items():
        flags = interfaces[name].flags.split(",") if name in interfaces else []
        if not CONNECTED.issubset(flags):
            continue
        for each in addresses:
            if each.family in (socket.AF_INET, socket.AF_INET6) and each.netmask:
                ones = int(ip_address(each.netmask)).bit_count()
                at = ip_interface(f"{each.address.partition('%')[0]}/{ones}")
                found.append(Address(at, name, "pointopoint" in flags))
    return found
