"""Updating only the regions that a change touched gives the same screens as rendering them all."""

from __future__ import annotations

import contextlib
import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lct.application.messages import Looked
from lct.application.screens import VIEWS
from lct.application.screens.change import change, shown
from lct.application.screens.live_now import LiveNow
from lct.application.screens.phone import personal
from lct.application.screens.region import Region, Scene
from lct.domain import errors
from lct.domain.call_names import SetCallName
from lct.domain.door import LockJoining
from lct.domain.drawing import DrawTeams, NameNumber, SkipReveal
from lct.domain.evening import ChangeLimit, CloseTournament, ReopenTournament
from lct.domain.fact import Command, Event, Touched
from lct.domain.listing import ListTeams
from lct.domain.people import BlockPlayer, Join, RemovePlayer, RenamePlayer
from lct.domain.picking import LetGo, PickTeam, RestartPicks
from lct.domain.play import refusals
from lct.domain.play.calling import MoveMatch, NameConsoles, TakeBackCall
from lct.domain.play.choosing import ChooseFormat
from lct.domain.play.formats import DOUBLE, DRAW_ONLY, GROUPS, KNOCKOUT, LEAGUE, SWISS, Format
from lct.domain.play.reporting import ReportScore, WithdrawReport
from lct.domain.play.results import HOME, NEITHER, Score
from lct.domain.play.settling import SetResult
from lct.locale import Language
from lct.web.audience import Audience
from lct.web.outbox import Outbox, Shared
from lct.web.picture import Picture, Same

from .evening import CODE, Evening
from .http_client import Element, parse

PLAYERS = [f"p{n}" for n in range(5)]


class Renderer:
    """Renders a region as its plain data, and records its id."""

    def __init__(self) -> None:
        self.rendered: list[str] = []

    def html(self, region: Region, language: Language) -> str:
        self.rendered.append(region.id)
        if isinstance(region.data, Same):
            first, last = region.data
            return f'<template data-first="{first}" data-last="{last}"></template>'
        children = "".join(self.html(child, language) for child in region.children)
        return f'<p id="{region.id}">{region.data}{children}</p>'


@dataclass
class Room:
    """The picture of every view, and the personal regions of each player's phone."""

    evening: Evening
    looks: dict[str, int] = field(default_factory=dict)
    here: dict[str, str] = field(default_factory=dict)
    events: list[Touched | None] = field(default_factory=list)
    looked: list[Looked] = field(default_factory=list)
    renderer: Renderer = field(default_factory=Renderer)

    def __post_init__(self) -> None:
        self.pictures = {name: self.picture(name) for name in VIEWS}
        self.pages = {name: parse(picture.whole()) for name, picture in self.pictures.items()}
        self.players = [*self.evening.t.players] or PLAYERS
        self.own = {player: personal(self.scene(), player) for player in self.players}
        self.shown = shown(self.scene())
        self._take, self.evening.take = self.evening.take, self.take  # type: ignore[method-assign]

    def take(self, event: Event | None) -> Event | None:
        """Note what an event touches, also one that the system adds."""
        if event is not None:
            self.events.append(event.touches(self.evening.t))
        return self._take(event)

    def scene(self) -> Scene:
        live = LiveNow(dict(self.looks), dict(self.here))
        return Scene(self.evening.t, self.evening.now, live, "https://cup.example")

    def picture(self, name: str, renderer: Any = None) -> Picture:
        return Picture(renderer or self.renderer, VIEWS[name], self.scene())  # type: ignore[arg-type]

    def does(self, kind: type[Command], *own: object) -> None:
        with contextlib.suppress(errors.LctError):
            self.evening.does(kind, *own)

    def look(self, player: str, team: int | None) -> None:
        self.looked.append(Looked(CODE, player, team))
        if team is None:
            self.looks.pop(player, None)
        else:
            self.looks[player] = team

    def refresh(self) -> dict[str, set[str]]:
        """Update every picture; view -> the ids of the regions sent."""
        scene = self.scene()
        found = change(self.shown, scene, self.events, self.looked)
        sent = dict[str, set[str]]()
        for name, picture in self.pictures.items():
            html, sent[name] = picture.update(scene, found)
            for region in parse(html).children:
                assert isinstance(region, Element)
                region.fill_in(self.pages[name])
                self.pages[name].replace(region)
        for player in self.players:
            touched = found.touched is None or player in found.touched.players
            if touched or not sent["me"].isdisjoint(self.own[player]):
                matches = found.touched and found.touched.matches
                self.own[player] = personal(scene, player, self.own[player], matches)
        self.shown, self.events, self.looked = shown(scene), [], []
        return sent


