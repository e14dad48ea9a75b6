"""Bad input: too long, missing or invalid. The error is beside the field, and the input is kept."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from lct.domain.teams import MAX_TEAMS
from lct.web.requests import FORM as URLENCODED
from lct.web.requests import _read
from lct.web.sessions import Asked

from .http_client import PATIENCE, Answer, Evening, House, pasted

FORM = {"name": "Friday Cup", "limit": "4", "source": "classic", "option": "plain"}


@pytest.fixture(scope="module")
def quiet(house: House) -> Evening:
    """An evening with a player, for tests that change nothing in it."""
    e = house.evening()
    e.guest("Ola")
    return e


def create(house: House, form: Any) -> Answer:
    house.forget_limits()
    host = house.phone()
    host.get("/")
    return host.post("/", form)


def stored(house: House) -> int:
    return house.mongo[house.settings.database]["events"].count_documents({})


# --- creating -------------------------------------------------------------------------------------

PASTE = {"source": "pasted"}
BAD: list[tuple[str, dict[str, str], str]] = [
    ("no name", {"name": ""}, "name"),
    ("a name of spaces", {"name": " \t\u200b "}, "name"),
    ("a long name", {"name": "x" * 61}, "name"),
    ("a very long name", {"name": "x" * 10_000}, "name"),
    ("no limit", {"limit": ""}, "limit"),
    ("one player", {"limit": "1"}, "limit"),
    ("no players", {"limit": "0"}, "limit"),
    ("minus one", {"limit": "-1"}, "limit"),
    ("too many", {"limit": "1025"}, "limit"),
    ("a huge limit", {"limit": "9" * 400}, "limit"),
    ("a limit in words", {"limit": "four"}, "limit"),
    ("half a player", {"limit": "4.5"}, "limit"),
    ("not a number", {"limit": "NaN"}, "limit"),
    ("infinity", {"limit": "inf"}, "limit"),
    ("an exponent", {"limit": "1e1"}, "limit"),
    ("foreign digits", {"limit": "٤"}, "limit"),
    ("no such source", {"source": "web"}, "source"),
    ("too few teams", {"limit": "11"}, "teams"),
    ("no kinds", {"source": "rated"}, "kinds"),
    ("no such kind", {"source": "rated", "kinds": "pub"}, "kinds"),
    ("stars not a number", {"source": "rated", "kinds": "club", "least": "NaN"}, "least"),
    ("infinite stars", {"source": "rated", "kinds": "club", "cap": "inf"}, "cap"),
    ("negative stars", {"source": "rated", "kinds": "club", "least": "-1"}, "least"),
    ("stars in between", {"source": "rated", "kinds": "club", "cap": "4.75"}, "cap"),
    ("cap below least", {"source": "rated", "kinds": "club", "least": "5", "cap": "4"}, "cap"),
    ("an empty paste", {**PASTE, "pasted": " \n\u200b\n"}, "pasted"),
    ("a team twice", {**PASTE, "pasted": "A\nB\nC\nD\n ａ "}, "pasted"),
    ("a long team", {**PASTE, "pasted": "A\nB\nC\n" + "x" * 41}, "pasted"),
    ("too many teams", {**PASTE, "pasted": "\n".join(map(str, range(2001)))}, "pasted"),
    ("no such option", {"option": "dice"}, "option"),
]


@pytest.mark.parametrize(("change", "field"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_wrong_field_shows_its_error_beside_it_and_the_input_is_kept(
    house: House, change: dict[str, str], field: str
) -> None:
    before = stored(house)
    form = {**FORM, "name": f"Cup {secrets.token_hex(4)}", **change}
    answer = create(house, form)
    assert answer.status == 422
    page = answer.page
    errors = [p for p in page.all("p", cls="error") if p.text]
    assert len(errors) == 1
    assert errors[0].text != "None"
    marked = [e.attrs["name"] for e in page.walk() if e.attrs.get("aria-invalid") == "true"]
    assert set(marked) <= {field}
    if field in ("name", "limit", "least", "cap", "pasted"):
        assert marked == [field]
        box = next(e for e in page.walk() if e.attrs.get("name") == field)
        assert page.by_id(box.attrs["aria-describedby"]).text == errors[0].text
    assert page.by_id("f-name").attrs["value"] == form["name"]
    assert page.by_id("f-limit").attrs["value"] == (form["limit"] or "8")
    if "pasted" in form:
        assert page.by_id("f-pasted").text == " ".join(form["pasted"].split())
    assert stored(house) == before


def test_all_wrong_fields_show_their_errors_at_once(house: House) -> None:
    answer = create(house, {"name": "", "limit": "x", "source": "pasted", "pasted": ""})
    marked = [e for e in answer.page.walk() if e.attrs.get("aria-invalid") == "true"]
    assert {e.attrs["name"] for e in marked} == {"name", "limit", "pasted"}


@pytest.mark.parametrize(
    "form",
    [
        [],
        [("limit", "4"), ("limit", "x"), ("name", "A"), ("name", "B"), ("source", "classic")],
        [("name[]", "A"), ("limit[]", "4")],
        [("name", "\ud800".encode("utf-8", "surrogatepass")), ("limit", "4")],
        [("name", b"\xff\xfe\x00"), ("limit", b"\xff")],
        [("kinds", "club")] * 900,
        [(f"field{i}", "x") for i in range(900)],
        [("name", "{" * 1000), ("limit", "[1]"), ("source", "pasted"), ("pasted", "\x00\x85")],
    ],
    ids=["nothing", "twice", "lists", "surrogate", "bytes", "many times", "many fields", "odd"],
)  # fmt: skip
def test_a_form_that_no_page_sends_causes_no_server_error(
    house: House, form: list[tuple[str, Any]]
) -> None:
    answer = create(house, [(name, value) for name, value in form if value != "A"])
    assert answer.status in (303, 400, 413, 422)
    assert answer.status == 303 or answer.page.all("h1")
    assert "request failed" not in house.log()


def test_a_taken_name_shows_its_error_beside_the_field(house: House) -> None:
    e = house.evening(name="Taken Cup")
    answer = create(house, {**FORM, "name": " TAKEN\u00a0 cup\u200b"})
    assert answer.status == 422
    page = answer.page
    assert "Another open tournament is called" in page.by_id("e-name").text
    assert e.act("rename", name=" ").status == 422
    other = house.evening()
    renamed = other.act("rename", name="taken cup")
    assert renamed.status == 422
    assert "Another open tournament" in renamed.page.by_id("notice").text
    assert renamed.page.by_id("notice").all(**{"data-field": "name"})


def test_the_largest_form_that_fits_is_accepted(house: House) -> None:
    names = [f"{number:04} {'x' * 35}" for number in range(MAX_TEAMS)]
    answer = create(house, {**FORM, **pasted("\r\n".join(names))})
    assert answer.status == 303


def test_the_host_sees_how_a_pasted_list_is_understood_before_the_evening_exists(
    house: House,
) -> None:
    before = stored(house)
    pasted = "Pos\tTeam\tPts\r\n1\tArsenal\t9\r\n2\t<b>\t8\r\n3\tRoma\t7\r\n"
    form = {**FORM, "limit": "3", "source": "pasted", "pasted": pasted}
    form["name"] = f"Cup {secrets.token_hex(4)}"
    shown = create(house, form)
    assert (shown.status, stored(house)) == (200, before)
    read = shown.page.by_id("read")
    assert "3 teams understood: Arsenal, <b>, Roma" in read.text
    assert "Left out: Pos Team Pts, 1, 9, 2, 8 …" in read.text
    assert shown.page.by_id("f-name").attrs["value"] == form["name"]
    assert shown.page.by_id("f-pasted").text == "Arsenal <b> Roma"
    seen = shown.page.all("input", name="read")[0].attrs["value"]
    again = create(house, {**form, "pasted": "Arsenal\r\n<b>\r\nRoma\tItaly", "read": seen})
    assert "3 teams understood" in again.page.by_id("read").text
    assert create(house, {**form, "pasted": "Arsenal\r\n<b>\r\nRoma", "read": seen}).status == 303
    assert stored(house) == before + 1


def test_a_tidy_list_is_shown_too_before_the_evening_exists(house: House) -> None:
    before = stored(house)
    form = {
        **FORM,
        "name": f"Cup {secrets.token_hex(4)}",
        **pasted("Roma\nAjax\nCelta\nPorto"),
    }
    shown = create(house, {**form, "read": ""})
    assert (shown.status, stored(house)) == (200, before)
    assert "4 teams understood: Roma, Ajax, Celta, Porto" in shown.page.by_id("read").text
    assert shown.page.all("input", name="read")[0].attrs["value"] == form["read"]
    named = {**form, "name": " "}
    (seen,) = create(house, named).page.all("input", name="read")
    assert seen.attrs["value"] == form["read"]  # still seen when another field is wrong
    assert create(house, form).status == 303


def test_a_list_is_understood_while_it_is_typed(house: House) -> None:
    host = house.phone()
    host.get("/")
    tidy = host.post("/reading", {"pasted": "Roma\r\n<Ajax>"}).page
    assert "2 teams understood: Roma, <Ajax>" in tidy.by_id("read").text
    (read,) = tidy.all("input", name="read")
    assert read.attrs["value"] == pasted("Roma\n<Ajax>")["read"]
    # It becomes another list, so the host sees it once more.
    numbered = host.post("/reading", {"pasted": "1. Roma\n2. Ajax"}).page
    assert "2 teams understood: Roma, Ajax" in numbered.by_id("read").text
    assert numbered.all("input", name="read")[0].attrs["value"] == ""
    for nothing in ("", " \n\u200b"):
        assert not host.post("/reading", {"pasted": nothing}).page.all(id="read")


def test_a_host_who_puts_the_pasted_list_back_gets_its_lines_as_they_are(house: House) -> None:
    form = {**FORM, "limit": "2", "source": "pasted", "pasted": "1. FC Köln\n2. Liga"}
    form["name"] = f"Cup {secrets.token_hex(4)}"
    seen = create(house, form).page.all("input", name="read")[0].attrs["value"]
    made = create(house, {**form, "read": seen})
    code = made.location.split("/")[2]
    assert [team[0] for team in house.events(code)[0]["data"]["teams"]] == ["1. FC Köln", "2. Liga"]


@pytest.mark.parametrize("size", [300_000, 1_000_000, 20_000_000])
@pytest.mark.parametrize("page", ["/", "/t/{code}/join", "/t/{code}/team", "/t/{code}/organise"])
def test_an_oversized_body_is_refused_with_a_message(quiet: Evening, size: int, page: str) -> None:
    house, before = quiet.house, stored(quiet.house)
    answer = raw_post(house, page.format(code=quiet.code), b"pasted=" + b"x" * size)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"That is too large." in body
    assert stored(house) == before
    assert house.phone().get(quiet.at()).status == 200


def raw_post(house: House, path: str, body: bytes) -> bytes:
    """Post as much of the body as the server takes; return the whole answer."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((house.host, house.port), timeout=PATIENCE) as raw:
        raw.sendall(head.encode())
        with suppress(OSError):  # the server may have closed early
            raw.sendall(body)
        received = b""
        with suppress(ConnectionResetError):
            while data := raw.recv(65536):
                received += data
    return received


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"first": "Ola", "last": "Nowak"}'),
        ("text/plain", b"first=Ola&last=Nowak"),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=first;"
         b" filename=a.txt\r\n\r\nOla\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"".join(
            b"--x\r\nContent-Disposition: form-data; name=f%d\r\n\r\n1\r\n" % i for i in range(99)
        ) + b"--x--\r\n"),
        ("application/x-www-form-urlencoded", b"\x00\xff%zz&&&==&%"),
    ],
    ids=["json", "text", "broken", "no boundary", "file", "99 parts", "noise"],
)  # fmt: skip
def test_an_unusable_body_is_refused_without_a_server_error(
    quiet: Evening, kind: str, body: bytes
) -> None:
    guest = quiet.visitor()
    headers = {"Content-Type": kind, "X-CSRFToken": guest.token}
    answer = guest.request("POST", quiet.at("join"), body, headers)
    assert answer.status in (400, 413, 422)
    assert answer.page.all("h1")
    assert "request failed" not in quiet.house.log()


