"""Webhooks: who may add them, what is sent and when, how it is signed, and what happens when a
receiver, a worker or the network fails."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import gevent
import pytest
from flask import Flask
from gevent.pool import Pool
from pymongo import monitoring
from pymongo.monitoring import CommandListener

from lct.application.messages import EVERYWHERE, WebhookAdded, channel, decode, encode
from lct.domain.fact import EVENTS, Event, Seen, seen
from lct.domain.people import ForgetPlayer
from lct.domain.rights import SYSTEM
from lct.domain.shares import pledge
from lct.infrastructure import privacy, retention, transfer
from lct.infrastructure.documents import WebhookDocument
from lct.web.api import operations
from lct.web.gathering import PAUSE
from lct.web.hub import Hub
from lct.webhooks import deliver, schedule
from lct.webhooks.deliver import Delivery
from lct.webhooks.message import headers, pause

from .api_client import ApiEvening, good, press, refused, served, settings_for
from .http_client import at_once, parse
from .receiver import Desk, Receiver, add, listed, receiver

pytestmark = pytest.mark.usefixtures("uncounted")

DAY = 24 * 3600
GUIDE = Path(__file__).parent.parent / "docs/api.md"


@pytest.fixture(scope="module")
def app(servers: Any) -> Iterator[Flask]:
    monitoring.register(ASKED)
    with served(settings_for(servers, webhooks_private=True)) as made:
        yield made


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def desk(app: Flask) -> Desk:
    return Desk(app)


@pytest.fixture
def e(app: Flask) -> ApiEvening:
    return ApiEvening(app, limit=3)


# --- messages and their signatures ----------------------------------------------------------------


def test_the_signature_matches_the_specifications_example() -> None:
    import base64

    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = headers([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_events_are_sent_in_order_and_signed(e: ApiEvening, desk: Desk, there: Receiver) -> None:
    hook = add(e, there.url)
    ola = e.join("Ola")
    good(e.pick(ola, 3))
    good(e.host.post(e.at("/lock")))
    desk.work(e)
    assert there.types == ["player-joined", "team-picked", "joining-locked"]
    first, second, third = (sent.json for sent in there.sent)
    assert first["data"] == {"player_id": ola, "first": "Ola", "last": "Nowak"}
    picked = {"player_id": ola, "team": 3, "pledge": "", "picked_for": False}
    assert second["data"] == picked
    assert [m["seq"] for m in (first, second, third)] == [2, 3, 4]
    assert [m["version"] for m in (first, second, third)] == [1, 1, 2]
    assert third.keys() == {"type", "code", "seq", "version", "at", "data"}
    stored = desk.store.events.find_one({"_id": f"{e.code}:4"})
    assert datetime.fromisoformat(third["at"]) == stored["at"].replace(tzinfo=UTC)
    for sent in there.sent:
        assert sent.is_signed_with(hook["secret"])
        assert abs(int(sent.headers["webhook-timestamp"]) - time.time()) < 10
        assert sent.path == "/hook?token=hush"
        assert sent.headers["content-type"] == "application/json"
        assert sent.headers["host"] == f"127.0.0.1:{there.port}"
    desk.work(e)
    assert len(there.sent) == 3
    assert desk.counted == ["delivered"] * 3


def test_a_receiver_added_before_a_key_change_can_still_verify_messages(
    app: Flask, e: ApiEvening, there: Receiver
) -> None:
    secret = add(e, there.url)["secret"]
    after = Desk(app)
    after.deliver._secrets = (b"the key that is new", *app.extensions["lct"].secrets)
    e.join("Ola")
    after.work(e)
    (sent,) = there.sent
    assert sent.is_signed_with(secret)
    assert len(sent.headers["webhook-signature"].split()) == 2


def test_the_check_in_the_guide_accepts_only_genuine_messages(
    e: ApiEvening, desk: Desk, there: Receiver
) -> None:
    guide: dict[str, Any] = {}
    exec(re.findall(r"(?s)```python\n(.+?)```", GUIDE.read_text(encoding="utf-8"))[0], guide)
    secret = add(e, there.url)["secret"]
    e.join("Ola")
    desk.work(e)
    (sent,) = there.sent
    genuine = guide["is_genuine"]
    assert genuine(secret, sent.headers, sent.body)
    both = f"v1,AAAA {sent.headers['webhook-signature']}"
    assert genuine(secret, sent.headers | {"webhook-signature": both}, sent.body)
    assert not genuine(secret, sent.headers, sent.body.replace(b"Ola", b"Max"))
    assert not genuine(f"whsec_{'A' * 43}=", sent.headers, sent.body)
    other = {"webhook-id": "x", "webhook-timestamp": "1", "webhook-signature": "v1,"}
    for name, value in other.items():
        assert not genuine(secret, sent.headers | {name: value}, sent.body)


def test_another_webhooks_secret_does_not_fit(e: ApiEvening, desk: Desk, there: Receiver) -> None:
    add(e, there.url)
    with receiver() as other:
        second = add(e, other.url)
        e.join("Ola")
        desk.work(e)
        assert not there.sent[0].is_signed_with(second["secret"])
        assert other.sent[0].is_signed_with(second["secret"])


def _public_fields(event: type[Event]) -> list[str]:
    return sorted(name for name, moment in seen(event).items() if moment is Seen.AT_ONCE)


def test_only_these_fields_of_events_are_sent() -> None:
    """A new field or event must be added here before it is sent."""
    told = {kind: _public_fields(event) for kind, event in EVENTS.items()}
    player, name = ["first", "last", "player_id"], ["name"]
    assert {kind: names for kind, names in told.items() if names} == {
        "tournament-created": ["commitment", "limit", "name", "option"],
        "tournament-renamed": name,
        "tournament-reopened": name,
        "limit-changed": ["limit"],
        "player-joined": player,
        "player-added": player,
        "player-renamed": player,
        "call-name-set": ["call_name", "player_id"],
        "player-forgotten": player,
        "player-removed": ["player_id"],
        "player-blocked": ["player_id"],
        "player-unblocked": ["player_id"],
        "seat-codes-renewed": ["player_id"],
        "team-picked": ["picked_for", "player_id", "pledge", "team"],
        "team-let-go": ["player_id"],
        "picks-restarted": ["attempt", "commitment"],
        "draw-begun": ["attempt", "fingerprint", "roll"],
        "shares-opened": ["attempt"],
        "shares-closed": ["attempt", "fingerprint", "missing"],
        "teams-drawn": ["attempt", "number", "option"],
        "device-admitted": ["label"],
        "format-chosen": ["format"],
        "consoles-named": ["names"],
        "entrants-seeded": ["order"],
        "score-reported": ["match", "player_id"],
        "score-agreed": ["match", "player_id", "score"],
        "report-withdrawn": ["match", "player_id"],
        "match-moved": ["console", "match"],
        "call-taken-back": ["match"],
        "result-set": ["came", "fallen", "match", "score"],
        "player-left": ["fallen", "player_id", "policy"],
        "player-returned": ["fallen", "player_id"],
        "round-paired": ["attempt", "fallen", "round"],
    }


# --- nothing before the reveal --------------------------------------------------------------------


def drawn(e: ApiEvening, app: Flask) -> Any:
    e.filled()
    e.draw()
    return app.extensions["lct"].store.stream(e.code).tournament.draws[-1]


DRAW = ["draw-begun", "shares-closed", "teams-drawn"]


def test_no_card_and_no_secret_is_sent_before_the_last_card_has_turned(
    app: Flask, e: ApiEvening, desk: Desk, there: Receiver
) -> None:
    add(e, there.url)
    record = drawn(e, app)
    desk.work(e)
    assert there.types[-1] == "teams-drawn"
    assert there.sent[-1].json["data"] == {"attempt": 1, "option": "plain", "number": ""}
    before = len(there.sent)
    desk.ahead = record.timeline.end - desk.now() - timedelta(milliseconds=300)
    desk.work(e)
    assert len(there.sent) == before
    assert not any(record.secret.encode() in sent.body for sent in there.sent)
    # The courier has scheduled when to look again.
    assert 0 < desk.courier._due[e.code] - time.monotonic() < 5
    desk.later(1)
    desk.work(e)
    assert len(there.sent) == before + 1
    over = there.sent[-1].json
    assert over["type"] == "draw-over"
    assert over["data"]["secret"] == record.secret
    assert over["data"]["commitment"] == record.commitment
    teams = app.extensions["lct"].store.stream(e.code).tournament.teams
    assert {(h["player_id"], h["name"], h["team"]) for h in over["data"]["hands"]} == {
        (player_id, name, teams[team].name) for player_id, name, team in record.hands
    }
    desk.later(DAY)
    desk.work(e)
    assert len(there.sent) == before + 1


def test_skipping_the_reveal_sends_the_result_at_once(
    app: Flask, e: ApiEvening, desk: Desk, there: Receiver
) -> None:
    e.filled()
    add(e, there.url)
    e.draw()
    desk.work(e)
    assert there.types == DRAW
    good(e.host.post(e.at("/skip")))
    desk.work(e)
    assert sorted(there.types[3:]) == ["draw-over", "reveal-skipped"]


def test_a_restart_ends_the_reveal_and_its_new_secret_stays_sealed(
    app: Flask, e: ApiEvening, desk: Desk, there: Receiver
) -> None:
    e.filled()
    add(e, there.url)
    e.draw()
    desk.work(e)
    good(e.host.post(e.at("/restart")))
    desk.work(e)
    assert there.types == [*DRAW, "draw-over", "picks-restarted"]
    t = app.extensions["lct"].store.stream(e.code).tournament
    assert there.sent[-1].json["data"] == {"attempt": 2, "commitment": t.commitment}
    for team, player_id in enumerate(e.players):
        good(e.pick(player_id, team))
    good(e.host.post(e.at("/draw"), {"attempt": 2}))
    desk.work(e)
    assert there.types[5:] == ["team-picked"] * 3 + DRAW
    assert not any(t.secret.encode() in sent.body for sent in there.sent)
    good(e.host.post(e.at("/skip")))
    desk.work(e)
    over = [sent.json["data"] for sent in there.sent if sent.json["type"] == "draw-over"]
    assert [data["attempt"] for data in over] == [1, 2]
    assert over[1]["secret"] == t.secret


def answers(e: ApiEvening, player_id: str) -> str:
    """All that anybody, the host and a player can read over the API now, as one text."""
    latest = len(good(e.host.get(e.at("/history")))["items"])
    known = {"<code>": e.code, "<player>": player_id, "<int:seq>": str(latest)}
    found = []
    for each in operations():
        if each.method == "GET" and each.media != "text/event-stream":
            path = each.path + (f"?{each.code_field}={e.code}" if each.code_field else "")
            for name, value in known.items():
                path = path.replace(name, value)
            readers = (e.anyone, e.host, e.players[player_id])
            found += [reader.get(path).get_data(as_text=True) for reader in readers]
    return "\n".join(found)


def test_no_share_is_sent_or_answered_before_the_last_card_and_all_are_afterwards(
    app: Flask, e: ApiEvening, desk: Desk, there: Receiver
) -> None:
    add(e, there.url)
    ids = [e.join(name) for name in ("Ola", "Max", "Zoe")]
    shares = {player_id: secrets.token_hex(32) for player_id in ids[:2]}
    for team, player_id in enumerate(ids):
        sealed = pledge(e.code, player_id, shares[player_id]) if player_id in shares else ""
        body = {"team": team, "pledge": sealed}
        good(e.players[player_id].post(e.at(f"/players/{player_id}/team"), body))
    secret = app.extensions["lct"].store.stream(e.code).tournament.secret

    def hidden() -> bool:
        """Whether nothing of it has left, by API or webhook."""
        desk.work(e)
        read = answers(e, ids[0])
        read += "".join(sent.body.decode() for sent in there.sent)
        assert e.code in read
        assert '"hands"' not in read
        return not any(text in read for text in (secret, *shares.values()))

    assert hidden()
    good(e.host.post(e.at("/draw"), {"attempt": 1, "roll": True}))
    assert good(e.anyone.get(e.at()))["phase"] == "gather"
    assert hidden()
    for player_id, share in shares.items():
        assert not good(e.anyone.get(e.at()))["number_wanted"]
        path = e.at(f"/players/{player_id}/share")
        refused(e.players[player_id].post(path, {"share": "5a" * 32}), 409)
        assert e.players[player_id].post(path, {"share": share}).status_code == 204
        gevent.sleep(2 * PAUSE)  # it is stored
        assert hidden()
    assert good(e.anyone.get(e.at()))["number_wanted"]
    good(e.host.post(e.at("/number"), {"attempt": 1, "number": "4 + 3"}))
    assert hidden()
    assert there.types[-5:] == [
        "draw-begun", "shares-opened", "shares-opened", "shares-closed", "teams-drawn",
    ]  # fmt: skip
    assert there.sent[-2].json["data"]["missing"] == [[ids[2], "no-script"]]
    assert there.sent[-1].json["data"]["number"] == "4 + 3"
    good(e.host.post(e.at("/skip")))
    read = answers(e, ids[0])
    assert all(text in read for text in (secret, *shares.values()))
    (record,) = good(e.anyone.get(e.at("/draws")))
    assert [(each["player_id"], each["share"]) for each in record["shares"]] == [*shares.items()]
    assert record["secret"] == secret


def test_a_webhook_added_during_the_reveal_gets_the_result(
    app: Flask, e: ApiEvening, desk: Desk, there: Receiver
) -> None:
    record = drawn(e, app)
    add(e, there.url)
    desk.work(e)
    assert there.sent == []
    desk.ahead = record.timeline.end - desk.now()
    desk.later(1)
    desk.work(e)
    assert there.types == ["draw-over"]


# --- failures and retries -------------------------------------------------------------------------


def test_a_message_is_retried_at_growing_intervals_before_the_next_one(
    e: ApiEvening, desk: Desk, there: Receiver
) -> None:
    hook = add(e, there.url)
    e.join("Ola")
    e.join("Max")
    there.answers = [500, 404, (302, {"Location": "/elsewhere"}), 429]
    for number, least in enumerate((5, 30, 120, 600), 1):
        desk.work(e)
        assert len(there.sent) == number
        facts = listed(e)[0]
        assert (facts["state"], facts["tries"]) == ("retrying", number)
        wait = (datetime.fromisoformat(facts["next_at"]) - desk.now()).total_seconds()
        assert least * 0.8 - 1 < wait <= least * 1.2
        desk.later(wait - 1)
        desk.work(e)  # too early
        assert len(there.sent) == number
        desk.later(2)
    desk.work(e)
    assert len(there.sent) == 6
    assert {sent.id for sent in there.sent[:5]} == {f"{e.code}-2"}
    assert len({sent.body for sent in there.sent[:5]}) == 1
    assert there.sent[5].id == f"{e.code}-3"
    # Each try is signed with its own time.
    assert len({sent.headers["webhook-timestamp"] for sent in there.sent[:5]}) == 5
    assert all(sent.is_signed_with(hook["secret"]) for sent in there.sent)
    assert listed(e)[0] | {"id": "", "url": ""} == {
        "id": "", "url": "", "state": "on", "seq": 3, "tries": 0, "next_at": None, "reason": "",
    }  # fmt: skip
    assert desk.counted == ["failed"] * 4 + ["delivered"] * 2


def test_a_webhook_that_fails_for_a_day_is_given_up(
    e: ApiEvening, desk: Desk, there: Receiver
) -> None:
    add(e, there.url)
    e.join("Ola")
    there.always = 500
    tried = 0
    while listed(e)[0]["state"] != "failed":
        desk.work(e)
        desk.later(3600 * 1.2)
        tried += 1
        assert tried < 40
    assert 20 * 3600 < desk.ahead.total_seconds() < 27 * 3600
    assert desk.counted == ["failed"] * (tried - 1) + ["given-up"]
    there.always = 204
    desk.later(DAY)
    desk.work(e)
    assert len(there.sent) == tried


def test_the_pauses_grow_and_have_jitter() -> None:
    assert [pause(n, 0.5) for n in range(1, 8)] == [5, 30, 120, 600, 3600, 3600, 3600]
    assert (pause(1, 0), pause(1, 1)) == (4, 6)


def test_a_webhook_whose_receiver_is_gone_is_removed(
    e: ApiEvening, desk: Desk, there: Receiver
) -> None:
    add(e, there.url)
    there.always = 410
    e.join("Ola")
    e.join("Max")
    desk.work(e)
    assert len(there.sent) == 1
    assert listed(e) == []
    assert desk.counted == ["gone"]


def test_a_failing_webhook_does_not_delay_another(
    e: ApiEvening, desk: Desk, there: Receiver
) -> None:
    with receiver() as other:
        other.always = 500
        add(e, other.url)
        add(e, there.url)
        e.join("Ola")
        e.join("Max")
        desk.work(e)
        assert len(there.sent) == 2
        assert len(other.sent) == 1


def test_a_webhook_with_a_backlog_makes_room_for_others(
    e: ApiEvening, desk: Desk, there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "TURN", 0)
    add(e, there.url)
    for first in ("Ola", "Max", "Zoe"):
        e.join(first)
    for number in (1, 2, 3):
        desk.work(e)
        assert len(there.sent) == number
        assert desk.courier._due[e.code] <= time.monotonic()
        assert desk.hooks.of(e.code)[0].lease == 0


def test_one_worker_at_a_time_delivers_to_a_webhook(
    app: Flask, e: ApiEvening, there: Receiver
) -> None:
    add(e, there.url)
    e.join("Ola")
    (hook,) = app.extensions["lct"].webhooks.of(e.code)
    desks = [Desk(app) for _ in range(4)]
    at_once(*(lambda d=d: d.deliver(hook, lambda: True) for d in desks))  # type: ignore[misc]
    assert len(there.sent) == 1
    assert [outcome for d in desks for outcome in d.counted] == ["delivered"]


def test_a_dead_workers_message_is_sent_again_with_the_same_id(
    app: Flask, e: ApiEvening, there: Receiver
) -> None:
    """The worker died after the receiver's answer, before recording the receipt."""

    class Killed(BaseException):
        pass

    add(e, there.url)
    e.join("Ola")
    dying, living = Desk(app), Desk(app)
    post = dying.deliver.post

    def post_and_die(*what: Any) -> int:
        post(*what)
        raise Killed

    dying.deliver.post = post_and_die
    (hook,) = dying.hooks.of(e.code)
    with pytest.raises(Killed):
        dying.deliver(hook, lambda: True)
    assert len(there.sent) == 1
    living.work(e)
    assert len(there.sent) == 1  # the dead worker's lease has not expired yet
    assert e.code in living.courier._due
    living.later(21)
    living.sweep()
    assert [sent.id for sent in there.sent] == [f"{e.code}-2"] * 2


