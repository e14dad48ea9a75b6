"""Random evenings on the real store, with several workers, against a model of plain dictionaries.

The model repeats the rules in a few lines, without events, caches or claims. Each worker has its
own cache, which is stale whenever another worker wrote last.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import hypothesis
import pymongo
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from lct.application.execute import CommandRepeated
from lct.application.history import replay
from lct.config import Settings
from lct.domain import errors
from lct.domain.devices import AdmitDevice, RevokeDevice
from lct.domain.door import LockJoining, UnlockJoining
from lct.domain.drawing import DrawTeams
from lct.domain.evening import ChangeLimit, CloseTournament, RenameTournament, ReopenTournament
from lct.domain.fact import Command
from lct.domain.people import (
    BlockPlayer,
    ForgetPlayer,
    Join,
    RemovePlayer,
    RenamePlayer,
    UnblockPlayer,
)
from lct.domain.picking import LetGo, PickTeam, RestartPicks
from lct.domain.rights import SYSTEM
from lct.domain.snapshot import dump, restore
from lct.domain.values import fold
from lct.infrastructure import documents, snapshots, stored_events
from lct.infrastructure.stream import Stream
from lct.laptop.local_servers import LocalServer, start_store

from .desk import Desk
from .doomed import Moment, run_and_kill
from .http_client import at_once
from .support import wait_until

WORKERS = 3
CODES = ("CCCC2222", "DDDD3333", "FFFF4444")
GUESTS = ("Ola", "Max", "Zoe", "Jan")
TITLES = ("Friday Cup", "FRIDAY  cup", "Sunday Cup", "Monday Cup")
LIMIT, TEAMS = 3, 4
DEVICES = ("device", "phone")  # the first one creates
LINKS = ("hash", "another hash")  # of an evening's links and recovery codes, oldest first
RECOVERIES = ("recovery", "another code")
DAMAGE: tuple[dict[str, Any], ...] = (
    {"schema": 99},
    {"schema": None},
    {"state": {}},
    {"state": None},
    {"state": {"players": [{"id": 1}]}},
    {"seq": 5000},
    {"claims": 3},
    {"stale": None},
)

workers = st.integers(0, WORKERS - 1)
codes = st.sampled_from([CODES[0]] * 4 + [*CODES])  # mostly the first one
guests = st.sampled_from(GUESTS)
somebody = st.sampled_from([0, 1, 2, *GUESTS])  # a number stands for the player in that seat
titles = st.sampled_from(TITLES)
# Mostly new; the others have probably been used, perhaps in another evening.
command_ids = st.sampled_from([None, None, "new", "new", "tap-1", "tap-2"])
versions = st.sampled_from([None, "seen", "seen", "seen", "old"])
# When to kill a worker: milliseconds after it gets the command, or before (False) or after (True)
# the store executes a request.
requests = st.sampled_from(["insert", "insert", "update", "find", "none such"])
moments = st.one_of(st.integers(0, 8), st.tuples(requests, st.booleans()))


@dataclass
class Model:
    """One evening according to its rules."""

    name: str
    players: dict[str, str] = field(default_factory=dict)  # id -> name
    holds: dict[str, int] = field(default_factory=dict)  # id -> team
    removed: set[str] = field(default_factory=set)
    blocked: dict[str, str] = field(default_factory=dict)  # id -> name
    forgotten: list[str] = field(default_factory=list)
    played: set[str] = field(default_factory=set)  # everyone who was in a draw
    devices: set[str] = field(default_factory=lambda: {DEVICES[0]})
    owners: set[str] = field(default_factory=lambda: {DEVICES[0]})
    link: str = LINKS[0]
    recovery: str = RECOVERIES[0]
    limit: int = LIMIT
    locked: bool = False
    closed: bool = False
    drawn: bool = False
    attempt: int = 1
    version: int = 1
    seq: int = 1

    # Each returns a refusal, None for nothing to do, or a function that makes the change.

    def join(self, who: str) -> Any:
        if who in self.players:
            return None
        if who in self.blocked:
            return errors.PlayerIsBlocked
        if self.closed:
            return errors.TournamentIsClosed
        if self.drawn:
            return errors.AlreadyDrawn
        if len(self.players) == self.limit:
            return errors.TournamentFull
        if self.locked:
            return errors.JoiningIsLocked
        if f"{who} Nowak" in self.blocked.values():
            return errors.PlayerIsBlocked
        if f"{who} Nowak" in self.players.values():
            return errors.SameName
        return lambda: (self.players.update({who: f"{who} Nowak"}), self.removed.discard(who))

    def pick(self, who: str, team: int) -> Any:
        if refusal := self._not_picking(who):
            return refusal
        if self.holds.get(who) == team:
            return None
        if team in self.holds.values():
            return errors.TeamTaken
        return lambda: self.holds.update({who: team})

    def let_go(self, who: str) -> Any:
        if refusal := self._not_picking(who):
            return refusal
        return (lambda: self.holds.pop(who)) if who in self.holds else None

    def call(self, who: str, first: str) -> Any:
        if refusal := self._not_picking(who):
            return refusal
        name = f"{first} Nowak"
        if self.players[who] == name:
            return None
        if name in self.players.values():
            return errors.SameName
        return lambda: self.players.update({who: name})

    def remove(self, who: str) -> Any:
        refusal = self._not_picking(who)
        if refusal is errors.UnknownPlayer and who in self.removed:
            return None

        def change() -> None:
            del self.players[who]
            self.holds.pop(who, None)
            self.removed.add(who)
            self.version += 1

        return refusal or change

    def block(self, who: str) -> Any:
        refusal = self._not_picking(who)
        if refusal is errors.UnknownPlayer and who in self.blocked:
            return None

        def change() -> None:
            self.blocked[who] = self.players.pop(who)
            self.holds.pop(who, None)
            self.version += 1

        return refusal or change

    def unblock(self, who: str) -> Any:
        if self.closed:
            return errors.TournamentIsClosed
        return self._flow(blocked=_without(self.blocked, who)) if who in self.blocked else None

    def forget(self, who: str) -> Any:
        if who in self.forgotten:
            return None
        if who not in {*self.players, *self.removed, *self.blocked, *self.played}:
            return errors.UnknownPlayer

        def change() -> None:
            self.forgotten.append(who)
            for names in (self.players, self.blocked):
                if who in names:
                    names[who] = f"Player No. {len(self.forgotten)}"

        return change

    def change_limit(self, limit: int) -> Any:
        if refusal := self._not_picking(None):
            return refusal
        if limit < len(self.players):
            return errors.LimitTooLow
        return self._flow(limit=limit) if limit != self.limit else None

    def admit(self, device: str, shown: str) -> Any:
        owns = shown == self.recovery
        if device in (self.owners if owns else self.devices):
            return None
        if not owns and shown != self.link:
            return errors.NotTheOrganiser
        return lambda: (self.devices.add(device), owns and self.owners.add(device))

    def revoke(self, device: str) -> Any:
        gone = {device}
        return (
            self._flow(
                devices=self.devices - gone,
                owners=self.owners - gone,
                link=LINKS[1],
                recovery=RECOVERIES[1],
            )
            if device in self.devices
            else None
        )

    def rename(self, name: str, taken: bool) -> Any:
        if self.closed:
            return errors.TournamentIsClosed
        if self.name == name:
            return None
        return errors.TournamentNameTaken if taken else self._flow(name=name)

    def lock(self, locked: bool) -> Any:
        if self.closed:
            return errors.TournamentIsClosed
        return None if self.locked == locked else self._flow(locked=locked)

    def close(self) -> Any:
        return None if self.closed else self._flow(closed=True)

    def reopen(self, name: str, taken: bool) -> Any:
        if not self.closed:
            return None
        return errors.TournamentNameTaken if taken else self._flow(closed=False, name=name)

    def draw(self) -> Any:
        if self.closed:
            return errors.TournamentIsClosed
        if self.drawn:
            return None
        if len(self.players) < self.limit:
            return errors.SeatsEmpty
        played = self.played | set(self.players)
        if len(self.holds) < self.limit:
            return errors.PicksMissing
        # Without shares, the system closes the gathering and deals the teams at once.
        return self._flow(drawn=True, played=played, version=self.version + 2, seq=self.seq + 2)

    def restart(self) -> Any:
        if self.closed:
            return errors.TournamentIsClosed
        return self._flow(drawn=False, holds={}, attempt=self.attempt + 1)

    def _not_picking(self, who: str | None) -> type[errors.LctError] | None:
        if self.closed:
            return errors.TournamentIsClosed
        if self.drawn:
            return errors.AlreadyDrawn
        return None if who is None or who in self.players else errors.UnknownPlayer

    def _flow(self, **changes: Any) -> Callable[[], None]:
        def change() -> None:
            for name, value in changes.items():
                setattr(self, name, value)
            self.version += 1

        return change

    def agrees_with(self, stream: Any) -> None:
        t = stream.tournament
        assert {p.id: p.name for p in t.players.values()} == self.players
        assert list(t.players) == list(self.players)
        assert {p.id: p.team for p in t.players.values() if p.team is not None} == self.holds
        assert t.holders == {team: who for who, team in self.holds.items()}
        assert (t.name, t.limit, t.attempt) == (self.name, self.limit, self.attempt)
        assert (t.removed, t.blocked) == (self.removed, self.blocked)
        assert (t.forgotten, set(t.devices)) == (set(self.forgotten), self.devices)
        assert (t.owners, t.organiser_hash) == (self.owners, self.link)
        assert t.recovery_hash == self.recovery
        assert (t.locked, t.closed, t.dealt) == (self.locked, self.closed, self.drawn)
        assert (t.version, stream.seq) == (self.version, self.seq)


def _changes(verdict: Any) -> bool:
    """Whether a verdict of the model is a change: allowed, and not already done."""
    return verdict is not None and not isinstance(verdict, type)


def _without(names: dict[str, str], who: str) -> dict[str, str]:
    return {other: name for other, name in names.items() if other != who}


class Evenings(RuleBasedStateMachine):
    killed: ClassVar[Counter[str]] = Counter()  # outcomes of killed workers' commands

    def __init__(self, server: LocalServer) -> None:
        super().__init__()
        self.server = server
        self.database = f"lct_test_{secrets.token_hex(4)}"
        self.models: dict[str, Model] = {}
        self.held: dict[str, set[str]] = {}  # code -> old names that a crash left held
        self.used: dict[str, str] = {}  # command id -> code
        # Code -> the state after each command, by the seq of its last event.
        self.acknowledged: dict[str, dict[int, Any]] = {}
        self.counter = 0

    @initialize()
    def open_the_house(self) -> None:
        self.settings = Settings(
            mongo_uri=self.server.uri,
            redis_url="unix:///none",
            database=self.database,
            secret_key="x" * 20,
        )
        documents.connect_store(self.settings)
        documents.ensure_indexes()
        self.desks = [Desk() for _ in range(WORKERS)]
        self.create(0, CODES[0], TITLES[0], None)
        for number, who in enumerate(("Jan", *GUESTS[:2])):
            self.join(number, CODES[0], who, None)
        self.send_away_or_forget(0, CODES[0], "remove", "Jan", None, None)

    def teardown(self) -> None:
        try:
            if self.models:
                self.every_worker_looks()
                self.every_prefix_matches_the_acknowledged_state()
        finally:
            documents.disconnect()
            with pymongo.MongoClient(self.server.uri) as client:
                client.drop_database(self.database)

    # --- commands ---------------------------------------------------------------------------------

    @rule(worker=workers, code=codes, name=titles, given=command_ids)
    def create(self, worker: int, code: str, name: str, given: str | None) -> None:
        command_id = self._command_id(given)
        repeats = self.used.get(command_id or "")

        def creating() -> None:
            self.desks[worker].create(
                name, limit=LIMIT, team_count=TEAMS, code=code, command_id=command_id
            )

        if repeats:
            with pytest.raises(CommandRepeated) as repeated:
                creating()
            assert repeated.value.code == repeats
        elif code in self.models:
            with pytest.raises(errors.CodeTaken):
                creating()
        elif self._taken(name, besides=code):
            with pytest.raises(errors.TournamentNameTaken):
                creating()
        else:
            creating()
            self.models[code] = Model(" ".join(name.split()))
            self.held[code] = set()
            self._note(code, worker, command_id)

    @rule(worker=workers, code=codes, who=guests, given=command_ids)
    def join(self, worker: int, code: str, who: str, given: str | None) -> None:
        command = Join(by=SYSTEM, code=code, player_id=who, first=who, last="Nowak")
        self._run(worker, command, lambda m: m.join(who), given)

    @rule(
        worker=workers, code=codes, who=somebody, team=st.integers(0, TEAMS - 1), given=command_ids
    )
    def pick(self, worker: int, code: str, who: str | int, team: int, given: str | None) -> None:
        who = self._somebody(code, who)
        command = PickTeam(by=SYSTEM, code=code, player_id=who, team=team, value="ab" * 16)
        self._run(worker, command, lambda m: m.pick(who, team), given)

    @rule(worker=workers, code=codes, who=somebody, given=command_ids)
    def let_go(self, worker: int, code: str, who: str | int, given: str | None) -> None:
        who = self._somebody(code, who)
        self._run(
            worker, LetGo(by=SYSTEM, code=code, player_id=who), lambda m: m.let_go(who), given
        )

    @rule(worker=workers, code=codes, who=somebody, first=guests, given=command_ids)
    def call(self, worker: int, code: str, who: str | int, first: str, given: str | None) -> None:
        who = self._somebody(code, who)
        command = RenamePlayer(by=SYSTEM, code=code, player_id=who, first=first, last="Nowak")
        self._run(worker, command, lambda m: m.call(who, first), given)

    @rule(
        worker=workers,
        code=codes,
        does=st.sampled_from(["remove", "remove", "block", "unblock", "forget"]),
        who=somebody,
        given=command_ids,
        version=versions,
    )
    def send_away_or_forget(
        self,
        worker: int,
        code: str,
        does: str,
        who: str | int,
        given: str | None,
        version: str | None,
    ) -> None:
        kinds: dict[str, Any] = {"remove": RemovePlayer, "block": BlockPlayer}
        kinds |= {"unblock": UnblockPlayer, "forget": ForgetPlayer}
        who = self._somebody(code, who)
        command = kinds[does](by=SYSTEM, code=code, player_id=who)
        self._run(worker, command, lambda m: getattr(m, does)(who), given, version)

    @rule(worker=workers, code=codes, limit=st.integers(2, TEAMS), version=versions)
    def change_limit(self, worker: int, code: str, limit: int, version: str | None) -> None:
        command = ChangeLimit(by=SYSTEM, code=code, limit=limit)
        self._run(worker, command, lambda m: m.change_limit(limit), "new", version)

    @rule(
        worker=workers,
        code=codes,
        device=st.sampled_from(DEVICES),
        shown=st.sampled_from([*RECOVERIES, *LINKS]),
        given=command_ids,
    )
    def admit(self, worker: int, code: str, device: str, shown: str, given: str | None) -> None:
        command = AdmitDevice(by=SYSTEM, code=code, device_id=device, label="A phone", shown=shown)
        self._run(worker, command, lambda m: m.admit(device, shown), given)

    @rule(worker=workers, code=codes, device=st.sampled_from(DEVICES), given=command_ids)
    def revoke(self, worker: int, code: str, device: str, given: str | None) -> None:
        link, recovery = LINKS[1], RECOVERIES[1]
        command = RevokeDevice(
            by=SYSTEM, code=code, device_id=device, organiser_hash=link, recovery_hash=recovery
        )
        self._run(worker, command, lambda m: m.revoke(device), given)

    @rule(worker=workers, code=codes, name=titles, given=command_ids, version=versions)
    def rename(
        self, worker: int, code: str, name: str, given: str | None, version: str | None
    ) -> None:
        clean, taken = " ".join(name.split()), self._taken(name, besides=code)
        command = RenameTournament(by=SYSTEM, code=code, name=name)
        self._run(worker, command, lambda m: m.rename(clean, taken), given, version)

    @rule(worker=workers, code=codes, locked=st.booleans(), given=command_ids, version=versions)
    def lock(
        self, worker: int, code: str, locked: bool, given: str | None, version: str | None
    ) -> None:
        command = (LockJoining if locked else UnlockJoining)(by=SYSTEM, code=code)
        self._run(worker, command, lambda m: m.lock(locked), given, version)

    @rule(worker=workers, code=codes, given=command_ids, version=versions)
    def close(self, worker: int, code: str, given: str | None, version: str | None) -> None:
        self._run(
            worker, CloseTournament(by=SYSTEM, code=code), lambda m: m.close(), given, version
        )

    @rule(
        worker=workers,
        code=codes,
        name=st.one_of(st.just(""), titles),
        given=command_ids,
        version=versions,
    )
    def reopen(
        self, worker: int, code: str, name: str, given: str | None, version: str | None
    ) -> None:
        own = self.models[code].name if code in self.models else ""
        wanted = " ".join(name.split()) or own
        taken = self._taken(wanted, besides=code)
        command = ReopenTournament(by=SYSTEM, code=code, name=name)
        self._run(worker, command, lambda m: m.reopen(wanted, taken), given, version)

    @rule(worker=workers, code=codes)
    def fill_and_draw(self, worker: int, code: str) -> None:
        """Prepare and draw: chance alone would hardly meet the conditions for a draw."""
        model = self.models.get(code)
        if model and not (model.closed or model.locked or model.drawn):
            for number, who in enumerate(GUESTS):
                self.join((worker + number) % WORKERS, code, who, None)
            for team in range(TEAMS):
                if idle := [who for who in model.players if who not in model.holds]:
                    self.pick((worker + team) % WORKERS, code, idle[0], team, None)
        attempt = model.attempt if model else 1
        self._run(
            worker, DrawTeams(by=SYSTEM, code=code, attempt=attempt), lambda m: m.draw(), "new"
        )

    @rule(worker=workers, code=codes, given=command_ids, version=versions)
    def restart(self, worker: int, code: str, given: str | None, version: str | None) -> None:
        command = RestartPicks(by=SYSTEM, code=code, secret=f"{self.counter:064x}")
        self._run(worker, command, lambda m: m.restart(), given, version)

    @precondition(lambda self: any(len(m.players) > 1 for m in self.models.values()))
    @rule(first=workers, step=st.integers(1, WORKERS - 1), team=st.integers(0, TEAMS - 1))
    def two_at_once_want_one_team(self, first: int, step: int, team: int) -> None:
        code, model = next((k, m) for k, m in self.models.items() if len(m.players) > 1)
        rivals = list(model.players)[:2]
        if not all(_changes(model.pick(who, team)) for who in rivals):
            return

        def tap(worker: int, who: str) -> Any:
            command = PickTeam(by=SYSTEM, code=code, player_id=who, team=team, value="cd" * 16)
            try:
                return self.desks[worker].execute(command)
            except errors.TeamTaken as refusal:
                return refusal

        seats = (first, (first + step) % WORKERS)
        results = at_once(*(lambda i=i: tap(seats[i], rivals[i]) for i in (0, 1)))
        won = [i for i in (0, 1) if not isinstance(results[i], errors.TeamTaken)]
        assert len(won) == 1
        model.pick(rivals[won[0]], team)()
        model.seq += 1
        self.held[code].clear()  # as after every command that stored something
        self._note(code, seats[won[0]], None)

    # --- what happens to workers and the store ----------------------------------------------------

    @rule(worker=workers)
    def a_worker_forgets_its_cache(self, worker: int) -> None:
        self.desks[worker] = Desk()

    @rule(worker=workers, code=codes)
    def a_worker_looks(self, worker: int, code: str) -> None:
        if code in self.models:
            self.models[code].agrees_with(self.desks[worker].store.read(code))
        else:
            with pytest.raises(errors.UnknownTournament):
                self.desks[worker].store.read(code)

    @rule(worker=workers, code=codes, name=titles)
    def a_worker_dies_between_a_rename_and_freeing_the_old_name(
        self, worker: int, code: str, name: str
    ) -> None:
        model = self.models.get(code)
        if not model or not _changes(model.rename(name, self._taken(name, besides=code))):
            return None
        before = model.name
        leftovers = set(self.held[code])  # freed before the insert, or by a later command
        self.desks[worker].store._free_stale = lambda stream: None  # type: ignore[method-assign]
        if fold(name) in leftovers:
            return self.a_worker_forgets_its_cache(worker)  # the crash comes first
        self.rename(worker, code, name, None, None)
        self.held[code] = (leftovers | {fold(before)}) - {fold(name)}
        self.desks[worker] = Desk()
        return None

    @rule(worker=workers, choice=st.integers(0, 999), moment=moments, knows=st.booleans())
    def a_worker_is_killed_in_the_middle_of_a_command(
        self, worker: int, choice: int, moment: Moment, knows: bool
    ) -> None:
        """It may or may not have been stored; repeating it at another worker counts once."""
        allowed = [each for code in self.models for each in self._allowed(code, choice % TEAMS)]
        command, verdict = allowed[choice % len(allowed)]
        code, model = command.code, self.models[command.code]
        command_id = self._command_id("new")
        command = replace(command, command_id=command_id)
        own = {fold(model.name)}
        known = code if knows else ""
        told = run_and_kill(self.server.socket, self.settings, command, moment, known)

        stored = self.desks[worker].seqs(code)
        most = model.seq + (3 if isinstance(command, DrawTeams) else 1)
        assert stored == list(range(1, len(stored) + 1))
        assert model.seq <= len(stored) <= most
        assert len(stored) > model.seq or not told  # an acknowledged command is stored
        self.killed["told" if told else "stored" if len(stored) > model.seq else "nothing"] += 1
        self.desks[worker].execute(command)
        verdict()
        model.seq += 1
        left = set(self._claimed(code)) - (set() if model.closed else {fold(model.name)})
        assert left <= self.held[code] | own
        self.held[code] = left
        self._note(code, worker, command_id)

    @rule(code=codes)
    def a_snapshot_is_deleted(self, code: str) -> None:
        self.desks[0].store.snapshots.delete_one({"_id": code})

    @rule(worker=workers, code=codes)
    def a_snapshot_is_written(self, worker: int, code: str) -> None:
        if code in self.models:  # perhaps by a worker with a stale cache
            store = self.desks[worker].store
            store.write_snapshot(store.stream(code))

    @rule(worker=workers, code=codes, damage=st.sampled_from(DAMAGE))
    def a_snapshot_is_damaged(self, worker: int, code: str, damage: dict[str, Any]) -> None:
        self.a_snapshot_is_written(worker, code)
        self.desks[worker].store.snapshots.update_one({"_id": code}, {"$set": damage})
        self.desks[worker] = Desk()

    @precondition(lambda self: self.counter % 10 == 9)  # restarts are slow
    @rule()
    def the_store_is_killed_and_started_again(self) -> None:
        self.server.kill()
        self.server.start()
        self.server.wait_ready()
        wait_until(self.desks[0].store.answers)

    @rule()
    def every_worker_looks(self) -> None:
        for code, model in self.models.items():
            for desk in (*self.desks, Desk()):
                model.agrees_with(desk.store.read(code))

    # --- what always holds ------------------------------------------------------------------------

    @invariant()
    def the_events_have_no_gap_and_give_the_model(self) -> None:
        for code, model in self.models.items():
            assert self.desks[0].seqs(code) == list(range(1, model.seq + 1))
            fresh = Desk().store.read(code)
            model.agrees_with(fresh)
            # The state from events alone equals the one from the stored snapshot, from a new one,
            # and the workers' cached ones, however stale.
            cached = [desk.store._streams.get(code) for desk in self.desks]
            whole = Stream(code)
            for document in self.desks[0].store.tail(code):
                whole.take(document)
                for known in (fresh, *cached):
                    if known and known.seq == whole.seq:
                        assert known.tournament == whole.tournament
            assert restore(dump(whole.tournament)) == whole.tournament
            for known in (fresh, *cached):
                assert not known or known.seq < whole.seq or known.claims == whole.claims

    @invariant()
    def open_evenings_hold_their_names_and_closed_ones_none(self) -> None:
        for code, model in self.models.items():
            own = set() if model.closed else {fold(model.name)}
            assert self._claimed(code) == sorted(own | self.held[code])

    def every_prefix_matches_the_acknowledged_state(self) -> None:
        for code, states in self.acknowledged.items():
            stored = stored_events.stored(self.desks[0].store, code)
            for seq, state in states.items():
                assert replay(code, stored[:seq]) == state, f"{code} after {seq} events"

    # --- inside -----------------------------------------------------------------------------------

    def _run(
        self,
        worker: int,
        command: Command,
        rules: Callable[[Model], Any],
        given: str | None = None,
        version: str | None = None,
    ) -> None:
        """Run a command and check the answer against the model."""
        code, model = command.code, self.models.get(command.code)
        command_id = self._command_id(given)
        expected = None
        if version and model:
            expected = model.version - (version == "old")
        command = replace(command, command_id=command_id, expected_version=expected)
        execute = self.desks[worker].execute
        if model is None:
            with pytest.raises(errors.UnknownTournament):
                execute(command)
            return
        stale = expected is not None and expected != model.version
        verdict = errors.VersionMismatch if stale else rules(model)
        if command_id in self.used:
            execute(command)  # a success that changes nothing
            # Whether it freed names held since a crash depends on how stale the cache was.
            own = set() if model.closed else {fold(model.name)}
            self.held[code] &= set(self._claimed(code)) - own
        elif isinstance(verdict, type):
            with pytest.raises(errors.LctError) as refused:
                execute(command)
            assert type(refused.value) is verdict
            if verdict is errors.TournamentNameTaken:
                self.held[code].clear()  # the old names were freed before the insert was tried
        elif verdict is None:
            execute(command)
        else:
            execute(command)
            verdict()
            model.seq += 1
            self.held[code].clear()
            self._note(code, worker, command_id)

    def _note(self, code: str, worker: int, command_id: str | None) -> None:
        """Record the worker's state after an acknowledged event."""
        if command_id:
            self.used[command_id] = code
        stream = self.desks[worker].store.stream(code)
        assert stream.seq == self.models[code].seq
        self.acknowledged.setdefault(code, {})[stream.seq] = deepcopy(stream.tournament)

    def _allowed(self, code: str, team: int) -> list[tuple[Command, Callable[[], None]]]:
        """Commands that would be stored now, and what they change."""
        model = self.models[code]
        tried: list[tuple[Command, Any]] = [(CloseTournament(by=SYSTEM, code=code), model.close())]
        tried += [(DrawTeams(by=SYSTEM, code=code, attempt=model.attempt), model.draw())]
        for who in GUESTS:
            picking = PickTeam(by=SYSTEM, code=code, player_id=who, team=team, value="ab" * 16)
            joining = Join(by=SYSTEM, code=code, player_id=who, first=who, last="Nowak")
            tried += [(picking, model.pick(who, team)), (joining, model.join(who))]
            tried += [(LetGo(by=SYSTEM, code=code, player_id=who), model.let_go(who))]
            tried += [(RemovePlayer(by=SYSTEM, code=code, player_id=who), model.remove(who))]
        for name in TITLES:
            clean, taken = " ".join(name.split()), self._taken(name, besides=code)
            renaming = RenameTournament(by=SYSTEM, code=code, name=name)
            reopening = ReopenTournament(by=SYSTEM, code=code, name=name)
            tried += [(renaming, model.rename(clean, taken))]
            tried += [(reopening, model.reopen(clean, taken))]
        return [(command, verdict) for command, verdict in tried if _changes(verdict)]

    def _somebody(self, code: str, who: str | int) -> str:
        """The guest of that name, or the player in that seat."""
        if isinstance(who, str):
            return who
        players = list(self.models[code].players) if code in self.models else []
        return players[who] if who < len(players) else GUESTS[who]

    def _command_id(self, given: str | None) -> str | None:
        self.counter += 1
        return f"new-{self.counter}" if given == "new" else given

    def _taken(self, name: str, besides: str) -> bool:
        """Whether another evening holds that name: it is open, or a crash left the name held."""
        return any(
            fold(name) in self.held[code] or (not model.closed and fold(model.name) == fold(name))
            for code, model in self.models.items()
            if code != besides
        )

    def _claimed(self, code: str) -> list[str]:
        """The names that the stored events of an evening hold, sorted."""
        claims = [e["unique"] for e in self.desks[0].store.tail(code) if "unique" in e]
        return sorted(claim.partition(":")[2] for claim in claims)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A store of this module's own, to be killed."""
    started = start_store(tmp_path_factory.mktemp("model"))
    started.wait_ready()
    yield started
    started.stop()


