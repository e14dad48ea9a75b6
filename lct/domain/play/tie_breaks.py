"""The rules that part entrants level on points, and why each stands where they stand.

Sources: FIFA, Regulations of the World Cups 2014 to 2022 (overall first); UEFA, Regulations of the
European Championships 2020 and 2024 (head-to-head first, applied again to those still level).
Both presets then compare wins, and draw lots.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from .tallies import NOTHING, Outcome, Tallies, Tally, count


class Rule(Enum):
    """What entrants are compared by."""

    POINTS = "points"  # always first; never in an order
    DIFFERENCE = "goal-difference"
    GOALS = "goals"
    WINS = "wins"
    H2H_POINTS = "head-to-head-points"  # in the matches among the tied alone
    H2H_DIFFERENCE = "head-to-head-goal-difference"
    H2H_GOALS = "head-to-head-goals"
    LOTS = "lots"


HEAD_TO_HEAD = (Rule.H2H_POINTS, Rule.H2H_DIFFERENCE, Rule.H2H_GOALS)


@dataclass(frozen=True, slots=True)
class Order:
    """The tie-breakers in order; neighbouring head-to-head rules are one block.

    A block takes the matches among all who are level when it begins. With ``restart``, a block that
    parts some of them begins again among those still level.
    """

    rules: tuple[Rule, ...]
    restart: bool = True

    def __post_init__(self) -> None:
        if Rule.POINTS in self.rules or len(set(self.rules)) < len(self.rules):
            raise ValueError("each rule once, and points are always first")
        if Rule.LOTS in self.rules[:-1]:
            raise ValueError("lots leave nothing for a later rule")

    @property
    def overall(self) -> Order:
        """The order without head-to-head rules, for those who have not all met."""
        return Order(tuple(rule for rule in self.rules if rule not in HEAD_TO_HEAD))

    @property
    def blocks(self) -> tuple[tuple[Rule, ...], ...]:
        """The rules, with the head-to-head ones that stand together in one tuple."""
        blocks: list[tuple[Rule, ...]] = []
        for rule in self.rules:
            if rule in HEAD_TO_HEAD and blocks and blocks[-1][0] in HEAD_TO_HEAD:
                blocks[-1] += (rule,)
            else:
                blocks.append((rule,))
        return tuple(blocks)


_END = (Rule.WINS, Rule.LOTS)
OVERALL_FIRST = Order((Rule.DIFFERENCE, Rule.GOALS, *HEAD_TO_HEAD, *_END), restart=False)
HEAD_TO_HEAD_FIRST = Order((*HEAD_TO_HEAD, Rule.DIFFERENCE, Rule.GOALS, *_END), restart=True)


@dataclass(frozen=True, slots=True)
class Rules:
    """Points for a match, and the order of tie-breakers."""

    win: int = 3
    draw: int = 1
    loss: int = 0
    order: Order = OVERALL_FIRST


def measure(rule: Rule, tally: Tally, rules: Rules) -> int:
    """What ``rule`` compares: more is better. Not for lots."""
    if rule in (Rule.POINTS, Rule.H2H_POINTS):
        return tally.won * rules.win + tally.drawn * rules.draw + tally.lost * rules.loss
    if rule in (Rule.DIFFERENCE, Rule.H2H_DIFFERENCE):
        return tally.goals_for - tally.goals_against
    return tally.won if rule is Rule.WINS else tally.goals_for


class Parting(NamedTuple):
    """Which rule parted an entrant, last of all, from others level with it.

    ``among`` is the tie, the entrant included, and level on every rule of ``tried``. Rule None:
    nothing parted them, so they share a place. For a head-to-head rule, ``matches`` are those that
    were compared: of the block's whole tie, which may have more members than ``among``. A rule that
    is in ``tried`` as well was tried before the restart, among more.
    """

    rule: Rule | None
    tried: tuple[Rule, ...]
    among: tuple[str, ...]
    matches: tuple[Outcome, ...] = ()


def _extended(tried: tuple[Rule, ...], rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    return tried + tuple(rule for rule in rules if rule not in tried)


def _shared(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """How many rules two are level on; not for equal keys."""
    return next(i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)


def _keys(
    block: tuple[Rule, ...], tie: tuple[str, ...], tallies: Tallies, rules: Rules
) -> tuple[dict[str, tuple[int, ...]], tuple[Outcome, ...]]:
    """What the block compares of each of the tied, and for head-to-head rules in which matches."""
    matches: list[Outcome] = []
    if block[0] in HEAD_TO_HEAD:
        matches = tallies.among(tie)
        matches.sort(key=lambda o: (o.home, o.away, o.home_goals, o.away_goals, o.how.value))
        tallies = count(matches)
    own = {entrant: tallies.of.get(entrant, NOTHING) for entrant in tie}
    return {e: tuple([measure(r, own[e], rules) for r in block]) for e in tie}, tuple(matches)


def part(
    level: Collection[str], tallies: Tallies, rules: Rules, lots: Mapping[str, int] | None
) -> list[tuple[tuple[str, ...], Parting | None]]:
    """Those level on points as places, best first: who stands there, and what parted them.

    A place has several entrants where nothing parts them. ``lots``: the smallest number goes first;
    None, or a lot missing for one of the tied, parts nobody. Parting None: nobody was level.
    """
    blocks = rules.order.blocks
    places: list[tuple[tuple[str, ...], Parting | None]] = []
    # Ties still to be parted, the best last. A list, as recursion could go 500 restarts deep.
    whole = (tuple(sorted(level)), 0, (Rule.POINTS,), None)
    ties: list[tuple[tuple[str, ...], int, tuple[Rule, ...], Parting | None]] = [whole]
    while ties:
        tie, at, tried, parted = ties.pop()
        if len(tie) == 1:
            places.append((tie, parted))
            continue
        if at == len(blocks):
            places.append((tie, Parting(None, tried, tie)))
            continue
        block = blocks[at]
        if block != (Rule.LOTS,):
            keys, matches = _keys(block, tie, tallies, rules)
        elif lots is not None and all(entrant in lots for entrant in tie):
            keys, matches = {entrant: (-lots[entrant],) for entrant in tie}, ()
        else:
            ties.append((tie, at + 1, tried, parted))
            continue
        known = _extended(tried, block)
        at_key: dict[tuple[int, ...], list[str]] = {}
        for entrant in tie:
            at_key.setdefault(keys[entrant], []).append(entrant)
        distinct = sorted(at_key)
        again = block[0] in HEAD_TO_HEAD and rules.order.restart and len(distinct) > 1
        for i, key in enumerate(distinct):  # the worst first
            if len(distinct) > 1:
                nearest = [k for k in distinct[max(0, i - 1) : i + 2] if k != key]
                same = max(_shared(key, near) for near in nearest)
                among = tuple(e for e in tie if keys[e][:same] == key[:same]) if same else tie
                parted = Parting(block[same], _extended(tried, block[:same]), among, matches)
            ties.append((tuple(at_key[key]), at if again else at + 1, known, parted))
    return places
