"""The addresses of a laptop that guests may reach, and what becomes of them when it moves."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from ipaddress import ip_interface
from pathlib import Path

import pytest

from lct.laptop import network
from lct.laptop.network import LOOK_SECONDS, Address, GuestAddress, likeliest
from lct.running import CHOSEN, PublicAddress

from .support import clean_environ

LAN, VPN = "ip addr add 192.168.1.20/24 dev lo", "ip addr add 10.8.0.6/24 dev lo"
DEFAULT = "ip route add default dev lo src 192.168.1.20"
WORLDS = {
    "a VPN to one network": (
        [LAN, VPN, DEFAULT, "ip route add 10.0.0.0/8 dev lo src 10.8.0.6"],
        "192.168.1.20 10.8.0.6",
    ),
    "a VPN that was there first": (
        [VPN, LAN, DEFAULT, "ip route add 10.0.0.0/8 dev lo src 10.8.0.6"],
        "192.168.1.20 10.8.0.6",
    ),
    "a VPN for everything": (
        [LAN, "ip addr add 10.2.0.2/32 dev lo", DEFAULT]
        + [f"ip route add {half}/1 dev lo src 10.2.0.2" for half in ("0.0.0.0", "128.0.0.0")],
        "192.168.1.20 10.2.0.2",
    ),
    "a hotspot of its own": (["ip addr add 10.42.0.1/24 dev lo"], "10.42.0.1"),
    "no network": ([], ""),
}


def in_a_network_of_its_own(*commands: str) -> str:
    """What the last command prints, run after the others in a new network namespace."""
    if not (shutil.which("unshare") and shutil.which("ip")):
        pytest.skip("no unshare or no ip")
    script = " && ".join(("ip link set lo up", *commands))
    environ = clean_environ()
    for rights in ("-n", "-rn"):  # as root, or as the root of a user namespace
        done = subprocess.run(
            ["unshare", rights, "sh", "-c", script], env=environ, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return done.stdout.strip()
    pytest.skip(f"no network namespaces here: {done.stderr}")


@pytest.mark.parametrize("world", WORLDS)
def test_the_address_that_guests_share_comes_first(world: str) -> None:
    commands, wanted = WORLDS[world]
    asked = "from lct.laptop.network import *; print(*guest_addresses(six=True))"
    found = in_a_network_of_its_own(*commands, f"{sys.executable} -c '{asked}'")
    assert found == wanted


def addresses(*rows: str) -> list[Address]:
    """Addresses from rows such as ``wlan0 192.168.1.20/24``; a third word makes it a tunnel."""
    split = [row.split() for row in rows]
    return [Address(ip_interface(at), name, bool(more)) for name, at, *more in split]


@pytest.mark.parametrize(
    ("rows", "facts", "wanted"),
    [
        # Some VPNs replace the default route, others have the larger network.
        (["tun0 10.8.0.6/24 tunnel", "wlan0 192.168.1.20/24"], {"out": "10.8.0.6"},
         "192.168.1.20 10.8.0.6"),
        (["tap0 10.8.0.6/24", "wlan0 192.168.1.20/24"],
         {"out": "10.8.0.6", "gateways": ["192.168.1.1"]}, "192.168.1.20 10.8.0.6"),
        # A virtual machine's adapter beside a hotspot: neither has a route.
        (["vboxnet0 192.168.56.1/24", "wlan0 10.42.0.1/24"], {"physical": frozenset({"wlan0"})},
         "10.42.0.1 192.168.56.1"),
        (["docker0 172.17.0.1/16", "br0 192.168.1.20/24"],
         {"out": "192.168.1.20", "physical": frozenset({"docker0"})}, "192.168.1.20 172.17.0.1"),
        # No phone can open a loopback or link-local address, and IPv6 only where lct listens.
        (["lo 127.0.0.1/8", "eth0 169.254.7.7/16", "eth0 fe80::1/64", "eth0 fd00::5/64"], {}, ""),
        (["eth0 fd00::5/64", "eth0 192.168.1.20/24"], {"six": True}, "192.168.1.20 fd00::5"),
    ],
)  # fmt: skip
def test_what_is_no_shared_network_comes_later_or_not_at_all(
    rows: list[str], facts: dict[str, object], wanted: str
) -> None:
    assert " ".join(likeliest(addresses(*rows), **facts)) == wanted


@pytest.fixture
def laptop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., GuestAddress]:
    """A laptop's address for guests, with the addresses that the machine has at each look."""

    def begin(*looks: Sequence[str], **options: str) -> GuestAddress:
        left = list(looks)
        monkeypatch.setattr(network, "guest_addresses", lambda six: tuple(left.pop(0)))
        return GuestAddress(
            tmp_path, options.get("host", "0.0.0.0"), 8000, options.get("given", "")
        )

    return begin


HOME, TRAIN, TUNNEL = "192.168.1.20", "172.20.10.2", "10.8.0.6"


def test_another_network_counts_once_it_was_seen_twice(laptop: Callable[..., GuestAddress]) -> None:
    guests = laptop([HOME], [], [HOME], [TRAIN, TUNNEL], [TRAIN, TUNNEL], [], [])
    app = PublicAddress(f"http://{HOME}:8000", guests.folder)
    now, told = 0.0, []
    for _ in range(6):
        now += LOOK_SECONDS
        told.append(guests.look(now))
        app.look()
        assert app.url == guests.public.url
    assert told == [False, False, False, True, False, False]
    assert app.found == (f"http://{TRAIN}:8000", f"http://{TUNNEL}:8000")


def test_a_chosen_address_stays_while_the_machine_has_it(
    laptop: Callable[..., GuestAddress],
) -> None:
    both, other = [HOME, TUNNEL], [TRAIN]
    guests = laptop(both, both, other, other, both, both)
    app = PublicAddress(guests.first, guests.folder)
    assert not app.choose("http://evil.example")
    assert app.choose(f"http://{TUNNEL}:8000")
    urls = []
    for step in range(1, 6):
        guests.look(step * LOOK_SECONDS)
        urls.append(guests.public.url)
    assert urls == [f"http://{at}:8000" for at in (TUNNEL, TUNNEL, TRAIN, TRAIN, TUNNEL)]


def test_a_laptop_that_had_no_network_gets_one(laptop: Callable[..., GuestAddress]) -> None:
    guests = laptop([], [HOME], [HOME])
    assert guests.first == "http://127.0.0.1:8000"
    assert [guests.look(LOOK_SECONDS), guests.look(2 * LOOK_SECONDS)] == [False, True]
    assert guests.public.url == f"http://{HOME}:8000"


@pytest.mark.parametrize(
    ("options", "url"),
    [({"given": "https://cup.example"}, "https://cup.example"),
     ({"host": "127.0.0.1"}, "http://127.0.0.1:8000")],
)  # fmt: skip
def test_a_given_address_never_changes(
    laptop: Callable[..., GuestAddress], options: dict[str, str], url: str
) -> None:
    laptop([HOME])  # an earlier run, which was killed
    guests = laptop([TRAIN], [TRAIN], **options)
    (guests.folder / CHOSEN).write_text(f"http://{HOME}:8000")
    assert not any(guests.look(step * LOOK_SECONDS) for step in (1, 2))
    assert (guests.public.url, guests.public.found) == (url, ())
