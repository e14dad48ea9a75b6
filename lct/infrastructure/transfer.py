"""Export and import of whole streams as JSON lines; the last line counts the others."""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from mongoengine.errors import FieldDoesNotExist, NotUniqueError, ValidationError

from .. import this_request
from ..domain.errors import Invalid, LctError, Unreadable
from ..domain.fact import EVENTS, Seen, seen
from ..domain.picking import new_seal
from ..domain.rights import OPERATOR
from ..domain.text import text
from ..domain.values import normal_code
from .documents import EventDocument
from .event_store import EventStore, reachable
from .stream import Stream, read_event

log = logging.getLogger(__name__)

# The times that an event may have: not before lct existed, nor further ahead than clocks differ.
FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)

_END = re.compile(r'\{"events": \d+, "sha256": "[0-9a-f]{64}"\}')


class Imported(NamedTuple):
    code: str
    events: int  # how many of the file's were new
    new_seal: bool  # it came before its draw, so everybody picks again


def exported(store: EventStore, code: str, finished: set[int] | None) -> Iterator[str]:
    """The stream as JSON lines, with the fields that may leave: those of a draw only if its attempt
    is in ``finished``. None: nothing is left out, for moving to another server.

    The stream is read at once, so that a store failure is reported before the response starts; the
    lines are generated lazily."""
    this_request.check()
    with reachable():
        documents = list(store.tail(code))
    return _ended(_lines(documents, finished))


def _ended(lines: Iterable[str]) -> Iterator[str]:
    """The lines, and one with their count and the SHA-256 of their bytes."""
    count, digest = 0, sha256()
    for line in lines:
        count += 1
        digest.update(f"{line}\n".encode(errors="surrogatepass"))
        yield line
    yield json.dumps({"events": count, "sha256": digest.hexdigest()})


def _lines(documents: Iterable[Mapping[str, Any]], finished: set[int] | None) -> Iterator[str]:
    for document in documents:
        line = dict(document)
        if finished is not None:
            event = read_event(document)
            line |= {"schema": event.schema, "data": event.exported(finished)}
        line["at"] = document["at"].replace(tzinfo=UTC).isoformat(timespec="milliseconds")
        yield json.dumps(line, ensure_ascii=False)


def text_lines(file: bytes) -> list[str]:
    """The lines of a file in UTF-8, UTF-16 or UTF-32; Invalid if it is in another encoding."""
    encoding = json.detect_encoding(file)
    try:
        return re.split(r"\r\n|\r|\n", file.decode(encoding))
    except UnicodeDecodeError as error:
        number = file[: error.start].decode(encoding, "replace").count("\n") + 1
        wrong = text(
            "Line %(n)s is not in UTF-8. Save the file as UTF-8, or export it again.", n=number
        )
        raise Invalid(file=wrong) from None


def imported(store: EventStore, lines: Iterable[str], unchecked: bool = False) -> Imported:
    """Store an exported stream. An evening whose draw is still to come gets a new seal, because
    whoever has the file may know the old one's secret. ``unchecked``: whatever the last line says.

    Everything is read and replayed before anything is written. Invalid (field ``file``) if the last
    line does not fit the others, a line is not an event of lct, a place is missing, or another
    tournament has the code or the name.
    """
    given = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not unchecked:
        _check_whole([line for _, line in given])
    if given and _END.fullmatch(given[-1][1].strip()):
        given.pop()
    if not given:
        raise Invalid(file=text("The file has no events."))
    documents = [_parsed(number, line) for number, line in given]
    stream = _replayed(documents)
    with reachable():
        there = {document["seq"]: document for document in store.tail(stream.code)}
    for document in documents:
        if (known := there.get(document.seq)) and not _same(known, document.to_mongo()):
            wrong = text("Another tournament has the code %(code)s here.", code=stream.code)
            raise Invalid(file=wrong)
    if 1 in there and len(there) > len(documents):
        wrong = text("%(code)s has newer events here than the file.", code=stream.code)
        raise Invalid(file=wrong)
    new = [document for document in documents if document.seq not in there]
    sealed = bool(new) and not stream.tournament.dealt
    # After an interrupted import its seal is there.
    seal = [_sealed_anew(stream)] if sealed and stream.seq + 1 not in there else []
    _insert(store, [*new, *seal])
    store.forget(stream.code)
    log.info("stream imported", extra={"labels.tournament": stream.code})
    return Imported(stream.code, len(new), sealed)


def _check_whole(lines: Sequence[str]) -> None:
    if lines and not _END.fullmatch(lines[-1].strip()):
        wrong = text(
            "The last line, which counts the events, is missing: the file was cut off, or an older "
            "lct exported it. To import what it has, add --unchecked."
        )
        raise Invalid(file=wrong)
    if lines and lines[-1].strip() != list(_ended(lines[:-1]))[-1]:
        wrong = text(
            "These are not the lines that were exported: some are missing or were changed. "
            "To import what the file has, add --unchecked."
        )
        raise Invalid(file=wrong)


