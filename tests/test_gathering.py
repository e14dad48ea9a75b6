"""The gathering on served workers: shares come by every way, and workers, store and bus go away."""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from lct.application.screens.phases import RETRY, next_change
from lct.bootstrap import secrets_of
from lct.domain.drawing import DrawTeams
from lct.domain.fact import Command
from lct.domain.gathering import CloseShares, OpenShares
from lct.domain.people import Join
from lct.domain.picking import PickTeam
from lct.domain.rights import SYSTEM, player
from lct.domain.shares import Opened, Pledged, fits, pledge
from lct.domain.tournament import GATHERING, Tournament
from lct.laptop.local_servers import LocalServer, start_bus, start_store
from lct.web.identity import PLAYER, _signer
from lct.web.inbox import MAX_MESSAGE
from lct.web.seats import MOST_SEATS

from .conftest import Servers
from .desk import Desk, utc_now
from .doomed import run_and_kill
from .evening import CODE
from .evening import Evening as InMemory
from .http_client import Answer, Evening, House, Phone, Screen, open_house
from .support import wait_until
from .test_live_ways import Stream

STARTED = timedelta(seconds=20)  # ago: before every gathering has ended


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def bus(folder: Path) -> Iterator[LocalServer]:
    """A bus of this module's own, to be broken."""
    server = start_bus(folder / "bus")
    server.wait_ready()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[LocalServer]:
    """A store of this module's own, to be broken."""
    server = start_store(folder / "store")
    server.wait_ready()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def house(bus: LocalServer, store: LocalServer, folder: Path) -> Iterator[House]:
    with open_house(Servers(store.uri, bus.uri), folder) as made:
        yield made


@dataclass
class Table:
    """An evening in which everybody has picked, each with a pledge."""

    e: Evening
    shares: dict[str, str] = field(default_factory=dict)
    phones: dict[str, Phone] = field(default_factory=dict)

    def sit(self, count: int) -> Table:
        for number in range(count):
            guest = self.e.guest(f"N{number}", worker=number % 2)
            who, share = self.e.player(f"N{number}"), secrets.token_hex(32)
            self.shares[who], self.phones[who] = share, guest
            self.pick(who, number)
        return self

    def pick(self, who: str, team: int) -> None:
        pledged = pledge(self.e.code, who, self.shares[who])
        fields = {"team": team, "value": secrets.token_hex(16), "pledge": pledged}
        assert self.phones[who].post(self.e.at("team"), fields, htmx=True).status == 200

    def draw(self, host: Phone | None = None, attempt: int = 1, do: str = "draw") -> None:
        assert self.e.act(do, host, attempt=attempt).status == 200

    def post(self, who: str, share: str = "", phone: Phone | None = None) -> Answer:
        fields = {"player": who, "share": share or self.shares[who]}
        return (phone or self.phones[who]).post(self.e.at("share"), fields, htmx=True)

    def message(self, *players: str) -> str:
        return json.dumps({"shares": {who: self.shares[who] for who in players}})

    def live(self, who: str) -> Screen:
        screen = self.phones[who].copy().live(self.e.live("me"))
        screen.take()
        return screen

    def types(self) -> list[str]:
        """The types of the events since the picks were fixed."""
        found = [event["type"] for event in self.e.events]
        return found[found.index("draw-begun") :]

    def drawn(self, seconds: float = 10, times: int = 1) -> list[dict[str, Any]]:
        """Wait until the teams are dealt; the shares that are in, as they were stored. Nothing
        was done twice."""
        wait_until(
            lambda: len(self.e.facts("teams-drawn")) >= times, seconds, "the teams are dealt"
        )
        for kind in ("draw-begun", "shares-closed", "teams-drawn"):
            assert [fact["attempt"] for fact in self.e.facts(kind)] == list(range(1, times + 1))
        last = [fact for fact in self.e.facts("shares-opened") if fact["attempt"] == times]
        shares = [tuple(each) for fact in last for each in fact["shares"]]
        assert len(dict(shares)) == len(shares)
        return shares

    def all_in(self, seconds: float = 10, times: int = 1) -> bool:
        return dict(self.drawn(seconds, times)) == self.shares


