"""What one view of one tournament looks like now, and what of it has changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b

from ..application.regions import Region
from .render import Renderer, out_of_band, within_frame


class Picture:
    """The regions of a view, in order, with their HTML for many readers.

    What every reader shares is made once for each state; a reader's own regions are put in.
    """

    def __init__(self, render: Renderer, top: tuple[Region, ...]) -> None:
        self._render = render
        self.top: tuple[Region, ...] = ()
        self.regions: dict[str, Region] = {}
        self._within: dict[str, str] = {}  # child -> its container
        self._shared: dict[str, str] = {}  # top region -> its HTML, made when first asked for
        self._tag = ""
        self.update(top)

    def update(self, top: tuple[Region, ...]) -> tuple[str, set[str]]:
        """Take the new regions; returns the HTML of the changed ones and every id within it. If
        one cannot be rendered the picture stays as it was, so that the next update has it all."""
        regions, within = dict[str, Region](), dict[str, str]()
        changed, ids = list[Region](), set[str]()
        for region in top:
            regions[region.id] = region
            regions |= {child.id: child for child in region.children}
            within |= {child.id: region.id for child in region.children}
            old = self.regions.get(region.id)
            if region is old or (not region.children and region == old):
                continue
            if old is None or _shell(old) != _shell(region):
                changed.append(region)
                ids |= {region.id, *(child.id for child in region.children)}
                continue
            for child in region.children:
                if self.regions[child.id] != child:
                    changed.append(child)
                    ids.add(child.id)
        html = ""
        if self.regions:  # at first nobody has seen anything
            html = "".join(out_of_band(self._render.html(region)) for region in changed)
        if ids or within != self._within:
            self._shared, self._tag = {}, ""
        self.top, self.regions, self._within = top, regions, within
        return html, ids

    def html(self, ids: Iterable[str], mine: Mapping[str, Region]) -> str:
        """The HTML now of some regions, as the reader sees it whose own regions are ``mine``."""
        ids = set(ids)
        out = []
        for region_id in ids & self.regions.keys():
            within = self._within.get(region_id)
            if within is None:
                out.append(self._top_html(self.regions[region_id], mine))
            elif within not in ids:
                region = mine.get(region_id) or self.regions[region_id]
                out.append(out_of_band(self._render.html(region)))
        return "".join(out)

    def whole(self, mine: Mapping[str, Region]) -> str:
        """All of it."""
        return "".join(self._top_html(region, mine) for region in self.top)

    def tag(self, mine: Mapping[str, Region]) -> str:
        """What a reader's whole picture is known by: equal tags, equal pictures."""
        if not self._tag:
            self._tag = _digest(self.whole({}))
        own = "".join(self._render.html(region) for region in mine.values())
        return f"{self._tag}-{_digest(own)}" if own else self._tag

    def _top_html(self, region: Region, mine: Mapping[str, Region]) -> str:
        """A region that is in no other, with what the reader sees differently in it: put into the
        shared HTML, for a container of a thousand regions takes a millisecond to render."""
        if own := mine.get(region.id):
            return out_of_band(self._render.html(own))
        html = self._shared.get(region.id)
        if html is None:
            html = self._shared[region.id] = out_of_band(self._render.html(region))
        if region.children:
            for region_id, own in mine.items():
                if self._within.get(region_id) == region.id:
                    shared = self._render.html(self.regions[region_id])
                    own_html = within_frame(self._render.html(own))
                    html = html.replace(within_frame(shared), own_html, 1)
        return html


def _digest(html: str) -> str:
    return blake2b(html.encode(), digest_size=9).hexdigest()


def _shell(region: Region) -> tuple[object, ...]:
    return region.template, region.data, tuple(child.id for child in region.children)
