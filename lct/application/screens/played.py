"""The matches at one moment, and what differs in a later one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from ...domain.fact import Touched
from ...domain.play.competition import Competition
from ...domain.play.results import Score
from ...domain.play.schedule import Call, Queue
from .now import Coming
from .region import Scene


class Played(NamedTuple):
    """Everything that screens show of matches follows from it. The state replaces these values and
    never changes them, so they stay as they were."""

    competition: Competition
    queue: Queue
    reports: Mapping[str, Mapping[str, Score]]
    newest: str | None  # the match decided last
    coming: Mapping[str, Call]


def played(s: Scene) -> Played | None:
    """The matches now; None if none are played."""
    if not s.has_matches:
        return None
    play = s.t.play
    return Played(
        play.competition, play.queue, dict(play.reports), play.newest, dict(s.once(Coming))
    )


def altered(old: Played, new: Played) -> Touched | None:
    """What differs between two moments; None if that may be anything."""
    was, now = old.competition, new.competition
    if (was.basis, was.best_from, was.champion) != (now.basis, now.best_from, now.champion):
        return None
    if now.champion and was.matches is not now.matches:
        return None  # every screen has the numbers of the evening
    changed, tables = _others(was.matches, now.matches), _others(was.tables, now.tables)
    if changed is None or tables is None:
        return None
    if any(was.matches[key].off != now.matches[key].off for key in changed):
        return None  # lists leave it out
    if any(was.tables[name].finished != now.tables[name].finished for name in tables):
        return None  # what follows is shown now
    keys = set(changed)
    for key in changed:
        keys.update(now.plan.after.get(key, ()))  # an open side says who may come
    for key in old.reports.keys() | new.reports.keys():
        if old.reports.get(key) is not new.reports.get(key):
            keys.add(key)
    keys.update(call.key for call in _moved(old.queue.consoles, new.queue.consoles))
    keys.update(call.key for call in _moved(old.coming, new.coming))
    if old.newest != new.newest:
        keys.update(filter(None, (old.newest, new.newest)))
    players = {side for call in _waiting(old, new, keys) for side in (call.home, call.away)}
    for of in (was, now):
        players.update(side for key in keys for side in of.matches[key].sides if side)
    players |= _placed(now, tables)
    return Touched(frozenset(players), frozenset(), frozenset(keys), frozenset(tables))


def _others(old: Mapping[str, object], new: Mapping[str, object]) -> list[str] | None:
    """The keys whose value is another object; None if the keys are others."""
    if new is old:
        return []
    found = [key for key, value in new.items() if old.get(key) is not value]
    known = len(old) == len(new) and all(key in old for key in found)
    return found if known else None


def _moved(old: Mapping[str, Call | None], new: Mapping[str, Call | None]) -> Iterable[Call]:
    """The calls that are only in one of the two."""
    for console in old.keys() | new.keys():
        calls = old.get(console), new.get(console)
        if calls[0] != calls[1]:
            yield from filter(None, calls)


def _waiting(old: Played, new: Played, keys: Collection[str]) -> Iterable[Call]:
    """The calls to come that say other things: they name the match on their console now."""
    for console, call in new.coming.items():
        before, now = (each.queue.consoles.get(console) for each in (old, new))
        if before != now or (now and now.key in keys):
            yield call


def _placed(now: Competition, tables: Iterable[str]) -> set[str]:
    """Everybody in these tables who may have a place for good, or be through or out of a group."""
    over = [table for name in tables if (table := now.tables[name]).finished or name]
    return {row.entrant for table in over for row in table.rows}
