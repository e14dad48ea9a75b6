"""``lct simulate``: bots that join, hover, pick and play over HTTP and websocket, as guests do."""

from __future__ import annotations

import http.cookiejar
import json
import os
import random
import re
import secrets
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field

import click
import simple_websocket

from ..domain.drawing import DrawTeams, SkipReveal
from ..domain.play.calling import NameConsoles
from ..domain.play.choosing import ChooseFormat
from ..domain.play.formats import KINDS, Format
from ..domain.play.schedule import MOST_CONSOLES
from ..domain.rights import SYSTEM
from ..domain.shares import pledge
from ..running import running_environ
from .command_line import Plain, app, known_code, with_app


class Guest:
    """One phone: its cookies, and the CSRF token of its page."""

    def __init__(self, base: str, code: str) -> None:
        self.base, self.code = base.rstrip("/"), code
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        self.token = self.seat = ""
        self.share = secrets.token_hex(32)
        self.frames = 0

    def get(self, path: str) -> str:
        with self.opener.open(f"{self.base}/t/{self.code}/{path}", timeout=15) as answer:
            text = answer.read().decode()
        if found := re.search(r'name="csrf_token" value="([^"]+)"', text):
            self.token = found[1]
        if found := re.search(r'name="seat" value="([^"]+)"', text):
            self.seat = found[1]
        return text

    def pledge(self) -> str:
        return pledge(self.code, self.seat, self.share)

    def post(self, path: str, **fields: str | int) -> int:
        """The status of a tap made by htmx."""
        body, url = urllib.parse.urlencode(fields).encode(), f"{self.base}/t/{self.code}/{path}"
        request = urllib.request.Request(url, body)  # noqa: S310 - http is checked
        request.add_header("HX-Request", "true")
        request.add_header("X-CSRFToken", self.token)
        try:
            with self.opener.open(request, timeout=15) as answer:
                answer.read()
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.read()
            return error.code

    def cookies(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.jar)

    def connect(self) -> simple_websocket.Client:
        url = self.base.replace("http", "ws", 1) + f"/t/{self.code}/live?view=me"
        return simple_websocket.Client.connect(url, headers={"Cookie": self.cookies()})


@dataclass
class Totals:
    """What all bots saw together."""

    joined: int = 0
    picked: int = 0
    taken: int = 0
    reported: int = 0
    failed: int = 0
    frames: int = 0
    taps: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, **counts: int) -> None:
        with self.lock:
            for name, count in counts.items():
                setattr(self, name, getattr(self, name) + count)

    def tap(self, seconds: float) -> None:
        with self.lock:
            self.taps.append(seconds)


def _bot(base: str, code: str, number: int, pace: float, plays: bool, totals: Totals) -> None:
    guest, chance = Guest(base, code), random.Random(number)
    try:
        guest.get("join")
        started = time.perf_counter()
        guest.post("join", first=f"Bot {number}", last=secrets.token_hex(2))
        totals.tap(time.perf_counter() - started)
        page = guest.get("me")
        teams = [int(number) for number in re.findall(r'id="team-(\d+)"', page)]
        if not teams:
            totals.add(failed=1)
            return
        totals.add(joined=1)
        ws = guest.connect()
        try:
            # One that leaves before the draw could not open its share.
            pledged = guest.pledge() if plays else ""
            _choose(guest, ws, teams, pledged, pace, chance, totals)
        finally:
            ws.close()
        if plays:
            _play(guest, pace, totals)
    except (
        OSError,
        ValueError,
        simple_websocket.ConnectionClosed,
        simple_websocket.ConnectionError,
    ):
        totals.add(failed=1)


def _choose(
    guest: Guest,
    ws: simple_websocket.Client,
    teams: list[int],
    pledged: str,
    pace: float,
    chance: random.Random,
    totals: Totals,
) -> None:
    for _ in range(len(teams) * 2):
        team = chance.choice(teams)
        ws.send(json.dumps({"look": team}))
        until = time.monotonic() + chance.expovariate(1 / pace) if pace else time.monotonic()
        while (left := until - time.monotonic()) > 0:
            totals.add(frames=ws.receive(timeout=left) is not None)
        started = time.perf_counter()
        value = secrets.token_hex(16)
        status = guest.post("team", team=team, value=value, pledge=pledged)
        totals.tap(time.perf_counter() - started)
        if status == 200:
            totals.add(picked=1)
            return
        totals.add(taken=status == 409, failed=status not in (200, 409))


