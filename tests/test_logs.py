"""The log of a whole evening at DEBUG: it is ECS, has request ids, and has nothing private.

The bus and the store are killed at the end, so the log also has lines about failures.
"""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ecs_logging
import gevent
import pytest

from lct.config import Settings
from lct.infrastructure.observability import Lines
from lct.laptop.local_servers import start_bus, start_store
from lct.this_request import request_id
from lct.web.identity import derived, organiser_key, seat_code

from .conftest import Servers, redis_database
from .http_client import Evening, House, Phone, app_here, open_house
from .support import clean_environ, wait_until

ROOT = Path(__file__).parent.parent
ECS = json.loads((ROOT / "kube/observability/ecs-fields.json").read_text())
EVERYWHERE = {
    "@timestamp", "ecs.version", "event.dataset", "host.hostname", "log.level", "log.logger",
    "message", "process.pid", "service.environment", "service.name",
}  # fmt: skip
NAMES = ("Quetzalina", "Xylander", "Wolfhelm", "Yggdrasil", "Bartholomäa", "Oßwaldt")
TEAMS = ("Zbrojovka Wawrzyn", "Løvenkrands", "Kirchturmkicker", "Nachtwächter")
CUPS = ("Zugspitzpokal", "Mondscheinkelch")
TAP, SCREEN, STREAM = "tap-of-a-dead-bus", "screen-of-a-player", "stream-of-the-board"


@dataclass
class Log:
    text: str
    private: dict[str, tuple[str, ...]]
    evening: Evening

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines() if line.startswith("{")]

    def of(self, message: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["message"] == message]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    folder = tmp_path_factory.mktemp("logs")
    store, bus = start_store(folder), start_bus(folder)
    try:
        for server in (store, bus):
            server.wait_ready()
        servers = Servers(store.uri, redis_database(bus.uri, 9))
        with open_house(servers, folder, log_level="DEBUG", workers=1) as house:
            e = house.evening(limit=3, name=CUPS[0], teams=list(TEAMS))
            private = whole_evening(house, e)
            bus.kill()
            ola = e.guests[-1]
            e.pick(ola, 3, headers={"X-Request-ID": TAP})
            wait_until(lambda: "bus publish failed" in house.log() and "bus lost" in house.log())
            store.kill()
            e.pick(ola, 2)
            house.phone().get(e.at())
            house.phone().get("/readiness")
            time.sleep(0.2)
            store.start()  # the house drops its database at the end
            store.wait_ready()
            bus.start()
            bus.wait_ready()
            house.server.terminate()
            yield Log(house.log(), private, e)
    finally:
        store.stop()
        bus.stop()


