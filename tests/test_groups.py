"""Groups, then a cup: the best of the next place go on too."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from lct.application.screens.choosing import choices
from lct.application.screens.phone import personal
from lct.application.screens.region import Scene
from lct.application.screens.table import across_groups, tables
from lct.domain import errors, snapshot
from lct.domain.evening import ChangeLimit
from lct.domain.play import refusals
from lct.domain.play.choosing import ChooseFormat
from lct.domain.play.derivation import derive
from lct.domain.play.fixtures import groups
from lct.domain.play.formats import GROUPS, Format, for_entrants, needs_winner
from lct.domain.play.marks import marks as found
from lct.web.api.play_facts import tables_facts

from .evening import Evening
from .test_play import Cup, _ruled, _score, something

REAL = json.loads((Path(__file__).parent / "data" / "real-tournaments.json").read_text())

# M9: three winners and the best runner-up of groups of four, four and three.
UNEQUAL = {
    "A": "A1 2-0 A4, A2 3-0 A4, A1 1-1 A2, A1 2-0 A3, A2 0-0 A3, A3 1-0 A4",
    "B": "B1 2-0 B2, B1 1-0 B3, B1 3-1 B4, B2 1-1 B3, B2 2-1 B4, B3 0-0 B4",
    "C": "C1 4-0 C3, C2 2-1 C3, C1 2-2 C2",
}
Played = list[tuple[str, str, int, int]]


def played(text: str) -> Played:
    lines = (line.split() for line in text.split(", "))
    return [(home, away, *map(int, score.split("-"))) for home, score, away in lines]  # type: ignore[misc]


class Groups(Cup):
    """Groups with these results, where each group's entrants have names of their own."""

    def __init__(self, results: dict[str, Played], **how: Any) -> None:
        called = {
            group: sorted({side for match in matches for side in match[:2]})
            for group, matches in results.items()
        }
        super().__init__(sum(map(len, called.values())), GROUPS, groups=len(results), **how)
        self.who = {
            name: f"N{seed - 1}"
            for group in groups(len(self.t.players), len(results))
            for name, seed in zip(called[group.name], group.seeds, strict=True)
        }
        self.called_by = {who: name for name, who in self.who.items()}
        for matches in results.values():
            for match in matches:
                self.ends(*match)

    def key(self, home: str, away: str) -> str:
        both = {self.who[home], self.who[away]}
        group = (m for m in self.play.competition.matches.values() if m.fixture.group)
        return next(m.key for m in group if set(self.names(m.key)) == both)

    def ends(self, home: str, away: str, ours: int, theirs: int, falls: Any = ()) -> None:
        key = self.key(home, away)
        turned = self.names(key)[0] != self.who[home]
        self.rule(key, *((theirs, ours) if turned else (ours, theirs)), falls=falls)

    def bracket(self) -> list[set[str]]:
        """Who meets whom in the first round of the cup."""
        cup = [m for m in self.play.competition.matches if m[0] == "K" and m != "K2.1"]
        pairs = [{self.called_by.get(name, "?") for name in self.names(key)} for key in cup]
        return [pair for pair in pairs if "?" not in pair]

    def scene(self) -> Scene:
        return Scene(self.t, self.later(60))


def unequal(**how: Any) -> Groups:
    results = {group: played(text) for group, text in UNEQUAL.items()}
    return Groups(results, **{"through": 1, "best": 1, **how})


# --- the format -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "groups", "through", "best"),
    [
        (24, 0, 2, 4),
        (12, 3, 2, 2),
        (28, 7, 2, 2),
        (48, 12, 2, 8),
        (18, 6, 1, 2),
        (16, 4, 2, 0),  # they fill it already
        (20, 5, 2, 0),  # six would be missing
        (9, 3, 2, 0),  # the thirds are the last ones
        (24, 6, 3, 0),  # there are no best fourths
    ],
)
def test_the_next_place_fills_the_cup_where_it_can(
    n: int, groups: int, through: int, best: int
) -> None:
    assert for_entrants(Format(GROUPS, groups=groups, through=through), n).best == best
    said = Format(GROUPS, groups=groups, through=through, best=0)
    assert for_entrants(said, n).best == 0


