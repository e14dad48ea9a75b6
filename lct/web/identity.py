"""Who is asking: a player (signed cookie), an organiser (an admitted device), or anyone."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import lru_cache

from flask import Response, current_app, request, session
from itsdangerous import BadSignature, URLSafeSerializer

from ..domain.errors import NotTheOrganiser, Unauthenticated, UnknownTournament
from ..domain.evening import Keys
from ..domain.tournament import Tournament
from ..domain.values import CODE_ALPHABET, normal_code
from .app import app

PLAYER, ORGANISER = "lct_player", "lct_organiser"
TOKEN = "lct_token"  # noqa: S105 - the salt of bearer tokens, so that no cookie is one
COOKIE_DAYS = 90
RECOVERY_LENGTH = 20


def known_code(typed: str) -> str:
    """The code in a path, in the one form that streams are named by; else UnknownTournament."""
    code = normal_code(typed)
    if code is None:
        raise UnknownTournament
    return code


def browser_id() -> str:
    """This browser, for as long as it keeps its cookies: the same browser is the same player."""
    if "id" not in session:
        session["id"] = secrets.token_hex(16)
        session.permanent = True
    return str(session["id"])


def derived(*about: object) -> bytes:
    """32 bytes that only this installation can derive from ``about``."""
    return believed(*about)[0]


def believed(*about: object) -> list[bytes]:
    """derived() with every valid key, the current one first."""
    text = "|".join(map(str, about)).encode()
    return [hmac.digest(secret, text, "sha256") for secret in app().secrets]


def _letters(raw: bytes, count: int) -> str:
    number, out = int.from_bytes(raw, "big"), ""
    for _ in range(count):
        number, place = divmod(number, len(CODE_ALPHABET))
        out += CODE_ALPHABET[place]
    return out


# --- players ----------------------------------------------------------------------------------


def new_player_id(code: str, made_by: object) -> str:
    """The id of a player whom a command, or a browser, adds: the same at every repeat."""
    return derived("player", code, made_by).hex()[:12]


def ticket(t: Tournament, player_id: str) -> str:
    """What stands for a player in a cookie or token; a new personal code makes it invalid."""
    renewed = t.seat_codes.get(player_id, 0)
    return f"{player_id}~{renewed}" if renewed else player_id


def signed_in(t: Tournament, shown: str) -> str | None:
    """The player whose ticket that is, or None."""
    player_id = shown.partition("~")[0]
    return player_id if player_id and shown == ticket(t, player_id) else None


def seat_code(t: Tournament, player_id: str) -> str:
    """The personal code that brings a player back on another phone (8 characters, 38 bits)."""
    return _seat_codes(t, player_id)[0]


def _seat_codes(t: Tournament, player_id: str) -> list[str]:
    renewed = (t.seat_codes.get("", 0), t.seat_codes.get(player_id, 0))
    about = ("seat", t.code, player_id, *(renewed if any(renewed) else ()))
    return [_letters(raw, 8) for raw in believed(*about)]


def player_with_seat_code(t: Tournament, typed: str) -> str | None:
    wanted = normal_code(typed) or ""
    seats = [(seat, p) for p in t.players for seat in _seat_codes(t, p)]
    found = [p for seat, p in seats if hmac.compare_digest(seat, wanted)]
    return found[0] if found else None


# --- organisers -------------------------------------------------------------------------------


def organiser_device(t: Tournament) -> str | None:
    """The admitted device that is asking, or None."""
    device_id = read_cookie(ORGANISER, t.code)
    return device_id if device_id in t.devices else None


def require_organiser(t: Tournament) -> str:
    device_id = organiser_device(t)
    if device_id is None:
        raise NotTheOrganiser
    return device_id


def remember_organiser(response: Response, code: str, device_id: str) -> Response:
    return write_cookie(response, ORGANISER, code, device_id)


def organiser_key(code: str, link: int) -> str:
    """The secret of a tournament's n-th co-organiser link (128 bits, 32 hex digits)."""
    return _organiser_keys(code, link)[0]


def _organiser_keys(code: str, link: int) -> list[str]:
    return [raw.hex()[:32] for raw in believed("organiser", code, link)]


