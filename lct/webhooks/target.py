"""Where a webhook may lead: an address that a stranger typed, and that this server will call."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from ..domain.errors import Invalid
from ..domain.values import LONGEST_URL

UNICAST = ip_network("2000::/3")  # all of IPv6 that is given out
# Global to Python, and yet protocols' own, or ways to an IPv4 address inside: Teredo, 6to4.
PROTOCOLS = ("192.0.0.0/24", "192.88.99.0/24", "2001::/32", "2002::/16")
AZURE = "168.63.129.16/32"  # the host below, for whoever asks from a machine or pod there
SPECIAL = tuple(map(ip_network, (*PROTOCOLS, AZURE)))


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the internet: not to a machine, a home, a data centre
    (169.254.169.254) or a group. ValueError if it is no address."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped:
            return is_public(str(ip.ipv4_mapped))
        if ip not in UNICAST:
            return False
    if any(ip in network for network in SPECIAL):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def checked_url(url: str, private: bool) -> str:
    """The address, if a webhook may have it; else Invalid (field ``url``). What its name leads to
    is checked each time it is called: names change."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Invalid(url="That is no web address.") from None
    plain = url.isascii() and url.isprintable() and not set(url) & set(' "<>\\')
    if len(url) > LONGEST_URL or not plain:
        raise Invalid(url=f"Send at most {LONGEST_URL} letters, digits and signs, without spaces.")
    if parts.scheme not in (("https", "http") if private else ("https",)) or not host or port == 0:
        raise Invalid(url="Send an address that begins with https://.")
    if "@" in parts.netloc or "#" in url:
        raise Invalid(url="Send an address without a user, a password or a fragment.")
    if not private and not _may_be_public(host):
        raise Invalid(url="That address is not on the internet.")
    return url


def _may_be_public(host: str) -> bool:
    try:
        return is_public(host)
    except ValueError:
        return host.rstrip(".").rpartition(".")[2] not in ("localhost", "local", "internal")