def test_a_worker_whose_lease_has_expired_changes_nothing(
    app: Flask, e: ApiEvening, there: Receiver
) -> None:
    add(e, there.url)
    e.join("Ola")
    slow, quick = Desk(app), Desk(app)
    post = slow.deliver.post

    def overtaken(*what: Any) -> int:
        quick.later(30)
        quick.work(e)
        e.join("Max")
        quick.work(e)
        return post(*what)

    slow.deliver.post = overtaken
    slow.work(e)
    assert [sent.json["seq"] for sent in there.sent] == [2, 3, 2]
    assert listed(e)[0]["seq"] == 3


def test_the_sweep_finds_events_that_no_worker_was_told_of(
    e: ApiEvening, desk: Desk, there: Receiver
) -> None:
    add(e, there.url)
    desk.sweep()
    assert there.sent == []
    e.join("Ola")
    desk.sweep()
    assert there.types == ["player-joined"]


# --- cost to the store, and how workers learn of webhooks -----------------------------------------


@dataclass
class Asked(CommandListener):
    """Records the commands that are sent to the store while counting."""

    names: list[str] | None = None

    def started(self, event: Any) -> None:
        if self.names is not None:
            self.names.append(event.command_name)

    def succeeded(self, event: Any) -> None:
        pass

    def failed(self, event: Any) -> None:
        pass

    @contextmanager
    def counting(self) -> Iterator[list[str]]:
        self.names = names = []
        yield names
        self.names = None