@pytest.mark.parametrize("kind", [URLENCODED, f"{URLENCODED}; charset=utf-8"])
@pytest.mark.parametrize(
    "body", [b"a=1&b=&a=2&c", b"+=%zz&%C3%A9=%ff", b"\xff=1", b"a;b=1", "é=ü".encode(), b""]
)
def test_a_form_is_what_werkzeug_reads(kind: str, body: bytes) -> None:
    def environ() -> dict[str, Any]:
        return EnvironBuilder(method="POST", data=body, content_type=kind).get_environ()

    asked, theirs = Asked(environ()), Request(environ())
    _read(asked)
    assert list(asked.form.items(multi=True)) == list(theirs.form.items(multi=True))
    assert not asked.files
    assert asked.get_data() == theirs.get_data()


# --- addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/t/BBBBBBBB", "/t/BBBBBBBB/join", "/t/x", "/t/%00", "/t/%ff%fe", "/t/O0I1L", "/t/",
     "/t/BBBBBBBB/organise", "/t/BBBBBBBB/verify", "/t/" + "B" * 500, "/t/../../etc/passwd",
     "/nothing", "/static/nothing.css", "/static/../wsgi.py", "/static/%2e%2e/%2e%2e/wsgi.py"],
)  # fmt: skip
def test_an_unknown_address_shows_a_page_with_the_code_box(house: House, path: str) -> None:
    house.forget_limits()
    answer = house.phone().get(path)
    assert answer.status == 404
    (box,) = answer.page.all("form", cls="code-box")
    assert box.attrs["action"] == "/go"
    assert box.all("input", name="code")
    assert answer.page.all("h1")[0].text


