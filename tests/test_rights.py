"""Rights: every route for every role, forged requests, guesses, and lost devices."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from lct.config import Settings
from lct.domain.shares import pledge
from lct.domain.values import new_code
from lct.web.api import operations
from tools.rights_table import MESSAGES, PAGES, ROLES, Row, markdown

from .http_client import (
    PUBLIC_URL,
    TOKEN,
    Answer,
    Evening,
    House,
    Phone,
    Screen,
    app_here,
)
from .support import wait_until

# --- every route, every role ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def rules() -> dict[str, set[str]]:
    """Every rule that the app serves, with its methods."""
    unused = Settings(mongo_uri="mongodb://127.0.0.1:1", redis_url="unix:///x", secret_key="x" * 16)
    served: dict[str, set[str]] = {}
    with app_here(unused) as app:
        for rule in app.url_map.iter_rules():
            served.setdefault(rule.rule, set()).update(rule.methods or ())
    return served


def test_the_table_has_every_route_and_no_others(rules: dict[str, set[str]]) -> None:
    served = {(method, rule) for rule, methods in rules.items() for method in methods}
    found = {(row.method, row.rule) for row in PAGES}
    found |= {(each.method, each.path) for each in operations()}
    assert {each for each in served if each[0] not in ("HEAD", "OPTIONS")} == found


def test_the_page_shows_the_table() -> None:
    """If this fails, run `make docs`."""
    assert Path("docs/rights.md").read_text(encoding="utf-8") == markdown() + "\n"


class Elsewhere(NamedTuple):
    """Another tournament and one of its players."""

    evening: Evening
    player: Phone


def another_host(e: Evening) -> Phone:
    """A second device with the organiser's rights, by the recovery code."""
    phone = e.house.phone()
    phone.get(e.at("recover"))
    answer = phone.post(e.at("recover"), {"code": e.recovery})
    assert (answer.status, answer.location) == (303, e.at("organise"))
    phone.get(e.at("organise"))
    return phone


def revoke_newest(e: Evening) -> Answer:
    devices = [fact["device_id"] for fact in e.facts("device-admitted")]
    answer = e.act("revoke", device=devices[-1])
    assert answer.status == 200
    e.recovery = e.host.get(e.at("created")).page.all(cls="recovery")[0].text
    return answer


def co_organiser(e: Evening) -> Phone:
    """A device that came in by the link."""
    phone = e.house.phone()
    link = organiser_link(e)
    assert "Run the evening here" in phone.get(link).text
    assert phone.post(link, {}).status == 303
    return phone


def everybody(house: House, e: Evening, other: Elsewhere) -> dict[str, Phone]:
    """A phone for each role, each with a token of its own session."""
    people = {
        "anyone": house.phone(),
        "player": e.guest("Ola"),
        "other player": e.guest("Max"),
        "player elsewhere": other.player.copy(),
        "removed player": e.guest("Zoe"),
        "host": e.host,
        "host elsewhere": other.evening.host.copy(),
        "revoked device": another_host(e),
    }
    revoke_newest(e)
    people["co-organiser"] = co_organiser(e)
    people = {role: people[role] for role in ROLES}
    assert e.act("remove", player=e.player("Zoe")).status == 200
    for phone in people.values():
        phone.get(e.at("recover"))
    return people


@pytest.fixture(scope="module")
def elsewhere(house: House) -> Elsewhere:
    evening = house.evening()
    return Elsewhere(evening, evening.guest("Eve"))


class Scene(NamedTuple):
    """An evening and a phone for each role."""

    evening: Evening
    people: dict[str, Phone]


@pytest.fixture(scope="module")
def once(house: House, elsewhere: Elsewhere) -> Scene:
    e = house.evening(limit=10, teams=10)
    return Scene(e, everybody(house, e, elsewhere))


@pytest.fixture
def unchanged(house: House, once: Scene) -> Scene:
    """For tests that change nothing: they share one evening, and each has its own copies of the
    phones and their cookies."""
    house.forget_limits()
    return Scene(once.evening, {role: phone.copy() for role, phone in once.people.items()})


