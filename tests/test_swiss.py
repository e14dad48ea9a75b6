"""Swiss pairing: the rules of a round, and the matching behind it."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from random import Random

import pytest

from lct.domain.play import swiss_plan
from lct.domain.play.matching import cheapest
from lct.domain.play.swiss import Ranked, Round, most_rounds, pair, usual_rounds

Matrix = list[list[int]]
Costs = tuple[int, ...]


def ranked(text: str) -> list[Ranked]:
    """``"Ada 6, Bo 3"`` as a ranking."""
    entries = [entry.split() for entry in text.split(", ")]
    return [Ranked(name, int(points)) for name, points in entries]


def played(text: str) -> list[tuple[str, str]]:
    pairs = [both.split("-") for both in text.split()]
    return [(home, away) for home, away in pairs]


def sides(done: Round) -> set[frozenset[str]]:
    return {frozenset((p.home, p.away)) for p in done.pairs}


def people(text: str) -> set[frozenset[str]]:
    return {frozenset(both) for both in played(text)}


class Night:
    """A Swiss evening with random results."""

    def __init__(self, n: int, seed: int, draws: float = 0.2) -> None:
        self.random = Random(seed)
        self.names = [f"p{i}" for i in range(n)]
        self.points: Counter[str] = Counter()
        self.matches: list[tuple[str, str]] = []
        self.byes: list[str] = []
        self.draws = draws

    def ranking(self) -> list[Ranked]:
        order = sorted(self.names, key=lambda name: -self.points[name])
        return [Ranked(name, self.points[name]) for name in order]

    def play(self, rounds_after: int = 0) -> Round:
        done = pair(self.ranking(), self.matches, self.byes, rounds_after)
        if done.bye:
            self.byes.append(done.bye)
            self.points[done.bye] += 3
        for home, away, _ in done.pairs:
            self.matches.append((home, away))
            if self.random.random() < self.draws:
                self.points[home] += 1
                self.points[away] += 1
            else:
                self.points[self.random.choice((home, away))] += 3
        return done


def all_pairings(places: list[int]) -> Iterator[list[tuple[int, int]]]:
    if not places:
        yield []
        return
    first, *others = places
    for other in others:
        for more in all_pairings([i for i in others if i != other]):
            yield [(first, other), *more]


def stated_costs(
    ranking: list[Ranked], matches: list[tuple[str, str]], pairs: list[tuple[int, int]]
) -> Costs:
    """Rules 2, 5 and 6 of swiss.pair, written once more from their text."""
    met = Counter(frozenset(both) for both in matches)
    times = [met[frozenset((ranking[i].entrant, ranking[j].entrant))] for i, j in pairs]
    apart = sum((ranking[i].points - ranking[j].points) ** 2 for i, j in pairs)
    pairs_inside = {}
    floats_in = 0
    for points, group in groupby(entry.points for entry in ranking):
        size = len(list(group)) - floats_in
        pairs_inside[points], floats_in = divmod(size, 2)
    astray = 0
    for i, j in pairs:
        same = ranking[i].points == ranking[j].points
        astray += abs(j - i - pairs_inside[ranking[i].points]) if same else j - i - 1
    return sum(t > 0 for t in times), sum(times), apart, astray


def index_pairs(ranking: list[Ranked], done: Round) -> list[tuple[int, int]]:
    place = {entry.entrant: i for i, entry in enumerate(ranking)}
    both = [sorted((place[p.home], place[p.away])) for p in done.pairs]
    return [(i, j) for i, j in both]


# The contract's cases


def test_round_three_of_four_has_one_pairing_and_it_is_found() -> None:
    ranking = ranked("Ada 6, Bo 3, Cai 3, Dee 0")
    done = pair(ranking, played("Ada-Bo Cai-Dee Ada-Cai Bo-Dee"))
    assert sides(done) == people("Ada-Dee Bo-Cai")
    assert not any(p.rematch for p in done.pairs)
    assert done.bye is None


@pytest.mark.parametrize("rounds_after", [0, 2])
def test_the_bye_goes_to_the_lowest_of_those_without_one(rounds_after: int) -> None:
    ranking = ranked("Ada 6, Bo 3, Cai 3, Eli 3, Dee 3")
    done = pair(ranking, played("Ada-Bo Cai-Dee Ada-Cai Bo-Eli"), ["Eli", "Dee"], rounds_after)
    assert done.bye == "Cai"
    assert sides(done) == people("Ada-Eli Bo-Dee")


TRIANGLES = "1-4 2-5 3-6 1-5 2-6 3-4 1-6 2-4 3-5"


@pytest.mark.parametrize("rounds_after", [0, 1])
def test_two_triangles_are_paired_with_exactly_one_marked_rematch(rounds_after: int) -> None:
    ranking = ranked("1 9, 2 6, 3 6, 4 3, 5 3, 6 0")
    done = pair(ranking, played(TRIANGLES), rounds_after=rounds_after)
    assert len(done.pairs) == 3
    (again,) = (p for p in done.pairs if p.rematch)
    assert frozenset((again.home, again.away)) in people(TRIANGLES)
    every = [stated_costs(ranking, played(TRIANGLES), p) for p in all_pairings(list(range(6)))]
    assert sum(costs[0] == 1 for costs in every) == 9
    assert min(costs[0] for costs in every) == 1


def test_the_third_round_avoids_two_triangles_if_rounds_are_to_come() -> None:
    two = played("1-4 2-5 3-6 1-5 2-6 3-4")
    # Among these two rounds' remaining pairs, 1-6 2-4 3-5 is the trap.
    ranking = ranked("1 6, 2 6, 6 6, 4 6, 3 3, 5 3")
    trap = [stated_costs(ranking, two, p) for p in all_pairings(list(range(6)))]
    assert min(trap)[0] == 0
    done = pair(ranking, two, rounds_after=2)
    assert sides(done) != people("1-6 2-4 3-5")
    later = pair(ranking, two + [(p.home, p.away) for p in done.pairs], rounds_after=1)
    assert not any(p.rematch for p in later.pairs)


def test_a_thousand_evenings_of_six_play_five_rounds_without_a_rematch() -> None:
    for seed in range(1000):
        night = Night(6, seed)
        rounds = [night.play(rounds_after=4 - number) for number in range(5)]
        assert all(len(done.pairs) == 3 for done in rounds)
        assert len({frozenset(both) for both in night.matches}) == 15


@pytest.mark.parametrize("n", range(2, 9))
def test_all_possible_rounds_of_up_to_eight_have_no_rematch_and_no_second_bye(n: int) -> None:
    for seed in range(25):
        night = Night(n, seed)
        for number in range(most_rounds(n)):
            night.play(most_rounds(n) - 1 - number)
        assert len({frozenset(both) for both in night.matches}) == n * (n - 1) // 2
        assert sorted(night.byes) == (night.names if n % 2 else [])


def test_rounds_that_can_be_asked_for() -> None:
    assert [most_rounds(n) for n in (0, 1, 2, 3, 4, 5, 6, 7, 8)] == [0, 0, 1, 3, 3, 5, 5, 7, 7]
    assert [usual_rounds(n) for n in (2, 3, 4, 5, 8, 9, 16, 17, 1024)] == [
        1, 2, 2, 3, 3, 4, 4, 5, 10,
    ]  # fmt: skip
    assert all(usual_rounds(n) <= most_rounds(n) for n in range(2, 1025))


# The rules


def test_the_first_round_pairs_the_top_half_with_the_bottom_half() -> None:
    done = pair([Ranked(str(i), 0) for i in range(1, 9)], [])
    assert sides(done) == people("1-5 2-6 3-7 4-8")
    assert [p.home for p in done.pairs] == ["1", "6", "3", "8"]  # the halves take turns


def test_an_odd_score_group_sends_its_last_to_the_first_of_the_next() -> None:
    done = pair(ranked("1 6, 2 6, 3 6, 4 3, 5 3, 6 3, 7 0, 8 0"), [])
    assert sides(done) == people("1-2 3-4 5-6 7-8")


def test_several_float_by_little_rather_than_one_by_much() -> None:
    done = pair(ranked("1 6, 2 6, 3 6, 4 3, 5 3, 6 0"), [])
    assert sides(done) == people("1-2 3-4 5-6")


def test_pairs_that_met_once_meet_again_before_those_that_met_twice() -> None:
    met = played("1-2 3-4 1-3 2-4 1-4 2-3 1-2 3-4")
    done = pair(ranked("1 9, 2 9, 3 0, 4 0"), met)
    assert sides(done) != people("1-2 3-4")
    assert all(p.rematch for p in done.pairs)


def test_nobody_has_a_second_bye_while_somebody_has_none_even_at_the_price_of_a_rematch() -> None:
    # Without 3, the only one without a bye, 1 and 2 must meet again.
    done = pair(ranked("1 6, 2 3, 3 0"), played("1-2"), ["1", "2"])
    assert done.bye == "3"
    assert [p.rematch for p in done.pairs] == [True]


def test_the_bye_goes_higher_up_if_that_saves_a_rematch() -> None:
    # If 5 rests, 1 has met everybody who is left.
    done = pair(ranked("1 9, 2 6, 3 3, 4 3, 5 0"), played("1-2 1-3 1-4"))
    assert done.bye == "4"
    assert frozenset(("1", "5")) in sides(done)
    assert not any(p.rematch for p in done.pairs)


def test_the_bye_saves_a_rematch_though_the_one_left_is_between_two_who_met_often() -> None:
    # Without 5: two rematches of once. Without 4: 1-2 for the fourth time, and 3-5 for the first.
    met = "1-2 1-2 1-2 1-3 1-4 2-3 2-4 3-4 " + 5 * "1-5 2-5 "
    done = pair(ranked("1 9, 2 6, 3 3, 4 3, 5 0"), played(met), ["1", "2", "3"])
    assert done.bye == "4"
    assert sides(done) == people("1-2 3-5")


def test_the_one_at_home_less_often_is_at_home() -> None:
    for upper, lower in (("1", "2"), ("2", "1")):
        done = pair([Ranked(upper, 3), Ranked(lower, 3)], played("1-3 1-4 3-2"))
        assert (done.pairs[0].home, done.pairs[0].away) == ("2", "1")


def test_home_and_away_differ_by_little_through_an_evening() -> None:
    for seed in range(20):
        night = Night(16, seed)
        for _ in range(6):
            night.play()
        surplus: Counter[str] = Counter()
        for home, away in night.matches:
            surplus[home] += 1
            surplus[away] -= 1
        assert max(map(abs, surplus.values())) <= 4
        assert sum(abs(s) <= 2 for s in surplus.values()) >= 14


def test_those_who_left_are_ignored() -> None:
    done = pair(ranked("1 3, 2 0"), played("1-9 9-2"), ["9", "9"])
    assert sides(done) == people("1-2")
    assert pair([], []) == Round((), None)
    assert pair([Ranked("1", 0)], [], rounds_after=3) == Round((), "1")


@pytest.mark.parametrize("rounds_after", [0, 1, 3])
def test_up_to_eight_entrants_get_the_cheapest_of_all_rounds(rounds_after: int) -> None:
    random = Random(7)
    for _ in range(300):
        n = random.randint(2, 8)
        points = sorted((random.choice((0, 0, 1, 3, 3, 6)) for _ in range(n)), reverse=True)
        ranking = [Ranked(str(i), p) for i, p in enumerate(points)]
        every = [(str(i), str(j)) for i in range(n) for j in range(i)]
        matches = random.choices(every, k=random.randint(0, 2 * n))
        byes = random.choices([str(i) for i in range(n)], k=random.randint(0, n))
        done = pair(ranking, matches, byes, rounds_after)
        assert sorted([p.home for p in done.pairs] + [p.away for p in done.pairs]
                      + [done.bye] * (n % 2)) == [str(i) for i in range(n)]  # fmt: skip
        had = Counter(byes)
        candidates = [e for e in ranking if had[e.entrant] == min(had[r.entrant] for r in ranking)]
        rounds: list[tuple[Costs, int, Costs]] = []
        for bye in reversed(candidates) if n % 2 else [None]:
            rest = [entry for entry in ranking if entry != bye]
            for pairs in all_pairings(list(range(len(rest)))):
                costs = stated_costs(rest, matches, pairs)
                rounds.append((costs[:2], 0 if bye is None else -ranking.index(bye), costs[2:]))
        rest = [entry for entry in ranking if entry.entrant != done.bye]
        costs = stated_costs(rest, matches, index_pairs(rest, done))
        if rounds_after == 0:
            place = [entry.entrant for entry in ranking].index(done.bye) if done.bye else 0
            assert (costs[:2], -place, costs[2:]) == min(rounds)
        else:
            assert costs[:2] == min(rounds)[0]
        assert sum(p.rematch for p in done.pairs) == costs[0]


def largest_matching(n: int, free: set[tuple[int, int]]) -> int:
    """By trying, with results kept: an independent check of what can be paired at all."""

    @cache
    def most(left: frozenset[int]) -> int:
        if len(left) < 2:
            return 0
        first = min(left)
        rest = left - {first}
        met = [1 + most(rest - {j}) for j in rest if (first, j) in free]
        return max([most(rest), *met])

    return most(frozenset(range(n)))


def test_no_rematch_is_made_where_a_pairing_without_one_exists() -> None:
    random = Random(3)
    seen = set()
    for _ in range(150):
        n = 10
        every = [(i, j) for i in range(n) for j in range(i + 1, n)]
        met = set(random.sample(every, random.randint(25, 38)))
        ranking = [Ranked(str(i), (n - i) // 3) for i in range(n)]
        done = pair(ranking, [(str(i), str(j)) for i, j in met])
        fresh = largest_matching(n, set(every) - met)
        assert sum(not p.rematch for p in done.pairs) == fresh
        seen.add(fresh)
    assert {4, 5} <= seen


@pytest.mark.parametrize(("n", "rounds"), [(64, 8), (63, 8), (300, 5), (64, 40)])
def test_many_entrants_never_meet_twice(n: int, rounds: int) -> None:
    night = Night(n, seed=n)
    for _ in range(rounds):
        done = night.play()
        assert len({*sum(((p.home, p.away) for p in done.pairs), ()), *([done.bye] * (n % 2))}) == n
    assert len({frozenset(both) for both in night.matches}) == len(night.matches)
    assert len(set(night.byes)) == len(night.byes)


def test_a_long_ranking_is_cut_where_no_usual_pair_is() -> None:
    night = Night(300, seed=1)
    done = night.play()
    assert sides(done) == {frozenset((f"p{i}", f"p{i + 150}")) for i in range(150)}
    usual = [(i, i + 150) for i in range(150)]
    assert [len(run) for run in swiss_plan._runs({}, usual)] == [150, 150]
    busy = {(0, j): 1 for j in range(1, 100)}  # a run needs 200 so that 0 finds an opponent
    assert [len(run) for run in swiss_plan._runs(busy, usual)] == [300]


# The matching


def lowest_cost(costs: Matrix) -> int:
    """By trying, with results kept."""
    n = len(costs)

    @cache
    def rest(done: int) -> int:
        if done == (1 << n) - 1:
            return 0
        i = next(i for i in range(n) if not done >> i & 1)
        return min(
            costs[i][j] + rest(done | 1 << i | 1 << j) for j in range(i + 1, n) if not done >> j & 1
        )

    return rest(0)


def random_costs(random: Random, n: int) -> Matrix:
    """Uniform, or in clusters of odd sizes, which makes blossoms inside blossoms."""
    highest, clusters = random.choice((1, 2, 5, 20, 1000)), random.choice((0, 2, 3))
    costs = [[0] * n for _ in range(n)]
    for i in range(n):
        for j in range(i):
            far = 100 * (i % clusters != j % clusters) if clusters else 0
            costs[i][j] = costs[j][i] = far + random.randint(0, highest)
    return costs


def test_the_matching_is_perfect_and_the_cheapest_of_all() -> None:
    random = Random(1)
    for _ in range(1500):
        costs = random_costs(random, random.choice((2, 4, 6, 8, 10, 12)))
        mate = cheapest(costs)
        assert all(mate[j] == i != j for i, j in enumerate(mate))
        assert sum(costs[i][j] for i, j in enumerate(mate)) == 2 * lowest_cost(costs)


def test_a_large_matching_has_the_cost_that_was_hidden_in_it() -> None:
    """Costs are built from dual values, so that the hidden matching is the cheapest one."""
    random = Random(2)
    for _ in range(10):
        n = 60
        value = [random.randint(0, 50) for _ in range(n)]
        odd = [set(random.sample(range(n), random.choice((3, 5, 9, 21)))) for _ in range(6)]
        weight = [random.randint(1, 30) for _ in odd]
        hidden = list(range(n))
        random.shuffle(hidden)
        pairs = {frozenset(hidden[i : i + 2]) for i in range(0, n, 2)}
        costs = [[0] * n for _ in range(n)]
        for i in range(n):
            for j in range(i):
                cut = sum(w for w, s in zip(weight, odd, strict=True) if (i in s) != (j in s))
                slack = 0 if frozenset((i, j)) in pairs else random.randint(0, 9)
                costs[i][j] = costs[j][i] = value[i] + value[j] + cut + slack
        crossing = sum(
            w * (sum(len(p & s) == 1 for p in pairs) - 1) for w, s in zip(weight, odd, strict=True)
        )
        total = sum(costs[i][j] for i, j in enumerate(cheapest(costs))) // 2
        bound = sum(value) + sum(weight)
        assert bound <= total <= bound + crossing


def test_an_odd_number_cannot_be_matched() -> None:
    with pytest.raises(ValueError, match="odd"):
        cheapest([[0] * 3 for _ in range(3)])
