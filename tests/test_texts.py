"""Every text that a person reads can be translated.

An accented English stands for all other languages (accents.py). The people and teams here have
Greek names, so on a page in that language any plain letter is a text that cannot be translated.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from lct.domain import errors
from lct.domain.fact import EVENTS
from lct.domain.people import Join
from lct.domain.text import Text, counted, in_order, text, together, verbatim
from lct.locale import ENGLISH, Language, languages, say, speaking, spoken
from lct.places import ROOT
from lct.web.words import gettext, marked
from tools.texts import POT, pot, texts

from .accents import TAG, accented, write_translations
from .browser import PHONE, TV, Screens, be, is_live
from .evening import Evening as Rules
from .http_client import Answer, Element, Evening, House, open_house, parse
from .test_errors import sample, tree
from .test_event_schemas import FILES, read_event, stored

PEOPLE = ["Ωλγα", "Μαξ", "Ζωή", "Ρία"]
TEAMS = ["Άρης", "Ίκαρος", "Ήφαιστος", "Ερμής", "Θησέας", "Αίας"]
# What is the same in every language: codes, hashes, links, the names of the protocol's parts.
SAME = re.compile(
    r"https?://\S+|127\.0\.0\.1\S*|cup\.example\S*"
    r"|\b[2-9BCDFGHJKMNPQRSTVWXZ]{4}-?[2-9BCDFGHJKMNPQRSTVWXZ]{4}\b|\b[0-9a-f]{4,}\b"
    r"|\blct draw v[12]\b|\blct verify-draw\b|\blct\b|\bUTC\b"
)
READ = ("aria-label", "alt", "title", "placeholder", "aria-description", "aria-roledescription")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_translations(tmp_path_factory.mktemp("locale"))


@pytest.fixture(scope="session")
def language(folder: Path) -> Language:
    english, made = languages(folder)
    assert english is ENGLISH
    assert made.tag == TAG
    return made


@pytest.fixture(scope="module")
def greek(servers: Any, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A served app whose phones ask for the accented English."""
    with open_house(servers, tmp_path_factory.mktemp("greek"), locale=folder, workers=1) as opened:
        opened.language = TAG
        yield opened


# --- the translations -----------------------------------------------------------------------------


def test_the_file_for_translators_holds_every_text() -> None:
    assert POT.read_text(encoding="utf-8") == pot(), "run `make docs`"


def test_a_text_about_one_thing_has_no_data_that_the_one_about_several_lacks() -> None:
    plurals = [message.id for message in texts() if isinstance(message.id, tuple)]
    assert len(plurals) > 10
    for one, several in plurals:
        assert set(re.findall(r"%\((\w+)\)s", one)) <= set(re.findall(r"%\((\w+)\)s", several))


def test_a_text_is_said_with_its_data_and_number_in_each_language(language: Language) -> None:
    seats = counted("%(n)s seat", "%(n)s seats", 2)
    named = text("blocked %(player)s", player="Ωλγα")
    both = together([named, seats])
    assert [str(named), str(seats), str(both)] == [
        "blocked Ωλγα",
        "2 seats",
        "blocked Ωλγα 2 seats",
    ]
    assert language.say(both) == f"{accented('blocked')} Ωλγα 2 {accented('seats')}"
    one = counted("%(n)s seat", "%(n)s seats", 1)
    assert language.say(one) == f"1 {accented('seat')}"
    inner = text("%(what)s for %(player)s", what=named, player="Μαξ")
    assert language.say(inner) == f"{accented('blocked')} Ωλγα {accented('for')} Μαξ"
    assert language.say(verbatim("100 %(x)s")) == "100 %(x)s"


def test_a_name_from_right_to_left_moves_nothing_around_it() -> None:
    took = text("%(who)s took %(team)s", who="דוד כהן", team="Inter")
    assert str(took) == "\u2068דוד כהן\u2069 took Inter"
    inner = text("%(what)s for %(player)s", what=took, player="ليلى")
    assert str(inner) == "\u2068דוד כהן\u2069 took Inter for \u2068ليلى\u2069"
    assert str(in_order(["דוד", "Ola <b>"])) == "\u2068דוד\u2069, Ola <b>"
    named = '<bdi translate="no">{}</bdi>'
    assert marked(in_order(["דוד", "Ola <b>"])) == (
        f"{named.format('דוד')}, {named.format('Ola &lt;b&gt;')}"
    )
    assert marked(text("<%(n)s>", n=2)) == "&lt;2&gt;"
    assert gettext("%(name)s is looking", name="דוד") == "\u2068דוד\u2069 is looking"
    assert gettext("<bdi>%(name)s</bdi> is looking", name="דוד <") == (
        f"{named.format('דוד &lt;')} is looking"
    )
    assert gettext("%(name)s · ה", name="Ola") == "\u2068Ola\u2069 · ה"


