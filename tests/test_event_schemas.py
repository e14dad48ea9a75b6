"""Every event ever written stays readable: tests/events has one per type and schema.

A class that changes its fields needs a new ``schema``, a function in UPCASTERS that converts old
data, and a new file there. The old files stay for good.
"""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lct.domain.errors import Unreadable
from lct.domain.evening import TournamentRenamed
from lct.domain.fact import EVENTS
from lct.infrastructure import stream
from lct.infrastructure.stream import read_event
from tools.event_docs import markdown

FILES = sorted(Path("tests/events").glob("*.json"))


def document(kind: str, schema: int, data: dict[str, Any]) -> dict[str, Any]:
    at = datetime(2026, 11, 25, tzinfo=UTC)
    return {"_id": "BCDF2345:1", "type": kind, "schema": schema, "data": data, "at": at}


def stored(file: Path) -> dict[str, Any]:
    kind, schema = file.stem.rsplit(".", 1)
    return document(kind, int(schema), json.loads(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_event_of_any_schema_ever_written_can_be_read(file: Path) -> None:
    event = read_event(stored(file))
    assert event.type == stored(file)["type"]
    again = json.loads(json.dumps(event.to_data()))
    assert read_event(document(event.type, event.schema, again)) == event


@pytest.mark.parametrize("kind", sorted(EVENTS))
def test_a_class_that_changes_its_fields_needs_a_new_schema(kind: str) -> None:
    event = EVENTS[kind]
    file = Path(f"tests/events/{kind}.{event.schema}.json")
    assert file.exists(), f"write {file}, and keep the older ones"
    assert set(json.loads(file.read_text(encoding="utf-8"))) == {f.name for f in fields(event)}


def test_every_older_schema_has_a_file_and_an_upcaster() -> None:
    for kind, event in EVENTS.items():
        for schema in range(1, event.schema):
            assert (kind, schema) in stream.UPCASTERS
            assert Path(f"tests/events/{kind}.{schema}.json").exists()


def test_old_schemas_are_upcast_one_step_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TournamentRenamed, "schema", 3)
    monkeypatch.setitem(
        stream.UPCASTERS, ("tournament-renamed", 1), lambda data: {"title": data["old_title"]}
    )
    monkeypatch.setitem(
        stream.UPCASTERS, ("tournament-renamed", 2), lambda data: {"name": data["title"]}
    )
    old = document("tournament-renamed", 1, {"old_title": "Friday Cup"})
    assert read_event(old) == TournamentRenamed("Friday Cup")


@pytest.mark.parametrize(
    ("kind", "schema", "data"),
    [
        ("from-the-future", 1, {}),
        ("limit-changed", 2, {"limit": 3}),
        ("limit-changed", 1, {"limit": 3, "more": 1}),
        ("limit-changed", 1, {}),
        ("teams-drawn", 1, {"attempt": 1, "secret": "", "option": "plain", "hands": 7}),
    ],
)
def test_a_malformed_event_raises_unreadable(kind: str, schema: int, data: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read_event(document(kind, schema, data))


def test_the_events_page_matches_the_code() -> None:
    assert Path("docs/events.md").read_text(encoding="utf-8") == markdown()
