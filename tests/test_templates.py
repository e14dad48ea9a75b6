"""Templates and pages: nothing the policy forbids, every region with its id, and good HTML."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import jinja2
import pytest
from markupsafe import Markup

from bench.regions import REGION
from lct.application.screens import PAGES as SCREENS
from lct.application.screens.board import stages
from lct.application.screens.live_now import LiveNow
from lct.application.screens.phone import personal, watch
from lct.application.screens.region import Region, Scene
from lct.application.screens.settling import tables_sheet
from lct.config import Settings
from lct.domain.door import LockJoining
from lct.domain.draw import NOT_OWN
from lct.domain.drawing import DrawTeams, NameNumber
from lct.domain.evening import CloseTournament
from lct.domain.gathering import CloseShares, OpenShares
from lct.domain.people import BlockPlayer
from lct.domain.picking import TeamPicked
from lct.domain.play.formats import DOUBLE, GROUPS, KNOCKOUT, LEAGUE
from lct.domain.shares import Opened, pledge
from lct.domain.text import text
from lct.domain.tournament import Tournament
from lct.locale import ENGLISH
from lct.places import ROOT
from lct.web.crest import PATTERNS
from lct.web.render import Compiled, Renderer, out_of_band

from .evening import CODE
from .evening import Evening as Rules
from .http_client import Answer, Element, Evening, House, app_here, parse
from .test_groups import unequal
from .test_play import Cup

TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
VENDOR = sorted((ROOT / "static/vendor").iterdir())


# --- the files ------------------------------------------------------------------------------------

FORBIDDEN = {
    "an inline style": r"\sstyle\s*=|<style",
    "an inline script": r"<script(?![^>]*\ssrc=)",
    "an event handler": r"\son[a-z]+\s*=",
    "evaluated code": r"hx-on|hx-vals|\bjs:|javascript:|hx-vars|_=\"",
    "an address elsewhere": r"(?:src|href|action)=\"(?:https?:)?//",
    "an address that forgets the prefix": r"(?:src|href|action|hx-\w+)=\"/",
    "text that is not escaped": r"\|\s*safe\b|autoescape\s+false",
}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT / "templates")))
def test_a_template_has_nothing_that_the_policy_forbids(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = {what for what, pattern in FORBIDDEN.items() if re.search(pattern, text, re.IGNORECASE)}
    assert found == set()


def test_each_forbidden_pattern_matches_its_example() -> None:
    bad = {
        "an inline style": '<p style="x">',
        "an inline script": "<script>x</script>",
        "an event handler": "<p onclick='x'>",
        "evaluated code": "<p hx-on:click='x'>",
        "an address elsewhere": '<script src="//cdn.example/x.js">',
        "an address that forgets the prefix": '<a href="/">',
        "text that is not escaped": "{{ name|safe }}",
    }
    for what, example in bad.items():
        assert re.search(FORBIDDEN[what], example, re.IGNORECASE), what


def test_our_scripts_turn_no_text_into_code_or_markup() -> None:
    for path in (ROOT / "static").glob("*.js"):
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"\beval\(|new Function|(?:inner|outer)HTML|insertAdj|\.write\(", text)
        assert [match for match in found if not match.endswith("HTML")] == [], path.name
        assert not re.search(r"(?:inner|outer)HTML\s*\+?=", text), path.name


def test_a_long_name_is_cut_on_the_tv_alone_and_at_its_sides_alone() -> None:
    """Letters of other scripts reach below the line of ours, and `overflow: hidden` cut them."""
    styles = {each.name: each.read_text() for each in (ROOT / "static").glob("*.css")}
    cut = {name: re.findall(r"\{[^}]*text-overflow[^}]*\}", css) for name, css in styles.items()}
    rules = cut.pop("board.css")
    assert rules
    assert not any(cut.values())
    assert [rule for rule in rules if "overflow: clip visible" not in rule] == []


def test_no_animation_is_endless() -> None:
    """One small dot that pulsed all evening cost a TV's page a tenth of a processor."""
    for path in (ROOT / "static").glob("*.css"):
        assert "infinite" not in path.read_text(), path.name


