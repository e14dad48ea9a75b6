"""Tables as screens show them, with the rule that parted those who are level."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from types import MappingProxyType
from typing import NamedTuple

from ...domain.play.competition import Competition
from ...domain.play.derivation import moved_on
from ...domain.play.formats import LEAGUE, Format, in_table
from ...domain.play.marks import FIRST, OUT, THROUGH
from ...domain.play.standings import Across, Row
from ...domain.play.tables import best_of_next_place
from ...domain.text import Text, text
from .level import RULES, level, listed, why
from .names import short_names
from .region import Region, Scene

ACROSS = "best"  # the name of the ranking across groups
MARKS = {FIRST: text("first"), THROUGH: text("through"), OUT: text("out")}
LAST = 5  # results of a form
PHONE, TV = "me/_line.html", "board/_line.html"  # templates of a row


class TableRow(NamedTuple):
    player_id: str
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
    level: str = ""  # of two for whom the TV says what parted them: upper or lower
    below: Text | None = None  # what parted the two


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
    form: str  # the last five results: W, D and L, the newest at the end
    moved: int  # by the newest result: 1 up, -1 down


class OnTv(NamedTuple):
    """What the TV shows of players besides their numbers, by their id."""

    consoles: Mapping[str, Text] = MappingProxyType({})  # where they play now
    form: Mapping[str, str] = MappingProxyType({})
    moved: Mapping[str, int] = MappingProxyType({})


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
    table, chosen = of.tables[name], of.basis.format
    through = chosen.through if name else chosen.cup or 1
    marked = s.t.play.marks(name) if of is s.t.play.competition else {}
    rows = _rows(s, table.rows, through + (name in (of.best_from or ())), marked)
    left = (row._replace(through=False, left=True) for row in _rows(s, table.left, 0, {}))
    title = group_text(name) if name else text("The table") if chosen.cup else None
    return ShownTable(name, title, (*rows, *left), table.finished)


def heads(shown: Iterable[ShownTable]) -> tuple[TableHead, ...]:
    return tuple(TableHead(t.title, len(t.rows), t.name == ACROSS) for t in shown)


def halved(head: TableHead, most: int) -> tuple[TableHead, ...]:
    """A table in pairs of parts that stand side by side, each with ``most`` rows or fewer."""
    parts = 2 * -(-head.rows // (2 * most))
    ends = [head.rows * part // parts for part in range(parts + 1)]
    return tuple(head._replace(rows=to - start) for start, to in pairwise(ends))


def cuts(heads: Iterable[TableHead]) -> tuple[int, ...]:
    """The places at which the rows of a table end among all of them."""
    return tuple(accumulate(head.rows for head in heads))


def lines(
    shown: Iterable[ShownTable],
    template: str,
    tv: OnTv = OnTv(),
    wide: bool = True,
) -> Iterable[Region]:
    """The rows of these tables. With ``wide`` a league shows all its numbers on the TV."""
    for table in shown:
        count = len(table.rows)
        for number, row in enumerate(table.rows, 1):
            note = table.note if number == count else None
            single = not table.title
            data = Line(
                row, single, single and wide, table.finished, note,
                tv.consoles.get(row.player_id), tv.form.get(row.player_id, ""),
                tv.moved.get(row.player_id, 0),
            )  # fmt: skip
            place = "-".join(filter(None, ("table", table.name, str(number))))
            yield Region(place, template, data)


def across_groups(s: Scene) -> tuple[ShownTable, ...]:
    """The ranking of the next place across the groups, if its best go on; else none."""
    return s.once(_across_groups)


def _across_groups(s: Scene) -> tuple[ShownTable, ...]:
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
    names = short_names(s)
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
    upper, below = level(s, rows, above)
    for number, row in enumerate(rows, 1):
        player = s.t.players[row.entrant]
        team = s.t.teams[player.dealt].name if player.dealt is not None else ""
        yield TableRow(
            row.entrant, row.place, player.called, team, row.played, row.won, row.drawn, row.lost,
            row.goals_for, row.goals_against, row.points, row.place < cut,
            above if number == above else 0, MARKS.get(marked.get(row.entrant, "")), why(s, row),
            groups[row.entrant] if groups else None, row.entrant in s.t.play.left,
            {upper: "upper", upper + 1: "lower"}.get(number, "") if below else "",
            below if number == upper else None,
        )  # fmt: skip


def form(s: Scene) -> dict[str, str]:
    """Player id -> the last five results in tables: W, D and L, the newest at the end."""
    play = s.t.play
    found = dict.fromkeys(play.entrants, "")
    short = len(found)  # how many have fewer than five
    for key in reversed(play.results):
        if not short:
            break
        match = play.competition.matches[key]
        if not match.result or not in_table(match.fixture):
            continue
        lead = match.result.lead()
        for side, ahead in zip(match.sides, (lead, -lead), strict=True):
            if side and len(found[side]) < LAST:
                level = "D" if match.result.score else "L"  # nobody came: both lost
                found[side] = ("W" if ahead > 0 else "L" if ahead < 0 else level) + found[side]
                short -= len(found[side]) == LAST
    return found


def moved(s: Scene) -> dict[str, int]:
    """Player id -> whether the newest result of a league brought them up (1) or down (-1)."""
    play = s.t.play
    if play.newest is None or play.format.kind != LEAGUE:
        return {}
    rows = moved_on(play.competition, play.newest, None).competition.tables[""].rows
    before = {row.entrant: place for place, row in enumerate(rows)}
    now = enumerate(play.competition.tables[""].rows)
    places = ((row.entrant, before[row.entrant], place) for place, row in now)
    return {who: (was > place) - (was < place) for who, was, place in places}
