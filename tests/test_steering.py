"""An operator who knows the secret and wants a certain result, against docs/draw.md.

What stands for chance is seeded, so each test does the same on every run. The limits of chi-square
are its 99.99 % points.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import combinations, product
from math import sqrt
from random import Random

import pytest

from lct.application.finished_draws import DrawFacts, finished_draws
from lct.domain import draw, shares
from lct.domain.draw import NOT_OWN, PLAIN, Ticket, commitment, hand_out
from lct.domain.drawing import DrawTeams, NameNumber
from lct.domain.gathering import Missing, OpenShares
from lct.domain.picking import PickTeam
from lct.domain.rights import player
from lct.domain.shares import Opened, Pledged, fingerprint_of_picks, fingerprint_of_shares

from .evening import CODE, SECRET, Evening

SEAL = commitment(CODE, SECRET)
DICE = [f"{a} + {b}" for a, b in product(range(1, 7), repeat=2)]


def chi_square_limit(degrees: int) -> float:
    """The 99.99 % point (Wilson and Hilferty)."""
    part = 2 / (9 * degrees)
    return degrees * (1 - part + 3.719 * sqrt(part)) ** 3


def is_uniform(seen: Iterable[object], over: int) -> bool:
    """Whether these are spread over so many equally likely values as chance would."""
    counts = Counter(seen)
    expected = counts.total() / over
    assert expected >= 5, "too few for chi-square"
    chi = sum((count - expected) ** 2 / expected for count in counts.values())
    chi += expected * (over - len(counts))
    return len(counts) <= over and (over == 1 or chi < chi_square_limit(over - 1))


def is_over(hits: int, tries: int, chance: float) -> bool:
    """Whether chance alone would hardly give so many hits."""
    return hits > tries * chance + 4 * sqrt(tries * chance * (1 - chance))


def is_about(hits: int, tries: int, chance: float) -> bool:
    """Whether that many hits are what this chance gives, within four standard deviations."""
    return abs(hits - tries * chance) < 4 * sqrt(tries * chance * (1 - chance))


@lru_cache(maxsize=1)
def fixed(option: str, roll: bool, picks: tuple[Pledged, ...]) -> str:
    return fingerprint_of_picks(CODE, SEAL, 1, option, picks, roll)


class Phones:
    """A table of ``n``: what each phone picks, and its share."""

    def __init__(self, n: int, random: Random, option: str = PLAIN) -> None:
        self.option, self.roll = option, False
        self.ids = [f"p-N{i}" for i in range(n)]
        self.shares = {who: random.randbytes(32).hex() for who in self.ids}
        self.picks = [
            Pledged(who, f"Team {i}", shares.pledge(CODE, who, self.shares[who]))
            for i, who in enumerate(self.ids)
        ]

    @property
    def fingerprint(self) -> str:
        return fixed(self.option, self.roll, tuple(self.picks))

    def hands(self, opened: Mapping[str, str], number: str = "") -> dict[str, str]:
        """Who gets which team, as whoever knows the secret computes it."""
        closed = fingerprint_of_shares(self.fingerprint, shares.in_order(self.picks, opened))
        return self.dealt(closed, number)

    def dealt(self, closed: str, number: str) -> dict[str, str]:
        own = [pick.team for pick in self.picks]
        given = hand_out(SECRET, shares.message(closed, number), own, self.option)
        return {pick.player_id: team for pick, team in zip(self.picks, given, strict=True)}

    def without(self, *left_out: str) -> dict[str, str]:
        return {who: share for who, share in self.shares.items() if who not in left_out}


def evening_of(phones: Phones, left_out: Sequence[str] = (), number: str = "") -> DrawFacts:
    """The same table at a real evening; the phones left out do not open their shares."""
    evening = Evening(len(phones.ids), len(phones.ids), phones.option)
    evening.join(*(who.removeprefix("p-") for who in phones.ids))
    for who, team, pledge in phones.picks:
        place = [each.name for each in evening.t.teams].index(team)
        evening.does(PickTeam, who, place, "ab" * 16, pledge, by=player(who))
    evening.does(DrawTeams, 1, phones.roll)
    opened = tuple(Opened(*each) for each in phones.without(*left_out).items())
    evening.does(OpenShares, 1, opened)
    evening.now = evening.later(5)
    evening.go_on()
    if phones.roll:
        evening.does(NameNumber, 1, number)
    (facts,) = finished_draws(evening.t, evening.later(3600))
    return facts


@pytest.mark.parametrize("option", [PLAIN, NOT_OWN])
@pytest.mark.parametrize("roll", [False, True])
def test_the_operator_computes_what_the_draw_does(option: str, roll: bool) -> None:
    """So what holds for these computations holds for real evenings."""
    phones, number = Phones(5, Random(1), option), "4 + 3" if roll else ""
    phones.roll = roll
    for left_out in ((), ("p-N2",), tuple(phones.ids)):
        facts = evening_of(phones, left_out, number)
        dealt = phones.hands(phones.without(*left_out), number)
        assert facts.given == tuple(dealt[pick.player_id] for pick in phones.picks)
        assert facts.gathered
        assert facts.gathered.picks_fingerprint == phones.fingerprint
        assert facts.holds


# --- before the picks are fixed -------------------------------------------------------------------


def last_picks(phones: Phones, random: Random, count: int) -> Iterator[None]:
    """The operator's phones, the last two, pick again and again: other teams of those that are
    left, other shares, another order."""
    honest, own = phones.picks[:-2], phones.ids[-2:]
    left = [f"Team {i}" for i in range(len(honest), len(phones.ids) + 3)]
    for _ in range(count):
        random.shuffle(own)
        for who in own:
            phones.shares[who] = random.randbytes(32).hex()
        phones.picks = [*honest] + [
            Pledged(who, team, shares.pledge(CODE, who, phones.shares[who]))
            for who, team in zip(own, random.sample(left, 2), strict=True)
        ]
        yield


def test_none_of_ten_thousand_last_picks_is_better_than_another() -> None:
    random, tries = Random(2), 10_000
    phones = Phones(4, random)
    me = phones.ids[-1]
    hits: Counter[str] = Counter()
    seen = []
    for _ in last_picks(phones, random, tries):
        happens = phones.hands(phones.shares)
        foreseen = {
            "without the honest shares": phones.without("p-N0", "p-N1"),
            "with one of two known": phones.without("p-N1"),
        }
        for how, opened in foreseen.items():
            hits[how] += phones.hands(opened)[me] == happens[me]
        own = [pick.team for pick in phones.picks]
        seen.append(tuple(own.index(happens[pick.player_id]) for pick in phones.picks))
    assert all(is_about(found, tries, 1 / 4) for found in hits.values()), hits
    assert len(hits) == 2
    assert is_uniform(seen, 24)  # all hand-outs of four, over all that was tried


def test_the_last_pick_that_looks_best_is_no_better_while_by_v1_it_got_what_they_wanted() -> None:
    random, tables = Random(3), 400
    won, won_by_v1 = 0, 0
    for _ in range(tables):
        phones = Phones(4, random)
        me, wanted = phones.ids[-1], "Team 0"
        for _ in last_picks(phones, random, 12):
            if phones.hands(phones.without("p-N0", "p-N1"))[me] == wanted:
                break
        won += phones.hands(phones.shares)[me] == wanted
        picks = [Ticket(*pick[:2], "ab" * 16) for pick in phones.picks]
        for _ in range(12):
            picks[-1] = Ticket(me, picks[-1].team, random.randbytes(16).hex())
            teams = [pick.team for pick in picks]
            given = hand_out(SECRET, draw.message(1, picks), teams, PLAIN)
            if given[[pick.player_id for pick in picks].index(picks[-1].player_id)] == wanted:
                won_by_v1 += 1
                break
    assert is_about(won, tables, 1 / 4)
    assert is_about(won_by_v1, tables, 1 - (3 / 4) ** 12)


def of_zeros(*_: object) -> str:
    return "00" * 32


def of_what_is_seen(who: str, honest: Pledged) -> str:
    return draw.sha256(f"{who}|{honest.pledge}".encode())


def of_the_honest_pledge(_: str, honest: Pledged) -> str:
    return honest.pledge


@pytest.mark.parametrize("chosen", [of_zeros, of_what_is_seen, of_the_honest_pledge])
@pytest.mark.parametrize("option", [PLAIN, NOT_OWN])
def test_shares_that_are_chosen_after_seeing_the_others_pledges_give_nothing(
    chosen: Callable[[str, Pledged], str], option: str
) -> None:
    random = Random(4)
    seen = []
    for _ in range(2_000):
        phones = Phones(3, random, option)
        honest, *own = phones.picks
        phones.shares |= {each.player_id: chosen(each.player_id, honest) for each in own}
        phones.picks[1:] = [
            Pledged(who, team, shares.pledge(CODE, who, phones.shares[who])) for who, team, _ in own
        ]
        seen.append(tuple(phones.hands(phones.shares).values()))
    assert is_uniform(seen, 6 if option == PLAIN else 2)


# --- once the picks are fixed ---------------------------------------------------------------------


class Guest:
    """What an honest phone remembers, and compares with the record."""

    def __init__(self, phones: Phones) -> None:
        self.id = phones.ids[1]
        self.seal, self.fingerprint = SEAL, phones.fingerprint
        self.opened = Opened(self.id, phones.shares[self.id])

    def agrees(self, facts: DrawFacts) -> bool:
        assert facts.gathered
        return (
            facts.seal == self.seal
            and facts.gathered.picks_fingerprint == self.fingerprint
            and self.opened in facts.gathered.shares
        )


def redone(facts: DrawFacts) -> DrawFacts:
    """The fingerprints and the hands computed anew, as an operator would."""
    assert facts.gathered
    picks = [Pledged(*pick) for pick in facts.picks]
    fixed = fingerprint_of_picks(
        facts.code, facts.seal, facts.attempt, facts.option, picks, facts.gathered.roll
    )
    closed = fingerprint_of_shares(fixed, facts.gathered.shares)
    of = facts.gathered._replace(picks_fingerprint=fixed, shares_fingerprint=closed)
    own = [pick.team for pick in picks]
    given = hand_out(facts.secret, shares.message(closed, of.number), own, facts.option)
    return facts._replace(gathered=of, given=tuple(given))


def exchanged(rows: tuple[object, ...], *new: object) -> tuple[object, ...]:
    return (*new, *rows[len(new) :])


def picked_again(facts: DrawFacts) -> dict[str, object]:
    first, second = facts.picks[:2]
    swapped = first._replace(team=second.team), second._replace(team=first.team)
    return {"picks": exchanged(facts.picks, *swapped)}


def another_pledge(facts: DrawFacts) -> dict[str, object]:
    """Of the phone whose share is missing, so that nothing else is wrong."""
    *before, last = facts.picks
    return {"picks": (*before, Pledged(*last[:2], "ab" * 32))}


def another_order(facts: DrawFacts) -> dict[str, object]:
    picks = facts.picks[1::-1]
    opened = facts.gathered.shares if facts.gathered else ()
    return {
        "picks": exchanged(facts.picks, *picks),
        "gathered": facts.gathered
        and facts.gathered._replace(shares=(opened[1], opened[0], *opened[2:])),
    }


def another_secret(facts: DrawFacts) -> dict[str, object]:
    secret = "7b" * 32
    return {"secret": secret, "seal": commitment(CODE, secret)}


def to_roll(facts: DrawFacts) -> dict[str, object]:
    assert facts.gathered
    return {"gathered": facts.gathered._replace(roll=True, number="7")}


CHANGES: dict[str, Callable[[DrawFacts], dict[str, object]]] = {
    "a pick": picked_again,
    "a pledge": another_pledge,
    "the order": another_order,
    "the option": lambda facts: {"option": NOT_OWN},
    "the seal": another_secret,
    "the attempt": lambda facts: {"attempt": 2},
    "to roll for it": to_roll,
}


def gathered() -> tuple[DrawFacts, Guest]:
    """A draw whose last phone kept its share shut."""
    phones = Phones(5, Random(5))
    facts, guest = evening_of(phones, phones.ids[-1:]), Guest(phones)
    assert facts.holds
    assert guest.agrees(facts)
    return facts, guest


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_changed_after_the_picks_were_fixed_is_seen_by_an_honest_phone(what: str) -> None:
    facts, guest = gathered()
    changed = facts._replace(**CHANGES[what](facts))  # type: ignore[arg-type]
    assert not changed.holds
    new = redone(changed)
    assert new.holds  # a whole new record is sound in itself, but the phone remembers
    assert new.gathered
    assert new.gathered.picks_fingerprint != guest.fingerprint
    assert not guest.agrees(new)


def with_shares(facts: DrawFacts, *opened: Opened) -> DrawFacts:
    """The record with these shares, and all others named as missing."""
    assert facts.gathered
    senders = [each.player_id for each in opened]
    missing = tuple(
        Missing(pick.player_id, "silent") for pick in facts.picks if pick.player_id not in senders
    )
    return facts._replace(gathered=facts.gathered._replace(shares=opened, missing=missing))


BAD_SHARES: dict[str, Callable[..., tuple[Opened, ...]]] = {
    "one that does not fit": lambda a, b, *more: (a, b._replace(share="7b" * 32), *more),
    "doubled": lambda a, b, *more: (a, b, b, *more),
    "doubled with another": lambda a, b, *more: (a, b, b._replace(share="7b" * 32), *more),
    "swapped": lambda a, b, *more: (
        a._replace(share=b.share), b._replace(share=a.share), *more,
    ),
    "in another order": lambda a, b, *more: (b, a, *more),
    "of the phone that kept it shut": lambda *all_: (*all_, Opened("p-N4", "7b" * 32)),
    "of a stranger": lambda *all_: (*all_, Opened("p-Nobody", "7b" * 32)),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_SHARES)
def test_shares_that_the_phones_did_not_pledge_make_the_check_fail(what: str) -> None:
    facts, _ = gathered()
    assert facts.gathered
    changed = with_shares(facts, *BAD_SHARES[what](*facts.gathered.shares))
    assert not changed.holds
    assert not redone(changed).holds


def test_a_share_that_was_sent_and_is_left_out_is_missed_by_its_phone() -> None:
    facts, guest = gathered()
    assert facts.gathered
    dropped = with_shares(facts, *(each for each in facts.gathered.shares if each != guest.opened))
    assert not dropped.holds
    assert redone(dropped).holds
    assert not guest.agrees(redone(dropped))
    assert dropped.gathered
    quietly = dropped.gathered._replace(missing=facts.gathered.missing)
    assert not redone(dropped._replace(gathered=quietly)).holds


def test_a_share_of_a_pick_without_a_pledge_goes_nowhere() -> None:
    phones = Phones(3, Random(6))
    phones.picks[0] = phones.picks[0]._replace(pledge="")
    facts = evening_of(phones)
    assert facts.holds
    assert facts.gathered
    assert phones.ids[0] not in dict(facts.gathered.shares)
    added = redone(with_shares(facts, *(Opened(*each) for each in phones.shares.items())))
    assert not added.holds


# --- while the shares come in ---------------------------------------------------------------------


def subsets(ids: Sequence[str]) -> list[tuple[str, ...]]:
    return [chosen for count in range(len(ids) + 1) for chosen in combinations(ids, count)]


@pytest.mark.parametrize("k", range(5))
def test_with_k_phones_there_are_two_to_the_k_results_and_the_missing_are_named(k: int) -> None:
    phones = Phones(6, Random(7))
    own, reached = phones.ids[:k], set()
    for left_out in subsets(own):
        facts = evening_of(phones, left_out)
        assert facts.holds
        assert facts.gathered
        assert [who for who, _ in facts.gathered.missing] == list(left_out)
        reached.add(facts.given)
    assert len(reached) == 2**k  # of 720 hand-outs, so none of these is reached twice


@pytest.mark.parametrize(("k", "tables"), [(0, 4_000), (1, 4_000), (2, 2_000), (3, 1_000)])
def test_the_best_of_these_is_what_the_bound_says(k: int, tables: int) -> None:
    random, n, won = Random(8), 8, 0
    for _ in range(tables):
        phones = Phones(n, random)
        choices = (phones.without(*left_out) for left_out in subsets(phones.ids[:k]))
        won += any(phones.hands(opened)["p-N0"] == "Team 5" for opened in choices)
    assert is_about(won, tables, 1 - (1 - 1 / n) ** 2**k)
    assert k == 0 or won / tables < 2**k / n


# --- with a number from the room ------------------------------------------------------------------


def test_a_share_that_is_left_out_for_a_number_that_was_guessed_gives_nothing() -> None:
    random, n, tables, won = Random(9), 8, 2_000, 0
    for _ in range(tables):
        phones = Phones(n, random)
        phones.roll, guess, rolled = True, "4 + 3", random.choice(DICE)
        both = phones.shares, phones.without("p-N0")
        opened = max(both, key=lambda each: phones.hands(each, guess)["p-N0"] == "Team 5")
        won += phones.hands(opened, rolled)["p-N0"] == "Team 5"
    assert is_about(won, tables, 1 / n)


def won_by(phones: Phones, opened: Mapping[str, str], numbers: Sequence[str]) -> int:
    """With how many of these numbers the operator gets the team they want."""
    closed = fingerprint_of_shares(phones.fingerprint, shares.in_order(phones.picks, opened))
    return sum(phones.dealt(closed, number)["p-N0"] == "Team 2" for number in numbers)


def test_who_looks_through_all_that_can_be_rolled_gains_a_part_of_what_the_choice_was_worth() -> (
    None
):
    random, n, tables = Random(10), 8, 250
    best, whole = 0, tables * len(DICE)
    for _ in range(tables):
        phones = Phones(n, random)
        phones.roll = True
        best += max(won_by(phones, each, DICE) for each in (phones.shares, phones.without("p-N0")))
    assert 1 / n < best / whole < 0.165  # without a number it is 1 - (1 - 1 / n) ** 2 = 0.234


def best_picks(random: Random, numbers: Sequence[str]) -> Phones:
    """No phone is honest: of forty tries, the picks with which most of these numbers win."""
    found = [Phones(4, random) for _ in range(40)]
    for phones in found:
        phones.roll = True
    return max(found, key=lambda phones: won_by(phones, phones.shares, numbers))


def test_without_an_honest_share_two_dice_can_be_searched_and_ten_cannot() -> None:
    random, tables = Random(11), 20
    two, ten = 0, 0
    for _ in range(tables):
        two += won_by(table := best_picks(random, DICE), table.shares, DICE)
        seen, rolled = ([many(random) for _ in range(36)] for _ in range(2))
        ten += won_by(table := best_picks(random, seen), table.shares, rolled)
    assert is_over(two, tables * 36, 0.3)  # instead of one in four
    assert is_about(ten, tables * 36, 1 / 4)


def many(random: Random) -> str:
    """Ten dice."""
    return " ".join(str(random.randint(1, 6)) for _ in range(10))


# --- the draw itself is fair ----------------------------------------------------------------------


def some_draws(n: int, option: str, count: int, seed: int) -> Iterator[list[str]]:
    """Draws of one table whose honest phone has another share each time."""
    phones, random = Phones(n, Random(seed), option), Random(seed + 1)
    own = [pick.team for pick in phones.picks]
    honest = phones.ids[n // 2]
    for _ in range(count):
        opened = shares.in_order(phones.picks, {honest: random.randbytes(32).hex()})
        closed = fingerprint_of_shares(phones.fingerprint, opened)
        yield hand_out(SECRET, shares.message(closed, ""), own, option)


WHOLE = {(2, PLAIN): 2, (3, PLAIN): 6, (4, PLAIN): 24, (5, PLAIN): 120,
         (2, NOT_OWN): 1, (3, NOT_OWN): 2, (4, NOT_OWN): 9, (5, NOT_OWN): 44}  # fmt: skip
COUNTS = {2: 6_000, 3: 9_000, 4: 11_000, 5: 11_000, 8: 6_000, 16: 4_000, 32: 2_000, 64: 1_000}


def test_these_are_a_hundred_thousand_draws() -> None:
    assert sum(COUNTS.values()) * 2 == 100_000


@pytest.mark.parametrize("option", [PLAIN, NOT_OWN])
@pytest.mark.parametrize("n", COUNTS)
def test_all_hand_outs_are_equally_likely(n: int, option: str) -> None:
    drawn = list(some_draws(n, option, COUNTS[n], seed=n))
    own = [f"Team {i}" for i in range(n)]
    if option == NOT_OWN:
        assert not any(a == b for given in drawn for a, b in zip(given, own, strict=True))
    if (n, option) in WHOLE:
        assert is_uniform(map(tuple, drawn), WHOLE[n, option])
    else:
        places = n - (option == NOT_OWN)
        for who in (0, 1, n // 2, n - 1):
            assert is_uniform((given[who] for given in drawn), places)
        for team in (own[0], own[-1]):
            assert is_uniform((given.index(team) for given in drawn), places)


def test_a_shuffle_that_swaps_with_any_place_is_found_out() -> None:
    random = Random(12)

    def naive(n: int) -> tuple[int, ...]:
        places = list(range(n))
        for i in range(n):
            j = random.randrange(n)
            places[i], places[j] = places[j], places[i]
        return tuple(places)

    assert not is_uniform((naive(4) for _ in range(COUNTS[4])), 24)
    drawn = [naive(8) for _ in range(COUNTS[8])]
    assert not all(is_uniform((given[who] for given in drawn), 8) for who in (0, 1, 4, 7))


def test_a_shuffle_that_only_makes_rings_is_found_out() -> None:
    """Sattolo's: nobody holds their own, but not every such hand-out is possible."""
    random = Random(13)

    def ring(n: int) -> tuple[int, ...]:
        places = list(range(n))
        for i in range(n - 1, 0, -1):
            j = random.randrange(i)
            places[i], places[j] = places[j], places[i]
        return tuple(places)

    assert not is_uniform((ring(4) for _ in range(COUNTS[4])), 9)