@pytest.mark.parametrize("folder", VENDOR, ids=lambda p: p.name)
def test_a_vendored_file_is_the_one_that_was_reviewed(folder: Path) -> None:
    listed = dict(reversed(line.split()) for line in (folder / "SHA384").read_text().splitlines())
    assert listed.keys() == {p.name for p in folder.iterdir()} - {"SHA384"}
    assert "LICENSE" in listed
    assert re.search(r"@\d+\.\d+\.\d+$", folder.name)
    for name, expected in listed.items():
        digest = hashlib.sha384((folder / name).read_bytes()).digest()
        assert expected == f"sha384-{base64.b64encode(digest).decode()}"


# --- regions --------------------------------------------------------------------------------------


def phases() -> dict[str, tuple[Tournament, datetime]]:
    """A tournament in every phase, and the time to look at it."""
    made = {}
    for option in ("plain", NOT_OWN):
        empty, some, full, ready, drawn, closed = (Rules(limit=3, option=option) for _ in range(6))
        some.join("Ola", "Max")
        some.pick("p-Ola", 3)
        full.join("Ola", "Max", "Zoe")
        for rules in (ready, drawn, closed):
            rules.all_picked(3)
        drawn.draw()
        closed.draw()
        closed.take(closed.wants(CloseTournament))
        some.take(some.wants(LockJoining))
        some.take(some.wants(BlockPlayer, "p-Max"))
        made |= {
            f"{option} empty": (empty.t, empty.now),
            f"{option} join": (some.t, some.now),
            f"{option} pick": (full.t, full.now),
            f"{option} ready": (ready.t, ready.now),
            f"{option} drawn": (drawn.t, drawn.later(60)),
            f"{option} closed": (closed.t, closed.later(60)),
        }
        for seconds in (0, 3.5, 5.5, 9.5, 13.5):
            made[f"{option} draw {seconds}"] = (drawn.t, drawn.later(seconds))
    return made | gatherings() | matches()


def gatherings() -> dict[str, tuple[Tournament, datetime]]:
    """A draw that has begun, with a share in, one that may come and one picked by the host; then
    closed, with a number awaited, named and skipped."""
    made = {}
    for name in ("open", "closed", "named", "skipped"):
        rules = Rules(limit=3)
        ids = rules.join("Ola", "Max", "Zoe")
        for team, player in enumerate(ids):
            pledged = "" if player == "p-Zoe" else pledge(CODE, player, "5a" * 32)
            rules.take(TeamPicked(player, team, "ab" * 16, pledged, not pledged))
        rules.does(DrawTeams, 1, True)
        rules.does(OpenShares, 1, (Opened("p-Ola", "5a" * 32),))
        if name != "open":
            rules.now = rules.later(5)
            rules.does(CloseShares, 1, {"p-Max": "asleep"})
        if name in ("named", "skipped"):
            rules.does(NameNumber, 1, "4 + 3" if name == "named" else "")
        made[f"gathering {name}"] = (rules.t, rules.later(1))
    return made


def matches() -> dict[str, tuple[Tournament, datetime]]:
    """A tournament in every format: begun, with one score in, with two, and with a champion."""
    made = {}
    for kind in (KNOCKOUT, LEAGUE, GROUPS, DOUBLE):
        cups = [Cup(6, kind, third_place=True) for _ in range(4)]
        for scores, cup in enumerate(cups[:3]):
            key = cup.called()[0]
            for goals, who in enumerate(cup.names(key)[:scores]):
                cup.report(who, key, goals, 3)
            made[f"{kind} {scores} scores"] = (cup.t, cup.later(60))
        while called := cups[3].called():
            cups[3].agree(called[0], 2, 1)
        made[f"{kind} finished"] = (cups[3].t, cups[3].later(60))
    return made


PHASES = phases()


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    unused = Settings(mongo_uri="mongodb://127.0.0.1:1", redis_url="unix:///x", secret_key="x" * 16)
    with app_here(unused) as app:
        yield app.extensions["lct"].renderer


