"""Withdrawals: what becomes of the matches of a player who leaves before the end.

Sources: FIDE Tournament Rules, article V.4 (a round robin: under half of the games played, nothing
counts; else the score stands, and the rest are wins for the others); UEFA, Regulations of the
Women's Under-19 Championship 2023/24, article 29.3 (nothing counts).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .formats import GROUPS, LEAGUE, SWISS
from .results import AWAY, HOME, WITHDRAWAL, Result

# The policies. With all but the last one, whoever leaves has no place in their table.
REMOVED = "removed"  # none of their matches counts
WALKOVERS = "walkovers"  # all of theirs are walkovers, those that were played too
REST_WALKOVERS = "rest-walkovers"  # those played stand, the rest are walkovers
REST_UNPLAYED = "rest-unplayed"  # those played stand, the rest are not played
# For matches outside a table: those played stand, the rest are walkovers. A table that was
# finished before stays as it is.
KNOCKED_OUT = "knocked-out"
POLICIES = (REMOVED, WALKOVERS, REST_WALKOVERS, REST_UNPLAYED)  # while a table is open
OVERRULE = (REMOVED, WALKOVERS)  # what was played does not stand


def at_the_start(kind: str) -> str:
    """The policy for those who are gone before the first match, in that kind of format."""
    return {LEAGUE: REMOVED, GROUPS: REMOVED, SWISS: REST_WALKOVERS}.get(kind, KNOCKED_OUT)


class Ruling(NamedTuple):
    """What counts of a match, and whether it is off: not played, without a result."""

    result: Result | None
    off: bool = False


def ruled(
    result: Result | None, home: str | None, away: str | None, left: Mapping[str, str]
) -> Ruling:
    """What a match comes to with that recorded result. ``left`` has the policies of those who left,
    in the order in which they did: between two of them, the first one loses."""
    gone = [(side, policy) for side, policy in left.items() if side in (home, away)]
    policies = {policy for _, policy in gone}
    if REMOVED in policies or (result is None and REST_UNPLAYED in policies):
        return Ruling(None, off=True)
    absent = [side for side, policy in gone if result is None or policy == WALKOVERS]
    if not absent:
        return Ruling(result)
    return Ruling(Result(came=AWAY if absent[0] == home else HOME, by=WITHDRAWAL))