OFTEN = st.tuples(
    st.sampled_from(("pick", "look", "rename", "call", "let go", "away")),
    st.sampled_from(PLAYERS),
    st.integers(0, 2),
)
STEPS = st.one_of(
    OFTEN,
    OFTEN,
    st.tuples(st.just("join"), st.sampled_from(PLAYERS), st.just(0)),
    st.tuples(
        st.sampled_from(("pick", "look", "rename", "let go", "away", "come", "nap")),
        st.sampled_from(PLAYERS),
        st.integers(0, 3),
    ),
    st.tuples(
        st.sampled_from(("remove", "block", "limit", "lock", "draw", "restart", "close", "reopen")),
        st.sampled_from(PLAYERS),
        st.integers(3, 5),
    ),
)  # fmt: skip


def take(room: Room, step: tuple[str, str, int]) -> None:
    what, who, number = step
    commands: dict[str, tuple[Any, ...]] = {
        "join": (Join, who, who.upper(), "Nowak"),
        "pick": (PickTeam, who, number, f"{number:032x}"),
        "rename": (RenamePlayer, who, f"{who}-{number}", "Nowak"),
        "call": (SetCallName, who, f"{who}{number}"),
        "let go": (LetGo, who),
        "remove": (RemovePlayer, who),
        "block": (BlockPlayer, who),
        "limit": (ChangeLimit, number),
        "lock": (LockJoining,),
        "draw": (DrawTeams, room.evening.t.attempt),
        "restart": (RestartPicks, "ab" * 32),
        "close": (CloseTournament,),
        "reopen": (ReopenTournament, ""),
    }
    if what == "look":
        room.look(who, number)
    elif what == "away":
        room.look(who, None)
        room.here.pop(who, None)
    elif what in ("come", "nap"):
        room.here[who] = "here" if what == "come" else "asleep"
    else:
        room.does(*commands[what])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(STEPS, max_size=3), min_size=4, max_size=20))
def test_pictures_updated_by_touched_regions_equal_newly_made_ones(
    batches: list[list[tuple[str, str, int]]],
) -> None:
    room = Room(Evening(limit=5, team_count=5))
    for player in PLAYERS[:4]:
        room.does(Join, player, player.upper(), "Nowak")
    for batch in batches:
        for step in batch:
            take(room, step)
        room.refresh()
        is_as_new(room)


GATHERING = st.tuples(
    st.sampled_from(
        ("open",) * 5 + ("later", "number", "skip number", "call", "away", "come", "nap", "restart")
    ),
    st.sampled_from(PLAYERS[:4]),
    st.integers(0, 3),
)


@settings(max_examples=50, deadline=None)
@given(st.booleans(), st.lists(st.lists(GATHERING, max_size=3), min_size=4, max_size=12))
def test_a_draw_that_has_begun_is_shown_by_its_parts(
    roll: bool, batches: list[list[tuple[str, str, int]]]
) -> None:
    room = Room(Evening(limit=4, team_count=5))
    for number, player in enumerate(PLAYERS[:4]):
        room.does(Join, player, player.upper(), "Nowak")
        if number:
            room.evening.pledge(player, number)
        else:
            room.evening.pick(player, number)
    room.does(DrawTeams, 1, roll)
    for batch in batches:
        for what, who, number in batch:
            if what == "open":
                room.evening.open(who)
            elif what == "later":
                room.evening.now = room.evening.later(5)
                room.evening.go_on(room.here)
            elif what == "number":
                room.does(NameNumber, 1, f"{number}")
            elif what == "skip number":
                room.does(NameNumber, 1, "")
            else:
                take(room, (what, who, number))
        room.refresh()
        is_as_new(room)


def is_as_new(room: Room) -> None:
    """Every picture, every page that got its frames, and every player's own regions are as those
    built from nothing."""
    for name, picture in room.pictures.items():
        fresh = room.picture(name, Renderer())
        assert picture.whole() == fresh.whole(), name
        assert picture.tag() == fresh.tag(), name
        shown = {region.id: region for region in parse(picture.whole()).children}  # type: ignore[union-attr]
        for region in room.pages[name].children:
            if region.id in shown:  # type: ignore[union-attr]
                assert region.picture() == shown[region.id].picture(), name  # type: ignore[union-attr]
    for player in room.players:
        assert room.own[player] == personal(room.scene(), player), player