def all_regions(t: Tournament, now: datetime) -> list[Region]:
    """Every region of every view, and each player's personal ones."""
    live = LiveNow({"p-Ola": 1, "p-Max": 1, "p-Zoe": 2}, {"p-Ola": "here", "p-Max": "asleep"})
    url = "https://cup.example/t/BCDF2345/join"
    scene = Scene(t, now, live, url)
    found = [region for screen in SCREENS.values() for region in screen.whole(scene)]
    for player in (*t.players, "p-Max", "p-nobody"):
        found += personal(scene, player, seats=tuple(t.players)).values()
    return found + [child for region in found for child in region.children]


@pytest.mark.parametrize("phase", PHASES)
def test_every_region_is_one_element_that_begins_with_its_id(
    phase: str, renderer: Renderer
) -> None:
    t, now = PHASES[phase]
    for region in all_regions(t, now):
        html = renderer.html(region, ENGLISH)
        assert re.match(rf'<[a-z]+2? id="{re.escape(region.id)}"[ >]', html), region.template
        (root,) = parse(html).children
        assert isinstance(root, Element)
        sent = out_of_band(html, "12.345")
        assert sent.count("hx-swap-oob=") == 1
        assert REGION.search(sent), "the simulated people of bench/load do not see it"
        start = sent.removeprefix("<table>")
        assert start.index("hx-swap-oob=") < start.index(">")
        assert parse(sent).by_id(region.id).attrs["hx-swap-oob"]
        ids = [e.id for e in root.walk() if e.id]
        assert len(ids) == len(set(ids)), region.template
        forbidden(parse(html))


def forbidden(page: Element) -> None:
    """Fails when an element has what the content security policy would refuse."""
    for element in page.walk():
        assert element.tag not in ("style", "iframe", "object", "embed", "base")
        if element.tag == "script":
            assert element.attrs["src"].startswith("/static/")
            assert not element.children
        for name, value in element.attrs.items():
            assert name != "style", element.tag
            assert not name.startswith(("on", "hx-on", "hx-vals", "_")), (element.tag, name)
            assert "javascript:" not in value
            assert not value.startswith("js:")


def test_regions_with_equal_data_are_rendered_once(renderer: Renderer) -> None:
    t, now = PHASES["plain pick"]
    all_before = [renderer.html(region, ENGLISH) for region in all_regions(t, now)]
    renders = renderer.renders
    later = now + timedelta(seconds=1)
    assert [renderer.html(region, ENGLISH) for region in all_regions(t, later)] == all_before
    assert renderer.renders == renders


def test_a_players_own_match_is_that_of_all_with_a_mark(renderer: Renderer) -> None:
    cup = Cup(4)
    scene = Scene(cup.t, cup.now)
    shared = {row.id: row for region in SCREENS["me"].whole(scene) for row in region.children}
    htmls = {id_: renderer.html(row, ENGLISH) for id_, row in shared.items()}
    renders, player = renderer.renders, cup.play.competition.matches["K4.1"].home or ""
    own = personal(scene, player)["match-K4-1"]
    html = renderer.html(own, ENGLISH)
    assert renderer.renders == renders
    begins = '<li id="match-K4-1"'
    assert html == htmls[own.id].replace(begins, f"{begins} data-mine")
    assert "data-mine" in parse(out_of_band(html, "1.1")).by_id(own.id).attrs
    assert not any("data-mine" in each for each in htmls.values())


def test_what_is_certain_in_groups_is_said_in_words_on_every_screen(renderer: Renderer) -> None:
    e = unequal()
    e.ends("B1", "B4", 0, 0)
    e.rule(e.key("C1", "C2"))
    scene = e.scene()
    for region in (*stages(scene), *watch(scene), tables_sheet(scene)):
        if region.id in ("stage", "confirm"):
            said = parse(renderer.html(region, ENGLISH)).text
            for words in ("Best runners-up", "Group C", "first", "out", "Groups differ in size"):
                assert words in said, region.template


# --- pages ----------------------------------------------------------------------------------------

PAGES = ("", "join", "back", "recover", "verify", "me", "organise", "history", "history?at=2")


@pytest.fixture(scope="module")
def evening(house: House) -> Evening:
    return house.evening(limit=3, teams=30)


