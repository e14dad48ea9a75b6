"""Rate limits: whose requests are counted, what a refusal says, and that none can be evaded."""

from __future__ import annotations

import json
import re
import secrets
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from lct.domain.errors import TooMany
from lct.domain.values import CODE_ALPHABET, new_code
from lct.infrastructure.limiter import LIMITS, Limiter
from lct.web.limits import counted

from .api_client import ApiEvening, good, press, served, settings_for
from .http_client import Answer, Evening, House, Phone, open_house
from .support import wait_until

pytestmark = pytest.mark.usefixtures("uncounted")

ME = "127.0.0.1"


def fill(house: House, name: str, who: str = ME) -> None:
    """Use up a limit, as if by many requests."""
    limiter = Limiter(house.settings.redis_url)
    limiter._strategy.hit(LIMITS[name], name, who, cost=LIMITS[name].amount)
    with pytest.raises(TooMany):
        limiter.hit(name, who)


# Limits counted in the background, after the request was let through.
LATER = {"call", "page", "tap", "taps"}


def refused(send: Callable[[], Answer]) -> None:
    """Send it until it is refused. Limits counted in the background take a moment."""
    wait_until(lambda: send().status == 429, 5)


def test_background_counting_loses_no_attempt_and_refuses_soon(house: House) -> None:
    limiter, other = (Limiter(house.settings.redis_url) for _ in range(2))
    for _ in range(LIMITS["tap"].amount):
        limiter.count("tap", "p-Ola")
    key = "LIMITS:LIMITER/tap/p-Ola/*"
    count = lambda: sum(int(house.redis.get(k) or 0) for k in house.redis.scan_iter(key))  # noqa: E731
    wait_until(lambda: count() == LIMITS["tap"].amount, 2)
    other.count("tap", "p-Ola")  # one too many, through another worker

    def is_refused() -> bool:
        try:
            other.count("tap", "p-Ola")
        except TooMany as refusal:
            return 1 <= refusal.retry_after <= 61
        return False

    wait_until(is_refused, 2)
    other.count("tap", "p-Max")
    house.forget_limits()
    other.count("tap", "p-Ola")