@pytest.mark.parametrize("change", ["lower", "dashed", "spaced", "every letter dashed"])
def test_a_code_is_understood_in_any_case_and_with_or_without_dashes(
    quiet: Evening, change: str
) -> None:
    code = quiet.code
    typed = {
        "lower": code.lower(),
        "dashed": f"{code[:4]}-{code[4:]}",
        "spaced": f"+{code[:2]}+{code[2:]}+".lower(),
        "every letter dashed": "-".join(code),
    }[change]
    answer = quiet.house.phone().get(f"/go?code={typed}")
    assert (answer.status, answer.location) == (303, quiet.at("join"))
    phone = quiet.house.phone()
    answer = phone.get(f"/t/{typed.replace('+', '%20')}/join")
    while answer.status == 308:
        answer = phone.get(answer.location)
    assert answer.status == 200


@pytest.mark.parametrize("typed", ["", "x", "O0I1L", "<b>", "BBBB-BBBB-B", "%00%ff", "B" * 5000])
def test_a_wrong_code_stays_in_the_box_beside_its_error(house: House, typed: str) -> None:
    house.forget_limits()
    answer = house.phone().get(f"/go?code={typed}")
    if len(typed) > 4000:
        assert answer.status in (400, 414)  # gunicorn reads no line that long
        return
    assert answer.status == 404
    box = answer.page.by_id("f-code")
    assert box.attrs["aria-invalid"] == "true"
    assert "No tournament has that code" in answer.page.by_id(box.attrs["aria-describedby"]).text
    assert len(box.attrs["value"]) <= 40