@pytest.fixture(scope="module")
def pages(house: House, evening: Evening) -> dict[str, Answer]:
    """Every page of an evening in every phase, as guests, a player and the host see it."""
    seen: dict[str, Answer] = {}
    host = house.phone()
    seen["start"] = host.get("/")
    seen["start, wrong"] = host.post("/", {"source": "rated", "least": "x", "cap": "y"})
    seen["start, no limit"] = host.post("/", {"limit": "x", "source": "pasted"})
    seen["code, wrong"] = host.get("/go?code=x")
    seen["nothing there"] = host.get("/nothing")
    e = evening

    def look(moment: str, *phones: Any) -> None:
        for page in PAGES:
            for who, phone in phones:
                answer = phone.get(e.at(page))
                if answer.status != 303:
                    seen[f"{moment}, {who}: {page}"] = answer
        for first in [fact["first"] for fact in e.facts("player-joined")]:
            path = e.at(f"pick-for?player={e.player(first)}")
            seen[f"{moment}, host: pick for {first}"] = e.host.get(path)

    anyone = house.phone()
    look("empty", ("anyone", anyone), ("host", e.host))
    guests = [e.guest(name) for name in ("Ola", "Max")]
    e.pick(guests[0], 1)
    look("join", ("anyone", anyone), ("player", guests[0]), ("host", e.host))
    seen["name, wrong"] = anyone.post(e.at("join"), {"first": "", "last": ""})
    seen["seat code, wrong"] = anyone.post(e.at("back"), {"code": "x"})
    seen["recovery code, wrong"] = anyone.post(e.at("recover"), {"code": "x"})
    seen["team, taken"] = e.pick(guests[1], 1, htmx=False)
    seen["team, searched"] = guests[1].get(e.at("me?q=1&stars=&kind="))
    seen["no token"] = anyone.post(e.at("join"), {}, token="x")
    e.act("block", player=e.player("Max"))
    look("blocked", ("player", guests[1]), ("host", e.host))
    e.act("remove", player=e.player("Ola"))
    look("removed", ("player", guests[0]))
    guests = [e.guest(f"G{number}") for number in range(3)]
    look("full", ("anyone", anyone), ("player", guests[0]))
    for team, guest in enumerate(guests):
        e.pick(guest, team)
    look("ready", ("anyone", anyone), ("player", guests[0]), ("host", e.host))
    e.act("draw", attempt=1)
    look("draw", ("anyone", anyone), ("player", guests[0]), ("host", e.host))
    e.act("skip")
    look("drawn", ("anyone", anyone), ("player", guests[0]), ("host", e.host))
    e.host.post(e.at("organise"), {"do": "new-recovery"})
    seen["new keys"] = e.host.get(e.at("created"))
    e.act("restart")
    look("restarted", ("anyone", anyone), ("player", guests[0]), ("host", e.host))
    e.act("close")
    look("closed", ("anyone", anyone), ("player", guests[0]), ("host", e.host))
    return seen


@pytest.mark.parametrize(
    ("value", "html"),
    [
        ("Ali & <b>Veli</b>", "Ali &amp; &lt;b&gt;Veli&lt;/b&gt;"),
        ('"O\'Neill"', "&#34;O&#39;Neill&#34;"),
        ("Ola", "Ola"),
        (Markup("<b>&amp;</b>"), "<b>&amp;</b>"),
        (text("%(a)s & %(b)s", a="<i>", b=Markup("<i>")), "&lt;i&gt; &amp; &lt;i&gt;"),
        (4.5, "4.5"),
        (None, "None"),
        (jinja2.Undefined(), ""),
    ],
)
def test_what_a_template_shows_is_escaped_once_unless_it_is_html(
    renderer: Renderer, value: object, html: str
) -> None:
    made = renderer._env.from_string("{{ v }}|{% set x %}{{ v }}{% endset %}{{ x }}")
    assert made.render(v=value) == f"{html}|{html}"


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("{{ v if v }}{{ v if not v }}", "&lt;b&gt;"),
        ("{{ ' is-on' if v }}{{ ' is-off' if not v }}", " is-on"),
        ("{{ '<i>' if v }}{{ 'x' if not v else v }}", "&lt;i&gt;&lt;b&gt;"),
        ("{% trans %}You{% endtrans %}{{ _('You') ~ v }}", "YouYou&lt;b&gt;"),
        ("{{ _('Team %(name)s', name=v) }}", "Team &lt;b&gt;"),
        ("{{ v|marked }}", '<bdi translate="no">&lt;b&gt;</bdi>'),
        ("{{ same(v) }}{{ same(it=v) }}{{ same(*[v]) }}{{ same(**{'it': v}) }}", "&lt;b&gt;" * 4),
        ("{% macro m(from) %}{{ from }}{% endmacro %}{{ m(from=v) }}{{ m(v) }}", "&lt;b&gt;" * 2),
    ],
)  # fmt: skip
def test_an_expression_is_escaped_unless_all_it_gives_is_html(
    renderer: Renderer, source: str, html: str
) -> None:
    made = renderer._env.from_string(source, globals={"same": lambda it: it})
    assert made.render(v="<b>") == html


