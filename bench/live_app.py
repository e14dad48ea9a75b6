"""The app with one more page, which tells how many templates were rendered for regions."""

from __future__ import annotations

from typing import Any

from lct.bootstrap import create_app
from lct.config import Settings

app = create_app(Settings.from_env())
renderer = app.extensions["lct-renderer"]
container = renderer.container
containers = 0


def counted(*about: Any) -> str:
    global containers
    containers += 1
    return str(container(*about))


renderer.container = counted


@app.get("/bench/renders")
def renders() -> str:
    return str(renderer.renders + containers)
