"""Responses arrive complete, whichever encodings a browser accepts."""

from __future__ import annotations

import gzip

import brotli
import pytest
from flask import Flask

from lct.places import ROOT
from lct.web.requests import COMPRESSED

from .api_client import ApiEvening

# Browsers send the first over plain HTTP, the second over TLS and to localhost.
ACCEPTED = {"gzip, deflate": "gzip", "gzip, deflate, br, zstd": "br", "zstd": None, "": None}
DECODED = {"gzip": gzip.decompress, "br": brotli.decompress, None: bytes}


@pytest.mark.parametrize("accepted", ACCEPTED)
def test_a_static_file_arrives_complete(app: Flask, accepted: str) -> None:
    for path in (ROOT / "static").rglob("*.*"):
        if path.suffix not in (".js", ".css") or path.stat().st_size < COMPRESSED:
            continue
        address = f"/static/{path.relative_to(ROOT / 'static').as_posix()}"
        answer = app.test_client().get(address, headers={"Accept-Encoding": accepted})
        encoding = answer.headers.get("Content-Encoding")
        assert encoding == ACCEPTED[accepted], address
        assert DECODED[encoding](answer.data) == path.read_bytes(), address


@pytest.mark.parametrize("accepted", ACCEPTED)
def test_a_page_arrives_complete(app: Flask, accepted: str) -> None:
    e = ApiEvening(app)
    address = f"/t/{e.code}"
    plain = app.test_client().get(address)
    answer = app.test_client().get(address, headers={"Accept-Encoding": accepted})
    encoding = answer.headers.get("Content-Encoding")
    assert encoding == ACCEPTED[accepted]
    assert len(DECODED[encoding](answer.data)) == len(plain.data) > COMPRESSED
