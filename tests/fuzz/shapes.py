"""Strategies for input: texts of any script, JSON, frames, headers, and nearly valid variants."""

from __future__ import annotations

import copy
import json
import os
import struct
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import strategies as st

from lct.domain.errors import Invalid

T = TypeVar("T")

# Pieces that tend to break text handling: joining, combining, invisible, folding and expanding
# characters, and code points that are not characters.
PIECES = [
    "a", "é", "e\u0301", "ß", "ﬁ", "İ", "ﷺ", "\u0344", "\u0f73", "\u302e\u0300", "\u0315\u0300",
    "\u0903", "\u1100", "\u1161", "\u11a8", "각", "\u200d", "\u200c", "\u200b", "\u2060", "\ufeff",
    "\u202e", "\u2066", "\ufe0f", "\U000e0067", "\U000e007f",
    "🏴", "👩‍❤️‍👨", "👍🏽", "🇵", "\u3164", "\u034f",
    "\ud800", "\udfff", "\ue000", "\uffff", "\U0010ffff", "\0", "\x1b[31m", "\r\n", "\u2028",
    "\x85", "\t", " ", "\u00a0", "\u3000", "<b>", '"', "'", "&amp;", "{{7*7}}", "%00",
    "../", "$gt", "=1+1",
]  # fmt: skip
PIECE = st.sampled_from(PIECES) | st.characters()
TEXTS = st.lists(PIECE, max_size=40).map("".join)
# A few pieces repeated many times, to expose quadratic run time.
LONG = st.builds(
    lambda parts, size: ("".join(parts) * size)[:size],
    st.lists(PIECE, min_size=1, max_size=4),
    st.integers(1, 128_000),
)
NUMBERS = st.integers() | st.floats() | st.sampled_from([2**31, 2**63, 2**64, 10**400, -1, 0])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
# What gunicorn accepts in a header: any byte but these three.
HEADER = (
    st.text(st.characters(max_codepoint=255, exclude_characters="\0\r\n"), max_size=200)
    | st.text("0123456789abcdefABCDEF:;,=\"'-_.*/ []%@()<>+&?#", max_size=60)
    | st.sampled_from(
        [
            "Mon, 01 Jan 99999999999 00:00:00 GMT", "Mon, 01 Jan 2020 00:00:00 +99999999999999",
            "http://[", "http://a\xe2\x84\x80b", "null", "bytes=0-", "bytes=-1,2-3", "bytes=9" * 40,
            '"' * 199, "W/" * 99, ",".join("abcdefgh" * 20), "br;q=nan", "gzip;q=inf, *;q=-1",
            "::1", "[::1", "1.2.3.4, " * 20, "999.1.1.1:99999", "%", "a=b;" * 40, "Basic Og==",
            "text/html;charset=\xff", "application/json; charset=utf-16", "multipart/form-data",
            "multipart/form-data; boundary=", "application/x-www-form-urlencoded; charset=none",
        ]
    )
)  # fmt: skip
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control",
            "Content-Type", "Cookie", "Host", "HX-Current-URL", "HX-Request", "HX-Target",
            "Idempotency-Key", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range",
            "If-Unmodified-Since", "Last-Event-ID", "Origin", "Range", "Referer",
            "Access-Control-Request-Headers", "Access-Control-Request-Method", "traceparent",
            "X-CSRFToken", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
            "X-Request-ID", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Upgrade",
        ]
    ),
    HEADER,
    max_size=5,
)  # fmt: skip


def nearly(right: str) -> st.SearchStrategy[str]:
    """The text with a part of it changed, removed, doubled or moved."""

    def change(cuts: tuple[int, int, int], put: str) -> str:
        one, two, three = sorted(cuts)
        return right[:one] + put + right[two:three] + right[three:] * (one % 2 + 1)

    place = st.integers(0, len(right))
    return st.builds(change, st.tuples(place, place, place), st.text("aZ0.-_=\xff ", max_size=3))


@st.composite
def altered(draw: Any, documents: list[Any]) -> list[Any]:
    """The documents with one to three values replaced, added or removed at any depth."""
    made = copy.deepcopy(documents)
    for _ in range(draw(st.integers(1, 3))):
        at: Any = made
        while at:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            key = draw(st.sampled_from(keys))
            if isinstance(at[key], (dict, list)) and at[key] and draw(st.integers(0, 4)):
                at = at[key]
                continue
            how = draw(st.sampled_from(["replace", "remove", "add", "other"]))
            if how == "remove":
                del at[key]
            elif how == "add" and isinstance(at, dict):
                at[draw(TEXTS)] = draw(JSON)
            elif how == "other":  # another value from the documents
                at[key] = copy.deepcopy(draw(st.sampled_from(_leaves(documents))))
            else:
                at[key] = draw(JSON)
            break
    return made


def _leaves(of: Any) -> list[Any]:
    if isinstance(of, dict):
        return [leaf for value in of.values() for leaf in _leaves(value)]
    if isinstance(of, list):
        return [leaf for value in of for leaf in _leaves(value)] or [[]]
    return [of]


def as_line(document: Any) -> str:
    """A document as a line of JSON, NaN and infinity included."""
    return json.dumps(document, allow_nan=True)


@st.composite
def frames(draw: Any) -> bytes:
    """A client's websocket frame (RFC 6455, section 5.2), valid or nearly valid."""
    opcode = draw(st.sampled_from([0, 1, 1, 1, 2, 8, 9, 10, 3, 15]))
    first = draw(st.sampled_from([0x80, 0x80, 0x80, 0x00, 0xC0, 0xB0])) | opcode
    said = st.sampled_from([b'{"look":3}', b'{"asleep":true}', b"\x03\xe8", b"\xed\xa0\x80"])
    payload = draw(said | st.binary(max_size=200) | JSON.map(lambda j: as_line(j).encode()[:900]))
    size = draw(st.sampled_from([len(payload)] * 5 + [0, 126, 65536, 2**62, 2**63]))
    mask = draw(st.sampled_from([b"\0\0\0\0", os.urandom(4)]))
    masked = draw(st.sampled_from([0x80, 0x80, 0x80, 0x80, 0]))
    if size < 126:
        head = struct.pack(">BB", first, masked | size)
    elif size < 65536:
        head = struct.pack(">BBH", first, masked | 126, size)
    else:
        head = struct.pack(">BBQ", first, masked | 127, size)
    body = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return head + (mask if masked else b"") + body


STREAMS = st.lists(frames() | st.binary(max_size=30), max_size=8).map(b"".join)


def taken(call: Callable[[], T], *fields: str) -> T | None:
    """The call's result, or None if it was refused because of some of these fields."""
    try:
        return call()
    except Invalid as invalid:
        others = invalid.fields.keys() - set(fields)
    assert not others
    return None
