"""Nothing of a share, the secret or a hand is shown before its time, by HTTP and in every frame.

The API and the webhooks: tests/test_webhooks.py.
"""

from __future__ import annotations

import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from lct.application.finished_draws import finished_draws
from lct.domain.draw import NOT_OWN
from lct.domain.shares import pledge
from lct.infrastructure import transfer

from .desk import utc_now
from .http_client import Evening, House, Phone, parse
from .support import wait_until
from .test_http_draw import NAMES, TEAMS, VIEWS, Seen, everything, face_up, nothing_leaks


@dataclass
class Guest:
    """A guest's phone, which keeps a key and makes a share as static/draw.js does."""

    e: Evening
    name: str
    key: str = field(default_factory=lambda: secrets.token_hex(32))
    share: str = ""

    def __post_init__(self) -> None:
        self.phone: Phone = self.e.guest(self.name)
        self.id = self.e.player(self.name)

    def pick(self, team: int) -> None:
        value = secrets.token_hex(16)
        signed = f"lct share v2|{self.e.code}|{self.id}|{value}".encode()
        self.share = hmac.new(bytes.fromhex(self.key), signed, "sha256").hexdigest()
        sealed = pledge(self.e.code, self.id, self.share)
        fields = {"team": team, "value": value, "pledge": sealed}
        assert self.phone.post(self.e.at("team"), fields, htmx=True).status == 200

    def open(self) -> None:
        fields = {"player": self.id, "share": self.share}
        assert self.phone.post(self.e.at("share"), fields, htmx=True).status == 204


def marked(event: dict[str, Any]) -> str:
    """The first digits of its fingerprint, as people read them."""
    digits = event["fingerprint"]
    return f"{digits[:4]} {digits[4:8]} {digits[8:12]}"


def exported(e: Evening) -> str:
    """What `lct export` prints now."""
    with e.house.desk() as desk:
        finished = finished_draws(desk.store.read(e.code).tournament, utc_now())
        public = {facts.attempt for facts in finished}
        return "\n".join(transfer.exported(desk.store, e.code, public))


def test_shares_stay_shut_until_the_last_card_on_every_page_frame_export_and_log(
    house: House,
) -> None:
    e = house.evening(limit=4, teams=TEAMS, option=NOT_OWN)
    guests = [Guest(e, name) for name in NAMES]
    for team, guest in enumerate(guests[:3]):
        guest.pick(team)
    assert e.pick(guests[3].phone, 3).status == 200  # without a share
    secret = e.facts("tournament-created")[0]["secret"]
    phones = [guest.phone for guest in guests]
    screens = {
        view: (e.host if view == "organise" else phones[0]).live(e.live(view)) for view in VIEWS
    }

    def check(**said: str) -> dict[str, Seen]:
        """Look everywhere, and at all that the open screens got meanwhile."""
        seen = everything(e, phones)
        for view, screen in screens.items():
            screen.quiet(0.05)
            seen |= {f"{view} {n}": Seen(f, parse(f)) for n, f in enumerate(screen.frames)}
        seen |= {where: Seen(text, parse("")) for where, text in said.items()}
        turned = len(face_up(house.phone().get(e.at()).page))
        assert turned < 4, "this machine is too slow to look during the reveal"
        nothing_leaks(e, seen, turned)
        for where, (text, _) in seen.items():
            for guest in guests[:3]:
                assert guest.share not in text, where
                assert guest.key not in text, where
        return seen

    check()
    assert e.act("roll", attempt=1).status == 200
    (begun,) = e.facts("draw-begun")
    guests[0].open()
    wait_until(lambda: e.facts("shares-opened"))
    during = check()
    assert len(e.facts("shares-opened")) == 1
    assert marked(begun) in during["anyone: "].text

    # The other two may be too late on a slow machine; what follows holds either way.
    late = [guest.phone.post(e.at("share"), {"player": guest.id, "share": guest.share}).status
            for guest in guests[1:3]]  # fmt: skip
    (closed,) = wait_until(lambda: e.facts("shares-closed"), what="the end of the gathering")
    awaiting = check()
    assert marked(closed) in awaiting["anyone: "].text
    assert not e.facts("teams-drawn")

    assert e.act("number", attempt=1, number="4 + 3").status == 200
    assert e.facts("teams-drawn")[0]["number"] == "4 + 3"
    check(export=exported(e))
    screens["board"].until(lambda s: face_up(s.page))
    assert e.act("skip").status == 200
    opened = [guest.share for guest, status in zip(guests, [204, *late], strict=False)
              if status == 204]  # fmt: skip
    record = json.loads(house.phone().get(e.at("draw.json")).text)
    assert [each["share"] for each in record["shares"]] == opened
    assert record["secret"] == secret
    assert all(share in exported(e) for share in opened)
    for screen in screens.values():
        screen.ws.close()
    log = house.log()
    for hidden in [secret, *(guest.share for guest in guests[:3]), *(g.key for g in guests)]:
        assert hidden not in log