@pytest.mark.parametrize("row", PAGES, ids=lambda row: f"{row.method} {row.path}")
def test_a_route_answers_everyone_as_agreed(
    house: House, elsewhere: Elsewhere, unchanged: Scene, row: Row
) -> None:
    e, people = unchanged
    if row.method != "GET":
        e = house.evening(limit=10, teams=10)
        people = everybody(house, e, elsewhere)
    links = people["player"].get(e.at("me")).page.all("b", cls="code-text")
    known = {
        "code": e.code,
        "player": e.player("Ola"),
        "seat": links[0].text,
        "key": organiser_link(e).rpartition("/")[2],
        "recovery": e.recovery,
        "device": "nobody's",
    }
    got = []
    for number, (phone, expected) in enumerate(zip(people.values(), row.cells, strict=True)):
        known |= {"random": secrets.token_hex(8), "free": str(number)}
        form = {name: value.format(**known) for name, value in row.form.items()}
        path, before = row.path.format(**known), len(e.events)
        got.append(status_of(phone, row.method, path, form))
        if expected == 403:
            assert len(e.events) == before
            if row.method == "GET":
                # 400: without a handshake there is nothing to refuse.
                assert phone.request("HEAD", path).status == (400 if "/live?" in path else 403)
    assert dict(zip(ROLES, got, strict=True)) == dict(zip(ROLES, row.cells, strict=True))


def status_of(phone: Phone, method: str, path: str, form: dict[str, str]) -> int:
    if "/live?" in path:
        try:
            phone.open_socket(path).close()
        except InvalidStatus as refused:
            return refused.response.status_code
        return 101
    if "/events?" in path:
        connection = HTTPConnection(phone.house.host, phone.house.port, timeout=5)
        connection.request("GET", path, headers={"Cookie": phone.cookie_header(path)})
        status = connection.getresponse().status
        connection.close()
        return status
    answer = phone.post(path, form) if method == "POST" else phone.get(path)
    assert answer.status in range(204, 600) or "/static/" in path or answer.text
    return answer.status


def test_no_route_takes_another_method(house: House, rules: dict[str, set[str]]) -> None:
    e = house.evening()
    for rule, methods in rules.items():
        path = re.sub(r"<(?:int:)\w+>", "1", rule.replace("<code>", e.code))
        path = re.sub(r"<[^>]+>", "x", path)
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "LIST"):
            if method not in methods:
                answer = e.host.request(method, path)
                assert answer.status == 405, (method, path)
                assert set(answer.headers["Allow"].split(", ")) == methods


# --- every websocket message, every role ----------------------------------------------------------


def test_a_look_counts_only_for_the_roles_in_the_table(house: House, elsewhere: Elsewhere) -> None:
    e = house.evening(limit=10, teams=10)
    people = everybody(house, e, elsewhere)
    by_role = zip(MESSAGES['{"look": 3}'], people.values(), strict=True)
    with house.phone(1).live(e.live("board")) as board, ExitStack() as open_:
        board.take()
        dropped = []
        for team, (said, phone) in enumerate(by_role):
            screen = open_.enter_context(phone.live(e.live("me")))
            screen.ws.send(json.dumps({"look": team}))
            if said == "shown":
                board.until(lambda s, t=team: f"looking at Team {t}" in s.text, 5)
            else:
                dropped.append(f"looking at Team {team}")
        assert dropped
        board.quiet(0.7)
        assert not [look for frame in board.frames for look in dropped if look in frame]
        assert not [look for look in dropped if look in board.text]


