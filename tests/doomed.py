"""A worker in its own process that is killed, as by kill -9, in the middle of a command."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from lct.config import Settings
from lct.domain.fact import Command
from lct.infrastructure import documents, snapshots

from .desk import Desk
from .proxy import Proxy, slow
from .support import wait_until

# When to kill it: a number of milliseconds after it got the command, or at its first request of a
# kind: True for after the store has carried it out (the answer is lost), False for before.
Moment = int | tuple[str, bool]

# Forking from a process that has imported everything takes 10 ms instead of 300.
forking = multiprocessing.get_context("forkserver")
forking.set_forkserver_preload(["tests.doomed"])


def run_and_kill(
    store: Path,
    settings: Settings,
    command: Command,
    moment: Moment,
    knows: str = "",
    skip: int = 0,
) -> bool:
    """Whether the worker acknowledged the command before it was killed. It has the state of the
    tournament ``knows`` in memory, and survives ``skip`` requests of that kind. On return the store
    has received all that it sent."""
    with Proxy(store) as proxy:
        settings = replace(settings, mongo_uri=proxy.uri)
        ours, theirs = forking.Pipe()
        arguments = (theirs, settings, knows, snapshots.EVERY)
        worker = forking.Process(target=_work, args=arguments, daemon=True)
        worker.start()
        theirs.close()
        try:
            assert ours.recv() == "ready"
            if not isinstance(moment, int):
                operation, done = moment
                proxy.break_next(operation, *[slow(0)] * skip, _kill(worker.kill, done))
            ours.send(command)
            if isinstance(moment, int):
                time.sleep(moment / 1000)
            else:  # it was killed, or never sent such a request
                assert ours.poll(30)
        finally:
            worker.kill()
            worker.join()
        try:
            said = ours.recv()
        except (EOFError, ConnectionResetError):  # the latter if it had not read the command
            said = ""
        assert said in ("", "done"), said
        wait_until(lambda: proxy.idle)
        return said == "done"


def _kill(kill: Callable[[], None], done: bool) -> Callable[[Callable[[], bytes]], None]:
    def fault(forward: Callable[[], bytes]) -> None:
        if done:
            forward()
        kill()

    return fault


def _work(pipe: Connection, settings: Settings, knows: str, snapshot_every: int) -> None:
    snapshots.EVERY = snapshot_every
    documents.connect_store(settings)
    desk = Desk()
    if knows:
        desk.store.read(knows)
    pipe.send("ready")
    command = pipe.recv()
    try:
        desk.execute(command)
        pipe.send("done")
    except Exception as error:  # reported to the test, which then fails
        pipe.send(repr(error))
    time.sleep(60)
