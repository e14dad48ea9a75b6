"""Commands that may be sent again: an Idempotency-Key makes a call and its repeats one command.

The command's id has two parts: who called with which key, and a digest of what was asked. So the
store tells a repeat from another call with the same key, and what the answer to it was.
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
from ...domain.rights import Actor
from ...this_request import request_id
from ..app import app
from ..identity import derived
from ..limits import tap
from .operation import Call
from .receipts import Done

HEADER = "Idempotency-Key"
ANOTHER_CALL = {HEADER: "This key was sent with another call. Make a new one."}
KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")


class Once(NamedTuple):
    """The id of a call's command, and what it left if it was run before."""

    command_id: str
    receipt: Receipt | None


def once(call: Call) -> Once:
    """Invalid if the key is none, or belongs to another call."""
    key = request.headers.get(HEADER)
    if key is not None and not KEY.fullmatch(key):
        raise Invalid(**{HEADER: "Send 16 to 64 letters, digits, - or _; a UUID is best."})
    who = "|".join((*call.caller, call.t.code))
    begin = derived("repeat", who, key or secrets.token_hex(16)).hex()[:32]
    body = call.body.model_dump(exclude_unset=True) if call.body else None
    asked = [request.endpoint, call.path | {"code": call.t.code}, body]
    command_id = f"{begin}.{derived('call', json.dumps(asked, sort_keys=True)).hex()[:16]}"
    receipt = app().receipt(begin) if key else None
    if receipt and receipt.command_id != command_id:
        raise Invalid(**ANOTHER_CALL)
    return Once(command_id, receipt)


def run(
    call: Call,
    command: type[Command],
    this: Once | None = None,
    newcomer: Actor | None = None,
    **own: Any,
) -> Done:
    """Run the command for the caller, unless it was run before; what it left. ``newcomer`` acts
    where the caller has no token yet."""
    command_id, receipt = this or once(call)
    if receipt is None:
        if not newcomer:  # who is counted by their address, where they come in
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
    """What the command with this id left: the same whenever it is asked."""
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
    """The version that If-Match asks for, None if any will do; -1, which is none, if it asks for
    what never was one."""
    tags = request.if_match
    if not request.headers.get("If-Match") or tags.star_tag:
        return None
    # Compressing an answer adds the method to its tag.
    asked = {tag.partition(":")[0] for tag in tags.as_set() if tag}
    numbers = {int(tag) for tag in asked if tag.isascii() and tag.isdigit() and len(tag) < 10}
    return now if now in numbers else max(numbers, default=-1)
