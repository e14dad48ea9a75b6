"""lct as a part of a site, under /fifa; and the host names that it answers to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from lct.config import Settings
from lct.web.links import join_url, start_page

from .api_client import press
from .browser import Screens, create, decoded, hurry, is_by, is_live, join, see
from .desk import Desk
from .http_client import app_here, parse
from .network import Network
from .support import LiveServer, get

PREFIX = "/fifa"
FROM_PROXY = {"Host": "cup.example", "X-Forwarded-Proto": "https"}


class Site(Network):
    """A proxy with other pages beside ours; it may strip the prefix."""

    def __init__(self, strips: bool) -> None:
        super().__init__(0)
        self.strips = strips
        self.strays: list[str] = []  # requests for the other pages

    def forwarded(self, head: bytes) -> bytes | None:
        method, path, rest = head.split(b" ", 2)
        if not path.startswith(PREFIX.encode()):
            self.strays.append(path.decode())
            return None
        if self.strips:
            path = path[len(PREFIX) :] or b"/"
        return b" ".join((method, path, rest))


@pytest.fixture(params=["the proxy strips it", "the proxy leaves it"])
def site(
    request: pytest.FixtureRequest, live_server: Callable[..., LiveServer]
) -> Iterator[tuple[Site, LiveServer]]:
    made = Site(request.param == "the proxy strips it")
    server = live_server(workers=1, LCT_PUBLIC_URL=f"{made.url}{PREFIX}")
    made.port = int(server.url.rpartition(":")[2])
    yield made, server
    made.close()


@pytest.mark.browser
def test_an_evening_under_a_prefix(site: tuple[Site, LiveServer], screens: Screens) -> None:
    proxy, server = site
    base = f"{proxy.url}{PREFIX}"
    host, tv, ola, max_ = (screens.open() for _ in range(4))
    code = create(host, base, "Sunday Cup", 2)
    host.get_by_role("link", name="Run the evening").click()
    is_live(host)
    tv.goto(f"{base}/nothing")
    tv.get_by_role("link", name="Start page").click()
    tv.locator("#f-code").fill(code)
    tv.get_by_role("button", name="Go").click()
    tv.wait_for_url(f"{base}/t/{code}/join")

    tv.goto(f"{base}/t/{code}")
    is_live(tv)
    assert decoded(tv) == f"{base}/t/{code}/join"
    see(tv, base.removeprefix("http://"))
    max_.clock.install()
    for phone, name in ((ola, "Ola"), (max_, "Max")):
        join(phone, decoded(tv), name, "Nowak")
        is_live(phone)
    for number, phone in enumerate((ola, max_)):
        phone.locator(f"#team-{number} button").click()
        see(phone.locator(f"#team-{number}"), "yours")
    ola.get_by_text("Save your seat").click()
    ola.locator(".seat-link svg.qr").wait_for()  # the code is made when it is opened
    other = screens.open()
    other.goto(decoded(ola, ".seat-link svg.qr"))
    other.wait_for_url(f"{base}/t/{code}/me")
    other.close()
    see(tv, "Everyone has picked")
    assert proxy.strays == []
    if proxy.strips:
        return  # the rest of the evening makes its addresses in the same way
    host.get_by_role("button", name="Draw the teams").click()
    see(tv, "The draw")
    host.get_by_role("button", name="Skip the reveal").click()
    see(ola.locator("#me"), "You play with")
    ola.goto(f"{base}/t/{code}/verify")
    see(ola, "The draw is fair")
    with ola.expect_download() as file:
        ola.locator("a[download]").click()
    assert file.value.url.startswith(f"{base}/t/{code}/draw.json")
    host.goto(f"{base}/t/{code}/history")
    host.locator("#f-at").fill("2")
    see(host.locator("#moment"), "Ola Nowak")

    # The page falls back to event streams without sockets, and to polling without either.
    max_.reload()
    for page in (host, tv, ola):
        page.close()
    proxy.set(live="refuse")
    hurry(max_, max_.locator("#live-mark[data-way=sse]").count)
    is_by(max_, "sse", "live")
    proxy.set(live="refuse", events="refuse")
    hurry(max_, max_.locator("#live-mark[data-way=poll]").count)
    is_by(max_, "poll", "slow")
    proxy.set()

    swagger = screens.open()
    swagger.goto(f"{base}/swagger/index.html")
    swagger.locator("#operations-v1-create .opblock-summary-control").click()
    swagger.get_by_role("button", name="Try it out").click()
    swagger.get_by_role("button", name="Execute").click()
    status = swagger.locator(".live-responses-table .response-col_status").nth(1)
    status.wait_for()
    assert status.inner_text().startswith("201")

    cookies = [cookie for context in screens.contexts for cookie in context.cookies()]
    assert {cookie["name"] for cookie in cookies} == {"lct", "lct_player", "lct_organiser"}
    for cookie in cookies:
        wanted = PREFIX if cookie["name"] == "lct" else f"{PREFIX}/t/{code}"
        assert cookie["path"] == wanted
    assert proxy.strays == []
    assert "alive" in get(f"{server.url}/liveness")  # as a kubelet asks a pod
    assert "ready" in get(f"{server.url}{PREFIX}/readiness")


@pytest.mark.parametrize(
    ("public_url", "typed", "home"),
    [
        ("http://192.168.178.20:8000", "192.168.178.20:8000", True),
        ("http://[fd00::20]:8000", "[fd00::20]:8000", True),
        ("http://laptop.local", "laptop.local", True),
        ("http://laptop", "laptop", True),
        ("https://cup.example", "cup.example", False),
        ("https://cup.example/t/fifa", "cup.example/t/fifa", False),
        ("https://9.9.9.9", "9.9.9.9", False),
    ],
)
def test_the_board_says_what_to_type_and_whether_it_needs_the_same_network(
    public_url: str, typed: str, home: bool
) -> None:
    assert start_page(join_url(public_url, "BB3K7QXM")) == (public_url, typed, home)


def test_every_address_that_is_given_out_begins_with_the_prefix(settings: Settings) -> None:
    under = replace(settings, public_url=f"https://a.example{PREFIX}", trusted_proxies=1)
    with app_here(under) as app:
        client = app.test_client()
        told = {"X-Forwarded-Prefix": "/another"}  # only the setting counts
        assert client.get("/go?code=x", headers=told).status_code == 404
        assert "/another" not in client.get("/", headers=told).get_data(as_text=True)
        for asked in ("/swagger/openapi.json", f"{PREFIX}/swagger/openapi.json"):
            assert client.get(asked).get_json()["servers"] == [{"url": PREFIX}]
        answer = client.post("/api/v1/tournaments", json={"name": "Cup", "limit": 4})
        made = answer.get_json()
        base = f"https://a.example{PREFIX}/t/{made['code']}"
        assert answer.location == f"{PREFIX}/api/v1/tournaments/{made['code']}"
        assert made["board_url"] == base
        assert made["join_url"] == f"{base}/join"
        assert made["organiser_url"].startswith(f"{base}/host/")
        link = made["organiser_url"].removeprefix("https://a.example")
        assert press(client, link).location == f"{PREFIX}/t/{made['code']}/organise"
        moved = client.get(f"/t/{made['code'].lower()}?x=1")
        assert moved.location == f"{PREFIX}/t/{made['code']}?x=1"
        for path in ("/", "/nothing", f"/t/{made['code']}", "/t/BBBBBBBB", "/go?code=x"):
            for each in parse(client.get(path).get_data(as_text=True)).walk():
                for name in ("href", "src", "action"):
                    address = each.attrs.get(name, "")
                    assert not address.startswith("/") or address.startswith(f"{PREFIX}/")
        assert client.get(f"{PREFIX}ball/liveness").status_code == 404
        assert client.get(PREFIX).status_code == 200


# --- names ----------------------------------------------------------------------------------------


@pytest.fixture
def named(settings: Settings) -> Iterator[Any]:
    only = replace(
        settings,
        public_url="https://cup.example/fifa",
        allowed_hosts="10.0.0.7, .inner.example",
        trusted_proxies=1,
    )
    with app_here(only) as app:
        yield app.test_client()


@pytest.mark.parametrize(
    ("host", "known"),
    [("cup.example", True), ("cup.example:8443", True), ("10.0.0.7:8000", True),
     ("a.inner.example", True), ("inner.example", True), ("evil.example", False),
     ("cup.example.evil.example", False), ("notinner.example", False), ("127.0.0.1", False),
     ("cup.example;script-src *", False), ("cup.example, evil.example", False), ("", False)],
)  # fmt: skip
def test_lct_answers_to_its_own_names_only(named: Any, host: str, known: bool) -> None:
    for path, status in (("/", 200), ("/nothing", 404), ("/static/app.css", 200), ("/api/x", 404)):
        answer = named.get(path, headers={"Host": host})
        assert answer.status_code == (status if known else 400), path
        assert "evil" not in answer.get_data(as_text=True)
    forwarded = named.get("/", headers={"Host": "cup.example", "X-Forwarded-Host": host})
    assert forwarded.status_code == (200 if known or not host else 400)
    for probe in ("/liveness", "/readiness"):  # probes address a pod by its IP
        assert named.get(probe, headers={"Host": host}).status_code == 200


def test_any_host_name_is_accepted_unless_names_are_set(settings: Settings) -> None:
    with app_here(replace(settings, public_url="https://cup.example")) as app:
        answer = app.test_client().get("/", headers={"Host": "laptop.local"})
        assert answer.status_code == 200
        odd = app.test_client().get("/", headers={"Host": "x;script-src *"})
        assert "*" not in odd.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("origin", "ours"),
    [("https://cup.example:8443", True), ("https://a.inner.example:8443", True),
     ("https://evil.example:8443", False), ("https://cup.example.evil.example:8443", False),
     ("http://cup.example:8443", False), ("null", False), ("cup.example:8443", False)],
)  # fmt: skip
def test_a_proxy_may_drop_the_port_of_the_public_address(
    settings: Settings, caplog: pytest.LogCaptureFixture, origin: str, ours: bool
) -> None:
    public = "https://cup.example:8443"
    names = ".inner.example, 10.0.0.7" if "inner" in origin else ""
    behind = replace(settings, public_url=public, allowed_hosts=names, trusted_proxies=1)
    with app_here(behind) as app:
        logging.getLogger().addHandler(caplog.handler)
        code, client = Desk().create(), app.test_client()
        page = client.get(f"/t/{code}/join", headers=FROM_PROXY).get_data(as_text=True)
        token = parse(page).all("input", name="csrf_token")[0].attrs["value"]
        sent = {**FROM_PROXY, "Origin": origin}
        events = client.head(f"/t/{code}/events?view=board", headers=sent)
        asked = client.get(f"/t/{code}/now?view=board", headers=sent)
        look = client.post(f"/t/{code}/look", headers={**sent, "X-CSRFToken": token})
        assert events.status_code == asked.status_code == (200 if ours else 403)
        assert ("different address" in look.get_data(as_text=True)) == (not ours)
        # Older Safari does not count wss: as 'self'.
        assert "wss://cup.example:8443" in events.headers["Content-Security-Policy"]
    refusals = [each for each in caplog.records if each.msg == "origin refused"]
    assert len(refusals) == (0 if ours else 3)
    for each in refusals:
        said = vars(each)
        assert said["labels.origin"] == origin
        assert (said["labels.host"], said["labels.public_url"]) == ("cup.example", public)