def test_warming_up_compiles_every_template(renderer: Renderer) -> None:
    renderer.warm_up()
    compiled = {name for _, name in renderer._env.cache}
    assert compiled >= {
        path.relative_to(ROOT / "templates").as_posix()
        for path in (ROOT / "templates").rglob("*.html")
    }


def test_a_compiled_template_is_kept_and_compiled_again_once_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown() -> str:
        env = jinja2.Environment(loader=jinja2.FileSystemLoader(tmp_path), autoescape=True)
        env.bytecode_cache = Compiled(tmp_path)
        return env.get_template("phone/page.html").render()

    def compiled() -> bool:
        with monkeypatch.context() as without:
            without.delattr(jinja2.Environment, "compile")
            with suppress(AttributeError):
                shown()
                return True
        return False

    page = tmp_path / "phone" / "page.html"
    page.parent.mkdir()
    page.write_text("one")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert (shown(), compiled()) == ("one", False)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert (shown(), compiled()) == ("one", True)
    page.write_text("two")
    assert (compiled(), shown(), compiled()) == (False, "two", True)
    shutil.rmtree(tmp_path / "__pycache__")

    def refused(self: Path, **options: Any) -> None:
        raise PermissionError(self)

    monkeypatch.setattr(Path, "mkdir", refused)
    assert (shown(), compiled()) == ("two", False)


def test_every_page_was_seen(pages: dict[str, Answer]) -> None:
    assert len(pages) > 80
    assert {answer.status for answer in pages.values()} == {200, 403, 404, 409, 422}


def test_no_page_has_anything_that_the_policy_forbids(pages: dict[str, Answer]) -> None:
    for answer in pages.values():
        forbidden(answer.page)


def test_every_page_has_a_language_a_title_and_one_heading(pages: dict[str, Answer]) -> None:
    for where, answer in pages.items():
        page = answer.page
        (html,) = page.all("html")
        assert html.attrs["lang"] == "en", where
        (title,) = page.all("title")
        assert title.text, where
        (heading,) = page.all("h1")
        assert heading.text, where
        assert len(page.all("main")) == 1, where
        levels = [int(e.tag[1]) for e in page.walk() if re.fullmatch("h[1-6]", e.tag)]
        assert all(below <= above + 1 for above, below in pairwise(levels)), (where, levels)
        assert page.all("meta", name="viewport"), where
        assert "user-scalable" not in answer.text, where


def test_every_field_has_a_label_and_every_button_and_link_a_name(
    pages: dict[str, Answer],
) -> None:
    for where, answer in pages.items():
        page = answer.page
        labelled = {label.attrs["for"] for label in page.all("label") if "for" in label.attrs}
        wrapped = {id(e) for label in page.all("label") if label.text for e in label.walk()}
        for element in page.walk():
            named = element.text or element.attrs.get("aria-label")
            if element.tag in ("input", "select", "textarea"):
                if element.attrs.get("type") == "hidden":
                    continue
                assert (
                    element.attrs.get("aria-label")
                    or element.id in labelled
                    or id(element) in wrapped
                ), (where, element.attrs)
            elif element.tag in ("button", "summary"):
                assert named, (where, element.attrs)
            elif element.tag == "a":
                assert "href" in element.attrs, (where, element.text)
                assert named, (where, element.attrs)
            elif element.tag == "svg":
                assert element.attrs.get("aria-hidden") or element.attrs.get("aria-label"), where


