"""Any cookie, token, header, form, JSON or file is accepted or refused, without a crash."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lct.application.history import replay, story
from lct.domain.drawing import DrawTeams, SkipReveal
from lct.domain.evening import CloseTournament, RenameTournament
from lct.domain.people import RenamePlayer
from lct.domain.rights import SYSTEM
from lct.infrastructure import retention, stored_events, transfer
from lct.web import identity

from ..api_client import ApiEvening, served, settings_for
from ..desk import Desk
from .shapes import HEADERS, JSON, NUMBERS, TEXTS, altered, as_line, nearly, taken

pytestmark = pytest.mark.slow

often = settings(
    max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


class Target:
    """The app without rate limits and CSRF tokens, and an evening in it."""

    def __init__(self, app: Flask) -> None:
        inside, free = app.extensions["lct"], lambda *_: None
        limiter = SimpleNamespace(hit=free, count=free, check=free)
        app.extensions["lct"] = replace(inside, limiter=limiter)
        app.config["WTF_CSRF_ENABLED"] = False
        self.app, self.evening = app, ApiEvening(app, limit=4)
        self.code = self.evening.code
        self.player = self.evening.join("Ola")
        t = inside.store.read(self.code).tournament
        with app.test_request_context():
            self.cookies = {
                name: identity._signer(inside.secrets, name).dumps([self.code, who])
                for name, who in (
                    (identity.PLAYER, self.player),
                    (identity.ORGANISER, next(iter(t.devices))),
                )
            }
        session = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        self.cookies["lct"] = session.dumps({"id": secrets.token_hex(16), "_permanent": True})
        self.tokens = [self.evening.host.token, self.evening.players[self.player].token]
        # Without the streams, which never end.
        self.rules = [
            rule
            for rule in app.url_map.iter_rules()
            if rule.endpoint.split(".")[-1] not in ("live", "events")
        ]

    def path(self, rule: Any, odd: str) -> str:
        values = {"code": self.code, "player": self.player, "filename": "app.css"}
        values |= {
            name: 1 for name, kind in rule._converters.items() if hasattr(kind, "num_convert")
        }
        values |= dict.fromkeys(rule.arguments - values.keys(), odd)
        return (rule.rule and self.app.url_map.bind("x").build(rule.endpoint, values)) or "/"

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> Any:
        """The response, which is never a 5xx. Header values are as decoded from latin-1."""
        environ = {
            "HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()
        }
        if "HTTP_CONTENT_TYPE" in environ:
            environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE")
        client = self.app.test_client(use_cookies=False)
        answer = client.open(path, method=method, data=body, environ_overrides=environ)
        said = answer.get_data()
        assert answer.status_code < 500, (method, path, headers, body[:300], said[-600:])
        assert answer.headers["X-Request-Id"]
        return answer


@pytest.fixture(scope="module")
def target(servers: Any) -> Iterator[Target]:
    with served(settings_for(servers, trusted_proxies=1)) as app:
        yield Target(app)


def _quoted(text: str) -> str:
    return quote(text, errors="surrogatepass")


def cookie(target: Target, **instead: str) -> str:
    return "; ".join(f"{name}={value}" for name, value in (target.cookies | instead).items())


@often
@given(data=st.data())
def test_headers_of_any_content_get_an_answer(target: Target, data: Any) -> None:
    rule = data.draw(st.sampled_from(target.rules), "rule")
    method = data.draw(st.sampled_from(sorted(rule.methods or {"GET"})), "method")
    headers = data.draw(HEADERS, "headers")
    target.send(method, target.path(rule, "x"), **{"Cookie": cookie(target), **headers})


def is_the_same(forged: str, right: str) -> bool:
    """Ignore surrounding blanks, and the last character, whose low bits base64 does not use."""
    return forged.strip()[:-1] == right[:-1]


@often
@given(data=st.data())
def test_nearly_right_cookies_and_tokens_open_nothing(target: Target, data: Any) -> None:
    name = data.draw(st.sampled_from(sorted(target.cookies)), "cookie")
    forged = data.draw(nearly(target.cookies[name]) | TEXTS.map(_quoted), "content")
    sent = "" if is_the_same(forged, target.cookies[name]) else cookie(target, **{name: forged})
    desk = target.send("GET", f"/t/{target.code}/organise", Cookie=sent)
    assert (desk.status_code == 200) == (bool(sent) and name != identity.ORGANISER)
    tap = target.send("POST", f"/t/{target.code}/let-go", Cookie=sent)
    assert (tap.status_code == 403) == (not sent or name == identity.PLAYER)
    token = data.draw(st.sampled_from(target.tokens).flatmap(nearly), "token")
    if not any(is_the_same(token, right) for right in target.tokens):
        answer = target.send("GET", f"/api/v1/tournaments/{target.code}/host",
                             Authorization=f"Bearer {token}")  # fmt: skip
        assert answer.status_code == 401


FIELDS = [
    "name", "limit", "source", "kinds", "least", "cap", "pasted", "option", "nonce", "first",
    "last", "team", "value", "version", "do", "attempt", "player", "player_id", "device", "code",
    "key", "recovery", "asleep", "label", "seat",
]  # fmt: skip
DOS = ["draw", "skip", "restart", "lock", "rename", "limit", "pick", "remove", "block", "close"]
VALUES = TEXTS | NUMBERS.map(str) | st.sampled_from([*DOS, "pasted", "rated", "4", "5.0", "true"])
FORMS = st.lists(st.tuples(st.sampled_from(FIELDS) | TEXTS, VALUES), max_size=12)


@often
@given(data=st.data())
def test_forms_of_any_content_get_an_answer(target: Target, data: Any) -> None:
    posts = [rule for rule in target.rules if "POST" in (rule.methods or ())]
    rule = data.draw(st.sampled_from(posts), "rule")
    fields = data.draw(FORMS, "fields")
    body = urlencode([(k.encode(errors="surrogatepass"), v.encode(errors="surrogatepass"))
                      for k, v in fields]).encode()  # fmt: skip
    kind = "application/x-www-form-urlencoded"
    if data.draw(st.booleans()):
        mark = data.draw(st.sampled_from(["x", "", "\xff", "a" * 80]))
        body = b"".join(
            b'--x\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n'
            % (k.encode(errors="replace"), data.draw(st.sampled_from([b"", b'; filename="f"'])),
               v.encode(errors="surrogatepass"))
            for k, v in fields
        ) + data.draw(st.sampled_from([b"--x--\r\n", b"", b"--x"]))  # fmt: skip
        kind = f"multipart/form-data; boundary={mark}"
    headers = {"Cookie": cookie(target), "Content-Type": kind}
    if data.draw(st.booleans()):
        headers["HX-Request"] = "true"
    odd = data.draw(TEXTS.filter(lambda t: "/" not in t and t.strip(".")) | st.just("x"))
    odd = odd.encode(errors="replace").decode() or "x"
    target.send("POST", target.path(rule, odd), body, **headers)


@often
@given(data=st.data())
def test_json_and_queries_of_any_content_get_an_answer(target: Target, data: Any) -> None:
    rule = data.draw(st.sampled_from([r for r in target.rules if "api" in r.endpoint]), "rule")
    method = data.draw(st.sampled_from(sorted(rule.methods or {"GET"})), "method")
    shape = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6)
    said = data.draw(shape | JSON, "body")
    body = as_line(said).encode()
    if data.draw(st.integers(0, 9)) == 0:
        body = data.draw(st.binary(max_size=60) | st.sampled_from([b"[" * 9999, b'{"a":' * 9999]))
    names = st.sampled_from([*FIELDS, "limit", "cursor", "Id", "tournamentId"])
    query = data.draw(st.lists(st.tuples(names, VALUES), max_size=3), "query")
    asked = urlencode([(k, v.encode(errors="surrogatepass")) for k, v in query])
    target.send(
        method, f"{target.path(rule, 'x')}?{asked}", body, **{
            "Authorization": f"Bearer {data.draw(st.sampled_from(target.tokens))}",
            "Content-Type": "application/json",
            **data.draw(HEADERS, "headers"),
        },
    )  # fmt: skip


# --- imports --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(target: Target) -> list[dict[str, Any]]:
    """The lines of a drawn evening's export, parsed."""
    desk = Desk()
    code = desk.create(limit=2)
    for number, name in enumerate(("Ola", "Max")):
        desk.join(code, name)
        desk.pick(code, name, number, command_id=f"tap-{number}", request_id="r" * 8)
    desk.execute(RenamePlayer(by=SYSTEM, code=code, player_id="p-Max", first="Maxi", last="Nowak"))
    desk.execute(RenameTournament(by=SYSTEM, code=code, name="Saturday Cup"))
    desk.execute(DrawTeams(by=SYSTEM, code=code, attempt=1))
    desk.execute(SkipReveal(by=SYSTEM, code=code))
    desk.execute(CloseTournament(by=SYSTEM, code=code))
    lines = list(transfer.exported(desk.store, code, None))
    retention.delete_stream(desk.store, code)
    return [json.loads(line) for line in lines[:-1]]