def test_sleep_counts_only_for_the_roles_in_the_table(house: House, elsewhere: Elsewhere) -> None:
    e = house.evening(limit=10, teams=10)
    people = everybody(house, e, elsewhere)
    by_role = zip(MESSAGES['{"asleep": true}'], people.values(), strict=True)

    def sleeping(screen: Screen) -> int:
        return len(screen.page.all(cls="is-asleep"))

    with house.phone(1).live(e.live("board")) as board, ExitStack() as open_:
        screens = [(said, open_.enter_context(who.live(e.live("me")))) for said, who in by_role]
        board.until(lambda s: "is-away" not in str(s.page.by_id("seat-1").attrs), 5)
        for _, screen in (each for each in screens if each[0] == "dropped"):
            screen.ws.send(json.dumps({"asleep": True}))
        board.quiet(2.2)  # a worker publishes presence at most once a second
        assert sleeping(board) == 0
        shown = [screen for said, screen in screens if said == "shown"]
        for screen in shown:
            screen.ws.send(json.dumps({"asleep": True}))
        board.until(lambda s: sleeping(s) == len(shown))


def test_a_share_counts_only_for_the_roles_in_the_table(house: House, elsewhere: Elsewhere) -> None:
    e = house.evening(limit=10, teams=10)
    people = everybody(house, e, elsewhere)
    shares = {e.player(name): character * 64 for name, character in (("Ola", "a"), ("Max", "b"))}
    players = [people["player"], people["other player"]]
    for team, (phone, (player_id, share)) in enumerate(zip(players, shares.items(), strict=True)):
        pledged = pledge(e.code, player_id, share)
        assert phone.post(e.at("team"), {"team": team, "pledge": pledged}).status == 303
    assert e.act("close-list").status == 200
    by_role = list(zip(list(MESSAGES.values())[2], people.values(), strict=True))
    with ExitStack() as open_:
        screens = [(said, open_.enter_context(who.live(e.live("me")))) for said, who in by_role]
        assert e.act("draw", attempt=1).status == 200
        for said, screen in screens:
            if said == "dropped":
                screen.ws.send(json.dumps({"shares": shares}))
        time.sleep(0.6)
        assert not e.facts("shares-opened")
        first = next(screen for said, screen in screens if said == "taken")
        first.ws.send(json.dumps({"shares": shares}))
        wait_until(lambda: e.facts("teams-drawn"), what="every share is in")
    assert sum(len(fact["shares"]) for fact in e.facts("shares-opened")) == 2


@pytest.mark.parametrize(
    "do",
    ["rename", "limit", "close-list", "lock", "unlock", "draw", "roll", "number", "skip-number",
     "skip", "restart", "close", "reopen", "remove", "block", "unblock", "rename-player",
     "call-name", "add", "revoke", "new-recovery", "new-seat-codes", "nonsense"],
)  # fmt: skip
def test_only_a_host_can_run_a_host_action(unchanged: Scene, do: str) -> None:
    e, people = unchanged
    device = e.facts("tournament-created")[0]["device_id"]
    form = {"do": do, "player": e.player("Ola"), "name": "X", "limit": "5", "attempt": "1"}
    before = len(e.events)
    for role, phone in people.items():
        for htmx in (True, False):
            if role not in ("host", "co-organiser"):
                answer = phone.post(e.at("organise"), {**form, "device": device}, htmx=htmx)
                assert answer.status == 403, role
                assert "Only the host can do that" in answer.page.text
    assert len(e.events) == before


# --- forged requests ------------------------------------------------------------------------------


@pytest.mark.parametrize("row", {row.rule: row for row in PAGES if row.method == "POST"}.values(),
                         ids=lambda row: row.rule)  # fmt: skip
@pytest.mark.parametrize("token", ["none", "nonsense", "a stranger's"])
def test_a_post_without_the_pages_own_token_changes_nothing(
    house: House, elsewhere: Elsewhere, row: Row, token: str
) -> None:
    e = elsewhere.evening
    known = {"code": e.code, "player": "x", "seat": "BBBBBBBB", "random": secrets.token_hex(8)}
    known |= {"recovery": e.recovery, "free": "1", "key": "0" * 32, "device": "x"}
    form = {name: value.format(**known) for name, value in row.form.items()}
    sent = {"none": "", "nonsense": "x.y.z", "a stranger's": e.visitor().token}[token]
    before = house.mongo[house.settings.database]["events"].count_documents({})
    for phone in (e.host, e.visitor()):
        for htmx in (True, False):
            path = row.path.format(**known)
            answer = phone.post(path, form, htmx=htmx, token=sent)
            assert answer.status == 403
            assert "Reload it and try again" in answer.page.text
    assert house.mongo[house.settings.database]["events"].count_documents({}) == before


