"""QR codes and links: they lead to the public address, and a camera reads them on any screen."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image, ImageDraw

from lct.config import Settings
from lct.running import share_addresses

from .browser import be, decoded
from .desk import Desk
from .http_client import PUBLIC_URL, Element, House, app_here, open_house, parse, words
from .support import wait_until

FORGED = {
    "host": {"Host": "evil.example"},
    "host with a port": {"Host": "evil.example:99"},
    "forwarded host": {"X-Forwarded-Host": "evil.example"},
    "forwarded": {"Forwarded": "host=evil.example;proto=https"},
    "all of them": {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Port": "99",
        "X-Forwarded-Prefix": "/evil.example",
        "X-Original-Host": "evil.example",
        "X-Script-Name": "/evil.example",
    },
}


def drawn(svg: Element, size: int = 8) -> Image.Image:
    """The QR code as its SVG draws it, ``size`` pixels a module."""
    _, _, width, height = map(int, svg.attrs["viewbox"].split())
    image = Image.new("RGB", (width * size, height * size), "red")
    pen = ImageDraw.Draw(image)
    for path in svg.all("path"):
        steps = path.attrs["d"]
        bars = re.findall(r"M(\d+) (\d+)h(\d+)v(\d+)(?:h-\d+z|H0z)", steps)
        assert len(bars) == steps.count("M")
        for x, y, across, down in (map(int, bar) for bar in bars):
            box = (x * size, y * size, (x + across) * size - 1, (y + down) * size - 1)
            pen.rectangle(box, fill=path.attrs["fill"])
    return image


def read(image: Image.Image) -> str:
    """What a camera reads."""
    found = zxingcpp.read_barcodes(image)
    assert len(found) == 1, "no camera can read this"
    return str(found[0].text)


def codes(page: Element) -> list[str]:
    """The texts of the QR codes on a page."""
    return [read(drawn(svg)) for svg in page.all("svg", cls="qr")]


def test_every_code_on_a_page_leads_to_the_public_address(house: House) -> None:
    e = house.evening()
    ola = e.guest("Ola")
    seal = e.facts("tournament-created")[0]["commitment"].upper()
    assert codes(house.phone().get(e.at()).page) == [
        f"{PUBLIC_URL}{e.at('join')}",
        f"{PUBLIC_URL}{e.at('verify')}?attempt=1#seal={seal}",
    ]
    assert codes(ola.get(e.at("me")).page) == []  # made when "Save your seat" is opened
    (image,) = ola.get(e.at("me")).page.all("img", cls="qr")
    (seat,) = codes(ola.get(e.at(image.attrs["src"])).page)
    assert seat.startswith(f"{PUBLIC_URL}{e.at('seat')}/")
    other = house.phone()
    assert other.get(seat.removeprefix(PUBLIC_URL)).location.startswith(e.at("me"))
    join, host = codes(e.host.get(e.at("organise")).page)
    assert join == f"{PUBLIC_URL}{e.at('join')}"
    link = host.removeprefix(PUBLIC_URL)
    assert other.get(link).status == 200
    assert other.post(link, {}).location == e.at("organise")


HOME, TRAIN, VPN = (f"http://{at}:8000" for at in ("192.168.1.20", "172.20.10.2", "10.8.0.6"))


def test_the_address_changes_by_a_tap_and_with_the_network(servers: Any, tmp_path: Path) -> None:
    folder = tmp_path / "var"
    folder.mkdir()
    share_addresses(folder, HOME, (HOME, VPN))
    made = {"public_url": HOME, "var": folder, "allowed_hosts": "127.0.0.1"}
    with open_house(servers, tmp_path, **made) as house:
        e = house.evening()
        ola, tv = e.guest("Ola"), house.phone()
        link = codes(ola.get(e.at("seat.svg")).page)[0].removeprefix(HOME)
        with tv.live(e.live("board")) as board, e.host.live(e.live("organise")) as desk:

            def leads_to(url: str) -> None:
                wanted = f"{url}{e.at('join')}"
                for screen in (board, desk):
                    screen.until(lambda s: wanted in codes(s.page), 5)
                assert url.removeprefix("http://") in board.shows("side")
                phones = [house.phone(worker) for worker in (0, 1)]
                wait_until(lambda: all(codes(p.get(e.at()).page)[0] == wanted for p in phones), 3)

            leads_to(HOME)
            buttons = e.host.get(e.at("organise")).page.all("button", name="address")
            assert [each.attrs["value"] for each in buttons] == [VPN]
            answer = e.act("address", address=VPN)
            assert "The QR codes now lead to http://10.8.0.6:8000" in words(answer.text)
            assert all(code.startswith(VPN) for code in codes(answer.page))
            assert len(codes(answer.page)) == 2  # for guests and for a co-organiser
            leads_to(VPN)
            assert e.act("address", address="http://evil.example").status == 404
            assert ola.post(e.at("organise"), {"do": "address", "address": HOME}).status == 403
            share_addresses(folder, HOME, (TRAIN,))
            leads_to(TRAIN)
            assert not e.host.get(e.at("organise")).page.all("button", name="address")
        # At the new address old links work, and phones go live, whatever names are allowed.
        there = {"Host": "172.20.10.2:8000", "Origin": TRAIN}
        back = house.phone()
        assert back.get(link, headers=there).status == 303
        assert "Ola Nowak" in back.get(e.at("me"), headers=there).text
        assert back.get(e.at("now?view=me"), headers=there).status == 200
        assert back.get(e.at(), headers={"Host": "10.8.0.6:8000"}).status == 400


def test_a_socket_sends_the_same_code_as_the_page(house: House) -> None:
    e = house.evening()
    with house.phone().live(e.live("board")) as screen:
        screen.take()
        assert codes(screen.page) == codes(house.phone().get(e.at()).page)


def test_the_seal_has_a_code_until_the_first_pick(house: House) -> None:
    e = house.evening(limit=3)
    ola, max_ = e.guest("Ola"), e.guest("Max")
    with house.phone().live(e.live("board")) as board:
        board.take()
        assert "Scan to keep the seal" in board.shows("side")
        e.pick(ola, 1)
        board.until(lambda s: "Scan to keep the seal" not in s.shows("side"))
        assert len(codes(board.page)) == 1
        # Each pick after it leaves the side as it is.
        before = len(board.frames)
        e.pick(max_, 2)
        board.until(lambda s: "Team 2" in s.text)
        assert not any('id="side"' in frame for frame in board.frames[before:])
        assert ola.post(e.at("let-go"), {}, htmx=True).status == 200
        assert max_.post(e.at("let-go"), {}, htmx=True).status == 200
        board.until(lambda s: len(codes(s.page)) == 2)
    for team, guest in enumerate((ola, max_, e.guest("Zoë"))):
        e.pick(guest, team)
    assert e.act("draw", attempt=1).status == 200
    assert e.act("restart").status == 200
    seal = e.facts("picks-restarted")[0]["commitment"].upper()
    assert codes(house.phone().get(e.at()).page)[1].endswith(f"?attempt=2#seal={seal}")


def test_a_code_has_a_light_border_of_four_modules(house: House) -> None:
    e = house.evening()
    svg, _ = house.phone().get(e.at()).page.all("svg", cls="qr")
    image, edge = drawn(svg, 1), int(svg.attrs["viewbox"].split()[2])
    colours = image.load()
    border = {
        colours[x, y]
        for x in range(edge)
        for y in range(edge)
        if min(x, y, edge - 1 - x, edge - 1 - y) < 4
    }
    assert border == {(255, 255, 255)}
    assert {colours[x, y] for x in range(edge) for y in range(edge)} == {
        (255, 255, 255),
        (11, 18, 32),
    }


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED)
def test_a_forged_host_is_on_no_page_and_in_no_redirect(
    house: House, headers: dict[str, str]
) -> None:
    e = house.evening()
    ola = e.guest("Ola")
    phones = [house.phone(), ola, e.host]
    paths = ["/", "/nothing", f"/go?code={e.code}", f"/t/{e.code.lower()}"]
    paths += [e.at(page) for page in ("", "join", "back", "me", "organise", "recover", "verify")]
    for phone in phones:
        for path in paths:
            answer = phone.get(path, headers=headers)
            assert "evil.example" not in answer.text, path
            assert "evil.example" not in answer.location, path
            assert answer.status != 200 or set(codes(answer.page)) <= set(
                codes(phone.get(path).page)
            )


def test_a_page_connects_its_socket_to_the_host_it_was_opened_on(house: House) -> None:
    """Its address is a bare path: behind a proxy lct may know neither the host nor the scheme."""
    e = house.evening()
    ola = e.guest("Ola")
    for phone, page in ((house.phone(), ""), (ola, "me"), (e.host, "organise")):
        live = phone.get(e.at(page)).page.by_id("live").attrs["hx-ws:connect"]
        assert live.startswith(e.at("live")), live


def board_of(settings: Settings, headers: dict[str, str] | None = None) -> tuple[str, Element]:
    """The code of a new tournament, and its board under these settings."""
    with app_here(settings) as app:
        code = Desk().create()
        answer = app.test_client().get(f"/t/{code}", headers=headers)
    assert answer.status_code == 200
    return code, parse(answer.get_data(as_text=True))


def test_without_a_public_address_the_board_warns_and_says_what_to_do(settings: Settings) -> None:
    code, page = board_of(settings)
    (warning,) = page.all(cls="warning")
    assert "Phones cannot open this address" in warning.text
    assert "LCT_PUBLIC_URL" in warning.text
    assert codes(page)[0] == f"http://127.0.0.1:{settings.port}/t/{code}/join"


@pytest.mark.parametrize(
    ("url", "warned"),
    [("http://localhost:8000", True), ("http://127.0.0.53", True), ("http://[::1]:8000", True),
     ("http://192.168.1.20:8000", False), ("https://cup.example", False)],
)  # fmt: skip
def test_only_a_loopback_address_shows_a_warning(
    settings: Settings, url: str, warned: bool
) -> None:
    code, page = board_of(replace(settings, public_url=url))
    assert bool(page.all(cls="warning")) == warned
    assert codes(page)[0] == f"{url}/t/{code}/join"


def test_behind_a_trusted_proxy_the_codes_still_lead_to_the_public_address(
    settings: Settings,
) -> None:
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "inner.example:8080"}
    trusting = replace(settings, trusted_proxies=1, public_url=PUBLIC_URL)
    code, page = board_of(trusting, headers)
    assert codes(page)[0] == f"{PUBLIC_URL}/t/{code}/join"
    assert ":8080" not in page.text


# --- on a screen ----------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize(
    ("width", "height", "scheme"),
    [(1280, 720, "dark"), (1280, 720, "light"), (1920, 1080, "light"), (3840, 2160, "dark"),
     (320, 640, "light"), (320, 640, "dark")],
)  # fmt: skip
def test_a_camera_reads_the_board_in_any_theme_with_a_light_border_of_four_modules(
    house: House, browser: Any, width: int, height: int, scheme: str
) -> None:
    e = house.evening()
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    try:
        page = context.new_page()
        page.goto(f"{house.url}{e.at()}")
        page.locator(".keep-seal svg").scroll_into_view_if_needed()
        image = Image.open(io.BytesIO(page.screenshot())).convert("L")
        modules = int(page.locator("svg.qr").first.get_attribute("viewBox").split()[2]) - 8
    finally:
        context.close()
    found, seal = sorted(zxingcpp.read_barcodes(image), key=lambda code: len(code.text))
    assert found.text == f"{PUBLIC_URL}{e.at('join')}"
    assert "#seal=" in seal.text
    corners = (found.position.top_left, found.position.bottom_right)
    left, top, right, bottom = (n for corner in corners for n in (corner.x, corner.y))
    module = (right - left) / modules
    lightness = image.load()
    reach = round(3.5 * module)  # to the middle of the fourth module
    for step in range(-reach, right - left + reach, 3):
        for x, y in [
            *((left - reach, top + step), (right + reach, top + step)),
            *((left + step, top - reach), (left + step, bottom + reach)),
        ]:
            assert lightness[x, y] > 230, (x, y, found.position)


@pytest.mark.browser
@pytest.mark.parametrize("script", [True, False])
def test_the_seat_code_shows_when_its_section_is_opened(
    house: House, browser: Any, script: bool
) -> None:
    e = house.evening()
    ola = e.guest("Ola")
    (seat,) = codes(ola.get(e.at("seat.svg")).page)
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, java_script_enabled=script
    )
    try:
        page = context.new_page()
        be(page, ola)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{house.url}{e.at('me')}")
        page.wait_for_timeout(300)
        # Without JavaScript browsers load every image at once: loading must not reveal scrolling.
        assert any("/seat.svg" in url for url in asked) is not script
        page.get_by_text("Save your seat").click()
        if script:
            page.locator(".seat-link svg.qr").wait_for()
            seat += "#k=" + page.evaluate("ownKey()")
        assert decoded(page, ".seat-link .qr") == seat
    finally:
        context.close()