@pytest.fixture(autouse=True)
def many_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "EVERY", 3)


@pytest.fixture(autouse=True)
def impatient_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check a lost store again after 20 ms instead of half a second."""
    monkeypatch.setattr("pymongo.common.MIN_HEARTBEAT_INTERVAL", 0.02)


EXAMPLES = {
    "max_examples": 20,
    "stateful_step_count": 30,
    "deadline": None,
    "derandomize": True,
    "database": None,
    "suppress_health_check": list(hypothesis.HealthCheck),
    # No shrinking of failures: on a real server it takes minutes.
    "phases": [hypothesis.Phase.generate],
}


def random_evenings(server: LocalServer, **more: Any) -> None:
    Evenings.killed.clear()
    settings = hypothesis.settings(**EXAMPLES | more)
    run_state_machine_as_test(lambda: Evenings(server), settings=settings)
    # Workers were killed before their command was stored, after it, and after it was acknowledged.
    assert set(Evenings.killed) == {"nothing", "stored", "told"}


def test_random_evenings_match_the_model(server: LocalServer) -> None:
    random_evenings(server)


@pytest.mark.slow
@pytest.mark.drill
def test_many_more_random_evenings_match_the_model(server: LocalServer) -> None:
    random_evenings(server, max_examples=30, stateful_step_count=60)
