"""Large competitions: one more result, what it sends, their pages, and their first load."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from statistics import median

from flask import Flask

from lct.application.screens.change import change, shown
from lct.application.screens.region import Scene
from lct.domain.drawing import DrawTeams, SkipReveal
from lct.domain.people import Join
from lct.domain.picking import PickTeam
from lct.domain.play import schedule
from lct.domain.play.calling import NameConsoles
from lct.domain.play.choosing import ChooseFormat
from lct.domain.play.formats import KNOCKOUT, LEAGUE, Format, for_entrants, needs_winner
from lct.domain.play.reporting import ReportScore
from lct.domain.play.results import Result, Score
from lct.domain.play.settling import SetResult
from lct.domain.play.state import Play
from lct.domain.rights import SYSTEM
from lct.infrastructure.event_store import EventStore
from lct.places import ROOT
from lct.web.audience import Audience
from lct.web.outbox import Outbox, Shared
from lct.web.render import Renderer
from tests.evening import Evening
from tests.support import forget_limits

from .client import BROWSER, Wire
from .figures import Figure, measures
from .matches import Cup, spent
from .place import Place, place

SMALL = ("16_cup", 16, Format(KNOCKOUT))
LARGE = (("1024_cup", 1024, Format(KNOCKOUT)), ("64_league", 64, Format(LEAGUE, legs=2)))
SENT = (SMALL, ("16_league", 16, Format(LEAGUE)), *LARGE)
RESULTS = 40
TURNS = 8
LOADS = 5
STAGES = (0.02, 0.5)  # of the matches, decided before frames are looked at
CONSOLES = tuple(map(str, range(1, 5)))


# --- one more result ------------------------------------------------------------------------------


def play(entrants: int, chosen: Format) -> Play:
    """The play of so many, with nothing decided."""
    begun = Play(format=for_entrants(chosen, entrants))
    begun.queue = schedule.with_consoles(begun.queue, CONSOLES)
    everyone = [f"p-{number}" for number in range(entrants)]
    begun.begin(everyone, everyone)
    return begun


def one_more(begun: Play) -> float:
    """CPU milliseconds of one more result: fold it, derive what follows, call the next match."""
    key = next(call.key for call in begun.queue.consoles.values() if call)
    began = time.thread_time()
    begun.decide(key, Result(Score(2, 1)))
    return (time.thread_time() - began) * 1000


@measures(
    *(f"one_more_result_{name}_cpu_ms" for name, *_ in LARGE), "one_more_result_16_cup_cpu_ms"
)
def one_more_result() -> Iterator[Figure]:
    for name, entrants, chosen in LARGE:
        begun = play(entrants, chosen)
        costs = [one_more(begun) for _ in range(RESULTS)]
        yield Figure(f"one_more_result_{name}_cpu_ms", median(costs), "ms", "<= 2")
    name, entrants, chosen = SMALL
    costs = [one_more(play(entrants, chosen)) for _ in range(RESULTS)]
    yield Figure("one_more_result_16_cup_cpu_ms", median(costs), "ms")


@measures(*(f"score_cpu_{name}_vs_16_cup" for name, *_ in LARGE))
def score_in_a_large_one() -> Iterator[Figure]:
    """CPU of the app for a reported score, relative to one in a cup of 16, by turns in one run."""
    with ExitStack() as stack:
        where = stack.enter_context(place(workers=1))
        wire = Wire(where.port)
        stack.callback(wire.hang_up)
        (worker,) = where.app.workers
        costs: dict[str, list[float]] = {}
        cups = {name: Cup(where, wire, players, chosen) for name, players, chosen in LARGE}
        for cup in cups.values():
            cup.begin()
        forget_limits(where.settings.redis_url)  # of joins
        for _ in range(TURNS + 1):
            small = Cup(where, wire, *SMALL[1:])
            small.begin()
            for name, cup in (*cups.items(), (SMALL[0], small)):
                taps = [partial(m.report, side) for m in cup.called()[:8] for side in (0, 1)]
                costs.setdefault(name, []).append(spent(worker, taps))
    for name in cups:
        pairs = list(zip(costs[name], costs[SMALL[0]], strict=True))[1:]  # the first warms up
        ratio = median(large / small for large, small in pairs)
        yield Figure(f"score_cpu_{name}_vs_16_cup", ratio, "x", "<= 1.5")


# --- what a result sends --------------------------------------------------------------------------


class Played(Evening):
    """A tournament in memory whose matches have begun."""

    def __init__(self, players: int, chosen: Format) -> None:
        super().__init__(limit=players, team_count=players)
        for number in range(players):
            self.does(Join, f"p-{number}", f"Guest{number}", f"Number{number}")
            self.does(PickTeam, f"p-{number}", number, f"{number:032x}")
        self.does(DrawTeams, 1)
        self.does(SkipReveal)
        self.does(ChooseFormat, chosen, ())
        self.does(NameConsoles, CONSOLES)
        self.chance = random.Random(3)

    def scene(self) -> Scene:
        self.now += timedelta(seconds=1)
        return Scene(self.t, self.now)

    def score(self) -> tuple[str, Score]:
        """A match that is on, and how it ends."""
        calls = [call.key for call in self.t.play.queue.consoles.values() if call]
        key = self.chance.choice(calls)
        home, away = self.chance.randrange(5), self.chance.randrange(5)
        level = home == away and needs_winner(self.t.play.competition.matches[key].fixture)
        return key, Score(home + level, away)


class Screen(Outbox):
    """A screen that notes the largest frame it gets."""

    __slots__ = ("largest",)

    def __init__(self, view: str, player_id: str | None = None) -> None:
        self.shared, self.player_id, self.device_id, self.renewed = Shared(view), player_id, None, 0
        self.seats, self.personal, self.deflates, self.largest = (), {}, True, 0

    def offer(self, data: bytes, ids: set[str]) -> None:
        self.largest = max(self.largest, len(data))


@measures(*(f"frame_of_a_result_{name}_kb" for name, *_ in SENT))
def frames() -> Iterator[Figure]:
    """The largest frame, as it is sent, that a report brings to any screen: the board, the host, a
    watching phone, and the phones of the two who played."""
    flask = Flask("lct", root_path=str(ROOT), template_folder="templates", static_folder="static")
    renderer = Renderer(flask)
    for name, players, chosen in SENT:
        evening = Played(players, chosen)
        matches = len(evening.t.play.competition.matches)
        largest = 0
        for stage in STAGES:
            while len(evening.t.play.results) < stage * matches:
                evening.does(SetResult, *evening.score(), "", ())
            for _ in range(RESULTS // len(STAGES)):
                if any(evening.t.play.queue.consoles.values()):
                    largest = max(largest, frame_of(evening, renderer))
        yield Figure(f"frame_of_a_result_{name}_kb", largest / 1000, "kB", "<= 4")


def frame_of(evening: Played, renderer: Renderer) -> int:
    """The bytes of the largest frame of one result."""
    key, score = evening.score()
    sides = [side for side in evening.t.play.competition.matches[key].sides if side]
    screens = [Screen("board"), Screen("organise"), Screen("watch")]
    screens += [Screen("me", side) for side in sides]
    audience, scene = Audience(evening.t.code, renderer), evening.scene()
    for screen in screens:
        audience.enter(screen, "", scene)
        screen.largest = 0
    for side in sides:
        before = shown(scene)
        event = evening.does(ReportScore, side, key, score)
        assert event
        scene = evening.scene()
        audience.show(scene, change(before, scene, [event.touches(evening.t)], ()))
    return max(screen.largest for screen in screens)


# --- pages and first loads ------------------------------------------------------------------------


@measures("bracket_page_1024_cup_kb", *(f"cold_load_finished_{name}_ms" for name, *_ in LARGE))
def finished() -> Iterator[Figure]:
    """The largest page of a cup of 1,024, and the first read of a finished competition."""
    with ExitStack() as stack:
        where = stack.enter_context(place(workers=1))
        for name, players, chosen in LARGE:
            code = filled(where, players, chosen)
            if name == LARGE[0][0]:
                largest = max(page_bytes(where, code, page) for page in ("", "/join"))
                yield Figure("bracket_page_1024_cup_kb", largest / 1000, "kB", "< 100")
            play_to_the_end(where, code)
            loads = [first_load(code) for _ in range(LOADS)]
            yield Figure(f"cold_load_finished_{name}_ms", median(loads), "ms", "< 150")


def filled(where: Place, players: int, chosen: Format) -> str:
    """A tournament whose matches have begun; returns its code."""
    code = where.create(players)
    ids = [f"p-{number}" for number in range(players)]
    joins = [
        Join(code=code, by=SYSTEM, player_id=who, first=f"Guest{n}", last=f"Number{n}")
        for n, who in enumerate(ids)
    ]
    picks = [
        PickTeam(code=code, by=SYSTEM, player_id=who, team=n, value=f"{n:032x}")
        for n, who in enumerate(ids)
    ]
    where.execute(
        *joins,
        *picks,
        DrawTeams(code=code, by=SYSTEM, attempt=1),
        SkipReveal(code=code, by=SYSTEM),
        NameConsoles(code=code, by=SYSTEM, names=CONSOLES),
        ChooseFormat(code=code, by=SYSTEM, format=chosen),
    )
    return code


def play_to_the_end(where: Place, code: str) -> None:
    """Give every match a result: the home side wins."""
    matches = where.read(code).play.competition.plan.fixtures
    where.execute(
        *(
            SetResult(code=code, by=SYSTEM, match=fixture.key, score=Score(2, 1))
            for fixture in matches
        )
    )


def first_load(code: str) -> float:
    """Milliseconds until a worker that does not know the tournament has its matches and tables."""
    store = EventStore(defer=lambda work: None)
    began = time.perf_counter()
    assert store.read(code).tournament.play.competition.champion
    return (time.perf_counter() - began) * 1000


def page_bytes(where: Place, code: str, page: str) -> int:
    """The bytes of a page as it is sent, with its headers."""
    wire = Wire(where.port)
    connection = wire.ready()
    connection.request("GET", f"/t/{code}{page}", headers={**BROWSER, "Accept": "text/html"})
    answer = connection.getresponse()
    body = answer.read()
    wire.hang_up()
    if answer.status != 200:
        raise RuntimeError(f"{page}: {answer.status}")
    return len(body) + len(str(answer.headers))
