"""Regions to HTML. A region's HTML depends on its data alone, so equal data are rendered once."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

from flask import Flask, render_template, request
from flask_wtf.csrf import generate_csrf
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from ..application.screens.region import Region
from ..domain.values import shown_code
from ..kept import Kept
from ..this_request import request_id
from . import metrics
from .app import app
from .crest import crest
from .links import start_page
from .qr import qr_svg

CACHED_BYTES = 24_000_000  # of regions' HTML and data: some 12,000 usual ones
# Regions are shared between readers; their forms carry this where the reader's token goes.
_FIELD = 'name="csrf_token" value="'
_MARK = _FIELD + "@csrf@"
_ID = ' id="'


class Notice(NamedTuple):
    kind: str  # ok or error
    text: str
    request_id: str
    field: str


class Renderer:
    """Renders regions with the app's templates, outside of any request."""

    def __init__(self, app: Flask) -> None:
        env = app.jinja_env
        env.trim_blocks = env.lstrip_blocks = True
        env.filters |= {"crest": crest, "stars": stars, "shown_code": shown_code}
        env.globals |= {
            "crest": crest,
            "stars": stars,
            "shown_code": shown_code,
            "qr": qr_svg,
            "start_page": start_page,
            "region": self.for_reader,
        }
        # One dictionary, not a chain of two: at each import of a macro jinja2 compares all names.
        env.make_globals = lambda given: {**env.globals, **(given or {})}  # type: ignore[method-assign, assignment]
        self.renders = 0
        self.leaves: Kept[Region, str] = Kept(CACHED_BYTES, _size, largest=CACHED_BYTES // 4)
        self.forget = self.leaves.clear
        self._env = env
        self._contexts: dict[str, Context] = {}

    def html(self, region: Region) -> str:
        """The region's HTML, that of its children in it."""
        if not region.children:
            return self._leaf(region)
        template = self._env.get_template(region.template)
        first, *rest = map(self.html, region.children)
        # Templates put each on a line. All but the first, which may stand apart, are one text here:
        # 174 tiles one by one cost more than the rest of the page.
        texts = (first, "\n".join(rest)) if rest else (first,)
        children = [Markup(text) for text in texts]  # noqa: S704 - rendered by us
        return template.render(id=region.id, r=region.data, children=children).strip()

    def _leaf(self, region: Region) -> str:
        html = self.leaves.get(region)
        if html is None:
            self.renders += 1
            metrics.RENDERS.inc()
            html = self._made(region)
            self.leaves.put(region, html)
        return html

    def _made(self, region: Region) -> str:
        """The region by its template, as Template.render() makes it, but with one context for all:
        to build one takes as long as a tile."""
        template = self._env.get_template(region.template)
        context = self._contexts.get(region.template)
        if context is None:
            context = self._contexts[region.template] = template.new_context()
        context.vars = {"id": region.id, "r": region.data, "children": ()}
        try:
            return "".join(template.root_render_func(context)).strip()
        except Exception:
            self._env.handle_exception()

    @pass_context
    def for_reader(self, context: Context, region: Region) -> Markup:
        """The region in a page: forms carry the reader's own token."""
        html = self.html(region)
        if _MARK in html:
            html = html.replace(_MARK, _FIELD + generate_csrf())
        return Markup(stamped(html, context.get("stamp", "")))  # noqa: S704 - rendered by us


def _size(html: str) -> int:
    """The bytes of a region's HTML, and about those of its data, whose texts are in it too."""
    return 2 * sys.getsizeof(html) + 500


def stamped(html: str, stamp: str) -> str:
    """HTML of a region that says which state it shows: a page never puts an older one over a newer
    one (static/live.js). A region without a stamp is as old as the one that it is in."""
    return html.replace(_ID, f' data-at="{stamp}"{_ID}', 1) if stamp else html


def out_of_band(html: str, stamp: str) -> str:
    """HTML of a region as htmx swaps it in by id; the token travels in a header there."""
    html = within_frame(html).replace(_ID, f' hx-swap-oob="outerMorph"{_ID}', 1)
    return stamped(html, stamp)


def within_frame(html: str) -> str:
    """HTML of a region inside of one that is swapped in."""
    return html.replace(_MARK, _FIELD)


def stars(number: float) -> str:
    """4.5 as ``★★★★½``."""
    return "★" * int(number) + ("½" if number % 1 else "")


def wants_fragment() -> bool:
    """Whether htmx asked, which swaps regions by id, rather than a browser loading a page."""
    return bool(request.htmx)  # type: ignore[attr-defined]


class Update(NamedTuple):
    """Regions, and the stamp of the state that they show; empty: of none."""

    regions: Iterable[Region] = ()
    stamp: str = ""


NO_UPDATE = Update()


def fragments(shown: Update, notice: Region | None = None, status: int = 200) -> tuple[str, int]:
    """The answer to htmx: regions as out-of-band swaps, and a notice, which is of no state."""
    renderer = app().renderer
    told = out_of_band(renderer.html(notice), "") if notice else ""
    html = "".join(out_of_band(renderer.html(region), shown.stamp) for region in shown.regions)
    return told + html, status


def notice(text: str, kind: str = "error", field: str = "") -> Region:
    """The line that tells how a tap went; ``field`` is the one it is about."""
    shown_id = request_id.get() if kind == "error" else ""
    return Region("notice", "_notice.html", Notice(kind, text, shown_id, field))


def page(template: str, status: int = 200, **context: Any) -> tuple[str, int]:
    """A whole page; ``regions`` in the context are reached as ``by_id`` too, and ``stamp`` says
    which state they show."""
    if t := context.get("t"):
        context = {"name": t.name, "code": t.code, **context}
    context |= {"status": status, "request_id": request_id.get()}
    if regions := context.get("regions"):
        context["by_id"] = {region.id: region for region in regions}
    return render_template(template, **context), status