@pytest.mark.parametrize(
    ("path", "typed", "other"),
    [("/", {"name": "Friday Cup", "pasted": "Rovers\r\n<United>", "passphrase": "x y"}, "/"),
     ("{t}/join", {"first": "Zoë \"Z\"", "last": "Martin"}, "{t}/join"),
     ("{t}/back", {"code": "BBBB-BBBB"}, "{t}/back"),
     ("{t}/team", {"team": "1", "value": "ab" * 16}, "{t}/back"),
     ("{t}/host/0000", {}, "{t}/host/0000")],
)  # fmt: skip
def test_a_browser_without_cookies_is_told_what_to_do_and_loses_nothing(
    elsewhere: Elsewhere, path: str, typed: dict[str, str], other: str
) -> None:
    e, here = elsewhere.evening, path.format(t=elsewhere.evening.at())
    address = PUBLIC_URL + other.format(t=e.at())
    phone = e.visitor()
    phone.cookies.clear()
    answer = phone.post(here, typed)
    assert answer.status == 403
    assert "Your browser keeps no cookies" in answer.page.text
    assert address in answer.page.text
    (form,) = answer.page.all("form")
    kept = {each.attrs["name"]: each.attrs["value"] for each in form.all("input")}
    del kept["csrf_token"]
    assert kept == {name: value for name, value in typed.items() if name != "passphrase"}
    # Cookies are allowed meanwhile: the same form counts, so it is no circle.
    assert "keeps no cookies" not in phone.post(here, kept).page.text
    phone.cookies.clear()
    tapped = phone.post(here, typed, htmx=True)
    assert (tapped.status, address in tapped.text) == (403, True)
    # Another site's form comes without cookies too, and must not replace ours.
    foreign = phone.post(here, typed, headers={"Origin": "https://evil.example"})
    assert "Reload it and try again" in foreign.page.text
    assert not foreign.cookies
    secret = phone.post(here, typed, headers={"Origin": "null"})
    assert "keeps no cookies" in secret.page.text
    assert not secret.cookies


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1.evil.example",
     "http://evil.example/{host}", "http://{host}.evil.example", "http://x@{host}", "{host}",
     "http://[", "http://[{host}"],
)  # fmt: skip
@pytest.mark.parametrize("view", ["board", "organise"])
def test_a_socket_from_a_foreign_page_is_refused_before_the_upgrade(
    elsewhere: Elsewhere, origin: str, view: str
) -> None:
    e = elsewhere.evening
    sent = origin.format(host=e.house.url.removeprefix("http://"))
    with pytest.raises(InvalidStatus) as refused:
        e.host.open_socket(e.live(view), headers={"Origin": sent})
    assert refused.value.response.status_code == 403


def test_a_socket_from_our_own_page_is_accepted(elsewhere: Elsewhere) -> None:
    e = elsewhere.evening
    with e.host.live(e.live("organise"), headers={"Origin": e.house.url}) as screen:
        screen.take()


def test_a_changed_or_moved_cookie_gives_no_access(house: House, elsewhere: Elsewhere) -> None:
    e = house.evening()
    for (path, name), value in elsewhere.evening.host.cookies.items():
        thief = house.phone()
        thief.cookies[path.replace(elsewhere.evening.code, e.code), name] = value
        assert thief.get(e.at("organise")).status == 403
    (key,) = [key for key in e.host.cookies if key[1] == "lct_organiser"]
    for changed in ("", "x", e.host.cookies[key][:-2] + "AA", "A" + e.host.cookies[key]):
        thief = house.phone()
        thief.cookies[key] = changed
        assert thief.get(e.at("organise")).status == 403
    player = house.phone()
    player.cookies[key[0], "lct_player"] = e.host.cookies[key]
    assert player.get(e.at("me")).status == 303


