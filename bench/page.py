"""What a guest's browser loads after scanning the code: bytes on the wire and requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.support import browser_options

from .figures import Figure, measures
from .place import place

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
# Over plain http Chromium asks 127.0.0.1 for brotli, but what is not this machine for gzip only.
NAME = "laptop.example"


@measures("join_page_kb", "join_page_requests")
def join_page() -> Iterator[Figure]:
    with place(workers=1) as where:
        code = where.create(32)
        sizes = loaded(f"http://{NAME}:{where.port}/t/{code}/join")
    yield Figure("join_page_kb", sum(sizes.values()) / 1000, "kB", "< 60")
    yield Figure("join_page_requests", len(sizes), "requests", "<= 6")


def loaded(url: str) -> dict[str, float]:
    """Address -> encoded bytes, headers included, of all that a page loads with an empty cache."""
    from playwright.sync_api import sync_playwright

    addresses: dict[str, str] = {}
    sizes: dict[str, float] = {}

    def sent(event: dict[str, Any]) -> None:
        if event["request"]["url"].startswith("http"):
            addresses[event["requestId"]] = event["request"]["url"]
            sizes.setdefault(event["request"]["url"], 0)

    def finished(event: dict[str, Any]) -> None:
        if address := addresses.get(event["requestId"]):
            sizes[address] += event["encodedDataLength"]

    with sync_playwright() as playwright:
        options = browser_options()
        options["args"].append(f"--host-resolver-rules=MAP {NAME} 127.0.0.1")
        browser = playwright.chromium.launch(**options)
        context = browser.new_context(**PHONE)
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.on("Network.requestWillBeSent", sent)
        session.on("Network.loadingFinished", finished)
        session.send("Network.enable")
        page.goto(url, wait_until="networkidle")
        browser.close()
    return sizes
