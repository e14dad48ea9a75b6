"""URLs: of a page's live updates, and for guests, other devices and programs."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from flask import current_app, request, url_for
from werkzeug.sansio.utils import host_is_trusted

from ..running import PublicAddress
from .app import app

PORTS = {"http": ":80", "https": ":443"}  # an origin has no default port


def live_url(code: str, view: str, seat: str = "") -> str:
    """The path of a page's socket; ``seat`` is the player whose page it is. Only the path, since
    behind a proxy lct may know neither its host name nor its scheme."""
    whose = f"&seat={seat}" if seat else ""
    return f"{url_for('board.board', code=code)}/live?view={view}{whose}"


def me_url(code: str, player_id: str, seats: Collection[str], by: str | None = None) -> str:
    """The page of one of a phone's seats."""
    return url_for("pick.me", code=code, seat=player_id if len(seats) > 1 else None, by=by)


def public(path: str) -> str:
    """The public address of ``path``, which comes from url_for."""
    scheme, netloc, *_ = urlsplit(app().public_url)
    return f"{scheme}://{netloc}{path}"


def is_ours(origin: str) -> bool:
    """Whether a page of that origin is ours: of the address that was asked for, the public one or
    an allowed name. A proxy may have dropped the port of the address that was asked for."""
    scheme, _, at = origin.partition("://")  # it may not parse as a URL
    public = urlsplit(app().public_url)
    ours = public.scheme, public.netloc.lower().removesuffix(PORTS[public.scheme])
    allowed = current_app.config["LCT_ALLOWED_HOSTS"]
    named = bool(allowed) and host_is_trusted(at, allowed)
    return bool(at) and (at == request.host or (scheme, at) == ours or named)


def seen_at(host: str, public_url: str) -> str:
    """The host and port that browsers see of a request's ``Host``: without its port, as some
    proxies pass it on, it is completed by the public address."""
    public = urlsplit(public_url)
    return public.netloc if host == public.hostname else host


# Of a blueprint whose addresses are no use without its cookies: the way back in.
WAYS_BACK = {"pick": "join.back", "live": "join.back", "organise": "devices.recover"}


def elsewhere() -> str:
    """Where a person can go on in another browser with what this request is about."""
    if way := WAYS_BACK.get(request.blueprint or ""):
        return public(url_for(way, code=(request.view_args or {})["code"]))
    return public(request.script_root + request.path)


def join_url(public_url: str, code: str) -> str:
    return f"{public_url}/t/{code}/join"


def join_urls(address: PublicAddress, code: str) -> tuple[str, ...]:
    """The page to join, by the address in use and by each that a host may choose."""
    return tuple(join_url(url, code) for url in (address.url, *address.found))


class StartPage(NamedTuple):
    """Where a guest types the code; ``home``: reachable from the same network only."""

    url: str
    address: str  # as people type it
    home: bool


def start_page(join_url: str) -> StartPage:
    public_url = join_url.rpartition("/t/")[0]
    host = urlsplit(public_url).hostname or ""
    try:
        home = not ip_address(host).is_global
    except ValueError:
        home = "." not in host or host.endswith((".local", ".lan", ".home.arpa", ".internal"))
    return StartPage(public_url, public_url.partition("//")[2], home)