ASKED = Asked()


def look(desk: Desk, e: ApiEvening) -> None:
    """Do what a tap triggers in a worker, which has not been told of a new webhook."""
    desk.courier.wake(e.code)
    desk.courier.look()
    desk.courier._pool.join()


def test_a_tap_without_a_webhook_sends_no_command_to_the_store(e: ApiEvening, desk: Desk) -> None:
    desk.sweep()
    with ASKED.counting() as names:
        for _ in range(20):
            look(desk, e)
    assert names == []
    assert e.code not in desk.courier._due


def test_the_sweep_sends_two_queries_for_any_number_of_webhooks(app: Flask, desk: Desk) -> None:
    for _ in range(3):
        e = ApiEvening(app)
        for _ in range(5):
            add(e, "http://127.0.0.1:9/")
    with ASKED.counting() as names:
        desk.courier.sweep()
    assert names == ["find", "find"]


def test_all_workers_hear_of_a_new_webhook(
    app: Flask, e: ApiEvening, desk: Desk, there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus, told = app.extensions["lct"].bus, []
    monkeypatch.setattr(bus, "send", told.append)
    add(e, there.url)
    message = decode(encode(told[-1]))
    assert message == WebhookAdded(e.code)
    assert channel(message) == EVERYWHERE
    Hub._on_message(SimpleNamespace(_on_webhook=desk.courier.added), message)  # type: ignore[arg-type]
    e.join("Ola")
    look(desk, e)
    assert there.types == ["player-joined"]


def test_a_worker_that_missed_a_new_webhook_learns_of_it_from_the_sweep(
    e: ApiEvening, desk: Desk, there: Receiver
) -> None:
    add(e, there.url)
    e.join("Ola")
    look(desk, e)
    assert there.sent == []
    desk.sweep()
    e.join("Max")
    look(desk, e)
    assert there.types == ["player-joined"] * 2


def test_a_webhook_added_during_the_sweep_is_not_forgotten(
    e: ApiEvening, desk: Desk, there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = desk.hooks.all

    def then_one_more() -> Any:
        found = every()
        add(e, there.url)
        desk.courier.added(e.code)
        return found

    monkeypatch.setattr(desk.hooks, "all", then_one_more)
    desk.sweep()
    e.join("Ola")
    look(desk, e)
    assert there.types == ["player-joined"]


def test_a_tap_is_sent_even_if_another_worker_held_the_webhook_meanwhile(
    app: Flask, e: ApiEvening, desk: Desk, there: Receiver
) -> None:
    """This worker read the webhook before the other delivered; nobody else looks for the tap."""
    add(e, there.url)
    (stale,) = desk.hooks.of(e.code)
    e.join("Ola")
    Desk(app).work(e)
    e.join("Max")
    desk.courier._begin(stale)
    desk.courier._pool.join()
    desk.courier.look()
    desk.courier._pool.join()
    assert [sent.json["seq"] for sent in there.sent] == [2, 3]


def test_new_events_come_before_retries(
    app: Flask, e: ApiEvening, desk: Desk, there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.courier, "_pool", Pool(1))
    with receiver() as other:
        late = ApiEvening(app)
        add(late, other.url)
        late.join("Max")
        other.always = 500
        desk.work(late)
        desk.later(60)
        desk.courier._due = {late.code: time.monotonic()}  # its pause is over
        add(e, there.url)
        e.join("Ola")
        desk.courier.added(e.code)
        desk.courier.look()  # starts as many as may run at once, and waits for none
        assert set(desk.courier._due) == {late.code}
        desk.courier._pool.join()
        assert (len(there.sent), len(other.sent)) == (1, 1)
        desk.courier.look()
        desk.courier._pool.join()
        assert len(other.sent) == 2


def test_a_stopping_worker_hands_over_after_its_current_message(
    app: Flask, e: ApiEvening, desk: Desk, there: Receiver
) -> None:
    add(e, there.url)
    for first in ("Ola", "Max"):
        e.join(first)
    stopping = Desk(app)
    stopping.courier._alive = lambda: not there.sent
    stopping.work(e)
    assert len(there.sent) == 1
    assert desk.hooks.of(e.code)[0].lease == 0
    desk.sweep()
    assert [sent.json["seq"] for sent in there.sent] == [2, 3]


@pytest.mark.parametrize(("takes", "is_over"), [(0.1, True), (5, False)])
def test_a_stopping_worker_waits_for_current_deliveries_but_not_for_long(
    e: ApiEvening, desk: Desk, there: Receiver, monkeypatch: pytest.MonkeyPatch,
    takes: float, is_over: bool,
) -> None:  # fmt: skip
    monkeypatch.setattr(schedule, "LAST", 0.5)
    add(e, there.url)
    (hook,) = desk.hooks.of(e.code)
    monkeypatch.setattr(Delivery, "__call__", lambda *_: gevent.sleep(takes))
    desk.courier._begin(hook)
    began = time.monotonic()
    desk.courier.drained()
    assert time.monotonic() - began < 2
    assert (not desk.courier._at) == is_over


# --- rights and limits ----------------------------------------------------------------------------


def test_a_sixth_webhook_is_refused_even_when_added_concurrently(e: ApiEvening) -> None:
    url = "https://receiver.example/"
    calls = [lambda: e.host.post(e.at("/webhooks"), {"url": url}) for _ in range(8)]
    statuses = [answer.status_code for answer in at_once(*calls)]
    assert sorted(statuses) == [201] * 5 + [409] * 3
    refused(e.host.post(e.at("/webhooks"), {"url": url}), 409, "too-many-webhooks")
    gone = listed(e)[2]["id"]
    assert e.host.call("DELETE", e.at(f"/webhooks/{gone}")).status_code == 204
    refused(e.host.call("DELETE", e.at(f"/webhooks/{gone}")), 404, "unknown-webhook")
    add(e, url)
    assert len({hook["id"] for hook in listed(e)} - {gone}) == 5


def test_adding_is_idempotent_and_only_its_answer_has_the_secret(e: ApiEvening) -> None:
    key = secrets.token_hex(16)
    first = add(e, "https://receiver.example/", Idempotency_Key=key)
    assert add(e, "https://receiver.example/", Idempotency_Key=key) == first
    assert len(listed(e)) == 1
    same = secrets.token_hex(16)
    call = lambda: add(e, "https://receiver.example/", Idempotency_Key=same)  # noqa: E731
    assert len({made["id"] for made in at_once(*[call] * 4)}) == 1
    assert len(listed(e)) == 2
    refused(
        e.host.post(e.at("/webhooks"), {"url": "https://other.example/"}, Idempotency_Key=key),
        422,
    )
    assert first["secret"].startswith("whsec_")
    assert "secret" not in listed(e)[0]


def test_adding_and_removing_count_against_the_hosts_limits(
    app: Flask, e: ApiEvening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each one is announced to every worker."""
    counted: list[str] = []
    limiter = app.extensions["lct"].limiter
    monkeypatch.setattr(limiter, "count", lambda name, _: counted.append(name))
    hook = add(e, "https://receiver.example/")
    assert e.host.call("DELETE", e.at(f"/webhooks/{hook['id']}")).status_code == 204
    assert counted == ["call", "tap", "taps"] * 2


def test_a_host_cannot_touch_the_webhooks_of_another_tournament(app: Flask, e: ApiEvening) -> None:
    other = ApiEvening(app)
    hook = add(e, "https://receiver.example/")
    refused(other.host.call("DELETE", e.at(f"/webhooks/{hook['id']}")), 403)
    refused(other.host.call("DELETE", other.at(f"/webhooks/{hook['id']}")), 404)
    assert len(listed(e)) == 1


def test_the_hosts_page_shows_where_webhooks_lead_and_removes_them(
    app: Flask, e: ApiEvening, desk: Desk, there: Receiver
) -> None:
    add(e, there.url)
    add(e, "https://receiver.example/hush")
    there.always = 500
    e.join("Ola")
    desk.work(e)
    browser = app.test_client()
    link = urlsplit(e.created["organiser_url"]).path
    assert press(browser, link).status_code == 303
    path = f"/t/{e.code}/organise"
    page = parse(browser.get(path).get_data(as_text=True))
    shown = page.by_id("webhooks")
    assert [item.text for item in shown.all("span", cls="who")] == [
        "127.0.0.1 not answering",
        "receiver.example not answering",
    ]
    assert "hush" not in repr(page.picture())
    (form, _) = (
        {field.attrs["name"]: field.attrs["value"] for field in form.all("input")}
        for form in shown.all("form")
    )
    stranger = app.test_client()
    assert stranger.post(path, data=form | {"do": "remove-webhook"}).status_code == 403
    assert len(listed(e)) == 2
    assert browser.post(path, data=form | {"do": "remove-webhook"}).status_code == 303
    assert [hook["url"] for hook in listed(e)] == ["https://receiver.example/hush"]
    good(e.host.post(e.at("/lock")))
    assert e.host.call("DELETE", e.at(f"/webhooks/{listed(e)[0]['id']}")).status_code == 204
    assert 'id="webhooks"' not in browser.get(path).get_data(as_text=True)


# --- cleanup and privacy --------------------------------------------------------------------------


def test_a_secret_is_in_no_document_and_no_export(
    app: Flask, e: ApiEvening, desk: Desk, there: Receiver
) -> None:
    secret = add(e, there.url)["secret"].removeprefix("whsec_")
    e.join("Ola")
    desk.work(e)
    database = desk.store.events.database
    names = database.list_collection_names()
    assert {"events", "webhooks"} <= set(names)
    kept = repr([list(database[name].find()) for name in names])
    assert there.url in kept
    assert secret not in kept
    exported = "".join(transfer.exported(desk.store, e.code, None))
    for text in (exported, json.dumps(good(e.host.get(e.at("/history"))))):
        assert "player-joined" in text
        assert secret not in text
        assert "hush" not in text


def test_webhooks_are_deleted_with_their_tournament(
    e: ApiEvening, desk: Desk, there: Receiver
) -> None:
    add(e, there.url)
    e.join("Ola")
    retention.delete_stream(desk.store, e.code)
    assert desk.hooks.of(e.code) == []
    desk.work(e)
    assert there.sent == []


def test_a_webhook_that_outlived_its_tournament_is_removed(
    e: ApiEvening, desk: Desk, there: Receiver
) -> None:
    add(e, there.url)
    e.join("Ola")
    (left,) = WebhookDocument._get_collection().find({"stream": e.code})
    retention.delete_stream(desk.store, e.code)
    WebhookDocument._get_collection().insert_one(left)
    desk.work(e)
    assert there.sent == []
    assert desk.hooks.of(e.code) == []


def test_webhooks_are_removed_with_the_device_that_added_them(
    e: ApiEvening, desk: Desk, there: Receiver
) -> None:
    second = good(
        e.anyone.post(e.at("/devices"), {"recovery_code": e.created["recovery_code"]}), 201
    )
    path = e.at("/webhooks")
    token = f"Bearer {second['organiser_key']}"
    good(e.anyone.post(path, {"url": there.url}, Authorization=token), 201)
    e.join("Ola")
    desk.work(e)
    good(e.host.post(e.at(f"/devices/{second['device_id']}/revoke")))
    e.join("Max")
    desk.work(e)
    assert there.types == ["player-joined"]
    assert listed(e) == []


def test_a_forgotten_name_is_no_longer_sent(
    app: Flask, e: ApiEvening, desk: Desk, there: Receiver
) -> None:
    add(e, there.url)
    ola = e.join("Ola")
    app.extensions["lct"].execute(ForgetPlayer(by=SYSTEM, code=e.code, player_id=ola))
    privacy.rewrite_forgotten(desk.store, e.code, ola)
    desk.work(e)
    assert there.types == ["player-joined", "player-forgotten"]
    assert all(sent.json["data"]["first"] == "Player" for sent in there.sent)
    assert not any(b"Ola" in sent.body for sent in there.sent)


def test_the_log_has_only_the_host_of_a_webhooks_address(
    e: ApiEvening, desk: Desk, there: Receiver, capfd: pytest.CaptureFixture[str], caplog: Any
) -> None:
    caplog.set_level("DEBUG")
    add(e, there.url)
    there.answers = [500, 410]
    e.join("Ola")
    desk.work(e)
    desk.later(10)
    desk.work(e)
    told = {r.message: r.__dict__ for r in caplog.records if r.message.startswith("webhook")}
    assert told.keys() == {"webhook added", "webhook failed", "webhook removed"}
    for fields in told.values():
        assert fields["url.domain"] == "127.0.0.1"
        assert fields["labels.tournament"] == e.code
    everything = repr([record.__dict__ for record in caplog.records]) + capfd.readouterr().out
    assert "hush" not in everything
    assert "/hook?" not in everything
    assert "whsec" not in everything