def _replayed(documents: Sequence[EventDocument]) -> Stream:
    """The stream after these events; Invalid if they are not all those of one tournament."""
    stream = Stream(documents[0].stream)
    for number, document in enumerate(documents, 1):
        expected = (f"{stream.code}:{number}", number, stream.code)
        if (document.id, document.seq, document.stream) != expected:
            wrong = text("Line %(n)s is not event %(n)s of %(code)s.", n=number, code=stream.code)
            raise Invalid(file=wrong)
        try:
            event = read_event(document.to_mongo())
            if not event.sound():
                raise Unreadable
            if document.unique:
                document.unique = event.unique  # the event's own claim, whatever the file says
            stream.take(document.to_mongo())
        except LctError:
            wrong = text("Line %(n)s is an event that cannot be read.", n=number)
            raise Invalid(file=wrong) from None
    return stream


def _sealed_anew(stream: Stream) -> EventDocument:
    """The event after the last one, which restarts the picks."""
    event, seq = new_seal(stream.tournament, secrets.token_hex(32)), stream.seq + 1
    return EventDocument(
        id=f"{stream.code}:{seq}",
        stream=stream.code,
        seq=seq,
        type=event.type,
        schema=event.schema,
        data=event.to_data(),
        at=max(datetime.now(UTC), stream.at),
        actor=str(OPERATOR),
    )


def _insert(store: EventStore, documents: Sequence[EventDocument]) -> None:
    """Insert the events, the last one first: a stream without its first events cannot be read, so
    nobody meets an evening that is imported by half, nor draws it again under a known secret."""
    for left, document in reversed(list(enumerate(documents))):
        try:
            with reachable():
                document.save(force_insert=True)
        except NotUniqueError:
            refusal = _clash(store, document)
            for stored in documents[left + 1 :]:
                with reachable():
                    stored.delete()
            raise refusal from None


def _clash(store: EventStore, document: EventDocument) -> Invalid:
    """The error for the unique value of an event that already exists here."""
    if document.command_id and store.stream_of_command(document.command_id):
        wrong = text("Event %(n)s is from a command that has already run here.", n=document.seq)
        return Invalid(file=wrong)
    with reachable():
        if store.events.find_one({"_id": document.id}, {"_id": 1}):
            wrong = text("Event %(n)s has since been stored here. Import again.", n=document.seq)
            return Invalid(file=wrong)
    wrong = text(
        "Event %(n)s clashes with one here: an open tournament has the same name. "
        "Close or rename it, then import again.",
        n=document.seq,
    )
    return Invalid(file=wrong)


def _parsed(number: int, line: str) -> EventDocument:
    try:
        line.encode()  # refuses lone surrogates; the dumps below refuses escaped ones
        given = json.loads(line, parse_constant=_not_a_number)
        json.dumps(given, ensure_ascii=False).encode()
        given["at"] = datetime.fromisoformat(given["at"]).astimezone(UTC)
        if not FIRST_DAY <= given["at"] <= datetime.now(UTC) + AHEAD:
            raise ValueError("at")
        if _is_sealed(given["type"], given["data"]):
            wrong = text("Line %(n)s is sealed: this export leaves out a secret.", n=number)
            raise Invalid(file=wrong)
        document = EventDocument(**{"id" if name == "_id" else name: given[name] for name in given})
        document.validate()
        # A value that a field converts, or that has no field, is not from an export.
        if document.to_mongo() != given or normal_code(document.stream) != document.stream:
            raise ValueError("fields")
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError, OverflowError,
            FieldDoesNotExist, ValidationError):  # fmt: skip
        raise Invalid(file=text("Line %(n)s is not an event of lct.", n=number)) from None
    return document


def _is_sealed(kind: str, data: Mapping[str, Any]) -> bool:
    """Whether the only missing fields are ones that an export may leave out."""
    moments = seen(EVENTS[kind]) if kind in EVENTS else {}
    missing = moments.keys() - data.keys()
    return bool(missing) and all(
        moments[name] not in (Seen.AT_ONCE, Seen.IN_EXPORTS) for name in missing
    )


def _not_a_number(name: str) -> None:
    raise ValueError(name)


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    def key(document: Mapping[str, Any]) -> dict[str, Any]:
        # A claim is removed from an event when a later one supersedes it.
        kept = {name: value for name, value in document.items() if name != "unique"}
        return kept | {"at": document["at"].replace(tzinfo=UTC)}

    return key(one) == key(other)
