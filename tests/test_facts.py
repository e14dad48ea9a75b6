"""Commands and events: which fields leave the process, and which actors may run a command."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lct.application.history import story
from lct.domain import errors
from lct.domain.codec import hints
from lct.domain.devices import (
    MAX_DEVICES,
    AdmitDevice,
    RenewRecoveryCode,
    RenewSeatCodes,
    RevokeDevice,
)
from lct.domain.door import LockJoining
from lct.domain.drawing import SkipReveal
from lct.domain.fact import (
    EVENTS,
    AfterLastCard,
    Command,
    Event,
    Exported,
    Public,
    Seen,
    seen,
)
from lct.domain.people import ForgetPlayer, RemovePlayer
from lct.domain.picking import LetGo, PickTeam
from lct.domain.play.formats import Format
from lct.domain.play.results import Score
from lct.domain.rights import ANYONE, OPERATOR, SYSTEM, Actor, Right, organiser, player
from lct.domain.text import Text, text
from lct.domain.tournament import Tournament
from lct.infrastructure import stored_events, transfer
from lct.webhooks.message import following, progress_of

from .desk import Desk
from .evening import CODE, START, Evening

# --- what leaves the process ----------------------------------------------------------------------


@pytest.fixture
def lots(monkeypatch: pytest.MonkeyPatch) -> type[Event]:
    """A new event with a field of each visibility."""
    monkeypatch.setitem(EVENTS, "lots-drawn", Event)  # replaced by the class below

    @dataclass(frozen=True, slots=True)
    class LotsDrawn(Event):
        type = "lots-drawn"

        attempt: Public[int]
        player_id: Exported[str]
        order: AfterLastCard[tuple[str, ...]]
        seed: str

        def apply(self, t: Tournament, seq: int, at: datetime) -> None:
            """The state does not keep lots."""

        def sentence(self, t: Tournament) -> Text:
            return text("drew lots")

    return LotsDrawn


def test_a_field_of_a_new_event_leaves_only_as_marked(lots: Any) -> None:
    event = lots(1, "p-exported", ("p-sealed",), "seed-never")
    assert event.public() == {"attempt": 1}
    assert event.exported(()) == {"attempt": 1, "player_id": "p-exported"}
    assert event.exported({2}) == event.exported(())
    assert event.exported({1}) == event.exported(()) | {"order": ["p-sealed"]}


def test_an_unmarked_field_never_leaves(lots: Any, desk: Desk) -> None:
    @dataclass(frozen=True, kw_only=True)
    class DrawLots(Command):
        def decide(self, t: Tournament, now: datetime) -> Event:
            return lots(1, "p-exported", ("p-sealed",), "seed-never")

    code = desk.create()
    begin = progress_of(desk.store.read(code).tournament, 1, START)
    t = desk.execute(DrawLots(code=code, by=SYSTEM))
    stored = stored_events.stored(desk.store, code)
    told = following(t, begin, stored[-1], START)
    assert told is not None
    webhook = told[0].body().decode()
    history = story(code, stored)
    assert str(history[-1].what) == "drew lots"
    export = list(transfer.exported(desk.store, code, set()))
    assert json.loads(export[-2])["data"] == {"attempt": 1, "player_id": "p-exported"}
    for sent in (webhook, str(history), *export):
        assert "p-sealed" not in sent
        assert "seed-never" not in sent
    assert "p-exported" not in webhook
    whole = list(transfer.exported(desk.store, code, None))
    assert "seed-never" in whole[-2]  # for moving to another server
    assert "p-sealed" in whole[-2]


@pytest.mark.parametrize("kind", sorted(EVENTS))
def test_an_event_with_a_field_sealed_until_the_last_card_has_an_attempt(kind: str) -> None:
    if Seen.AFTER_LAST_CARD in seen(EVENTS[kind]).values():
        names = {field.name for field in fields(EVENTS[kind])} | vars(EVENTS[kind]).keys()
        assert "attempt" in names, f"{EVENTS[kind].__name__} needs an attempt"


@pytest.mark.parametrize("kind", sorted(EVENTS))
def test_no_secret_is_marked_as_public(kind: str) -> None:
    for name, moment in seen(EVENTS[kind]).items():
        if name in ("secret", "hands", "shares"):
            assert moment is Seen.AFTER_LAST_CARD
        if name.endswith("_hash") or name in ("value", "device_id"):
            assert moment is Seen.IN_EXPORTS


# --- rights ---------------------------------------------------------------------------------------


def command_classes(base: type[Command] = Command) -> Iterator[type[Command]]:
    for kind in base.__subclasses__():
        if kind.__module__.startswith("lct."):
            yield kind
        yield from command_classes(kind)


OLA, MAX, STRANGER = player("p-Ola"), player("p-Max"), player("p-Zoe")
HOST, REVOKED = organiser("device"), organiser("once")
ALLOWED: dict[Right, set[Actor]] = {
    Right.ANYONE: {ANYONE, OLA, MAX, STRANGER, HOST, REVOKED, SYSTEM, OPERATOR},
    Right.PLAYER: {OLA, SYSTEM, OPERATOR},
    Right.ORGANISER: {HOST, SYSTEM, OPERATOR},
    Right.EITHER: {OLA, HOST, SYSTEM, OPERATOR},
    Right.OWNER: {HOST, SYSTEM, OPERATOR},
    Right.OPERATOR: {SYSTEM, OPERATOR},
}


@pytest.mark.parametrize("by", sorted(ALLOWED[Right.ANYONE]), ids=str)
@pytest.mark.parametrize("kind", list(command_classes()), ids=lambda kind: kind.__name__)
def test_a_command_runs_only_for_actors_with_its_right(kind: type[Command], by: Actor) -> None:
    """The command is about Ola; whether the rules allow it is another question."""
    evening = Evening()
    evening.join("Ola", "Max")
    about = {field.name for field in fields(Command)}
    values: dict[Any, Any] = {
        str: "p-Ola", int: 2, Format: Format(), Score: Score(2, 1), tuple[str, ...]: ("Sofa",),
    }  # fmt: skip
    own = {
        field.name: values.get(hints(kind)[field.name])
        for field in fields(kind)
        if field.name not in about
    }
    command = kind(code=evening.t.code, by=by, **own)
    if kind is AdmitDevice or kind is RevokeDevice:
        return  # rules of their own, below
    refused = False
    try:
        command.event_on(evening.t, START)
    except errors.NotAllowed:
        refused = True
    except errors.LctError:
        pass
    assert refused == (by not in ALLOWED[kind.right])


def test_an_owner_signs_out_anybody_and_a_co_organiser_only_themselves() -> None:
    evening = Evening()
    for device, shown in (("co", "hash"), ("other", "hash"), ("owner", "recovery")):
        evening.does(AdmitDevice, device, "Phone", shown)
    assert evening.t.owners == {"device", "owner"}

    def revoke(by: str, device: str) -> Event | None:
        return RevokeDevice(
            code=CODE, by=organiser(by), device_id=device,
            organiser_hash="new link", recovery_hash="new code",
        ).event_on(evening.t, START)  # fmt: skip

    for device in ("device", "owner", "other"):
        with pytest.raises(errors.NotTheOwner):
            revoke("co", device)
    for device in ("co", "owner"):  # a device that signs itself out could not be shown the new code
        left = revoke(device, device)
        assert (left.organiser_hash, left.recovery_hash) == ("new link", "")  # type: ignore[union-attr]
    for device in ("device", "co", "other"):
        assert revoke("owner", device).recovery_hash == "new code"  # type: ignore[union-attr]


def test_only_an_owner_makes_new_codes() -> None:
    evening = Evening()
    evening.join("Ola")
    evening.does(AdmitDevice, "co", "Phone", "hash")
    for kind, own in ((RenewRecoveryCode, {"recovery_hash": "x"}), (RenewSeatCodes, {})):
        for by, fits in ((HOST, True), (organiser("co"), False)):
            command = kind(code=CODE, by=by, **own)
            if fits:
                assert command.event_on(evening.t, START)
            else:
                with pytest.raises(errors.NotTheOwner):
                    command.event_on(evening.t, START)


def test_a_players_new_code_shuts_out_their_older_phones() -> None:
    evening = Evening()
    (ola,) = evening.join("Ola")
    pick = PickTeam(code=CODE, by=player(ola), player_id=ola, team=1, value="")
    assert pick.event_on(evening.t, START)
    evening.does(RenewSeatCodes, "")
    assert pick.event_on(evening.t, START)  # everybody's new code signs nobody out
    evening.does(RenewSeatCodes, ola)
    with pytest.raises(errors.NotAPlayer):
        pick.event_on(evening.t, START)
    assert replace(pick, by=player(ola, 1)).event_on(evening.t, START)


def test_the_number_of_devices_is_limited_except_for_the_recovery_code() -> None:
    evening = Evening()
    for number in range(MAX_DEVICES - 1):
        evening.does(AdmitDevice, f"d{number}", "Phone", "hash")
    with pytest.raises(errors.TooManyDevices):
        evening.wants(AdmitDevice, "more", "Phone", "hash")
    assert evening.wants(AdmitDevice, "more", "Phone", "recovery")


def test_a_stale_version_reveals_nothing_without_the_right() -> None:
    command = LockJoining(code="BCDF2345", by=REVOKED, expected_version=99)
    with pytest.raises(errors.NotTheOrganiser):
        command.event_on(Evening().t, START)


HOSTS = {
    "lock": lambda about: LockJoining(**about),
    "remove": lambda about: RemovePlayer(**about, player_id="p-Ola"),
    "pick for": lambda about: PickTeam(**about, player_id="p-Ola", team=3, value="ab" * 16),
    "renew": lambda about: RenewRecoveryCode(**about, recovery_hash="mine"),
    "revoke": lambda about: RevokeDevice(
        **about, device_id="device", organiser_hash="mine", recovery_hash="mine"
    ),
    "skip": lambda about: SkipReveal(**about),
}


@pytest.mark.parametrize("what", HOSTS)
def test_a_device_revoked_on_another_worker_can_do_nothing(what: str, desk: Desk) -> None:
    code = desk.create()
    desk.join(code, "Ola")
    phone = {"code": code, "by": organiser("phone")}
    desk.execute(AdmitDevice(**phone, device_id="phone", label="Phone", shown="hash"))
    behind = Desk()
    behind.store.read(code)  # this worker still knows the device
    desk.execute(
        RevokeDevice(code=code, by=HOST, device_id="phone", organiser_hash="new", recovery_hash="")
    )
    with pytest.raises(errors.NotTheOrganiser):
        behind.execute(HOSTS[what](phone))
    assert stored_events.stored(desk.store, code)[-1].event.type == "device-revoked"


def test_a_removed_player_can_do_nothing_on_a_worker_that_has_not_heard_yet(desk: Desk) -> None:
    code = desk.create()
    desk.join(code, "Ola")
    behind = Desk()
    behind.store.read(code)
    desk.execute(RemovePlayer(code=code, by=HOST, player_id="p-Ola"))
    with pytest.raises(errors.NotAPlayer):
        behind.execute(PickTeam(code=code, by=OLA, player_id="p-Ola", team=3, value=""))
    with pytest.raises(errors.NotAPlayer):
        behind.execute(LetGo(code=code, by=OLA, player_id="p-Ola"))


@pytest.mark.parametrize("shown", ["hash", "recovery"])
def test_a_link_or_code_replaced_on_another_worker_admits_nobody(shown: str, desk: Desk) -> None:
    code = desk.create()
    behind = Desk()
    behind.store.read(code)
    desk.execute(AdmitDevice(code=code, by=REVOKED, device_id="once", label="", shown=shown))
    desk.execute(
        RevokeDevice(code=code, by=HOST, device_id="once", organiser_hash="new", recovery_hash="")
    )
    desk.execute(RenewRecoveryCode(code=code, by=HOST, recovery_hash="new"))
    with pytest.raises(errors.NotTheOrganiser):
        behind.execute(AdmitDevice(code=code, by=REVOKED, device_id="2", label="", shown=shown))
    assert set(desk.store.read(code).tournament.devices) == {"device"}


def test_only_the_operator_can_forget_a_player(desk: Desk) -> None:
    code = desk.create()
    desk.join(code, "Ola")
    for by in (HOST, OLA, ANYONE):
        with pytest.raises(errors.NotAllowed):
            desk.execute(ForgetPlayer(code=code, by=by, player_id="p-Ola"))


# --- what belongs to a command --------------------------------------------------------------------

WEB = Path("lct/web")


@cache
def named_in(folder: Path) -> set[str]:
    """Every name that the modules in this folder use."""
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in folder.glob("*.py"))
    return {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}


@pytest.mark.parametrize("kind", list(command_classes()), ids=lambda kind: kind.__name__)
def test_every_command_can_be_given_on_a_page_and_by_the_api(kind: type[Command]) -> None:
    if kind.right is Right.OPERATOR:
        return  # on the command line
    name = kind.__name__
    if kind.creates:
        return  # its one form and its one operation share a function that builds it
    assert name in named_in(WEB), (
        f"no page gives {name}: add it to ACTIONS in lct/web/actions.py, or a route of its own"
    )
    assert name in named_in(WEB / "api"), (
        f"the API has no operation for {name}: add a row to PLAIN in lct/web/api/commands.py"
    )


def test_every_event_is_made_by_a_command_in_its_own_module() -> None:
    for event in EVENTS.values():
        subject = Path(inspect.getsourcefile(event) or "")
        tree = ast.parse(subject.read_text(encoding="utf-8"))
        made = {
            node.func.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert event.__name__ in made, f"no command in {subject.name} makes {event.__name__}"
