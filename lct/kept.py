"""A cache bounded by bytes and not by entries, since its entries may come from anybody."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """An LRU cache of at most ``most`` bytes. ``size`` estimates the bytes of a value and its key;
    a value larger than ``largest`` is not kept."""

    def __init__(self, most: int, size: Callable[[V], int], largest: int | None = None) -> None:
        self.most, self.held = most, 0
        self._size, self._largest = size, most if largest is None else largest
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    def values(self) -> list[V]:
        return [value for value, _ in self._values.values()]

    def get(self, key: K) -> V | None:
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V) -> None:
        """Keep the value; put it again when its size has changed."""
        size = self._size(value)
        self.pop(key)
        if size > self._largest:
            return
        self._values[key] = value, size
        self.held += size
        while self.held > self.most:
            self.held -= self._values.popitem(last=False)[1][1]

    def pop(self, key: K) -> None:
        if found := self._values.pop(key, None):
            self.held -= found[1]

    def clear(self) -> None:
        self._values.clear()
        self.held = 0