# --- the organiser's secrets ----------------------------------------------------------------------


def organiser_link(e: Evening, phone: Phone | None = None) -> str:
    """The path of the co-organiser link on the host's page."""
    links = (phone or e.host).get(e.at("organise")).page.all("a")
    (link,) = {a.attrs["href"] for a in links if "/host/" in a.attrs["href"]}
    return link.removeprefix(e.house.settings.public_url or "")


def test_the_organisers_link_admits_a_device_and_leaves_the_address_bar(house: House) -> None:
    e = house.evening()
    link = organiser_link(e)
    key = link.rpartition("/")[2]
    assert len(key) == 32
    other = house.phone(1)
    assert other.get(link).status == 200
    assert not e.facts("device-admitted")  # a preview admits nobody
    answer = other.post(link, {})
    assert (answer.status, answer.location) == (303, e.at("organise"))
    assert key not in str(answer.headers)
    assert other.get(e.at("organise")).status == 200
    assert e.act("lock", other).status == 200
    again = other.get(link)
    assert (again.status, again.location) == (303, e.at("organise"))
    assert len(e.facts("device-admitted")) == 1
    assert key not in str(e.events)
    for path in ("", "join", "verify", "recover"):
        assert key not in house.phone().get(e.at(path)).text


@pytest.mark.parametrize("wrong", ["0" * 32, "x", "%00", "..%2f", "%C3%A9"])
def test_a_wrong_organisers_link_admits_nobody(
    house: House, elsewhere: Elsewhere, wrong: str
) -> None:
    house.forget_limits()
    e, phone = elsewhere.evening, house.phone()
    answer = phone.get(e.at(f"host/{wrong}"))
    assert (answer.status, answer.location) in ((303, e.at("recover")), (404, ""))
    assert phone.get(e.at("organise")).status == 403


def test_a_revoked_device_is_refused_at_its_next_request_and_the_link_changes(
    house: House,
) -> None:
    e = house.evening()
    old_link = organiser_link(e)
    lost = house.phone(1)
    lost.get(old_link)
    lost.post(old_link, {})
    assert lost.get(e.at("organise")).status == 200
    with lost.live(e.live("organise")) as screen:
        screen.take()
        revoke_newest(e)
        with pytest.raises(ConnectionClosed) as closed:
            screen.until(lambda s: False, 6)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
    assert lost.get(e.at("organise")).status == 403
    assert e.act("lock", lost, version=2).status == 403
    with pytest.raises(InvalidStatus):
        lost.open_socket(e.live("organise"))
    assert lost.get(old_link).location == e.at("recover")
    assert lost.get(e.at("organise")).status == 403
    new_link = organiser_link(e)
    assert new_link != old_link
    assert co_organiser(e).get(e.at("organise")).status == 200
    assert house.phone().get(new_link).status == 200


def test_a_revoked_co_organiser_has_no_way_back(house: House) -> None:
    """They knew the link and may have read every seat's code."""
    e = house.evening()
    e.guest("Ola")
    link, traitor = organiser_link(e), co_organiser(e)
    seat = traitor.get(e.at(f"pick-for?player={e.player('Ola')}")).page.all("b", cls="code-text")
    own = e.facts("tournament-created")[0]["device_id"]
    for do, fields in (("new-recovery", {}), ("revoke", {"device": own}), ("new-seat-codes", {})):
        assert e.act(do, traitor, **fields).status == 403
    revoke_newest(e)
    assert e.act("new-seat-codes").status == 200
    assert traitor.post(link, {}).location == e.at("recover")
    assert traitor.post(e.at("back"), {"code": seat[0].text}).status == 422
    assert traitor.get(e.at("organise")).status == 403
    assert e.act("lock").status == 200