@pytest.fixture
def table(house: House) -> Callable[..., Table]:
    """Makes an evening with a pledged pick on every seat."""
    return lambda count=4, **how: Table(house.evening(limit=count, **how)).sit(count)


def begun_long_ago(house: House, players: int = 3, closed: bool = False) -> str:
    """The code of an evening whose draw has begun and whose worker was killed; no worker of the
    house knows of it. ``closed``: the shares are closed, too."""
    with house.desk() as desk:
        code, began = desk.create(secrets.token_hex(4), limit=players), utc_now() - STARTED
        for number in range(players):
            desk.join(code, f"N{number}")
            who = f"p-N{number}"
            share = pledge(code, who, f"{number:064x}")
            desk.execute(
                PickTeam(
                    by=player(who),
                    code=code,
                    player_id=who,
                    team=number,
                    value="ab" * 16,
                    pledge=share,
                )
            )
        # Without execution, which would go on with the draw.
        steps: list[Command] = [DrawTeams(by=SYSTEM, code=code, attempt=1)]
        steps += [CloseShares(by=SYSTEM, code=code, attempt=1)] if closed else []
        stream = desk.store.stream(code)
        stream.at = began
        for number, step in enumerate(steps):
            at = began + number * GATHERING
            event = step.event_on(stream.tournament, at)
            assert event
            desk.store.append(stream, stream.seq + 1, event, step, at)
    return code


def drawn_once(house: House, code: str) -> list[str]:
    """The types of the events since the picks were fixed, once the teams are dealt."""

    def types() -> list[str]:
        found = [event["type"] for event in house.events(code)]
        return found[found.index("draw-begun") :]

    wait_until(lambda: "teams-drawn" in types(), 5, "the teams are dealt")
    return types()


WHOLE = ["draw-begun", "shares-closed", "teams-drawn"]


# --- the ways of a share --------------------------------------------------------------------------


def test_shares_by_websocket_and_post_to_both_workers_go_into_one_draw(
    house: House, table: Callable[..., Table]
) -> None:
    t = table(4)
    first, second, third, fourth = t.shares
    with t.live(first) as screen, t.live(second) as other:
        stream = Screen(Stream(t.phones[third], t.e.at("events?view=me")))
        stream.take()
        t.draw()
        for each in (screen, other, stream):
            each.until(lambda s: "Opening your share" in s.shows("share"))
        screen.ws.send(t.message(first))
        other.ws.send(t.message(second))
        assert t.post(third).status == 204
        assert t.post(fourth).status == 204  # its page polls
        assert t.all_in(3)
        for each in (screen, other, stream):
            each.until(lambda s: "Your share is in" in s.shows("share"))
        stream.ws.sock.close()
    assert len(t.types()) <= 2 + 4 + 1


def test_one_phone_opens_the_shares_of_all_its_seats(table: Callable[..., Table]) -> None:
    t = table(MOST_SEATS)
    message = t.message(*t.shares)
    assert len(message) <= MAX_MESSAGE
    with t.live(next(iter(t.shares))) as screen:
        t.draw()
        screen.until(lambda s: "Opening your share" in s.shows("share"))
        screen.ws.send(message)
        assert t.all_in(3)
    assert t.types() == ["draw-begun", "shares-opened", *WHOLE[1:]]


def hundred(house: House, desk: Desk) -> Table:
    """An evening of a hundred players with a pledge each, whose draw the host may begin."""
    code = desk.create(secrets.token_hex(4), limit=100, team_count=100)
    shares = {f"p-{number}": secrets.token_hex(32) for number in range(100)}
    for number, (who, share) in enumerate(shares.items()):
        desk.execute(Join(code=code, by=SYSTEM, player_id=who, first="N", last=str(number)))
        pick = PickTeam(
            code=code, by=player(who), player_id=who, team=number, value="ab" * 16,
            pledge=pledge(code, who, share),
        )  # fmt: skip
        desk.execute(pick)
    return Table(Evening(house, code, code, house.phone(), "", []), shares)


