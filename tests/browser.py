"""Devices and steps that the browser tests share."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from typing import Any

import zxingcpp
from PIL import Image

PHONE = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}
TV = {"viewport": {"width": 1280, "height": 720}}
QUICK = 5_000  # milliseconds until a screen must be right, even on a busy machine


class Screens:
    """Opens isolated devices and collects their errors."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser
        self.contexts: list[Any] = []
        self.problems: list[str] = []

    def open(self, **options: Any) -> Any:
        # Without a GPU the animations of an idle page take a tenth of a core.
        context = self.browser.new_context(**{"reduced_motion": "reduce", **options})
        self.contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._note)
        return page

    def _note(self, said: Any) -> None:
        if said.type == "error" and re.search("Content Security Policy|'Trusted", said.text):
            self.problems.append(said.text)

    def close(self) -> None:
        for context in self.contexts:
            context.close()
        assert self.problems == []


def decoded(page: Any, selector: str = "svg.qr") -> str:
    """What a phone's camera reads in the QR code on a page."""
    code = page.locator(selector).first
    code.evaluate("code => code.decode?.()")
    picture = code.screenshot()
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
    assert found, "the QR code cannot be read"
    return str(found[0].text)


def create(page: Any, base: str, name: str, players: int) -> str:
    """Fill in the host's form; returns the tournament's code."""
    page.goto(base)
    page.get_by_label("Name of the evening").fill(name)
    page.get_by_label("Players", exact=True).fill(str(players))
    page.get_by_role("button", name="Create the tournament").dblclick()
    # By what it shows: without JavaScript the second click ends the first one's navigation, which
    # wait_for_url takes for a failure.
    page.locator("h1", has_text=name).wait_for()
    found = re.search(r"/t/(\w{8})/", page.url)
    assert found
    return found[1]


def join(page: Any, url: str, first: str, last: str, twice: bool = False) -> None:
    page.goto(url)
    page.get_by_label("First name").fill(first)
    page.get_by_label("Surname").fill(last)
    button = page.get_by_role("button", name="Take a seat")
    button.dblclick() if twice else button.click()
    page.wait_for_url("**/me")


def see(page: Any, text: str, timeout: int = QUICK) -> None:
    page.get_by_text(text, exact=False).first.wait_for(timeout=timeout)


def no_sideways_scroll(page: Any) -> None:
    wide, window = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= window


def nothing_is_cut(page: Any, boxes: str, texts: str) -> None:
    """Every text lies within its box, and no two boxes overlap, of those that are seen."""
    found = page.evaluate(
        """([boxes, texts]) => {
          const seen = { visibilityProperty: true, opacityProperty: true };
          const all = (selector, root = document) => [...root.querySelectorAll(selector)]
            .filter((each) => each.checkVisibility(seen));
          const letters = (element) => {
            if (element.querySelector(".unseen")) return element.getBoundingClientRect();
            const range = document.createRange();
            range.selectNodeContents(element);
            return range.getBoundingClientRect();
          };
          const within = (a, b) => !a.width || (a.left >= b.left - 1 && a.right <= b.right + 1
            && a.top >= b.top - 3 && a.bottom <= b.bottom + 3);
          const apart = (a, b) => a.right <= b.left + 1 || b.right <= a.left + 1
            || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
          const found = all(boxes).map((box) => [box, box.getBoundingClientRect()]), faults = [];
          found.forEach(([box, a], i) => {
            const out = all(texts, box).filter((text) => !within(letters(text), a));
            const over = found.slice(i + 1).filter(([, b]) => !apart(a, b)).map(([other]) => other);
            for (const each of [...out, ...over]) faults.push([box.textContent, each.textContent]);
          });
          return [found.length, faults];
        }""",
        [boxes, texts],
    )
    assert found[0] > 0
    assert found[1] == [], found[1]


def letters_are_whole(page: Any) -> None:
    """No box that hides what is outside it cuts a letter of the family: the tallest is Ẳ, 0.072 of
    the size above its face, and the lowest a dot 0.023 below it. And no flex box drops the space
    between a text and an element."""
    faults = page.evaluate(
        """() => {
          const faults = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          for (let text; (text = texts.nextNode());) {
            if (!text.data.trim() || !text.parentElement.checkVisibility()) continue;
            const style = getComputedStyle(text.parentElement), size = parseFloat(style.fontSize);
            const glued = text.nextElementSibling && /\\s$/.test(text.data)
              || text.previousElementSibling && /^\\s/.test(text.data);
            if (glued && /flex|grid/.test(style.display) && !parseFloat(style.columnGap))
              faults.push([text.data, "no space"]);
            if (!style.fontFamily.includes("Barlow")) continue;
            const range = document.createRange();
            range.selectNodeContents(text);
            for (let box = text.parentElement; box !== document.body; box = box.parentElement) {
              const { overflowX, overflowY, clipPath } = getComputedStyle(box);
              if (!["hidden", "clip"].includes(overflowX) || clipPath !== "none") continue;
              const { top, bottom, left, right } = box.getBoundingClientRect();
              for (const line of range.getClientRects()) {
                // a line that is not shown, or a column beside
                if (line.top >= bottom - 0.1 * size || line.left >= right) continue;
                const high = line.top - 0.072 * size < top - 0.5;
                const low = line.bottom + 0.023 * size > bottom + 0.5;
                const short = line.left < left - 1 || line.right > right + 1;
                if (overflowY !== "visible" && (high || low) || short)
                  faults.push([text.data, box.className]);
              }
            }
          }
          return faults;
        }"""
    )
    assert faults == [], faults


def is_live(page: Any, timeout: int = QUICK) -> None:
    page.locator("#live-mark[data-state=live]").wait_for(timeout=timeout)


def is_by(page: Any, way: str, state: str, timeout: int = 20_000) -> None:
    page.locator(f"#live-mark[data-state={state}][data-way={way}]").wait_for(timeout=timeout)


def be(page: Any, phone: Any) -> None:
    """Give a page's context the cookies of a phone (http_client), so it acts as that person."""
    page.context.add_cookies(
        [
            {"name": name, "value": value, "domain": "127.0.0.1", "path": path}
            for (path, name), value in phone.cookies.items()
        ]
    )


def hurry(page: Any, holds: Callable[[], Any], seconds: int = 30) -> None:
    """Run a page's installed clock ahead until ``holds()``. After that many of its seconds, wait
    up to QUICK in real time for the other devices."""
    for _ in range(2 * seconds):
        if holds():
            return
        pass_time(page, 0.5)
    end = time.monotonic() + QUICK / 1000
    while not holds():
        assert time.monotonic() < end, f"not in {seconds} s of the page's own time"
        page.wait_for_timeout(50)


def pass_time(page: Any, seconds: float) -> None:
    """Advance a page's clock by some seconds, with time for answers in between."""
    for _ in range(round(2 * seconds)):
        page.clock.run_for(500)
        page.wait_for_timeout(100)
