"""Whole streams: export and import, forgetting a player, deleting evenings, the story."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mongoengine import QuerySet

from lct.application.history import replay, story
from lct.domain import errors
from lct.domain.call_names import SetCallName
from lct.domain.draw import commitment
from lct.domain.drawing import DrawTeams, SkipReveal
from lct.domain.evening import CloseTournament, ReopenTournament, TournamentClosed
from lct.domain.people import ForgetPlayer, RenamePlayer
from lct.domain.rights import SYSTEM
from lct.infrastructure import documents, privacy, retention, stored_events, transfer

from .desk import Desk

FAR = (datetime.now(UTC) + timedelta(days=2)).isoformat()


def evening(desk: Desk, name: str = "Friday Cup") -> str:
    """An evening of two players with picks, a changed pick, a rename and a finished draw."""
    code = desk.create(name, limit=2)
    desk.join(code, "Ola")
    desk.join(code, "Max")
    desk.pick(code, "Ola", 3)
    desk.pick(code, "Ola", 4)
    desk.pick(code, "Max", 3)
    desk.execute(RenamePlayer(by=SYSTEM, code=code, player_id="p-Max", first="Maxi", last="Nowak"))
    desk.execute(DrawTeams(by=SYSTEM, code=code, attempt=1))
    desk.execute(SkipReveal(by=SYSTEM, code=code))
    return code


def file_of(desk: Desk, code: str) -> list[str]:
    return list(transfer.exported(desk.store, code, None))


def lines(desk: Desk, code: str) -> list[str]:
    """The events of the export, without its last line."""
    return file_of(desk, code)[:-1]


def bring(desk: Desk, file: list[str]) -> tuple[str, int, bool]:
    return transfer.imported(desk.store, file, unchecked=True)


def wipe(desk: Desk) -> None:
    desk.store.events.delete_many({})
    desk.store.snapshots.delete_many({})


def test_an_exported_evening_imported_elsewhere_is_identical(desk: Desk) -> None:
    code = evening(desk)
    before, file = asdict(desk.store.read(code).tournament), file_of(desk, code)
    wipe(desk)
    other = Desk()
    assert transfer.imported(other.store, file) == (code, 11, False)
    assert file_of(other, code) == file
    assert asdict(other.store.read(code).tournament) == before


@pytest.mark.parametrize("drawn", [True, False])
def test_an_import_that_ended_midway_is_no_evening_yet_and_resumes_where_it_stopped(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, drawn: bool
) -> None:
    code = evening(desk)
    file = lines(desk, code)[: 11 if drawn else 7]
    wipe(desk)
    save, left = documents.EventDocument.save, [5]

    def until_the_power_goes(document: Any, **how: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return save(document, **how)

    with monkeypatch.context() as now:
        now.setattr(documents.EventDocument, "save", until_the_power_goes)
        with pytest.raises(KeyboardInterrupt):
            bring(Desk(), file)
    with pytest.raises(errors.Unreadable):  # it could be drawn again under the known secret
        Desk().store.read(code)
    assert bring(Desk(), file) == (code, 6 if drawn else 3, not drawn)
    assert lines(Desk(), code)[: len(file)] == file
    if drawn:
        assert bring(Desk(), file) == (code, 0, False)
    assert Desk().store.read(code).tournament.attempt == (1 if drawn else 2)


@pytest.mark.parametrize("ended", [False, True])
def test_an_evening_imported_before_its_draw_gets_a_new_seal(desk: Desk, ended: bool) -> None:
    code = evening(desk)
    cut, before = lines(desk, code)[:7], desk.store.read(code).tournament
    if ended:
        closed = TournamentClosed()
        line = json.loads(cut[-1]) | {"_id": f"{code}:8", "seq": 8, "type": closed.type, "data": {}}
        cut.append(json.dumps(line))
    wipe(desk)
    other = Desk()
    assert bring(other, cut) == (code, len(cut), True)
    t = other.store.read(code).tournament
    assert (t.attempt, t.closed) == (2, ended)
    assert t.secret != before.secret
    assert t.commitment == commitment(code, t.secret) != before.commitment
    assert len(t.choosing()) == 2
    if ended:
        other.execute(ReopenTournament(by=SYSTEM, code=code))
    with pytest.raises(errors.AnotherAttempt):
        other.execute(DrawTeams(by=SYSTEM, code=code, attempt=1))
    told = story(code, stored_events.stored(other.store, code))[len(cut)]
    assert str(told.what) == "restarted the picks: attempt 2, under a new seal"


def test_an_evening_that_is_already_here_keeps_its_seal_and_its_picks(desk: Desk) -> None:
    code = desk.create(limit=2)
    desk.join(code, "Ola")
    desk.pick(code, "Ola", 3)
    assert transfer.imported(desk.store, file_of(desk, code)) == (code, 0, False)
    assert not desk.store.read(code).tournament.choosing()


MISSING, OTHERS = "The last line, which counts the events, is missing", "some are missing or were"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: f[:-1], MISSING),  # as an older lct exported it
        (lambda f: f[:7], MISSING),
        (lambda f: [*f[:6], f[6][:30]], MISSING),
        (lambda f: [*f[:-1], f[-1][:-10]], MISSING),
        (lambda f: [*f[:-2], f[-1]], OTHERS),
        (lambda f: [*f[:3], *f[4:]], OTHERS),
        (lambda f: [f[0].replace("Friday", "Sunday"), *f[1:]], OTHERS),
    ],
)
def test_a_file_that_was_cut_off_or_changed_is_refused_with_the_way_to_import_it(
    desk: Desk, change: Callable[[list[str]], list[str]], says: str
) -> None:
    file = file_of(desk, evening(desk))
    wipe(desk)
    with pytest.raises(errors.Invalid, match=f"{says}.*--unchecked"):
        transfer.imported(Desk().store, change(file))
    assert desk.store.events.find_one({}) is None


def test_the_last_line_has_the_count_and_the_digest_of_the_lines_before(desk: Desk) -> None:
    *before, last = file_of(desk, evening(desk))
    digest = hashlib.sha256("".join(f"{line}\n" for line in before).encode()).hexdigest()
    assert json.loads(last) == {"events": 11, "sha256": digest}


@pytest.mark.parametrize(
    ("encoding", "ends"),
    [("utf-8-sig", "\n"), ("utf-8", "\r\n"), ("utf-16", "\r\n"), ("utf-16-be", "\n")],
)
def test_a_file_that_an_editor_saved_in_another_unicode_encoding_is_read(
    desk: Desk, encoding: str, ends: str
) -> None:
    code = desk.create("Żółw \u2028🐺")
    file = file_of(desk, code)
    wipe(desk)
    saved = (ends.join(file) + ends).encode(encoding)
    assert transfer.imported(Desk().store, transfer.text_lines(saved)) == (code, 1, True)


@pytest.mark.parametrize(
    ("file", "line"),
    [("a\nÇağan\n".encode("cp1254"), 2), ("a\nş".encode("utf-16")[:-1], 2), (b"\x1f\x8b\x08", 1)],
)
def test_a_file_in_an_encoding_that_cannot_be_told_is_refused_with_the_line(
    file: bytes, line: int
) -> None:
    with pytest.raises(errors.Invalid, match=f"Line {line} is not in UTF-8"):
        transfer.text_lines(file)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: ["", *f[:-1], "{"], "Line 12 is not an event of lct"),
        (lambda f: f[1:], "Line 1 is not event 1"),
        (lambda f: [f[0], f[2]], "Line 2 is not event 2"),
        (lambda f: [], "no events"),
        (lambda f: ['{"$where": 1}'], "not an event of lct"),
        (lambda f: [f[0].replace("tournament-created", "nothing-known")], "cannot be read"),
        (lambda f: [f[0], f[1].replace("p-Ola", "p-\\ud800")], "not an event of lct"),
        (lambda f: [f[0], f[3]], "Line 2 is not event 2"),
        (lambda f: ["[" * 100_000], "not an event of lct"),
        (lambda f: [f[0].replace('"Friday Cup"', '{"$gt": ""}', 1)], "not an event of lct"),
        (lambda f: [f[0].replace('"limit": 2', '"limit": "2"')], "cannot be read"),
        (lambda f: [f[0].replace('"limit": 2', '"limit": 2, "a.b": 1')], "cannot be read"),
        (lambda f: [f[0].replace('"limit": 2', '"limit": NaN')], "not an event of lct"),
        (lambda f: [f[0].replace('"limit": 2', '"limit": 1025')], "cannot be read"),
        (lambda f: [*f[:3], f[3].replace('"team": 3', f'"team": {2**63}')], "cannot be read"),
        (lambda f: [re.sub(r"\b4\.5\b", "1e999", f[0])], "cannot be read"),
        (lambda f: [re.sub('"at": "[^"]*"', '"at": "0001-01-01T00:00+23:59"', f[0])], "not an"),
        (lambda f: [f[0].replace('"seq": 1', '"seq": "1"')], "not an event of lct"),
        (lambda f: [f[0].replace('"seq": 1', '"seq": 1, "id": "x"')], "not an event of lct"),
        (lambda f: [f[0], f[1].replace('"seq": 2', '"seq": 2, "unique": null')], "not an event"),
        (lambda f: [re.sub('"actor": "[^"]*"', '"actor": 1', f[0])], "not an event of lct"),
        (lambda f: [f[0].replace("Friday Cup", "F" * 3_000_000)], "cannot be read"),
        (lambda f: [f[0].replace("Friday Cup", "F" * 61)], "cannot be read"),
        (lambda f: [f[0].replace('"Friday Cup"', '" Friday\u202e Cup"')], "cannot be read"),
        (lambda f: [f[0].replace("Team 3", "T" * 41)], "cannot be read"),
        (lambda f: [f[0].replace("5a5a", "5a" * 3_000)], "cannot be read"),
        (lambda f: [f[0], f[1].replace('"Ola"', '"' + "O" * 41 + '"')], "cannot be read"),
        (lambda f: [f[0], f[1].replace("Nowak", "")], "cannot be read"),
        (lambda f: [f[0], f[1].replace("p-Ola", "p-Ola" * 1_000)], "cannot be read"),
        (lambda f: [line.replace("Maxi", "M" * 10_000) for line in f], "cannot be read"),
        (lambda f: [*f[:9], f[9].replace("p-Ola", "p" * 1_000)], "cannot be read"),
        (lambda f: [re.sub('"actor": "[^"]*"', f'"actor": "{"a" * 201}"', f[0])], "not an event"),
        (lambda f: [f[0].replace('"seq"', f'"request_id": "{"a" * 201}", "seq"')], "not an event"),
        (lambda f: [re.sub('"at": "20..', '"at": "2926', f[0])], "not an event of lct"),
        (lambda f: [re.sub('"at": "20..', '"at": "2019', f[0])], "not an event of lct"),
        (lambda f: [re.sub('"at": "[^"]*"', f'"at": "{FAR}"', f[0])], "not an event of lct"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_an_export_is_refused_whole(
    desk: Desk, change: Callable[[list[str]], list[str]], says: str
) -> None:
    file = lines(desk, evening(desk))
    wipe(desk)
    with pytest.raises(errors.Invalid, match=says):
        bring(Desk(), change(file))
    assert desk.store.events.find_one({}) is None


def test_an_export_without_its_secrets_cannot_be_imported(desk: Desk) -> None:
    code = evening(desk)
    file = list(transfer.exported(desk.store, code, set()))
    assert not any("5a5a5a" in line or '"hands"' in line for line in file)
    with pytest.raises(errors.Invalid, match="sealed"):
        bring(desk, file)


def test_an_import_never_changes_an_existing_tournament(desk: Desk) -> None:
    code = evening(desk)
    file = lines(desk, code)
    changed = [line.replace("Friday Cup", "Stolen Cup") for line in file]
    with pytest.raises(errors.Invalid, match="Another tournament has the code"):
        bring(desk, changed)
    desk.execute(CloseTournament(by=SYSTEM, code=code))
    with pytest.raises(errors.Invalid, match="newer events"):
        bring(desk, file)


def test_an_import_claims_only_its_own_name(desk: Desk) -> None:
    file = lines(desk, evening(desk))
    wipe(desk)
    bring(Desk(), [line.replace("name:friday", "name:other") for line in file])
    assert Desk().create("Other Cup")
    with pytest.raises(errors.TournamentNameTaken):
        Desk().create("Friday Cup")


def test_an_import_of_a_command_that_has_run_here_is_refused(desk: Desk) -> None:
    desk.create("Friday Cup", command_id="tap-1")
    code = desk.create("Saturday Cup", command_id="tap-2")
    file = lines(desk, code)
    desk.store.events.delete_many({"stream": code})
    with pytest.raises(errors.Invalid, match="from a command that has already run here"):
        bring(Desk(), [file[0].replace("tap-2", "tap-1")])


def test_an_import_whose_name_is_taken_is_refused(desk: Desk) -> None:
    file = lines(desk, evening(desk))
    wipe(desk)
    other = Desk()
    other.create("Friday Cup")
    with pytest.raises(errors.Invalid, match="same name"):
        bring(other, file)
    assert other.store.events.count_documents({}) == 1


def test_a_forgotten_player_is_named_nowhere_and_their_draw_stays(desk: Desk) -> None:
    code = evening(desk)
    desk.execute(SetCallName(by=SYSTEM, code=code, player_id="p-Max", call_name="Maxi N"))
    desk.store.write_snapshot(desk.store.read(code))
    other = Desk()
    other.store.read(code)
    desk.execute(
        ForgetPlayer(
            by=SYSTEM,
            code=code,
            player_id="p-Max",
        )
    )
    assert privacy.rewrite_forgotten(desk.store, code, "p-Max") == 3  # joined, renamed, called
    everything = str(list(desk.store.events.find({}))) + str(list(desk.store.snapshots.find({})))
    assert "Maxi" not in everything
    assert "'Max'" not in everything
    assert "Max Nowak" not in everything
    for worker in (desk, other, Desk()):
        t = worker.store.read(code).tournament
        assert t.players["p-Max"].called == "Player No. 1"
        assert t.players["p-Max"].dealt is not None
        assert [name for _, name, _ in t.draws[0].hands] == ["Ola Nowak", "Player No. 1"]
    told = " ".join(str(line.what) for line in story(code, stored_events.stored(desk.store, code)))
    assert "Max" not in told


def test_forgetting_may_be_interrupted_and_run_again(desk: Desk) -> None:
    code = evening(desk)
    desk.execute(
        ForgetPlayer(
            by=SYSTEM,
            code=code,
            player_id="p-Max",
        )
    )
    desk.execute(
        ForgetPlayer(
            by=SYSTEM,
            code=code,
            player_id="p-Max",
        )
    )
    assert desk.seqs(code)[-1] == 12
    assert privacy.rewrite_forgotten(desk.store, code, "p-Max") == 2
    assert privacy.rewrite_forgotten(desk.store, code, "p-Max") == 0


def test_an_unknown_player_cannot_be_forgotten(desk: Desk) -> None:
    with pytest.raises(errors.UnknownPlayer):
        desk.execute(ForgetPlayer(by=SYSTEM, code=evening(desk), player_id="p-Zoë"))


def test_only_inactive_evenings_are_outdated(desk: Desk) -> None:
    old, going_on = evening(desk, "Old Cup"), evening(desk, "Going on")
    past = datetime.now(UTC) - timedelta(days=40)
    for document in [*desk.store.tail(old), next(iter(desk.store.tail(going_on)))]:
        # Replaced whole: the local store's $set turns a date into text.
        desk.store.events.replace_one({"_id": document["_id"]}, document | {"at": past})
    now = datetime.now(UTC)
    assert retention.outdated(30, now) == [old]
    assert retention.outdated(50, now) == []


def test_a_deleted_evening_is_gone_and_its_name_is_free(desk: Desk) -> None:
    code, other = evening(desk), Desk()
    desk.store.write_snapshot(desk.store.read(code))
    other.store.read(code).seen_at = 0  # as if this worker had not read it for a minute
    assert retention.delete_stream(desk.store, code) == 11
    for worker in (desk, other):
        with pytest.raises(errors.UnknownTournament):
            worker.store.read(code)
    desk.create("Friday Cup")
    assert desk.store.snapshots.find_one({"_id": code}) is None


def test_a_deleted_evening_takes_no_more_events(desk: Desk) -> None:
    code, other = desk.create(), Desk()
    other.store.read(code).seen_at = 0
    retention.delete_stream(desk.store, code)
    with pytest.raises(errors.UnknownTournament):
        other.join(code, "Ola")
    assert desk.store.events.find_one({}) is None


def test_an_interrupted_deletion_leaves_no_evening_that_could_be_drawn_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = evening(desk)
    delete, left = QuerySet.delete, [3]

    def until_the_power_goes(query: Any) -> Any:
        if query._document is documents.EventDocument:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
        return delete(query)

    with monkeypatch.context() as now:
        now.setattr(QuerySet, "delete", until_the_power_goes)
        with pytest.raises(KeyboardInterrupt):
            retention.delete_stream(desk.store, code)
    assert Desk().seqs(code) == [1, 3, 4, 5, 6, 7, 8, 9]
    with pytest.raises(errors.Unreadable):
        Desk().store.read(code)
    assert retention.delete_stream(desk.store, code) == 8


def test_the_story_tells_who_did_what_but_not_the_result_of_the_draw(desk: Desk) -> None:
    code = evening(desk)
    lines = story(code, stored_events.stored(desk.store, code))
    told = [(str(line.who), str(line.what)) for line in lines]
    assert ("System", "took Team 4 instead of Team 3 for Ola Nowak") in told
    assert ("System", "changed the name Max Nowak to Maxi Nowak") in told
    assert ("System", "drew the teams: attempt 1, 2 cards") in told
    assert len(told) == 11


@pytest.mark.parametrize("at", range(1, 12))
def test_replaying_any_prefix_gives_the_state_of_that_moment(desk: Desk, at: int) -> None:
    code = evening(desk)
    events = stored_events.stored(desk.store, code)
    t = replay(code, events[:at])
    assert len(t.players) == min(2, max(0, at - 1))
    assert t.dealt == (at >= 10)


def test_the_file_has_one_event_per_line_and_times_with_a_zone(desk: Desk) -> None:
    first = json.loads(lines(desk, evening(desk))[0])
    assert datetime.fromisoformat(first["at"]).utcoffset() == timedelta(0)
    assert set(first) >= {"_id", "stream", "seq", "type", "schema", "data", "at", "actor"}
