"""The places that goals and lots leave open to entrants who are level on points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import inf
from typing import NamedTuple

from .tallies import NOTHING, Outcome, Tallies, count
from .tie_breaks import HEAD_TO_HEAD, Rule, Rules, measure

_OPEN = (-inf, inf)


class Range(NamedTuple):
    """The best and the worst place possible. Through to n: worst <= n. Out: best > n."""

    best: int
    worst: int


class Ending(NamedTuple):
    """One way in which the matches left end: their fewest goals, and where there may be more."""

    tallies: Tallies  # the matches left included
    more_goals: Sequence[Outcome]  # both sides may have any number more
    more_margin: Sequence[Outcome]  # the winner may have any number more
    rules: Rules
    lots: Mapping[str, int]


def open_places(tie: list[str], above: int, ending: Ending) -> dict[str, Range]:
    """The places that goals and lots leave open to the tied, with ``above`` others above."""
    best, worst = dict.fromkeys(tie, above + 1), dict.fromkeys(tie, above + 1)
    for one, other in combinations(tie, 2):
        ahead, behind, level = _possible(one, other, tie, ending)
        best[one] += not (ahead or level)
        best[other] += not (behind or level)
        worst[one] += behind
        worst[other] += ahead
    return {entrant: Range(best[entrant], worst[entrant]) for entrant in tie}


def _possible(one: str, other: str, tie: list[str], ending: Ending) -> tuple[bool, bool, bool]:
    """Whether ``one`` can end ahead of ``other``, behind, and level with them."""
    ahead = behind = False
    for low, high in _spans(one, other, tie, ending):
        ahead, behind = ahead or high > 0, behind or low < 0
        if not low <= 0 <= high or (ahead and behind):
            return ahead, behind, False
    return ahead, behind, True


def _spans(one: str, other: str, tie: list[str], ending: Ending) -> Iterator[tuple[float, float]]:
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
    one: str, other: str, tie: Sequence[str], tried: Sequence[Rule], ending: Ending
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
    block: tuple[Rule, ...], company: list[str], ending: Ending
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


def _span(rule: Rule, one: str, other: str, ending: Ending) -> tuple[float, float]:
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