def test_a_language_is_spoken_inside_its_block_only(language: Language) -> None:
    host = text("Host")
    assert say(host) == "Host"
    with speaking(language):
        assert (spoken(), say(host)) == (language, accented("Host"))
    assert say(host) == "Host"


# --- refusals and the history ---------------------------------------------------------------------


def welded(shown: str) -> str:
    """The words in plain letters, apart from what is the same in every language."""
    return " ".join(re.findall(r"[A-Za-z]{2,}|\b[A-Za-z]\b", SAME.sub("", shown)))


def test_plain_letters_are_found_and_accents_are_not() -> None:
    assert welded(f"{accented('taken by')} Ωλγα, 5 seats, BB3K-7QXM") == "seats"
    assert welded(accented("All %(n)s seats <b>are</b> taken")).split() == ["n", "s", "b", "b"]


@pytest.mark.parametrize("cls", tree(), ids=lambda cls: cls.__name__)
def test_every_refusal_is_said_in_the_language(
    cls: type[errors.LctError], language: Language
) -> None:
    refusal = sample(cls)
    said = [refusal.sentence, *getattr(refusal, "fields", {}).values()]
    for each in said:
        assert welded(re.sub("Ola|Max", "", language.say(each))) == "", cls


def telling(kind: str) -> tuple[Text, Text]:
    """An event's sentence in an evening that knows its player, and in one that does not."""
    (file,) = [f for f in FILES if f.stem == f"{kind}.{EVENTS[kind].schema}"]
    event = read_event(stored(file))
    rules = Rules(limit=8)
    unknown = event.sentence(rules.t)
    if player := getattr(event, "player_id", ""):
        rules.does(Join, player, "Ωλγα", "Ω")
    return unknown, event.sentence(rules.t)


@pytest.mark.parametrize("kind", sorted(set(EVENTS) - {"team-picked", "team-let-go"}))
def test_every_event_is_told_in_the_language(kind: str, language: Language) -> None:
    (file,) = [f for f in FILES if f.stem == f"{kind}.{EVENTS[kind].schema}"]
    data = re.findall(r'"([^"]*)"', file.read_text(encoding="utf-8"))
    for sentence in telling(kind):
        said = language.say(sentence)
        for value in sorted([*data, "Friday Cup"], key=len, reverse=True):
            said = said.replace(value, "")
        assert welded(said) == ""


# --- pages and frames -----------------------------------------------------------------------------


def texts_of(page: Element) -> Iterator[str]:
    """What is seen and what is read aloud, without scripts, drawings and signed data."""
    for element in (page, *page.walk()):
        if element.tag in ("script", "style", "textarea"):
            continue
        yield from (value for name, value in element.attrs.items() if name in READ)
        if words := element.attrs.get("data-words"):
            yield from (re.sub(r"\{\w+\}", "", said) for said in json.loads(words).values())
        if element.tag not in ("text",):  # the initials in a crest
            yield from (child for child in element.children if isinstance(child, str))


def unsaid(html: str) -> list[str]:
    """The texts on a page that have plain letters."""
    if "<title>Redirecting...</title>" in html:  # werkzeug's, which no browser shows
        return []
    return [shown.strip() for shown in texts_of(parse(html)) if welded(shown)]


# Names, and codes, addresses and hashes. Times and numbers have no such letters.
NAMES = re.compile(
    "|".join((*PEOPLE, *TEAMS, "Κύπελλο", "Λίγκα", "Άλλο"))
    + r"|cup\.example|\b(?=\d*[a-f])[0-9a-f]{4,}\b|\b[2-9B-Z]{4}-[2-9B-Z]{4}\b"
)


