"""What is certain while matches are left: the places on which each entrant can still end."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, groupby, product
from typing import NamedTuple

from .open_places import Ending, Range, open_places
from .standings import standings
from .tallies import NOTHING, Outcome, Tallies, count
from .tie_breaks import Rule, Rules, measure

MOST_WORK = 700  # ways to win, draw and lose the matches left, times entrants
MOST_SCORES = 100  # scores to go through where three or more are level, times pairs of them


def certain(
    entrants: Collection[str],
    tallies: Tallies,
    rules: Rules,
    left: Sequence[tuple[str, str]],
    lots: Mapping[str, int] | None = None,
    cuts: Collection[int] = (),
) -> dict[str, Range]:
    """The range of each entrant's final place; no place outside it is possible.

    With ``cuts``, such as 2 where two go through, a range says only whether its entrant can end
    both within the first so many places and below. That is a fraction of the work.

    ``left`` holds the fixtures (home, away) still to be played. Method: go through every way in
    which they can be won, drawn and lost. Each fixes the points; goals have no upper limit. So what
    one of two level entrants has over the other, by some rule, is a number or an interval without
    an end, and the first rule whose interval does not hold 0 decides. That is exact for two. Where
    three or more are level, their goals are not independent: try scores, up to
    MOST_SCORES of them; the last ones stand for all higher scores. If that is too few, a range
    can be too wide, but never too narrow. Over MOST_WORK, points alone are compared.

    Every match left counts as played. A double no-show, a withdrawal or a correction can undo what
    was certain.
    """
    if not left:
        return _finished(entrants, tallies, rules, lots)
    if 3 ** len(left) * len(entrants) > MOST_WORK:
        return _by_points_alone(entrants, tallies, rules, left)
    return _by_every_way(entrants, tallies, rules, left, lots or {}, cuts)


def _finished(
    entrants: Collection[str], tallies: Tallies, rules: Rules, lots: Mapping[str, int] | None
) -> dict[str, Range]:
    """The places themselves; lots may still part those who share one."""
    rows = standings(entrants, tallies, rules, lots, finished=True)
    sharing = Counter(row.place for row in rows)
    drawn = Rule.LOTS in rules.order.rules
    return {
        row.entrant: Range(row.place, row.place + drawn * (sharing[row.place] - 1)) for row in rows
    }


def _by_points_alone(
    entrants: Collection[str], tallies: Tallies, rules: Rules, left: Sequence[tuple[str, str]]
) -> dict[str, Range]:
    """Two are parted only if one of them cannot even draw level on points any more."""
    each = rules.win, rules.draw, rules.loss
    least, most = {}, {}
    matches = Counter(chain.from_iterable(left))
    for entrant in entrants:
        points = measure(Rule.POINTS, tallies.of.get(entrant, NOTHING), rules)
        least[entrant] = points + matches[entrant] * min(each)
        most[entrant] = points + matches[entrant] * max(each)
    lowest, highest = sorted(least.values()), sorted(most.values())
    return {
        entrant: Range(
            1 + len(least) - bisect_right(lowest, most[entrant]),
            len(least) - bisect_left(highest, least[entrant]),
        )
        for entrant in entrants
    }


class _Crowd(NamedTuple):
    """Three or more who are level once the matches left have ended in one way, with so many others
    above. ``places`` holds all that is possible, and maybe more: it compares them two by two."""

    way: tuple[Outcome, ...]
    tie: list[str]
    above: int
    places: dict[str, Range]


def _by_every_way(
    entrants: Collection[str],
    tallies: Tallies,
    rules: Rules,
    left: Sequence[tuple[str, str]],
    lots: Mapping[str, int],
    cuts: Collection[int],
) -> dict[str, Range]:
    ranges = dict.fromkeys(entrants, Range(len(entrants), 1))
    moving = {side for fixture in left for side in fixture}
    points = {e: measure(Rule.POINTS, tallies.of.get(e, NOTHING), rules) for e in entrants}
    crowds: list[_Crowd] = []
    results = [(Outcome(h, a, 1, 0), Outcome(h, a, 0, 0), Outcome(h, a, 0, 1)) for h, a in left]
    for way in product(*results):
        ending, above = None, 0
        for tie in _level(points, way, rules):
            places = dict.fromkeys(tie, Range(above + 1, above + len(tie)))
            if len(tie) > 1 and _tells(places, ranges, cuts):
                won = [outcome for outcome in way if outcome.home_goals != outcome.away_goals]
                ending = ending or Ending(count(way, tallies), way, won, rules, lots)
                places = open_places(tie, above, ending)
            if len(tie) > 2 and not moving.isdisjoint(tie):
                crowds.append(_Crowd(way, tie, above, places))
            else:
                ranges |= _wider(ranges, places)
            above += len(tie)
    crowds = [crowd for crowd in crowds if _tells(crowd.places, ranges, cuts)]
    for crowd in crowds:
        pairs = len(crowd.tie) * (len(crowd.tie) - 1) // 2 * len(crowds)
        most = int((MOST_SCORES / pairs) ** (1 / len(left)))
        for ending in _endings(crowd, tallies, rules, lots, most):
            if not _tells(crowd.places, ranges, cuts):
                break
            ranges |= _wider(ranges, open_places(crowd.tie, crowd.above, ending))
    return ranges


def _level(points: Mapping[str, int], way: Sequence[Outcome], rules: Rules) -> Iterator[list[str]]:
    """The entrants by points after these outcomes, most first; those level together."""
    after = dict(points)
    for outcome in way:
        lead = outcome.home_goals - outcome.away_goals
        after[outcome.home] += rules.win if lead > 0 else rules.loss if lead else rules.draw
        after[outcome.away] += rules.win if lead < 0 else rules.loss if lead else rules.draw
    order = sorted(after, key=after.__getitem__, reverse=True)
    return (list(tie) for _, tie in groupby(order, after.__getitem__))


def _tells(places: Mapping[str, Range], ranges: Mapping[str, Range], cuts: Collection[int]) -> bool:
    """Whether these places would make a range wider; with ``cuts``, across one of them."""
    if not cuts:
        return bool(_wider(ranges, places))
    return any(
        min(best, old.best) <= cut < max(worst, old.worst) and not old.best <= cut < old.worst
        for (best, worst), old in ((new, ranges[entrant]) for entrant, new in places.items())
        for cut in cuts
    )


def _wider(ranges: Mapping[str, Range], places: Mapping[str, Range]) -> dict[str, Range]:
    """The ranges that ``places`` make wider."""
    return {
        entrant: Range(min(best, ranges[entrant].best), max(worst, ranges[entrant].worst))
        for entrant, (best, worst) in places.items()
        if best < ranges[entrant].best or worst > ranges[entrant].worst
    }


def _endings(
    crowd: _Crowd, tallies: Tallies, rules: Rules, lots: Mapping[str, int], most: int
) -> Iterator[Ending]:
    """The way of the crowd with at most ``most`` scores a match; the last ones stand for all that
    are higher."""
    margin, goals = _scores(crowd.tie, tallies, rules, most)
    for outcomes in product(*(_higher(outcome, margin, goals) for outcome in crowd.way)):
        yield Ending(
            count(outcomes, tallies),
            [o for o in outcomes if min(o.home_goals, o.away_goals) == goals],
            [o for o in outcomes if abs(o.home_goals - o.away_goals) == margin],
            rules,
            lots,
        )


def _scores(tie: Sequence[str], tallies: Tallies, rules: Rules, most: int) -> tuple[int, int]:
    """The highest margin and loser's goals to go through, in at most ``most`` scores a match.

    One match needs no more than what lies between two of the tied; more changes no order of two.
    """
    own = [tallies.of.get(entrant, NOTHING) for entrant in tie]
    apart = [[measure(rule, t, rules) for t in own] for rule in (Rule.DIFFERENCE, Rule.GOALS)]
    by_margin, by_goals = (max(values) - min(values) + 1 for values in apart)
    margin = max(1, min(by_margin, most))
    return margin, max(0, min(by_goals, most // margin - 1))


def _higher(least: Outcome, margin: int, goals: int) -> list[Outcome]:
    """The scores of the same kind up to ``margin`` and the loser's ``goals``."""
    by = least.home_goals - least.away_goals
    return [
        Outcome(least.home, least.away, low + max(by, 0) * more, low + max(-by, 0) * more)
        for low in range(goals + 1)
        for more in (range(1, margin + 1) if by else (0,))
    ]
