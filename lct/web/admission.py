"""How many screens may be open, by address and by tournament."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from ..domain.errors import TooMany
from . import metrics


class Place(NamedTuple):
    """The place of one live screen. ``kept``: one of those reserved for the invited."""

    code: str
    address: str
    kept: bool


class Admission:
    """Counts this worker's screens."""

    def __init__(self, per_address: int, per_tournament: int) -> None:
        self._per_address, self._per_tournament = per_address, per_tournament
        self._from: Counter[str] = Counter()  # address -> open screens in places for anybody,
        self._kept: Counter[str] = Counter()  # ... in reserved places,
        self._kept_by: Counter[tuple[str, str]] = Counter()  # ... and by their tournament
        self._watching: Counter[str] = Counter()  # tournament -> open screens

    @property
    def open(self) -> bool:
        """Whether any screen is open."""
        return bool(self._watching)

    def admit(self, code: str, address: str, invited: bool) -> Place:
        """Count one more screen, or refuse it, while the response is still plain HTTP.

        The last fifth of an address's and of a tournament's places is reserved for the ``invited``,
        so strangers shut no player out. One tournament may take no more of an address's fifth than
        it leaves, since anybody can open a tournament and be invited to it.
        """
        fifth = self._per_address // 5
        kept = self._from[address] >= self._per_address - fifth
        free = fifth - self._kept[address] - self._kept_by[address, code]
        share = 1.0 if invited else 0.8
        shut = kept and not (invited and free > 0)
        if shut or self._watching[code] >= share * self._per_tournament:
            metrics.DROPPED.labels("limit").inc()
            raise TooMany(30)
        place = Place(code, address, kept)
        self._count(place, 1)
        return place

    def release(self, place: Place) -> None:
        """Count one less."""
        self._count(place, -1)

    def _count(self, place: Place, by: int) -> None:
        counted: list[tuple[Counter[Any], Any]] = [(self._watching, place.code)]
        if place.kept:
            counted.append((self._kept, place.address))
            counted.append((self._kept_by, (place.address, place.code)))
        else:
            counted.append((self._from, place.address))
        for counter, key in counted:
            counter[key] += by
            if not counter[key]:
                del counter[key]
