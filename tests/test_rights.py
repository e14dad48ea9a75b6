"""Who may do what: every route for everyone, forged requests, guesses, and lost devices."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from http.client import HTTPConnection
from typing import Any, NamedTuple

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from lct.config import Settings
from lct.domain.values import new_code

from .http_client import Answer, Evening, House, Phone, app_here

ROLES = ("anyone", "player", "player elsewhere", "host", "host elsewhere", "revoked device")


# --- every route, everyone ------------------------------------------------------------------------


class Row(NamedTuple):
    """What the roles get, in the order of ROLES; the path may name a player, code and seat."""

    path: str
    statuses: tuple[int, ...]
    form: dict[str, str] = {}  # noqa: RUF012 - read only


ALL_200, ALL_303, ALL_403, ALL_409 = (200,) * 6, (303,) * 6, (403,) * 6, (409,) * 6
PLAYER_303 = (403, 303, 403, 403, 403, 403)
HOST_200, HOST_303 = (403, 403, 403, 200, 403, 403), (403, 403, 403, 303, 403, 403)

TABLE = {
    ("GET", "/"): Row("/", ALL_200),
    ("POST", "/"): Row("/", ALL_303, {"name": "{random}", "limit": "4", "source": "classic"}),
    ("GET", "/go"): Row("/go?code={code}", ALL_303),
    ("GET", "/metrics"): Row("/metrics", (404,) * 6),  # no token is set: tests/test_metrics.py
    ("GET", "/liveness"): Row("/liveness", ALL_200),
    ("GET", "/readiness"): Row("/readiness", ALL_200),
    ("GET", "/static/<path:filename>"): Row("/static/app.css", ALL_200),
    ("GET", "/swagger/index.html"): Row("/swagger/index.html", ALL_200),
    ("GET", "/swagger/openapi.json"): Row("/swagger/openapi.json", ALL_200),
    ("GET", "/t/<code>"): Row("/t/{code}", ALL_200),
    ("GET", "/t/<code>/back"): Row("/t/{code}/back", ALL_200),
    ("POST", "/t/<code>/back"): Row("/t/{code}/back", ALL_303, {"code": "{seat}"}),
    ("GET", "/t/<code>/created"): Row("/t/{code}/created", HOST_303),
    ("GET", "/t/<code>/draw.json"): Row("/t/{code}/draw.json", ALL_409),
    ("GET", "/t/<code>/history"): Row("/t/{code}/history", HOST_200),
    ("GET", "/t/<code>/history.jsonl"): Row("/t/{code}/history.jsonl", HOST_200),
    ("GET", "/t/<code>/host/<key>"): Row("/t/{code}/host/{random}", ALL_303),
    ("GET", "/t/<code>/join"): Row("/t/{code}/join", (200, 303, 200, 200, 200, 200)),
    ("POST", "/t/<code>/join"): Row(
        "/t/{code}/join", ALL_303, {"first": "{random}", "last": "Nowak"}
    ),
    ("GET", "/t/<code>/events"): Row(
        "/t/{code}/events?view=organise", (403, 403, 403, 200, 403, 403)
    ),
    ("GET", "/t/<code>/now"): Row("/t/{code}/now?view=organise", HOST_200),
    ("POST", "/t/<code>/look"): Row("/t/{code}/look", (403, 204, 403, 403, 403, 403)),
    ("POST", "/t/<code>/let-go"): Row("/t/{code}/let-go", PLAYER_303),
    ("GET", "/t/<code>/live"): Row("/t/{code}/live?view=organise", (403, 403, 403, 101, 403, 403)),
    ("GET", "/t/<code>/me"): Row("/t/{code}/me", (303, 200, 303, 303, 303, 303)),
    ("POST", "/t/<code>/name"): Row(
        "/t/{code}/name", PLAYER_303, {"first": "Aleksandra", "last": "Nowak"}
    ),
    ("GET", "/t/<code>/organise"): Row("/t/{code}/organise", HOST_200),
    ("POST", "/t/<code>/organise"): Row("/t/{code}/organise", HOST_303, {"do": "lock"}),
    ("GET", "/t/<code>/pick-for"): Row("/t/{code}/pick-for?player={player}", HOST_200),
    ("POST", "/t/<code>/pick-for"): Row(
        "/t/{code}/pick-for", HOST_303, {"player": "{player}", "team": "1"}
    ),
    ("GET", "/t/<code>/recover"): Row("/t/{code}/recover", ALL_200),
    ("POST", "/t/<code>/recover"): Row("/t/{code}/recover", ALL_403, {"code": "{random}"}),
    ("GET", "/t/<code>/seat/<seat>"): Row("/t/{code}/seat/BBBBBBBB", ALL_303),
    ("POST", "/t/<code>/team"): Row("/t/{code}/team", PLAYER_303, {"team": "2"}),
    ("GET", "/t/<code>/verify"): Row("/t/{code}/verify", ALL_200),
}


@pytest.fixture(scope="module")
def routes() -> set[tuple[str, str]]:
    """Every method and rule that the app serves, besides the API's (tests/test_api_rights.py)."""
    unused = Settings(mongo_uri="mongodb://127.0.0.1:1", redis_url="unix:///x", secret_key="x" * 16)
    with app_here(unused) as app:
        return {
            (method, rule.rule)
            for rule in app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
            if not rule.rule.startswith("/api/")
        }


