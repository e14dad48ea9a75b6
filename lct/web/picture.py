"""The current HTML of one view of one tournament, in UTF-8, and what of it has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from itertools import chain, product
from typing import NamedTuple

from ..application.screens import PAGES
from ..application.screens.change import ANYTHING, Change, Shown, change, shown
from ..application.screens.region import Region, Scene, Screen
from ..domain.fact import Touched
from ..kept import Kept
from ..locale import ENGLISH, Language, spoken
from .render import ID, Renderer, out_of_band, stamped, within_frame

Own = Mapping[str, Region]
NOTHING: Own = {}
KEPT_BYTES = 32_000_000  # of pictures that pages requested; the largest has 8 MB


class Same(NamedTuple):
    """Neighbours in a container that its page shows already: the ids of the first and the last."""

    first: str
    last: str


class Picture:
    """The regions of a view, in order, with their HTML in one language for many readers.

    The HTML that all readers share is rendered once per state; a reader's own regions replace
    parts of it.
    """

    def __init__(
        self, render: Renderer, screen: Screen, scene: Scene, language: Language = ENGLISH
    ) -> None:
        self._render, self._screen, self._language = render, screen, language
        self._top: tuple[str, ...] = ()
        self.regions: dict[str, Region] = {}  # the children in a container may be out of date
        self._within: dict[str, str] = {}  # child -> its container
        self._shared: dict[str, bytes] = {}  # top region -> its HTML, rendered at its first use
        self._sent: dict[str, bytes] = {}  # what the last update sent of each region
        self._tag = ""
        self.stamp = ""
        self.update(scene)

    def update(self, scene: Scene, change: Change = ANYTHING) -> tuple[bytes, set[str]]:
        """Show the scene; returns the HTML of the regions to send and every id within it. If one
        cannot be rendered, the picture stays unchanged, so that the next update includes it all."""
        part = self._part(scene, change.touched)
        found = self._screen.whole(scene) if part is None else part
        sent, ids = list[Region](), set[str]()
        for region in found:
            for each in self._changed(region, change.again):
                sent.append(each)
                ids.add(each.id)
                if each.id == region.id:
                    ids.update(child.id for child in region.children)
        self._sent = {}
        if self.regions:  # the first update has no readers yet
            self._sent = {each.id: self._out_of_band(each, scene.stamp) for each in sent}
        html = b"".join(self._sent.values())
        for each in sent:
            self._shared.pop(self._within.get(each.id, each.id), None)
        top = self._top if part is not None else tuple(region.id for region in found)
        if sent or top != self._top:
            self._tag = ""
        if part is None:
            self._top, self.regions, self._within = top, {}, {}
        self._take(found)
        self.stamp = scene.stamp
        return html, ids

    def _part(self, scene: Scene, touched: Touched | None) -> tuple[Region, ...] | None:
        """The regions that may differ; None if that is any, or if some are new."""
        found = None if touched is None else self._screen.part(scene, touched)
        part = None if found is None else tuple(found)
        known = part is not None and all(region.id in self.regions for region in part)
        return part if known else None

    def _changed(self, region: Region, again: bool) -> Iterable[Region]:
        """What there is to send of a region: all of it, or those of its children that changed."""
        old = self.regions.get(region.id)
        if again or old is None or not (region.children and old.children):
            return (region,) if again or region != old else ()
        if _shell(region) != _shell(old):
            return (self._around_same(region, old),)
        return [child for child in region.children if child != self.regions[child.id]]

    def _around_same(self, region: Region, old: Region) -> Region:
        """The container with one region in place of each run of children that are as they were; the
        page has them (static/live.js)."""
        places = {child.id: place for place, child in enumerate(old.children)}
        children, cuts, due, first = list[Region](), list[int](), -1, ""
        for place, child in enumerate(region.children):
            if place in region.cuts:
                cuts.append(len(children))
                due = -1
            at = places.get(child.id, -1)
            if at < 0 or child != self.regions[child.id]:
                children.append(child)
                due = -1
                continue
            if at == due and at not in old.cuts:
                children.pop()
            else:
                first = child.id
            children.append(Region("", "_same.html", Same(first, child.id)))
            due = at + 1
        return region._replace(children=tuple(children), cuts=tuple(cuts))

    def _take(self, found: Iterable[Region]) -> None:
        """Note that these regions, with their children, are shown now."""
        for region in found:
            old = self.regions.get(region.id)
            for child in old.children if old else ():
                if self._within.get(child.id) == region.id:
                    del self.regions[child.id], self._within[child.id]
            self.regions.update((each.id, each) for each in (region, *region.children))
            self._within.update((child.id, region.id) for child in region.children)

    def _out_of_band(self, region: Region, stamp: str) -> bytes:
        return out_of_band(self._made(region), stamp).encode()

    def is_top(self, region_id: str) -> bool:
        """Whether that region stands in no container."""
        return region_id not in self._within

    def html(self, ids: Iterable[str], own: Own) -> bytes:
        """The current HTML of some regions, for the reader whose own regions are ``own``."""
        ids = set(ids)
        out = []
        # Neighbours look alike, and compress best one after the other.
        for region_id in sorted(ids & self.regions.keys()):
            region, within = self.regions[region_id], self._within.get(region_id)
            if within in ids:
                continue
            if mine := own.get(region_id):
                out.append(self._out_of_band(mine, self.stamp))
            elif region_id in self._sent and not region.children:
                out.append(self._sent[region_id])
            elif within is None:
                out.append(self._top_html(region, own))
            else:
                out.append(self._out_of_band(region, self.stamp))
        return b"".join(out)

    def whole(self, own: Own = NOTHING, own_stamp: str = "") -> bytes:
        """The HTML of the whole view. ``own_stamp``: that of the reader's own regions, if newer."""
        return b"".join(self._top_html(self.regions[top], own, own_stamp) for top in self._top)

    def tag(self, own: Own = NOTHING) -> str:
        """A digest of a reader's whole picture: equal tags mean equal pictures."""
        if not self._tag:
            self._tag = _digest(self._shared_html(self.regions[top]) for top in self._top)
        mine = [self._made(region).encode() for region in own.values()]
        return f"{self._tag}-{_digest(mine)}" if mine else self._tag

    def size(self) -> int:
        """Estimated bytes of memory of its HTML and its regions."""
        html = chain(self._shared.values(), self._sent.values())
        return sum(map(len, html)) + 1000 * len(self.regions)

    def _made(self, region: Region) -> str:
        return self._render.html(region, self._language)

    def _top_html(self, region: Region, own: Own, own_stamp: str = "") -> bytes:
        """A top-level region with the reader's own regions. They are put into the shared HTML:
        rendering a container of a thousand regions takes a millisecond."""
        if mine := own.get(region.id):
            return self._out_of_band(mine, own_stamp or self.stamp)
        return _marked(self._with_own(region, own, own_stamp), out_of_band(ID, self.stamp))

    def for_page(self, region_id: str, own: Own) -> bytes:
        """A top-level region without forms for a page, with the reader's own regions in it."""
        html = self._with_own(self.regions[region_id], own, "")
        return _marked(html, stamped(ID, self.stamp))

    def _with_own(self, region: Region, own: Own, own_stamp: str) -> bytes:
        html = self._shared_html(region)
        if region.children:
            for region_id, mine in own.items():
                if self._within.get(region_id) == region.id:
                    shared = within_frame(self._made(self.regions[region_id]))
                    replacing = stamped(within_frame(self._made(mine)), own_stamp)
                    html = html.replace(shared.encode(), replacing.encode(), 1)
        return html

    def _shared_html(self, region: Region) -> bytes:
        html = self._shared.get(region.id)
        if html is None:
            children = tuple(self.regions[child.id] for child in region.children)
            made = self._made(region._replace(children=children))
            html = self._shared[region.id] = within_frame(made).encode()
        return html