def shown_organiser_key(t: Tournament) -> str | None:
    """The secret of the current link, or None if none of our keys made it."""
    found = [k for k in _organiser_keys(t.code, t.organiser_links) if is_organiser_key(t, k)]
    return found[0] if found else None


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def is_organiser_key(t: Tournament, key: str) -> bool:
    """Whether that is the current link, and made with a key that is still valid: a leaked old key
    could make the links of all tournaments."""
    ours = [
        hmac.compare_digest(key.encode(), each.encode())
        for each in _organiser_keys(t.code, t.organiser_links)
    ]
    return hmac.compare_digest(hashed(key), t.organiser_hash) and any(ours)


def new_recovery_code(random: bytes | None = None) -> str:
    """A printable code of five groups of four."""
    letters = _letters(random or secrets.token_bytes(32), RECOVERY_LENGTH)
    return "-".join(letters[i : i + 4] for i in range(0, RECOVERY_LENGTH, 4))


def recovery_hash(code: str, typed: str) -> str:
    letters = "".join(c for c in typed.upper() if c.isascii() and c.isalnum())
    return hashed(f"recovery|{code}|{letters}")


def is_recovery_code(t: Tournament, typed: str) -> bool:
    return hmac.compare_digest(recovery_hash(t.code, typed), t.recovery_hash)


def new_device_id() -> str:
    return secrets.token_hex(8)


def creator_keys(code: str, device_id: str, recovery: str) -> Keys:
    return Keys(device_id, hashed(organiser_key(code, 1)), recovery_hash(code, recovery))


# --- bearer tokens ----------------------------------------------------------------------------


def token(code: str, kind: str, who: str) -> str:
    """A program's bearer token, in place of a cookie, for one player (kind PLAYER) or one admitted
    device (kind ORGANISER) of one tournament."""
    return str(_signer(app().secrets, TOKEN).dumps([code, kind, who]))


def bearer() -> tuple[str, str, str]:
    """(code, kind, who) of the request's bearer token, or Unauthenticated. That player or device
    may have been removed since."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated
    try:
        code, kind, who = _signer(app().secrets, TOKEN).loads(given.strip())
    except BadSignature:
        raise Unauthenticated from None
    return code, kind, who


def invited(code: str) -> bool:
    """Whether the request has a cookie or a token that we signed for that tournament."""
    if read_cookie(PLAYER, code) or read_cookie(ORGANISER, code):
        return True
    try:
        return bearer()[0] == code
    except Unauthenticated:
        return False


# --- cookies ----------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _signer(keys: tuple[bytes, ...], name: str) -> URLSafeSerializer:
    ordered = list(reversed(keys))  # the last one signs
    return URLSafeSerializer(ordered, salt=name, signer_kwargs={"digest_method": hashlib.sha256})


def _name(name: str) -> str:
    """The cookie's full name: behind TLS a prefix limits it to TLS (RFC 6265bis, 4.1.3)."""
    return f"__Secure-{name}" if current_app.config["SESSION_COOKIE_SECURE"] else name


def read_cookie(name: str, code: str) -> str | None:
    given = request.cookies.get(_name(name))
    if not given:
        return None
    try:
        about, who = (_said if len(given) <= LONGEST else _said.__wrapped__)(
            app().secrets, name, given
        )
    except BadSignature:
        return None
    return who if about == code else None


# Characters. Base64 decoding ignores trailing ones, so a cookie that we signed may be longer.
LONGEST = 300


@lru_cache(maxsize=4096)
def _said(keys: tuple[bytes, ...], name: str, given: str) -> tuple[object, str]:
    """(code, who) of a cookie that we signed, else BadSignature. Cached, since a phone sends the
    same cookie with each request."""
    match _signer(keys, name).loads(given):
        case [about, who]:
            return about, str(who)
    raise BadSignature("other content")


def write_cookie(response: Response, name: str, code: str, who: str) -> Response:
    response.set_cookie(
        _name(name),
        str(_signer(app().secrets, name).dumps([code, who])),
        max_age=COOKIE_DAYS * 86400,
        path=f"{request.script_root}/t/{code}",
        httponly=True,
        samesite="Lax",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
    )
    return response
