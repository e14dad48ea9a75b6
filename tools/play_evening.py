"""Plays a short evening on a running lct over HTTP: create, join, pick, draw.

Usage: play_evening.py <base address>. It waits up to 30 s for the server, then fetches public
pages and every static file they name. It prints only the tournament's code; a failed check ends it
with a traceback.
"""

from __future__ import annotations

import json
import re
import sys
import time
from html import unescape
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin
from urllib.request import ProxyHandler, Request, build_opener

WAIT_SECONDS = 30
PLAYERS = 4
# No proxy: the server is on this machine.
OPENER = build_opener(ProxyHandler({}))


def ask(method: str, address: str, body: Any = None, token: str = "") -> tuple[int, str]:
    """Status and text of an answer, with any status."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    try:
        with OPENER.open(Request(address, data, headers, method=method), timeout=10) as answer:
            return answer.status, answer.read().decode("latin-1")
    except HTTPError as refusal:
        return refusal.code, refusal.read().decode("latin-1")


def good(method: str, address: str, body: Any = None, token: str = "") -> str:
    """The text of an answer whose status must be 2xx."""
    status, text = ask(method, address, body, token)
    assert 200 <= status < 300, f"{method} {address}: {status} {text[:500]}"
    return text


def look(page: str, seen: set[str]) -> None:
    """Fetch a page, the static files that it names, and those that its styles name."""
    seen.add(page)
    text = good("GET", page)
    if ".js" in page or ".woff2" in page:
        return
    for name in re.findall(r'(?:href|src)="([^"]+)"', text) + re.findall(r'url\("?([^")]+)', text):
        address = urljoin(page, unescape(name))
        ours = address.startswith(page[: page.index("/", len("https://"))])
        if ours and re.search(r"/(static|swagger)/", address) and address not in seen:
            look(address, seen)


def play(base: str) -> str:
    """Play a tournament from its creation to its draw; returns its code."""
    base = base.rstrip("/")
    began = time.monotonic()
    while True:
        try:
            ready = json.loads(good("GET", f"{base}/readiness"))
            break
        except (URLError, OSError, AssertionError):
            if time.monotonic() - began > WAIT_SECONDS:
                raise
            time.sleep(0.1)
    assert ready["bus"], ready  # the 200 covers the store

    seats = {"name": f"Cup {time.time():.3f}", "limit": PLAYERS}
    tournament = json.loads(good("POST", f"{base}/api/v1/tournaments", seats))
    code, api = tournament["code"], f"{base}/api/v1/tournaments/{tournament['code']}"
    players = [
        json.loads(good("POST", f"{api}/players", {"first": f"N{i}", "last": "Nowak"}))
        for i in range(PLAYERS)
    ]
    teams = [f"{api}/players/{player['player_id']}/team" for player in players]
    for i, player in enumerate(players):
        if i:  # the previous player's team is taken
            assert ask("POST", teams[i], {"team": i - 1}, player["token"])[0] == 409
        good("POST", teams[i], {"team": i}, player["token"])
    good("POST", f"{api}/draw", {"attempt": 1}, tournament["organiser_key"])
    assert json.loads(good("GET", api))["phase"] == "draw"

    seen: set[str] = set()
    for path in ("/", f"/t/{code}", f"/t/{code}/join", f"/t/{code}/verify", "/swagger/index.html"):
        look(base + path, seen)
    assert any(".css" in each for each in seen), seen
    assert any("htmx" in each for each in seen), seen
    assert any(".woff2" in each for each in seen), seen
    return code


if __name__ == "__main__":
    print(play(sys.argv[1]))
