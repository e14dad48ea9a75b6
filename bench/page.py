"""What a guest's browser loads after scanning the code: bytes on the wire, and requests."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support import browser_options

from .figures import Figure, measures
from .place import place

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
}
# Over plain http Chromium accepts brotli from 127.0.0.1, but only gzip from other hosts.
NAME = "laptop.example"


@measures("join_page_kb", "join_page_requests")
def join_page() -> Iterator[Figure]:
    with place(workers=1) as where:
        code = where.create(32)
        # A thread of its own, because a test's Playwright may run in this one.
        with ThreadPoolExecutor(1) as thread:
            url = f"http://{NAME}:{where.port}/t/{code}/join"
            sizes = thread.submit(loaded, url).result().values()
    yield Figure("join_page_kb", sum(sizes) / 1000, "kB", "< 60")
    yield Figure("join_page_requests", len(sizes), "requests", "<= 6")


def loaded(url: str) -> dict[tuple[str, str], float]:
    """Request (id, address) -> bytes received with an empty cache, encoded and with headers."""
    from playwright.sync_api import sync_playwright

    sent: dict[str, str] = {}
    sizes: dict[tuple[str, str], float] = {}

    def note_sent(event: dict[str, Any]) -> None:
        if event["request"]["url"].startswith("http"):  # a data: address costs no request
            sent[event["requestId"]] = event["request"]["url"]

    def note_finished(event: dict[str, Any]) -> None:
        if address := sent.get(event["requestId"]):
            sizes[event["requestId"], address] = event["encodedDataLength"]

    with sync_playwright() as playwright:
        options = browser_options()
        options["args"].append(f"--host-resolver-rules=MAP {NAME} 127.0.0.1")
        browser = playwright.chromium.launch(**options)
        context = browser.new_context(**PHONE)
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.on("Network.requestWillBeSent", note_sent)
        session.on("Network.loadingFinished", note_finished)
        session.send("Network.enable")
        page.goto(url, wait_until="networkidle")
        browser.close()
    if sent.keys() != {request for request, _ in sizes}:
        raise RuntimeError(f"not everything was loaded: {sent}")
    return sizes