def test_a_hundred_shares_are_stored_as_few_events_and_every_phone_shows_the_draw(
    house: House,
) -> None:
    with house.desk() as desk:
        t = hundred(house, desk)
        ids = list(t.shares)
        signer = _signer(secrets_of(house.settings), PLAYER)
        phones = [house.phone(worker) for worker in (0, 1)]
        for phone, who in zip(phones, ids, strict=False):
            phone.cookies[t.e.at(), PLAYER] = str(signer.dumps([t.e.code, who]))
        here, there = (phone.live(t.e.live("me")) for phone in phones)
        for screen in (here, there):
            screen.until(lambda s: "N 99" in s.text)
        desk.execute(DrawTeams(code=t.e.code, by=SYSTEM, attempt=1))
        for phone in phones:  # which tells its worker
            phone.get(t.e.at("me"))
    for first in range(0, 100, 5):
        screen = here if first < 50 else there
        screen.ws.send(t.message(*ids[first : first + 5]))
    assert t.all_in(3)
    assert len(t.e.facts("shares-opened")) <= 8
    for number, screen in enumerate((here, there), 1):
        row = f"row-{number}"
        screen.until(
            lambda s, row=row: s.page.has(row) and "is-mine" in str(s.page.by_id(row).attrs)
        )
        # What all phones get is sent apart: a list of a hundred is compressed once.
        assert any('id="row-50"' in frame and "(you)" not in frame for frame in screen.frames)
        with phones[number - 1].live(t.e.live("me")) as fresh:
            wait_until(partial(same, screen, fresh))
        screen.ws.close()


def same(*screens: Screen) -> bool:
    """Whether they show the same."""
    for screen in screens:
        screen.quiet(0.02)
    one, other = (screen.page.picture() for screen in screens)
    return bool(one == other)


# --- shares that cannot go in ---------------------------------------------------------------------


def test_a_share_that_cannot_go_in_is_refused_by_post_and_ignored_by_websocket(
    table: Callable[..., Table],
) -> None:
    t = table(2)
    ola, max_ = t.shares
    early = t.post(ola)
    assert (early.status, "when the draw begins" in early.text) == (409, True)
    with t.live(ola) as screen:
        screen.ws.send(t.message(ola))
        t.draw()
        for wrong in (t.shares[max_], "ab" * 32, t.shares[ola].upper(), t.shares[ola] + "0", ""):
            fields = {"player": ola, "share": wrong}
            answer = t.phones[ola].post(t.e.at("share"), fields, htmx=True)
            assert (answer.status, "does not fit" in answer.text) == (409, True), wrong
            screen.ws.send(json.dumps({"shares": {ola: wrong}}))
        assert t.post("nobody", t.shares[ola], t.phones[ola]).status == 409
        assert screen.ws.ping().wait(2)
        time.sleep(0.2)  # longer than shares are collected
        assert t.types() == ["draw-begun"]
        screen.ws.send(t.message(ola, max_))
        assert t.all_in(3)
    for phone in t.phones.values():
        # A worker that has not heard of the end takes it, and stores nothing.
        late = wait_until(lambda phone=phone: (a := t.post(ola, phone=phone)).status == 409 and a)
        assert "too late" in late.text
    stranger = t.e.visitor()
    assert t.post(ola, phone=stranger).status == 403


@pytest.mark.parametrize("odd", ["", "ab", "AB" * 32, "ab" * 33, "x" * 64, "ab" * 32 + "\n"])
def test_a_share_is_64_hex_digits_even_if_its_pledge_was_made_of_something_else(odd: str) -> None:
    assert not fits(CODE, Pledged("p-Ola", "Team", pledge(CODE, "p-Ola", odd)), odd)


