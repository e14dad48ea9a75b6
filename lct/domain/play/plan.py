"""What a competition is made of besides the results, and the plan: its matches, and which of them
follow from which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple

from .formats import Format, fixtures, in_table
from .matches import Fixture, LoserOf, PlaceIn, Seed, WinnerOf

KEPT = 8  # plans; one of 4,000 matches takes about 2 MB


class Basis(NamedTuple):
    """What a competition is made of besides the results. ``lots`` are the entrants in the order
    that lots gave them. ``left`` has the policy for each of those who left: withdrawals.py."""

    format: Format
    entrants: tuple[str, ...]  # in the order of the seeding
    lots: tuple[str, ...]
    left: Mapping[str, str] = MappingProxyType({})
    rounds: tuple[tuple[str, ...], ...] = ()  # of a Swiss system, as far as they are paired


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """``order`` is each match's place in the plan: after all that it depends on. ``ahead`` is how
    many rounds wait for it. ``after`` has the matches that follow from a match, ``out_of`` those
    that follow from a group's table, and ``table`` the matches that count in it. ``needs`` has the
    matches that a match follows from, with those of a table in which it has a place. ``fixed`` has
    the matches of a seed whose sides are known from the start; all others are ``open``."""

    fixtures: tuple[Fixture, ...]
    order: Mapping[str, int]
    ahead: Mapping[str, int]
    after: Mapping[str, tuple[str, ...]]
    out_of: Mapping[str, tuple[str, ...]]
    table: Mapping[str, tuple[str, ...]]
    needs: Mapping[str, tuple[str, ...]]
    fixed: Mapping[int, tuple[str, ...]]
    open: tuple[str, ...]
    conditional: tuple[str, ...]  # matches that may never be played


@lru_cache(maxsize=KEPT)
def plan_of(chosen: Format, n: int, best_from: tuple[str, ...] | None = None) -> Plan:
    """The plan for ``n`` entrants; empty for none. ``best_from`` names the groups that the best of
    the next place come from, once that is known; only the sources of the bracket depend on it."""
    found = fixtures(chosen, n, best_from) if n else ()
    after: dict[str, list[str]] = {}
    out_of: dict[str, list[str]] = {}
    table: dict[str, list[str]] = {}
    fixed: dict[int, list[str]] = {}
    open_: list[str] = []
    for fixture in found:
        sources = fixture.home, fixture.away
        seeds = [source.n for source in sources if isinstance(source, Seed)]
        if len(seeds) == 2:
            for seed in seeds:
                fixed.setdefault(seed, []).append(fixture.key)
        else:
            open_.append(fixture.key)
        for key in needs(fixture):
            after.setdefault(key, []).append(fixture.key)
        for source in sources:
            if isinstance(source, PlaceIn):
                out_of.setdefault(source.group, []).append(fixture.key)
        if in_table(fixture):
            table.setdefault(fixture.group, []).append(fixture.key)
    ahead: dict[str, int] = {}
    for fixture in reversed(found):
        later = [ahead[key] for key in after.get(fixture.key, ())]
        ahead[fixture.key] = 1 + max(later) if later else 0
    return Plan(
        found,
        {fixture.key: place for place, fixture in enumerate(found)},
        ahead,
        _frozen(after),
        _frozen(out_of),
        _frozen(table),
        {fixture.key: (*sorted(needs(fixture)), *_in_tables(fixture, table)) for fixture in found},
        {seed: tuple(keys) for seed, keys in fixed.items()},
        tuple(open_),
        tuple(fixture.key for fixture in found if fixture.only_if_away_won),
    )


def _frozen(lists: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(keys) for name, keys in lists.items()}


def _in_tables(fixture: Fixture, table: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The matches of the groups in which a match has a place."""
    groups = {
        source.group for source in (fixture.home, fixture.away) if isinstance(source, PlaceIn)
    }
    return chain.from_iterable(table[group] for group in sorted(groups))


def needs(fixture: Fixture) -> set[str]:
    """The matches that a match follows from."""
    sources = fixture.home, fixture.away
    keys = {source.key for source in sources if isinstance(source, WinnerOf | LoserOf)}
    if fixture.leg == 2:
        keys.add(fixture.legs[0])
    return keys | ({fixture.only_if_away_won} if fixture.only_if_away_won else set())