def whole_evening(house: House, e: Any) -> dict[str, tuple[str, ...]]:
    """Everything that people do, with names, keys and codes that are easy to search for."""
    with app_here(house.settings) as app, app.app_context():
        keys = organiser_key(e.code, 1), derived("organiser", e.code, 2).hex()[:32]
    phones = [e.guest(*NAMES[i : i + 2]) for i in (0, 2, 4)]
    ids = [e.player(*NAMES[i : i + 2]) for i in (0, 2, 4)]
    with app_here(house.settings) as app, app.app_context():
        seats = [
            seat_code(app.extensions["lct"].store.read(e.code).tournament, player_id)
            for player_id in ids
        ]
    ola, max_, _ = phones
    visitor = e.visitor()
    for address in (f"host/{keys[0]}", f"host/{keys[1]}", f"seat/{seats[0]}", f"seat/{seats[0]}x"):
        for path in (address, f"{address}/", f"{address}/more", f"{address}?again={address}"):
            visitor.get(e.at(path))
        visitor.request("POST", e.at(address))
    for secret in (f"host/{keys[0]}", f"seat/{seats[0]}"):
        visitor.get(e.at(), headers={"Referer": f"{house.url}{e.at(secret)}"})
        visitor.get(e.at("nothing"), headers={"Referer": f"{house.url}{e.at(secret)}"})
    visitor.post(e.at("back"), {"code": seats[1]})
    visitor.post(e.at("back"), {"code": "BCDF-2345"})
    visitor.post(e.at("recover"), {"code": "BCDF-2345"})
    visitor.post(e.at("recover"), {"code": e.recovery})
    visitor.post(e.at("join"), {"first": NAMES[0] * 9, "last": NAMES[1]})
    visitor.post("/", {"name": CUPS[0], "limit": "x", "source": "pasted", "pasted": TEAMS[0]})
    visitor.get(f"/go?code={e.code}&name={NAMES[0]}")
    visitor.get(f"/{NAMES[2]}")
    visitor.get(f"/{seats[2]}")
    with ola.live(e.live("me"), headers={"X-Request-ID": SCREEN}) as screen:
        screen.take()
        for said in ('{"look": 1}', f'{{"look": "{NAMES[0]}"}}', NAMES[1], '{"asleep": true}'):
            screen.ws.send(said)
        e.pick(ola, 1)
        screen.ws.send(NAMES[0] * 200)
        screen.quiet(0.3)
    look_at_events(house.phone(), e)
    ola.get(e.at("now?view=me"))
    ola.post(e.at("look"), {"team": TEAMS[0]}, htmx=True)
    for team in (0, 1, 2) * 17:  # enough events for a snapshot
        e.pick(ola, team)
    e.pick(max_, 2)
    e.pick(max_, 0)
    ola.post(e.at("name"), {"first": NAMES[4], "last": NAMES[3]}, htmx=True)
    e.act("rename", name=CUPS[1])
    e.act("rename-player", player=ids[1], first=NAMES[0], last=NAMES[5])
    e.act("rename-player", player=ids[1], first="", last=NAMES[5])
    e.pick(phones[2], 3)
    e.act("draw", attempt=1)
    e.act("skip")
    for page in ("verify", "draw.json", "history", "history.jsonl", "organise", "me", ""):
        e.host.get(e.at(page))
    e.act("restart")
    e.act("revoke", device="nobody")
    e.guests = phones[1:]
    tokens = [phone.token for phone in (*phones, visitor, e.host)]
    cookies = [v for phone in (*phones, visitor, e.host) for v in phone.cookies.values()]
    values = [pick["value"] for pick in e.facts("team-picked")]
    secrets = [e.facts("tournament-created")[0]["secret"], e.facts("picks-restarted")[0]["secret"]]
    return {
        "a player's name": NAMES,
        "a team's name": TEAMS,
        "the tournament's name": CUPS,
        "the secret key": (house.settings.secret_key,),
        "an organiser's key": keys,
        "a personal code": tuple(x for s in seats for x in (s, s.lower(), f"{s[:4]}-{s[4:]}")),
        "the recovery code": (e.recovery, e.recovery.replace("-", "")),
        "a cookie": tuple(cookies),
        "a CSRF token": tuple(tokens),
        "a secret of the draw": tuple(secrets),
        "a random value of a pick": tuple(values),
    }


def look_at_events(phone: Phone, e: Evening) -> None:
    """Read the first bytes of the event stream, then disconnect."""
    connection = phone.connect()
    headers = {"X-Request-ID": STREAM}
    connection.request("GET", e.at("events?view=board"), headers=headers)
    answer = connection.getresponse()
    assert answer.status == 200
    answer.read1(100)
    answer.close()
    connection.close()


