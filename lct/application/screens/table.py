"""Tables as screens show them, with the rule that parted those who are level."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import NamedTuple

from ...domain.play.competition import Competition, best_of_next_place
from ...domain.play.formats import Format
from ...domain.play.marks import FIRST, OUT, THROUGH
from ...domain.play.standings import Across, Row
from ...domain.play.tallies import How, Outcome
from ...domain.play.tie_breaks import Parting, Rule
from ...domain.text import Text, counted, text
from .matches import short_names
from .region import Region, Scene

RULES = {
    Rule.POINTS: text("points"),
    Rule.DIFFERENCE: text("goal difference"),
    Rule.GOALS: text("goals"),
    Rule.WINS: text("wins"),
    Rule.H2H_POINTS: text("points among them"),
    Rule.H2H_DIFFERENCE: text("goal difference among them"),
    Rule.H2H_GOALS: text("goals among them"),
    Rule.LOTS: text("lots from the draw"),
}


NAMED = 3  # of those who are level with somebody
ACROSS = "best"  # the name of the ranking across groups
MARKS = {FIRST: text("first"), THROUGH: text("through"), OUT: text("out")}
PHONE, TV = "me/_line.html", "board/_line.html"  # templates of a row


class TableRow(NamedTuple):
    place: int  # 0: none, they left
    name: str
    team: str
    played: int
    won: int
    drawn: int
    lost: int
    goals_for: int
    goals_against: int
    points: int
    through: bool  # among those who go on, as it stands
    cut: int  # below the last one of those: how many they are; else 0
    mark: Text | None  # what is certain of them: first, through or out
    why: Text | None  # how they were parted from others with as many points
    group: Text | None  # that they come from, in a ranking across groups
    left: bool = False  # they left during the matches


class ShownTable(NamedTuple):
    name: str  # of the group; empty: the one table of a league
    title: Text | None
    rows: tuple[TableRow, ...]
    finished: bool
    note: Text | None = None  # what the ranking leaves out


class TableHead(NamedTuple):
    title: Text | None
    rows: int
    across: bool  # it ranks those of all groups who are in one place


class Line(NamedTuple):
    """A row of a table, with what stands below it."""

    row: TableRow
    single: bool  # it is the only table
    wide: bool  # there is room for all numbers on the TV
    finished: bool  # the table
    note: Text | None  # below the last row
    console: Text | None  # on which this player is now


class Tables(NamedTuple):
    tables: tuple[TableHead, ...]
    ordered: Text  # by what


def ordered_by(chosen: Format) -> Text:
    """How places in a table are found."""
    rules = chosen.rules
    first, *more = (RULES[rule] for rule in rules.order.rules)
    for rule in more:
        first = text("%(first)s, then %(next)s", first=first, next=rule)
    return text(
        "Points: %(win)s for a win, %(draw)s for a draw. Level on points: %(rules)s.",
        win=rules.win,
        draw=rules.draw,
        rules=first,
    )


def all_tables(s: Scene) -> tuple[ShownTable, ...]:
    return *tables(s), *across_groups(s)


def tables(s: Scene, names: Collection[str] | None = None) -> tuple[ShownTable, ...]:
    """The table of the league, or those of the groups, or those of these ``names``."""
    of = s.t.play.competition
    return tuple(shown_table(s, of, name) for name in of.tables if names is None or name in names)


def shown_table(s: Scene, of: Competition, name: str) -> ShownTable:
    """One table of a competition; those who left are at its end, without a place."""
    table, through = of.tables[name], of.basis.format.through if len(of.tables) > 1 else 1
    marked = s.t.play.marks(name) if of is s.t.play.competition else {}
    rows = _rows(s, table.rows, through + (name in (of.best_from or ())), marked)
    left = (row._replace(through=False, left=True) for row in _rows(s, table.left, 0, {}))
    title = group_text(name) if name else None
    return ShownTable(name, title, (*rows, *left), table.finished)


def heads(shown: Iterable[ShownTable]) -> tuple[TableHead, ...]:
    return tuple(TableHead(t.title, len(t.rows), t.name == ACROSS) for t in shown)


def cuts(shown: Iterable[ShownTable]) -> tuple[int, ...]:
    """The places at which the rows of a table end among all of them."""
    return tuple(accumulate(len(table.rows) for table in shown))


def lines(
    shown: Iterable[ShownTable],
    template: str,
    consoles: Mapping[str, Text] = MappingProxyType({}),
    wide: bool = True,
) -> Iterable[Region]:
    """The rows of these tables; ``consoles``: the names of those who play now, and where."""
    for table in shown:
        count = len(table.rows)
        for number, row in enumerate(table.rows, 1):
            note = table.note if number == count else None
            single = not table.title
            console = consoles.get(row.name)
            data = Line(row, single, single and wide, table.finished, note, console)
            place = "-".join(filter(None, ("table", table.name, str(number))))
            yield Region(place, template, data)


def across_groups(s: Scene) -> tuple[ShownTable, ...]:
    """The ranking of the next place across the groups, if its best go on; else none."""
    of, chosen = s.t.play.competition, s.t.play.format
    if not chosen.best or len(of.tables) < 2:
        return ()
    ranking = best_of_next_place(of.basis, of.tables)
    groups = {row.entrant: group_text(name) for name, t in of.tables.items() for row in t.rows}
    marked = {who: mark for name in of.tables for who, mark in s.t.play.marks(name).items()}
    rows = tuple(_rows(s, ranking.rows, chosen.best, marked, groups))
    title = text("Best runners-up") if chosen.through == 1 else text("Best thirds")
    note = _left_out(s, ranking)
    return (ShownTable(ACROSS, title, rows, of.best_from is not None, note),)


def _left_out(s: Scene, ranking: Across) -> Text | None:
    if not ranking.left_out:
        return None
    names = s.once(short_names)
    return text(
        "Groups differ in size, so matches against the last of the larger ones do not count here: "
        "%(names)s",
        names=listed([text("%(name)s", name=names[e]) for e in ranking.left_out]),
    )


def group_text(name: str) -> Text:
    return text("Group %(group)s", group=name)


def _rows(
    s: Scene,
    rows: Sequence[Row],
    through: int,
    marked: Mapping[str, str],
    groups: Mapping[str, Text] | None = None,
) -> Iterable[TableRow]:
    # Nobody who shares a place with the first one out is through, as it stands.
    cut = rows[through].place if through < len(rows) else len(rows) + 1
    above = sum(row.place < cut for row in rows) if through < len(rows) else 0
    for number, row in enumerate(rows, 1):
        player = s.t.players[row.entrant]
        team = s.t.teams[player.dealt].name if player.dealt is not None else ""
        yield TableRow(
            row.place, player.name, team, row.played, row.won, row.drawn, row.lost,
            row.goals_for, row.goals_against, row.points, row.place < cut,
            above if number == above else 0, MARKS.get(marked.get(row.entrant, "")), why(s, row),
            groups[row.entrant] if groups else None, row.entrant in s.t.play.left,
        )  # fmt: skip


# --- why somebody stands where they stand ---------------------------------------------------------


def why(s: Scene, row: Row) -> Text | None:
    """How the entrant was parted from those with as many points; None if there are none, or before
    anybody has played."""
    parted = row.parted
    if parted is None or not row.played:
        return None
    others = _named(s, [entrant for entrant in parted.among if entrant != row.entrant])
    if parted.rule is None:
        return text("level with %(names)s so far", names=others)
    tried = listed([RULES[rule] for rule in parted.tried])
    if match := _their_match(parted, row.entrant):
        return _by_match(match, row.entrant, others, tried)
    return text(
        "level with %(names)s on %(tried)s; parted by %(rule)s",
        names=others,
        tried=tried,
        rule=RULES[parted.rule],
    )


def _named(s: Scene, entrants: Sequence[str]) -> Text:
    """Who they are; of many, the first three."""
    names = s.once(short_names)
    if len(entrants) <= NAMED + 1:
        return listed([text("%(name)s", name=names[entrant]) for entrant in entrants])
    first = ", ".join(names[entrant] for entrant in entrants[:NAMED])
    rest = len(entrants) - NAMED
    return counted("%(names)s and %(n)s other", "%(names)s and %(n)s others", rest, names=first)


def _their_match(parted: Parting, entrant: str) -> Outcome | None:
    """The one match between two who were parted by it."""
    if parted.rule is not Rule.H2H_POINTS or len(parted.among) != 2:
        return None
    theirs = [m for m in parted.matches if {m.home, m.away} == set(parted.among)]
    return theirs[0] if len(theirs) == 1 else None


def _by_match(match: Outcome, entrant: str, other: Text, tried: Text) -> Text:
    lead = match.home_goals - match.away_goals
    won = (lead > 0) == (match.home == entrant)
    if match.how is How.WALKOVER and won:
        return text(
            "level with %(name)s on %(tried)s; won their match (walkover)", name=other, tried=tried
        )
    if won:
        return text("level with %(name)s on %(tried)s; won their match", name=other, tried=tried)
    return text("level with %(name)s on %(tried)s; lost their match", name=other, tried=tried)


def listed(texts: Sequence[Text]) -> Text:
    """``a``, ``a and b``, ``a, b and c``."""
    *before, last = texts
    if not before:
        return last
    first = before[0]
    for each in before[1:]:
        first = text("%(first)s, %(next)s", first=first, next=each)
    return text("%(first)s and %(last)s", first=first, last=last)
