"""What is left to play, and how long it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

NOBODY_YET = frozenset({None})


class Unplayed(NamedTuple):
    """A match that is not decided; a side is None while it is not known who that is.

    ``needs`` names the matches that its sides come from. A ``conditional`` match may never be
    played, as the second final of a double elimination.
    """

    key: str
    home: str | None
    away: str | None
    needs: tuple[str, ...] = ()
    conditional: bool = False


class Ready(NamedTuple):
    """A match that can be called: its place in the plan, and how many rounds wait for it."""

    key: str
    home: str
    away: str
    order: int
    ahead: int


def rounds_ahead(unplayed: Sequence[Unplayed]) -> dict[str, int]:
    """How many rounds wait for each match: the longest chain of matches from it to the end."""
    ahead = {match.key: 0 for match in unplayed}
    for match in reversed(unplayed):
        rounds = ahead[match.key] + 1
        for key in match.needs:
            if ahead.get(key, rounds) < rounds:
                ahead[key] = rounds
    return ahead


def slots(unplayed: Sequence[Unplayed], consoles: int) -> int:
    """How often all consoles are filled and emptied until everything is played.

    Matches are of equal length. In each slot the matches that most rounds wait for are played, in
    the order of the plan. That is the least for a knockout
    without a match for third place (Hu; see ``schedule.call_next``), and not far from it elsewhere.
    """
    return _filled(_by_urgency(unplayed), consoles)


def _by_urgency(unplayed: Sequence[Unplayed]) -> list[Unplayed]:
    """First the matches that most rounds wait for."""
    ahead = rounds_ahead(unplayed)
    return sorted(unplayed, key=lambda match: -ahead[match.key])


def _filled(order: Iterable[Unplayed], consoles: int) -> int:
    """The slots of ``slots``, for matches in the order in which they are to be played."""
    if consoles < 1:
        raise ValueError("no console")
    left = {match.key: match for match in order}
    keys = left.keys()
    count = 0
    while left:
        count += 1
        playing: set[str | None] = set()
        now: list[str] = []
        for key, home, away, needs, _ in left.values():
            if home not in playing and away not in playing and keys.isdisjoint(needs):
                playing |= {home, away} - NOBODY_YET
                now.append(key)
                if len(now) == consoles:
                    break
        for key in now:
            del left[key]
    return count


def least_slots(ahead: Iterable[int], consoles: int) -> int:
    """The least that ``slots`` can be, from how many rounds wait ``ahead`` of each match: after the
    matches that so many rounds wait for come these rounds.

    For matches that meet in a tree it is exact (Hu; see ``schedule.call_next``).
    """
    matches = Counter(ahead)
    least = above = 0
    for rounds in range(max(matches, default=-1), -1, -1):
        above += matches[rounds]
        least = max(least, rounds + -(-above // consoles))
    return least


def minutes_left(
    unplayed: Sequence[Unplayed],
    consoles: int,
    running: Collection[str],
    shortest: int,
    longest: int,
    later: int = 0,
) -> tuple[int, int]:
    """From when to when the last match ends, in minutes from now.

    A match takes from ``shortest`` to ``longest`` minutes. The earliest time has no conditional
    match and takes the running ones as just about to end; the latest has them whole. ``later`` are
    slots that come after all of these matches.
    """
    order = _by_urgency(unplayed)
    now = [match for match in order if match.key in running]
    after = [match for match in order if match.key not in running]
    earliest = _filled((match for match in after if not match.conditional), consoles)
    latest = _filled((*now, *after), consoles)
    return (earliest + later) * shortest, (latest + later) * longest
