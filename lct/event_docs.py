"""docs/events.md, made from the event classes: ``lct describe-events > docs/events.md``."""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields

from .domain import events
from .domain.events import EVENTS, Event

HEAD = """# Events

Everything that is stored, one section an event. Made by `lct describe-events` from
`lct/domain/events.py`; a test fails when the two differ.

A stored document also has `_id` (`<code>:<seq>`), `stream`, `seq`, `type`, `schema`, `at`, `actor`,
and where they apply `unique`, `command_id` and `request_id` (see store.md). An event of an older
schema is lifted to today's by a function in `lct/infrastructure/stream.py` when it is read.
"""


def markdown() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(_section(event) for event in EVENTS.values())])


def _section(event: type[Event]) -> str:
    meaning = " ".join((event.__doc__ or "").split())
    facts = [f"caused by: {event.by}", f"schema {event.schema}"]
    facts.append("raises the version" if event.versioned else "does not raise the version")
    if event.claims:
        facts.append(f"claims `{event.claims.kind}` by `{event.claims.field}`")
    if event.releases:
        facts.append(f"releases `{event.releases}`")
    notes = _notes(event)
    rows = [
        f"| `{field.name}` | `{field.type}` | {notes.get(field.name, '')} |"
        for field in fields(event)
    ]
    table = ["| field | type | |", "|---|---|---|", *rows] if rows else ["No fields."]
    return "\n".join([f"## {event.type}", "", meaning, "", " · ".join(facts), "", *table, ""])


def _notes(event: type[Event]) -> dict[str, str]:
    """The comment behind each field in the source."""
    source = inspect.getsource(events)
    lines = source.splitlines()
    node = next(
        n
        for n in ast.parse(source).body
        if isinstance(n, ast.ClassDef) and n.name == event.__name__
    )
    return {
        item.target.id: lines[item.lineno - 1].partition("#")[2].strip()
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    }
