"""Static files under URLs that change with their content, so browsers may cache them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from flask import Flask, request, url_for


def asset(app: Flask) -> Callable[[str], str]:
    """A template global: ``asset('app.css')`` is the file's address with its digest."""

    @lru_cache
    def digest(name: str) -> str:
        content = Path(app.static_folder or "", name).read_bytes()
        return hashlib.sha256(content).hexdigest()[:12]

    @lru_cache
    def address(root: str, name: str) -> str:
        return url_for("static", filename=name, v=digest(name))

    return lambda name: address(request.script_root, name)
