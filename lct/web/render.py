"""Regions to HTML. A region's HTML depends on its data and the language alone, so equal data are
rendered once in each."""

from __future__ import annotations

import hashlib
import re
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import gevent
import jinja2
from flask import Flask, render_template, request
from flask_wtf.csrf import generate_csrf
from jinja2 import FileSystemBytecodeCache, pass_context
from jinja2.bccache import Bucket
from jinja2.environment import TemplateModule
from jinja2.runtime import Context
from markupsafe import Markup, escape

from ..application.screens.region import Region
from ..domain.text import Text
from ..domain.values import shown_code
from ..kept import Kept
from ..locale import Language, speaking, spoken
from ..places import ROOT
from ..this_request import request_id
from . import metrics, words
from .app import app
from .crest import crest
from .links import start_page
from .qr import qr_svg
from .words import NamesAsTheyAre, Shown, gettext, marked, ngettext, quick, said, shown

CACHED_BYTES = 24_000_000  # of regions' HTML and data: about 12,000 typical regions
# Regions are shared between readers; in their forms this stands in for the reader's token.
_FIELD = 'name="csrf_token" value="'
_MARK = _FIELD + "@csrf@"
ID = ' id="'
MINE = " data-mine"
# Stands in for a block of a container's children; no name or text contains control characters.
_BLOCK = Markup("\x01")


class Notice(NamedTuple):
    kind: str  # ok or error
    text: Text
    request_id: str
    field: str


class Compiled(FileSystemBytecodeCache):
    """The templates' bytecode in a folder beside them, as Python keeps that of modules.
    Compiling them all costs a worker 0.7 s of CPU; loading them costs a tenth of that."""

    def __init__(self, templates: Path) -> None:
        # What Jinja makes of a template depends on these too.
        made_by = [Path(__file__), Path(words.__file__)]
        mark = hashlib.sha256(jinja2.__version__.encode())
        for each in made_by:
            mark.update(each.read_bytes())
        super().__init__(str(templates / "__pycache__"), f"%s.{mark.hexdigest()[:16]}.pyc")

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        return name.replace("/", "-")

    def dump_bytecode(self, bucket: Bucket) -> None:
        if not sys.dont_write_bytecode:
            with suppress(OSError):  # a folder that is not ours to write to
                Path(self.directory).mkdir(exist_ok=True)
                super().dump_bytecode(bucket)


class Renderer:
    """Renders regions with the app's templates, outside of any request."""

    def __init__(self, app: Flask) -> None:
        env = app.jinja_env
        env.trim_blocks = env.lstrip_blocks = True
        env.add_extension("jinja2.ext.i18n")
        env.newstyle_gettext = True  # type: ignore[attr-defined]
        env.policies["ext.i18n.trimmed"] = True
        env.bytecode_cache = Compiled(ROOT / "templates")
        env.code_generator_class = Shown
        env.shown, env.said, env.quick = shown, said, quick  # type: ignore[attr-defined]
        env.imported = self._imported  # type: ignore[attr-defined]
        env.cache = {}  # all our templates; the LRU cache would search itself at each use
        env.add_extension(NamesAsTheyAre)
        env.filters |= {
            "crest": crest,
            "stars": stars,
            "shown_code": shown_code,
            "step": step,
            "marked": marked,
        }
        env.globals |= {
            "crest": crest,
            "stars": stars,
            "shown_code": shown_code,
            "qr": qr,
            "start_page": start_page,
            "region": self.for_reader,
            "constant": self.constant,
            "_": gettext,
            "gettext": gettext,
            "ngettext": ngettext,
            "spoken": spoken,
        }
        # One dict, not a ChainMap of two: jinja2 compares all names at each import of a macro.
        env.make_globals = lambda given: {**env.globals, **(given or {})}  # type: ignore[method-assign, assignment]
        self.renders = 0
        self.leaves: Kept[tuple[str, Region], str] = Kept(
            CACHED_BYTES, _size, largest=CACHED_BYTES // 4
        )
        self.forget = self.leaves.clear
        self._env = env
        self._constants: dict[tuple[str, str], Markup] = {}
        self._modules: dict[str, TemplateModule] = {}  # template -> its macros
        self._ready: dict[str, tuple[Callable[[Context], Iterator[str]], Context]] = {}

    def warm_up(self) -> None:
        """Compile or load all templates, with pauses for requests: each would take milliseconds of
        the first request that needs it."""
        for name in self._env.list_templates(extensions=["html"]):
            self._env.get_template(name)
            gevent.sleep(0.005)

    def _imported(self, template: str) -> TemplateModule:
        """The macros of a template; those of a changed one too, while a developer works on it."""
        module = self._modules.get(template)
        if module is None or self._env.auto_reload:
            module = self._modules[template] = self._env.get_template(template).module
        return module

    def constant(self, template: str) -> Markup:
        """A template that depends on the reader's language alone, rendered once in each."""
        key = template, spoken().tag
        if key not in self._constants:
            html = self._env.get_template(template).render().strip()
            self._constants[key] = Markup(html)  # noqa: S704 - rendered by us
        return self._constants[key]

    def html(self, region: Region, language: Language) -> str:
        """The region's HTML, including its children's."""
        with speaking(language):
            return self._html(region, language.tag)

    def _html(self, region: Region, tag: str) -> str:
        if not region.children:
            return self._leaf(region, tag)
        template = self._env.get_template(region.template)
        # Each block of children is joined here: 174 tiles one by one cost more than the rest of the
        # page. The template gets marks in their places, since it would copy megabytes three times.
        children = [self._html(child, tag) for child in region.children]
        ends = (*(cut for cut in region.cuts if cut < len(children)), len(children))
        blocks = ["\n".join(children[start:end]) for start, end in pairwise((0, *ends))]
        shell = template.render(id=region.id, r=region.data, children=[_BLOCK] * len(blocks))
        around = shell.strip().split(_BLOCK)
        if len(around) != len(blocks) + 1:
            raise ValueError(f"{region.template} must show each child once")
        return "".join(chain.from_iterable(zip(around, (*blocks, ""), strict=True)))

    def _leaf(self, region: Region, tag: str) -> str:
        if region.mine:
            begins = f'{ID}{region.id}"'
            return self._leaf(region._replace(mine=False), tag).replace(begins, begins + MINE, 1)
        html = self.leaves.get((tag, region))
        if html is None:
            self.renders += 1
            metrics.RENDERS.add(1)
            html = self._made(region)
            self.leaves.put((tag, region), html)
        return html

    def _made(self, region: Region) -> str:
        """Render the region as Template.render() does, but with one context per template: building
        a context takes as long as rendering a tile."""
        ready = self._ready.get(region.template)
        if ready is None or self._env.auto_reload:
            template = self._env.get_template(region.template)
            ready = self._ready[region.template] = template.root_render_func, template.new_context()
        render, context = ready
        context.vars = {"id": region.id, "r": region.data, "children": ()}
        try:
            return "".join(render(context)).strip()
        except Exception:
            self._env.handle_exception()

    @pass_context
    def for_reader(self, context: Context, region: Region) -> Markup:
        """The region's HTML in a page, with the reader's own token and seat in its forms."""
        html = self.html(region, spoken())
        if _MARK in html:
            seat = context.get("seat")
            whose = f'"><input type="hidden" name="seat" value="{escape(seat)}' if seat else ""
            html = html.replace(_MARK, _FIELD + generate_csrf() + whose)
        return Markup(stamped(html, context.get("stamp", "")))  # noqa: S704 - rendered by us