def bare(html: str) -> list[str]:
    """What shows a name, a team, a code or a hash outside an element that isolates it and that
    a browser does not translate."""
    if "<title>Redirecting...</title>" in html:
        return []
    found = []

    def look(element: Element, kept: bool) -> None:
        kept = kept or element.attrs.get("translate") == "no"
        for child in element.children:
            if isinstance(child, Element):
                look(child, kept)
            elif not kept and element.tag not in ("script", "text") and NAMES.search(child):
                found.append(f"<{element.tag}> {child.strip()}")

    look(parse(html), False)
    return found


def played(house: House) -> Iterator[tuple[str, str]]:
    """(moment, HTML) of every page and every live view, as an evening goes on."""
    e = house.evening(limit=3, teams=TEAMS, name="Κύπελλο", option="not-own")
    pages = ("", "join", "back", "verify", "recover")

    def look(moment: str) -> Iterator[tuple[str, str]]:
        for page in pages:
            yield f"{moment}: {page}", e.visitor().get(e.at(page)).text
        for page in ("me", "me?q=none"):
            yield f"{moment}: {page}", guests[0].get(e.at(page)).text
        yield f"{moment}: seat", other_seat(e, guests).text
        for page in ("organise", "history", "history?at=1", *picking_for(e)):
            yield f"{moment}: {page}", e.host.get(e.at(page)).text
        for view in ("board", "me", "watch", "organise"):
            with (e.host if view == "organise" else guests[0]).live(e.live(view)) as screen:
                screen.take()
            yield f"{moment}: socket {view}", screen.frames[0]

    guests: list[Any] = []
    yield "front", house.phone().get("/").text
    yield "created", e.host.get(e.at("created")).text
    guests.append(e.guest(PEOPLE[0], "Ω"))
    yield from look("empty seats")
    yield "same name", e.visitor().post(e.at("join"), {"first": PEOPLE[0], "last": "Ω"}).text
    yield "no name", e.visitor().post(e.at("join"), {"first": "", "last": "Ω" * 50}).text
    guests += [e.guest(name, "Ω") for name in PEOPLE[1:3]]
    with guests[0].live(e.live("me")) as screen, guests[1].live(e.live("me")) as other:
        screen.quiet(0.3)
        other.ws.send('{"look": 0}')
        screen.until(lambda s: s.page.by_id("team-0").all(cls="is-looked"))
        yield "looking", screen.frames[-1]
    for team, guest in enumerate(guests[:2]):
        yield f"pick {team}", e.pick(guest, team).text
    yield from look("picking")
    yield "taken, tapped", e.pick(guests[2], 0).text
    yield "taken, sent", e.pick(guests[2], 0, htmx=False).text
    yield "let go", guests[1].post(e.at("let-go"), htmx=True).text
    for moment, action, fields in (
        ("missing", "draw", {"attempt": 1}),
        ("stale", "rename", {"name": "Άλλο", "version": 0}),
        ("bad limit", "limit", {"limit": "β"}),
        ("low limit", "limit", {"limit": 1}),
        ("locked", "lock", {}),
        ("renamed", "rename", {"name": "Λίγκα"}),
        ("unlocked", "unlock", {}),
    ):
        yield moment, e.act(action, **fields).text
    yield from ((f"pick late {team}", e.pick(guests[team], team).text) for team in (1, 2))
    yield from look("ready")
    yield "draw", e.act("draw", attempt=1).text
    yield from look("drawing")
    yield "skip", e.act("skip").text
    yield from look("drawn")
    yield from in_a_cup(e, guests, look)
    yield "restart", e.act("restart").text
    yield "remove", e.act("remove", player=e.player(PEOPLE[1], "Ω")).text
    yield "removed", guests[1].get(e.at("me")).text
    yield "block", e.act("block", player=e.player(PEOPLE[0], "Ω")).text
    yield "blocked", guests[0].get(e.at("me")).text
    yield "blocked door", guests[0].post(e.at("join"), {"first": PEOPLE[0], "last": "Ω"}).text
    yield "new recovery code", e.host.get(e.at("created")).text
    yield "close", e.act("close").text
    yield from look("closed")
    yield "wrong code", house.phone().get("/go?code=2222-2222").text
    yield "wrong address", house.phone().get("/nothing").text
    yield "wrong seat", e.visitor().post(e.at("back"), {"code": "2222-2222"}).text
    yield "wrong recovery code", e.visitor().post(e.at("recover"), {"code": "22"}).text
    yield "wrong form", house.phone().post("/", {"name": "Λ"}).text
    yield "forged", e.host.post(e.at("organise"), {"do": "close"}, token="x").text
    yield "empty form", refused_form(house).text