class Phone(Outbox):
    """A phone's page, led by the frames it gets."""

    __slots__ = ("page",)

    def __init__(self, player: str) -> None:
        self.shared, self.player_id, self.device_id, self.renewed = Shared("me"), player, None, 0
        self.seats, self.personal, self.deflates = (player,), {}, False
        self.page: Element | None = None

    def offer(self, data: bytes, ids: set[str]) -> None:
        html = data[{126: 4, 127: 10}.get(data[1], 2) :].decode()
        if self.page is None:
            self.page = parse(html)
        for region in parse(html).children:
            assert isinstance(region, Element)
            region.fill_in(self.page)
            self.page.replace(region)


@pytest.mark.parametrize("apart", [0, 20_000])
def test_the_frames_of_a_phone_lead_its_page_to_the_newest_picture(
    apart: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if what all phones share is sent apart from what is their own."""
    monkeypatch.setattr("lct.web.audience.APART", apart)
    chance, evening = random.Random(7), Evening(limit=5, team_count=9)
    room = Room(evening)
    for who in PLAYERS:
        room.does(Join, who, who.upper(), "Nowak")
    audience, phones = Audience(CODE, Renderer()), [Phone(who) for who in PLAYERS]  # type: ignore[arg-type]
    for phone in phones:
        audience.enter(phone, "", room.scene())
    room.refresh()
    steps = ("pick",) * 20 + ("draw",) * 5 + ("look", "rename", "let go", "list", *["restart"] * 3)
    drawn = 0
    for _ in range(300):
        before = room.shown
        what, who, number = chance.choice(steps), chance.choice(PLAYERS), chance.randrange(9)
        if what == "list":
            room.does(ListTeams, [f"Team {each} {number}" for each in range(9)])
        else:
            take(room, (what, who, number))
        evening.now += timedelta(seconds=1)
        scene, found = room.scene(), change(before, room.scene(), room.events, room.looked)
        audience.show(scene, found)
        room.refresh()
        drawn += evening.t.dealt
        for phone in phones:
            assert phone.page
            own = personal(scene, phone.player_id or "", seats=phone.seats)
            newest = parse(audience.pictures[phone.shared].whole(own))
            for region in newest.children:
                assert isinstance(region, Element)
                assert phone.page.by_id(region.id).picture() == region.picture(), what
    assert drawn > 10


# --- the matches ----------------------------------------------------------------------------------

MATCH_STEPS = st.tuples(
    st.sampled_from(
        ("agree",) * 6
        + ("report",) * 3
        + ("correct", "clear", "nobody", "walkover", "withdraw", "move", "take back", "away")
        + ("come", "consoles", "format", "rename", "call", "block")
    ),
    st.integers(0, 30),
    st.sampled_from((Score(1, 0), Score(0, 2), Score(2, 2), Score(1, 1, None, (4, 3)))),
)
FORMATS = st.sampled_from(
    (
        Format(KNOCKOUT, third_place=True),
        Format(LEAGUE),
        Format(LEAGUE, legs=2, tie_breakers="head-to-head-first"),
        Format(GROUPS, groups=2, through=2),
        Format(GROUPS, groups=2, through=1, best=1),
        Format(KNOCKOUT, cup_legs=2, away_goals=True),
        Format(SWISS),
        Format(DOUBLE),
    )
)


def plays(room: Room, step: tuple[str, int, Score]) -> None:
    """Somebody does something about a match; what may not be is refused."""
    what, number, score = step
    e, play = room.evening, room.evening.t.play
    keys = list(play.competition.matches)
    key = keys[number % len(keys)] if keys else ""
    calls = [call for call in play.queue.consoles.values() if call]
    if calls and number % 5:
        key = calls[number % len(calls)].key
    sides = play.competition.matches[key].sides if key else ()
    who = sides[number % 2] if key and all(sides) else PLAYERS[0]
    consoles = list(play.queue.consoles)
    if what in ("away", "come"):
        room.here.pop(room.players[number % len(room.players)], None)
        if what == "come":
            room.here[room.players[number % len(room.players)]] = "here"
    elif what == "agree":
        for side in sides:
            room.does(ReportScore, side, key, score)
    elif what in ("correct", "clear", "nobody", "walkover"):
        came = {"nobody": NEITHER, "walkover": HOME}.get(what, "")
        mine = score if what == "correct" else None
        try:
            e.wants(SetResult, key, mine, came, ())
        except refusals.ResultsFall as more:
            room.does(SetResult, key, mine, came, more.matches)
        except errors.LctError:
            pass
        else:
            room.does(SetResult, key, mine, came, ())
    elif what == "format":
        chosen = Format((KNOCKOUT, LEAGUE, DRAW_ONLY)[number % 3])
        room.does(ChooseFormat, chosen, tuple(play.results))
    else:
        wanted: dict[str, tuple[Any, ...]] = {
            "report": (ReportScore, who, key, score),
            "withdraw": (WithdrawReport, who, key),
            "move": (MoveMatch, key, consoles[number % len(consoles)]),
            "take back": (TakeBackCall, key),
            "consoles": (NameConsoles, tuple("ABC"[: 1 + number % 3])),
            "rename": (RenamePlayer, who, f"N{number}", "Kowalski"),
            "call": (SetCallName, who, f"C{number}"),
            "block": (BlockPlayer, who),
        }
        room.does(*wanted[what])


def test_a_match_for_third_place_after_the_final_changes_the_numbers_of_the_evening() -> None:
    evening = Evening(limit=4, team_count=4)
    evening.does(ChooseFormat, Format(KNOCKOUT, third_place=True), ())
    evening.all_picked(4)
    evening.draw()
    evening.does(SkipReveal)
    room = Room(evening)
    for key in ("K4.1", "K4.2", "K2.1", "K3.1"):
        room.does(SetResult, key, Score(2, 1), "", ())
        room.refresh()
        is_as_new(room)


@settings(max_examples=40, deadline=None)
@given(
    FORMATS,
    st.integers(6, 9),
    st.lists(st.lists(MATCH_STEPS, min_size=1, max_size=2), min_size=6, max_size=30),
)
def test_pictures_updated_by_touched_matches_equal_newly_made_ones(
    chosen: Format, players: int, batches: list[list[tuple[str, int, Score]]]
) -> None:
    evening = Evening(limit=players, team_count=players)
    evening.does(ChooseFormat, chosen, ())
    evening.all_picked(players)
    evening.draw()
    evening.does(SkipReveal)
    room = Room(evening)
    for batch in batches:
        for step in batch:
            plays(room, step)
        room.refresh()
        is_as_new(room)


def picking(players: int = 3, teams: int = 8) -> Room:
    evening = Evening(limit=players + 1, team_count=teams)
    evening.join(*(f"N{n}" for n in range(players)))
    room = Room(evening)
    room.renderer.rendered.clear()
    return room


@pytest.mark.parametrize("teams", [8, 174, 1000])
def test_a_pick_renders_only_what_it_touched_for_any_number_of_teams(teams: int) -> None:
    room = picking(teams=teams)
    room.does(PickTeam, "p-N0", 2, "ab" * 16)
    assert "side" in room.refresh()["board"]  # the first pick takes the seal's code away
    room.renderer.rendered.clear()
    room.does(PickTeam, "p-N1", 3, "ab" * 16)
    sent = room.refresh()
    assert sent["me"] == {"wait", "team-3"}
    assert sent["board"] == {"head", "foot", "seat-2"}
    assert sent["watch"] == {"wait", "seat-2"}
    assert sent["organise"] == {"wait", "controls", "player-p-N1"}
    assert len(room.renderer.rendered) == sum(map(len, sent.values()))


def test_a_change_of_mind_touches_both_teams() -> None:
    room = picking()
    room.does(PickTeam, "p-N1", 3, "ab" * 16)
    room.refresh()
    room.does(PickTeam, "p-N1", 5, "ab" * 16)
    assert {"team-3", "team-5"} <= room.refresh()["me"]


def test_a_look_at_a_team_ends_when_another_player_picks_it() -> None:
    room = picking()
    room.look("p-N0", 3)
    room.refresh()
    room.does(PickTeam, "p-N1", 3, "ab" * 16)
    assert {"seat-1", "seat-2"} <= room.refresh()["watch"]


def test_a_change_undone_between_two_frames_is_still_sent() -> None:
    """The response to a tap in between may show the change, and only this frame can correct it."""
    room = picking()
    room.does(PickTeam, "p-N1", 3, "ab" * 16)
    room.does(LetGo, "p-N1")
    assert {"wait", "team-3"} <= room.refresh()["me"]
    room.look("p-N0", 5)
    room.look("p-N0", None)
    assert "team-5" in room.refresh()["me"]
    room.does(LockJoining)
    room.does(PickTeam, "p-N1", 3, "ab" * 16)
    assert room.refresh()["me"] >= {"bar", "me", "wait", "stage", "team-0"}


def test_a_look_or_a_nap_sends_only_its_own_regions() -> None:
    room = picking()
    room.look("p-N0", 5)
    sent = room.refresh()
    assert sent["me"] == {"team-5"}
    assert sent["board"] == sent["watch"] == {"seat-1"}
    room.here["p-N0"] = "asleep"
    sent = room.refresh()
    assert sent["me"] == set()
    assert sent["organise"] == {"player-p-N0"}
