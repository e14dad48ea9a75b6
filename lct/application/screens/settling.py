"""The organiser's matches: those that need them, the others, and the sheet to settle one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import nsmallest
from itertools import islice
from typing import NamedTuple

from ...domain.play import state
from ...domain.play.checks import check_playable
from ...domain.play.formats import needs_winner
from ...domain.play.match import Match
from ...domain.play.refusals import UnknownMatch
from ...domain.play.results import Result, Score
from ...domain.spelling import finds, sought
from ...domain.text import Text
from .matches import Shower, ShownMatch, console_text, is_listed, match_region
from .now import next_keys
from .phases import FINISHED, PLAY
from .region import Region, Scene
from .table import PHONE, Tables, all_tables, cuts, heads, lines, ordered_by

LISTED = 60  # matches of a list; the others are found by name


class Said(NamedTuple):
    """What a player reported."""

    name: str
    score: Score


class Need(NamedTuple):
    """A match that the organiser may have to settle."""

    version: int
    match: ShownMatch
    said: tuple[Said, ...]


class HostMatch(NamedTuple):
    match: ShownMatch
    opens: bool  # its result can be set, or cleared
    soon: bool  # among those that are called next


class Matches(NamedTuple):
    """A list of matches; ``total`` are all of them, listed or not."""

    kind: str  # needs, now, later or played
    total: int
    disputes: int = 0


class Settle(NamedTuple):
    """The sheet of one match. ``score`` is in its fields."""

    version: int
    match: ShownMatch
    needs_winner: bool
    score: Score | None
    said: tuple[Said, ...]
    wrong: Text | None
    consoles: tuple[tuple[str, Text], ...]  # that it can be called to; empty: it is played
    called: bool
    away_goals: bool


class Found(NamedTuple):
    """The matches of those whose name has these words."""

    words: str
    total: int


class Confirm(NamedTuple):
    """A change that loses results: its form's fields, to be sent again with the matches."""

    version: int
    what: str  # result, format or pair
    fields: tuple[tuple[str, str], ...]
    falls: tuple[ShownMatch, ...]
    second: ShownMatch | None  # of a first leg: its second one, which counts otherwise then


SHEET = "confirm"  # the id of the region over the page
NO_SHEET = Region(SHEET, "organise/_no_sheet.html", ())


def lists(s: Scene) -> tuple[Region, ...]:
    """What needs the organiser, what is on or next, what comes later and what is played."""
    if s.phase not in (PLAY, FINISHED):
        return (_needs(s, (), 0), *(_list(s, kind, (), 0) for kind in ("now", "later", "played")))
    play, of = s.t.play, s.t.play.competition
    order = of.plan.order.__getitem__
    said = [key for key in sorted(play.reports, key=order) if not of.matches[key].decided]
    disputes = [key for key in said if play.state_of(of.matches[key]) == state.DISPUTED]
    level = [key for key, match in of.matches.items() if match.fixture.leg == 2 and match.level]
    urgent = (*disputes, *level)
    needs = (*urgent, *(key for key in said if key not in urgent))
    called = {call.key for call in play.queue.consoles.values() if call}.difference(said)
    ready = of.ready.keys() - play.reports.keys() - called
    soon = s.once(next_keys) & ready
    now = [*sorted(called, key=order), *sorted(soon, key=order)]
    ready -= soon
    open_ = (key for key, match in of.matches.items() if not match.decided and key not in of.ready)
    waiting = [key for key in open_ if of.is_paired(of.matches[key].fixture)]
    later = (*nsmallest(LISTED, ready, key=order), *waiting)
    played = [key for key in reversed(play.results) if is_listed(of, of.matches[key])]
    if play.left:  # and the walkovers against them
        played += [k for k, m in of.matches.items() if m.result and k not in play.results]
    return (
        _needs(s, needs, len(urgent)),
        _list(s, "now", now, len(now)),
        _list(s, "later", later, len(ready) + len(waiting)),
        _list(s, "played", played, len(played)),
    )


