"""Malformed requests and unknown addresses get our page and one log line without what was sent."""

from __future__ import annotations

import json
import re
import secrets
import socket
from urllib.parse import urlsplit

import pytest

from .http_client import House
from .support import wait_until

KEY = "0f" * 16
HOST = "Host: x\r\n"
UNREADABLE = {
    "long cookie": (f"GET / HTTP/1.1\r\n{HOST}Cookie: a={KEY}{'b' * 9000}\r\n\r\n", 431),
    "very long cookie": (f"GET / HTTP/1.1\r\n{HOST}Cookie: {KEY}{'b' * 300_000}\r\n\r\n", 431),
    "many headers": (f"GET / HTTP/1.1\r\n{HOST}" + f"X-A: {KEY}\r\n" * 101 + "\r\n", 431),
    "long line": (f"GET /t/BCDF2345/host/{KEY}{'a' * 5000} HTTP/1.1\r\n{HOST}\r\n", 414),
    "bad line": (f"GET /t/BCDF2345/host/{KEY} and more HTTP/1.1\r\n{HOST}\r\n", 400),
    "bad method": (f"G<T /t/BCDF2345/host/{KEY} HTTP/1.1\r\n{HOST}\r\n", 400),
    "bad version": (f"GET / HTTP/{KEY}\r\n{HOST}\r\n", 400),
    "bad header": (f"GET / HTTP/1.1\r\n{HOST}Cookie {KEY}\r\n\r\n", 400),
    "bad header name": (f"GET / HTTP/1.1\r\n{HOST}Co<kie{KEY}: 1\r\n\r\n", 400),
    "folded header": (f"GET / HTTP/1.1\r\n{HOST}Cookie: a\r\n {KEY}\r\n\r\n", 400),
    "bad expectation": (f"GET / HTTP/1.1\r\n{HOST}Expect: {KEY}\r\n\r\n", 417),
    "bad encoding": (f"POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: {KEY}\r\n\r\n", 501),
    "bad chunk": (f"POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n{KEY}zz\r\n", 400),
}


def answer_to(house: House, sent: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of the answer; closes the connection."""
    where = urlsplit(house.server.url)
    with socket.create_connection((where.hostname, where.port), timeout=10) as connection:
        connection.sendall(sent.encode())
        answer = b""
        while more := connection.recv(65536):
            answer += more
            if b"\r\n\r\n" in answer and b"</html>" in answer:
                break
    head, _, body = answer.decode().partition("\r\n\r\n")
    line, *headers = head.split("\r\n")
    return int(line.split()[1]), dict(each.split(": ", 1) for each in headers), body


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_malformed_request_gets_our_page_and_a_log_line_without_its_content(
    what: str, house: House
) -> None:
    sent, wanted = UNREADABLE[what]
    status, headers, body = answer_to(house, sent)
    assert status == wanted
    asked = headers["X-Request-Id"]
    assert asked in body
    assert "Content-Security-Policy" in headers
    if wanted == 431:
        assert "Delete the cookies" in body

    wait_until(lambda: asked in house.log())
    (text,) = [line for line in house.log().splitlines() if asked in line]
    line = json.loads(text)
    assert line["message"] == "request"
    assert line["http"]["response"]["status_code"] == wanted
    assert line["labels"]["error_kind"] in ("validation", "service")
    assert KEY not in house.log()
    assert "Invalid request" not in house.log()


def test_text_typed_in_place_of_a_code_or_a_name_is_not_logged(house: House) -> None:
    house.forget_limits()
    e = house.evening()
    secret = f"Quark{secrets.token_hex(6)}"
    unknown = "ZZZZZZZZ"  # looks like a personal code
    phone = house.phone()
    for path in (
        f"/t/{secret}", f"/t/{secret}/join", f"/t/{secret}/host/x", f"/t/{secret}/now?view=board",
        f"/t/{unknown}/join", f"/t/{unknown.lower()}/join", f"/t/{unknown}/verify",
        f"/api/v1/tournaments/{secret}", f"/api/v1/tournaments/{unknown}/players",
        f"/static/{secret}", e.at(secret), e.at(f"seat/{secret}"), f"/{secret}",
        f"/api/v1/tournaments/{e.code}/players/{secret}",
    ):  # fmt: skip
        assert phone.get(path).status >= 300, path
    assert phone.get(e.at(), headers={"X-Request-Id": "the-last-one"}).status == 200
    wait_until(lambda: "the-last-one" in house.log())
    for line in house.log().splitlines():
        assert not re.search(f"{secret}|{unknown}", line, re.IGNORECASE), line
    last = [json.loads(li) for li in house.log().splitlines() if "the-last-one" in li][-1]
    assert last["labels"]["tournament"] == e.code
    assert last["url"]["path"] == e.at()