def _size(html: str) -> int:
    """Estimated bytes of a region's HTML and data; the data's texts are in the HTML too."""
    return 2 * sys.getsizeof(html) + 500


def stamped(html: str, stamp: str) -> str:
    """A region's HTML with the stamp of the state it shows: a page never replaces a newer state by
    an older one (static/live.js). A region without a stamp is as old as its container."""
    return html.replace(ID, f' data-at="{stamp}"{ID}', 1) if stamp else html


def out_of_band(html: str, stamp: str) -> str:
    """A region's HTML for an htmx swap by id; htmx sends the token in a header."""
    at = f' data-at="{stamp}"' if stamp else ""
    html = within_frame(html).replace(ID, f' hx-swap-oob="outerMorph"{at}{ID}', 1)
    # A parser drops a part of a table that is not in one; htmx takes it out again.
    return f"<table>{html}</table>" if html.startswith("<tbody") else html


def within_frame(html: str) -> str:
    """The HTML of a region inside one that is swapped in."""
    return html.replace(_MARK, _FIELD)


def qr(url: str, dense: bool = False) -> Markup:
    """An address as a QR code."""
    return qr_svg(url, gettext("QR code"), dense=dense)


def stars(number: float) -> str:
    """4.5 as ``★★★★½``."""
    return "★" * int(number) + ("½" if number % 1 else "")


_WORDS = re.compile(r"[\s\-\u2010\u2013/]+")  # a line may break between them


@lru_cache(maxsize=4096)
def step(name: str) -> str:
    """Classes for the size of a name: ``n-0`` (at most 7 letters) to ``n-8`` (over 44; has n-7
    too), and ``w-0`` (its longest word has at most 10) to ``w-3`` (over 16)."""
    length = bisect_left((7, 10, 13, 16, 19, 23, 30), len(name))
    word = bisect_left((10, 13, 16), max(map(len, _WORDS.split(name))))
    return f"n-{length}{' n-8' if len(name) > 44 else ''} w-{word}"


def wants_fragment() -> bool:
    """Whether htmx sent the request, to swap regions by id, and not a browser loading a page."""
    return bool(request.htmx)  # type: ignore[attr-defined]


class Update(NamedTuple):
    """Regions, and the stamp of the state that they show; empty: no state."""

    regions: Iterable[Region] = ()
    stamp: str = ""


NO_UPDATE = Update()


def fragments(update: Update, notice: Region | None = None, status: int = 200) -> tuple[str, int]:
    """The response to htmx: regions as out-of-band swaps, and a notice, which has no stamp."""
    renderer = app().renderer
    told = out_of_band(renderer.html(notice, spoken()), "") if notice else ""
    html = "".join(
        out_of_band(renderer.html(region, spoken()), update.stamp) for region in update.regions
    )
    return told + html, status


def notice(text: Text, kind: str = "error", field: str = "") -> Region:
    """The line that says how a tap went; ``field`` is the form field it is about."""
    shown_id = request_id.get() if kind == "error" else ""
    return Region("notice", "_notice.html", Notice(kind, text, shown_id, field))


def page(template: str, status: int = 200, **context: Any) -> tuple[str, int]:
    """A whole page. ``by_id`` maps ids to the context's ``regions``; ``stamp`` says which state
    they show."""
    if t := context.get("t"):
        context = {"name": t.name, "code": t.code, **context}
    context |= {"status": status, "request_id": request_id.get()}
    if regions := context.get("regions"):
        context["by_id"] = {region.id: region for region in regions}
    return render_template(template, **context), status


def page_around(block: bytes, template: str, **context: Any) -> tuple[bytes, int]:
    """A whole page with ``block``, HTML in UTF-8, where the template shows it."""
    html, status = page(template, **context, block=_BLOCK)
    return html.encode().replace(_BLOCK.encode(), block, 1), status
