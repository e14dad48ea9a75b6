"""The app plus a page with the number of templates rendered for regions."""

from __future__ import annotations

from lct.application.screens.region import Region
from lct.bootstrap import create_app
from lct.config import Settings
from lct.locale import Language

app = create_app(Settings.from_env())
renderer = app.extensions["lct"].renderer
html = renderer.html
containers = 0


def counted(region: Region, language: Language) -> str:
    global containers
    containers += bool(region.children)  # the renderer counts the leaves
    return str(html(region, language))


renderer.html = counted


@app.get("/bench/renders")
def renders() -> str:
    return str(renderer.renders + containers)
