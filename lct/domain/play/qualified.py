"""The knockout after the groups: who qualifies, and where they stand in the bracket."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from .bracket import MOST, Slot, bracket_size, knockout_of, standard_order
from .fixtures import group_name
from .matches import BestOf, Fixture, PlaceIn

MOST_THROUGH = 4  # of each group; with more, the lines are not always apart
MOST_BEST_AFTER = 2  # the best runners-up or thirds; there are no best fourths
TURNS = 12  # orders of the groups that are tried; enough in 140,000 random cases


class _One(NamedTuple):
    """One who qualifies. The group is None for one of the best while it is open who they are."""

    group: int | None
    place: int


_Bracket = list[_One | None]  # the first round, from the top; None is a bye


def knockout_of_groups(
    groups: int,
    through: int,
    best: int = 0,
    best_from: Iterable[str] | None = None,
    third_place: bool = False,
    legs: int = 1,
) -> tuple[Fixture, ...]:
    """The knockout of the first ``through`` of each group and the ``best`` of the next place.

    They are seeded by place, then in the order of the groups: winners meet the last of those who
    qualified, and the first groups' winners have the byes. Within a place, groups change lines
    until each group's entrants are apart: every half, quarter and smaller part of the bracket has
    them in its own two halves, equally or with one more in one of them. So two of a group can
    meet in the final only, and of three or four some can meet in a semi-final, not before.

    ``best_from`` names the groups that the best come from, once all groups are finished; until
    then their slots are ``BestOf``. The best go where they are apart from their group: the best
    runners-up (``through`` 1) to the other half, the best thirds (2) to another quarter. If the
    bracket has no such slots for these groups, the whole bracket is drawn up again, so winners
    and runners-up may change lines too. So with ``best``, the bracket is final only once
    ``best_from`` is known.

    Raises ValueError for fewer than two groups, for more than 1,024 entrants, for ``through``
    above 4, for ``best`` above 0 with ``through`` above 2, for ``best`` not below ``groups``, and
    if ``best_from`` does not name ``best`` different groups.
    """
    total = groups * through + best
    most = MOST_BEST_AFTER if best else MOST_THROUGH
    if groups < 2 or not 1 <= through <= most or not 0 <= best < groups or total > MOST:
        raise ValueError(f"no knockout of {through} of each of {groups} groups and {best} more")
    open_ = [_One(None, through + 1)] * best
    bracket = _set([*_places(groups, through, 0, 0), *open_])
    if best_from is not None:
        names = set(best_from)
        chosen = [group for group in range(groups) if group_name(group) in names]
        if not len(chosen) == len(names) == best:
            raise ValueError(f"the best come from {best} different groups")
        if best:
            bracket = _completed(bracket, through, chosen) or _set_anew(groups, through, chosen)
    return knockout_of(list(_sources(bracket)), third_place, legs)


def _sources(bracket: _Bracket) -> Iterator[Slot]:
    slots = 0
    for one in bracket:
        if one is None:
            yield None
        elif one.group is None:
            slots += 1
            yield BestOf(one.place, slots)
        else:
            yield PlaceIn(group_name(one.group), one.place)


def _set_anew(groups: int, through: int, chosen: Sequence[int]) -> _Bracket:
    """A bracket set with the best in it, in the first order of the groups that is apart."""
    best = [_One(group, through + 1) for group in chosen]
    turns = range(min(groups, TURNS))
    tries = (
        _set([*_places(groups, through, first, turn), *best]) for turn in turns for first in turns
    )
    first = next(tries)
    return next((bracket for bracket in chain((first,), tries) if _is_apart(bracket)), first)


def _places(groups: int, through: int, first: int, turn: int) -> Iterator[_One]:
    """All winners from group ``first`` on, all runners-up from ``turn`` groups later, and so on."""
    for place in range(1, through + 1):
        shift = first + (turn if place % 2 == 0 else 0)
        yield from (_One((i + shift) % groups, place) for i in range(groups))


def _set(ones: Sequence[_One]) -> _Bracket:
    """``ones``, best first, in the standard order, then moved apart, large parts first."""
    order = standard_order(bracket_size(len(ones)))
    bracket: _Bracket = [ones[seed - 1] if seed <= len(ones) else None for seed in order]
    for lines in _parts(bracket):
        while swaps := _swaps(bracket, lines):
            for i, j in swaps:
                bracket[i], bracket[j] = bracket[j], bracket[i]
    return bracket


def _parts(bracket: _Bracket) -> Iterator[range]:
    """The lines of the whole bracket, of its halves, its quarters and so on."""
    size = len(bracket)
    while size > 1:
        yield from (range(start, start + size) for start in range(0, len(bracket), size))
        size //= 2


def _grouped(bracket: _Bracket, lines: Iterable[int]) -> Iterator[tuple[int, int, int]]:
    """(line, group, place) of all whose group is known."""
    for i in lines:
        one = bracket[i]
        if one is not None and one.group is not None:
            yield i, one.group, one.place


def _leads(bracket: _Bracket, lines: range) -> Counter[int]:
    """By how many each group has more entrants in the upper half of ``lines`` than in the lower."""
    middle = lines[len(lines) // 2]
    leads: Counter[int] = Counter()
    for i, group, _ in _grouped(bracket, lines):
        leads[group] += 1 if i < middle else -1
    return leads


def _is_apart(bracket: _Bracket) -> bool:
    leads = (lead for lines in _parts(bracket) for lead in _leads(bracket, lines).values())
    return all(abs(lead) <= 1 for lead in leads)


def _swaps(bracket: _Bracket, lines: range) -> list[tuple[int, int]]:
    """Swaps between the halves of ``lines`` that bring groups further apart, empty if none do.

    A swap moves one of group g down and one of group h, with the same place, up. A chain of swaps
    from g to h changes the leads of these two only. If their leads differ by more than two, it
    makes the sum of the squares of all leads smaller; the sum is least when no such chain is left
    (minimum cost flow with convex costs, by augmenting paths: Ahuja, Magnanti and Orlin, Network
    Flows, 1993, chapter 14). The search is breadth first, and lower places move first, so that
    winners mostly keep their lines.
    """
    leads = _leads(bracket, lines)
    if not leads or max(leads.values()) - min(leads.values()) <= 2:
        return []
    middle = lines[len(lines) // 2]
    upper: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)  # group: (place, line)
    lower: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)  # place: (group, line)
    for i, group, place in _grouped(bracket, lines):
        if i < middle:
            upper[group].append((place, i))
        else:
            lower[place].append((group, i))
    for start in sorted(leads, key=lambda group: (-leads[group], group)):  # likely ones first
        chains: dict[int, list[tuple[int, int]]] = {start: []}
        queue, used = deque([start]), set[int]()
        while queue:
            group = queue.popleft()
            for place, i in sorted(upper[group], reverse=True):
                for other, j in lower[place] if place not in used else ():
                    if other not in chains:
                        chains[other] = [*chains[group], (i, j)]
                        queue.append(other)
                        if leads[start] - leads[other] > 2:
                            return chains[other]
                used.add(place)
    return []


def _open_slots(bracket: _Bracket, through: int) -> list[list[int]]:
    """The lines that are open, for each half (``through`` 1) or quarter (2) of the bracket."""
    size = len(bracket) // (2 * through)
    return [
        [i for i in range(start, start + size) if (one := bracket[i]) and one.group is None]
        for start in range(0, len(bracket), size)
    ]


def _near(bracket: _Bracket, through: int) -> dict[int, set[int]]:
    """The halves or quarters, from 0, where each group has an entrant."""
    size = len(bracket) // (2 * through)
    near: defaultdict[int, set[int]] = defaultdict(set)
    for i, group, _ in _grouped(bracket, range(len(bracket))):
        near[group].add(i // size)
    return near


def _completed(bracket: _Bracket, through: int, chosen: Sequence[int]) -> _Bracket | None:
    """``bracket`` with the best of ``chosen``, each apart from their group; None if impossible.

    Bipartite matching by augmenting paths (H. W. Kuhn, 1955): of groups with halves or quarters,
    which have room for several.
    """
    slots, near = _open_slots(bracket, through), _near(bracket, through)
    held: list[list[int]] = [[] for _ in slots]

    def placed(group: int, tried: set[int]) -> bool:
        for part, room in enumerate(slots):
            if part in tried or part in near[group]:
                continue
            tried.add(part)
            if len(held[part]) < len(room):
                held[part].append(group)
                return True
            for i, other in enumerate(held[part]):
                if placed(other, tried):
                    held[part][i] = group
                    return True
        return False

    if not all(placed(group, set()) for group in chosen):
        return None
    done = bracket.copy()
    for part, room in enumerate(slots):
        for i, group in zip(room, held[part], strict=True):
            done[i] = _One(group, through + 1)
    return done