@pytest.mark.parametrize(
    "path",
    ["{lower}/seat/x%0Ay", "{lower}/host/x%0D%0AX-Evil:1", "{lower}%0A", "{lower}//evil.example",
     "{lower}/verify?next=%0A", "{code}/seat/%0A", "{code}/host/%0A", "{code}/me?q=%0A%00"],
)  # fmt: skip
def test_a_line_break_in_an_address_causes_no_error_and_adds_no_header(
    quiet: Evening, path: str
) -> None:
    quiet.house.forget_limits()
    phone = quiet.house.phone()
    answer = phone.get("/t/" + path.format(code=quiet.code, lower=quiet.code.lower()))
    assert answer.status < 500
    assert "X-Evil" not in answer.headers
    assert not answer.location or answer.location.startswith("/t/")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "BREW", "OPTIONS", "HEAD"])
def test_another_method_is_refused_or_harmless(quiet: Evening, method: str) -> None:
    before = len(quiet.events)
    for page in ("", "join", "me", "organise", "team"):
        answer = quiet.host.request(method, quiet.at(page))
        assert answer.status in (200, 303, 405)
        if answer.status == 405:
            assert answer.headers["Allow"]
    assert len(quiet.events) == before


# --- the host's forms -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "status", "field"),
    [
        ({"do": "limit", "limit": "x"}, 422, "limit"),
        ({"do": "limit", "limit": "-3"}, 422, "limit"),
        ({"do": "limit", "limit": "9" * 400}, 422, "limit"),
        ({"do": "limit", "limit": "NaN"}, 422, "limit"),
        ({"do": "limit", "limit": "9"}, 422, "limit"),
        ({"do": "limit"}, 422, "limit"),
        ({"do": "rename", "name": ""}, 422, "name"),
        ({"do": "rename", "name": "x" * 61}, 422, "name"),
        ({"do": "rename-player", "player": "{player}", "first": "", "last": "N"}, 422, "first"),
        ({"do": "rename-player", "player": "nobody", "first": "A", "last": "N"}, 404, ""),
        ({"do": "remove", "player": "nobody"}, 404, ""),
        ({"do": "remove"}, 404, ""),
        ({"do": "block", "player": "\x00"}, 404, ""),
        ({"do": "draw", "attempt": "x"}, 422, "attempt"),
        ({"do": ""}, 404, ""),
        ({"do": "__class__"}, 404, ""),
        ({}, 404, ""),
    ],
)
def test_a_wrong_form_of_the_host_shows_an_error_and_changes_nothing(
    quiet: Evening, form: dict[str, str], status: int, field: str
) -> None:
    before = len(quiet.events)
    form = {k: v.format(player=quiet.player("Ola")) for k, v in form.items()}
    version = {"version": str(quiet.version)}
    tapped = quiet.host.post(quiet.at("organise"), {**form, **version}, htmx=True)
    assert tapped.status == status
    said = tapped.page.by_id("notice")
    assert said.text
    assert [e.attrs["data-field"] for e in said.walk() if "data-field" in e.attrs] == (
        [field] if field else []
    )
    sent = quiet.host.post(quiet.at("organise"), {**form, **version})
    assert sent.status == status
    assert sent.page.all("h1")[0].text
    assert len(quiet.events) == before
