"""docs/events.md, made from the event classes by `make docs`."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import fields

from lct.domain.fact import EVENTS, Event, Seen, seen

HEAD = """# Events

Everything that is stored, one section an event. Made by `make docs` from the subjects
in `lct/domain/`; a test fails when the two differ.

*Seen* says when a field may leave the process. Webhooks send what is seen "at once"; the host's
export has the fields "in exports only" too, and those "after the last card" once the last card of
that draw has been turned. All other fields leave only by `export --with-secrets`.

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
    moments = seen(event)
    rows = [
        f"| `{field.name}` | `{_kind(str(field.type))}` | {_moment(moments[field.name])} |"
        f" {notes.get(field.name, '')} |"
        for field in fields(event)
    ]
    table = ["| field | type | seen | |", "|---|---|---|---|", *rows] if rows else ["No fields."]
    return "\n".join([f"## {event.type}", "", meaning, "", " · ".join(facts), "", *table, ""])


def _kind(hint: str) -> str:
    """``Public[str]`` as ``str``."""
    return re.sub(r"^(?:Public|AfterLastCard|Exported)\[(.*)\]$", r"\1", hint)


def _moment(moment: Seen | None) -> str:
    return moment.value if moment else "never"


def _notes(event: type[Event]) -> dict[str, str]:
    """The comment behind each field in the source."""
    source = inspect.getsource(event)
    lines = source.splitlines()
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.ClassDef)
    return {
        item.target.id: lines[item.lineno - 1].partition("#")[2].strip()
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    }


if __name__ == "__main__":
    print(markdown(), end="")
