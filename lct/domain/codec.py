"""Converts values to what JSON and BSON can hold, and back by their type hints.

Supported: str, int, float, bool, datetime, ``X | None``, tuples, lists, sets, dicts, named tuples
and dataclasses. A named tuple becomes a list, and a dict or a set a list in its order. A frozen
dataclass, which an event may hold, becomes a dict of its fields; a mutable one, which only a
snapshot holds, becomes a list of them. A field with ``init=False`` is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import cache
from operator import attrgetter, is_
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

_SCALARS = (str, int, bool, NoneType, datetime)
_PLAIN = frozenset((*_SCALARS, float))


def plain(value: Any) -> Any:
    """``value`` as plain types, without our classes."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, set | frozenset):
        value = sorted(value)
    if isinstance(value, tuple | list):
        # A row of a few plain values needs no call for each: a snapshot has thousands of them.
        same = _PLAIN.issuperset(map(type, value))
        return list(value) if same else [plain(each) for each in value]
    if isinstance(value, dict):
        return [[plain(key), plain(each)] for key, each in value.items()]
    if is_dataclass(kind):
        return plain_record(value) if _is_frozen(kind) else plain(_values(kind)(value))
    return value


def plain_record(value: Any) -> dict[str, Any]:
    """A dataclass as a dict of its fields, each as plain types."""
    kind: Any = type(value)
    return {name: plain(getattr(value, name)) for name in _stored(kind)}


@cache
def _stored(kind: Any) -> tuple[str, ...]:
    """The fields of a dataclass that hold its value; the others are derived from them."""
    return tuple(field.name for field in fields(kind) if field.init)


@cache
def _values(kind: Any) -> Callable[[Any], tuple[Any, ...]]:
    """A function that returns the stored fields of a dataclass, which must have at least two."""
    return attrgetter(*_stored(kind))


def _is_frozen(kind: Any) -> bool:
    return bool(kind.__dataclass_params__.frozen)


@cache
def hints(kind: type) -> dict[str, Any]:
    """The type hints of a class, including ``Annotated`` metadata."""
    return get_type_hints(kind, include_extras=True)


@cache
def reader(kind: Any) -> Callable[[Any], Any]:
    """A function that builds a value of ``kind`` from a plain one, or raises TypeError."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return reader(args[0])
    if kind in _SCALARS:
        return _scalar(kind)
    if kind is float:
        return _float
    if origin in (Union, UnionType):
        return _scalar(*args) if _is_scalar(kind) else _union([reader(arg) for arg in args])
    if origin is tuple and args[-1] is not ...:
        return _row(tuple, args)
    if origin in (tuple, list, set, frozenset):
        return _many(origin, reader(args[0]))
    if origin in (dict, Mapping):
        pair = _row(tuple, args)
        return lambda value: dict(_many(list, pair)(value))
    if hasattr(kind, "_fields"):
        return _row(kind._make, [hints(kind)[name] for name in kind._fields])
    if is_dataclass(kind):
        return record(kind) if _is_frozen(kind) else _listed(kind)
    raise TypeError(f"no codec for {kind}")


def record(kind: Any) -> Callable[[Any], Any]:
    """A function that builds a dataclass from a dict of its fields.

    A frozen value that was stored before a field was added has that field's default.
    """
    readers = {name: reader(hints(kind)[name]) for name in _stored(kind)}
    added = {field.name for field in fields(kind) if field.default is not MISSING}
    needed = readers.keys() - (added if _is_frozen(kind) else ())

    def read(value: Any) -> Any:
        if not isinstance(value, dict) or not needed <= value.keys() <= readers.keys():
            raise TypeError(f"these are not the fields of {kind.__name__}")
        return kind(**{name: readers[name](each) for name, each in value.items()})

    return read


def _listed(kind: Any) -> Callable[[Any], Any]:
    return _row(lambda parts: kind(*parts), [hints(kind)[name] for name in _stored(kind)])


def _is_scalar(kind: Any) -> bool:
    """Whether a stored value of that kind is taken as it is, if its type is right."""
    if get_origin(kind) in (Union, UnionType):
        return all(arg in _SCALARS for arg in get_args(kind))
    return kind in (*_SCALARS, float)


def _scalar(*kinds: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) not in kinds:
            raise TypeError(f"{value!r} is not {' or '.join(kind.__name__ for kind in kinds)}")
        return value

    return read


def _float(value: Any) -> float:
    if type(value) not in (float, int):
        raise TypeError(f"{value!r} is not a number")
    return float(value)


def _union(readers: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        for each in readers:
            try:
                return each(value)
            except TypeError:
                continue
        raise TypeError(f"{value!r} matches none of the types")

    return read


def _row(make: Callable[[Any], Any], kinds: Sequence[Any]) -> Callable[[Any], Any]:
    readers = [reader(kind) for kind in kinds]
    # The types of rows of scalars that were read. Another row with the same types needs no check
    # of each part: most rows are teams and players, thousands of them.
    seen: set[tuple[type, ...]] | None = set() if all(map(_is_scalar, kinds)) else None

    def read(value: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) != len(readers):
            raise TypeError(f"{value!r} does not have {len(readers)} parts")
        if seen is None:
            return make([each(part) for each, part in zip(readers, value, strict=True)])
        types = tuple(map(type, value))
        if types in seen:
            return make(value)
        parts = [each(part) for each, part in zip(readers, value, strict=True)]
        if all(map(is_, parts, value)):
            seen.add(types)
        return make(parts)

    return read


def _many(make: Callable[[Any], Any], each: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise TypeError(f"{value!r} is not a list")
        return make(map(each, value))

    return read
