"""The people of an evening: a host with a board, and guests who join, look and pick."""

from __future__ import annotations

import json
import random
import re
import secrets
import time
from urllib.parse import urlsplit

import gevent
from locust.env import Environment

from bench.load.browser import Browser, LiveScreen, step

# Team fields of the front page's form: enough teams for every scenario.
TEAMS = {"source": "rated", "kinds": "club", "least": "4.5", "cap": "5", "pasted": ""}


class Host:
    """A host, who creates a tournament and draws its teams."""

    def __init__(self, environment: Environment) -> None:
        self.environment, self.browser = environment, Browser(environment)
        self.name = f"Load {secrets.token_hex(4)}"
        self.path = self.join_path = ""

    def create(self, seats: int) -> None:
        """Send the form on the front page; the step includes the page with the keys."""
        home = self.browser.get("/", "open the front page").text
        created = self.browser.send(
            "/",
            "create",
            nonce=_found(r'name="nonce" value="(\w+)"', home),
            name=self.name,
            limit=seats,
            option="plain",
            **TEAMS,
        )
        self.path = _found(r'href="(/t/\w+)"', created.text)

    def open_desk(self) -> LiveScreen:
        """Open the organiser's page live, and keep the join address from its QR code."""
        page = self.browser.get(f"{self.path}/organise", "open the organiser's page").text
        self.join_path = urlsplit(_found(r'href="(\S+/join)"', page)).path
        return self.browser.live(f"{self.path}/live?view=organise")

    def act(self, do: str, desk: LiveScreen) -> None:
        """Tap a button of the organiser's page, with the fields that the live page shows."""
        controls = desk.regions["controls"]
        fields = {"version": _found(r'name="version" value="(\d+)"', controls)}
        if attempt := re.search(r'name="attempt" value="(\d+)"', controls):
            fields["attempt"] = attempt[1]
        self.browser.tap(f"{self.path}/organise", do, do=do, **fields)


class Guest:
    """A guest, who scans the code on the board."""

    def __init__(self, environment: Environment, number: int) -> None:
        self.environment, self.browser = environment, Browser(environment)
        self.first, self.last = f"Guest{number}", secrets.token_hex(3)
        self.path = self.team = ""
        self.screen: LiveScreen

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"

    def join(self, join_path: str) -> None:
        """Open the join address and send the form; the step includes the guest's own page."""
        self.path = join_path.removesuffix("/join")
        self.browser.get(join_path, "open the join page")
        self.browser.send(join_path, "join", first=self.first, last=self.last)
        self.screen = self.browser.live(f"{self.path}/live?view=me")

    def pick(self, pause: float, board: LiveScreen) -> None:
        """Look at a free team and tap it; retry if somebody else was first. Ends when the board
        shows the pick."""
        while True:
            team = random.choice(self._free())
            self.screen.say(json.dumps({"look": int(team.removeprefix("team-"))}))
            gevent.sleep(random.expovariate(1 / pause) if pause else 0)
            name = _found(
                r'<bdi[^>]* class="tile-name [^>]*>(.+?)</bdi>', self.screen.regions[team]
            )
            began = time.perf_counter()
            if self._tap(team):
                self.team = name
                with step(self.environment, "tap to board", began):
                    board.until(self._shown)
                return

    def _free(self) -> list[str]:
        return [
            region
            for region, html in self.screen.regions.items()
            if region.startswith("team-") and "is-taken" not in html and "is-mine" not in html
        ]

    def _tap(self, team: str) -> bool:
        answer = self.browser.tap(
            f"{self.path}/team",
            "pick",
            refused="pick, came second",
            team=team.removeprefix("team-"),
            value=secrets.token_hex(16),
        )
        return answer.status_code == 200

    def _shown(self, regions: dict[str, str]) -> bool:
        return any(
            region.startswith("seat-")
            and "is-picked" in html
            and f">{self.name}<" in html
            and f">{self.team}<" in html
            for region, html in regions.items()
        )

    def drawn(self) -> str:
        """The drawn team on the guest's own page, or an empty string."""
        card = self.screen.regions["me"]
        return (
            _found(r'class="me-main [^>]*><bdi[^>]*>(.+?)</bdi>', card)
            if "is-drawn" in card
            else ""
        )


def open_board(browser: Browser, path: str) -> LiveScreen:
    """Open the board live, as on the TV."""
    browser.get(path, "open the board")
    return browser.live(f"{path}/live?view=board")


def _found(pattern: str, html: str) -> str:
    found = re.search(pattern, html)
    assert found, f"nothing on the page matches {pattern}"
    return found[1]
