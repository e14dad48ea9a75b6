"""The draw over HTTP: nothing is shown too early, and every draw can be checked for ever."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import pytest

from lct.domain import draw
from lct.domain.drawing import DrawTeams, SkipReveal
from lct.domain.rights import SYSTEM
from lct.domain.shares import pledge

from .http_client import Element, Evening, House, Phone, Screen, at_once, parse, words
from .support import wait_until

NAMES = ("Aquila", "Boreas", "Corvus", "Dorado")
TEAMS = ["Quagga FC", "Vaquita SC", "Zebu United", "Yak Rovers", "Gnu Town", "Ibex City"]
VIEWS = ("board", "me", "watch", "organise")


def ready(house: House) -> tuple[Evening, list[Phone]]:
    """Everyone has picked, and nobody can draw their own pick."""
    e = house.evening(limit=4, teams=TEAMS, option="not-own")
    guests = [e.guest(name) for name in NAMES]
    for team, guest in enumerate(guests):
        assert e.pick(guest, team).status == 200
    return e, guests


# --- secrets before the reveal --------------------------------------------------------------------


class Hand(NamedTuple):
    """Who drew which team, read raw from the store."""

    name: str
    team: str


def hands(e: Evening) -> list[Hand]:
    """The hands of the newest draw, in the order in which the cards turn."""
    names = {p["player_id"]: f"{p['first']} {p['last']}" for p in e.facts("player-joined")}
    drawn = e.facts("teams-drawn")[-1]["hands"]
    return [Hand(names[player], e.teams[team]) for player, team in drawn]


def shown_hands(page: Element) -> set[Hand]:
    """Every player with every team that the page names beside them, picks included."""
    blocks = [e for e in page.walk() if e.tag in ("li", "tr") or e.id in ("me", "spot")]
    found = set()
    for block in blocks:
        text = text_without_hat(block)
        found |= {
            Hand(name, team)
            for name in (f"{first} Nowak" for first in NAMES)
            for team in TEAMS
            if name in text and team in text
        }
    return found


def text_without_hat(block: Element) -> str:
    """The text of a block without the teams that are still in the hat, which nobody has yet."""
    hidden = {hat.text for hat in block.all(cls="hat")}
    text = block.text
    for hat in hidden:
        text = text.replace(hat, "")
    return text


class Seen(NamedTuple):
    """A page or frame as it was sent: its text and its parsed tree."""

    text: str
    page: Element


def everything(e: Evening, guests: list[Phone]) -> dict[str, Seen]:
    """All pages and first frames that anyone, a player and the host can get now."""
    seen = {}
    people = {"anyone": e.house.phone(), "player": guests[0], "host": e.host}
    paths = ["", "verify", "join", "me", "organise", "draw.json", "recover", "back"]
    paths += ["history.jsonl", *(f"history?at={n + 1}" for n in range(len(e.events)))]
    paths += [f"pick-for?player={e.player(name)}" for name in NAMES]
    for who, phone in people.items():
        for path in paths:
            answer = phone.get(e.at(path))
            seen[f"{who}: {path}"] = Seen(f"{answer.headers}{answer.text}", answer.page)
        for view in VIEWS:
            if view != "organise" or who == "host":
                with phone.live(e.live(view)) as screen:
                    screen.take()
                seen[f"{who}: socket {view}"] = Seen(screen.frames[0], screen.page)
    for number, guest in enumerate(guests):
        answer = guest.get(e.at("me"))
        seen[f"{number}: me"] = Seen(answer.text, answer.page)
    return seen


def nothing_leaks(e: Evening, seen: dict[str, Seen], turned: int, old_secret: str = "") -> None:
    """Check that nothing shows the current secret, or a hand beyond the turned cards."""
    created, restarts = e.facts("tournament-created"), e.facts("picks-restarted")
    secrets = {event["secret"] for event in created + restarts} - {old_secret}
    assert len(secrets) == 1
    wrapped = set(hands(e)[turned:]) if e.facts("teams-drawn") else set()
    for where, (text, page) in seen.items():
        assert '"hands"' not in text or not wrapped, where
        assert not [secret for secret in secrets if secret in text], where
        assert not shown_hands(page) & wrapped, where


def face_up(page: Element) -> list[str]:
    """The ids of the rows whose card has been turned."""
    return [row.id for row in page.all("li", cls="is-done")]


def turned_now(e: Evening) -> int:
    """How many cards have been turned by now."""
    return len(face_up(e.house.phone().get(e.at()).page))


def test_no_page_frame_export_or_log_leaks_a_hidden_card_or_the_secret(house: House) -> None:
    e, guests = ready(house)
    screens = {
        view: (e.host if view == "organise" else guests[0]).live(e.live(view)) for view in VIEWS
    }
    for screen in screens.values():
        screen.take()
    nothing_leaks(e, everything(e, guests), 0)

    assert e.act("draw", attempt=1).status == 200
    nothing_leaks(e, everything(e, guests), turned_now(e))
    secret = e.facts("tournament-created")[0]["secret"]
    export, check = at_once(
        *(partial(house.flask, command, e.code) for command in ("export", "verify-draw"))
    )
    for said in (export, check):
        assert secret not in said.stdout + said.stderr
    assert check.returncode == 1
    lines = [json.loads(line) for line in export.stdout.splitlines()][:-1]
    assert [line["seq"] for line in lines] == [event["seq"] for event in e.events]
    assert "hands" not in lines[-1]["data"]

    # Mid-reveal: the first card is known, the last is not.
    screens["board"].until(lambda s: face_up(s.page))
    seen, turned = everything(e, guests), turned_now(e)
    assert 1 <= turned < 4, "this machine is too slow to look during the reveal"
    nothing_leaks(e, seen, turned)
    first = hands(e)[0]
    for where in ("anyone: ", "anyone: socket watch", "player: socket me", "host: organise"):
        assert first in shown_hands(seen[where].page), where

    for view, screen in screens.items():
        screen.quiet(0.1)
        frames = {f"{view} {n}": Seen(f, parse(f)) for n, f in enumerate(screen.frames)}
        nothing_leaks(e, frames, turned_now(e))
        screen.ws.close()
    log = house.log()
    assert secret not in log
    assert "hands" not in log


def test_the_hands_and_the_secret_are_shown_once_the_reveal_is_over(house: House) -> None:
    """Shows that the test above looks in the right places."""
    e, guests = ready(house)
    with guests[0].live(e.live("board")) as board:
        board.take()
        assert e.act("draw", attempt=1).status == 200
        assert e.act("skip").status == 200
        board.until(lambda s: set(hands(e)) <= shown_hands(s.page), 5)
    seen = everything(e, guests)
    for where in [
        *("anyone: ", "anyone: verify", "anyone: join", "host: organise"),
        *("anyone: socket board", "anyone: socket watch", "host: socket organise"),
    ]:
        assert set(hands(e)) <= shown_hands(seen[where].page), where
    secret = e.facts("tournament-created")[0]["secret"]
    assert secret in seen["anyone: verify"].text
    assert secret in seen["anyone: draw.json"].text
    assert secret in house.flask("export", e.code).stdout
    for number, name in enumerate(NAMES):
        (hand,) = [hand for hand in hands(e) if hand.name.startswith(name)]
        (team,) = seen[f"{number}: me"].page.by_id("me").all(cls="me-main")
        assert team.text == hand.team


class Reveal(NamedTuple):
    """A running reveal, and a board that has followed it."""

    evening: Evening
    board: Screen


@pytest.fixture(scope="module")
def reveal(house: House) -> Iterator[Reveal]:
    e, _ = ready(house)
    with house.phone().live(e.live("board")) as board:
        board.take()
        assert e.act("draw", attempt=1).status == 200
        board.until(lambda s: face_up(s.page))
        yield Reveal(e, board)


def test_a_screen_opened_mid_reveal_shows_the_same_as_the_others(
    house: House, reveal: Reveal
) -> None:
    e, board = reveal
    for worker in (0, 1):
        with house.phone(worker).live(e.live("board")) as late:
            late.take()
            assert late.page.by_id("row-1").picture() == board.page.by_id("row-1").picture()
            assert late.page.by_id("row-1").text.endswith(hands(e)[0].team)


def test_closing_mid_reveal_keeps_the_cards_turning(
    reveal: Reveal,
) -> None:
    e, board = reveal
    turned = len(face_up(board.page))
    assert e.act("close").status == 200
    board.until(lambda s: "Full time" in s.text, 5)
    board.until(lambda s: len(face_up(s.page)) > turned, 10)


# --- drawing --------------------------------------------------------------------------------------


def test_no_get_request_makes_a_draw(house: House) -> None:
    e, _ = ready(house)
    token = e.host.token
    for path in ("organise?do=draw&attempt=1", f"organise?do=draw&attempt=1&csrf_token={token}"):
        assert e.host.get(e.at(path)).status == 200
        assert e.host.request("HEAD", e.at(path)).status == 200
    for path in ("draw", "draw?attempt=1", "skip", "close"):
        assert e.host.get(e.at(path)).status == 404
    for method in ("PUT", "DELETE", "PATCH"):
        assert e.host.request(method, e.at("organise")).status == 405
    assert e.facts("teams-drawn") == []


def test_two_hosts_who_draw_at_once_make_one_draw(house: House) -> None:
    e, _ = ready(house)
    other = house.phone(1)
    other.get(e.at("recover"))
    assert other.post(e.at("recover"), {"code": e.recovery}).status == 303
    other.get(e.at("organise"))
    version = e.version
    twins = [e.host.copy(0), other.copy(1), e.host.copy(1)]
    for phone in twins:
        phone.connect()
    answers = at_once(
        *(partial(e.act, "draw", phone, attempt=1, version=version) for phone in twins)
    )
    assert {a.status for a in answers} <= {200, 409}
    assert 200 in {a.status for a in answers}
    assert len(e.facts("teams-drawn")) == 1


def test_a_draw_waits_for_all_seats_and_picks_and_says_which_are_missing(house: House) -> None:
    e = house.evening(limit=2)
    ola = e.guest("Ola")
    answer = e.act("draw", attempt=1)
    assert answer.status == 409
    assert "1 seat is still empty" in answer.page.by_id("notice").text
    e.guest("Max")
    e.pick(ola, 1)
    answer = e.act("draw", attempt=1)
    assert answer.status == 409
    assert "Still choosing: Max Nowak" in answer.page.by_id("notice").text
    assert e.facts("teams-drawn") == []


@pytest.mark.parametrize("attempt", ["2", "0", "-1", "", "x", "1.0", "99999999999"])
def test_only_the_current_attempt_can_be_drawn(house: House, attempt: str) -> None:
    e = house.evening(limit=2)
    e.drawn()
    before = len(e.events)
    answer = e.act("draw", attempt=attempt)
    assert answer.status in (409, 422)
    assert answer.page.by_id("notice").text
    assert len(e.events) == before


# --- checking -------------------------------------------------------------------------------------


def facts(page: Element) -> dict[str, str]:
    """The facts on the page that checks a draw."""
    names = [dt.text.split(",")[0] for dt in page.all("dt")]
    return dict(zip(names, (dd.text for dd in page.all("dd")), strict=True))


def with_shares(house: House) -> tuple[Evening, list[Phone], dict[str, str]]:
    """A draw that has begun, of three players of whom two have a share in it: player id -> share,
    which is not open yet."""
    e = house.evening(limit=3, teams=TEAMS)
    guests, kept = [e.guest(name) for name in NAMES[:3]], {}
    for team, (guest, name) in enumerate(zip(guests, NAMES, strict=False)):
        player, share = e.player(name), secrets.token_hex(32)
        fields = {"team": team, "value": secrets.token_hex(16)}
        if team < 2:
            kept[player] = share
            fields["pledge"] = pledge(e.code, player, share)
        assert guest.post(e.at("team"), fields, htmx=True).status == 200
    assert e.act("draw", attempt=1).status == 200
    return e, guests, kept


def opened(e: Evening, guests: list[Phone], kept: dict[str, str]) -> None:
    """The phones open these shares, and the cards turn at once."""
    for guest, (player, share) in zip(guests, kept.items(), strict=False):
        sent = {"player": player, "share": share}
        assert guest.post(e.at("share"), sent, htmx=True).status == 204
    wait_until(lambda: e.facts("teams-drawn"))
    assert e.act("skip").status == 200


def test_after_the_reveal_anyone_can_check_the_draw(house: House) -> None:
    e, guests, kept = with_shares(house)
    during = house.phone().get(e.at("verify")).page
    seal, picks = (found.text for found in during.all(cls="mono"))
    assert "The draw is fair" not in during.text
    assert house.phone().get(e.at("draw.json")).status == 409
    opened(e, guests, kept)
    page = house.phone().get(e.at("verify")).page
    assert "The draw is fair" in page.text
    assert "in: 2 shares · without: Corvus Nowak (no share)" in page.text
    # It is the server's word as long as no script has run.
    assert page.by_id("verdict").text.endswith("Your phone has not recomputed it.")
    said = [step.all(cls="check-said")[0].text for step in page.all(cls="check")]
    assert said == ["Your phone has not recomputed this."] * 5
    shown = facts(page)
    assert (shown["Seal"], shown["Fingerprint of the picks"]) == (seal, picks)
    text = f"lct draw v2|{e.code}|{shown['Secret']}"
    assert hashlib.sha256(text.encode()).hexdigest() == seal
    assert set(hands(e)) <= shown_hands(page)
    signed = json.loads(page.all("textarea")[0].text)
    assert signed == {"number": "", "shares": shown["Fingerprint of the shares"]}
    assert not [share for share in kept.values() if share in page.text]  # they are in the file
    done = house.flask("verify-draw", e.code)
    assert done.returncode == 0, done.stderr
    assert "attempt 1: holds" in done.stdout


def test_the_file_of_a_draw_has_every_share_and_who_has_none(house: House) -> None:
    e, guests, kept = with_shares(house)
    opened(e, guests, kept)
    file = json.loads(house.phone().get(e.at("draw.json?attempt=1")).text)
    first, second, third = (e.player(name) for name in NAMES[:3])
    assert file.keys() == {
        "protocol", "code", "attempt", "option", "seal", "secret", "picks", "given", "names",
        "shares", "missing", "roll", "number", "picks_fingerprint", "shares_fingerprint",
    }  # fmt: skip
    assert file["protocol"] == "lct draw v2"
    assert file["picks"] == [
        {"player_id": player, "team": team, "pledge": pledge(e.code, player, kept[player])}
        for player, team in ((first, TEAMS[0]), (second, TEAMS[1]))
    ] + [{"player_id": third, "team": TEAMS[2], "pledge": ""}]
    assert file["shares"] == [
        {"player_id": player, "share": kept[player]} for player in (first, second)
    ]
    assert file["missing"] == [{"player_id": third, "why": "no-script"}]
    assert (file["roll"], file["number"]) == (False, "")
    assert file["names"] == [f"{name} Nowak" for name in NAMES[:3]]


@pytest.mark.parametrize("made", ["gathering", "turning"])
def test_before_the_last_card_the_page_shows_what_is_fixed_and_nothing_else(
    house: House, made: str
) -> None:
    e, guests, kept = with_shares(house)
    (begun,) = e.facts("draw-begun")
    known = [e.facts("tournament-created")[0]["commitment"], begun["fingerprint"]]
    if made == "turning":
        for guest, (player, share) in zip(guests, kept.items(), strict=False):
            guest.post(e.at("share"), {"player": player, "share": share}, htmx=True)
        wait_until(lambda: e.facts("teams-drawn"))
        known.append(e.facts("shares-closed")[0]["fingerprint"])
    for path in ("verify", "verify?attempt=1"):
        answer = house.phone().get(e.at(path))
        assert [found.text for found in answer.page.all(cls="mono")] == known
        hidden = [e.facts("tournament-created")[0]["secret"], *kept.values()]
        assert not [each for each in hidden if each in answer.text]


def test_with_no_share_in_and_no_number_the_page_says_that_the_draw_rests_on_the_host(
    house: House,
) -> None:
    e = house.evening(limit=2)
    e.drawn()
    rests = "the draw rests on the host's word alone"
    page = house.phone().get(e.at("verify")).page.by_id("verdict").text
    assert "The draw is fair" not in page
    assert rests in page
    e.act("restart")
    for team, first in enumerate(("N0", "N1")):
        e.host.post(e.at("pick-for"), {"player": e.player(first), "team": team})
    assert e.act("roll", attempt=2).status == 200
    assert e.act("number", attempt=2, number="7").status == 200
    assert e.act("skip").status == 200
    page = house.phone().get(e.at("verify")).page
    assert "The draw is fair" in page.by_id("verdict").text
    assert "without: N0 Nowak (picked by the host)" in page.text
    assert facts(page)["Number"] == "7"


def test_a_redraw_is_a_new_attempt_under_a_new_seal_and_the_old_one_stays(house: House) -> None:
    e, guests = ready(house)
    board = house.phone()
    assert e.act("draw", attempt=1).status == 200
    assert e.act("skip").status == 200
    old = facts(board.get(e.at("verify")).page)
    old_hands = hands(e)
    assert e.act("restart").status == 200

    foot = board.get(e.at()).page.by_id("foot").text
    assert "for attempt 2" in foot
    assert old["Seal"][:4] not in foot
    page = board.get(e.at("verify?attempt=1")).page
    assert "The draw adds up" in page.text
    assert facts(page) == old
    assert e.act("draw", attempt=2).status == 409  # everyone has to pick again
    nothing_leaks(e, everything(e, guests), 4, old["Secret"])

    for team, guest in enumerate(guests):
        assert e.pick(guest, team + 1).status == 200
    assert e.act("draw", attempt=1).status == 409
    assert e.act("draw", attempt=2).status == 200
    sealed = board.get(e.at("verify?attempt=2"))
    assert "Sealed, attempt 2" in sealed.page.text
    assert e.facts("picks-restarted")[0]["secret"] not in sealed.text
    assert e.act("skip").status == 200
    new = board.get(e.at("verify")).page
    assert "This is attempt 2" in new.text
    assert new.all("a", href="?attempt=1")[0].text == "Attempt 1"
    assert facts(new)["Secret"] != old["Secret"]
    assert facts(new)["Seal"] != old["Seal"]
    again = board.get(e.at("verify?attempt=1")).page
    assert facts(again) == old
    assert set(old_hands) <= shown_hands(again)
    done = house.flask("verify-draw", e.code)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"attempt (\d): (\w+)", done.stdout) == [("1", "holds"), ("2", "holds")]


@pytest.mark.parametrize("attempt", ["2", "0", "x", "", "1'", "%EF%BC%91"])
def test_an_attempt_that_was_never_made_is_not_found(house: House, attempt: str) -> None:
    e = house.evening(limit=2)
    e.drawn()
    for page in ("verify", "draw.json"):
        assert house.phone().get(f"{e.at(page)}?attempt={attempt}").status == 404


def test_a_draw_tampered_with_in_the_store_is_detected(house: House) -> None:
    e, _ = ready(house)
    assert e.act("draw", attempt=1).status == 200
    assert e.act("skip").status == 200
    events = house.mongo[house.settings.database]["events"]
    (drawn,) = [event for event in e.events if event["type"] == "teams-drawn"]
    swapped = [[player, team] for (player, _), (_, team) in zip(
        drawn["data"]["hands"], drawn["data"]["hands"][1:] + drawn["data"]["hands"][:1], strict=True
    )]  # fmt: skip
    events.update_one({"_id": drawn["_id"]}, {"$set": {"data.hands": swapped}})
    done = house.flask("verify-draw", e.code)
    assert done.returncode == 1
    assert "DOES NOT HOLD" in done.stdout


def of_protocol_v1(house: House) -> tuple[Evening, list[Phone]]:
    """An evening whose seal was made before protocol v2; everyone has picked."""
    made = draw.commitment
    with house.desk() as desk, pytest.MonkeyPatch.context() as patch:
        patch.setattr("lct.domain.evening.commitment", partial(made, protocol=draw.V1))
        code = desk.create(f"Cup {secrets.token_hex(4)}", limit=2)
    e = Evening(house, code, code, house.phone(), "", [f"Team {n}" for n in range(20)])
    return e, e.filled()


def test_a_draw_of_protocol_v1_is_made_and_checked_by_it(house: House) -> None:
    e, _ = of_protocol_v1(house)
    with house.desk() as desk:
        desk.execute(DrawTeams(by=SYSTEM, code=e.code, attempt=1))
        desk.execute(SkipReveal(by=SYSTEM, code=e.code))
    assert not e.facts("draw-begun")
    file = json.loads(house.phone().get(e.at("draw.json")).text)
    assert file.keys() == {
        "protocol", "code", "attempt", "option", "seal", "secret", "picks", "given", "names",
    }  # fmt: skip
    assert file["protocol"] == "lct draw v1"
    assert [pick.keys() for pick in file["picks"]] == [{"player_id", "team", "value"}] * 2
    page = house.phone().get(e.at("verify")).page
    assert "The draw is fair" in page.by_id("verdict").text
    text = f"lct draw v1|{e.code}|{facts(page)['Secret']}"
    assert hashlib.sha256(text.encode()).hexdigest() == facts(page)["Seal"]
    signed = json.loads(page.all("textarea")[0].text)
    assert [team for _, team, _ in signed["picks"]] == ["Team 0", "Team 1"]
    assert "attempt 1: holds" in house.flask("verify-draw", e.code).stdout


def test_a_guest_finds_the_value_that_their_own_phone_added(house: House) -> None:
    e, guests = of_protocol_v1(house)
    with house.desk() as desk:
        desk.execute(DrawTeams(by=SYSTEM, code=e.code, attempt=1))
        desk.execute(SkipReveal(by=SYSTEM, code=e.code))
    values = [event["data"]["value"] for event in e.events if event["type"] == "team-picked"]
    shown = [guest.get(e.at("verify")).text for guest in guests]
    for number, page in enumerate(shown):
        assert f"own random value, also in the picks below: {values[number]}" in words(page)
    others = words(house.phone().get(e.at("verify")).text)
    assert "own random value" not in others
