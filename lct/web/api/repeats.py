"""Idempotency keys: a call and its repeats with the same Idempotency-Key are one command.

The command's id has two parts: a digest of the caller and the key, and a digest of the request.
So the store can tell a repeat from another call with the same key, and has the first's receipt.
"""

from __future__ import annotations

import json
import re
import secrets
from typing import Any, NamedTuple

from flask import request

from ...application.history import Receipt
from ...domain.errors import Invalid
from ...domain.fact import Command
from ...domain.rights import ANYONE, Actor
from ...domain.text import text
from ...this_request import request_id
from ..app import app
from ..identity import derived
from ..limits import address, tap, wrong
from .operation import Call
from .receipts import Done

HEADER = "Idempotency-Key"
ANOTHER_CALL = {HEADER: text("This key was sent with another call. Make a new one.")}
KEY = re.compile("[A-Za-z0-9_-]{16,64}")
# All callers without a token share one key space, and a repeat returns secrets. So such a key must
# itself be a secret of 128 bits: 22 characters, or 32 if all are hex digits.
ANONYMOUS_KEY = re.compile("(?![0-9A-Fa-f-]{22,31}$)[A-Za-z0-9_-]{22,64}")
LEAST_VARIETY = 8  # different characters; one random key in ten million has fewer
NO_KEY = text("Send 16 to 64 letters, digits, - or _; a random UUID is best.")
NO_ANONYMOUS_KEY = text(
    "A call without a token needs a key that nobody can guess: a random UUID, 32 random hex "
    "digits, or 22 to 64 random letters, digits, - or _."
)


class Once(NamedTuple):
    """The id of a call's command, and its receipt if it has run before."""

    command_id: str
    receipt: Receipt | None


def once(call: Call) -> Once:
    """The id of the call's command; Invalid if the key is malformed or belongs to another call."""
    key = request.headers.get(HEADER)
    anonymous = call.caller == ANYONE
    if key is not None:
        if not KEY.fullmatch(key):
            raise Invalid(**{HEADER: NO_KEY})
        if anonymous:
            if not ANONYMOUS_KEY.fullmatch(key) or len(set(key)) < LEAST_VARIETY:
                raise Invalid(**{HEADER: NO_ANONYMOUS_KEY})
            app().limiter.check("guess", address())
    who = "|".join(map(str, (*call.caller, call.t.code)))
    begin = derived("repeat", who, key or secrets.token_hex(16)).hex()[:32]
    body = call.body.model_dump(exclude_unset=True) if call.body else None
    asked = [request.endpoint, call.path | {"code": call.t.code}, body]
    command_id = f"{begin}.{derived('call', json.dumps(asked, sort_keys=True)).hex()[:16]}"
    receipt = app().receipt(begin) if key else None
    if receipt and receipt.command_id != command_id:
        if anonymous:
            wrong("wrong-key")  # perhaps somebody else's key, tried with guessed bodies
        raise Invalid(**ANOTHER_CALL)
    return Once(command_id, receipt)


def run(
    call: Call,
    command: type[Command],
    this: Once | None = None,
    newcomer: Actor | None = None,
    **own: Any,
) -> Done:
    """Run the command unless it has run before; returns its receipt. ``newcomer`` acts where the
    caller has no token yet."""
    command_id, receipt = this or once(call)
    if receipt is None:
        if not newcomer:  # a newcomer is counted by address only
            tap(call.caller.id, command)
        about: dict[str, Any] = {
            "code": call.t.code,
            "by": newcomer or call.caller,
            "expected_version": expected_version(call.t.version),
            "command_id": command_id,
            "request_id": request_id.get(),
        }
        app().execute(command(**about, **own))
    return left(call, command_id, receipt)


def left(call: Call, command_id: str, receipt: Receipt | None = None) -> Done:
    """The receipt of the command with this id; the same at every repeat."""
    receipt = receipt or app().receipt(command_id)
    if receipt:
        done = Done(
            code=receipt.code,
            changed=True,
            event=receipt.type,
            seq=receipt.seq,
            version=receipt.version,
            at=receipt.at,
        )
    else:
        stream = app().store.stream(call.t.code)
        version = stream.tournament.version
        done = Done(code=call.t.code, changed=False, seq=stream.seq, version=version)
    call.headers["ETag"] = f'"{done.version}"'
    return done


def expected_version(now: int) -> int | None:
    """The version in If-Match; None if any will do, -1 (never a version) if no tag is a version."""
    tags = request.if_match
    if not request.headers.get("If-Match") or tags.star_tag:
        return None
    # Compression adds its method to the tag.
    asked = {tag.partition(":")[0] for tag in tags.as_set() if tag}
    numbers = {int(tag) for tag in asked if tag.isascii() and tag.isdigit() and len(tag) < 10}
    return now if now in numbers else max(numbers, default=-1)
