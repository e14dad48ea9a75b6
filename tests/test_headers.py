"""Security headers, on every kind of response and in a real browser."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from lct.config import Settings

from .browser import Screens, create, is_live
from .http_client import Evening, House, app_here, open_house
from .support import LiveServer

TLS = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "cup.example"}
ALWAYS = (
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "permissions-policy",
    "cross-origin-resource-policy",
)
OVER_TLS = ("strict-transport-security", "cross-origin-opener-policy")
KINDS = {
    "page": ("GET", "/", 200),
    "live page": ("GET", "{at}", 200),
    "redirect": ("GET", "/go?code={code}", 303),
    "redirect to the canonical spelling": ("GET", "/t/{lower}", 308),
    "fragment": ("GET", "{at}/history?at=1", 200),
    "refused fragment": ("POST", "{at}/look", 403),
    "polled picture": ("GET", "{at}/now?view=board", 200),
    "static file": ("GET", "/static/app.css", 200),
    "missing page": ("GET", "/nothing", 404),
    "wrong method": ("DELETE", "/", 405),
    "API": ("GET", "/api/v1/tournaments/{code}", 200),
    "problem": ("GET", "/api/v1/tournaments/{code}/players/x/seat", 401),
    "document": ("GET", "/swagger/openapi.json", 200),
    "Swagger UI": ("GET", "/swagger/index.html", 200),
    "probe": ("GET", "/liveness", 200),
    "events": ("GET", "{at}/events?view=board", 200),
    "API's events": ("GET", "/api/v1/tournaments/{code}/events", 200),
    "refused socket": ("GET", "{at}/live?view=organise", 403),
}


@pytest.fixture(scope="module")
def house(servers: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Behind a trusted proxy."""
    with open_house(
        servers, tmp_path_factory.mktemp("house"), trusted_proxies=1, workers=1
    ) as opened:
        yield opened


@pytest.fixture(scope="module")
def evening(house: House) -> Evening:
    return house.evening()


def asked(e: Evening, kind: str, sent: dict[str, str]) -> tuple[int, dict[str, str]]:
    """Status and headers of the response; the body is not read, as it may never end."""
    method, path, _ = KINDS[kind]
    path = path.format(at=e.at(), code=e.code, lower=e.code.lower())
    if "fragment" in kind:
        sent = {"HX-Request": "true", **sent}
    if kind == "fragment":
        sent["Cookie"] = e.host.cookie_header(path)
    if kind == "refused fragment":  # with its own token, but no player
        visitor = e.visitor()
        sent |= {"Cookie": visitor.cookie_header(path), "X-CSRFToken": visitor.token}
    if kind == "refused socket":
        sent = {"Upgrade": "websocket", "Connection": "Upgrade", **sent}
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Length: 0"]
    lines += [f"{name}: {value}" for name, value in sent.items()]
    with socket.create_connection((e.house.host, e.house.port), timeout=10) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(4096)
    first, *rest = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    names = [line.split(": ", 1)[0].lower() for line in rest]
    assert len(set(names) - {"set-cookie"}) == len([n for n in names if n != "set-cookie"])
    return int(first.split()[1]), {n.lower(): v for n, v in (line.split(": ", 1) for line in rest)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_response_has_the_security_headers(evening: Evening, kind: str) -> None:
    plain, tls = (asked(evening, kind, dict(sent)) for sent in ({}, TLS))
    assert plain[0] == tls[0] == KINDS[kind][2]
    for _, headers in (plain, tls):
        assert set(ALWAYS) <= headers.keys()
        assert headers["x-content-type-options"] == "nosniff"
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert ("require-trusted-types-for 'script'" in policy) == (kind != "Swagger UI")
        listed = kind in ("page", "static file", "Swagger UI")
        assert headers.get("x-robots-tag") == (None if listed else "noindex")
    assert not set(OVER_TLS) & plain[1].keys()
    assert set(OVER_TLS) <= tls[1].keys()
    assert "wss://cup.example" in tls[1]["content-security-policy"]


def test_search_engines_read_the_front_page_and_may_ask_for_the_others(house: House) -> None:
    """A robot that is kept from a page never reads that it should not list it."""
    phone = house.phone()
    assert "Disallow" not in phone.get("/robots.txt").text
    (about,) = phone.get("/").page.all("meta", name="description")
    assert 50 < len(about.attrs["content"]) < 300


def test_an_untrusted_header_cannot_claim_tls(
    live_server: Callable[..., LiveServer],
) -> None:
    asking = urllib.request.Request(f"{live_server(workers=1).url}/liveness", headers=TLS)
    with urllib.request.urlopen(asking, timeout=10) as answer:
        assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize("path", ["host/0123456789abcdef", "seat/BBBBBBBB", "SEAT//BBBBBBBB/x"])
def test_an_address_with_a_secret_sends_no_referrer_even_to_ourselves(
    evening: Evening, path: str
) -> None:
    for status in (303, 429):  # the 429 is a page, which loads files
        visitor = evening.house.phone()
        for _ in range(60):
            answer = visitor.get(evening.at(path))
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            if answer.status in (status, 404):
                break
        assert answer.status in (status, 404)
    evening.house.forget_limits()
    assert visitor.get(evening.at()).headers["Referrer-Policy"] == "same-origin"


SINKS = {
    "markup": "document.body.innerHTML = '<b>x</b>'",
    "parsed markup": "new DOMParser().parseFromString('<b>x</b>', 'text/html')",
    "a script's address": "document.createElement('script').src = '/static/lct.js'",
    "a script's text": "document.createElement('script').text = '1'",
    "code": "new Function('return 1')()",
    "another policy": "trustedTypes.createPolicy('mine', {createHTML: (x) => x})",
    "a default policy": "trustedTypes.createPolicy('default', {createHTML: (x) => x})",
    "a second htmx policy": "trustedTypes.createPolicy('htmx', {createHTML: (x) => x})",
}


@pytest.mark.browser
def test_only_htmx_can_turn_text_into_markup_and_nothing_into_code(
    house: House, browser: Any
) -> None:
    """Without the ``screens`` fixture, which fails on CSP violations: this test causes them."""
    screens = Screens(browser)
    page = screens.open()
    create(page, house.url, "Trusted Cup", 4)
    for path in ("", "/history"):
        page.goto(f"{house.url}/t/{page.url.split('/t/')[1][:8]}{path}")
        if not path:
            is_live(page)  # htmx has swapped a first frame in
        assert screens.problems == []
        for what, code in SINKS.items():
            # In a timeout: code that evaluate() runs directly may create code.
            caught = page.evaluate(
                f"new Promise((done) => setTimeout(() => {{ try {{ {code} }} "
                "catch (error) { done(error.name) } done(null) }))"
            )
            assert caught in ("TypeError", "EvalError"), what
        screens.problems.clear()  # the violations just caused
    screens.close()


def test_an_invalid_host_header_gets_a_400_page(settings: Settings) -> None:
    with app_here(settings) as app:
        for host in ("a..b", "a" * 64 + ".b", ".."):
            answer = app.test_client().get("/", headers={"Host": host})
            assert answer.status_code == 400, host
            assert "Something in that request was not right." in answer.get_data(as_text=True)