def _needs(s: Scene, keys: Sequence[str], urgent: int) -> Region:
    play, shower, rows = s.t.play, s.once(Shower), list[Region]()
    for key in keys:
        match = play.competition.matches[key]
        data = Need(s.t.version, shower.match(match), _said(s, shower, match))
        rows.append(match_region("need-", "organise/_need.html", key, data))
    counted = Matches("needs", len(rows), urgent)
    return Region("needs", "organise/_needs.html", counted, tuple(rows))


def _list(s: Scene, kind: str, keys: Iterable[str], total: int) -> Region:
    of = s.t.play.competition.matches
    rows = tuple(_rows(s, (of[key] for key in keys)))
    return Region(f"matches-{kind}", "organise/_matches.html", Matches(kind, total), rows)


def _rows(s: Scene, matches: Iterable[Match], prefix: str = "match-") -> Iterable[Region]:
    shower, soon = s.once(Shower), s.once(next_keys)
    for match in islice(matches, LISTED):
        opens = match.playable or match.result is not None
        data = HostMatch(shower.match(match), opens, match.key in soon)
        yield match_region(prefix, "organise/_match.html", match.key, data)


def _said(s: Scene, shower: Shower, match: Match) -> tuple[Said, ...]:
    """What was reported, the home side first."""
    said = s.t.play.reports.get(match.key, {}).items()
    by_side = sorted(said, key=lambda report: report[0] != match.home)
    return tuple(Said(shower.short[who], score) for who, score in by_side)


def tables_sheet(s: Scene) -> Region:
    """The tables as they are now."""
    shown = all_tables(s) if s.has_matches else ()
    data = Tables(heads(shown), ordered_by(s.t.play.format))
    return Region(
        SHEET, "organise/_tables.html", data, tuple(lines(shown, PHONE)), cuts(heads(shown))
    )


# --- the sheet ------------------------------------------------------------------------------------


def settle(s: Scene, key: str, score: Score | None = None, wrong: Text | None = None) -> Region:
    """The sheet of a match: with ``score`` in its fields, or else the score that it has."""
    match = s.t.play.competition.matches.get(key) if s.phase in (PLAY, FINISHED) else None
    if match is None:
        raise UnknownMatch
    if not match.result:
        check_playable(match)
    shower, play = s.once(Shower), s.t.play
    played, here = match.decided or key in play.reports, play.console_of(key)
    free = [] if played else [name for name in play.queue.consoles if name != here]
    data = Settle(
        s.t.version,
        shower.match(match),
        needs_winner(match.fixture),
        score or match.score,
        _said(s, shower, match),
        wrong,
        tuple((name, console_text(name)) for name in free),
        bool(here and not played),
        play.format.away_goals,
    )
    return Region(SHEET, "organise/_settle.html", data)


def found(s: Scene, words: str) -> Region:
    """The matches of those whose name has all these words."""
    asked = sought(words).strip()
    who = {p.id for p in s.t.players.values() if asked and finds(words, p.name)}
    matches = s.t.play.competition.matches.values() if s.phase in (PLAY, FINISHED) else ()
    theirs = [m for m in matches if not m.off and not who.isdisjoint(m.sides)]
    rows = tuple(_rows(s, theirs, "found-"))
    return Region(SHEET, "organise/_found.html", Found(words, len(theirs)), rows)


def confirm(
    s: Scene,
    fields: tuple[tuple[str, str], ...],
    falls: tuple[str, ...],
    key: str = "",
    result: Result | None = None,
) -> Region:
    """The question whether these matches may lose their results: to another format, or because
    the match of that key gets this one."""
    shower, play = s.once(Shower), s.t.play
    known, second = play.competition.matches, None
    legs = known[key].fixture.legs if key in known else ()
    if legs and legs[1] in falls and key != legs[1]:
        second = shower.match(play.after(key, result).competition.matches[legs[1]])
        falls = tuple(each for each in falls if each != legs[1])
    shown = tuple(shower.match(known[each]) for each in falls if each in known)
    data = Confirm(s.t.version, dict(fields).get("do", ""), fields, shown, second)
    return Region(SHEET, "organise/_confirm.html", data)
