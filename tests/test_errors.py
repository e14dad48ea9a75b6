"""Errors and logs: each refusal has a status, a kind and a sentence; logs hold nothing private."""

from __future__ import annotations

import html
import inspect
import io
import json
import logging
import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from websockets.exceptions import InvalidStatus

from lct.config import Settings
from lct.domain import errors
from lct.domain.text import text
from lct.laptop.local_servers import LocalServer, start_store
from lct.web.errors import answer_for
from lct.web.identity import derived, organiser_key, seat_code

from .conftest import Servers
from .http_client import Answer, Evening, House, Phone, app_here, at_once, open_house
from .support import wait_until

REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
EXPECTED = {
    errors.Invalid: (422, "validation"),
    errors.Refused: (409, "business"),
    errors.NotFound: (404, "business"),
    errors.NotAllowed: (403, "security"),
    errors.Unauthenticated: (401, "security"),
    errors.TooMany: (429, "security"),
    errors.Unavailable: (503, "service"),
    errors.Elsewhere: (503, "moved"),
    errors.ClientGone: (499, "cancelled"),
}
LEVELS = {"service": "error", "cancelled": "info", "moved": "info"}


@pytest.fixture(scope="module")
def quiet(house: House) -> Evening:
    return house.evening()


# --- the tree -------------------------------------------------------------------------------------


def tree(cls: type[errors.LctError] = errors.LctError) -> list[type[errors.LctError]]:
    """The class and its subclasses, without LctError itself."""
    below = [each for child in cls.__subclasses__() for each in tree(child)]
    return below if cls is errors.LctError else [cls, *below]


def sample(cls: type[errors.LctError]) -> errors.LctError:
    """A refusal of that class, with example arguments."""
    if cls is errors.Invalid:
        return errors.Invalid(first=text("Type your first name."))
    values: dict[str, Any] = {"str": "Ola", "int": 3, "tuple[str, ...]": ("Ola", "Max")}
    parameters = inspect.signature(cls).parameters.values()
    needed = [p for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    return cls(*(values[str(p.annotation)] for p in needed))


def test_the_tree_has_every_agreed_branch() -> None:
    assert set(EXPECTED) <= set(tree())
    assert len(tree()) > 30


@pytest.mark.parametrize("cls", tree(), ids=lambda cls: cls.__name__)
def test_each_refusal_has_a_status_a_kind_and_a_sentence(cls: type[errors.LctError]) -> None:
    refusal = sample(cls)
    (branch,) = [parent for parent in EXPECTED if issubclass(cls, parent)]
    assert answer_for(refusal) == EXPECTED[branch]
    assert re.search(r"[a-z].*[.?!]$", str(refusal.sentence))
    assert str(refusal.sentence) == str(refusal)
    assert cls.__name__ not in str(refusal.sentence)


class Inside:
    """The app in this process, and what it logs."""

    def __init__(self, app: Flask) -> None:
        self.app, self.log = app, io.StringIO()
        (handler,) = logging.getLogger().handlers
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(self.log)

    def answer(self, error: Exception, htmx: bool) -> tuple[Any, str]:
        """The answer of a page that raises the error, and what is logged."""

        def fail(code: str) -> None:
            raise error

        self.app.extensions["lct"].store.read = fail
        start = len(self.log.getvalue())
        headers = {"HX-Request": "true"} if htmx else {}
        answer = self.app.test_client().get("/t/BBBBBBBB/verify", headers=headers)
        return answer, self.log.getvalue()[start:]


@pytest.fixture(scope="module")
def inside() -> Iterator[Inside]:
    unused = Settings(mongo_uri="mongodb://127.0.0.1:1", redis_url="unix:///x", secret_key="x" * 16)
    with app_here(unused) as app:
        yield Inside(app)


@pytest.mark.parametrize("cls", tree(), ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "page"])
def test_each_refusal_is_answered_with_its_status_sentence_and_request_id(
    cls: type[errors.LctError], htmx: bool, inside: Inside
) -> None:
    refusal = sample(cls)
    answer, log = inside.answer(refusal, htmx)
    status, kind = answer_for(refusal)
    assert answer.status_code == status
    shown = answer.get_data(as_text=True)
    assert request_id_of(answer.headers) in shown
    assert str(refusal.sentence) in html.unescape(re.sub("<[^>]+>", "", shown))
    assert ("<html" in shown) != htmx
    assert (status in (429, 503)) == ("Retry-After" in answer.headers)
    (line,) = access_lines(log)
    assert (line["http"]["response"]["status_code"], line["labels"]["error_kind"]) == (status, kind)
    assert line["log.level"] == LEVELS.get(kind, "warning")