def test_ids_are_unique_and_every_reference_finds_its_id(pages: dict[str, Answer]) -> None:
    pointers = ("for", "form", "aria-describedby", "aria-labelledby", "aria-controls", "list")
    for where, answer in pages.items():
        page = answer.page
        ids = [e.id for e in page.walk() if e.id]
        assert len(ids) == len(set(ids)), (where, [i for i in ids if ids.count(i) > 1])
        # A live region may need any crest later.
        assert {f"crest-{pattern}" for pattern in range(PATTERNS)} <= set(ids), where
        for element in page.walk():
            for name in pointers:
                for wanted in element.attrs.get(name, "").split():
                    assert wanted in ids, (where, element.tag, name, wanted)
            target = element.attrs.get("href", "")
            if target.startswith("#"):
                assert target[1:] in ids, (where, target)


def test_every_form_that_posts_carries_the_readers_own_token(pages: dict[str, Answer]) -> None:
    for where, answer in pages.items():
        assert "@csrf@" not in answer.text, where
        for form in answer.page.all("form"):
            if form.attrs["method"] == "post":
                (token,) = form.all("input", name="csrf_token")
                assert token.attrs["value"], where
            else:
                assert not form.all("input", name="csrf_token"), where


def test_every_link_leads_somewhere(
    house: House, evening: Evening, pages: dict[str, Answer]
) -> None:
    here, public = "http://here.example", house.settings.public_url or ""
    links = set()
    for answer in pages.values():
        for a in answer.page.all("a"):
            href = a.attrs["href"].removeprefix(public)
            link = urljoin(here + answer.path, href)
            if link.startswith(here) and "/host/" not in link and href and href[0] != "#":
                links.add(link.removeprefix(here))
    assert len(links) > 15
    answers = {link: evening.host.get(link).status for link in sorted(links)}
    dead = {link: status for link, status in answers.items() if status not in (200, 303)}
    gone = [link for link in dead if "pick-for" in link]  # of removed players
    assert len(dead) == len(gone) <= 2, dead


def test_the_policy_is_on_every_answer(house: House, pages: dict[str, Answer]) -> None:
    phone = house.phone()
    answers = list(pages.values())
    answers += [phone.get(path) for path in ("/static/app.css", "/static/x", "/liveness", "/go")]
    answers += [phone.request(method, "/") for method in ("PUT", "HEAD", "OPTIONS")]
    answers.append(phone.request("POST", "/", b"x" * 300_000))
    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split(";")}
        assert rules["default-src"] == ["'self'"]
        assert rules["frame-ancestors"] == ["'none'"]
        assert rules["base-uri"] == ["'none'"]
        assert rules["form-action"] == ["'self'"]
        assert rules["object-src"] == ["'none'"]
        assert not {"script-src", "style-src"} & rules.keys()
        assert "unsafe" not in policy
        assert "*" not in policy
        assert not answer.headers["Access-Control-Allow-Origin"]
        if not answer.path.startswith("/static/"):
            assert "no-store" in answer.headers["Cache-Control"]


def test_static_files_are_cached_under_versioned_addresses(
    house: House, pages: dict[str, Answer]
) -> None:
    files = {
        e.attrs.get("src") or e.attrs["href"]
        for answer in pages.values()
        for e in (*answer.page.all("script"), *answer.page.all("link", rel="stylesheet"))
    }
    assert len(files) >= 5
    for path in files:
        answer = house.phone().get(path)
        assert answer.status == 200
        assert "max-age=31536000" in answer.headers["Cache-Control"]
        assert re.search(r"\?v=[0-9a-f]{12}$", path)


def test_no_two_scripts_of_a_page_declare_the_same_name() -> None:
    """They share one scope: the second declaration would end its whole script."""
    names: list[str] = []
    for script in ("lct.js", "live.js", "board.js"):
        text = (ROOT / "static" / script).read_text()
        names += re.findall(r"(?m)^(?:const|let|(?:async )?function) ([$\w]+)", text)
        for more in re.findall(r"(?m)^(?:const|let) ([^(\n]+, [^(\n]+);", text):
            names += [each.split()[0] for each in more.split(", ")[1:]]
    assert {"$", "touched", "HOLD", "look"} <= set(names)
    assert sorted(names) == sorted(set(names))
