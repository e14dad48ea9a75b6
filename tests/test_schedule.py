"""The queue of consoles: who is called where, and how long the rest takes."""

from collections import Counter
from collections.abc import Iterable
from itertools import combinations
from random import Random

import pytest

from lct.domain.play.bracket import double_elimination, knockout
from lct.domain.play.fixtures import round_robin
from lct.domain.play.matches import Fixture, LoserOf, Seed, WinnerOf
from lct.domain.play.schedule import (
    Queue,
    busy,
    call_next,
    coming,
    finished,
    freed,
    moved,
    reopened,
    taken_back,
    with_consoles,
)
from lct.domain.play.slots import Ready, Unplayed, minutes_left, rounds_ahead, slots


def ready(unplayed: list[Unplayed]) -> list[Ready]:
    """The matches that can be called."""
    ahead = rounds_ahead(unplayed)
    return [
        Ready(match.key, match.home, match.away, order, ahead[match.key])
        for order, match in enumerate(unplayed)
        if match.home is not None and match.away is not None
    ]


class Room:
    """A tournament that is played: the home side always wins, and every end calls the next."""

    def __init__(self, fixtures: Iterable[Fixture], consoles: int) -> None:
        self.fixtures = [f for f in fixtures if f.only_if_away_won is None]
        self.queue = with_consoles(Queue(), [f"c{i}" for i in range(1, consoles + 1)])
        self.results: dict[str, tuple[str, str]] = {}  # winner, loser

    def side(self, source: object) -> str | None:
        if isinstance(source, Seed):
            return f"p{source.n}"
        assert isinstance(source, WinnerOf | LoserOf)
        result = self.results.get(source.key)
        return result and result[isinstance(source, LoserOf)]

    def unplayed(self) -> list[Unplayed]:
        out = []
        for f in self.fixtures:
            if f.key not in self.results:
                sources = [s.key for s in (f.home, f.away) if isinstance(s, WinnerOf | LoserOf)]
                needs = tuple(key for key in sources if key not in self.results)
                out.append(Unplayed(f.key, self.side(f.home), self.side(f.away), needs))
        return out

    def call(self) -> None:
        self.queue = call_next(self.queue, ready(self.unplayed()))
        names = [who for call in self.queue.consoles.values() if call for who in call[1:3]]
        assert len(names) == len(set(names)), "somebody is on two consoles"
        free = None in self.queue.consoles.values()
        waiting = [m for m in ready(self.unplayed()) if not {m.home, m.away} & set(names)]
        assert not (free and waiting), "a console stands free while two could play"

    def end(self, console: str) -> None:
        call = self.queue.consoles[console]
        assert call is not None
        self.results[call.key] = call.home, call.away
        self.queue = finished(self.queue, call.key, call.home, call.away)

    def running(self) -> list[str]:
        return [name for name, call in self.queue.consoles.items() if call]

    def slots(self) -> int:
        """Plays everything in matches of equal length."""
        count = 0
        self.call()
        while running := self.running():
            count += 1
            for console in running:
                self.end(console)
            self.call()
        assert not self.unplayed()
        return count


def room(kind: str, n: int, consoles: int) -> Room:
    plan = {"cup": knockout, "league": round_robin, "double": double_elimination}[kind]
    return Room(plan(n), consoles)


def on(queue: Queue) -> dict[str, str]:
    return {name: call.key for name, call in queue.consoles.items() if call}


def match(key: str, order: int = 0, ahead: int = 0) -> Ready:
    """``"A-B"`` as a match."""
    home, away = key.split("-")
    return Ready(key, home, away, order, ahead)


def matches(text: str) -> list[Ready]:
    return [match(key, order) for order, key in enumerate(text.split())]


def consoles(*names: str) -> Queue:
    return with_consoles(Queue(), names)


def end(queue: Queue, key: str) -> Queue:
    return finished(queue, key, *key.split("-"))


# Slots

COUNTS = [
    ("cup", 5, 2, 3),
    *(("cup", 11, consoles, slots) for consoles, slots in ((1, 10), (2, 6), (3, 5), (4, 4))),
    ("league", 5, 3, 5),
    *(("double", 8, consoles, slots) for consoles, slots in ((1, 14), (2, 8), (3, 7), (4, 6))),
]