def request_id_of(headers: Any) -> str:
    assert REQUEST_ID.fullmatch(headers["X-Request-Id"])
    return str(headers["X-Request-Id"])


def access_lines(log: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"]["dataset"] == "lct.access"]


@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "page"])
def test_a_defect_is_a_500_that_shows_its_request_id_and_no_details(
    htmx: bool, inside: Inside
) -> None:
    answer, log = inside.answer(RuntimeError("the-inside-story"), htmx)
    shown = answer.get_data(as_text=True)
    assert answer.status_code == 500
    assert "the-inside-story" not in shown
    assert "Traceback" not in shown
    request_id = request_id_of(answer.headers)
    assert request_id in shown
    lines = [json.loads(line) for line in log.splitlines()]
    (failure,) = [line for line in lines if line["message"] == "request failed"]
    assert failure["log.level"] == "error"
    assert failure["http"]["request"]["id"] == request_id
    assert failure["error"]["message"] == "the-inside-story"
    assert "in fail" in failure["error"]["stack_trace"]
    assert lines[-1]["labels"]["error_kind"] == "service"


def test_a_json_address_answers_an_error_with_a_problem_document(quiet: Evening) -> None:
    answer = quiet.house.phone().get(quiet.at("draw.json"))
    assert answer.status == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = json.loads(answer.text)
    assert problem["status"] == 409
    assert problem["title"]


# --- request ids ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("abcdef12", True),
        ("4bf92f35-77b3-4da6-a3ce-929d0e0e4736", True),
        ("A" * 64, True),
        ("A" * 65, False),
        ("A" * 7, False),
        ("", False),
        ("abc def 12", False),
        ("<script>alert(1)</script>", False),
        ("../../etc/passwd", False),
        ("abcdef12\u00e9", False),
        ("abcdef12;x", False),
    ],
)
def test_a_valid_request_id_is_echoed_and_an_invalid_one_replaced(
    quiet: Evening, given: str, kept: bool
) -> None:
    answer = quiet.house.phone().get("/t/BBBBBBBB", headers={"X-Request-ID": given})
    request_id = request_id_of(answer.headers)
    assert (request_id == given) == kept
    assert request_id in answer.page.text
    assert kept or not given or given not in answer.text


def test_every_answer_carries_a_request_id(house: House, quiet: Evening) -> None:
    house.forget_limits()
    phone = quiet.visitor()
    paths = ["/", "/go?code=x", "/go", "/liveness", "/readiness", "/static/app.css", "/static/x",
             "/nothing", quiet.at(), quiet.at("me"), quiet.at("organise"), quiet.at("host/x"),
             quiet.at("draw.json"), quiet.at("live?view=board"), "/t/x", "/t/%00"]  # fmt: skip
    answers = [phone.get(path) for path in paths]
    answers.append(phone.get("/static/app.css", headers={"If-None-Match": "x"}))
    answers += [phone.request(method, "/") for method in ("HEAD", "OPTIONS", "PUT")]
    answers.append(phone.post(quiet.at("team"), {"team": "x"}))
    answers.append(phone.post(quiet.at("join"), {"first": "", "last": ""}))
    answers.append(phone.post(quiet.at("join"), {}, token="x"))
    ids = [request_id_of(answer.headers) for answer in answers]
    assert len(set(ids)) == len(ids)
    for answer in answers:
        if answer.status >= 400 and "<html" in answer.text and answer.status not in (422,):
            shown = answer.page.text
            assert request_id_of(answer.headers) in shown or answer.page.all("form", cls="code-box")
    with pytest.raises(InvalidStatus) as refused:
        phone.open_socket(quiet.live("organise"))
    assert request_id_of(refused.value.response.headers) in refused.value.response.body.decode()