def closed_with(screen: Screen) -> int | None:
    """The code with which the server closes that socket."""
    with suppress(ConnectionClosed):
        while True:
            screen.take()
    return screen.ws.close_code  # type: ignore[no-any-return]


def test_malformed_messages_do_no_harm(house: House, table: Callable[..., Table]) -> None:
    t = table(2)
    ola, max_ = t.shares
    with t.live(ola) as screen, t.live(ola) as large:
        t.draw()
        screen.until(lambda s: "Opening your share" in s.shows("share"))
        before = len(house.lines())
        malformed: list[Any] = [
            {"shares": 5}, {"shares": [ola]}, {"shares": {"x": 1}}, {"shares": {ola: None}},
            {"shares": {ola: {}}}, ["shares"], "shares",
            {"shares": {str(number): "" for number in range(MOST_SEATS + 1)}},
        ]  # fmt: skip
        for message in malformed:
            screen.ws.send(json.dumps(message))
        for harmless in ({}, {ola: "\ud800"}, {"\ud800": ""}):
            screen.ws.send(json.dumps({"shares": harmless}))
        assert screen.ws.ping().wait(2)
        said = [line["message"] for line in house.lines()[before:]]
        assert said.count("websocket message malformed") == len(malformed)
        large.ws.send(json.dumps({"shares": {ola: "a" * MAX_MESSAGE}}))
        assert closed_with(large) == 1009
        assert t.types() == ["draw-begun"]
        screen.ws.send(t.message(ola, max_))
        assert t.all_in(3)


def test_a_flood_of_wrong_shares_is_cut_off_and_delays_no_other(
    table: Callable[..., Table],
) -> None:
    t = table(2)
    ola, max_ = t.shares
    wrong = json.dumps({"shares": dict.fromkeys(t.shares, "ab" * 32)})
    with t.live(ola) as flooding, t.live(ola) as screen:
        t.draw()
        screen.until(lambda s: "Opening your share" in s.shows("share"))
        with suppress(ConnectionClosed):
            for _ in range(200):
                flooding.ws.send(wrong)
        assert closed_with(flooding) == 1008
        began = time.monotonic()
        screen.ws.send(t.message(ola, max_))
        assert t.all_in(3)
        assert time.monotonic() - began < 2


# --- workers that are killed ----------------------------------------------------------------------


def kill(house: House, worker: int) -> None:
    """Kill a worker, and wait until another one serves in its place."""
    os.kill(house.workers[worker], signal.SIGKILL)
    replaced(house)


def replaced(house: House) -> None:
    """Wait until another worker serves in the place of a killed one."""
    pids: list[int] = []

    def two() -> bool:
        pids[:] = sorted(house.server.pids)
        return len(pids) == 2 and pids != house.workers

    wait_until(two)
    house.workers = pids