@pytest.mark.parametrize(("kind", "n", "consoles", "count"), COUNTS)
def test_an_evening_takes_the_fewest_slots_and_they_are_foretold(
    kind: str, n: int, consoles: int, count: int
) -> None:
    evening = room(kind, n, consoles)
    assert slots(evening.unplayed(), consoles) == count
    assert minutes_left(evening.unplayed(), consoles, (), 12, 12) == (12 * count, 12 * count)
    assert evening.slots() == count


@pytest.mark.parametrize("n", range(2, 13))
def test_a_league_keeps_all_consoles_busy_until_its_end(n: int) -> None:
    for consoles in range(1, 7):
        best = -(-n * (n - 1) // 2 // min(consoles, n // 2))
        evening = room("league", n, consoles)
        assert slots(evening.unplayed(), consoles) == best
        assert evening.slots() == best


def fewest_slots_of_a_cup(n: int, consoles: int) -> int:
    """By trying every choice; matches are told apart only by what waits for them."""
    fixtures = knockout(n)
    needs = {
        f.key: frozenset(s.key for s in (f.home, f.away) if isinstance(s, WinnerOf))
        for f in fixtures
    }
    states, count = {frozenset[str]()}, 0
    while all(len(done) < len(needs) for done in states):
        count += 1
        following = set()
        for done in states:
            able = sorted(k for k in needs if k not in done and needs[k] <= done)
            following |= {done.union(c) for c in combinations(able, min(consoles, len(able)))}
        states = following
    return count


@pytest.mark.parametrize("n", range(2, 13))
def test_no_order_of_calls_ends_a_cup_sooner(n: int) -> None:
    for consoles in range(1, 5):
        best = fewest_slots_of_a_cup(n, consoles)
        assert room("cup", n, consoles).slots() == best
        assert slots(room("cup", n, consoles).unplayed(), consoles) == best


def test_both_matches_of_a_cup_of_five_are_called_at_once() -> None:
    evening = room("cup", 5, 2)
    evening.call()
    people = [{call.home, call.away} for call in evening.queue.consoles.values() if call]
    assert people in ([{"p4", "p5"}, {"p2", "p3"}], [{"p2", "p3"}, {"p4", "p5"}])


@pytest.mark.parametrize("kind", ["cup", "league", "double"])
def test_evenings_with_matches_of_all_lengths_end_and_leave_no_console_free(kind: str) -> None:
    random = Random(5)
    for n in (2, 3, 5, 8, 11):
        for consoles in (1, 2, 3, 5):
            evening = room(kind, n, consoles)
            evening.call()  # asserts that nobody is on two consoles and none is free in vain
            while running := evening.running():
                evening.end(random.choice(running))
                evening.call()
            assert not evening.unplayed()


@pytest.mark.parametrize(("n", "consoles"), [(4, 1), (5, 1), (5, 2), (7, 1), (7, 2), (8, 2)])
def test_games_played_differ_by_at_most_one_in_a_league(n: int, consoles: int) -> None:
    evening = room("league", n, consoles)
    evening.call()
    while running := evening.running():
        games = Counter({f"p{i}": 0 for i in range(1, n + 1)})
        for name, turns in evening.queue.turns.items():
            games[name] += turns.games
        games.update(busy(evening.queue))
        assert max(games.values()) - min(games.values()) <= 1
        since = {name: call.since for name, call in evening.queue.consoles.items() if call}
        evening.end(min(running, key=since.__getitem__))
        evening.call()


def test_nobody_plays_twice_running_in_a_league_of_five_on_one_console() -> None:
    evening = room("league", 5, 1)
    evening.call()
    before: frozenset[str] = frozenset()
    twice = 0
    while evening.running():
        twice += bool(before & busy(evening.queue))
        before = busy(evening.queue)
        evening.end("c1")
        evening.call()
    assert twice == 0


# Calls


def test_who_waited_plays_at_once_when_a_console_is_free() -> None:
    left = matches("Ada-Bo Cai-Dee Ada-Cai Bo-Dee Ada-Eli Bo-Eli")
    queue = call_next(consoles("sofa", "kitchen"), left)
    assert on(queue) == {"sofa": "Ada-Bo", "kitchen": "Cai-Dee"}
    queue = call_next(end(queue, "Ada-Bo"), left[1:])
    assert "Eli" in busy(queue)


def test_who_has_just_played_waits_while_others_could_play() -> None:
    queue = end(end(consoles("sofa"), "A-B"), "C-D")
    assert on(call_next(queue, matches("C-E A-B"))) == {"sofa": "A-B"}
    assert on(call_next(queue, matches("C-E D-F"))) == {"sofa": "C-E"}


def test_several_free_consoles_go_to_those_who_have_not_just_played() -> None:
    queue = end(consoles("1", "2"), "A-B")
    assert set(on(call_next(queue, matches("A-C D-E F-G"))).values()) == {"D-E", "F-G"}


def test_who_waited_longest_goes_first() -> None:
    queue = consoles("sofa")
    for key in ("A-B", "C-D", "E-F", "G-H"):
        queue = end(queue, key)
    assert on(call_next(queue, matches("E-F C-E A-D D-B"))) == {"sofa": "A-D"}


def test_nobody_gets_two_games_ahead_while_others_could_play() -> None:
    queue = consoles("sofa")
    for key in ("A-B", "A-B", "C-D", "E-F"):
        queue = end(queue, key)
    assert on(call_next(queue, matches("A-B C-D"))) == {"sofa": "C-D"}


@pytest.mark.parametrize("nobody_waits_for", ["somebody on a console", "somebody paused"])
def test_only_those_who_could_play_are_caught_up_with(nobody_waits_for: str) -> None:
    queue = consoles("sofa", "kitchen")
    for key in ("E-Y", "E-Z", "C-D", "F-G"):
        queue = end(queue, key)
    left = matches("X-C E-C C-D")  # E has played twice and waited longest, X has not played
    if nobody_waits_for == "somebody on a console":
        called = on(call_next(moved(queue, match("X-V"), "kitchen"), left))
    else:
        called = on(call_next(with_consoles(queue, ["sofa"]), left, paused={"X"}))
    assert called["sofa"] == "C-D"


def test_the_match_that_most_rounds_wait_for_goes_first() -> None:
    left = [match("A-B", 0, ahead=1), match("C-D", 1, ahead=2)]
    assert on(call_next(consoles("sofa"), left)) == {"sofa": "C-D"}


def test_as_many_consoles_as_possible_are_filled() -> None:
    # A-B first would leave C and D, who do not play each other.
    assert set(on(call_next(consoles("1", "2"), matches("A-B A-C B-D"))).values()) == {
        "A-C",
        "B-D",
    }
    # With one console, the order of the plan decides.
    assert on(call_next(consoles("1"), matches("A-B A-C B-D"))) == {"1": "A-B"}
    # No more than two of these fit together, so the first stays first.
    assert set(on(call_next(consoles("1", "2", "3"), matches("A-B A-C B-C D-E"))).values()) == {
        "A-B",
        "D-E",
    }


def test_a_paused_player_is_passed_over() -> None:
    left = matches("A-B C-D")
    assert on(call_next(consoles("1"), left, paused={"B"})) == {"1": "C-D"}
    assert on(call_next(consoles("1"), left, paused={"B", "C"})) == {}


def test_calling_again_changes_nothing() -> None:
    left = matches("A-B C-D E-F")
    queue = call_next(consoles("1", "2"), left)
    assert call_next(queue, left) == queue
    assert call_next(queue, [*left, match("G-H", 9, ahead=5)]) == queue


# What the organiser does


def test_a_call_taken_back_makes_way_for_another_until_a_match_ends() -> None:
    left = matches("A-B C-D E-F")
    queue = call_next(consoles("sofa", "kitchen"), left)
    queue = call_next(taken_back(queue, "A-B"), left)
    assert on(queue) == {"sofa": "E-F", "kitchen": "C-D"}
    queue = call_next(taken_back(queue, "E-F"), left)
    assert on(queue) == {"kitchen": "C-D"}
    queue = call_next(end(queue, "C-D"), [m for m in left if m.key != "C-D"])
    assert on(queue) == {"sofa": "A-B", "kitchen": "E-F"}


def test_a_call_taken_back_does_not_count_as_a_game() -> None:
    queue = call_next(consoles("sofa"), matches("A-B"))
    assert taken_back(queue, "A-B").turns == {}
    assert freed(queue, "A-B") == consoles("sofa")


def test_a_moved_match_stays_where_it_was_put() -> None:
    left = matches("A-B C-D E-F")
    queue = call_next(consoles("sofa", "kitchen"), left[:1])
    queue = moved(queue, left[0], "kitchen")
    assert on(queue) == {"kitchen": "A-B"}
    queue = call_next(queue, left)
    assert on(queue) == {"sofa": "C-D", "kitchen": "A-B"}


def test_a_match_moved_to_a_busy_console_changes_places() -> None:
    left = matches("A-B C-D E-F")
    queue = call_next(consoles("sofa", "kitchen"), left)
    queue = moved(queue, left[0], "kitchen")
    assert on(queue) == {"sofa": "C-D", "kitchen": "A-B"}
    queue = moved(queue, left[2], "sofa")
    assert on(queue) == {"sofa": "E-F", "kitchen": "A-B"}
    assert on(call_next(end(queue, "A-B"), left[1:]))["kitchen"] == "C-D"


def test_a_match_taken_back_can_be_put_on_a_console_by_hand() -> None:
    left = matches("A-B")
    queue = moved(taken_back(call_next(consoles("sofa"), left), "A-B"), left[0], "sofa")
    assert on(queue) == {"sofa": "A-B"}
    assert queue.held == frozenset()


def test_a_match_on_a_console_that_is_removed_is_called_elsewhere() -> None:
    left = matches("A-B C-D")
    queue = with_consoles(call_next(consoles("sofa", "kitchen"), left), ["kitchen", "attic"])
    assert on(queue) == {"kitchen": "C-D"}
    assert on(call_next(queue, left)) == {"kitchen": "C-D", "attic": "A-B"}


def test_a_result_that_is_gone_does_not_count_as_a_game() -> None:
    queue = end(end(consoles("sofa"), "A-B"), "A-C")
    queue = reopened(queue, "A", "C")
    assert {name: turns.games for name, turns in queue.turns.items()} == {"A": 1, "B": 1, "C": 0}


def test_no_state_is_changed_in_place() -> None:
    left = matches("A-B C-D E-F")
    queue = call_next(consoles("sofa", "kitchen"), left)
    before = repr(queue)
    end(queue, "A-B")
    moved(queue, left[2], "sofa")
    taken_back(queue, "A-B")
    freed(queue, "A-B")
    call_next(freed(queue, "A-B"), left)
    list(coming(queue, left))
    assert repr(queue) == before


# What comes


def test_each_console_shows_the_match_that_would_come_next() -> None:
    left = matches("A-B C-D E-F G-H A-C")
    queue = call_next(consoles("sofa", "kitchen"), left)
    assert {name: call.key for name, call in coming(queue, left)} == {
        "sofa": "E-F",
        "kitchen": "G-H",
    }
    played = [m for m in left if m.key != "A-B"]
    assert on(call_next(end(queue, "A-B"), played))["sofa"] == "E-F"


def test_no_match_with_an_unknown_side_is_called_or_announced() -> None:
    evening = room("cup", 3, 2)
    evening.call()
    assert on(evening.queue) == {"c1": "K4.2"}
    assert list(coming(evening.queue, ready(evening.unplayed()))) == []


def test_the_time_left_is_a_range() -> None:
    left = [
        Unplayed("1", "A", "B"),
        Unplayed("2", None, None, ("1",)),
        Unplayed("3", None, None, ("2",), conditional=True),
    ]
    assert minutes_left(left, 1, (), 10, 15) == (20, 45)
    assert minutes_left(left, 1, {"1"}, 10, 15) == (10, 45)
    assert minutes_left([], 1, (), 10, 15) == (0, 0)


def test_slots_begin_with_what_is_running_and_then_follow_the_longest_chain() -> None:
    left = [
        Unplayed("1", "A", "B"),
        Unplayed("2", "C", "D"),
        Unplayed("3", "E", "F"),
        Unplayed("4", "G", None, ("3",)),
    ]
    assert slots(left, 2) == 2
    assert minutes_left(left, 2, {"1", "2"}, 1, 1) == (2, 3)


def test_no_time_is_told_without_a_console() -> None:
    with pytest.raises(ValueError, match="console"):
        slots([], 0)
