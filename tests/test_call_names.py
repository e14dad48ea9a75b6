"""Call names: the name that a player or the host chooses for small places."""

from __future__ import annotations

import pytest

from lct.application.screens import board, cards, phone
from lct.application.screens.desk import SCREEN
from lct.application.screens.names import short_names
from lct.application.screens.region import Region, Scene
from lct.application.screens.table import tables
from lct.domain.call_names import CallNameSet, SetCallName
from lct.domain.errors import Invalid, SameName, TournamentIsClosed
from lct.domain.evening import CloseTournament
from lct.domain.people import Join, RenamePlayer
from lct.domain.play.formats import KNOCKOUT, LEAGUE

from .evening import Evening
from .http_client import House
from .test_play import Cup


def called(e: Evening, player_id: str, call_name: str) -> None:
    e.does(SetCallName, player_id, call_name)


def by_id(regions: tuple[Region, ...]) -> dict[str, Region]:
    return {r.id: r for region in regions for r in (region, *region.children)}


def test_a_call_name_stands_on_the_tv_and_in_tiles_and_the_whole_name_on_phones() -> None:
    e = Evening()
    e.does(Join, "p", "Nguyễn", "Thị Minh Khai")
    called(e, "p", "  Minh   Khai ")
    assert board.waiting_for(e.t) == ("Minh Khai",)
    e.pick("p", 3)
    s = Scene(e.t, e.now)
    seat, tile = by_id(board.SCREEN.whole(s))["seat-1"].data, by_id(phone.me(s))["team-3"].data
    assert (seat.called, seat.name) == ("Minh Khai", "Nguyễn Thị Minh Khai")  # type: ignore[attr-defined]
    assert (tile.called, tile.holder) == ("Minh Khai", "Nguyễn Thị Minh Khai")  # type: ignore[attr-defined]
    row = by_id(SCREEN.whole(s))["player-p"].data
    assert row.call_name == "Minh Khai"  # type: ignore[attr-defined]
    called(e, "p", "")
    assert by_id(board.SCREEN.whole(Scene(e.t, e.now)))["seat-1"].data.called == seat.name  # type: ignore[attr-defined]


def test_a_call_name_may_be_set_during_the_matches() -> None:
    cup, league = Cup(4, KNOCKOUT), Cup(2, LEAGUE)
    first = next(iter(cup.t.players))
    for each in (cup, league):
        each.does(SetCallName, first, "Olka")
    s = Scene(cup.t, cup.later(60))
    assert cards.cards(s)[0].called == "Olka"
    match = next(r.data.match for r in by_id(board.stages(s)).values() if r.id == "match-K4-1")  # type: ignore[attr-defined]
    assert match.home.called == match.home.short == "Olka"
    assert match.home.name == "N0 Nowak"
    (table,) = tables(Scene(league.t, league.later(60)))
    assert "Olka" in [row.name for row in table.rows]


@pytest.mark.parametrize("taken", ["max", "MAX NOWAK", "Olka"])
def test_a_call_name_reads_like_nobody_else(taken: str) -> None:
    e = Evening()
    e.join("Ola", "Max", "Zoë")
    called(e, "p-Ola", "Olka")
    with pytest.raises(Invalid, match="would read the same"):
        e.wants(SetCallName, "p-Zoë", taken)
    assert e.wants(SetCallName, "p-Ola", "Ola") == CallNameSet("p-Ola", "Ola")


def test_a_player_with_a_call_name_leaves_the_first_name_to_others() -> None:
    e = Evening()
    e.join("Max", "Zoë")
    called(e, "p-Max", "Maxi")
    assert e.wants(SetCallName, "p-Zoë", "Max") == CallNameSet("p-Zoë", "Max")


def test_nobody_joins_or_is_renamed_under_a_call_name() -> None:
    e = Evening()
    e.join("Ola", "Max")
    called(e, "p-Ola", "Minh Khai")
    for command in (
        lambda: e.wants(Join, "p-new", "minh", "khai"),
        lambda: e.wants(RenamePlayer, "p-Max", "Minh", "Khai"),
    ):
        with pytest.raises(SameName, match="Minh Khai is already in"):
            command()
    assert e.wants(RenamePlayer, "p-Ola", "Minh", "Khai")


def test_a_call_name_can_be_seen_and_is_short() -> None:
    e = Evening()
    e.join("Ola")
    for wrong in ("x" * 21, "\u2800"):
        with pytest.raises(Invalid):
            e.wants(SetCallName, "p-Ola", wrong)
    assert e.wants(SetCallName, "p-Ola", "   ") is None
    assert not CallNameSet("p-Ola", "x" * 21).sound()
    e.does(CloseTournament)
    with pytest.raises(TournamentIsClosed):
        e.wants(SetCallName, "p-Ola", "Olka")


def test_short_names_keep_what_tells_people_apart() -> None:
    e = Evening(limit=8)
    people = {
        "a": ("Max", "Müller-Lüdenscheidt A"), "b": ("Max", "Müller-Lüdenscheidt B"),
        "c": ("Max", "Berger"), "d": ("Ola", "Nowak"), "e": ("Ola", "Nolan"), "f": ("Zoë", "Li"),
        "g": ("Yusuf", "Demir"),
    }  # fmt: skip
    for player_id, name in people.items():
        e.does(Join, player_id, *name)
    called(e, "g", "Max B.")
    shown = [short_names(Scene(e.t, e.now))[player_id] for player_id in people]
    assert shown == [
        "Max M… A", "Max M… B", "Max Berger", "Ola Nowak", "Ola Nolan", "Zoë", "Max B.",
    ]  # fmt: skip


def test_a_name_too_long_for_the_list_of_the_draw_is_short_there() -> None:
    e = Evening(limit=2)
    first, last = "Hans-Joachim-Theodor", "von der Müller-Lüdenscheidt"
    for number, end in enumerate("AB"):
        e.does(Join, f"p-{end}", first, f"{last} {end}")
        e.pick(f"p-{end}", number)
    e.draw()
    shown = [(row.called, row.name) for row in cards.cards(Scene(e.t, e.now))]
    assert shown == [(f"{first} v… {end}", f"{first} {last} {end}") for end in "AB"]


def test_a_guest_sets_a_short_name_and_the_host_changes_it(house: House) -> None:
    e = house.evening()
    ola, player = e.guest("Ola"), e.player("Ola")
    saved = ola.post(e.at("call-name"), {"call_name": "Olka"}, htmx=True)
    assert saved.page.by_id("notice").text == "Saved."
    assert "Olka" in e.visitor().get(e.at()).page.by_id("seat-1").text
    assert ola.get(e.at("me")).page.by_id("f-call").attrs["value"] == "Olka"
    assert e.act("call-name", player=player, call_name="Oleńka").status == 200
    assert "Oleńka" in e.host.get(e.at(f"pick-for?player={player}")).text
    assert e.visitor().post(e.at("call-name"), {"call_name": "X"}, htmx=True).status == 403
    told = e.host.get(e.at("history")).page.text
    assert "set the short name of Ola Nowak: Oleńka" in told
