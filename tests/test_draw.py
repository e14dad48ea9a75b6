"""The draw is fair, sealed, and verifiable by anyone."""

import hashlib
import hmac
import json
from collections import Counter
from dataclasses import asdict
from datetime import timedelta
from itertools import accumulate

import pytest

from lct.application.finished_draws import DrawFacts, finished_draws
from lct.domain import draw, snapshot
from lct.domain.draw import NOT_OWN, PLAIN, V1, V2, Ticket
from lct.domain.drawing import DrawTeams, SkipReveal, TeamsDrawn
from lct.domain.errors import AnotherAttempt, NobodyToSwapWith, PicksMissing, SeatsEmpty
from lct.domain.evening import CloseList
from lct.domain.people import RemovePlayer
from lct.domain.picking import RestartPicks
from lct.domain.reveal import timeline
from tests.evening import CODE, SECRET, START, Evening

# 99.99 % points of chi-square: a fair draw fails one of these once in ten thousand runs, and the
# secrets below are fixed, so it never does by chance.
CHI_SQUARE = {4: 23.5, 5: 25.7, 9: 33.7, 16: 45.9, 20: 52.4, 25: 60.1, 36: 76.4, 49: 94.6}


def picks(n: int) -> list[Ticket]:
    return [Ticket(f"p{i}", f"Team {i}", f"{i:032x}") for i in range(n)]


def teams_of(n: int) -> list[str]:
    return [pick.team for pick in picks(n)]


def secrets(count: int) -> list[str]:
    return [hashlib.sha256(str(i).encode()).hexdigest() for i in range(count)]


@pytest.mark.parametrize("n", [3, 5, 8])
def test_every_player_gets_every_team_equally_often(n: int) -> None:
    runs = 20_000
    message, own = draw.message(1, picks(n)), teams_of(n)
    cells: Counter[tuple[int, str]] = Counter()
    for secret in secrets(runs):
        cells.update(enumerate(draw.hand_out(secret, message, own, PLAIN)))
    expected = runs / n
    chi = sum(
        (cells[i, f"Team {j}"] - expected) ** 2 / expected for i in range(n) for j in range(n)
    )
    assert chi < CHI_SQUARE[(n - 1) ** 2]


def test_all_hand_outs_without_own_picks_are_equally_likely() -> None:
    message, own = draw.message(1, picks(4)), teams_of(4)
    seen = Counter(tuple(draw.hand_out(s, message, own, NOT_OWN)) for s in secrets(9_000))
    assert len(seen) == 9  # the derangements of four
    assert all(team != f"Team {i}" for given in seen for i, team in enumerate(given))
    assert sum((count - 1000) ** 2 / 1000 for count in seen.values()) < 31.8  # 8 degrees


def test_numbers_past_the_last_full_multiple_are_rejected() -> None:
    stream = iter([2**32 - 1, 2**32 - 2, 5])
    assert draw.below(3, stream) == (2**32 - 2) % 3
    stream = iter([2**32 - 1, 7])
    assert draw.below(10, stream) == 7  # 2**32 - 1 is in the incomplete last ten


# --- protocol v1 ----------------------------------------------------------------------------------


def older(n: int, option: str = PLAIN) -> Evening:
    """An evening that was sealed by v1, whose draw is made."""
    evening = Evening(limit=n, option=option, protocol=V1)
    evening.all_picked(n)
    evening.draw()
    return evening


def facts_of(evening: Evening) -> DrawFacts:
    *_, facts = finished_draws(evening.t, evening.later(3600))
    return facts