def test_every_error_page_shows_its_request_id(house: House, quiet: Evening) -> None:
    house.forget_limits()
    phone = quiet.visitor()
    answers = {
        403: phone.get(quiet.at("organise")),
        404: phone.get("/nothing"),
        405: phone.request("PUT", "/"),
        409: quiet.host.post(quiet.at("organise"), {"do": "draw", "attempt": "1"}),
        422: phone.post(quiet.at("team"), {"team": "x"}),
    }
    for status, answer in answers.items():
        assert answer.status == status
        assert request_id_of(answer.headers) in answer.page.text


# --- the store is down ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    server = start_store(tmp_path_factory.mktemp("store"))
    server.wait_ready()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def frail(
    own_store: LocalServer, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A house whose store can be killed."""
    mixed = Servers(own_store.uri, servers.redis_url)
    with open_house(mixed, tmp_path_factory.mktemp("frail")) as made:
        yield made


def test_people_are_asked_to_wait_until_the_store_is_back(
    frail: House, own_store: LocalServer
) -> None:
    e = frail.evening()
    ola = e.guest("Ola")
    for worker in range(2):  # one that has never seen the store is not ready without it
        wait_until(lambda worker=worker: frail.phone(worker).get("/readiness").status == 200)
    own_store.kill()
    try:
        answers = everybody_taps(frail, e, ola)
        ready = frail.phone().get("/readiness")
    finally:
        own_store.start()
        own_store.wait_ready()
    # Or the balancer's page would be all that people see.
    assert (ready.status, json.loads(ready.text)["store"]) == (200, False)
    assert [answer.status for answer in answers] == [503] * 5 + [200] * 2
    for answer in answers[:5]:
        assert int(answer.headers["Retry-After"]) >= 1
        assert "Nothing is lost" in answer.page.text
        assert request_id_of(answer.headers) in answer.page.text
    wait_until(lambda: e.pick(ola, 1).status == 200, 10)
    wait_until(lambda: frail.phone().get("/readiness").status == 200, 5)
    assert [event["type"] for event in e.events][2:] == ["team-picked"]
    refused = [x for x in access_lines(frail.log()) if "error_kind" in x["labels"]]
    assert {x["labels"]["error_kind"] for x in refused} == {"service"}
    assert [x for x in frail.lines() if x["event"].get("action") == "store.unavailable"]


def everybody_taps(frail: House, e: Evening, ola: Phone) -> list[Answer]:
    """Answers to five requests that need the store, and to two that do not."""
    return at_once(
        partial(e.pick, ola.copy(), 1),
        partial(e.pick, ola.copy(), 1, htmx=False),
        partial(frail.phone().get, e.at()),
        partial(ola.copy().post, e.at("name"), {"first": "A", "last": "B"}, htmx=True),
        partial(e.host.copy().post, e.at("organise"), {"do": "lock"}),
        partial(frail.phone().get, "/"),
        partial(frail.phone().get, "/liveness"),
    )


def test_an_unreadable_event_is_logged_and_harms_no_other_evening(
    house: House,
) -> None:
    e, other = house.evening(), house.evening()
    broken = {"_id": f"{e.code}:2", "stream": e.code, "seq": 2, "type": "from-the-future",
              "schema": 9, "data": {}, "at": e.events[0]["at"], "actor": "system"}  # fmt: skip
    house.mongo[house.settings.database]["events"].insert_one(broken)
    for _ in range(2):
        answer = house.phone().get(e.at())
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert "cannot be read" in answer.page.text
    assert house.phone().get(other.at()).status == 200
    assert [x for x in house.lines() if x["message"] == "event unreadable"]


# --- logs -----------------------------------------------------------------------------------------


def test_a_request_logs_one_line_with_its_time_id_and_kind(house: House, quiet: Evening) -> None:
    house.forget_limits()
    phone = quiet.visitor()
    asked = {
        "validation": phone.post(quiet.at("join"), {"first": "", "last": ""}),
        "business": phone.get("/t/BBBBBBBB"),
        "security": phone.get(quiet.at("organise")),
        "": phone.get(quiet.at("verify")),
    }
    for kind, answer in asked.items():
        (line,) = wait_until(
            lambda answer=answer: [
                x for x in access_lines(house.log())
                if x["http"]["request"]["id"] == request_id_of(answer.headers)
            ]
        )  # fmt: skip
        assert line["message"] == "request"
        assert line["http"]["response"]["status_code"] == answer.status
        assert line["http"]["request"]["method"] in ("GET", "POST")
        assert line["url"]["path"].startswith("/t/")
        assert line["labels"].get("error_kind", "") == kind
        assert isinstance(line["event"]["duration"], int)
        assert 10_000 < line["event"]["duration"] < 5_000_000_000
        assert line["event"]["outcome"] == ("failure" if kind else "success")
        assert line["host"]["hostname"]
        assert line["service"] == {"name": "lct", "environment": "test"}
        assert line["log.level"] == ("warning" if kind else "info")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line["@timestamp"])
        if kind == "business":
            assert line["url"]["path"] == "/t/***"  # perhaps somebody's personal code
            assert "tournament" not in line["labels"]
        else:
            assert line["labels"]["tournament"] == quiet.code


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_nothing_private_is_in_the_log(servers: Servers, tmp_path: Path, level: str) -> None:
    with open_house(servers, tmp_path, log_level=level, workers=1) as house:
        e = house.evening(limit=2, name="Zugspitze")
        ola, max_ = e.guest("Quetzalina", "Xylander"), e.guest("Wolfhelm", "Yggdrasil")
        with app_here(house.settings) as app, app.app_context():
            key = organiser_key(e.code, 1)
            t = app.extensions["lct"].store.read(e.code).tournament
            seat = seat_code(t, e.player("Quetzalina", "Xylander"))
            other_key = derived("organiser", e.code, 2).hex()[:32]
        visitor = house.phone()
        for path in (f"host/{key}", f"seat/{seat}", f"host/{other_key}", f"seat/{seat[:7]}B"):
            visitor.get(e.at(path))
            visitor.get(e.at(path) + "/")
            visitor.get(e.at(path) + "/more")
            visitor.get(e.at(path) + "?x=1")
            visitor.get(e.at(path).replace(e.code, e.code.lower()))
            for method in ("HEAD", "POST", "PUT"):
                visitor.request(method, e.at(path))
        visitor.get(e.at("back"))
        visitor.post(e.at("back"), {"code": seat})
        visitor.post(e.at("recover"), {"code": e.recovery})
        ola.post(e.at("name"), {"first": "", "last": "Xylander"}, htmx=True)
        for phone in (ola, max_):
            e.pick(phone, 1)
        with ola.live(e.live("me")) as screen:
            screen.take()
            screen.ws.send('{"look": "Quetzalina"}')
        e.act("draw", attempt=1)
        house.phone().get(f"/go?code={e.code}&name=Quetzalina")
        house.phone().get("/readiness")
        time.sleep(0.1)
        log = house.log()
        secret = e.facts("tournament-created")[0]["secret"]
        names = ("Quetzalina", "Xylander", "Wolfhelm", "Yggdrasil", "Zugspitze")
        values = [*ola.cookies.values(), *visitor.cookies.values(), *e.host.cookies.values()]
        private = {
            "a name": names,
            "the secret key": (house.settings.secret_key,),
            "an organiser's key": (key, other_key),
            "a seat code": (seat, f"{seat[:4]}-{seat[4:]}"),
            "the recovery code": (e.recovery, e.recovery.replace("-", "")),
            "a cookie": values,
            "a token": (ola.token, e.host.token),
            "the draw's secret": (secret,),
            "a pick's random value": tuple(f["value"] for f in e.facts("team-picked")),
        }
        found = {what: x for what, texts in private.items() for x in texts if x and x in log}
        lines = [line for line in log.splitlines() if any(x in line for x in found.values())]
        assert not found, lines[:3]
        assert len(access_lines(log)) > 30


def test_all_lines_of_the_app_are_json(house: House) -> None:
    strange = [
        line
        for line in house.log().splitlines()
        if line and not line.startswith("{") and not re.match(r"\[\d{4}-\d\d-\d\d ", line)
    ]
    assert strange == []
