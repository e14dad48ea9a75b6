"""Converts values to what JSON and BSON can hold, and back by their type hints.

Supported: str, int, float, bool, datetime, ``X | None``, tuples, lists, sets, dicts, named tuples
and dataclasses. A named tuple becomes a list, a dict or a set becomes a list in its order, and a
dataclass becomes a dict of its fields.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

_SCALARS = (str, int, bool, NoneType, datetime)


def plain(value: Any) -> Any:
    """``value`` as plain types, without our classes."""
    if isinstance(value, tuple | list | set):
        return [plain(each) for each in (sorted(value) if isinstance(value, set) else value)]
    if isinstance(value, dict):
        return [[plain(key), plain(each)] for key, each in value.items()]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value


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
        return _union([reader(arg) for arg in args])
    if origin is tuple and args[-1] is not ...:
        return _row(tuple, [reader(arg) for arg in args])
    if origin in (tuple, list, set):
        return _many(origin, reader(args[0]))
    if origin is dict:
        pair = _row(tuple, [reader(arg) for arg in args])
        return lambda value: dict(_many(list, pair)(value))
    if hasattr(kind, "_fields"):
        return _row(kind._make, [reader(hints(kind)[name]) for name in kind._fields])
    if is_dataclass(kind):
        return record(kind)
    raise TypeError(f"no codec for {kind}")


def record(kind: Any) -> Callable[[Any], Any]:
    """A function that builds a dataclass from a dict with exactly its fields."""
    readers = {field.name: reader(hints(kind)[field.name]) for field in fields(kind)}

    def read(value: Any) -> Any:
        if not isinstance(value, dict) or value.keys() != readers.keys():
            raise TypeError(f"these are not the fields of {kind.__name__}")
        return kind(**{name: readers[name](each) for name, each in value.items()})

    return read


def _scalar(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"{value!r} is not {kind.__name__}")
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


def _row(make: Callable[[Any], Any], readers: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) != len(readers):
            raise TypeError(f"{value!r} does not have {len(readers)} parts")
        return make(each(part) for each, part in zip(readers, value, strict=True))

    return read


def _many(make: Callable[[Any], Any], each: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise TypeError(f"{value!r} is not a list")
        return make(map(each, value))

    return read