def in_a_cup(e: Evening, guests: list[Any], look: Any) -> Iterator[tuple[str, str]]:
    """The matches, to the champion, with all that can go wrong."""
    by_id = {e.player(name, "Ω"): guest for name, guest in zip(PEOPLE, guests, strict=False)}

    def players(key: str) -> list[Any]:
        listed = json.loads(e.visitor().get(f"/api/v1/tournaments/{e.code}/matches").text)
        (match,) = [match for match in listed["items"] if match["key"] == key]
        return [by_id[match[side]] for side in ("home", "away")]

    def report(guest: Any, key: str, home: int, away: int, **more: int) -> str:
        fields = {"match": key, "home": home, "away": away, **more}
        return str(guest.post(e.at("score"), fields, htmx=True).text)

    yield "no format", e.act("format", kind="x").text
    for kind in ("groups", "league", "double-elimination", "knockout"):
        yield f"format {kind}", e.act("format", kind=kind, third_place=1).text
        yield from look(f"begun {kind}")
    yield "consoles", e.act("consoles", names="Α\nΑ").text
    ours, theirs = players("K4.2")
    yield "level", report(ours, "K4.2", 1, 1)
    yield "not a number", report(ours, "K4.2", 100, 1)
    yield "no match", report(ours, "K9.9", 2, 1)
    yield "one score in", report(ours, "K4.2", 2, 1)
    yield from look("one score in")
    yield "take back", ours.post(e.at("withdraw"), {"match": "K4.2"}, htmx=True).text
    report(ours, "K4.2", 2, 1)
    yield "two scores", report(theirs, "K4.2", 1, 2)
    yield from look("two scores")
    yield "sheet", e.host.get(e.at("organise?match=K4.2")).text
    yield "found", e.host.get(e.at(f"organise?find={quote(PEOPLE[0])}")).text
    yield "yields", report(theirs, "K4.2", 2, 1)
    yield "after", report(theirs, "K4.2", 3, 1)
    last = players("K2.1")
    for guest in last:
        yield "final", report(guest, "K2.1", 1, 1, penalties_home=4, penalties_away=3)
    yield from look("champion")
    yield "falls", e.act("result", match="K4.2", home=0, away=1).text
    fields = {"do": "result", "match": "K4.2", "home": 0, "away": 1, "version": e.version}
    yield "falls, sent", e.host.post(e.at("organise"), fields).text
    yield "fell", e.act("result", match="K4.2", home=0, away=1, falls="K2.1").text
    yield "walkover", e.act("result", match="K2.1", came="neither").text
    yield from look("no champion")


def other_seat(e: Evening, guests: list[Any]) -> Answer:
    """The page that asks a signed-in guest whether to become another player."""
    link = e.host.get(e.at(f"pick-for?player={e.player(PEOPLE[0], 'Ω')}")).page
    seats = [a.attrs["href"] for a in link.all("a") if "/seat/" in a.attrs.get("href", "")]
    if len(guests) < 2 or not seats:
        return e.visitor().get(e.at("back"))
    return guests[1].get(e.at("seat/") + seats[0].rpartition("/")[2])


def picking_for(e: Evening) -> list[str]:
    return [f"pick-for?player={e.player(PEOPLE[0], 'Ω')}"]


def refused_form(house: House) -> Answer:
    phone = house.phone()
    phone.get("/")
    fields = {"name": "", "limit": "5000", "source": "pasted", "pasted": "Α\nΑ", "option": "Ω"}
    return phone.post("/", fields)


def test_every_page_and_frame_is_in_the_readers_language(greek: House) -> None:
    moments = dict(played(greek))
    assert len(moments) > 90
    assert {moment: found for moment, html in moments.items() if (found := unsaid(html))} == {}
    assert {moment: found for moment, html in moments.items() if (found := bare(html))} == {}