@pytest.mark.parametrize(("through", "best"), [(3, 1), (2, 6), (1, -1)])
def test_a_number_of_best_that_cannot_be_is_refused_beside_its_field(
    through: int, best: int
) -> None:
    with pytest.raises(errors.Invalid) as refusal:
        for_entrants(Format(GROUPS, groups=6, through=through, best=best), 30)
    assert set(refusal.value.fields) == {"best"}


def test_a_draw_waits_for_a_format_that_fits_those_who_came() -> None:
    e = Evening(limit=24, team_count=24)
    e.does(ChooseFormat, Format(GROUPS), ())
    e.does(ChangeLimit, 8)
    e.all_picked(8)
    with pytest.raises(refusals.FormatDoesNotFit):
        e.draw()
    shown = {choice.kind: choice for choice in choices(8, 1, e.t.play.format)}
    assert shown[GROUPS].groups == 2
    e.does(ChooseFormat, Format(GROUPS), ())
    e.draw()
    assert e.t.play.begun


# --- who goes on ----------------------------------------------------------------------------------


def test_groups_of_unequal_size_are_compared_without_the_last_of_the_larger_ones() -> None:
    """M9."""
    e = unequal()
    assert sorted(map(sorted, e.bracket())) == [["A1", "C2"], ["B1", "C1"]]
    (ranking,) = across_groups(e.scene())
    assert [(e.called_by[row.name.split()[0]], row.points) for row in ranking.rows] == [
        ("C2", 4),
        ("A2", 2),
        ("B2", 1),
    ]
    assert [row.through for row in ranking.rows] == [True, False, False]
    assert (str(ranking.title), str(ranking.rows[0].group)) == ("Best runners-up", "Group C")
    assert ranking.note is not None
    for last in ("A4", "B4"):
        assert e.who[last] in str(ranking.note)
    *_, facts = tables_facts(e.play)
    assert (facts.across, facts.finished, facts.rows[0].points) == (2, True, 4)
    assert facts.left_out == sorted(f"p-{e.who[last]}" for last in ("A4", "B4"))
    through = [[row.through for row in table.rows] for table in tables(e.scene())]
    assert through == [[True, False, False, False]] * 2 + [[True, True, False]]


def test_the_cup_waits_until_all_groups_are_over() -> None:
    e = unequal()
    last = e.key("C1", "C2")
    e.rule(last)
    assert e.bracket() == []
    assert e.play.competition.best_from is None
    assert e.state("K4.1") == e.state("K4.2") == "waiting"
    e.ends("C1", "C2", 2, 2)
    assert len(e.bracket()) == 2