def test_a_share_whose_worker_is_killed_before_it_is_stored_is_sent_again(
    house: House, table: Callable[..., Table]
) -> None:
    t = table(2)
    ola, max_ = t.shares
    with t.live(max_) as screen:
        t.draw(t.e.host.copy(0))
        assert t.post(ola).status == 204
        os.kill(house.workers[0], signal.SIGKILL)  # within the pause in which shares are collected
        screen.until(lambda s: "Opening your share" in s.shows("share"))
        assert t.types() == ["draw-begun"]
        screen.ws.send(t.message(max_))
        screen.until(lambda s: "Your share is in" in s.shows("share"))
        again = t.phones[ola].copy()
        again.worker = None  # one that is there
        again.get(t.e.at("me"))
        assert t.post(ola, phone=again).status == 204
        assert t.all_in(3)
        screen.until(lambda s: "The draw has begun" not in s.text)
    replaced(house)


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("finisher", ["a page", "a screen", "a poll"])
def test_a_draw_whose_worker_was_killed_is_finished_by_the_next_page_or_screen(
    house: House, closed: bool, finisher: str
) -> None:
    code = begun_long_ago(house, closed=closed)
    phone = house.phone()
    if finisher == "a screen":
        with phone.live(f"/t/{code}/live?view=board"):
            found = drawn_once(house, code)
    else:
        path = f"/t/{code}" if finisher == "a page" else f"/t/{code}/now?view=board"
        assert phone.get(path).status == 200
        found = drawn_once(house, code)
    assert found == WHOLE


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("inserts", [0, 1, 2])
def test_the_worker_that_takes_the_last_share_may_be_killed_at_every_step(
    house: House, store: LocalServer, inserts: int, done: bool
) -> None:
    """It stores the shares, the end of the gathering, and the result."""
    code = begun_long_ago(house)
    shares = tuple(Opened(f"p-N{number}", f"{number:064x}") for number in range(3))
    command = OpenShares(code=code, by=SYSTEM, attempt=1, shares=shares)
    settings = replace(house.settings, redis_url="unix:///none")
    assert not run_and_kill(store.socket, settings, command, ("insert", done), code, skip=inserts)
    steps = ["draw-begun", "shares-opened", *WHOLE[1:]]
    before = [event["type"] for event in house.events(code)]
    assert before[before.index("draw-begun") :] == steps[: 1 + inserts + done]
    with house.desk() as desk:  # phones send their shares again
        desk.execute(command)
        desk.execute(command)
    assert drawn_once(house, code) == steps


def test_workers_that_go_on_at_the_same_moment_finish_a_draw_once(house: House) -> None:
    code = begun_long_ago(house)
    live = f"/t/{code}/live?view=board"
    with house.phone(0).live(live) as here, house.phone(1).live(live) as there:
        assert drawn_once(house, code) == WHOLE
        for screen in (here, there):
            screen.until(lambda s: "stage-draw" in s.frames[-1] or "is-now" in s.frames[-1])


@pytest.mark.drill
def test_workers_are_killed_at_random_moments_of_many_draws(
    house: House, table: Callable[..., Table]
) -> None:
    chance = random.Random(5)
    t = table(3)
    for attempt in range(1, 13):
        house.forget_limits()
        t.draw(attempt=attempt)
        for who in t.shares:
            t.post(who)
        time.sleep(chance.uniform(0, 0.25))
        kill(house, chance.randrange(2))
        for worker, phone in enumerate(t.phones.values()):
            phone.worker = worker % 2
        if not t.e.facts("teams-drawn")[attempt - 1 :]:
            for who in t.shares:  # as a phone does that does not see its share in
                assert t.post(who).status in (204, 409)
        assert t.all_in(10, attempt)
        t.e.host.worker = None
        assert t.e.act("restart").status == 200
        for team, who in enumerate(t.shares):
            t.shares[who] = secrets.token_hex(32)
            t.pick(who, team)


# --- the store and the bus ------------------------------------------------------------------------


def test_shares_that_the_store_did_not_take_are_sent_again_when_it_is_back(
    table: Callable[..., Table], store: LocalServer
) -> None:
    t = table(2)
    ola, max_ = t.shares
    with t.live(ola) as screen, t.live(max_) as other:
        t.draw()
        for each in (screen, other):
            each.until(lambda s: "Opening your share" in s.shows("share"))
        store.kill()
        screen.ws.send(t.message(ola))
        assert t.post(max_).status == 204
        time.sleep(0.3)  # longer than shares are collected
        store.start()
        store.wait_ready()
        for who in t.shares:
            assert wait_until(lambda who=who: t.post(who).status == 204)
        assert t.all_in()
        for each in (screen, other):
            each.until(lambda s: "Your share is in" in s.shows("share"))


