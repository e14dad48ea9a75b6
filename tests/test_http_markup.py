"""Markup in names is text: on every page, in attributes, in titles, in frames and notices.

Two evenings are played the same way, one with plain names and one with hostile ones. Their pages
must have the same tags and attributes; otherwise a name has become markup.
"""

from __future__ import annotations

import pytest

from .http_client import Answer, Element, Evening, House, parse

HOSTILE = [
    '"><img src=x onerror=alert(1)>',
    '" onfocus=alert(1) autofocus x="',
    "<<a>h1>' onmouseover='x",
    "</title><script>alert(1)</script>",
    "{{7*7}}{% raw %}${7*7}#{7}",
    "--><svg/onload=alert(1)>",
    "&lt;b&gt;&amp;lt;&#60;i&#62;",
    '@csrf@ id="me" \' `',
]
PLAIN = [f"Word{i} of names" for i in range(len(HOSTILE))]


def play(house: House, names: list[str], title: str) -> dict[str, str]:
    """Play an evening with these players, teams and title; return what was shown, by moment."""
    seen: dict[str, str] = {}
    teams = [*names, *(f"Free {i}" for i in range(6))]
    e = house.evening(limit=len(names), teams=teams, name=title, option="not-own")

    def see(moment: str, answer: Answer) -> None:
        seen[moment] = answer.text

    def look(moment: str) -> None:
        pages = ("", "join", "back", "verify", "recover")
        for page in pages:
            see(f"{moment}: {page}", e.visitor().get(e.at(page)))
        see(f"{moment}: me", guests[0].get(e.at("me")))
        see(f"{moment}: organise", e.host.get(e.at("organise")))
        see(f"{moment}: history", e.host.get(e.at("history")))
        if e.facts("player-joined"):
            player = e.player(names[0], "Last")
            see(f"{moment}: pick for", e.host.get(e.at(f"pick-for?player={player}")))
        for view in ("board", "me", "watch", "organise"):
            phone = e.host if view == "organise" else guests[0]
            with phone.live(e.live(view)) as screen:
                screen.take()
            seen[f"{moment}: socket {view}"] = screen.frames[0]

    guests = [e.guest(names[0], "Last")]
    stranger = e.visitor()
    see("same name", stranger.post(e.at("join"), {"first": names[0], "last": "Last"}))
    see("too long", stranger.post(e.at("join"), {"first": names[0], "last": names[1] * 9}))
    guests += [e.guest(name, "Last") for name in names[1:]]
    with guests[0].live(e.live("me")) as screen, guests[1].live(e.live("me")) as other:
        screen.quiet(0.3)
        other.ws.send('{"look": 0}')
        screen.until(lambda s: "looking" in s.shows("team-0"))
        seen["looking"] = screen.frames[-1]
    for team, guest in enumerate(guests[:-1]):
        see(f"pick {team}", e.pick(guest, team))
    look("picking")
    see("taken, tapped", e.pick(guests[-1], 0))
    see("taken, sent", e.pick(guests[-1], 0, htmx=False))
    see("missing", e.act("draw", attempt=1))
    see("stale", e.act("rename", name="Other", version=0))
    see("bad limit", e.act("limit", limit="<b>"))
    e.pick(guests[-1], len(names) - 1)
    assert e.act("draw", attempt=1).status == 200
    assert e.act("skip").status == 200
    look("drawn")
    see("restart", e.act("restart"))
    see("block", e.act("block", player=e.player(names[0], "Last")))
    see("blocked door", guests[0].post(e.at("join"), {"first": names[0], "last": "Last"}))
    see("create with that name", taken(house, e))
    see("go", house.phone().get("/go?code=%3Cb%3E%22%20x=1"))
    return seen


def taken(house: House, e: Evening) -> Answer:
    host = house.phone()
    host.get("/")
    fields = {"name": e.name, "limit": '"><b>', "source": "pasted", "pasted": "\n".join(e.teams)}
    return host.post("/", fields)


@pytest.fixture(scope="module")
def evenings(house: House) -> tuple[dict[str, str], dict[str, str]]:
    hostile = [name[:40] for name in HOSTILE]
    return play(house, PLAIN, "Plain words"), play(house, hostile, HOSTILE[0] + HOSTILE[3][:27])


def skeleton(page: Element) -> list[tuple[str, ...]]:
    """Tags and attribute names, without the drawings, which differ by chance."""
    return [part for part in page.shape() if part[0] not in ("path", "svg", "text")]


def test_hostile_names_create_no_tag_and_no_attribute(
    evenings: tuple[dict[str, str], dict[str, str]],
) -> None:
    plain, hostile = evenings
    assert plain.keys() == hostile.keys()
    for moment, shown in plain.items():
        assert skeleton(parse(hostile[moment])) == skeleton(parse(shown)), moment
    everything = [e for text in hostile.values() for e in parse(text).walk()]
    images = {e.attrs["src"].partition("?")[0] for e in everything if e.tag == "img"}
    assert images == {"seat.svg"}  # our own
    assert {e.tag for e in everything} & {"iframe", "object", "style", "b "} == set()
    for element in everything:
        assert not [name for name in element.attrs if name.startswith("on")]
        assert element.tag != "script" or element.attrs["src"].startswith("/static/")


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_names_are_shown_verbatim(
    evenings: tuple[dict[str, str], dict[str, str]], number: int
) -> None:
    _, hostile = evenings
    name = HOSTILE[number][:40]
    for moment in ("picking: ", "picking: socket board", "picking: organise", "drawn: verify"):
        texts = [bdi.text for bdi in parse(hostile[moment]).all("bdi")]
        assert f"{name} Last" in texts, moment
    tiles = parse(hostile["picking: me"])
    assert tiles.by_id(f"team-{number}").all("bdi", cls="tile-name")[0].text == name
    (button,) = tiles.by_id(f"team-{number}").all("button")
    assert button.attrs["aria-label"].startswith(name)


def test_a_hostile_title_appears_whole_in_the_page_title(
    evenings: tuple[dict[str, str], dict[str, str]],
) -> None:
    _, hostile = evenings
    title = HOSTILE[0] + HOSTILE[3][:27]
    for moment in ("picking: ", "picking: join", "picking: me", "picking: organise"):
        page = parse(hostile[moment])
        assert title in page.all("title")[0].text
        assert title in page.all("h1")[0].text


def test_a_refusal_quotes_a_hostile_name_as_text(
    evenings: tuple[dict[str, str], dict[str, str]],
) -> None:
    _, hostile = evenings
    sentence = f"{HOSTILE[0]} was just taken by {HOSTILE[0]} Last."
    assert sentence in parse(hostile["taken, tapped"]).by_id("notice").text
    assert sentence in parse(hostile["taken, sent"]).all("h1")[0].text
    assert f"{HOSTILE[0]} Last is already in" in parse(hostile["same name"]).by_id("e-last").text
