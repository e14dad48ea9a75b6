"""Why somebody stands where they stand in a table: the rule that parted those who were level."""

from __future__ import annotations

from collections.abc import Sequence

from ...domain.play.standings import Row
from ...domain.play.tallies import How, Outcome
from ...domain.play.tie_breaks import Parting, Rule
from ...domain.text import Text, counted, in_order, text
from .names import short_names
from .region import Scene

NAMED = 3  # of those who are level with somebody
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
    if match := _their_match(parted):
        return _by_match(match, row.entrant, others, tried)
    return text(
        "level with %(names)s on %(tried)s; parted by %(rule)s",
        names=others,
        tried=tried,
        rule=RULES[parted.rule],
    )


def _named(s: Scene, entrants: Sequence[str]) -> Text:
    """Who they are; of many, the first three."""
    names = short_names(s)
    if len(entrants) <= NAMED + 1:
        return listed([text("%(name)s", name=names[entrant]) for entrant in entrants])
    first = in_order(names[entrant] for entrant in entrants[:NAMED])
    rest = len(entrants) - NAMED
    return counted("%(names)s and %(n)s other", "%(names)s and %(n)s others", rest, names=first)


def _their_match(parted: Parting) -> Outcome | None:
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


def level(s: Scene, rows: Sequence[Row], cut: int) -> tuple[int, Text | None]:
    """The number of a row that was level with the next one, and what parted the two; 0 if there is
    none. The pair at the ``cut`` comes first, then the others from the top."""
    for number in (cut, *range(1, len(rows))):
        if number and (said := _parted_by(s, rows[number - 1], rows[number])):
            return number, said
    return 0, None


def _parted_by(s: Scene, upper: Row, lower: Row) -> Text | None:
    """What parted two neighbours with as many points; None if nothing did, or they have none to
    compare."""
    pair = {upper.entrant, lower.entrant}
    found = (row.parted for row in (lower, upper) if row.parted and row.played)
    parted = next((p for p in found if p.rule and pair <= set(p.among)), None)
    if parted is None or parted.rule is None:
        return None
    names = short_names(s)
    data: dict[str, str | Text] = {
        "tried": listed([RULES[rule] for rule in parted.tried]),
        "name": names[upper.entrant],
        "other": names[lower.entrant],
    }
    if match := _their_match(parted):
        if match.how is How.WALKOVER:
            return text("Level on %(tried)s: walkover for %(name)s against %(other)s", **data)
        goals = (match.home_goals, match.away_goals)
        ours, theirs = goals if match.home == upper.entrant else goals[::-1]
        return text(
            "Level on %(tried)s: %(name)s beat %(other)s %(ours)s:%(theirs)s",
            **data, ours=ours, theirs=theirs,
        )  # fmt: skip
    if parted.rule is Rule.LOTS:
        return text("Level on %(tried)s: %(name)s ahead by lots from the draw", **data)
    return text("Level on %(tried)s: %(name)s ahead on %(rule)s", **data, rule=RULES[parted.rule])


def listed(texts: Sequence[Text]) -> Text:
    """``a``, ``a and b``, ``a, b and c``."""
    *before, last = texts
    if not before:
        return last
    first = before[0]
    for each in before[1:]:
        first = text("%(first)s, %(next)s", first=first, next=each)
    return text("%(first)s and %(last)s", first=first, last=last)