def test_a_draw_goes_on_without_the_bus(table: Callable[..., Table], bus: LocalServer) -> None:
    t = table(2)
    with t.live(next(iter(t.shares))) as screen:
        bus.kill()
        t.draw()
        for who in t.shares:  # one of these workers has not heard of the draw
            assert t.post(who).status == 204
        assert t.all_in()
        bus.start()
        bus.wait_ready()
        screen.until(lambda s: "Your share is in" in s.shows("share"))


@pytest.mark.drill
@pytest.mark.parametrize("broken", ["store", "bus"])
def test_a_draw_is_finished_once_the_store_or_the_bus_is_back_after_3_s(
    table: Callable[..., Table], broken: str, store: LocalServer, bus: LocalServer
) -> None:
    t = table(3)
    ola, max_, _ = t.shares
    server = store if broken == "store" else bus
    with t.live(ola) as screen, t.live(max_) as other:
        t.draw()
        for each in (screen, other):
            each.until(lambda s: "Opening your share" in s.shows("share"))
        server.kill()
        screen.ws.send(t.message(ola))
        time.sleep(3)
        server.start()
        server.wait_ready()
        other.ws.send(t.message(ola, max_))
        shares = t.drawn(15)
    assert dict(shares) == {who: t.shares[who] for who in (ola, max_)}
    (closed,) = t.e.facts("shares-closed")
    assert [who for who, _ in closed["missing"]] == list(t.shares)[2:]


@pytest.mark.drill
@pytest.mark.parametrize("screens", [0, 2])
def test_a_gathering_ends_after_5_s_and_without_screens_with_the_next_page(
    house: House, table: Callable[..., Table], screens: int
) -> None:
    t = table(3)
    ola, *others = t.shares
    opened = [t.live(who) for who in list(t.shares)[:screens]]
    t.draw()
    assert t.post(ola).status == 204
    if screens:
        assert dict(t.drawn(6)) == {ola: t.shares[ola]}
    else:
        time.sleep(5.5)
        assert t.types() == ["draw-begun", "shares-opened"]
        house.phone().get(t.e.at())
        assert dict(t.drawn(1)) == {ola: t.shares[ola]}
    (closed,) = t.e.facts("shares-closed")
    assert sorted(who for who, _ in closed["missing"]) == sorted(others)
    for screen in opened:
        screen.ws.close()


# --- closed in the middle -------------------------------------------------------------------------


def test_a_tournament_that_is_closed_during_the_gathering_rests_and_goes_on_when_reopened(
    table: Callable[..., Table],
) -> None:
    t = table(2)
    ola, max_ = t.shares
    with t.live(ola) as screen:
        t.draw()
        screen.until(lambda s: "Opening your share" in s.shows("share"))
        assert t.e.act("close").status == 200
        screen.ws.send(t.message(ola, max_))
        time.sleep(0.3)
        assert t.types() == ["draw-begun", "tournament-closed"]
        assert t.e.act("reopen", name=t.e.name).status == 200
        screen.ws.send(t.message(ola, max_))
        assert t.all_in(3)


def test_a_room_wakes_for_a_draw_only_if_something_can_be_done() -> None:
    evening = InMemory()
    evening.join("Ola", "Max", "Zoe", "Ida")
    for team, who in enumerate(evening.t.players):
        share = pledge(evening.t.code, who, f"{team:064x}")
        pick = PickTeam(
            code=evening.t.code, by=player(who), player_id=who, team=team, value="ab" * 16,
            pledge=share,
        )  # fmt: skip
        evening.take(pick.event_on(evening.t, evening.now))
    evening.does(DrawTeams, 1, True)
    t: Tournament = evening.t
    assert next_change(t, evening.later(1)) == 4
    assert next_change(t, evening.later(6)) == RETRY
    t.closed = True
    assert next_change(t, evening.later(6)) is None
    t.closed = False
    evening.now = evening.later(6)
    evening.does(CloseShares, 1)
    assert next_change(t, evening.now) is None  # it waits for a number
    assert t.gathering
    t.gathering.roll = False
    assert next_change(t, evening.now) == RETRY