@often
@given(data=st.data())
def test_a_file_is_refused_whole_or_imported_as_an_ordinary_evening(
    target: Target, exported: list[dict[str, Any]], data: Any
) -> None:
    lines = [as_line(each) for each in data.draw(altered(exported))]
    if data.draw(st.integers(0, 9)) == 0:
        lines = data.draw(st.lists(TEXTS | nearly(lines[0] if lines else ""), max_size=3))
    desk = Desk()
    found = taken(lambda: transfer.imported(desk.store, lines, unchecked=True), "file")
    if found is None:
        assert desk.store.events.count_documents({"stream": {"$ne": target.code}}) == 0
        return
    code = found.code
    try:
        check_ordinary(target, desk, code)
    finally:
        retention.delete_stream(desk.store, code)
        target.app.extensions["lct"].store.forget(code)


def check_ordinary(target: Target, desk: Desk, code: str) -> None:
    t = desk.store.read(code).tournament
    desk.store.write_snapshot(desk.store.read(code))
    assert asdict(Desk().store.read(code).tournament) == asdict(t)
    events = stored_events.stored(desk.store, code)
    assert asdict(replay(code, events)) == asdict(t)
    assert len(list(story(code, events))) == len(events)
    again = list(transfer.exported(desk.store, code, None))
    assert transfer.imported(desk.store, again) == (code, 0, False)
    keys = identity._signer(target.app.extensions["lct"].secrets, identity.ORGANISER)
    host = f"{identity.ORGANISER}={keys.dumps([code, next(iter(t.devices), '')])}"
    for page in ("", "join", "me", "organise", "history", "verify", "history.jsonl"):
        target.send("GET", f"/t/{code}/{page}".rstrip("/"), Cookie=host)
    for path in ("", "/teams", "/players", "/draws", "/draw"):
        target.send("GET", f"/api/v1/tournaments/{code}{path}")
