"""What a table says of those who are level: which rule parted them."""

from __future__ import annotations

from typing import Any

from lct.application.screens.board import stages
from lct.application.screens.region import Scene
from lct.application.screens.table import (
    ShownTable,
    TableHead,
    form,
    halved,
    moved,
    ordered_by,
    tables,
)
from lct.domain.play.formats import KNOCKOUT, LEAGUE

from .test_play import Cup


def league(n: int, results: dict[str, tuple[int, int]], **how: Any) -> tuple[Cup, ShownTable]:
    """A league of N0, N1 ... with these results, by ``N0-N1``; the match may be the other way."""
    cup = Cup(n, LEAGUE, **how)
    left = dict(results)
    for key in list(cup.play.competition.matches):
        home, away = cup.names(key)
        if f"{home}-{away}" in left:
            cup.rule(key, *left.pop(f"{home}-{away}"))
        elif f"{away}-{home}" in left:
            cup.rule(key, *left.pop(f"{away}-{home}")[::-1])
    assert left == {}
    (table,) = tables(Scene(cup.t, cup.later(60)))
    return cup, table


def said(table: ShownTable) -> dict[str, str | None]:
    return {row.name.split()[0]: row.why and str(row.why) for row in table.rows}


def test_before_a_match_nobody_is_said_to_be_level() -> None:
    _, table = league(3, {})
    assert set(said(table).values()) == {None}


def test_level_entrants_share_a_place_until_the_table_is_finished() -> None:
    _, table = league(4, {"N0-N1": (1, 0), "N2-N3": (1, 0)})
    assert [row.place for row in table.rows] == [1, 1, 3, 3]
    assert said(table)["N0"] == "level with N2 so far"
    assert {row.through for row in table.rows} == {False}


def test_goal_difference_parts_those_with_as_many_points() -> None:
    _, table = league(3, {"N0-N1": (3, 0), "N1-N2": (1, 0), "N2-N0": (1, 0)})
    parted = said(table)
    assert parted["N0"] == "level with N1 and N2 on points; parted by goal difference"
    assert table.rows[0].name.startswith("N0 ")


def test_the_match_between_two_is_named() -> None:
    results = {"N0-N1": (1, 0), "N2-N0": (5, 0), "N1-N2": (3, 0)}
    results |= {"N0-N3": (1, 0), "N1-N3": (2, 0), "N2-N3": (0, 1)}
    _, table = league(4, results, tie_breakers="head-to-head-first")
    parted = said(table)
    assert parted["N0"] == "level with N1 on points; won their match"
    assert parted["N1"] == "level with N0 on points; lost their match"


def test_lots_part_those_who_are_level_in_everything() -> None:
    cup, table = league(3, {"N0-N1": (1, 0), "N1-N2": (1, 0), "N2-N0": (1, 0)})
    assert [f"p-{row.name.split()[0]}" for row in table.rows] == list(cup.play.lots)
    assert all(why and why.endswith("parted by lots from the draw") for why in said(table).values())


def test_points_and_tie_breakers_are_those_that_the_host_chose() -> None:
    results = {"N0-N1": (1, 1), "N0-N2": (1, 1), "N1-N2": (1, 0)}
    _, usual = league(3, results)
    assert [row.points for row in usual.rows] == [4, 2, 1]
    cup, table = league(3, results, win=1, draw=1, tie_breakers="own", own_order=("goals",))
    first, second = sorted(("N0", "N1"), key=lambda n: cup.play.lots.index(f"p-{n}"))
    assert [(row.name[:2], row.points) for row in table.rows] == [
        (first, 2),
        (second, 2),
        ("N2", 1),
    ]
    assert (
        said(table)[first]
        == f"level with {second} on points and goals; parted by lots from the draw"
    )
    assert str(ordered_by(cup.play.format)) == (
        "Points: 1 for a win, 1 for a draw. Level on points: goals, then lots from the draw."
    )


def test_of_many_who_are_level_three_are_named() -> None:
    _, table = league(6, {"N0-N1": (1, 1), "N2-N3": (1, 1), "N4-N5": (1, 1)})
    assert said(table)["N0"] == "level with N1, N2, N3 and 2 others so far"


