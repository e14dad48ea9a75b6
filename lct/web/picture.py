"""The current HTML of one view of one tournament, and what of it has changed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import product
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
        self._shared: dict[str, str] = {}  # top region -> its HTML, rendered at its first use
        self._encoded: dict[str, bytes] = {}  # the same, for pages
        self._tag = ""
        self.stamp = ""
        self.update(scene)

    def update(self, scene: Scene, change: Change = ANYTHING) -> tuple[str, set[str]]:
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
        # The first update has no readers yet.
        html = self._out_of_band(sent, scene.stamp) if self.regions else ""
        for each in sent:
            within = self._within.get(each.id, each.id)
            self._shared.pop(within, None)
            self._encoded.pop(within, None)
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

    def _out_of_band(self, regions: Iterable[Region], stamp: str) -> str:
        return "".join(out_of_band(self._made(region), stamp) for region in regions)

    def is_top(self, region_id: str) -> bool:
        """Whether that region stands in no container."""
        return region_id not in self._within

    def html(self, ids: Iterable[str], own: Own) -> str:
        """The current HTML of some regions, for the reader whose own regions are ``own``."""
        ids = set(ids)
        out = []
        # Neighbours look alike, and compress best one after the other.
        for region_id in sorted(ids & self.regions.keys()):
            within = self._within.get(region_id)
            if within is None:
                out.append(self._top_html(self.regions[region_id], own))
            elif within not in ids:
                region = own.get(region_id) or self.regions[region_id]
                out.append(out_of_band(self._made(region), self.stamp))
        return "".join(out)

    def whole(self, own: Own = NOTHING, own_stamp: str = "") -> str:
        """The HTML of the whole view. ``own_stamp``: that of the reader's own regions, if newer."""
        return "".join(self._top_html(self.regions[top], own, own_stamp) for top in self._top)

    def tag(self, own: Own = NOTHING) -> str:
        """A digest of a reader's whole picture: equal tags mean equal pictures."""
        if not self._tag:
            self._tag = _digest(self._shared_html(self.regions[top]) for top in self._top)
        mine = [self._made(region) for region in own.values()]
        return f"{self._tag}-{_digest(mine)}" if mine else self._tag

    def size(self) -> int:
        """Estimated bytes of memory of its HTML, once more as UTF-8, and its regions."""
        html = sum(sys.getsizeof(html) + len(html) for html in self._shared.values())
        return html + 1000 * len(self.regions)

    def _made(self, region: Region) -> str:
        return self._render.html(region, self._language)

    def _top_html(self, region: Region, own: Own, own_stamp: str = "") -> str:
        """A top-level region with the reader's own regions. They are put into the shared HTML:
        rendering a container of a thousand regions takes a millisecond."""
        if mine := own.get(region.id):
            return out_of_band(self._made(mine), own_stamp or self.stamp)
        return out_of_band(self._with_own(region, own, own_stamp), self.stamp)

    def for_page(self, region_id: str, own: Own) -> bytes:
        """The UTF-8 of a container without forms for a page, with the reader's own regions in it.
        It is kept: encoding a hundred tiles takes as long as rendering half of their page."""
        region = self.regions[region_id]
        html = self._encoded.get(region_id)
        if html is None:
            html = self._encoded[region_id] = self._shared_html(region).encode()
        for shared, mine in self._replaced(region, own, ""):
            html = html.replace(shared.encode(), mine.encode(), 1)
        return html.replace(ID.encode(), stamped(ID, self.stamp).encode(), 1)

    def _with_own(self, region: Region, own: Own, own_stamp: str) -> str:
        html = self._shared_html(region)
        for shared, mine in self._replaced(region, own, own_stamp):
            html = html.replace(shared, mine, 1)
        return html

    def _replaced(self, region: Region, own: Own, own_stamp: str) -> Iterator[tuple[str, str]]:
        """The shared HTML of each child that the reader has an own one of, and the own one's."""
        if region.children:
            for region_id, mine in own.items():
                if self._within.get(region_id) == region.id:
                    shared = self._made(self.regions[region_id])
                    yield within_frame(shared), stamped(within_frame(self._made(mine)), own_stamp)

    def _shared_html(self, region: Region) -> str:
        html = self._shared.get(region.id)
        if html is None:
            children = tuple(self.regions[child.id] for child in region.children)
            made = self._made(region._replace(children=children))
            html = self._shared[region.id] = within_frame(made)
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
        now = shown(scene)
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


def _digest(parts: Iterable[str]) -> str:
    """A digest of the joined parts, without joining them: a picture may have megabytes."""
    digest = blake2b(digest_size=9)
    for part in parts:
        digest.update(part.encode())
    return digest.hexdigest()


def _shell(region: Region) -> tuple[object, ...]:
    children = tuple(child.id for child in region.children)
    return region.template, region.data, children, region.cuts
