"""How a tournament's matches are played, and the plan of matches that follows from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..errors import Invalid
from ..text import counted, text
from ..values import not_between
from .bracket import (
    bracket_size,
    double_elimination,
    knockout,
    knockout_of,
    standard_order,
)
from .fixtures import group_fixtures, groups, round_robin, swiss
from .matches import Fixture, Part, PlaceIn
from .qualified import MOST_BEST_AFTER, MOST_THROUGH, knockout_of_groups
from .results import MOST_GOALS
from .swiss import most_rounds, usual_rounds
from .tie_breaks import HEAD_TO_HEAD_FIRST, OVERALL_FIRST, Order, Rule, Rules

DRAW_ONLY, LEAGUE, KNOCKOUT, DOUBLE, GROUPS, SWISS = (
    "draw-only", "league", "knockout", "double-elimination", "groups", "swiss",
)  # fmt: skip
KINDS = (KNOCKOUT, LEAGUE, GROUPS, DOUBLE, SWISS, DRAW_ONLY)
BY_LOTS, BY_DRAW, BY_STARS, BY_HAND = "lots", "draw", "stars", "hand"
SEEDINGS = (BY_LOTS, BY_DRAW, BY_STARS, BY_HAND)
ORDERS = {"overall-first": OVERALL_FIRST, "head-to-head-first": HEAD_TO_HEAD_FIRST}
OWN_ORDER = "own"
TIE_BREAKERS = (*ORDERS, OWN_ORDER)
MOST_MATCHES = 5120  # a Swiss system of 1,024 in its usual ten rounds
MOST_POINTS = 99  # for a match
GROUP_SIZE = 4  # players of a group, where it is not said otherwise


@dataclass(frozen=True, slots=True)
class Format:
    """How the matches are played. What does not belong to its kind is ignored."""

    kind: str = DRAW_ONLY
    seeding: str = BY_LOTS
    third_place: bool = False  # of a knockout, also after groups or a Swiss system
    reset: bool = True  # double elimination: a second final if the first one makes it level
    legs: int = 1  # league and groups: how often each meets each
    cup_legs: int = 1  # knockout and groups: matches of a tie; the last ones are always single
    away_goals: bool = False  # of two legs: whether goals scored away part those who are level
    groups: int = 0  # how many; 0: as many as make groups of about four
    through: int = 2  # how many of each group go on
    best: int | None = None  # of the next place across the groups; None: ``usual_best``
    tie_breakers: str = "overall-first"
    own_order: tuple[str, ...] = ()  # the rules of an order of one's own; lots come last anyway
    win: int = 3  # points
    draw: int = 1
    rounds: int = 0  # Swiss; 0: as many as are usual
    cup: int = 0  # Swiss: how many go on to a knockout; 0: there is none
    walkover: int = 3  # goals that a walkover counts in a table

    @property
    def rules(self) -> Rules:
        """The points, and the order of tie-breakers."""
        order = ORDERS.get(self.tie_breakers) or _own_order(self.own_order)
        return Rules(self.win, self.draw, order=order.overall if self.kind == SWISS else order)


def _own_order(names: tuple[str, ...]) -> Order:
    """The order of these rules, then lots; ValueError if they make none."""
    return Order((*map(Rule, names), Rule.LOTS))


def for_entrants(wanted: Format, n: int) -> Format:
    """The format with what depends on the number of entrants filled in; Invalid if they cannot play
    like that."""
    check(wanted)
    if wanted.tie_breakers != OWN_ORDER:
        wanted = replace(wanted, own_order=())
    if wanted.kind == GROUPS:
        wanted = replace(wanted, groups=wanted.groups or max(2, round(n / GROUP_SIZE)))
        if n < 3 * wanted.groups or wanted.groups < 2:
            raise Invalid(groups=text("Each group needs at least three players."))
        if not 1 <= wanted.through <= min(MOST_THROUGH, n // wanted.groups - 1):
            raise Invalid(through=text("Fewer than a whole group go on, and at most four."))
        wanted = _with_best(wanted, n)
    if wanted.kind != SWISS:
        wanted = replace(wanted, cup=0)
    elif wanted.cup and not 2 <= wanted.cup < n:
        raise Invalid(cup=text("At least two go on to a cup, and fewer than all."))
    if wanted.kind == SWISS and not 0 <= wanted.rounds <= (most := largest_rounds(n)):
        raise Invalid(
            rounds=counted(
                "%(players)s players can play at most %(n)s round.",
                "%(players)s players can play at most %(n)s rounds.",
                most,
                players=n,
            )
        )
    if matches(wanted, n) > MOST_MATCHES:
        raise Invalid(kind=text("That would be more than %(most)s matches.", most=MOST_MATCHES))
    return wanted


def check(wanted: Format) -> None:
    """Invalid if nobody can play like that, however many they are."""
    if wanted.kind not in KINDS or wanted.seeding not in SEEDINGS:
        raise Invalid(kind=text("Choose how to play."))
    if not 1 <= wanted.walkover <= MOST_GOALS:
        raise Invalid(walkover=not_between(1, MOST_GOALS))
    if wanted.legs not in (1, 2):
        raise Invalid(legs=text("Each meets each once or twice."))
    if wanted.cup_legs not in (1, 2):
        raise Invalid(cup_legs=text("A cup tie has one leg or two."))
    if not 1 <= wanted.win <= MOST_POINTS:
        raise Invalid(win=not_between(1, MOST_POINTS))
    if not 0 <= wanted.draw <= wanted.win:
        raise Invalid(draw=text("A draw is worth no more than a win."))
    if wanted.tie_breakers not in TIE_BREAKERS:
        raise Invalid(tie_breakers=text("Choose an order of tie-breakers."))
    try:
        wanted.rules  # noqa: B018 - which raises
    except ValueError:
        raise Invalid(own_order=text("Choose each rule at most once.")) from None


def _with_best(wanted: Format, n: int) -> Format:
    if wanted.best is None:
        return replace(wanted, best=usual_best(n, wanted.groups, wanted.through))
    if wanted.best and wanted.through > MOST_BEST_AFTER:
        raise Invalid(best=text("The best of the next place go on only after one or two of each."))
    if not 0 <= wanted.best < wanted.groups:
        raise Invalid(
            best=text("Of %(groups)s groups, at most %(most)s of the next place go on.",
                      groups=wanted.groups, most=wanted.groups - 1)
        )  # fmt: skip
    return wanted


def usual_best(n: int, groups: int, through: int) -> int:
    """How many of the next place fill the bracket, so that nobody has a bye; 0 if there are not so
    many, or if that place is the last one of a group. 24 players in 6 groups: 4, as at the European
    Championships."""
    best = bracket_size(groups * through) - groups * through
    behind = n // groups > through + 1
    return best if through <= MOST_BEST_AFTER and best < groups and behind else 0


def matches(chosen: Format, n: int) -> int:
    """How many matches there are at most, without making the plan: a large one takes 0.2 s."""
    if chosen.kind == LEAGUE:
        return chosen.legs * n * (n - 1) // 2
    if chosen.kind == SWISS:
        return swiss_rounds(chosen, n) * (n // 2) + _in_cup(chosen, chosen.cup)
    if chosen.kind == KNOCKOUT:
        return _in_cup(chosen, n)
    if chosen.kind == DOUBLE:
        return 2 * n - 2 + chosen.reset
    if chosen.kind == GROUPS and n:
        size, larger = divmod(n, chosen.groups)
        pairs = chosen.groups * size * (size - 1) // 2 + larger * size
        qualified = chosen.groups * chosen.through + (chosen.best or 0)
        return chosen.legs * pairs + _in_cup(chosen, qualified)
    return 0


def _in_cup(chosen: Format, n: int) -> int:
    return chosen.cup_legs * max(0, n - 2) + (n >= 2) + (chosen.third_place and n >= 4)


def swiss_rounds(chosen: Format, n: int) -> int:
    """How many rounds a Swiss system of ``n`` has; 0 for another format."""
    return min(chosen.rounds or usual_rounds(n), largest_rounds(n)) if chosen.kind == SWISS else 0


def largest_rounds(n: int) -> int:
    """The most rounds that a Swiss system of ``n`` can have."""
    return min(most_rounds(n), MOST_MATCHES // max(1, n // 2))


def fixtures(chosen: Format, n: int, best_from: Iterable[str] | None = None) -> tuple[Fixture, ...]:
    """Every match, after those that it depends on. ``best_from``: see ``knockout_of_groups``; it
    changes sources, but no key and no order."""
    if chosen.kind == LEAGUE:
        return tuple(round_robin(n, chosen.legs))
    if chosen.kind == KNOCKOUT:
        return knockout(n, chosen.third_place, chosen.cup_legs)
    if chosen.kind == DOUBLE:
        return double_elimination(n, chosen.reset)
    if chosen.kind == SWISS:
        return *swiss(n, swiss_rounds(chosen, n)), *_after_table(chosen)
    if chosen.kind == GROUPS:
        of = groups(n, chosen.groups)
        after = knockout_of_groups(
            len(of),
            chosen.through,
            chosen.best or 0,
            best_from,
            chosen.third_place,
            chosen.cup_legs,
        )
        return *group_fixtures(of, chosen.legs), *after
    return ()


def _after_table(chosen: Format) -> tuple[Fixture, ...]:
    """The knockout of the best of a table, in the standard order of their places."""
    if not chosen.cup:
        return ()
    order = standard_order(bracket_size(chosen.cup))
    slots = [PlaceIn("", place) if place <= chosen.cup else None for place in order]
    return knockout_of(slots, chosen.third_place, chosen.cup_legs)


def in_table(fixture: Fixture) -> bool:
    """Whether the match counts in a table."""
    return fixture.part in (Part.LEAGUE, Part.GROUP, Part.SWISS)


def needs_winner(fixture: Fixture) -> bool:
    """Whether the match cannot end level: a second leg, over both legs."""
    return not in_table(fixture) and fixture.leg != 1