# --- on the TV ------------------------------------------------------------------------------------


def linked(table: ShownTable) -> tuple[list[str], list[str]]:
    """The two whom the TV joins, and the line between them."""
    joined = [row.name.split()[0] for row in table.rows if row.level]
    return joined, [str(row.below) for row in table.rows if row.below]


def test_the_tv_says_of_two_who_are_level_what_parted_them() -> None:
    _, table = league(3, {"N0-N1": (3, 0), "N1-N2": (1, 0), "N2-N0": (1, 0)})
    assert linked(table) == (["N0", "N2"], ["Level on points: N0 ahead on goal difference"])


def test_the_tv_names_the_match_between_the_two() -> None:
    results = {"N0-N1": (1, 0), "N2-N0": (5, 0), "N1-N2": (3, 0)}
    results |= {"N0-N3": (1, 0), "N1-N3": (2, 0), "N2-N3": (0, 1)}
    _, table = league(4, results, tie_breakers="head-to-head-first")
    assert linked(table) == (["N0", "N1"], ["Level on points: N0 beat N1 1:0"])


def test_the_tv_joins_nobody_who_shares_a_place_or_has_more_points() -> None:
    assert linked(league(4, {"N0-N1": (1, 0), "N2-N3": (1, 0)})[1]) == ([], [])
    results = {"N0-N1": (1, 0), "N0-N2": (1, 0), "N1-N2": (1, 0)}
    assert linked(league(3, results)[1]) == ([], [])


def test_a_form_has_the_last_five_results_the_newest_at_the_end() -> None:
    cup, _ = league(7, {})
    scores = [(2, 0), (1, 1), (0, 2), (3, 0), (0, 0), (1, 2)]
    theirs = [m for m in cup.play.competition.matches.values() if "p-N0" in m.sides]
    for match, score in zip(theirs, scores, strict=True):
        cup.rule(match.key, *(score if match.home == "p-N0" else score[::-1]))
    assert form(Scene(cup.t, cup.later(60)))["p-N0"] == "DLWDL"


def test_a_form_counts_a_walkover_and_two_who_did_not_come() -> None:
    cup, _ = league(3, {})
    first, second, _ = list(cup.play.competition.matches)
    (home, away), others = cup.names(first), cup.names(second)
    cup.rule(first, came="home")
    cup.rule(second, came="neither")
    both = {home: "W", away: "L"}
    assert form(Scene(cup.t, cup.later(60))) == {
        f"p-{n}": both.get(n, "") + ("L" if n in others else "") for n in ("N0", "N1", "N2")
    }


def test_a_long_table_has_pairs_of_halves() -> None:
    for rows, parts in ((11, [5, 6]), (20, [10, 10]), (32, [8, 8, 8, 8]), (21, [5, 5, 5, 6])):
        found = halved(TableHead(None, rows, False), 10)
        assert sorted(head.rows for head in found) == parts


def test_a_long_name_is_short_in_a_table_of_halves_on_the_tv() -> None:
    for players, shown in ((10, "Maximiliane Oberhuber"), (11, "Maximiliane")):
        cup = Cup(players, LEAGUE)
        cup.t.players["p-N0"].rename("Maximiliane", "Oberhuber")
        (stage, *_) = stages(Scene(cup.t, cup.later(60)))
        names = {row.data.row.name for row in stage.children if row.id.startswith("table")}  # type: ignore[attr-defined]
        assert names == {shown, *(f"N{n} Nowak" for n in range(1, players))}


def test_the_newest_result_says_who_went_up_and_who_went_down() -> None:
    cup, _ = league(3, {"N0-N1": (1, 0)})
    key = next(key for key in cup.play.competition.matches if set(cup.names(key)) == {"N1", "N2"})
    cup.rule(key, *((0, 5) if cup.names(key)[1] == "N2" else (5, 0)))
    assert moved(Scene(cup.t, cup.later(60))) == {"p-N2": 1, "p-N0": -1, "p-N1": 0}
    assert moved(Scene(Cup(4, KNOCKOUT).t, cup.later(60))) == {}