def test_a_new_code_for_one_player_signs_their_phones_out(house: House) -> None:
    e = house.evening()
    ola, max_ = e.guest("Ola"), e.guest("Max")
    thief = ola.copy()
    with thief.live(e.live("me")) as screen:
        screen.take()
        assert e.act("new-seat-codes", player=e.player("Ola")).status == 200
        with pytest.raises(ConnectionClosed) as closed:
            screen.until(lambda s: False, 6)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
    assert e.pick(thief, 1).status == 403
    assert thief.get(e.at("me")).status == 303
    assert e.pick(max_, 1).status == 200
    page = e.host.get(e.at(f"pick-for?player={e.player('Ola')}")).page
    (code,) = (each.text for each in page.all("b", cls="code-text"))
    ola.get(e.at("back"))
    assert ola.post(e.at("back"), {"code": code}).status == 303
    assert e.pick(ola, 2).status == 200


def test_a_link_preview_changes_nothing(house: House) -> None:
    e = house.evening()
    ola, max_ = e.guest("Ola"), e.guest("Max")
    seat = ola.get(e.at("me")).page.all("b", cls="code-text")[0].text.replace("-", "")
    before = len(e.events)
    for link in (organiser_link(e), e.at(f"seat/{seat}")):
        for method in ("HEAD", "GET"):
            bot = house.phone()
            assert bot.request(method, link).status in (200, 204, 303)
            assert "lct_organiser" not in [name for _, name in bot.cookies]
        assert house.phone().request("HEAD", link).cookies == []
    assert len(e.events) == before
    page = max_.get(e.at(f"seat/{seat}"))
    assert "Ola Nowak" in page.text
    assert max_.get(e.at("me")).page.by_id("me").text.count("Max Nowak") == 1  # still himself
    assert max_.post(e.at(f"seat/{seat}"), {}).status == 303
    assert "Ola Nowak" in max_.get(e.at("me")).page.by_id("me").text


def test_the_recovery_code_brings_the_evening_back_on_any_device(house: House) -> None:
    e = house.evening()
    for typed in (e.recovery, e.recovery.lower(), f" {e.recovery.replace('-', ' ')} "):
        phone = house.phone()
        phone.get(e.at("recover"))
        answer = phone.post(e.at("recover"), {"code": typed})
        assert (answer.status, answer.location) == (303, e.at("organise"))
        assert phone.get(e.at("organise")).status == 200
    assert e.recovery.replace("-", "") not in str(e.events).replace("-", "")


def test_the_recovery_code_is_shown_once_and_a_new_one_ends_the_old_one(house: House) -> None:
    e = house.evening()
    shown = e.host.get(e.at("created"))
    assert (shown.status, shown.location) == (303, e.at("organise"))
    answer = e.host.post(e.at("organise"), {"do": "new-recovery"})
    assert (answer.status, answer.location) == (303, e.at("created"))
    new = e.host.get(e.at("created")).page.all(cls="recovery")[0].text
    assert e.host.get(e.at("created")).status == 303
    assert new != e.recovery
    phone = house.phone()
    phone.get(e.at("recover"))
    assert phone.post(e.at("recover"), {"code": e.recovery}).status == 403
    assert phone.post(e.at("recover"), {"code": new}).status == 303


def test_closing_a_tab_or_browser_loses_no_controls_in_any_phase(house: House) -> None:
    e = house.evening(limit=2)
    moments: list[Callable[[], Any]] = [
        lambda: None,
        lambda: e.filled(1),
        lambda: e.pick(e.guest("Max"), 5),
        lambda: e.act("draw", attempt=1),
        lambda: e.act("skip"),
        lambda: e.act("close"),
    ]
    buttons = ["lock", "rename", "draw", "skip", "restart", "reopen"]
    for moment, button in zip(moments, buttons, strict=True):
        moment()
        for phone in (e.host.copy(), another_host(e)):
            page = phone.get(e.at("organise")).page
            assert button in [b.attrs.get("value") for b in page.all("button")], button
        assert "Tournament evening" not in page.all("h1")[0].text


