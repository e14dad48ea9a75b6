"""Converts values to what JSON and BSON can hold, and back by their type hints.

Supported: str, int, float, bool, datetime, ``X | None``, tuples, lists, sets, dicts, named tuples
and dataclasses. A named tuple becomes a list, a dict or a set becomes a list in its order, and a
dataclass becomes a dict of its fields; a field with ``init=False`` is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import cache
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
        return {name: plain(getattr(value, name)) for name in _stored(kind)}
    return value


@cache
def _stored(kind: type) -> tuple[str, ...]:
    """The fields of a dataclass that hold its value; the others are derived from them."""
    return tuple(field.name for field in fields(kind) if field.init)


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
        scalars = all(arg in _SCALARS for arg in args)
        return _scalar(*args) if scalars else _union([reader(arg) for arg in args])
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
        return record(kind)
    raise TypeError(f"no codec for {kind}")


def record(kind: Any) -> Callable[[Any], Any]:
    """A function that builds a dataclass from a dict of its fields.

    A frozen value that was stored before a field was added has that field's default.
    """
    readers = {name: reader(hints(kind)[name]) for name in _stored(kind)}
    added = {field.name for field in fields(kind) if field.default is not MISSING}
    needed = readers.keys() - (added if kind.__dataclass_params__.frozen else ())

    def read(value: Any) -> Any:
        if not isinstance(value, dict) or not needed <= value.keys() <= readers.keys():
            raise TypeError(f"these are not the fields of {kind.__name__}")
        return kind(**{name: readers[name](each) for name, each in value.items()})

    return read


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
    # A row of scalars of just these types needs no reader: most rows are teams, thousands of them.
    scalars = list(kinds) if all(kind in (*_SCALARS, float) for kind in kinds) else None

    def read(value: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) != len(readers):
            raise TypeError(f"{value!r} does not have {len(readers)} parts")
        if list(map(type, value)) == scalars:
            return make(value)
        return make([each(part) for each, part in zip(readers, value, strict=True)])

    return read


def _many(make: Callable[[Any], Any], each: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise TypeError(f"{value!r} is not a list")
        return make(map(each, value))

    return read