def test_counting_continues_after_an_unexpected_error(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    limiter = Limiter(house.settings.redis_url)
    count, defects = limiter._count_in_redis, [ValueError]

    def failing_once(counts: Any) -> None:
        if defects:
            raise defects.pop()
        count(counts)

    monkeypatch.setattr(limiter, "_count_in_redis", failing_once)
    limiter.count("tap", "p-Zoe")
    wait_until(lambda: not defects)
    limiter.count("tap", "p-Zoe")
    wait_until(lambda: list(house.redis.scan_iter("LIMITS:LIMITER/tap/p-Zoe/*")))


# --- every limit, in each of the three forms ------------------------------------------------------


def told_to_wait(answer: Answer, form: str) -> None:
    """Assert a 429 that says how long to wait, to programs and to people."""
    assert answer.status == 429, (answer.path, form)
    seconds = answer.headers["Retry-After"]
    assert 1 <= int(seconds) <= 61
    if form == "problem":
        problem = json.loads(answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert (problem["type"], problem["status"]) == ("urn:lct:problem:too-many", 429)
        said = problem["detail"]
    elif form == "fragment":
        assert [child.id for child in answer.page.walk() if child.id] == ["notice"]
        said = answer.page.by_id("notice").text
    else:
        said = answer.page.all("h1")[0].text
        assert f"Try again in {seconds} s." in answer.page.all(cls="aside")[0].text
    assert f"Try again in {seconds} s." in said


def call(phone: Phone, path: str, body: Any, token: str = "") -> Answer:
    sent = {"Content-Type": "application/json", "Authorization": f"Bearer {token}" if token else ""}
    return phone.request("POST", path, json.dumps(body).encode(), sent)


class People:
    """A host, a player on a phone, and the same rights for programs."""

    def __init__(self, e: Evening) -> None:
        self.e, self.ola = e, e.guest("Ola")
        self.ola_id = e.player("Ola")
        self.device = e.facts("tournament-created")[0]["device_id"]
        self.api = f"/api/v1/tournaments/{e.code}"
        answer = call(e.visitor(), f"{self.api}/devices", {"recovery_code": e.recovery})
        self.program = json.loads(answer.text)
        answer = call(e.visitor(), f"{self.api}/players", {"first": "Max", "last": "Nowak"})
        self.max = json.loads(answer.text)
        self.known = {
            "t": e.at(),
            "api": self.api,
            "player": self.ola_id,
            "device": self.program["device_id"],
        }

    def run(self, path: str, body: Any = None) -> Answer:
        """A call by the host's program."""
        return call(self.e.visitor(), f"{self.api}/{path}", body, self.program["organiser_key"])

    def max_picks(self, team: int) -> Answer:
        path = f"{self.api}/players/{self.max['player_id']}/team"
        return call(self.e.visitor(), path, {"team": team}, self.max["token"])


@pytest.fixture(scope="module")
def people(house: House) -> People:
    return People(house.evening(limit=8))


CODE = new_code(secrets.choice)
NEW = {"name": "Too many", "limit": 2}
NAME = {"first": "Eve", "last": "Nowak"}

# (limit, who is counted, caller, path, what is sent), for the pages and for the API.
PAGES = (
    ("create", ME, "visitor", "/", {}),
    ("join", ME, "visitor", "{t}/join", NAME),
    ("look", "{player}", "player", "{t}/look", {"team": "1"}),
    ("sleep", "{player}", "player", "{t}/look", {"asleep": "true"}),
    ("page", ME, "player", "{t}/let-go", {}),
    ("tap", "{player}", "player", "{t}/team", {"team": "1"}),
    ("taps", ME, "player", "{t}/let-go", {}),
    ("wrong-code", ME, "visitor", f"/t/{CODE}/join", NAME),
    ("wrong-key", ME, "visitor", "{t}/recover", {"code": "x"}),
)
CALLS = (
    ("call", ME, "program", "{api}/lock", None),
    ("create", ME, "", "/api/v1/tournaments", NEW),
    ("join", ME, "", "{api}/players", NAME),
    ("tap", "{device}", "program", "{api}/lock", None),
    ("taps", ME, "program", "{api}/lock", None),
    ("wrong-code", ME, "", f"/api/v1/tournaments/{CODE}/players", NAME),
    ("wrong-key", ME, "", "{api}/devices", {"link_key": "x"}),
)
# Tested in tests/test_passphrase.py, and below.
ELSEWHERE = {"passphrase", "guess"}


def test_every_limit_is_tested_and_documented() -> None:
    assert {row[0] for row in (*PAGES, *CALLS)} | ELSEWHERE == LIMITS.keys()
    page = Path("docs/security.md").read_text(encoding="utf-8")
    written = dict(re.findall(r"(?m)^\| `([a-z-]+)` \| ([\d,]+ a \w+) \|", page))
    assert written == {
        name: f"{limit.amount:,} a {limit.GRANULARITY.name}" for name, limit in LIMITS.items()
    }


@pytest.mark.parametrize("form", ["page", "fragment"])
@pytest.mark.parametrize("row", PAGES, ids=lambda row: row[0])
def test_a_person_is_told_how_long_to_wait(
    house: House, people: People, row: tuple[str, str, str, str, dict[str, str]], form: str
) -> None:
    name, who, caller, path, fields = row
    phone = people.ola.copy(0) if caller == "player" else people.e.visitor(0)
    fill(house, name, who.format(**people.known))

    def send() -> Answer:
        return phone.post(path.format(**people.known), fields, htmx=form == "fragment")

    if name in LATER:
        refused(send)
    before = len(people.e.events)
    told_to_wait(send(), form)
    assert len(people.e.events) == before


@pytest.mark.parametrize("row", CALLS, ids=lambda row: row[0])
def test_a_program_is_told_how_long_to_wait(
    house: House, people: People, row: tuple[str, str, str, str, Any]
) -> None:
    name, who, caller, path, body = row
    fill(house, name, who.format(**people.known))
    token = people.program["organiser_key"] if caller else ""

    def send() -> Answer:
        return call(house.phone(0), path.format(**people.known), body, token)

    if name in LATER:
        refused(send)
    before = len(people.e.events)
    told_to_wait(send(), "problem")
    assert len(people.e.events) == before


@pytest.mark.parametrize("door", ["phone", "host", "for them", "program", "player's program"])
def test_the_taps_of_each_caller_are_limited_separately(
    house: House, people: People, door: str
) -> None:
    e, version = people.e, people.e.version
    ola, for_ola = people.ola, {"player": people.ola_id, "team": "2"}
    doors: dict[str, tuple[str, Callable[[], Answer], Callable[[], Answer]]] = {
        "phone": (people.ola_id, lambda: e.pick(ola, 1), lambda: e.act("lock")),
        "host": (people.device, lambda: e.act("lock", version=version), lambda: e.pick(ola, 1)),
        "for them": (
            people.device,
            lambda: e.host.post(e.at("pick-for"), for_ola),
            lambda: e.pick(ola, 1),
        ),
        "program": (
            people.program["device_id"],
            lambda: people.run("unlock"),
            lambda: e.act("unlock"),
        ),
        "player's program": (
            people.max["player_id"],
            lambda: people.max_picks(3),
            lambda: e.act("unlock"),
        ),
    }
    who, one, other = doors[door]
    fill(house, "tap", who)
    refused(one)
    assert other().status in (200, 303)
    house.forget_limits()
    assert one().status in (200, 303)


def test_renaming_counts_against_the_limit_for_creating(house: House, people: People) -> None:
    """A refused name reveals that an open tournament has it."""
    e = people.e
    fill(house, "create")
    assert e.act("rename", name="Another cup").status == 429
    assert e.act("reopen", name="Another cup").status == 429
    answer = call(
        e.visitor(), f"{people.api}/rename", {"name": "A"}, people.program["organiser_key"]
    )
    assert answer.status == 429
    assert e.act("lock").status == 200


# --- which address is counted ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "who"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:50123", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("[::ffff:192.0.2.7]:443", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("[2001:db8:1:2::9]:50123", "2001:db8:1:2::"),
        ("[2001:db8:1:2::9]", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("fe80::1%eth0", "fe80::"),
        ("::1", "::"),
        ("unknown", "unknown"),
        ("_hidden", "_hidden"),
        ("", ""),
        ("x" * 500, "x" * 64),
    ],
)  # fmt: skip
def test_an_address_is_counted_without_its_port_and_ipv6_by_its_network(
    given: str, who: str
) -> None:
    assert counted(given) == who


@pytest.fixture(scope="module")
def behind_a_proxy(servers: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(
        servers, tmp_path_factory.mktemp("proxied"), trusted_proxies=1, workers=1
    ) as made:
        yield made


def counts(house: House, name: str) -> dict[str, int]:
    """Address -> how often this limit has counted it."""
    found = {}
    for key in house.redis.scan_iter(f"LIMITS*/{name}/*"):
        who = re.fullmatch(rf"LIMITS:LIMITER/{name}/(.*)/\d+/\d+/\w+", key.decode())
        assert who, key
        found[who[1]] = int(house.redis.get(key) or 0)
    return found


FORGED = {
    "X-Forwarded-For": ["203.0.113.{n}"],
    "many hops": ["203.0.113.{n}, 198.51.100.{n}, 10.0.0.{n}"],
    "lower case": ["x-forwarded-for: 203.0.113.{n}"],
    "twice": ["203.0.113.{n}", "203.0.114.{n}"],
    "underscores": ["X_Forwarded_For: 203.0.113.{n}"],
    "IPv6": ["2001:db8:{n}::1"],
    "IPv6 and port": ["[2001:db8:{n}::1]:{n}"],
    "port": ["203.0.113.{n}:{n}"],
    "Forwarded": ["Forwarded: for=203.0.113.{n};proto=https;host=evil.example"],
    "X-Real-IP": ["X-Real-IP: 203.0.113.{n}"],
    "others": ["True-Client-IP: 203.0.113.{n}", "CF-Connecting-IP: 203.0.113.{n}",
               "X-Client-IP: 203.0.113.{n}", "X-Cluster-Client-IP: 203.0.113.{n}"],
    "empty": [""],
    "commas": [",,203.0.113.{n}"],
}  # fmt: skip


def ask(house: House, lines: list[str]) -> int:
    """The status of a request for an unknown code, with exactly these header lines."""
    named = [
        line if re.match(r"[A-Za-z_-]+: ", line) else f"X-Forwarded-For: {line}" for line in lines
    ]
    head = [f"GET /t/{new_code(secrets.choice)} HTTP/1.1", "Host: x", "Connection: close", *named]
    with socket.create_connection((house.host, house.port), 10) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        return int(connection.makefile("rb").readline().split()[1])


@pytest.mark.parametrize("header", FORGED)
def test_without_a_proxy_forged_headers_do_not_change_who_is_counted(
    house: House, header: str
) -> None:
    for n in range(1, 5):
        assert ask(house, [line.format(n=n) for line in FORGED[header]]) == 404
    assert counts(house, "wrong-code") == {ME: 4}


@pytest.mark.parametrize("header", FORGED)
def test_behind_one_proxy_only_its_own_entry_decides_who_is_counted(
    behind_a_proxy: House, header: str
) -> None:
    """The proxy appends the address that it sees, to the given line or as another one."""
    for n in range(1, 5):
        lines = [line.format(n=n) for line in FORGED[header]]
        assert ask(behind_a_proxy, [*lines, "X-Forwarded-For: 192.0.2.7"]) == 404
        if header in ("X-Forwarded-For", "many hops", "IPv6", "port", "empty", "commas"):
            assert ask(behind_a_proxy, [f"{lines[0]}, 192.0.2.7:{5000 + n}"]) == 404
    assert counts(behind_a_proxy, "wrong-code").keys() == {"192.0.2.7"}


def test_guests_behind_one_proxy_are_counted_separately(behind_a_proxy: House) -> None:
    for n in (7, 8):
        for _ in range(n):
            assert ask(behind_a_proxy, [f"192.0.2.{n}"]) == 404
    assert counts(behind_a_proxy, "wrong-code") == {"192.0.2.7": 7, "192.0.2.8": 8}


def test_addresses_of_one_ipv6_network_are_counted_together(
    behind_a_proxy: House,
) -> None:
    sent = [f"2001:db8:1:2:{n:x}::{n:x}" for n in range(1, 100)]
    statuses = [ask(behind_a_proxy, [address]) for address in sent]
    assert statuses == [404] * 60 + [429] * 39
    assert ask(behind_a_proxy, ["2001:db8:1:3::1"]) == 404


# --- guessing -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def app(servers: Any) -> Iterator[Flask]:
    with served(settings_for(servers)) as made:
        yield made


def from_(app: Flask, address: str, path: str, **sent: Any) -> Any:
    client = sent.pop("client", None) or app.test_client()
    return client.get(path, environ_base={"REMOTE_ADDR": address}, **sent)


def test_a_guesser_over_the_limit_is_refused_even_for_a_right_code(app: Flask) -> None:
    """Otherwise a 429 would tell a wrong code from a right one, as a 404 does."""
    e = ApiEvening(app)
    thief, other = "192.0.2.1", "192.0.2.2"
    statuses = [from_(app, thief, f"/go?code={new_code(secrets.choice)}").status_code
                for _ in range(LIMITS["guess"].amount + 1)]  # fmt: skip
    assert statuses[:60] == [404] * 60
    assert set(statuses[60:]) == {429}
    for path in (f"/go?code={e.code}", f"/t/{e.code}", f"/t/{e.code}/join", e.at()):
        assert from_(app, thief, path).status_code == 429, path
        assert from_(app, other, path).status_code in (200, 303), path


def test_players_and_hosts_carry_on_while_a_neighbour_guesses(app: Flask) -> None:
    e = ApiEvening(app)
    bar = "192.0.2.3"
    player_id = e.join("Ola")
    host = app.test_client()
    press(host, e.created["organiser_url"].partition("cup.example")[2])
    guest = app.test_client()
    seat = good(e.players[player_id].get(e.at(f"/players/{player_id}/seat")))["seat_code"]
    guest.get(f"/t/{e.code}/seat/{seat}")
    for _ in range(LIMITS["guess"].amount + 1):
        from_(app, bar, f"/t/{new_code(secrets.choice)}/join")
    assert from_(app, bar, f"/t/{e.code}/join").status_code == 429
    assert from_(app, bar, f"/t/{e.code}/me", client=guest).status_code == 200
    assert from_(app, bar, f"/t/{e.code}/organise", client=host).status_code == 200
    token = {"Authorization": f"Bearer {e.players[player_id].token}"}
    assert from_(app, bar, e.at(f"/players/{player_id}/seat"), headers=token).status_code == 200
    # A seat in one evening gives no access to another.
    elsewhere = ApiEvening(app)
    assert from_(app, bar, f"/t/{elsewhere.code}", client=guest).status_code == 429
    # A seat does not permit guessing keys.
    assert from_(app, bar, f"/t/{e.code}/host/x", client=guest).status_code == 429


def test_there_are_too_many_codes_to_guess() -> None:
    """The arithmetic of docs/security.md."""
    codes = len(CODE_ALPHABET) ** 8
    a_year = LIMITS["guess"].amount * 60 * 24 * 365
    assert len({new_code(secrets.choice) for _ in range(1000)}) == 1000
    assert codes / 1000 / a_year > 0.8  # years, to find one of a thousand evenings
    assert codes / 30 / a_year > 29  # to find one of thirty seats of a known evening


def test_no_address_lists_evenings(app: Flask) -> None:
    """No page that needs no code names an existing evening."""
    e = ApiEvening(app)
    name = good(e.anyone.get(e.at()))["name"]
    for rule in app.url_map.iter_rules():
        if rule.arguments or "GET" not in (rule.methods or set()):
            continue
        answer = app.test_client().get(rule.rule)
        told = answer.get_data(as_text=True)
        assert e.code not in told, rule.rule
        assert name not in told, rule.rule