# --- ECS ------------------------------------------------------------------------------------------


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of every field in a line."""
    if not isinstance(value, dict):
        yield name, value
        return
    for key, inner in value.items():
        yield from leaves(inner, f"{name}.{key}" if name else key)


def is_a(value: Any, kind: str) -> bool:
    """Whether Elasticsearch would index the value in a field of that ECS type unchanged."""
    if kind.endswith("[]"):
        return isinstance(value, list) and all(is_a(each, kind[:-2]) for each in value)
    if kind == "long":
        return type(value) is int and -(2**63) <= value < 2**63
    if kind == "date":
        return isinstance(value, str) and bool(
            re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value)
        )
    return isinstance(value, str) and kind in ("keyword", "match_only_text", "wildcard")


def faults(line: dict[str, Any]) -> list[str]:
    """How a line breaks ECS."""
    found = [f"{name} is missing" for name in EVERYWHERE - {name for name, _ in leaves(line)}]
    for name, value in leaves(line):
        if name.startswith("labels."):
            if name.count(".") > 1 or not isinstance(value, str):
                found.append(f"{name} is not a flat keyword")
        elif name not in ECS["fields"]:
            found.append(f"{name} is not an ECS field")
        elif not is_a(value, ECS["fields"][name]):
            found.append(f"{name} is not a {ECS['fields'][name]}")
        elif name in ECS["values"] and value not in ECS["values"][name]:
            found.append(f"{name} may not be {value}")
    return found


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"elapsed_ms": 3}, "elapsed_ms is not an ECS field"),
        ({"http": {"request": {"uri": "/"}}}, "http.request.uri is not an ECS field"),
        ({"event": {"duration": 1.5, "dataset": "x"}}, "event.duration is not a long"),
        ({"event": {"duration": True, "dataset": "x"}}, "event.duration is not a long"),
        ({"event": {"outcome": "meh", "dataset": "x"}}, "event.outcome may not be meh"),
        ({"event": {"category": "web", "dataset": "x"}}, "event.category is not a keyword[]"),
        ({"labels": {"sockets": 3}}, "labels.sockets is not a flat keyword"),
        ({"labels": {"a": {"b": "c"}}}, "labels.a.b is not a flat keyword"),
        ({"@timestamp": "2026-11-25 19:00"}, "@timestamp is not a date"),
        ({"service": {"name": "lct"}}, "service.environment is missing"),
    ],
)
def test_a_line_that_is_not_ecs_is_found(change: dict[str, Any], fault: str) -> None:
    line = {
        "@timestamp": "2026-11-25T19:00:00.000Z", "message": "request", "log.level": "info",
        "ecs.version": "1.6.0", "event": {"dataset": "lct.access"}, "host": {"hostname": "pod"},
        "log": {"logger": "lct.access"}, "process": {"pid": 3},
        "service": {"name": "lct", "environment": "test"},
    }  # fmt: skip
    assert faults(line) == []
    assert faults(line | change) == [fault]


def test_every_line_is_valid_ecs(log: Log) -> None:
    assert len(log.lines) > 140
    wrong = [(faults(line), line) for line in log.lines if faults(line)]
    assert wrong == []


def test_nothing_but_json_is_written(log: Log) -> None:
    assert [line for line in log.text.splitlines() if line and not line.startswith("{")] == []
    assert {"lct.access", "lct.app", "lct.gunicorn"} <= {x["event"]["dataset"] for x in log.lines}


def test_the_logged_fields_are_the_documented_ones(log: Log) -> None:
    document = (ROOT / "docs/operations.md").read_text()
    rows = re.findall(r"(?m)^\| `([@\w.]+)` \| (date|keyword|long|text|wildcard) \|", document)
    for name, kind in rows:
        of_ecs = ECS["fields"].get(name, "keyword")
        assert kind == of_ecs.replace("match_only_text", "text")
    documented = {name for name, _ in rows}
    seen = {name for line in log.lines for name, _ in leaves(line)}
    assert seen - documented == set()
    source = "".join(path.read_text() for path in (ROOT / "lct").rglob("*.py"))
    never = {name for name in documented - seen if f'"{name}"' not in source}
    assert never <= {"error.message", "error.stack_trace"}  # only logged for a defect


# --- the request id -------------------------------------------------------------------------------


def ids(lines: list[dict[str, Any]]) -> set[str | None]:
    return {line.get("http", {}).get("request", {}).get("id") for line in lines}


def test_every_line_about_a_screen_carries_the_id_of_its_request(log: Log) -> None:
    mine = [line for line in log.lines if ids([line]) == {SCREEN}]
    told = [line["message"] for line in mine]
    assert (told[0], told[-1]) == ("screen opened", "screen closed")
    assert "websocket message malformed" in told
    assert "websocket frame too large" in told
    assert [line["message"] for line in log.lines if ids([line]) == {STREAM}] == [
        "screen opened",
        "screen closed",
    ]


def test_a_failed_bus_publish_is_logged_with_the_id_of_the_tap(log: Log) -> None:
    assert TAP in ids(log.of("bus publish failed"))
    assert ids(log.of("bus lost")) == {None}


def test_an_unavailable_store_is_logged_with_the_id_of_the_request(log: Log) -> None:
    asked = ids([x for x in log.lines if x["event"]["dataset"] == "lct.access"])
    # A room that was still open may have met the same, for no request.
    told = ids(log.of("store unavailable")) - {None}
    assert told
    assert told <= asked


def test_work_that_a_request_defers_carries_its_id(settings: Settings) -> None:
    with app_here(settings) as app:
        put_off: list[str | None] = []
        store = app.extensions["lct"].store
        with app.test_request_context("/", headers={"X-Request-ID": "put-it-off"}):
            app.preprocess_request()
            store._put_off(lambda: put_off.append(request_id.get()))
        assert not request_id.get()
        gevent.sleep(0.05)
    assert put_off == ["put-it-off"]


STRAYS = """
from gevent import monkey; monkey.patch_all()
import contextvars, logging, threading, warnings
import gevent
from lct.infrastructure.observability import configure_gunicorn, configure_logging
from lct.this_request import request_id
configure_logging("DEBUG", "test")
log = logging.getLogger("lct")
request_id.set("abcdefgh")
log.info("at once")
gevent.spawn(contextvars.copy_context().run, log.info, "put off")
gevent.spawn(log.info, "for nobody")
threading.Thread(target=log.info, args=("in a thread",)).start()
request_id.set("")
gevent.spawn(lambda: 1 / 0)
threading.Thread(target=lambda: 1 / 0).start()
gevent.sleep(0.01)
warnings.warn("old")
server = logging.getLogger("gunicorn.error")
server.propagate = False
server.addHandler(logging.StreamHandler())
configure_gunicorn(server, "test")
server.error("Error handling request %s", "/t/BCDF2345/host/0123456789")
"""


def test_an_uncaught_error_becomes_a_line_and_only_lines_of_a_request_carry_its_id() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", STRAYS],
        env={**clean_environ(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in (ran.stdout + ran.stderr).splitlines()]
    assert [faults(line) for line in lines] == [[]] * len(lines)
    by_message = {line["message"].split("\n")[0]: line for line in lines}
    assert {text for text, line in by_message.items() if ids([line]) == {"abcdefgh"}} == {
        "at once",
        "put off",
    }
    for text in ("greenlet failed", "thread failed"):
        assert by_message[text]["error"]["type"] == "ZeroDivisionError"
        assert by_message[text]["labels"]["error_kind"] == "service"
    assert any(text.endswith("UserWarning: old") for text in by_message)
    assert by_message["Error handling request ***"]["event"]["dataset"] == "lct.gunicorn"
    assert len(lines) == 8


# --- nothing private ------------------------------------------------------------------------------


def test_no_name_secret_or_cookie_of_an_evening_at_debug_is_in_the_log(log: Log) -> None:
    assert all(texts and all(texts) for texts in log.private.values())
    found = {
        (what, line)
        for what, texts in log.private.items()
        for text in texts
        for line in log.text.splitlines()
        if text in line or json.dumps(text)[1:-1] in line
    }
    assert found == set()
    assert log.evening.code in log.text


# --- the formatter --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"event.dataset": "lct.access", "http.request.id": "7", "http.response.status_code": 200},
        {"labels.kind": None, "labels.name": 'Łódź \u2028 "x"', "url.path": "/"},
        {"labels": {"a": "b", "c": {"d": 1}}, "labels.e": "f"},
        {"error.type": "ValueError", "labels.what": Path("x"), "event.duration": 10**12},
    ],
)
@pytest.mark.parametrize("failed", [False, True])
def test_a_line_matches_the_output_of_ecs_logging(extra: dict[str, Any], failed: bool) -> None:
    try:
        raise KeyError("gone")
    except KeyError:
        info = sys.exc_info() if failed else None
    record = logging.LogRecord("lct.x", logging.ERROR, __file__, 1, "%s was lost", ("it",), info)
    record.__dict__.update({k: v for k, v in extra.items() if not (failed and k == "error.type")})
    ours = Lines("local", "lct.app").format(record)
    everywhere = Lines("local", "lct.app").everywhere
    record.__dict__.update(everywhere | record.__dict__)
    fields = ["log.original", "process.name", "process.thread", "log.origin"]
    theirs = ecs_logging.StdlibFormatter(exclude_fields=fields, ensure_ascii=False)
    assert json.loads(ours) == json.loads(theirs.format(record))
    first = list(json.loads(ours))[:3]
    assert first == ["@timestamp", "log.level", "message"]