def _play(guest: Guest, pace: float, totals: Totals) -> None:
    """Open the share, then report every match of one's own, with the score that the other bot
    reports too."""
    reported: set[str] = set()
    while True:
        page = guest.get("me")
        if 'data-phase="finished"' in page or 'data-phase="closed"' in page:
            return
        if 'data-phase="gather"' in page:
            guest.post("share", player=guest.seat, share=guest.share)
        match = re.search(r'data-match="([^"]+)" data-state="(called|reported)"', page)
        if match and match[1] not in reported:
            reported.add(match[1])
            chance = random.Random(guest.code + match[1])
            home, away = chance.sample(range(6), 2)  # never level, so that a cup goes on
            score = {"home": home, "away": away}
            first = re.search(r'data-first="(\d+):(\d+)"', page)
            if first and home + int(first[1]) == away + int(first[2]):
                score |= {"penalties_home": 4, "penalties_away": 3}
            status = guest.post("score", match=match[1], **score)
            totals.add(reported=status == 200, failed=status not in (200, 409))
        time.sleep(max(pace, 0.2))


@with_app
def _host(code: str, wanted: Format, consoles: int, bots: list[threading.Thread]) -> None:
    """Draw, turn all cards and choose how to play, as soon as everybody has picked."""
    run = app().execute
    while not app().store.read(code).tournament.ready:
        if not any(bot.is_alive() for bot in bots):
            raise click.ClickException("The tournament has seats that no bot has taken.")
        time.sleep(0.2)
    names = tuple(map(str, range(1, consoles + 1)))
    attempt = app().store.read(code).tournament.attempt
    run(NameConsoles(code=code, by=SYSTEM, names=names))
    run(ChooseFormat(code=code, by=SYSTEM, format=wanted))
    t = run(DrawTeams(code=code, by=SYSTEM, attempt=attempt))
    while not t.dealt:  # the bots open their shares
        time.sleep(0.2)
        t = app().store.read(code).tournament
        run.follow_up(t)
    run(SkipReveal(code=code, by=SYSTEM))


@click.command("simulate", cls=Plain)
@click.argument("code")
@click.option("--base", help="Where lct runs, if not as the local `lct up` or on port 8000.")
@click.option("--guests", default=8, show_default=True, type=click.IntRange(1, 500))
@click.option("--pace", default=1.0, show_default=True, help="Seconds a guest looks at a team.")
@click.option("--format", "kind", type=click.Choice(KINDS), help="Play to the champion like that.")
@click.option("--cup-legs", default=1, show_default=True, type=click.IntRange(1, 2))
@click.option("--consoles", default=2, show_default=True, type=click.IntRange(1, MOST_CONSOLES))
def simulate(
    code: str,
    base: str | None,
    guests: int,
    pace: float,
    kind: str | None,
    cup_legs: int,
    consoles: int,
) -> None:
    """Let bots join a tournament, pick, and (with --format) play. They tap and look around as
    guests do. The draw and the format are the host's: --format does them on this machine."""
    wanted = known_code(code)
    base = base or running_environ(os.environ).get("LCT_PUBLIC_URL") or "http://127.0.0.1:8000"
    if not base.startswith(("http://", "https://")):
        raise click.ClickException("--base must be an address such as http://127.0.0.1:8000.")
    totals, started = Totals(), time.monotonic()
    bots = [
        threading.Thread(
            target=_bot, args=(base, wanted, number, pace, bool(kind), totals), daemon=True
        )
        for number in range(1, guests + 1)
    ]
    with click.progressbar(length=guests, label="picked") as bar:
        for bot in bots:
            bot.start()
        done = 0
        if kind:
            chosen = Format(kind, cup_legs=cup_legs)
            _host(code=wanted, wanted=chosen, consoles=consoles, bots=bots)
        while any(bot.is_alive() for bot in bots):
            time.sleep(0.1)
            bar.update(totals.picked - done)
            done = totals.picked
        bar.update(totals.picked - done)
    taps = sorted(totals.taps) or [0.0]
    click.echo(
        f"{totals.joined} joined, {totals.picked} picked, {totals.taken} came second for a team, "
        f"{totals.failed} failed, {totals.frames} live frames in {time.monotonic() - started:.1f} s"
    )
    if kind:
        click.echo(f"{totals.reported} scores reported")
    click.echo(
        f"a tap took {taps[len(taps) // 2] * 1000:.0f} ms (median), "
        f"{taps[int(len(taps) * 0.95)] * 1000:.0f} ms (95 %)"
    )