class _Asked(NamedTuple):
    picture: Picture
    shown: Shown
    cards: tuple[int, int]  # how many turned, and how many are in the spotlight


class Pictures:
    """A cache of the pictures that pages requested. A later request renders only what has
    changed."""

    def __init__(self, render: Renderer, languages: tuple[Language, ...]) -> None:
        self._render, self._languages = render, languages
        self._kept: Kept[tuple[str, str, str], _Asked] = Kept(KEPT_BYTES, _bytes)

    def at(
        self, view: str, scene: Scene, touched_since: Callable[[int], list[Touched | None]]
    ) -> Picture:
        """The view of the scene in the language of the request; ``touched_since`` is its stream's
        method."""
        language = spoken()
        key = scene.t.code, view, language.tag
        now = shown(scene)._replace(matches=None)  # nearly a kilobyte each
        cards = scene.turned, scene.facing
        found = self._kept.get(key)
        if found is None:
            picture = Picture(self._render, PAGES[view], scene, language)
        elif found[1:] == (now, cards):
            found.picture.stamp = scene.stamp
            return found.picture
        else:
            self._kept.pop(key)  # until the update has succeeded
            picture = found.picture
            picture.update(scene, change(found.shown, scene, touched_since(found.shown.seq), ()))
        picture.tag()
        self._kept.put(key, _Asked(picture, now, cards))
        return picture

    def forget(self, code: str) -> None:
        for view, language in product(PAGES, self._languages):
            self._kept.pop((code, view, language.tag))


def _bytes(asked: _Asked) -> int:
    """Estimated bytes of the picture and its entry, with the matches that it was made from."""
    played = asked.shown.played
    return asked.picture.size() + 20_000 + 60 * len(played.competition.matches if played else ())


def _marked(html: bytes, marks: str) -> bytes:
    """The HTML of a region with ``marks`` in its first tag, in place of ID."""
    return html.replace(ID.encode(), marks.encode(), 1)


def _digest(parts: Iterable[bytes]) -> str:
    """A digest of the joined parts, without joining them: a picture may have megabytes."""
    digest = blake2b(digest_size=9)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _shell(region: Region) -> tuple[object, ...]:
    children = tuple(child.id for child in region.children)
    return region.template, region.data, children, region.cuts
