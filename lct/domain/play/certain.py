"""What is certain while matches are left: the places on which each entrant can still end."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, combinations, groupby, product
from math import inf
from typing import NamedTuple

from .standings import standings
from .tallies import NOTHING, Outcome, Tallies, count
from .tie_breaks import HEAD_TO_HEAD, Rule, Rules, measure

MOST_WORK = 700  # ways to win, draw and lose the matches left, times entrants
MOST_SCORES = 100  # scores to go through where three or more are level, times pairs of them
_OPEN = (-inf, inf)


class Range(NamedTuple):
    """The best and the worst place possible. Through to n: worst <= n. Out: best > n."""

    best: int
    worst: int


class _Ending(NamedTuple):
    """One way in which the matches left end: their fewest goals, and where there may be more."""

    tallies: Tallies  # the matches left included
    more_goals: Sequence[Outcome]  # both sides may have any number more
    more_margin: Sequence[Outcome]  # the winner may have any number more
    rules: Rules
    lots: Mapping[str, int]


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
        rows = standings(entrants, tallies, rules, lots, finished=True)
        shared = [row.place for row in rows]
        open_end = Rule.LOTS in rules.order.rules  # lots may still part those who share a place
        return {
            row.entrant: Range(row.place, row.place + open_end * (shared.count(row.place) - 1))
            for row in rows
        }
    if 3 ** len(left) * len(entrants) > MOST_WORK:
        return _by_points_alone(entrants, tallies, rules, left)
    ranges = dict.fromkeys(entrants, Range(len(entrants), 1))
    moving = {side for fixture in left for side in fixture}
    points = {e: measure(Rule.POINTS, tallies.of.get(e, NOTHING), rules) for e in entrants}
    crowded = []
    results = [(Outcome(h, a, 1, 0), Outcome(h, a, 0, 0), Outcome(h, a, 0, 1)) for h, a in left]
    for way in product(*results):
        ending, above = None, 0
        for tie in _level(points, way, rules):
            places = dict.fromkeys(tie, Range(above + 1, above + len(tie)))
            if len(tie) > 1 and _tells(places, ranges, cuts):
                won = [outcome for outcome in way if outcome.home_goals != outcome.away_goals]
                ending = ending or _Ending(count(way, tallies), way, won, rules, lots or {})
                places = _places(tie, above, ending)
            if len(tie) > 2 and not moving.isdisjoint(tie):
                crowded.append((way, tie, above, places))
            else:
                ranges |= _wider(ranges, places)
            above += len(tie)
    crowded = [each for each in crowded if _tells(each[3], ranges, cuts)]
    for way, tie, above, places in crowded:
        if not _tells(places, ranges, cuts):
            continue
        pairs = len(tie) * (len(tie) - 1) // 2 * len(crowded)
        most = int((MOST_SCORES / pairs) ** (1 / len(left)))
        margin, goals = _scores(tie, tallies, rules, most)
        for outcomes in product(*(_higher(outcome, margin, goals) for outcome in way)):
            ending = _Ending(
                count(outcomes, tallies),
                [o for o in outcomes if min(o.home_goals, o.away_goals) == goals],
                [o for o in outcomes if abs(o.home_goals - o.away_goals) == margin],
                rules,
                lots or {},
            )
            if wider := _wider(ranges, _places(tie, above, ending)):
                ranges |= wider
                if not _tells(places, ranges, cuts):
                    break
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


def _places(tie: list[str], above: int, ending: _Ending) -> dict[str, Range]:
    """The places that goals and lots leave open to the tied, with ``above`` others above."""
    best, worst = dict.fromkeys(tie, above + 1), dict.fromkeys(tie, above + 1)
    for one, other in combinations(tie, 2):
        ahead, behind, level = _possible(one, other, tie, ending)
        best[one] += not (ahead or level)
        best[other] += not (behind or level)
        worst[one] += behind
        worst[other] += ahead
    return {entrant: Range(best[entrant], worst[entrant]) for entrant in tie}


def _possible(one: str, other: str, tie: list[str], ending: _Ending) -> tuple[bool, bool, bool]:
    """Whether ``one`` can end ahead of ``other``, behind, and level with them."""
    ahead = behind = False
    for low, high in _spans(one, other, tie, ending):
        ahead, behind = ahead or high > 0, behind or low < 0
        if not low <= 0 <= high or (ahead and behind):
            return ahead, behind, False
    return ahead, behind, True


def _spans(one: str, other: str, tie: list[str], ending: _Ending) -> Iterator[tuple[float, float]]:
    """By each rule in turn: the least and the most that ``one`` can have over ``other``."""
    rules, lots = ending.rules, ending.lots
    tried: list[Rule] = []
    for block in rules.order.blocks:
        if block == (Rule.LOTS,):
            drawn = one in lots and other in lots
            yield (lots[other] - lots[one],) * 2 if drawn else _OPEN
        elif block[0] not in HEAD_TO_HEAD:
            yield _span(block[0], one, other, ending)
        else:
            company = _company(one, other, tie, tried, ending)
            yield from _head_to_head(block, company, ending) if company else (_OPEN,)
        tried += (rule for rule in block if rule not in HEAD_TO_HEAD)


def _company(
    one: str, other: str, tie: Sequence[str], tried: Sequence[Rule], ending: _Ending
) -> list[str] | None:
    """Those of ``tie`` who are level with the two after ``tried``; None if goals can change it."""
    company = [one, other]
    for third in tie:
        if third not in (one, other):
            spans = [_span(rule, third, one, ending) for rule in tried]
            if all(low <= 0 <= high for low, high in spans):
                if any(low != high for low, high in spans):
                    return None
                company.append(third)
    return company


def _head_to_head(
    block: tuple[Rule, ...], company: list[str], ending: _Ending
) -> Iterator[tuple[float, float]]:
    """The spans between the first two of ``company`` in the matches among all of it."""
    rules, (one, other) = ending.rules, company[:2]
    while True:
        members = frozenset(company)
        among = ending._replace(
            tallies=count(ending.tallies.among(members)),
            more_goals=[o for o in ending.more_goals if members >= {o.home, o.away}],
            more_margin=[o for o in ending.more_margin if members >= {o.home, o.away}],
        )
        for rule in block:
            yield _span(rule, one, other, among)
        if not rules.order.restart or len(company) == 2:
            return
        level = _company(one, other, company, block, among)
        if level is None:
            yield _OPEN
            return
        if len(level) == len(company):
            return
        company = level


def _span(rule: Rule, one: str, other: str, ending: _Ending) -> tuple[float, float]:
    """The least and the most that ``one`` can have over ``other``."""
    tallies, more_goals, more_margin, rules, _ = ending
    own, theirs = (measure(rule, tallies.of.get(e, NOTHING), rules) for e in (one, other))
    low = high = float(own - theirs)
    if rule in (Rule.POINTS, Rule.H2H_POINTS, Rule.WINS):
        return low, high
    of_goals = rule in (Rule.GOALS, Rule.H2H_GOALS)
    for match in more_goals if of_goals else ():
        sides = match.home, match.away
        if not (one in sides and other in sides):
            high = inf if one in sides else high
            low = -inf if other in sides else low
    for match in more_margin:
        home_won = match.home_goals > match.away_goals
        winner, loser = (match.home, match.away) if home_won else (match.away, match.home)
        if winner == one or (loser == other and not of_goals):
            high = inf
        if winner == other or (loser == one and not of_goals):
            low = -inf
    return low, high
