"""A draw is rechecked by the phones themselves: on the page "Check the draw", and after the last
card."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lct.domain.drawing import DrawTeams, SkipReveal
from lct.domain.rights import SYSTEM
from lct.domain.shares import pledge

from .browser import (
    PHONE,
    QUICK,
    TV,
    Screens,
    be,
    decoded,
    hurry,
    no_sideways_scroll,
    pass_time,
    see,
)
from .http_client import PUBLIC_URL, Evening, House, Phone
from .support import wait_until
from .test_http_draw import of_protocol_v1

pytestmark = pytest.mark.browser

VECTORS = json.loads((Path(__file__).parent / "data" / "draw-v2.json").read_text(encoding="utf-8"))
NAMES = ("Ola", "Max", "Zoë")


def file_of(name: str) -> dict[str, Any]:
    (found,) = [vector["file"] for vector in VECTORS if vector["name"] == name]
    return dict(found)


class Drawn(NamedTuple):
    """A draw whose last card is turned: Ola's share is in, Max has none, and Zoë's did not come."""

    evening: Evening
    guests: list[Phone]
    shares: dict[str, str]  # player id -> share, of Ola and Zoë
    players: list[str]

    def at(self, page: str) -> str:
        return f"{self.evening.house.url}{self.evening.at(page)}"

    def phone(self, screens: Screens, guest: int = 0) -> Any:
        """A browser with the seat of that guest; it has never been here."""
        page = screens.open(**PHONE)
        be(page, self.guests[guest])
        return page

    def remember(self, page: Any, **known: Any) -> None:
        """What that phone saw of the draw, instead of whatever it knows."""
        fact = {kind: self.evening.facts(kind)[0] for kind in ("draw-begun", "shares-closed")}
        opened = {
            "picks": fact["draw-begun"]["fingerprint"],
            "shares": {self.players[0]: self.shares[self.players[0]]},
            "closed": fact["shares-closed"]["fingerprint"],
        } | known
        seal = self.evening.facts("tournament-created")[0]["commitment"]
        all_ = {
            "opened": {"1": opened},
            "seals": {"1": {"seal": known.get("seal", seal), "from": "board"}},
        }
        page.evaluate(
            "([name, all]) => localStorage.setItem(name, JSON.stringify(all))",
            [f"lct:{self.evening.code}", all_],
        )


@pytest.fixture(scope="module")
def drawn(house: House) -> Drawn:
    e = house.evening(limit=3)
    guests = [e.guest(name) for name in NAMES]
    players = [e.player(name) for name in NAMES]
    shares = {player: secrets.token_hex(32) for player in (players[0], players[2])}
    for team, (guest, player) in enumerate(zip(guests, players, strict=True)):
        fields = {"team": team, "value": secrets.token_hex(16)}
        if player in shares:
            fields["pledge"] = pledge(e.code, player, shares[player])
        assert guest.post(e.at("team"), fields, htmx=True).status == 200
    assert e.act("draw", attempt=1).status == 200
    sent = {"player": players[0], "share": shares[players[0]]}
    assert guests[0].post(e.at("share"), sent, htmx=True).status == 204

    def over() -> bool:
        guests[0].get(e.at("verify"))  # the gathering ends with the next page, if no screen is open
        return bool(e.facts("teams-drawn"))

    wait_until(over)
    assert e.act("skip").status == 200
    return Drawn(e, guests, shares, players)


# --- check() of static/check.js -------------------------------------------------------------------


def test_the_page_s_script_agrees_with_a_second_implementation(
    drawn: Drawn, screens: Screens
) -> None:
    page = screens.open()
    page.goto(drawn.at("verify"))
    assert {vector["holds"] for vector in VECTORS} == {True, False}
    found = page.evaluate(
        """all => all.map(({ name, file, messages }) => {
          const steps = check(file).map(({ state }) => state);
          return [name, steps.length, !steps.includes("failed"), messages && message(file) === messages.message];
        })""",  # noqa: E501
        VECTORS,
    )
    for vector, (name, steps, holds, signed) in zip(VECTORS, found, strict=True):
        assert (steps, holds) == (5, vector["holds"]), name
        assert signed or not vector["holds"], name


def test_what_a_phone_remembers_is_compared_with_the_record(drawn: Drawn, screens: Screens) -> None:
    page = screens.open()
    page.goto(drawn.at("verify"))
    full, part = (
        file_of(f"{kind}")
        for kind in (
            "8 players, plain, all shares, number",
            "3 players, not own, one share missing, number",
        )
    )
    own, other = full["picks"][0], "0" * 64
    share = full["shares"][0]["share"]
    (missing,) = part["missing"]
    mine = [missing["player_id"], "", "", True]
    turned = full | {"given": full["given"][::-1]}
    gone = {name: value for name, value in full.items() if name != "shares"}
    cases: list[tuple[dict[str, Any], dict[str, Any], list[Any], str]] = [
        (full, {}, [], "ok"),
        (full, {"picks": full["picks_fingerprint"], "shares": {own["player_id"]: share},
                "closed": full["shares_fingerprint"],
                "seal": {"seal": full["seal"], "from": "page"}},
         [[own["player_id"], "", own["pledge"], True]], "ok"),
        (full, {"code": "BBBBBBBB", "attempt": 1}, [], "record-other"),
        (full, {"code": full["code"], "attempt": full["attempt"] + 1}, [], "record-other"),
        (full, {"seal": {"seal": other, "from": "board"}}, [], "seal-other"),
        (full, {"picks": other}, [], "picks-other"),
        (full, {"shares": {own["player_id"]: other}}, [], "pledge-other"),
        (full, {}, [[own["player_id"], "", other, False]], "pledge-other"),
        (full, {"closed": other}, [], "shares-other"),
        (part, {}, [mine], "share-left-out"),
        (turned, {}, [], "shuffle-wrong"),
        (gone, {}, [], "shares-wrong"),
        ({"protocol": "lct draw v1"}, {}, [], "seal-wrong"),
        (full | {"protocol": "lct draw v1"}, {"picks": other}, [], "seal-wrong"),
    ]  # fmt: skip
    found = page.evaluate(
        "all => all.map(([file, ...more]) => verdictOf(check(file, ...more)).why)",
        [case[:3] for case in cases],
    )
    assert found == [why for *_, why in cases]
    nothing = file_of("16 players, plain, no pledge")
    assert page.evaluate("file => verdictOf(check(file))", nothing) == {
        "state": "unknown",
        "why": "shares-nothing",
    }


# --- the page -------------------------------------------------------------------------------------


def test_a_guest_keeps_the_seal_and_sees_five_ticks_after_the_draw(
    house: House, screens: Screens
) -> None:
    e = house.evening(limit=2)
    tv, page = screens.open(**TV), screens.open(**PHONE)
    tv.goto(f"{house.url}{e.at()}")
    sealed = decoded(tv, ".keep-seal svg").replace(PUBLIC_URL, house.url)
    page.goto(sealed)
    see(page, "Your phone remembers this seal")
    assert kept(page, e)["seals"]["1"]["from"] == "board"

    ola, max_ = e.guest("Ola"), e.guest("Max")
    player, share = e.player("Ola"), secrets.token_hex(32)
    fields = {"team": 0, "value": "ab" * 16, "pledge": pledge(e.code, player, share)}
    assert ola.post(e.at("team"), fields, htmx=True).status == 200
    e.pick(max_, 1)
    assert e.act("roll", attempt=1).status == 200
    assert ola.post(e.at("share"), {"player": player, "share": share}, htmx=True).status == 204
    wait_until(lambda: e.facts("shares-closed"))
    be(page, ola)
    page.goto(f"{house.url}{e.at('verify')}")
    see(page, "The shares are fixed, too.")
    see(page, "Your phone remembers this seal")
    assert e.act("number", attempt=1, number="seven").status == 200
    assert e.act("skip").status == 200

    page.reload()
    page.locator("#checks > .is-ok").nth(4).wait_for(timeout=QUICK)
    said = page.locator(".check-said").all_inner_texts()
    assert said == [
        "The secret fits the seal that your phone scanned from the board.",
        "The fingerprint fits the picks.",
        "Each share fits its pledge.",
        "The number is seven. Is it the one that you heard?",
        "Shuffled once more on your phone: exactly these hands.",
    ]
    assert page.locator("#verdict").inner_text().split("\n")[0].endswith("The draw is fair")
    assert page.locator("#checks .is-mine").inner_text() == f"Ola Nowak · {share}"
    assert page.get_by_text("Max Nowak · no share").is_visible()
    no_sideways_scroll(page)


def kept(page: Any, e: Evening) -> dict[str, Any]:
    """What that browser keeps of the tournament."""
    found: dict[str, Any] = json.loads(page.evaluate(f"localStorage.getItem('lct:{e.code}')"))
    return found


def test_a_phone_that_keeps_nothing_does_not_say_that_it_remembers(
    house: House, screens: Screens
) -> None:
    e = house.evening(limit=2)
    page = screens.open(**PHONE)
    page.add_init_script("Storage.prototype.setItem = () => { throw new Error('full'); }")
    seal = e.facts("tournament-created")[0]["commitment"]
    page.goto(f"{house.url}{e.at('verify')}?attempt=1#seal={seal}")
    see(page, seal)
    assert page.locator("#fixed .check-said").count() == 0
    page.goto("about:blank")
    page.goto(f"{house.url}{e.at('verify')}?attempt=1#seal={'0' * 64}")
    page.get_by_role("alert").get_by_text("Your phone remembers another seal.").wait_for()


def test_another_seal_than_the_one_remembered_is_said_in_red(
    house: House, screens: Screens
) -> None:
    e = house.evening(limit=2)
    page, address = screens.open(**PHONE), f"{house.url}{e.at('verify')}"
    page.goto(f"{address}?attempt=1#seal={'AB' * 32}")
    page.get_by_role("alert").get_by_text("Your phone remembers another seal.").wait_for()
    # A page never replaces what came from the board, and neither does another code.
    page.goto(f"{address}?attempt=1")
    page.get_by_role("alert").wait_for()
    page.goto("about:blank")
    page.goto(f"{address}?attempt=1#seal={e.facts('tournament-created')[0]['commitment']}")
    page.get_by_role("alert").wait_for()
    assert kept(page, e)["seals"] == {"1": {"seal": "ab" * 32, "from": "board"}}
    e.drawn()
    page.goto(address)
    page.locator("[data-step=seal].is-failed").wait_for(timeout=QUICK)
    see(page.locator("#verdict"), "This draw does not add up")


def test_the_page_says_when_it_shows_other_hands_than_the_record(
    drawn: Drawn, screens: Screens
) -> None:
    page = screens.open(**PHONE)

    def tampered(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("Ola Nowak", "Eve Nowak"))

    page.route("**/verify", tampered)
    page.goto(drawn.at("verify"))
    see(page.locator("#verdict"), "The hands on this page are not those of the draw. Ask the host.")
    assert page.locator("#checks > .is-ok").count() == 4


def test_a_draw_of_protocol_v1_is_recomputed_too(house: House, screens: Screens) -> None:
    e, _ = of_protocol_v1(house)
    with house.desk() as desk:
        desk.execute(DrawTeams(by=SYSTEM, code=e.code, attempt=1))
        desk.execute(SkipReveal(by=SYSTEM, code=e.code))
    page = screens.open(**PHONE)
    page.goto(f"{house.url}{e.at('verify')}")
    see(page, "Your phone has recomputed every step.")
    assert page.locator("#checks > .is-ok").count() == page.locator("#checks > li").count() == 2


# --- a phone after the last card ------------------------------------------------------------------


def test_a_phone_checks_the_draw_once_by_itself_and_says_so_quietly(
    drawn: Drawn, screens: Screens
) -> None:
    page, asked = drawn.phone(screens), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(drawn.at("verify"))
    drawn.remember(page)
    asked.clear()
    page.goto(drawn.at("me"))
    see(page.locator("#checked.is-ok"), "Your phone has checked the draw")
    assert page.locator("#checked [role=alert]").count() == 0
    # By their number the phones spread their questions.
    share = json.loads(page.locator("#share").get_attribute("data-share"))
    assert share["players"] == 3
    page.reload()
    see(page.locator("#checked.is-ok"), "Your phone has checked the draw")
    assert len([url for url in asked if "draw.json" in url]) == 1
    page.locator("#checked a").click()
    see(page, "with your pledge. Your phone saw it before it opened your share.")
    see(page, "Each share fits its pledge, and yours is in.")


@pytest.mark.parametrize(
    ("guest", "known", "sentence"),
    [
        (2, "share", "Your phone sent its share, and it is not in the draw."),
        (0, "picks", "Your phone saw another fingerprint of the picks."),
        (0, "closed", "Your phone saw another fingerprint of the shares."),
        (0, "seal", "Your phone remembers another seal."),
        (0, "pledge", "Your pledge is not among the picks."),
    ],
)
def test_a_phone_that_remembers_something_else_says_so_loudly(
    drawn: Drawn, screens: Screens, guest: int, known: str, sentence: str
) -> None:
    page = drawn.phone(screens, guest)
    page.goto(drawn.at("verify"))
    player = drawn.players[guest]
    other = {
        "share": {"shares": {player: drawn.shares[player]}},
        "pledge": {"shares": {player: "0" * 64}},
    }
    drawn.remember(page, **other.get(known, {known: "0" * 64}))
    page.goto(drawn.at("me"))
    loud = page.locator("#checked").get_by_role("alert")
    see(loud, sentence)
    see(loud, "This draw does not add up")
    no_sideways_scroll(page)
    if known != "share":
        return
    loud.get_by_role("link").click()
    # It can prove what it says.
    see(page.locator("#checks .is-mine"), f"Zoë Nowak · no answer · sent: {drawn.shares[player]}")
    no_sideways_scroll(page)


def test_a_phone_asks_again_for_a_record_that_did_not_come_and_sees_other_hands(
    drawn: Drawn, screens: Screens
) -> None:
    page, answers = drawn.phone(screens), [503]
    page.clock.install()

    def tampered(route: Any) -> None:
        if answers:
            route.fulfill(status=answers.pop(), body="{}")
            return
        file = route.fetch().json()
        route.fulfill(json=file | {"given": file["given"][::-1]})

    page.route("**/draw.json?*", tampered)
    page.goto(drawn.at("me"))
    hurry(page, lambda: not answers)
    page.wait_for_timeout(50)
    page.evaluate("document.dispatchEvent(new Event('htmx:after:swap'))")
    pass_time(page, 1)
    assert page.locator("#checked").is_hidden()  # and it does not ask again at every frame
    page.clock.run_for(30_000)
    loud = page.locator("#checked").get_by_role("alert")
    hurry(page, loud.count)
    see(loud, "The shuffle gives other hands.")


def test_a_phone_remembers_the_seal_of_its_first_visit(house: House, screens: Screens) -> None:
    e = house.evening(limit=2)
    page = screens.open(**PHONE)
    be(page, e.guest("Ola"))
    page.goto(f"{house.url}{e.at('me')}")
    seal = e.facts("tournament-created")[0]["commitment"]
    assert kept(page, e)["seals"] == {"1": {"seal": seal, "from": "page"}}