def test_a_reader_with_twenty_lines_of_python_gets_the_same_draw() -> None:
    """An independent implementation, from the description of protocol v1 alone."""
    evening = older(7)
    facts = facts_of(evening)
    body = json.dumps(
        {"attempt": 1, "picks": [[f"p-N{i}", f"Team {i}", f"{i:032x}"] for i in range(7)]},
        ensure_ascii=False, separators=(",", ":"), sort_keys=True,
    ).encode()  # fmt: skip
    blocks = b"".join(
        hmac.new(bytes.fromhex(SECRET), body + i.to_bytes(8, "big"), hashlib.sha256).digest()
        for i in range(50)
    )
    numbers = (int.from_bytes(blocks[i : i + 4], "big") for i in range(0, len(blocks), 4))
    teams = [f"Team {i}" for i in range(7)]
    for i in range(6, 0, -1):
        n = i + 1
        word = next(w for w in numbers if w < 2**32 // n * n)
        teams[i], teams[word % n] = teams[word % n], teams[i]
    assert facts.given == tuple(teams)
    assert facts.seal == hashlib.sha256(f"lct draw v1|{CODE}|{SECRET}".encode()).hexdigest()
    assert facts.holds


@pytest.mark.parametrize("option", [PLAIN, NOT_OWN])
def test_an_evening_that_was_sealed_by_v1_is_drawn_at_once_by_v1(option: str) -> None:
    evening = older(3, option)
    assert isinstance(evening.events[-1], TeamsDrawn)
    assert "draw-begun" not in [event.type for event in evening.events]
    (record,) = evening.t.draws
    assert record.picks == [Ticket(f"p-N{i}", f"Team {i}", f"{i:032x}") for i in range(3)]
    assert record.timeline.lead == timedelta(seconds=3)
    facts = facts_of(evening)
    assert (facts.protocol, facts.gathered, facts.holds) == (V1, None, True)
    assert facts.record["picks"][1] == {
        "player_id": "p-N1", "team": "Team 1", "value": f"{1:032x}",
    }  # fmt: skip
    assert not {"shares", "roll", "number", "gathered"} & facts.record.keys()
    assert asdict(snapshot.restore(snapshot.dump(evening.t))) == asdict(evening.t)


def test_the_next_attempt_of_an_older_evening_is_drawn_by_v2() -> None:
    evening = older(2)
    evening.does(RestartPicks, "7b" * 32)
    assert evening.t.protocol == V2
    for team, player_id in enumerate(list(evening.t.players)):
        evening.pledge(player_id, team)
    evening.draw()
    evening.open(*evening.t.players)
    evening.does(SkipReveal)
    found = finished_draws(evening.t, evening.now)
    assert [(facts.protocol, facts.holds) for facts in found] == [(V1, True), (V2, True)]


@pytest.mark.parametrize("what", ["secret", "value", "attempt", "option", "given", "seal", "code"])
def test_one_changed_byte_fails_the_check(what: str) -> None:
    facts = facts_of(older(5))
    first, second, third, *rest = facts.given
    assert facts.holds
    changed = {
        "secret": "5b" + SECRET[2:],
        "value": (
            *facts.picks[:2],
            Ticket(*facts.picks[2][:2], "f" * 32),
            *facts.picks[3:],
        ),
        "attempt": 2,
        "option": NOT_OWN,
        "given": (second, first, third, *rest),
        "seal": f"{int(facts.seal[0], 16) ^ 1:x}{facts.seal[1:]}",
        "code": "BCDF2346",
    }[what]
    name = {"value": "picks"}.get(what, what)
    assert not facts._replace(**{name: changed}).holds  # type: ignore[arg-type]


# --- drawing --------------------------------------------------------------------------------------


def test_the_draw_waits_for_every_seat_and_every_pick() -> None:
    evening = Evening(limit=3)
    ids = evening.join("Ola", "Max")
    with pytest.raises(SeatsEmpty) as empty:
        evening.draw()
    assert empty.value.missing == 1
    evening.does(CloseList)
    evening.pick(ids[0], 1)
    with pytest.raises(PicksMissing) as missing:
        evening.draw()
    assert missing.value.names == ("Max Nowak",)


def test_only_the_picked_teams_are_dealt() -> None:
    evening = Evening(limit=6)
    evening.all_picked(6)
    evening.draw()
    assert sorted(p.dealt for p in evening.t.players.values()) == [0, 1, 2, 3, 4, 5]


def test_drawing_the_same_attempt_again_changes_nothing() -> None:
    evening = Evening(limit=2)
    evening.all_picked(2)
    evening.draw()
    assert evening.wants(DrawTeams, 1) is None


def test_a_draw_of_an_attempt_that_is_not_current_is_refused() -> None:
    evening = Evening(limit=2)
    evening.all_picked(2)
    evening.does(RestartPicks, "7b" * 32)
    for team, player_id in enumerate(evening.t.players):
        evening.pick(player_id, team)
    for attempt in (1, 3):
        with pytest.raises(AnotherAttempt):
            evening.wants(DrawTeams, attempt)


def test_a_restart_begins_a_new_attempt_and_commitment_and_keeps_the_old_draw() -> None:
    evening = Evening(limit=2)
    ids = evening.all_picked(2)
    evening.draw()
    old = evening.t.commitment
    evening.does(RestartPicks, "7b" * 32)
    assert evening.t.attempt == 2
    assert evening.t.commitment not in ("", old)
    assert not evening.t.dealt
    assert [p.team for p in evening.t.players.values()] == [None, None]
    assert evening.t.draws[0].commitment == old
    for team, player_id in enumerate(ids):
        evening.pick(player_id, team + 4)
    evening.draw()
    assert [record.attempt for record in evening.t.draws] == [1, 2]


def test_a_draw_without_own_picks_needs_two_players() -> None:
    evening = Evening(limit=2, option=NOT_OWN)
    evening.all_picked(2)
    evening.t.limit = 1
    evening.does(RemovePlayer, "p-N1")
    with pytest.raises(NobodyToSwapWith):
        evening.draw()


def test_every_worker_computes_the_same_card_from_the_time_alone() -> None:
    line = timeline(START, 3)
    at = [line.at(START + timedelta(seconds=s)) for s in (0, 2.9, 3, 4.9, 5, 7, 9, 11, 13, 99)]
    assert at == [(0, False), (0, False), (0, True), (0, True), (1, False), (1, True), (2, False),
                  (2, True), (3, False), (3, False)]  # fmt: skip


@pytest.mark.parametrize("cards", [1, 2, 32, 43, 44, 128, 500, 1024])
def test_the_cards_turn_in_waves_the_last_ones_one_by_one_within_three_minutes(cards: int) -> None:
    line, now, seen = timeline(START, cards), START, [(0, 0)]
    while (wait := line.next_change(now)) is not None:
        assert wait > timedelta(milliseconds=900)  # long enough to read
        now += wait
        seen.append(line.at(now))
        assert line.at(now - timedelta(milliseconds=1)) == seen[-2]
    waves = [facing for _, facing in seen if facing]
    turned = list(accumulate(waves, initial=0))
    # A wave lies face down, then turns as a whole, then the next one comes.
    assert seen[1:] == [each for n, wave in zip(turned, waves, strict=False)
                        for each in ((n, wave), (n + wave, 0))]  # fmt: skip
    assert turned[-1] == cards
    assert waves[-16:] == [1] * min(16, cards)
    assert max(waves) <= 24
    assert set(waves[:-17]) <= {waves[0]}  # the last wave may be smaller
    assert line.end == now <= START + timedelta(minutes=3)
    assert [line.wave(place) for place in range(cards)] == [
        (n, wave) for n, wave in zip(turned, waves, strict=False) for _ in range(wave)
    ]