def test_every_cookie_is_kept_from_scripts_and_from_foreign_pages(house: House) -> None:
    e = house.evening()
    phone = house.phone()
    answers = [
        phone.get(e.at("join")),
        phone.post(e.at("join"), {"first": "Ola", "last": "Nowak"}),
        phone.get(organiser_link(e)),
        phone.post(organiser_link(e), {}),
        phone.get("/"),
    ]
    cookies = [cookie for answer in answers for cookie in answer.cookies]
    assert {cookie.key for cookie in cookies} == {"lct", "lct_player", "lct_organiser"}
    for cookie in cookies:
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert not cookie["domain"]
        assert not cookie["secure"]  # a plain home network
        assert cookie["path"] == ("/" if cookie.key == "lct" else e.at())


def behind_tls(settings: Settings, public_url: str) -> Settings:
    return replace(settings, secure_cookies=True, trusted_proxies=1, public_url=public_url)


@pytest.mark.parametrize(
    ("prefix", "session"),
    [("", "__Host-lct"), ("/fifa", "__Secure-lct")],
    ids=["at the root", "below a prefix"],
)
def test_cookies_behind_tls_have_the_prefixes_that_browsers_enforce(
    settings: Settings, prefix: str, session: str
) -> None:
    """The name prefixes allow https only and, with __Host-, no other host."""
    with app_here(behind_tls(settings, f"https://cup.example{prefix}")) as app:
        client = app.test_client()
        e = Visit(client, {"X-Forwarded-Proto": "https"}, prefix, "https://cup.example")
        code = e.create_and_join()
        cookies = e.set_cookies
    where = f"{prefix}/t/{code}"
    assert cookies.keys() == {session, "__Secure-lct_player", "__Secure-lct_organiser"}
    for name, about in cookies.items():
        assert {"secure", "httponly", "samesite=lax"} <= about
        assert not [each for each in about if each.startswith("domain")]
        assert f"path={(prefix or '/') if name == session else where}".lower() in about


def test_a_cookie_without_its_prefix_is_ignored_behind_tls(settings: Settings) -> None:
    """Somebody on the network, or on a host beside ours, may have planted it."""
    with app_here(settings) as app:
        before = Visit(app.test_client())
        code = before.create_and_join()
        assert before.client.get(f"/t/{code}/me").status_code == 200
        assert before.client.get(f"/t/{code}/organise").status_code == 200
    with app_here(behind_tls(settings, "https://cup.example")) as app:
        client = app.test_client()
        client._cookies = before.client._cookies
        assert client.get(f"/t/{code}/me").status_code == 303
        assert client.get(f"/t/{code}/organise").status_code == 403
        assert client.get(f"/t/{code}/join").status_code == 200  # the session is ignored too


class Visit:
    """A browser on an app in this process; records the cookies that it is sent."""

    def __init__(
        self, client: Any, headers: Any = (), prefix: str = "", base: str = "http://localhost"
    ) -> None:
        self.client, self.headers, self.prefix = client, dict(headers), prefix
        self.base = base
        self.set_cookies: dict[str, set[str]] = {}

    def ask(self, path: str, **form: Any) -> Any:
        ask = self.client.post if form else self.client.get
        more = {"data": form} if form else {}
        headers = {**self.headers, "Referer": self.base}
        answer = ask(self.prefix + path, headers=headers, base_url=self.base, **more)
        for line in answer.headers.getlist("Set-Cookie"):
            pair, *about = line.split("; ")
            self.set_cookies[pair.partition("=")[0]] = {each.lower() for each in about}
        return answer

    def token(self, path: str) -> str:
        return TOKEN.search(self.ask(path).get_data(as_text=True))[1]  # type: ignore[index]

    def create_and_join(self) -> str:
        """Create a tournament and join it; return its code."""
        form = {"name": secrets.token_hex(4), "limit": "4", "source": "classic"}
        made = self.ask("/", csrf_token=self.token("/"), **form)
        code = str(made.location.removeprefix(self.prefix).split("/")[2])
        joined = self.ask(
            f"/t/{code}/join", csrf_token=self.token(f"/t/{code}/join"), first="O", last="N"
        )
        assert joined.status_code == 303
        return code


# --- guesses --------------------------------------------------------------------------------------


