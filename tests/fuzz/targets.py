"""Targets for atheris, which mutates bytes in search of code not reached before.

`python -m tests.fuzz.targets FOLDER -runs=1000` starts with valid input and keeps in the folder
each input that reached new code. libFuzzer, which atheris is built on, ends the process when it is
done. The exit code is not 0 if a target raised. The first byte of an input selects the target.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import atheris

PARSERS = [
    "lct.domain", "lct.application.messages", "lct.infrastructure.transfer",
    "lct.infrastructure.stream", "lct.web.inbox", "wsproto", "itsdangerous",
]  # fmt: skip
with atheris.instrument_imports(include=PARSERS):
    from itsdangerous import BadSignature

    from lct.application.messages import decode, encode
    from lct.domain import values
    from lct.domain.errors import Invalid, LctError
    from lct.domain.teams import pasted_teams
    from lct.infrastructure.stream import Stream, read_event
    from lct.infrastructure.transfer import _parsed
    from lct.web.identity import PLAYER, _signer
    from lct.web.inbox import messages

    from .test_texts import Peer


def names(data: bytes) -> None:
    text = data.decode(errors="surrogateescape")
    cleaned = values.clean(text)
    assert values.clean(cleaned) == cleaned
    assert values.fold(values.fold(text)) == values.fold(text)
    for take in (lambda: values.person_name(text, text), lambda: pasted_teams(text.splitlines())):
        with suppress(Invalid):
            take()


def frames(data: bytes) -> None:
    for deflates in (False, True):
        peer = Peer([data[i : i + 50] for i in range(0, len(data), 50)], deflates)
        for text in messages(peer, "BB3K7QXM"):  # type: ignore[arg-type]
            assert len(text) <= 1000


def bus(data: bytes) -> None:
    message = decode(data)
    assert message is None or decode(encode(message)) == message


def lines(data: bytes) -> None:
    """Lines of an import file, read as far as possible without a store."""
    stream = Stream("BB3K7QXM")
    for number, line in enumerate(data.decode(errors="replace").splitlines(), 1):
        try:
            document = _parsed(number, line).to_mongo()
            if read_event(document).sound():
                stream.take(document)
        except LctError:
            return


def tokens(data: bytes) -> None:
    signer = _signer((b"a secret key for fuzzing",), PLAYER)
    with suppress(BadSignature):
        assert signer.loads(data) == ["BB3K7QXM", "ola"]


TARGETS: tuple[Callable[[bytes], None], ...] = (names, frames, bus, lines, tokens)
# Valid input for each target, which random bytes would take long to reach.
EVENT = {
    "_id": "BB3K7QXM:1", "stream": "BB3K7QXM", "seq": 1, "type": "tournament-created", "schema": 1,
    "data": {
        "name": "Cup", "limit": 2, "teams": [["A", "L", 4.5, "club"], ["B", "", 0.0, ""]],
        "option": "plain", "commitment": "c", "secret": "s", "device_id": "d",
        "organiser_hash": "o", "recovery_hash": "r",
    },
    "at": "2026-01-01T00:00:00.000+00:00", "actor": "organiser",
}  # fmt: skip
SEEDS: dict[str, list[bytes]] = {
    "names": ["Zoë 👩‍👩‍👧 \u0344\u3164".encode(), b"A\nB\r\nC \xff"],
    "frames": [
        b"\x81\x8a\0\0\0\0" + b'{"look":3}',
        b"\x88\x82\0\0\0\0\x03\xe8",
        b"\x89\x80\0\0\0\0",
    ],
    "bus": [
        b'{"type":"moved","code":"BB3K7QXM","seq":3}',
        b'{"type":"looked","code":"BB3K7QXM","player_id":"p","team":null}',
    ],
    "lines": [json.dumps(EVENT).encode()],
    "tokens": [_signer((b"a secret key for fuzzing",), PLAYER).dumps(["BB3K7QXM", "ola"]).encode()],
}


def one(data: bytes) -> None:
    """Pass the bytes after the first to the target that the first selects."""
    if data:
        TARGETS[data[0] % len(TARGETS)](data[1:])


def main() -> None:
    """Write the seeds into the folder, and run."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for place, target in enumerate(TARGETS):
        for number, right in enumerate(SEEDS[target.__name__]):
            (folder / f"{target.__name__}-{number}").write_bytes(bytes([place]) + right)
    given = ["-timeout=5", "-max_len=2000", f"-artifact_prefix={folder}/", *sys.argv[2:]]
    atheris.Setup([sys.argv[0], *given, str(folder)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
