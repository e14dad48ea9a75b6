"""Any text is quickly accepted or refused as a name, team list, code or message; none crashes."""

from __future__ import annotations

import json
import time
import unicodedata
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lct.application.messages import (
    KINDS,
    Dropped,
    Looked,
    Moved,
    Present,
    Revision,
    WebhookAdded,
    channel,
    decode,
    encode,
)
from lct.domain import values
from lct.domain.teams import MAX_TEAMS, pasted_teams
from lct.web.inbox import MAX_MESSAGE, messages

from .shapes import JSON, LONG, STREAMS, TEXTS, as_line, taken

pytestmark = pytest.mark.slow

often = settings(
    max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
seldom = settings(often, max_examples=25)
SOON = 3.0  # seconds for a full body on a busy machine; quadratic time takes 12 or more


@often
@given(TEXTS, TEXTS)
def test_a_name_is_refused_beside_its_field_or_is_fit_to_show(first: str, last: str) -> None:
    for name in taken(lambda: values.person_name(first, last), "first", "last") or ():
        assert 1 <= len(name) <= values.NAME_CLUSTERS * values.MAX_CLUSTER
        assert name.encode().decode() == name
        assert not any(unicodedata.category(c) in ("Cc", "Cs", "Co") for c in name)
        assert values.clean(name) == name
        assert "".join(values.clusters(name)) == name


@often
@given(TEXTS)
def test_cleaning_and_folding_are_idempotent(text: str) -> None:
    once = values.clean(text)
    assert values.clean(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert values.fold(values.fold(text)) == values.fold(text)


@seldom
@given(LONG)
def test_a_long_text_is_handled_quickly(text: str) -> None:
    began = time.monotonic()
    values.clean(text)
    taken(lambda: values.person_name(text, text), "first", "last")
    taken(lambda: pasted_teams(text.splitlines()), "pasted")
    values.normal_code(text)
    assert time.monotonic() - began < SOON


@often
@given(st.lists(TEXTS, max_size=12).map("\n".join))
def test_a_pasted_list_is_refused_or_has_distinct_teams(text: str) -> None:
    teams = taken(lambda: pasted_teams(text.splitlines()), "pasted")
    if teams is None:
        return
    assert 1 <= len(teams) <= MAX_TEAMS
    assert len({values.fold(team.name) for team in teams}) == len(teams)
    assert all(values.clean(team.name) == team.name for team in teams)


@often
@given(TEXTS)
def test_normal_code_returns_a_valid_code_or_none(text: str) -> None:
    code = values.normal_code(text)
    assert code is None or (len(code) == 8 and set(code) <= set(values.CODE_ALPHABET))


SAID = [
    Moved("BB3K7QXM", 3),
    Looked("BB3K7QXM", "p", None),
    Present("BB3K7QXM", "w", ("p",), ()),
    Dropped("BB3K7QXM"),
    WebhookAdded("BB3K7QXM"),
    Revision("new", leaving=True),
]


@often
@given(
    st.binary(max_size=200)
    | JSON.map(as_line)
    | st.builds(
        lambda message, more: as_line(json.loads(encode(message)) | more),
        st.sampled_from(SAID),
        st.dictionaries(
            st.sampled_from(
                [
                    "code",
                    "seq",
                    "worker",
                    "here",
                    "asleep",
                    "player_id",
                    "team",
                    "trace",
                    "revision",
                    "leaving",
                ]
            ),
            JSON,
        )
        | st.fixed_dictionaries({"type": st.sampled_from([*KINDS, "score-told"]) | JSON}),
    )
)
def test_a_message_from_the_bus_is_understood_or_dropped(data: bytes | str) -> None:
    message = decode(data)
    if message is not None:
        assert channel(message)
        assert decode(encode(message)) == message


class Peer:
    """Stands in for a screen's outbox, whose browser sends these chunks."""

    def __init__(self, sent: list[bytes], deflates: bool = False) -> None:
        self.deflates = deflates
        self.sent, self.closing, self.heard, self.said = sent, False, 0.0, list[tuple[Any, ...]]()
        self.sock = self

    def recv(self, size: int) -> bytes:
        return self.sent.pop(0) if self.sent else b""

    def control(self, opcode: int, payload: bytes = b"") -> None:
        self.said.append((opcode, payload))

    def close(self, code: int, reason: str = "") -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = True


@often
@given(STREAMS, st.integers(1, 4096), st.booleans())
def test_any_bytes_over_a_websocket_yield_only_short_messages(
    data: bytes, step: int, deflates: bool
) -> None:
    peer = Peer([data[i : i + step] for i in range(0, len(data), step)], deflates)
    for text in messages(peer, "BB3K7QXM"):  # type: ignore[arg-type]
        assert len(text) <= MAX_MESSAGE
    assert all(len(payload) <= 125 for _, payload in peer.said)
