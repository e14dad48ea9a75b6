"""Where webhooks may go: only to public addresses, and only to the address that was checked. They
are off by default."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lct.config import Settings
from lct.domain.errors import Invalid
from lct.webhooks import deliver
from lct.webhooks import post as outgoing
from lct.webhooks.post import PRIVATE, SLOW, UNREACHABLE, NotSent, post
from lct.webhooks.target import checked_url, is_public

from .api_client import ApiEvening, refused, served, settings_for
from .receiver import CONTINUE, Receiver, receiver, talks_on
from .support import free_port

PUBLIC_IPS = ("93.184.216.34", "1.1.1.1", "2606:4700:4700::1111")
PRIVATE_IPS = (
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255",
    "192.168.1.1", "100.64.0.1", "169.254.169.254", "192.0.0.8", "192.0.2.1", "198.18.0.1",
    "203.0.113.5", "168.63.129.16", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1",
    "fd00:ec2::254", "ff02::1", "2001:db8::1", "2001::1", "2002:7f00:1::1", "100::1",
    "3fff::1", "3fff:fff:ffff::1", "5f00::1", "2001:1::1", "2001:2::1", "2001:3::1",
    "2001:4:112::1", "2001:10::1", "2001:20::1", "2001:30::1", "2620:4f:8000::1",
    "192.31.196.1", "192.52.193.1",
    "192.88.99.1", "192.175.48.1", "198.51.100.1", "198.19.255.255", "100:0:0:1::1",
)  # fmt: skip


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def names(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Resolve names to these addresses: one list per lookup, the last one for all later ones.
    Returns the names that were looked up."""
    asked: list[str] = []

    def lookup(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        found = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        families = [socket.AF_INET6 if ":" in ip else socket.AF_INET for ip in found]
        return [
            (family, socket.SOCK_STREAM, 6, "", (ip, port, 0, 0) if ":" in ip else (ip, port))
            for family, ip in zip(families, found, strict=True)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return asked


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The addresses of all attempts to connect; no connection is made."""
    found: list[Any] = []

    class Socket(socket.socket):
        def connect(self, address: Any) -> None:
            found.append(address)
            raise ConnectionRefusedError

    monkeypatch.setattr(socket, "socket", Socket)
    return found


# --- what is public -------------------------------------------------------------------------------


@pytest.mark.parametrize("ip", PUBLIC_IPS)
def test_an_address_of_the_internet_is_public(ip: str) -> None:
    assert is_public(ip)


@pytest.mark.parametrize("ip", PRIVATE_IPS)
def test_a_private_or_reserved_address_is_not_public(ip: str) -> None:
    assert not is_public(ip)


@pytest.mark.parametrize("ip", PRIVATE_IPS)
def test_nothing_is_sent_to_a_name_that_resolves_to_a_private_address(
    monkeypatch: pytest.MonkeyPatch, connected: list[Any], ip: str
) -> None:
    for found in ([ip], ["1.1.1.1", ip], [ip, "1.1.1.1"]):
        names(monkeypatch, found)
        with pytest.raises(NotSent, match=PRIVATE):
            post("https://hook.example/", {}, b"{}", private=False)
    assert connected == []


@pytest.mark.parametrize(
    "host", ["127.1", "2130706433", "0x7f.0.0.1", "017700000001", "localhost", "[::1]"]
)
def test_nothing_is_sent_to_another_spelling_of_a_private_address(
    connected: list[Any], host: str
) -> None:
    with pytest.raises(NotSent, match=PRIVATE):
        post(f"https://{host}/", {}, b"{}", private=False)
    assert connected == []


def test_the_connection_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch, connected: list[Any]
) -> None:
    """DNS rebinding: the name resolves differently after the first lookup."""
    asked = names(monkeypatch, ["1.1.1.1"], ["127.0.0.1"])
    with pytest.raises(NotSent, match=UNREACHABLE):
        post("https://hook.example/", {}, b"{}", private=False)
    assert asked == ["hook.example"]
    assert connected == [("1.1.1.1", 443)]


def test_a_message_arrives_at_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch, there: Receiver
) -> None:
    with receiver(host="127.0.0.2", port=there.port) as other:
        names(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])
        assert post(f"http://hook.example:{there.port}/x?y=z", {}, b"{}", private=True) == 204
        assert len(there.sent) == 1
        assert there.sent[0].headers["host"] == f"hook.example:{there.port}"
        assert there.sent[0].path == "/x?y=z"
        assert other.sent == []


# --- which URLs are accepted ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["https://hook.example", "https://hook.example:8443/a?b=c", "https://1.1.1.1/",
     "https://[2606:4700:4700::1111]/"],
)  # fmt: skip
def test_a_public_https_url_is_accepted_unchanged(url: str) -> None:
    assert checked_url(url, private=False) == url


@pytest.mark.parametrize(
    "url",
    ["", "x", "hook.example", "http://hook.example/", "ftp://hook.example/", "file:///etc/passwd",
     "https://", "https:///x", "https://hook.example:0/", "https://hook.example:99999/",
     "https://hook.example:x/", "https://ola:hush@hook.example/", "https://@hook.example/",
     "https://hook.example/#x", "https://hook.example/a b", "https://hook.example/\r\nX: y",
     "https://hook.example/\x00", "https://h\u00f6\u00f6k.example/", "https://[::1/",
     "https://hook.example/" + "a" * 500, "https://a\\@127.0.0.1/"],
)  # fmt: skip
def test_any_other_url_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as refusal:
        checked_url(url, private=False)
    assert refusal.value.fields.keys() == {"url"}


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/", "https://192.168.0.7:8443/", "https://[::1]/", "https://[fd00::1]/",
     "https://169.254.169.254/latest/meta-data", "https://localhost/", "https://a.localhost./",
     "https://nas.local/", "https://metadata.google.internal/"],
)  # fmt: skip
def test_an_obviously_private_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(Invalid):
        checked_url(url, private=False)
    assert checked_url(url, private=True) == url
    assert checked_url(url.replace("https", "http"), private=True)


# --- misbehaving receivers ------------------------------------------------------------------------


def test_a_redirect_is_not_followed(there: Receiver) -> None:
    with receiver() as other:
        for status in (301, 302, 303, 307, 308):
            there.always = status, {"Location": other.url}
            assert post(there.url, {}, b"{}", private=True) == status
        assert len(there.sent) == 5
        assert other.sent == []


def test_a_proxy_in_the_environment_is_not_used(
    monkeypatch: pytest.MonkeyPatch, there: Receiver
) -> None:
    with receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert post(there.url, {}, b"{}", private=True) == 204
        assert proxy.sent == []


def test_a_receiver_that_answers_too_late_is_given_up(
    monkeypatch: pytest.MonkeyPatch, there: Receiver
) -> None:
    monkeypatch.setattr(outgoing, "TOTAL", 0.3)
    there.always = lambda _: time.sleep(2)
    began = time.monotonic()
    with pytest.raises(NotSent, match=SLOW):
        post(there.url, {}, b"{}", private=True)
    assert time.monotonic() - began < 1.5


def test_an_endless_answer_is_not_read(there: Receiver) -> None:
    cut = threading.Event()

    def endless(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        talks_on(b"x" * 65536, 2000, cut)(handler)

    there.always = endless
    assert post(there.url, {}, b"{}", private=True) == 200
    assert cut.wait(5), "it was not disconnected within 130 MB"


def test_an_answer_that_never_begins_is_given_up(there: Receiver) -> None:
    """Sent at full speed, it would keep a worker from any other work."""
    cut = threading.Event()
    there.always = talks_on(CONTINUE, 1000, cut)
    began = time.monotonic()
    with pytest.raises(NotSent, match=UNREACHABLE):
        post(there.url, {}, b"{}", private=True)
    assert cut.wait(5), "it was not disconnected within 50 MB"
    assert time.monotonic() - began < 1


def test_response_headers_of_the_usual_size_are_read_whole(there: Receiver) -> None:
    there.always = 200, {f"X-{number}": "x" * 500 for number in range(20)}
    assert post(there.url, {}, b"{}", private=True) == 200


def test_a_slow_name_lookup_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "LOOKUP", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(2))
    began = time.monotonic()
    with pytest.raises(NotSent, match=SLOW):
        post("https://hook.example/", {}, b"{}", private=False)
    assert time.monotonic() - began < 1


def test_one_try_ends_before_its_lease() -> None:
    assert outgoing.LOOKUP + outgoing.TOTAL < deliver.LEASE / 1000


def test_a_silent_address_leaves_time_for_the_next_one(
    monkeypatch: pytest.MonkeyPatch, there: Receiver
) -> None:
    names(monkeypatch, ["1.1.1.1", "127.0.0.1"])
    left: list[float] = []

    class Socket(socket.socket):
        def connect(self, address: Any) -> None:
            left.append(self.gettimeout() or 0)
            if address[0] == "1.1.1.1":
                time.sleep(left[-1])
                raise TimeoutError
            super().connect(address)

    monkeypatch.setattr(outgoing, "CONNECT", 0.6)
    monkeypatch.setattr(socket, "socket", Socket)
    assert post(f"http://hook.example:{there.port}/", {}, b"{}", private=True) == 204
    assert min(left) > 0.2


@pytest.mark.parametrize("said", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 99999 x\r\n\r\n"])
def test_a_malformed_answer_counts_as_unreachable(there: Receiver, said: bytes) -> None:
    def strange(handler: Any) -> None:
        handler.wfile.write(said)

    there.always = strange
    with pytest.raises(NotSent, match=UNREACHABLE):
        post(there.url, {}, b"{}", private=True)


def test_a_closed_port_is_unreachable() -> None:
    with pytest.raises(NotSent, match=UNREACHABLE):
        post(f"http://127.0.0.1:{free_port()}/", {}, b"{}", private=True)


# --- TLS ------------------------------------------------------------------------------------------


@pytest.fixture
def secure(there: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver with a trusted certificate for hook.example."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-subj", "/CN=hook.example", "-addext", "subjectAltName=DNS:hook.example",
         "-days", "2", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    there.server.socket = context.wrap_socket(there.server.socket, server_side=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    outgoing._tls.cache_clear()
    yield there
    outgoing._tls.cache_clear()


def test_the_certificate_must_match_the_name_and_not_the_address(
    secure: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, ["127.0.0.1"])
    assert post(f"https://hook.example:{secure.port}/", {}, b"{}", private=True) == 204
    for other in ("other.example", "127.0.0.1"):
        with pytest.raises(NotSent, match=UNREACHABLE):
            post(f"https://{other}:{secure.port}/", {}, b"{}", private=True)
    assert len(secure.sent) == 1


def test_an_untrusted_certificate_is_refused(
    secure: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, ["127.0.0.1"])
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(NotSent, match=UNREACHABLE):
        post(f"https://hook.example:{secure.port}/", {}, b"{}", private=True)
    assert secure.sent == []


# --- off ------------------------------------------------------------------------------------------


def test_webhooks_are_off_by_default(servers: Any) -> None:
    fields = {"mongo_uri": "mongodb://x", "redis_url": "redis://x", "secret_key": "k" * 16}
    assert not Settings(**fields).webhooks  # type: ignore[arg-type]
    assert not Settings(**fields).webhooks_private  # type: ignore[arg-type]
    with served(settings_for(servers, webhooks=False)) as app:
        e = ApiEvening(app)
        path = e.at("/webhooks")
        for answer in (
            e.host.post(path, {"url": "https://receiver.example/"}),
            e.host.get(path),
            e.host.call("DELETE", f"{path}/x"),
        ):
            refused(answer, 404, "webhooks-are-off")
        refused(e.anyone.get(path), 401)
        assert app.extensions["lct"].webhooks is None