def guesses(count: int) -> list[str]:
    return [new_code(secrets.choice) for _ in range(count)]


def test_two_hundred_wrong_codes_from_one_address_are_stopped(house: House) -> None:
    e = house.evening()
    phone = house.phone()
    answers = [phone.get(f"/go?code={code}") for code in guesses(200)]
    stopped = [answer for answer in answers if answer.status == 429]
    assert {answer.status for answer in answers} == {404, 429}
    assert len(stopped) >= 200 - 2 * 60  # a minute may end meanwhile
    assert 1 <= int(stopped[-1].headers["Retry-After"]) <= 61
    assert "Try again in" in stopped[-1].page.text
    # A whole bar may share the address, so a right code still works.
    assert phone.get(f"/go?code={e.code}").location == e.at("join")
    e.guest("Ola")
    house.forget_limits()


@pytest.mark.parametrize("page", ["", "/join", "/me", "/organise", "/verify", "/host/x", "/live"])
def test_guessing_codes_is_stopped_on_every_page(house: House, page: str) -> None:
    house.forget_limits()
    phone = house.phone()
    statuses = set()
    for code in guesses(130):
        if page == "/live":
            statuses.add(status_of(phone, "GET", f"/t/{code}/live?view=board", {}))
        else:
            statuses.add(phone.get(f"/t/{code}{page}").status)
        if 429 in statuses:
            break
    assert statuses == {404, 429}
    house.forget_limits()


def test_guessing_by_joining_is_stopped_too(house: House, elsewhere: Elsewhere) -> None:
    house.forget_limits()
    phone = elsewhere.evening.visitor()
    statuses = set()
    for code in guesses(130):
        name = {"first": "Ola", "last": "Nowak"}
        statuses.add(phone.post(f"/t/{code}/join", name).status)
        if 429 in statuses:
            break
    assert statuses == {404, 429}
    house.forget_limits()


@pytest.mark.parametrize("door", ["recovery", "seat", "seat link", "host link"])
def test_guessing_keys_is_stopped_and_the_right_one_still_opens(house: House, door: str) -> None:
    e = house.evening()
    seat = e.guest("Ola").get(e.at("me")).page.all("b", cls="code-text")[0].text
    link = organiser_link(e)
    phone = e.visitor()

    def try_(wrong: bool) -> Answer:
        noise = guesses(1)[0]
        if door == "recovery":
            return phone.post(e.at("recover"), {"code": noise if wrong else e.recovery})
        if door == "seat":
            return phone.post(e.at("back"), {"code": noise if wrong else seat})
        if door == "seat link":
            return phone.get(e.at(f"seat/{noise if wrong else seat.replace('-', '')}"))
        return phone.post(e.at(f"host/{noise}") if wrong else link, {})

    answers = [try_(wrong=True) for _ in range(45)]
    assert 429 in {answer.status for answer in answers}
    assert all(int(a.headers["Retry-After"]) <= 61 for a in answers if a.status == 429)
    assert not [name for _, name in phone.cookies if name != "lct"]
    right = try_(wrong=False)
    assert right.status == 303
    assert [name for _, name in phone.cookies if name != "lct"]
    house.forget_limits()


def test_a_forwarded_address_does_not_get_around_the_limits(house: House) -> None:
    house.forget_limits()
    phone = house.phone()
    statuses = set()
    for number, code in enumerate(guesses(130)):
        sent = {"X-Forwarded-For": f"10.0.0.{number}", "X-Real-IP": f"10.0.0.{number}"}
        statuses.add(phone.get(f"/t/{code}", headers=sent).status)
        if 429 in statuses:
            break
    assert statuses == {404, 429}
    house.forget_limits()


def test_creating_many_tournaments_is_stopped(house: House) -> None:
    house.forget_limits()
    host = house.phone()
    host.get("/")
    answers = []
    for _ in range(65):
        form = {"name": secrets.token_hex(8), "limit": "2", "source": "classic"}
        answers.append(host.post("/", form))
    assert {answer.status for answer in answers} == {303, 429}
    house.forget_limits()