def test_no_route_is_missing_from_the_table(routes: set[tuple[str, str]]) -> None:
    assert routes == TABLE.keys()


class Elsewhere(NamedTuple):
    """Another tournament and somebody who plays in it."""

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
    return answer


def everybody(house: House, e: Evening, other: Elsewhere) -> dict[str, Phone]:
    """A phone for each role, each with a token of its own session."""
    people = {
        "anyone": house.phone(),
        "player": e.guest("Ola"),
        "player elsewhere": other.player.copy(),
        "host": e.host,
        "host elsewhere": other.evening.host.copy(),
        "revoked device": another_host(e),
    }
    revoke_newest(e)
    for phone in people.values():
        phone.get(e.at("recover"))
    return people


@pytest.fixture(scope="module")
def elsewhere(house: House) -> Elsewhere:
    evening = house.evening()
    return Elsewhere(evening, evening.guest("Eve"))


@pytest.mark.parametrize(("method", "rule"), TABLE, ids=lambda part: part)
def test_a_route_answers_everyone_as_agreed(
    house: House, elsewhere: Elsewhere, method: str, rule: str
) -> None:
    e = house.evening(limit=8)
    people = everybody(house, e, elsewhere)
    links = people["player"].get(e.at("me")).page.all("b", cls="code-text")
    known = {"code": e.code, "player": e.player("Ola"), "seat": links[0].text}
    row = TABLE[method, rule]
    got = []
    for phone in people.values():
        known["random"] = secrets.token_hex(8)
        form = {name: value.format(**known) for name, value in row.form.items()}
        path = row.path.format(**known)
        got.append(status_of(phone, method, path, form))
    assert dict(zip(ROLES, got, strict=True)) == dict(zip(ROLES, row.statuses, strict=True))


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


@pytest.mark.parametrize(
    "do",
    ["rename", "limit", "close-list", "lock", "unlock", "draw", "skip", "restart", "close",
     "reopen", "remove", "block", "unblock", "rename-player", "revoke", "new-recovery", "nonsense"],
)  # fmt: skip
def test_no_action_of_the_host_is_open_to_anybody_else(
    house: House, elsewhere: Elsewhere, do: str
) -> None:
    e = house.evening()
    people = everybody(house, e, elsewhere)
    device = e.facts("tournament-created")[0]["device_id"]
    form = {"do": do, "player": e.player("Ola"), "name": "X", "limit": "5", "attempt": "1"}
    before = len(e.events)
    for role, phone in people.items():
        for htmx in (True, False):
            if role != "host":
                answer = phone.post(e.at("organise"), {**form, "device": device}, htmx=htmx)
                assert answer.status == 403, role
                assert "Only the host can do that" in answer.page.text
    assert len(e.events) == before


