"""Knockout, double elimination and the knockout after groups, as trees of matches."""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, product
from pathlib import Path
from time import process_time

import pytest

from lct.domain.play.bracket import double_elimination, knockout, standard_order
from lct.domain.play.fixtures import group_name
from lct.domain.play.matches import (
    BestOf,
    Fixture,
    LoserOf,
    Part,
    PlaceIn,
    Seed,
    Source,
    WinnerOf,
)
from lct.domain.play.qualified import knockout_of_groups

SIZES = [*range(2, 65), 100, 1023, 1024]
ORACLES = json.loads((Path(__file__).parent / "data" / "fixture-oracles.json").read_text())


class Played:
    """The matches of a plan, played in their order."""

    def __init__(self, fixtures: Iterable[Fixture], home_wins: Callable[[str], bool]) -> None:
        self.winner: dict[str, Source] = {}
        self.loser: dict[str, Source] = {}
        self.away_won: set[str] = set()
        for f in fixtures:
            if f.only_if_away_won and f.only_if_away_won not in self.away_won:
                continue
            home, away = self.entrant(f.home), self.entrant(f.away)
            assert home != away
            if home_wins(f.key):
                self.winner[f.key], self.loser[f.key] = home, away
            else:
                self.winner[f.key], self.loser[f.key] = away, home
                self.away_won.add(f.key)

    def entrant(self, source: Source) -> Source:
        if isinstance(source, WinnerOf):
            return self.winner[source.key]
        return self.loser[source.key] if isinstance(source, LoserOf) else source

    def sides(self, key: str) -> frozenset[Source]:
        return frozenset((self.winner[key], self.loser[key]))


def by_chance(fixtures: Iterable[Fixture], rng: random.Random) -> Played:
    return Played(fixtures, lambda _: rng.random() < 0.5)


def first_sources(fixtures: Iterable[Fixture]) -> list[Source]:
    sides = (side for f in fixtures for side in (f.home, f.away))
    return [side for side in sides if not isinstance(side, WinnerOf | LoserOf)]


def entrants(fixtures: Sequence[Fixture]) -> dict[str, frozenset[Source]]:
    """For each match of a knockout, everyone who can play in it."""
    out: dict[str, frozenset[Source]] = {}
    for f in fixtures:
        if f.part == Part.KNOCKOUT:
            sides = [out[s.key] if isinstance(s, WinnerOf) else {s} for s in (f.home, f.away)]
            out[f.key] = frozenset().union(*sides)
    return out


def meeting(fixtures: Sequence[Fixture]) -> Callable[[Source, Source], int]:
    """How many rounds before the final two entrants can meet: 0 is the final itself."""
    both = entrants(fixtures)

    def rounds_before_final(a: Source, b: Source) -> int:
        sizes = [int(key[1:].split(".")[0]) for key, all_ in both.items() if {a, b} <= all_]
        return max(sizes).bit_length() - 2

    return rounds_before_final


def is_a_tree(fixtures: Sequence[Fixture]) -> None:
    """Keys are unique, each source is used once, and every match comes after those it needs."""
    seen: set[str] = set()
    used: set[Source] = set()
    for f in fixtures:
        assert f.key not in seen
        for side in (f.home, f.away):
            if f.key != "F2":
                assert side not in used
                used.add(side)
            assert not isinstance(side, WinnerOf | LoserOf) or side.key in seen
        seen.add(f.key)


@pytest.mark.parametrize("n", SIZES)
def test_a_knockout_has_one_match_less_than_entrants_and_everyone_is_in_it_once(n: int) -> None:
    fixtures = knockout(n)
    is_a_tree(fixtures)
    assert len(fixtures) == n - 1
    assert Counter(first_sources(fixtures)) == Counter(Seed(i) for i in range(1, n + 1))
    assert fixtures[-1].key == "K2.1"
    assert {f.part for f in fixtures} == {Part.KNOCKOUT}


@pytest.mark.parametrize("n", SIZES)
def test_only_the_best_seeds_have_byes_and_only_in_round_one(n: int) -> None:
    fixtures = knockout(n)
    size = len(standard_order(1 << (n - 1).bit_length()))
    in_round = {seed: f.round for f in fixtures for seed in first_sources([f])}
    byes = size - n
    assert all(in_round[Seed(i)] == (2 if i <= byes else 1) for i in range(1, n + 1))
    for f in fixtures:
        assert f.key.startswith(f"K{size >> (f.round - 1)}.")


