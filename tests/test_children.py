"""Child processes end with their parent, however it ends, and are restarted while it runs."""

import signal
import subprocess
import sys
import textwrap
from itertools import pairwise
from types import SimpleNamespace

from lct.laptop.children import Watch, guarded, start_child, stop_child
from lct.laptop.machine import listen

from .support import clean_environ, is_running, wait_until

STARTS_BOTH = """
    import sys, time
    from pathlib import Path
    from lct.laptop.local_servers import start_bus, start_store
    servers = [start(Path(sys.argv[1])) for start in (start_store, start_bus)]
    for server in servers:
        server.wait_ready()
    print(*(server.process.pid for server in servers), flush=True)
    time.sleep(60)
"""


def test_the_servers_end_when_their_parent_is_killed(tmp_path):
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(STARTS_BOTH), str(tmp_path)],
        env=clean_environ(),
        stdout=subprocess.PIPE,
        text=True,
    )
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    parent.kill()
    parent.wait()
    wait_until(lambda: not any(map(is_running, pids)), 3, "both servers ended")


def test_a_guard_ends_the_child_where_the_kernel_cannot(tmp_path):
    sleeps = [
        sys.executable,
        "-c",
        "import os, time; print(os.getpid(), flush=True); time.sleep(60)",
    ]
    starts = f"import subprocess, time; subprocess.Popen({guarded(sleeps)!r}); time.sleep(60)"
    parent = subprocess.Popen(
        [sys.executable, "-c", starts], env=clean_environ(), stdout=subprocess.PIPE, text=True
    )
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    wait_until(lambda: not is_running(pid), 3, "the guarded process ended")


def test_a_guard_forwards_sigterm_to_its_command():
    sleeps = [
        sys.executable,
        "-c",
        "import os, time; print(os.getpid(), flush=True); time.sleep(60)",
    ]
    guard = subprocess.Popen(
        guarded(sleeps), env=clean_environ(), stdout=subprocess.PIPE, text=True
    )
    pid = int(guard.stdout.readline())
    guard.send_signal(signal.SIGTERM)
    assert guard.wait(3) == signal.SIGTERM
    assert not is_running(pid)


def test_a_guard_passes_on_the_listening_socket(monkeypatch, tmp_path):
    elsewhere = SimpleNamespace(platform="darwin", executable=sys.executable)
    monkeypatch.setattr("lct.laptop.children.sys", elsewhere)
    with listen("127.0.0.1", 0) as listener, (tmp_path / "log").open("wb") as log:
        says = f"import socket; print(socket.socket(fileno={listener.fileno()}).getsockname()[1])"
        child = start_child(
            [sys.executable, "-c", says],
            log=log,
            pass_fds=(listener.fileno(),),
            environ=clean_environ(),
        )
        assert child.wait(5) == 0
        assert (tmp_path / "log").read_text() == f"{listener.getsockname()[1]}\n"


def test_a_child_that_does_not_end_when_asked_is_killed(tmp_path):
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    deaf += "print('deaf', flush=True); time.sleep(60)"
    with (tmp_path / "log").open("wb") as log:
        child = start_child([sys.executable, "-c", deaf], log=log)
    wait_until(lambda: (tmp_path / "log").read_text() == "deaf\n")
    assert not stop_child(child, 0.1)
    assert child.returncode == -signal.SIGKILL


class Failing:
    """A child that has always just ended."""

    name = "child"
    process = SimpleNamespace(poll=lambda: 1, returncode=1)
    starts = 0

    def start(self):
        self.starts += 1


def test_a_child_that_keeps_exiting_is_restarted_with_growing_pauses():
    child, said = Failing(), []
    watch = Watch(child, said.append, started=0)
    starts = []
    for tenths in range(600):
        before = child.starts
        watch.look(tenths / 10)
        starts += [tenths / 10] * (child.starts - before)
    pauses = [round(later - earlier, 1) for earlier, later in pairwise(starts)]
    assert starts[0] == 0
    assert pauses == sorted(pauses)
    assert pauses[0] < 1
    assert 10 <= pauses[-1] < 11
    assert len(said) in (len(starts), len(starts) + 1)
    assert said[0] == "the child ended by itself (code 1); starting it again"


def test_a_child_that_ran_for_long_is_restarted_at_once():
    child = Failing()
    watch = Watch(child, str, ends=5, started=0)
    watch.look(100)
    assert child.starts == 1