# --- forged requests ------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", sorted(rule for method, rule in TABLE if method == "POST"))
@pytest.mark.parametrize("token", ["none", "nonsense", "a stranger's"])
def test_a_post_without_the_pages_own_token_changes_nothing(
    house: House, elsewhere: Elsewhere, rule: str, token: str
) -> None:
    e = elsewhere.evening
    known = {"code": e.code, "player": "x", "seat": "BBBBBBBB", "random": secrets.token_hex(8)}
    row = TABLE["POST", rule]
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
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1.evil.example",
     "http://evil.example/{host}", "http://{host}.evil.example", "http://x@{host}", "{host}",
     "http://[", "http://[{host}"],
)  # fmt: skip
@pytest.mark.parametrize("view", ["board", "organise"])
def test_a_socket_of_a_foreign_page_is_refused_before_the_upgrade(
    elsewhere: Elsewhere, origin: str, view: str
) -> None:
    e = elsewhere.evening
    sent = origin.format(host=e.house.url.removeprefix("http://"))
    with pytest.raises(InvalidStatus) as refused:
        e.host.open_socket(e.live(view), headers={"Origin": sent})
    assert refused.value.response.status_code == 403


def test_a_socket_of_the_own_page_is_accepted(elsewhere: Elsewhere) -> None:
    e = elsewhere.evening
    with e.host.live(e.live("organise"), headers={"Origin": e.house.url}) as screen:
        screen.take()


def test_a_cookie_that_was_changed_or_moved_is_worth_nothing(
    house: House, elsewhere: Elsewhere
) -> None:
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
    answer = other.get(link)
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


def test_a_revoked_device_is_out_at_its_next_request_and_the_link_is_a_new_one(
    house: House,
) -> None:
    e = house.evening()
    old_link = organiser_link(e)
    lost = house.phone(1)
    lost.get(old_link)
    assert lost.get(e.at("organise")).status == 200
    with lost.live(e.live("organise")) as screen:
        screen.take()
        revoke_newest(e)
        with pytest.raises(ConnectionClosed) as closed:
            screen.until(lambda s: False, 3)
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
    assert house.phone().get(new_link).location == e.at("organise")


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


def test_a_closed_tab_or_browser_loses_no_controls_in_any_phase(house: House) -> None:
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


def test_behind_tls_every_cookie_is_secure(settings: Settings) -> None:
    behind = replace(settings, secure_cookies=True, trusted_proxies=1)
    with app_here(behind) as app:
        answer = app.test_client().get("/", headers={"X-Forwarded-Proto": "https"})
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert "; Secure" in cookie
    assert "wss://" in answer.headers["Content-Security-Policy"]


# --- guesses --------------------------------------------------------------------------------------


def guesses(count: int) -> list[str]:
    return [new_code(secrets.choice) for _ in range(count)]


def test_five_hundred_wrong_codes_from_one_address_are_stopped(house: House) -> None:
    e = house.evening()
    phone = house.phone()
    answers = [phone.get(f"/go?code={code}") for code in guesses(500)]
    stopped = [answer for answer in answers if answer.status == 429]
    assert {answer.status for answer in answers} == {404, 429}
    assert len(stopped) >= 500 - 2 * 60  # a minute may end meanwhile
    assert 1 <= int(stopped[-1].headers["Retry-After"]) <= 61
    assert "Try again in" in stopped[-1].page.text
    # A whole bar may share the address: whoever has a right code still comes in.
    assert phone.get(f"/go?code={e.code}").location == e.at("join")
    e.guest("Ola")
    house.forget_limits()


@pytest.mark.parametrize("page", ["", "/join", "/me", "/organise", "/verify", "/host/x", "/live"])
def test_guessing_is_stopped_at_every_door(house: House, page: str) -> None:
    house.forget_limits()
    phone = house.phone()
    statuses = set()
    for code in guesses(130):
        if page == "/live":
            statuses.add(status_of(phone, "GET", f"/t/{code}/live?view=board", {}))
        else:
            statuses.add(phone.get(f"/t/{code}{page}").status)
    assert statuses == {404, 429}
    house.forget_limits()


def test_guessing_by_joining_is_stopped_too(house: House, elsewhere: Elsewhere) -> None:
    house.forget_limits()
    phone = elsewhere.evening.visitor()
    statuses = set()
    for code in guesses(130):
        name = {"first": "Ola", "last": "Nowak"}
        statuses.add(phone.post(f"/t/{code}/join", name).status)
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
        return phone.get(e.at(f"host/{noise}") if wrong else link)

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