@pytest.mark.parametrize("path", ["nothing", "history", "draw"])
def test_a_problem_is_in_the_language_that_the_program_asks_for(greek: House, path: str) -> None:
    e = greek.evening(teams=TEAMS, name=f"Αγώνας {path}")
    answer = greek.phone().get(f"/api/v1/tournaments/{e.code}/{path}")
    problem = json.loads(answer.text)
    assert problem["status"] >= 400
    assert welded(problem["detail"]) == ""


def test_the_history_for_programs_is_in_the_language_too(greek: House) -> None:
    e = greek.evening(teams=TEAMS, name="Ιστορία")
    program, path = greek.phone(), f"/api/v1/tournaments/{e.code}"
    asked = json.dumps({"recovery_code": e.recovery, "label": "Πρόγραμμα"}).encode()
    sent = {"Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(16)}
    token = json.loads(program.request("POST", f"{path}/devices", asked, sent).text)[
        "organiser_key"
    ]
    answer = program.get(f"{path}/history", {"Authorization": f"Bearer {token}"})
    told = json.loads(answer.text)["items"]
    assert len(told) == 2
    for line in told:
        assert welded(f"{line['who']} {line['what']}") == ""


def test_two_languages_at_one_table_each_get_their_own(greek: House) -> None:
    e = greek.evening(limit=2, teams=TEAMS, name="Δύο")
    ours, english = e.guest(PEOPLE[0], "Ω"), e.visitor()
    english.language = "en-GB,en;q=0.8"
    english.post(e.at("join"), {"first": PEOPLE[1], "last": "Ω"})
    with ours.live(e.live("me")) as screen, english.live(e.live("me")) as other:
        screen.take()
        other.take()
        e.pick(ours, 0)
        other.until(lambda s: "taken by" in str(s.page.by_id("team-0").all("button")[0].attrs))
        screen.until(lambda s: accented("yours") in s.shows("team-0"))
        assert unsaid("".join(screen.frames)) == []
    polled = [phone.get(e.at("now?view=board")) for phone in (ours, english)]
    assert unsaid(polled[0].text) == []
    assert unsaid(polled[1].text) != []
    assert polled[0].headers["ETag"] != polled[1].headers["ETag"]
    assert "Accept-Language" in polled[0].headers["Vary"]
    assert '<html lang="en"' in english.get(e.at("me")).text
    assert f'<html lang="{TAG}"' in ours.get(e.at("me")).text


# --- scripts --------------------------------------------------------------------------------------


def test_scripts_hold_no_text() -> None:
    """Texts reach a script in the page (data-words), so that they are in the reader's language."""
    for name in ("lct.js", "live.js", "board.js", "asking.js"):
        script = (ROOT / "static" / name).read_text(encoding="utf-8")
        code = re.sub(r"(?m)^\s*//.*$|\s//\s.*$", "", script)
        for quoted in re.findall(r'"([^"\n]*)"|`([^`]*)`', code):
            said = re.sub(r"\$\{[^}]*\}", "", "".join(quoted))
            assert not re.match(r"[A-Z][a-z]+( |$|:)", said), (name, said)
            assert not re.search(r"[a-z] [a-z]+ [a-z]", said) or "(" in said, (name, said)


@pytest.mark.browser
def test_a_live_page_says_in_its_language_what_its_scripts_say(
    greek: House, screens: Screens
) -> None:
    e = greek.evening(limit=40, teams=[f"Ομάδα {i}" for i in range(40)], name="Μεγάλο")
    guest = e.guest(PEOPLE[0], "Ω")
    tv, phone = screens.open(**TV, locale=TAG), screens.open(**PHONE, locale=TAG)
    tv.goto(greek.url + e.at())
    is_live(tv)
    tv.locator("#pages:not([hidden])").wait_for()
    be(phone, guest)
    phone.goto(greek.url + e.at("me"))
    is_live(phone)
    shown = [tv.locator("#live-mark, #pages").all_inner_texts()]
    phone.context.set_offline(True)
    phone.locator("#team-1 button").click()
    phone.locator("#notice .toast").wait_for()
    shown.append(phone.locator("#notice, #live-mark").all_inner_texts())
    for page in (tv, phone):
        shown.append([page.locator("body").aria_snapshot()])
    for said in (line for lines in shown for line in lines):
        read = re.sub(r"(?m)^\s*- (\w+:?)|\[[^\]]*\]|/url: .*|^\s*- /\w+.*", "", said)
        assert welded(read) == "", said
    phone.context.set_offline(False)
