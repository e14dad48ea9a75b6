"""After any fault, every screen soon shows what the store holds."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error as PlaywrightError

from lct.application.execute import Execute
from lct.application.messages import Looked, Moved, channel, encode
from lct.domain.picking import PickTeam
from lct.domain.rights import SYSTEM
from lct.infrastructure.event_store import EventStore

from ..browser import is_live
from ..desk import utc_now
from ..support import browser_options, wait_until
from .conftest import Cluster, Pod, Row
from .crowd import Watcher

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


def stopped(pid: int, seconds: float) -> tuple[Callable[[], None], Callable[[], None]]:
    """Functions that pause and resume a process; a timer resumes it in any case."""
    timer = threading.Timer(seconds + 20, os.kill, (pid, signal.SIGCONT))

    def harm() -> None:
        timer.start()
        os.kill(pid, signal.SIGSTOP)

    def heal() -> None:
        timer.cancel()
        os.kill(pid, signal.SIGCONT)

    return harm, heal


def pick_silently(cluster: Cluster) -> None:
    """Pick without a message on the bus, as if it were lost."""
    execute = Execute(EventStore(defer=lambda work: None), [], utc_now)
    code, truth = cluster.evening.code, cluster.truth()
    team = next(team for team in range(130) if team not in truth.values())
    player = cluster.evening.player("N7")
    execute(PickTeam(by=SYSTEM, code=code, player_id=player, team=team, value="ab" * 16))


def test_every_screen_shows_every_change_at_once_without_a_fault(cluster: Cluster) -> None:
    row = cluster.measure("none", lambda: None, taps=20)
    assert row.seconds < 3
    assert row.reconnects == 0


def test_thirty_screens_on_each_pod_show_the_state_after_a_hundred_events(
    cluster: Cluster,
) -> None:
    row = cluster.measure("none, 100 changes as fast as they go", lambda: None, taps=100)
    assert row.seconds < 5
    lines = [json.loads(line) for pod in cluster.pods for line in log_of(pod, "screen.open")]
    where = [line["host"]["hostname"] for line in lines]
    assert all(where.count(name) >= 30 for name in set(where))
    if os.geteuid() == 0:
        assert set(where) == {"lct-1", "lct-2", "lct-3"}


def log_of(pod: Pod, action: str) -> list[str]:
    return [line for line in pod.log.read_text().splitlines() if f'"{action}"' in line]


def test_the_tick_makes_up_for_a_lost_message(cluster: Cluster) -> None:
    row = cluster.measure("message lost", lambda: pick_silently(cluster), limit=40, taps=0)
    assert row.seconds < 36
    assert row.reconnects == 0


def test_doubled_late_and_malformed_messages_do_no_harm(cluster: Cluster) -> None:
    code = cluster.evening.code

    def harm() -> None:
        for seq in (1, 10_000, 5, 5, 1):
            cluster.redis.publish(channel(Moved(code, seq)), encode(Moved(code, seq)))
        for nonsense in (b"", b"{}", b"\xff", b"x" * 100_000, b'{"code":"' + code.encode() + b'"}'):
            cluster.redis.publish(channel(Moved(code, 1)), nonsense)
        strange = Looked(code, "p-nobody", 10**9)
        cluster.redis.publish(channel(strange), encode(strange))

    row = cluster.measure("messages doubled, late, malformed", harm)
    assert row.seconds < 5
    assert row.reconnects == 0


def test_a_slow_reader_delays_nobody(cluster: Cluster) -> None:
    slow = cluster.crowd.watchers[2]
    others = list[float]()

    def harm() -> None:
        cluster.crowd.stall(slow)

    def heal() -> None:
        others.append(cluster.seconds_until_right(time.monotonic(), 5, but=(slow,)))
        cluster.crowd.read_on(slow)

    row = cluster.measure("slow reader (reads nothing for 30 changes)", harm, heal, taps=30)
    assert others[0] < 3
    assert row.seconds < 5


def test_a_stuck_reader_is_cut_and_reconnects(cluster: Cluster) -> None:
    """Straight at the pods: nginx buffers so much for a screen that none gets stuck behind it."""
    at, cookie = cluster.evening.live, cluster.crowd.watchers[2].cookie
    stuck = tuple(
        Watcher(pod.settings.port, at(view), cookie, narrow=True)
        for pod, view in zip(cluster.pods, ("board", "watch", "me"), strict=True)
    )
    cluster.crowd.add(*stuck)
    try:
        wait_until(lambda: all(watcher.live for watcher in stuck))
        before = cluster.metric(CUT_AS_STUCK)
        fault = "stuck reader, straight at a pod"
        kept, others = without_reading(cluster, stuck, fault, lambda: cluster.taps_apart(120, 0.06))
        # A screen with small frames may be cut as silent before it counts as stuck.
        assert cluster.metric(CUT_AS_STUCK) > before
        assert 20 < kept < 40
        assert others < 3
    finally:
        cluster.crowd.leave(*stuck)


def test_a_stuck_reader_behind_the_proxy_is_cut_as_silent(cluster: Cluster) -> None:
    stuck = tuple(cluster.crowd.watchers[:3])
    kept, others = without_reading(cluster, stuck, "stuck reader behind nginx")
    assert 24 < kept < 40
    assert others < 3


SCREENS, CUT_AS_STUCK = "lct_sockets{", 'lct_sockets_dropped_total{reason="stuck"}'


def without_reading(
    cluster: Cluster,
    stuck: tuple[Watcher, ...],
    fault: str,
    change: Callable[[], None] = lambda: None,
) -> tuple[float, float]:
    """Seconds until screens that read nothing are cut, and until the others are right."""
    held, began, kept, others = cluster.metric(SCREENS), 0.0, 0.0, 0.0

    def harm() -> None:
        nonlocal began
        began = time.monotonic()
        for watcher in stuck:
            cluster.crowd.stall(watcher)
        change()

    def heal() -> None:
        nonlocal kept, others
        try:
            others = cluster.seconds_until_right(time.monotonic(), 5, but=stuck)
            truth = cluster.truth()
            assert not any(cluster.right(watcher, truth) for watcher in stuck)
            left = held - len(stuck)
            wait_until(lambda: cluster.metric(SCREENS) <= left, 50, "they are cut")
            kept = time.monotonic() - began
        finally:
            for watcher in stuck:
                cluster.crowd.read_on(watcher)

    row = cluster.measure(fault, harm, heal)
    row.fault += f" (3 read nothing, cut after {kept:.0f} s; the others right in {others:.1f} s)"
    assert row.seconds < 8
    assert row.reconnects == 1
    return kept, others


def test_a_client_that_answers_no_ping_is_cut_and_reconnects(cluster: Cluster) -> None:
    silent = cluster.crowd.watchers[:3]
    connects, began, kept = [watcher.connects for watcher in silent], 0.0, 0.0

    def harm() -> None:
        nonlocal began
        began = time.monotonic()
        for watcher in silent:
            cluster.crowd.hush(watcher)

    def heal() -> None:
        nonlocal kept
        cluster.seconds_until_right(time.monotonic(), 5)  # until then they receive everything
        again = [count + 1 for count in connects]
        wait_until(lambda: [watcher.connects for watcher in silent] == again, 50, "they are back")
        kept = time.monotonic() - began

    row = cluster.measure("silent peer", harm, heal)
    row.fault += f" (3 answer no ping, cut after {kept:.0f} s)"
    assert 24 < kept < 40
    assert row.seconds < 8
    assert row.reconnects == 1


def test_a_phone_that_slept_shows_the_whole_picture_when_it_wakes(cluster: Cluster) -> None:
    asleep = cluster.crowd.watchers[:60]

    def harm() -> None:
        for watcher in asleep:
            cluster.crowd.sleep(watcher)

    def heal() -> None:
        for watcher in asleep:
            cluster.crowd.call(watcher.awake.set)

    seconds = float(os.environ.get("LCT_SLEEP_SECONDS", "15"))
    row = cluster.measure(
        f"60 phones asleep for {seconds:g} s", harm, heal, taps=10, during=seconds
    )
    assert row.seconds < 8
    assert row.reconnects == 1


def test_a_phone_that_changes_its_network_reconnects_at_once(cluster: Cluster) -> None:
    moved = cluster.crowd.watchers[:30]

    def harm() -> None:
        for watcher in moved:
            cluster.crowd.lose(watcher)

    row = cluster.measure("network switch of 30 phones (no goodbye)", harm)
    assert row.seconds < 10
    assert row.reconnects == 1
    began = time.monotonic()
    wait_until(lambda: open_screens(cluster) == len(cluster.crowd.watchers), 45, "half-open ones")
    seconds = time.monotonic() - began
    cluster.rows.append(Row("the same, until half-open connections are closed", seconds, 0, "–"))


def open_screens(cluster: Cluster) -> int:
    """How many screens the pods count as connected."""
    opened, closed = (
        sum(len(log_of(pod, action)) for pod in cluster.pods)
        for action in ("screen.open", "screen.close")
    )
    return opened - closed


def test_two_tabs_of_one_phone_show_the_same(cluster: Cluster) -> None:
    first = cluster.crowd.watchers[2]
    twins = [Watcher(cluster.port, cluster.evening.live("me"), first.cookie) for _ in range(2)]
    cluster.crowd.add(*twins)
    wait_until(lambda: all(twin.live for twin in twins))
    row = cluster.measure("three tabs of one phone", lambda: None, taps=5)
    assert row.seconds < 5
    assert len({twin.regions["me"] for twin in (first, *twins)}) == 1


NOTE = "addEventListener('pageshow', ({persisted}) => persisted && (sessionStorage.kept = 'yes'))"


@pytest.mark.browser
def test_a_board_is_right_after_the_back_button(cluster: Cluster, browser: Any) -> None:
    options = browser_options()
    # Playwright turns off the cache that this tests.
    options["ignore_default_args"] = ["--disable-back-forward-cache"]
    chromium = browser.browser_type.launch(**options)
    try:
        for port, kept in ((cluster.port, False), (cluster.kept, True)):
            seconds, reconnects, said, persisted = back_and_forth(cluster, chromium, port)
            how = "shown from the browser's cache" if persisted else "reloaded"
            more = ", behind a proxy that hides `no-store`" if kept else ""
            name = f'a board left and returned to with "back" (Chromium{more}: {how})'
            cluster.rows.append(Row(name, seconds, reconnects, said))
            assert persisted == kept
            assert seconds < 5
            assert reconnects <= 2
    finally:
        chromium.close()


def back_and_forth(cluster: Cluster, chromium: Any, port: int) -> tuple[float, int, str, bool]:
    """Seconds and new sockets until a board is right after "back", the results of the taps
    meanwhile, and whether the browser had cached the page."""
    page, sockets = chromium.new_page(), list[str]()
    page.on("websocket", lambda ws: sockets.append(ws.url))
    page.add_init_script(NOTE)
    page.goto(f"http://127.0.0.1:{port}/t/{cluster.evening.code}")
    is_live(page)
    screen = Watcher(port, cluster.evening.live("board"))
    screen.live = True

    def right(truth: dict[int, int]) -> bool:
        try:
            screen.regions = dict(page.evaluate(SEATS))
        except PlaywrightError:  # the page is loading
            return False
        return cluster.right(screen, truth)

    wait_until(lambda: right(cluster.truth()))
    page.goto(f"http://127.0.0.1:{port}/")
    said = {cluster.tap() for _ in range(3)}
    truth, before = cluster.truth(), len(sockets)
    began = time.monotonic()
    page.evaluate("history.back()")
    wait_until(lambda: right(truth), 10)
    seconds = time.monotonic() - began
    is_live(page)
    said.add(cluster.tap())
    wait_until(lambda: right(cluster.truth()), 5, "it is live")
    persisted = page.evaluate("sessionStorage.kept === 'yes'")
    page.close()
    return seconds, len(sockets) - before, ", ".join(sorted(said)), persisted


SEATS = "[...document.querySelectorAll('[id^=seat-]')].map(seat => [seat.id, seat.outerHTML])"


def test_screens_are_right_soon_after_redis_restarts(cluster: Cluster) -> None:
    def heal() -> None:
        cluster.bus.start()
        cluster.bus.wait_ready()

    row = cluster.measure("Redis killed, restarted after 5 s", cluster.bus.kill, heal, during=5)
    assert row.taps == "ok"
    assert row.seconds < 8
    assert row.reconnects == 0


def test_screens_are_right_soon_after_redis_was_paused(cluster: Cluster) -> None:
    harm, heal = stopped(cluster.bus.process.pid, 30)
    row = cluster.measure("Redis paused for 30 s", harm, heal, during=30)
    assert row.taps == "ok"
    assert row.seconds < 8


def test_screens_are_right_soon_after_the_store_was_paused(cluster: Cluster) -> None:
    harm, heal = stopped(cluster.store.process.pid, 6)
    threading.Timer(6, heal).start()
    row = cluster.measure(
        "store paused for 6 s (a tap waits, or gets a 503)", harm, limit=40, taps=1
    )
    assert row.seconds < 10


def test_screens_are_right_soon_after_a_worker_is_killed(cluster: Cluster) -> None:
    pid = cluster.pods[0].worker
    row = cluster.measure("worker killed (kill -9)", lambda: os.kill(pid, signal.SIGKILL))
    assert row.seconds < 12
    assert row.reconnects <= 2


def test_screens_are_right_soon_after_workers_are_recycled(cluster: Cluster) -> None:
    pod = cluster.pods[1]
    row = cluster.measure(
        "workers recycled (SIGHUP)", lambda: pod.process.send_signal(signal.SIGHUP), limit=20
    )
    time.sleep(5)
    cluster.seconds_until_right(time.monotonic(), 15)
    assert row.seconds < 15


def test_screens_are_right_soon_after_a_pod_is_drained(cluster: Cluster) -> None:
    pod = cluster.pods[2]
    row = cluster.measure("pod drained (SIGTERM)", pod.terminate, limit=20)
    pod.start()
    assert row.seconds < 12
    assert row.reconnects <= 2


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed")
def test_screens_are_right_when_the_clock_of_a_pod_is_wrong(cluster: Cluster) -> None:
    pod = cluster.pods[2]
    for skew in ("+90s", "-90s"):
        pod.terminate()
        pod.start(LD_PRELOAD=str(FAKETIME), FAKETIME=skew, DONT_FAKE_MONOTONIC="1")
        row = cluster.measure(f"a pod's clock {skew}", lambda: None, taps=6, limit=25)
        assert row.seconds < 12
        seconds = cards_turn(cluster)
        cluster.rows.append(Row("the same, cards turning on 30 screens", seconds, 0, "–"))
        assert seconds < 1
    pod.terminate()
    pod.start()


def cards_turn(cluster: Cluster) -> float:
    """Seconds between the first and the last of 30 boards to show a card; the worst of four."""
    evening = cluster.house.evening(limit=4, teams=8)
    evening.filled(4)
    boards = [Watcher(cluster.port, evening.live("board")) for _ in range(30)]
    cluster.crowd.add(*boards)
    wait_until(lambda: all(board.live for board in boards))
    assert evening.act("draw", attempt=1).status == 200
    turned: list[dict[Watcher, float]] = [{} for _ in range(4)]
    end = time.monotonic() + 30
    while any(len(seen) < len(boards) for seen in turned):
        assert time.monotonic() < end, [len(seen) for seen in turned]
        for number, seen in enumerate(turned, 1):
            for board in boards:
                if board not in seen and "is-done" in board.regions.get(f"row-{number}", ""):
                    seen[board] = time.monotonic()
        time.sleep(0.02)
    cluster.crowd.leave(*boards)
    return max(max(seen.values()) - min(seen.values()) for seen in turned)


def test_a_socket_is_kept_open_through_a_proxy_that_cuts_idle_ones(cluster: Cluster) -> None:
    """nginx cuts a connection that is idle for 60 s; a heartbeat comes every 5."""
    before = {w: w.connects for w in cluster.crowd.watchers}
    cluster.seconds_until_right(time.monotonic(), 20)
    time.sleep(float(os.environ.get("LCT_IDLE_SECONDS", "70")))
    assert {w: w.connects for w in cluster.crowd.watchers} == before


def test_a_rolling_restart_loses_nothing_while_a_hundred_phones_pick(cluster: Cluster) -> None:
    cluster.seconds_until_right(time.monotonic(), 40)
    screens, at = list(cluster.crowd.watchers), cluster.evening.live("me")
    others = [  # behind a proxy that tries no other pod, like a Kubernetes service
        Watcher(cluster.plain, at, cluster.phones[n].cookie_header(at)) for n in range(100)
    ]
    cluster.crowd.add(*others)
    wait_until(lambda: all(w.live for w in others), 20)
    stop, failures = threading.Event(), list[Any]()
    acknowledged = dict[int, int]()
    unsure = dict[int, set[int]]()  # teams tapped since then and not acknowledged

    def pick_on(number: int) -> None:
        phone, chance = cluster.phones[number].copy(), random.Random(number)
        while not stop.is_set():
            team = chance.randrange(130)
            unsure.setdefault(number, set()).add(team)
            try:
                answer = cluster.evening.pick(phone, team)
            except (OSError, HTTPException):
                phone.connection = None
                continue
            if answer.status == 200:
                acknowledged[number], unsure[number] = team, set()
                time.sleep(
                    chance.uniform(4, 12)
                )  # with more taps these clients would be the bottleneck
                continue
            if answer.status not in (409, 502, 503, 504):
                failures.append(answer)
            time.sleep(chance.uniform(0.5, 2))

    threads = [threading.Thread(target=pick_on, args=(n,)) for n in range(100)]
    for thread in threads:
        thread.start()
    try:
        one_by_one, surge, longest = roll(cluster)
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    seconds = cluster.seconds_until_right(time.monotonic(), 20)
    truth = cluster.truth()
    assert failures == []
    lost = {
        n: team for n, team in acknowledged.items() if truth.get(n + 1) not in {team, *unsure[n]}
    }
    assert len(acknowledged) > 80
    assert lost == {}  # no acknowledged pick is lost
    assert longest < 10
    for how, reconnects, limit in (
        ("one by one", most(one_by_one, screens), 2),
        ("the new ones first", most(surge, screens), 2),
        # A screen may land twice on a pod that is replaced next.
        ("one by one, behind a proxy that tries no other pod", most(one_by_one, others), 3),
        ("the new ones first, behind a proxy that tries no other pod", most(surge, others), 2),
    ):
        name = f"rolling restart, 100 phones picking, {how} (away {longest:.1f} s at most)"
        cluster.rows.append(Row(name, seconds, reconnects, "no pick lost"))
        assert reconnects <= limit, how


def roll(cluster: Cluster) -> tuple[dict[Watcher, int], dict[Watcher, int], float]:
    """Replace all pods twice; each screen's reconnects per round, and the longest time away."""
    longest, connects = 0.0, {w: w.connects for w in cluster.crowd.watchers}
    for number, new in enumerate(cluster.spare):  # one by one, the new one first
        old, cluster.pods[number] = cluster.pods[number], new
        began = time.monotonic()
        new.start(LCT_REVISION="2")
        old.terminate()
        longest = max(longest, away(cluster, began))
        cluster.spare[number] = old
    one_by_one = {w: w.connects - connects[w] for w in connects}
    time.sleep(2)
    connects = {w: w.connects for w in cluster.crowd.watchers}
    for new in cluster.spare:  # all new ones first, as kube/base/deployment.yaml asks for
        new.start(LCT_REVISION="3")
    began = time.monotonic()
    for old in cluster.pods:
        old.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
    for old in cluster.pods:
        old.process.wait(30)
    longest = max(longest, away(cluster, began))
    cluster.pods, cluster.spare = cluster.spare, cluster.pods
    surge = {w: w.connects - connects[w] for w in connects}
    return one_by_one, surge, longest


def most(counts: dict[Watcher, int], watchers: list[Watcher]) -> int:
    return max(counts[watcher] for watcher in watchers)


def away(cluster: Cluster, began: float) -> float:
    """Wait until every screen is back; the longest time that one was away since ``began``."""
    wait_until(lambda: all(w.live for w in cluster.crowd.watchers), 20, "everybody is back")
    back = [w for w in cluster.crowd.watchers if w.gone_at >= began]
    gone = [w.gone_at for w in back]
    assert max(gone) - min(gone) > 0.3, "all of them at once"
    return max(w.back_at - w.gone_at for w in back)