@pytest.mark.parametrize("year", ["Euro 2020", "Euro 2024"])
def test_the_last_16_of_real_championships_are_those_who_were_and_stand_apart(year: str) -> None:
    """M3, M4: 24 in six groups; nobody meets their group again before a semi-final."""
    cup = next(cup for cup in REAL if cup["name"] == year)
    e = Groups(
        {name: group["matches"] for name, group in cup["groups"].items()},
        tie_breakers="head-to-head-first",
    )
    assert e.play.format.best == 4
    last_16 = {tie[side] for tie in cup["knockout"] for side in ("home", "away")}
    pairs = e.bracket()
    assert set().union(*pairs) == last_16
    where = {  # as they finished here: lots part two whom fair play parted then
        e.called_by[row.entrant.removeprefix("p-")]: (name, place)
        for name, table in e.play.competition.tables.items()
        for place, row in enumerate(table.rows, 1)
    }
    meets = [sorted(where[who][1] for who in pair) for pair in pairs]
    assert sorted(meets) == [[1, 2]] * 2 + [[1, 3]] * 4 + [[2, 2]] * 2
    for quarter in range(0, 8, 2):
        assert len({where[who][0] for pair in pairs[quarter : quarter + 2] for who in pair}) == 4
    half = {who: i // 4 for i, pair in enumerate(pairs) for who in pair}
    for name in cup["groups"]:
        first, second = (who for who in half if where[who][0] == name and where[who][1] < 3)
        assert half[first] != half[second]
    (thirds,) = across_groups(e.scene())
    assert thirds.note is None
    assert [row.through for row in thirds.rows] == [True] * 4 + [False] * 2


# --- what is certain ------------------------------------------------------------------------------


ONE_ROUND_LEFT = "Ada 1-0 Bo, Ada 1-0 Cai, Bo 1-0 Dee, Cai 1-0 Dee"
OTHERS = "Eli 1-0 Fay, Gil 1-0 Hal"


def marks(e: Groups) -> dict[str, str]:
    """The marks of the first group, as its table says them."""
    table = tables(e.scene())[0]
    return {e.called_by[row.name.split()[0]]: str(row.mark) for row in table.rows if row.mark}


def one_round_left(tie_breakers: str) -> Groups:
    results = {"A": played(ONE_ROUND_LEFT), "B": played(OTHERS)}
    return Groups(results, through=2, tie_breakers=tie_breakers)


def test_marks_are_certain_under_the_order_in_force_and_go_with_a_correction() -> None:
    """M7."""
    e = one_round_left("head-to-head-first")
    assert marks(e) == {"Ada": "first", "Dee": "out"}
    facts = tables_facts(e.play)[0]
    assert [row.certain for row in facts.rows] == ["first", None, None, "out"]
    assert marks(one_round_left("overall-first")) == {"Ada": "through", "Dee": "out"}
    e.ends("Ada", "Bo", 0, 1)
    assert marks(e) == {}
    e.ends("Ada", "Bo", 1, 0)
    e.ends("Bo", "Cai", 2, 0)
    assert marks(e) == {"Ada": "first", "Bo": "through", "Cai": "out", "Dee": "out"}


def test_no_lot_is_known_before_a_group_is_over() -> None:
    level = "Ada 1-1 Bo, Ada 1-1 Cai, Bo 1-1 Cai, Dee 0-1 Ada, Dee 0-1 Bo"
    e = Groups({"A": played(level), "B": played(OTHERS)})
    assert marks(e) == {"Dee": "out"}
    e.ends("Dee", "Cai", 0, 1)  # now all three are level, and lots decide
    assert sorted(marks(e).values()) == ["first", "out", "out", "through"]


def test_a_third_is_certain_of_nothing_until_all_groups_are_over() -> None:
    e = unequal()
    e.rule(e.key("C1", "C2"))
    assert marks(e) == {"A1": "first", "A3": "out", "A4": "out"}  # A2 may be the best runner-up
    e.ends("C1", "C2", 2, 2)
    assert marks(e) == {"A1": "first", "A2": "out", "A3": "out", "A4": "out"}
    assert e.play.marks("C")[f"p-{e.who['C2']}"] == "through"


@pytest.mark.parametrize("tie_breakers", ["overall-first", "head-to-head-first"])
def test_playing_on_never_takes_a_mark_back_and_in_the_end_all_have_one(tie_breakers: str) -> None:
    for seed in range(12):
        chance = random.Random(f"{tie_breakers} {seed}")
        how = {"through": chance.choice((1, 2)), "best": chance.choice((0, 1))}
        e = Cup(chance.randint(9, 12), GROUPS, groups=3, tie_breakers=tie_breakers, **how)
        cup = e.play.competition.matches.items()
        left = [key for key, match in cup if not needs_winner(match.fixture)]
        chance.shuffle(left)
        before: dict[str, str] = {}
        for key in left:
            e.rule(key, *_score(chance, False))
            now = {w: mark for group in "ABC" for w, mark in e.play.marks(group).items()}
            for who, mark in before.items():
                assert now[who] == mark or (mark, now[who]) == ("through", "first")
            before = now
        assert before.keys() == e.t.players.keys()
        through = {who for who, mark in before.items() if mark != "out"}
        matches = e.play.competition.matches.values()
        assert through == {w for m in matches if needs_winner(m.fixture) for w in m.sides if w}


@pytest.mark.parametrize("best", [0, 1])
def test_marks_kept_are_those_found_anew(best: int) -> None:
    for seed in range(6):
        chance = random.Random(f"marks {seed}")
        e = Cup(9, GROUPS, groups=3, through=chance.randint(1, 2), best=best)
        for _ in range(30):
            something(e, chance)
            for group, table in e.play.competition.tables.items():
                assert e.play.marks(group) == found(e.play.competition, table)


def test_a_phone_says_who_is_through_and_who_is_out() -> None:
    e = unequal()
    e.rule(e.key("C1", "C2"))

    def own(name: str) -> tuple[str, int]:
        card = personal(e.scene(), f"p-{e.who[name]}")["me"].data
        return card.own.state, card.own.place  # type: ignore[attr-defined]

    assert own("A1") == ("through", 1)
    assert own("A2") == ("done", 2)  # the best runner-up is still to be found
    assert own("A3") == ("out", 3)


# --- corrections ----------------------------------------------------------------------------------


def test_a_correction_that_sends_another_third_on_lists_what_falls() -> None:
    e = unequal()
    for key in ("K4.1", "K4.2", "K2.1"):
        e.agree(key, 1, 0)
    champion = e.champion()
    with pytest.raises(refusals.ResultsFall) as refusal:
        e.ends("A2", "A3", 3, 0)  # A1 is the best runner-up now
    falls = refusal.value.matches
    assert {"K4.1", "K2.1"} <= set(falls) <= {"K4.1", "K4.2", "K2.1"}
    assert e.champion() == champion
    e.ends("A2", "A3", 3, 0, falls=falls)
    assert sorted(name for pair in e.bracket() for name in pair) == ["A1", "A2", "B1", "C1"]
    assert not any({"A1", "A2"} == pair for pair in e.bracket())
    assert set(e.play.results).isdisjoint(falls)


def test_a_correction_that_changes_nobody_loses_nothing() -> None:
    e = unequal()
    for key in ("K4.1", "K4.2", "K2.1"):
        e.agree(key, 1, 0)
    e.ends("C2", "C3", 3, 1)
    assert e.champion() is not None


@pytest.mark.parametrize(("sizes", "through", "best"), [(9, 1, 1), (10, 2, 2), (11, 1, 2)])
def test_after_any_sequence_the_bracket_is_as_if_made_from_nothing(
    sizes: int, through: int, best: int
) -> None:
    for seed in range(12):
        chance = random.Random(f"best {sizes} {seed}")
        e = Cup(sizes, GROUPS, groups=3, through=through, best=best)
        for key, match in list(e.play.competition.matches.items()):
            if not needs_winner(match.fixture):
                e.rule(key, *_score(chance, False))
        assert len(e.play.competition.best_from or ()) == best
        for step in range(12):
            something(e, chance)
            if step % 4 == 0:  # clear one, so that the bracket opens, and decide it again
                key = chance.choice([k for k in e.play.results if k[0] != "K"])
                _ruled(e, key, (), "")
                assert e.play.competition.best_from is None
                assert not any(key[0] == "K" for key in e.play.results)
                _ruled(e, key, _score(chance, False), "")
            again = derive(e.play.competition.basis, e.play.results)
            assert e.play.competition == again
            assert {key for key, m in again.matches.items() if m.result} == set(e.play.results)
            assert snapshot.restore(snapshot.dump(e.t)) == e.t
