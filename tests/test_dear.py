"""A request renders and reads only what it shows."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from lct.infrastructure import stored_events
from lct.web.render import Renderer

from .api_client import ApiEvening, good


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[Any]:
    """The arguments of each call from now on, in a list that grows."""
    calls, function = list[Any](), getattr(owner, name)

    def counting(*given: Any) -> Any:
        calls.append(given)
        return function(*given)

    monkeypatch.setattr(owner, name, counting)
    return calls


@pytest.fixture(autouse=True)
def no_greenlets(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A poll starts listening to the bus, which would block without gevent's patches."""
    monkeypatch.setattr(app.extensions["lct"].hub, "polled", lambda code, *seats: None)


@pytest.mark.parametrize("view", ["board", "watch", "me"])
def test_a_known_or_cached_picture_is_not_rendered_again(
    app: Flask, monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    evening = ApiEvening(app)
    evening.join("Ola")
    ask = app.test_client(use_cookies=False).get
    path = f"/t/{evening.code}/now?view={view}"
    first = ask(path)
    rendered = counted(monkeypatch, Renderer, "html")
    second = ask(path)
    known = ask(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, second.status_code, known.status_code) == (200, 200, 204)
    assert second.headers["ETag"] == first.headers["ETag"]
    assert rendered == []


@pytest.mark.parametrize("view", ["board", "watch", "me"])
def test_a_cached_picture_shows_every_change(app: Flask, view: str) -> None:
    evening = ApiEvening(app, limit=2)
    ask = app.test_client(use_cookies=False).get
    hub = app.extensions["lct"].hub
    path = f"/t/{evening.code}/now?view={view}"

    def picture() -> str:
        kept = ask(path)
        hub.pictures.forget(evening.code)
        made = ask(path)
        assert kept.headers["ETag"] == made.headers["ETag"]
        return made.headers["ETag"]

    seen = [picture()]
    ola, max_ = evening.join("Ola"), evening.join("Max")
    seen.append(picture())
    good(evening.pick(ola, 3))
    seen.append(picture())
    good(evening.pick(max_, 4))
    good(evening.pick(ola, 5))
    seen.append(picture())
    evening.draw()
    seen.append(picture())
    good(evening.host.post(evening.at("/skip")))
    seen.append(picture())
    assert len(set(seen)) == len(seen)


def test_a_page_of_the_history_reads_no_later_events(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    evening = ApiEvening(app)
    for name in ("Ola", "Max", "Zoe"):
        evening.join(name)
    whole = good(evening.host.get(evening.at("/history")))
    assert (len(whole["items"]), whole["next"]) == (4, None)
    read = counted(monkeypatch, stored_events, "read_event")
    first = good(evening.host.get(evening.at("/history?limit=1")))
    assert (first["items"], first["next"], len(read)) == (whole["items"][:1], "1", 1)
    second = good(evening.host.get(evening.at("/history?limit=2&cursor=1")))
    assert (second["items"], second["next"], len(read)) == (whole["items"][1:3], "3", 4)
    last = good(evening.host.get(evening.at("/history?limit=2&cursor=3")))
    assert (last["items"], last["next"]) == (whole["items"][3:], None)
    moment = good(evening.host.get(evening.at("/history/2")))
    assert moment["event"] == whole["items"][1]
    assert [player["first"] for player in moment["players"]] == ["Ola"]
