"""The current HTML of one view of one tournament, and what of it has changed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from itertools import product
from typing import NamedTuple

from markupsafe import Markup

from ..application.screens import PAGES
from ..application.screens.change import ANYTHING, Change, Shown, change
from ..application.screens.region import Region, Scene, Screen
from ..domain.fact import Touched
from ..kept import Kept
from ..locale import ENGLISH, Language, spoken
from .render import Renderer, out_of_band, stamped, within_frame

Own = Mapping[str, Region]
NOTHING: Own = {}
KEPT_BYTES = 32_000_000  # of pictures that pages requested; the largest has 8 MB


class Picture:
    """The regions of a view, in order, with their HTML in one language for many readers.

    The HTML that all readers share is rendered once per state; a reader's own regions replace
    parts of it.
    """

    def __init__(
        self, render: Renderer, screen: Screen, scene: Scene, language: Language = ENGLISH
    ) -> None:
        self._render, self._screen, self._language = render, screen, language
        self._top: tuple[Region, ...] = ()  # their children may be out of date ...
        self.regions: dict[str, Region] = {}  # ... these are not
        self._within: dict[str, str] = {}  # child -> its container
        self._shared: dict[str, str] = {}  # top region -> its HTML, rendered at its first use
        self._tag = ""
        self.stamp = ""
        self.update(scene)

    def update(self, scene: Scene, change: Change = ANYTHING) -> tuple[str, set[str]]:
        """Show the scene; returns the HTML of the regions to send and every id within it. If one
        cannot be rendered, the picture stays unchanged, so that the next update includes it all."""
        part = self._screen.part(scene, change.touched) if change.touched else None
        found = list(part) if part is not None else None
        if found is None or not self.regions.keys() >= {region.id for region in found}:
            return self._update_whole(scene, change.again)
        old = self.regions
        changed = [r for r in found if change.again or r != old[r.id]]
        html = self._html(changed, scene.stamp)
        for region in changed:
            self.regions[region.id] = region
            self._shared.pop(self._within.get(region.id, region.id), None)
        self.stamp = scene.stamp
        if changed:
            self._tag = ""
        return html, {region.id for region in changed}

    def _update_whole(self, scene: Scene, again: bool) -> tuple[str, set[str]]:
        top = self._screen.whole(scene)
        regions, within = dict[str, Region](), dict[str, str]()
        changed = list[Region]()
        for region in top:
            regions[region.id] = region
            regions.update((child.id, child) for child in region.children)
            within.update((child.id, region.id) for child in region.children)
            old = self.regions.get(region.id)
            if again or old is None or _shell(old) != _shell(region):
                changed.append(region)
            else:
                changed += [child for child in region.children if self.regions[child.id] != child]
        # The first update has no readers yet.
        html = self._html(changed, scene.stamp) if self.regions else ""
        if changed or within != self._within:
            self._shared, self._tag = {}, ""
        self._top, self.regions, self._within = top, regions, within
        self.stamp = scene.stamp
        return html, {each.id for region in changed for each in (region, *region.children)}

    def _html(self, regions: Iterable[Region], stamp: str) -> str:
        return "".join(out_of_band(self._made(region), stamp) for region in regions)

    def html(self, ids: Iterable[str], own: Own) -> str:
        """The current HTML of some regions, for the reader whose own regions are ``own``."""
        ids = set(ids)
        out = []
        for region_id in ids & self.regions.keys():
            within = self._within.get(region_id)
            if within is None:
                out.append(self._top_html(self.regions[region_id], own))
            elif within not in ids:
                region = own.get(region_id) or self.regions[region_id]
                out.append(out_of_band(self._made(region), self.stamp))
        return "".join(out)

    def whole(self, own: Own = NOTHING, own_stamp: str = "") -> str:
        """The HTML of the whole view. ``own_stamp``: that of the reader's own regions, if newer."""
        return "".join(self._top_html(region, own, own_stamp) for region in self._top)

    def tag(self, own: Own = NOTHING) -> str:
        """A digest of a reader's whole picture: equal tags mean equal pictures."""
        if not self._tag:
            self._tag = _digest(self._shared_html(region) for region in self._top)
        mine = [self._made(region) for region in own.values()]
        return f"{self._tag}-{_digest(mine)}" if mine else self._tag

    def size(self) -> int:
        """Estimated bytes of memory of its HTML and its regions."""
        return sum(map(sys.getsizeof, self._shared.values())) + 1000 * len(self.regions)

    def _made(self, region: Region) -> str:
        return self._render.html(region, self._language)

    def _top_html(self, region: Region, own: Own, own_stamp: str = "") -> str:
        """A top-level region with the reader's own regions. They are put into the shared HTML:
        rendering a container of a thousand regions takes a millisecond."""
        if mine := own.get(region.id):
            return out_of_band(self._made(mine), own_stamp or self.stamp)
        return out_of_band(self._with_own(region, own, own_stamp), self.stamp)

    def for_page(self, region_id: str, own: Own) -> Markup:
        """A container without forms for a page, with the reader's own regions in it."""
        html = self._with_own(self.regions[region_id], own, "")
        return Markup(stamped(html, self.stamp))  # noqa: S704 - rendered by us

    def _with_own(self, region: Region, own: Own, own_stamp: str) -> str:
        html = self._shared_html(region)
        if region.children:
            for region_id, mine in own.items():
                if self._within.get(region_id) == region.id:
                    shared = self._made(self.regions[region_id])
                    own_html = stamped(within_frame(self._made(mine)), own_stamp)
                    html = html.replace(within_frame(shared), own_html, 1)
        return html

    def _shared_html(self, region: Region) -> str:
        html = self._shared.get(region.id)
        if html is None:
            children = tuple(self.regions[child.id] for child in region.children)
            now = self.regions[region.id]._replace(children=children)
            html = self._shared[region.id] = within_frame(self._made(now))
        return html


class _Asked(NamedTuple):
    picture: Picture
    shown: Shown
    cards: tuple[int, bool]  # how many turned, and whether the next one is in the spotlight


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
        shown = Shown(scene.t.seq, scene.phase, scene.live)
        cards = scene.turned, scene.facing
        found = self._kept.get(key)
        if found is None:
            picture = Picture(self._render, PAGES[view], scene, language)
        elif found[1:] == (shown, cards):
            found.picture.stamp = scene.stamp
            return found.picture
        else:
            self._kept.pop(key)  # until the update has succeeded
            picture = found.picture
            picture.update(scene, change(found.shown, scene, touched_since(found.shown.seq), ()))
        picture.tag()
        self._kept.put(key, _Asked(picture, shown, cards))
        return picture

    def forget(self, code: str) -> None:
        for view, language in product(PAGES, self._languages):
            self._kept.pop((code, view, language.tag))


def _bytes(asked: _Asked) -> int:
    """Estimated bytes of the picture and its entry."""
    return asked.picture.size() + 20_000


def _digest(parts: Iterable[str]) -> str:
    """A digest of the joined parts, without joining them: a picture may have megabytes."""
    digest = blake2b(digest_size=9)
    for part in parts:
        digest.update(part.encode())
    return digest.hexdigest()


def _shell(region: Region) -> tuple[object, ...]:
    return region.template, region.data, tuple(child.id for child in region.children)