@pytest.mark.parametrize("n", SIZES)
def test_if_the_better_seeds_win_each_round_pairs_the_best_with_the_last(n: int) -> None:
    fixtures = knockout(n)
    played = Played(fixtures, lambda _: True)  # home is the better seed

    for f in fixtures:
        size = int(f.key[1:].split(".")[0])
        a, b = (seed.n for seed in played.sides(f.key))
        assert a + b == size + 1
    # So seeds 1 and 2 meet in the final, and 1 to 4 in the semi-finals.
    assert played.sides("K2.1") == {Seed(1), Seed(2)}


def test_the_winner_of_match_i_plays_in_match_i_plus_1_by_2() -> None:
    for n in (5, 8, 11, 64):
        for f in knockout(n):
            for side in (f.home, f.away):
                if isinstance(side, WinnerOf):
                    i = int(side.key.split(".")[1])
                    assert f.key.split(".")[1] == str((i + 1) // 2)


def test_five_entrants_in_full() -> None:
    assert knockout(5) == (
        Fixture("K8.2", Part.KNOCKOUT, 1, Seed(4), Seed(5)),
        Fixture("K4.1", Part.KNOCKOUT, 2, Seed(1), WinnerOf("K8.2")),
        Fixture("K4.2", Part.KNOCKOUT, 2, Seed(2), Seed(3)),
        Fixture("K2.1", Part.KNOCKOUT, 3, WinnerOf("K4.1"), WinnerOf("K4.2")),
    )


@pytest.mark.parametrize("n", SIZES)
def test_third_place_is_played_by_the_losers_of_two_semi_finals(n: int) -> None:
    fixtures = knockout(n, third_place=True)
    is_a_tree(fixtures)
    extra = [f for f in fixtures if f.part == Part.THIRD_PLACE]
    assert tuple(f for f in fixtures if f not in extra) == knockout(n)
    third = Fixture("K3.1", Part.THIRD_PLACE, 1, LoserOf("K4.1"), LoserOf("K4.2"))
    assert extra == ([third] if n >= 4 else [])


@pytest.mark.parametrize("n", [-1, 0, 1, 1025])
def test_a_bracket_has_2_to_1024_entrants(n: int) -> None:
    for plan in (knockout, double_elimination):
        with pytest.raises(ValueError, match="no bracket"):
            plan(n)


@pytest.mark.parametrize("n", SIZES)
def test_in_double_elimination_all_but_the_champion_lose_exactly_twice(n: int) -> None:
    with_reset, without = double_elimination(n), double_elimination(n, reset=False)
    is_a_tree(with_reset)
    assert with_reset[:-1] == without
    assert (len(without), len(with_reset)) == (2 * n - 2, 2 * n - 1)
    assert Counter(first_sources(without)) == Counter(Seed(i) for i in range(1, n + 1))
    rng = random.Random(n)
    seconds = 0
    for _ in range(30 if n < 100 else 3):
        played = by_chance(with_reset, rng)
        seconds += "F2" in played.winner
        champion = played.winner["F2" if "F2" in played.winner else "F1"]
        losses = Counter(played.loser.values())
        assert losses.pop(champion, 0) <= 1
        assert losses == Counter({Seed(i): 2 for i in range(1, n + 1) if Seed(i) != champion})
    assert n >= 100 or 0 < seconds < 30


def test_the_second_final_is_played_only_if_the_losers_side_wins_the_first() -> None:
    """Six entrants: the better seeds win, so seed 1 is champion after ten matches."""
    fixtures = double_elimination(6)
    assert fixtures[-1].only_if_away_won == "F1"
    assert [f.key for f in fixtures if f.only_if_away_won] == ["F2"]
    ten = Played(fixtures, lambda _: True)
    assert len(ten.winner) == 10
    assert ten.winner["F1"] == Seed(1)
    eleven = Played(fixtures, lambda key: key != "F1")
    assert len(eleven.winner) == 11
    assert eleven.sides("F2") == eleven.sides("F1")


def test_losers_cross_to_the_other_half() -> None:
    """In none of the 256 outcomes of eight entrants' first eight matches do two meet again."""
    fixtures = double_elimination(8)
    first = [f.key for f in fixtures if f.part == Part.WINNERS and f.round < 3]
    first += [f.key for f in fixtures if f.part == Part.LOSERS and f.round == 1]
    second = [f.key for f in fixtures if f.part == Part.LOSERS and f.round == 2]
    assert (len(first), len(second)) == (8, 2)
    upper = {Seed(i) for i in (1, 8, 4, 5)}
    for outcome in product((True, False), repeat=8):
        decided = dict(zip(first, outcome, strict=True))
        played = Played(fixtures, lambda key, d=decided: d.get(key, True))
        before = {played.sides(key) for key in first}
        assert before.isdisjoint(played.sides(key) for key in second)
        for key in second:
            assert len(played.sides(key) & upper) == 1


@pytest.mark.parametrize("n", [n for n in SIZES if n != 5])
def test_losers_meet_earlier_opponents_again_as_late_as_the_bracket_allows(n: int) -> None:
    """Whoever loses in a round of 2**k matches meets no one at once whom they beat lately.

    Lately is in the 2**k - 1 rounds before. The round has 2**k lines on the losers' side, so an
    opponent from one of 2**k rounds or more before has to be in one of them. Of five entrants,
    too few are on the losers' side: one has a bye there and comes to the next round's one line.
    """
    fixtures = double_elimination(n)
    where = {f.key: f for f in fixtures}
    depth = max(f.round for f in fixtures if f.part == Part.WINNERS)

    def lost_in(source: Source) -> set[str]:
        """The matches of the winners' side whose losers can come by ``source``."""
        if isinstance(source, LoserOf):
            return {source.key}
        f = where[source.key]
        return lost_in(f.home) | lost_in(f.away)

    def won(source: Source) -> set[str]:
        """The matches of the winners' side that whoever comes by ``source`` can have won."""
        if isinstance(source, Seed):
            return set()
        f = where[source.key]
        sides = won(f.home) | won(f.away)
        return sides | {f.key} if isinstance(source, WinnerOf) else sides

    fallen = 0
    for f in fixtures:
        if f.part == Part.LOSERS:
            for side, other in ((f.home, f.away), (f.away, f.home)):
                if isinstance(side, LoserOf):
                    fallen += 1
                    number = where[side.key].round
                    again = [where[key].round for key in won(side) & lost_in(other)]
                    assert all(before <= number - 2 ** (depth - number) for before in again)
    assert fallen == n - 1 or n == 2


@pytest.mark.parametrize("n", range(3, 65))
def test_rounds_of_the_losers_side_are_numbered_without_gaps(n: int) -> None:
    rounds = [f.round for f in double_elimination(n) if f.part == Part.LOSERS]
    assert rounds == sorted(rounds)
    assert set(rounds) == set(range(1, max(rounds) + 1))
    for f in double_elimination(n):
        letter = {Part.WINNERS: "W", Part.LOSERS: "D", Part.FINAL: "F"}[f.part]
        assert f.key.startswith(f"{letter}{f.round}")


def test_two_entrants_in_full() -> None:
    assert double_elimination(2) == (
        Fixture("W1.1", Part.WINNERS, 1, Seed(1), Seed(2)),
        Fixture("F1", Part.FINAL, 1, WinnerOf("W1.1"), LoserOf("W1.1")),
        Fixture("F2", Part.FINAL, 2, WinnerOf("F1"), LoserOf("F1"), only_if_away_won="F1"),
    )


def qualified(groups: int, through: int, best_from: Iterable[int] = ()) -> Counter[Source]:
    all_ = [(g, place) for g in range(groups) for place in range(1, through + 1)]
    all_ += [(g, through + 1) for g in best_from]
    return Counter(PlaceIn(group_name(g), place) for g, place in all_)


def assert_apart(fixtures: Sequence[Fixture], most: int) -> None:
    """Of one group, two meet in the final at the earliest, three or four in a semi-final, ...

    A winner and a runner-up meet in the final; with ``most`` qualified from a group, nobody meets
    in the first match of the bracket, as long as there are later ones.
    """
    groups: defaultdict[str, list[PlaceIn]] = defaultdict(list)
    for source in first_sources(fixtures):
        assert isinstance(source, PlaceIn)
        groups[source.group].append(source)
    both = meeting(fixtures)
    for members in groups.values():
        assert len(members) <= most
        latest = (len(members) - 1).bit_length() - 1
        assert all(both(a, b) <= latest for a, b in combinations(members, 2))


@pytest.mark.parametrize("through", [1, 2, 3, 4])
@pytest.mark.parametrize("groups", [*range(2, 17), 32, 50])
def test_nobody_meets_their_group_again_too_early(groups: int, through: int) -> None:
    fixtures = knockout_of_groups(groups, through, third_place=True)
    is_a_tree(fixtures)
    assert Counter(first_sources(fixtures)) == qualified(groups, through)
    assert_apart(fixtures, through)
    assert ("K3.1" in {f.key for f in fixtures}) == (groups * through >= 4)


@pytest.mark.parametrize("groups", [2, 4, 8, 16, 32])
def test_winners_meet_runners_up(groups: int) -> None:
    first = [f for f in knockout_of_groups(groups, 2) if f.round == 1]
    assert len(first) == groups
    assert {(f.home.place, f.away.place) for f in first} == {(1, 2)}


@pytest.mark.parametrize("through", [1, 2])
@pytest.mark.parametrize("groups", range(2, 17))
def test_byes_go_to_the_winners_of_the_first_groups(groups: int, through: int) -> None:
    total = groups * through
    byes = (1 << (total - 1).bit_length()) - total
    later = first_sources(f for f in knockout_of_groups(groups, through) if f.round == 2)
    winners = [PlaceIn(group_name(g), 1) for g in range(min(byes, groups))]
    assert len(later) == byes
    assert set(winners) <= set(later)


def test_two_groups_of_two_in_full() -> None:
    assert knockout_of_groups(2, 2) == (
        Fixture("K4.1", Part.KNOCKOUT, 1, PlaceIn("A", 1), PlaceIn("B", 2)),
        Fixture("K4.2", Part.KNOCKOUT, 1, PlaceIn("B", 1), PlaceIn("A", 2)),
        Fixture("K2.1", Part.KNOCKOUT, 2, WinnerOf("K4.1"), WinnerOf("K4.2")),
    )


def test_four_best_thirds_of_six_groups_stand_apart_for_all_fifteen_sets() -> None:
    """The format of the European Championships 2016 to 2024."""
    open_ = knockout_of_groups(6, 2, best=4)
    slots = [source for source in first_sources(open_) if isinstance(source, BestOf)]
    assert slots == [BestOf(3, i) for i in (1, 2, 3, 4)]
    for chosen in combinations(range(6), 4):
        fixtures = knockout_of_groups(6, 2, 4, [group_name(g) for g in chosen])
        assert Counter(first_sources(fixtures)) == qualified(6, 2, chosen)
        both = meeting(fixtures)
        for g in range(6):
            one, two, three = (PlaceIn(group_name(g), place) for place in (1, 2, 3))
            assert both(one, two) == 0
            assert g not in chosen or {both(one, three), both(two, three)} == {0, 1}
        first = [f for f in fixtures if f.round == 1]
        pairs = Counter(tuple(sorted((f.home.place, f.away.place))) for f in first)
        assert pairs == {(1, 3): 4, (1, 2): 2, (2, 2): 2}
        # Winners and runners-up know their lines before the thirds are known.
        for before, after in zip(open_, fixtures, strict=True):
            assert before[:3] == after[:3]
            for a, b in ((before.home, after.home), (before.away, after.away)):
                assert a == b or isinstance(a, BestOf)


def test_eight_best_thirds_of_twelve_groups_never_move_anyone_else() -> None:
    """The format of the World Cup 2026."""
    open_ = knockout_of_groups(12, 2, best=8)
    for chosen in random.Random(1).sample(list(combinations(range(12), 8)), 100):
        fixtures = knockout_of_groups(12, 2, 8, [group_name(g) for g in chosen])
        assert_apart(fixtures, 3)
        fixed = [
            (a, b)
            for before, after in zip(open_, fixtures, strict=True)
            for a, b in ((before.home, after.home), (before.away, after.away))
            if not isinstance(a, BestOf)
        ]
        assert all(a == b for a, b in fixed)


@pytest.mark.parametrize("through", [1, 2])
@pytest.mark.parametrize("groups", range(2, 9))
def test_the_best_of_any_groups_stand_apart_from_their_group(groups: int, through: int) -> None:
    for best in range(1, groups):
        for chosen in combinations(range(groups), best):
            names = [group_name(g) for g in chosen]
            fixtures = knockout_of_groups(groups, through, best, names)
            assert Counter(first_sources(fixtures)) == qualified(groups, through, chosen)
            assert_apart(fixtures, through + 1)
            assert fixtures == knockout_of_groups(groups, through, best, reversed(names))


def test_many_groups_with_best_thirds_stand_apart_too() -> None:
    rng = random.Random(4)
    for _ in range(40):
        groups = rng.randint(9, 60)
        best = rng.randint(1, groups - 1)
        names = [group_name(g) for g in rng.sample(range(groups), best)]
        assert_apart(knockout_of_groups(groups, rng.randint(1, 2), best, names), 3)


def test_the_largest_knockout_after_groups_is_set_in_a_moment() -> None:
    before = process_time()
    fixtures = knockout_of_groups(512, 2)
    assert process_time() - before < 4  # seconds; it takes 0.2
    assert_apart(fixtures, 2)


def test_three_winners_and_the_best_runner_up() -> None:
    """The best runner-up does not meet the winner of their group in the semi-final."""
    for name in "ABC":
        fixtures = knockout_of_groups(3, 1, 1, [name])
        semi = next(f for f in fixtures[:2] if PlaceIn(name, 2) in (f.home, f.away))
        assert PlaceIn(name, 1) not in (semi.home, semi.away)


@pytest.mark.parametrize(
    "wrong",
    [(1, 2), (4, 0), (4, 5), (4, 2, 4), (4, 2, -1), (4, 3, 1), (513, 2), (400, 2, 399)],
)
def test_who_qualifies_must_make_sense(wrong: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="no knockout"):
        knockout_of_groups(*wrong)


@pytest.mark.parametrize("names", [[], ["A"], ["A", "A"], ["A", "E"], ["A", "B", "E"], "ABC"])
def test_the_best_come_from_groups_that_exist(names: Sequence[str]) -> None:
    with pytest.raises(ValueError, match="2 different groups"):
        knockout_of_groups(4, 2, 2, names)


def test_without_best_there_are_no_groups_to_name() -> None:
    assert knockout_of_groups(4, 2, 0, []) == knockout_of_groups(4, 2)
    with pytest.raises(ValueError, match="0 different groups"):
        knockout_of_groups(4, 2, 0, ["A"])


def counts(fixtures: Iterable[Fixture]) -> dict[Part, list[int]]:
    out: dict[Part, Counter[int]] = defaultdict(Counter)
    for f in fixtures:
        out[f.part][f.round] += 1
    return {part: [of[i] for i in sorted(of)] for part, of in out.items()}


PLANS: dict[str, Callable[[int], tuple[Fixture, ...]]] = {
    "knockout": knockout,
    "knockout with third place": lambda n: knockout(n, third_place=True),
    "double elimination": lambda n: double_elimination(n, reset=False),
    "double elimination with reset": double_elimination,
}

# They differ from us on purpose here. (program, format, n): why.
DIFFERENT = {
    ("brackets-manager", "knockout with third place", 2): "it fails",
    ("tournament-organizer", "knockout with third place", 2): "a third place without semi-finals",
    ("tournament-pairings", "knockout with third place", 2): "a third place without semi-finals",
    ("tournament-organizer", "knockout with third place", 3): "a third place of one loser",
    ("tournament-pairings", "knockout with third place", 3): "a third place of one loser",
    ("brackets-manager", "double elimination", 2): "no losers' side, so one match decides",
    ("brackets-manager", "double elimination with reset", 2): "no losers' side either",
    ("tournament-organizer", "double elimination", 2): "it takes four at least",
    ("tournament-organizer", "double elimination", 3): "it takes four at least",
    ("tournament-pairings", "double elimination", 2): "it fails",
    ("tournament-pairings", "double elimination", 3): "it fails",
}


@pytest.mark.parametrize("format", PLANS)
@pytest.mark.parametrize("program", ORACLES["packages"], ids=lambda program: program["name"])
def test_brackets_are_those_of_three_other_programs(program: dict, format: str) -> None:
    """The same number of matches in every round, the same byes and pairings in round 1."""
    compared = 0
    for n, theirs in ((int(n), facts) for n, facts in program["formats"].get(format, {}).items()):
        fixtures = PLANS[format](n)
        of = counts(fixtures)
        if program["name"] == "brackets-manager":
            rounds = list(of.values())
            if Part.LOSERS in of:
                rounds = [of[Part.WINNERS], of[Part.LOSERS], of[Part.FINAL]]
            elif Part.THIRD_PLACE in of:
                rounds = [of[Part.KNOCKOUT], of[Part.THIRD_PLACE]]
        elif Part.WINNERS in of:  # they number the losers' side after the final
            rounds = [of[Part.WINNERS] + of[Part.FINAL] + of.get(Part.LOSERS, [])]
        else:  # third place belongs to the last round
            last = of[Part.KNOCKOUT][-1] + sum(of.get(Part.THIRD_PLACE, []))
            rounds = [[*of[Part.KNOCKOUT][:-1], last]]
        first = [f for f in fixtures if f.round == 1 and f.part in (Part.KNOCKOUT, Part.WINNERS)]
        pairs = sorted(sorted((f.home.n, f.away.n)) for f in first)
        playing = {seed for pair in pairs for seed in pair}
        ours = {
            "matches": len(fixtures),
            "rounds": rounds,
            "byes": [i for i in range(1, n + 1) if i not in playing],
            "first": pairs,
        }
        assert (theirs == ours) != ((program["name"], format, n) in DIFFERENT), n
        compared += 1
    assert compared == (15 if format in program["formats"] else 0)
