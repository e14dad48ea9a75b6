"""Where a webhook may lead: a stranger types the address, and this server calls it."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from ..domain.errors import Invalid
from ..domain.text import text
from ..domain.values import LONGEST_URL

UNICAST = ip_network("2000::/3")  # all IPv6 that is allocated
# From IANA's registries of special addresses, besides those that ipaddress knows in every Python
# that lct supports. Listed here because ipaddress differs from one release to the next.
REGISTRIES = (
    "192.0.0.0/24",  # IETF protocols
    "192.31.196.0/24",  # AS112, which answers for names that lead nowhere
    "192.52.193.0/24",  # AMT
    "192.88.99.0/24",  # 6to4 relays
    "192.175.48.0/24",  # AS112
    "2001::/23",  # IETF protocols, Teredo and ORCHID among them
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4, which leads to an IPv4 address
    "2620:4f:8000::/48",  # AS112
    "3fff::/20",  # documentation (RFC 9637)
)
AZURE = "168.63.129.16/32"  # the host, as seen from a machine or pod in Azure
SPECIAL = tuple(map(ip_network, (*REGISTRIES, AZURE)))


def is_public(address: str) -> bool:
    """Whether an IP address is public: not of this machine, a private network, a data centre
    (169.254.169.254) or a multicast group. ValueError if it is not an address."""
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
    """The address if a webhook may have it, else Invalid (field ``url``). What its name resolves
    to is checked at each call, since that may change."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Invalid(url=text("That is not a web address.")) from None
    plain = url.isascii() and url.isprintable() and not set(url) & set(' "<>\\')
    if len(url) > LONGEST_URL or not plain:
        wrong = text(
            "Send at most %(most)s letters, digits and signs, without spaces.", most=LONGEST_URL
        )
        raise Invalid(url=wrong)
    if parts.scheme not in (("https", "http") if private else ("https",)) or not host or port == 0:
        raise Invalid(url=text("Send an address that begins with https://."))
    if "@" in parts.netloc or "#" in url:
        raise Invalid(url=text("Send an address without a user, a password or a fragment."))
    if not private and not _may_be_public(host):
        raise Invalid(url=text("That address is not on the internet."))
    return url


def _may_be_public(host: str) -> bool:
    try:
        return is_public(host)
    except ValueError:
        return host.rstrip(".").rpartition(".")[2] not in ("localhost", "local", "internal")
