"""gunicorn serves the app as configured: several workers, clear errors, a quick and clean stop."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from gunicorn import http, util
from gunicorn.config import Config
from gunicorn.http import wsgi
from gunicorn.workers.ggevent import GeventWorker

from lct.config import environ_of
from lct.worker import Answer, Worker

from .api_client import settings_for
from .support import LiveServer, answers, clean_environ, wait_until

pytestmark = pytest.mark.slow

GUNICORN = [sys.executable, "-m", "gunicorn", "-c", "python:lct.serving", "wsgi:app"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("serving")


@pytest.fixture(scope="module")
def serve(servers, folder):
    """A function that starts the app in gunicorn, with its temporary files in the folder."""
    made = settings_for(
        servers, host="127.0.0.1", drain_seconds=1, var=folder / "var", webhooks=False
    )
    started = []

    def start(workers, **environ):
        log = folder / f"server-{len(started)}.log"
        environ = {"TMPDIR": str(folder), **environ}
        started.append(LiveServer(replace(made, workers=workers), log, **environ))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="module")
def home(folder):
    made = folder / "home"
    made.mkdir()
    return made


@pytest.fixture(scope="module")
def server(serve, home):
    """The server that these tests share; the last of them stops it."""
    return serve(workers=2, HOME=str(home), XDG_RUNTIME_DIR=str(home))


def test_the_server_leaves_no_control_socket_in_the_home_folder(server, home):
    assert answers(f"{server.url}/liveness")
    assert not list(home.iterdir())


def test_a_worker_may_open_as_many_files_as_the_system_allows(server):
    asked = ["-c", "import resource; print(*resource.getrlimit(resource.RLIMIT_NOFILE))"]
    _, hard = subprocess.check_output([sys.executable, *asked], text=True).split()
    if sys.platform == "linux":
        limits = Path(f"/proc/{server.pids[0]}/limits").read_text()
        soft = next(line for line in limits.splitlines() if "open files" in line).split()[3]
        assert soft == hard or int(soft) >= 10_240


def test_a_worker_that_is_killed_is_replaced(server):
    killed, other = wait_until(lambda: len(server.pids) == 2 and server.pids)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: len(set(server.pids) - {killed}) == 2, what="a second worker again")
    assert other in server.pids
    os.kill(other, signal.SIGSTOP)  # so the new worker has to answer
    try:
        assert answers(f"{server.url}/liveness")
    finally:
        os.kill(other, signal.SIGCONT)


def test_the_server_stops_within_its_grace_period_and_removes_its_metrics_folder(
    server, serve, folder
):
    where = Path("/dev/shm") if Path("/dev/shm").is_dir() else folder

    def folder_of(server):
        (file,) = where.glob(f"lct-metrics-*/counter_{server.pids[0]}.db")
        return file.parent

    killed = serve(workers=1)
    folders = [folder_of(server), folder_of(killed)]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}
    logged = server.log.stat().st_size
    assert server.terminate() < 5  # seconds; about 1.5 on a machine with nothing else to do
    assert not answers(f"{server.url}/liveness")
    assert b"SIGKILL" not in server.log.read_bytes()[logged:]
    assert [folder.exists() for folder in folders] == [False, True]
    os.killpg(killed.pid, signal.SIGKILL)
    killed.server.process.wait(5)
    after = serve(workers=1)
    wait_until(lambda: not folders[1].exists())
    assert folder_of(after).exists()


def test_the_server_names_a_missing_setting_in_one_sentence():
    refused = subprocess.run(
        GUNICORN, env=clean_environ(), capture_output=True, text=True, check=False, timeout=20
    )
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr == "lct: LCT_MONGO_URI is not set (`lct up` sets it by itself).\n"


def test_full_collections_leave_out_what_the_imports_made(servers):
    asked = (
        "import gc, types; import lct.wsgi, lct.serving;"
        "worker = types.SimpleNamespace(app=types.SimpleNamespace(callable=None));"
        "lct.serving.post_worker_init(worker); print(gc.get_freeze_count())"
    )
    environ = clean_environ() | environ_of(settings_for(servers))
    frozen = subprocess.check_output([sys.executable, "-c", asked], env=environ, text=True)
    assert int(frozen.splitlines()[-1]) > 50_000


def test_a_peer_that_is_already_gone_is_handled_like_any_other(monkeypatch):
    class Gone:
        def setsockopt(self, *_):
            raise OSError

    handled = []
    monkeypatch.setattr(GeventWorker, "handle", lambda *what: handled.append(what[1:]))
    client = Gone()
    Worker.__new__(Worker).handle("listener", client, "address")
    assert handled == [("listener", client, "address")]


class Connection:
    """Records what is sent by each call."""

    def __init__(self):
        self.sent = []
        self.sendall = self.sent.append


def sent(method, headers, pieces):
    """What a worker sends for a request that an app answers with these."""

    def app(_, start_response):
        start_response("200 OK", headers)
        return pieces

    worker, connection = Worker.__new__(Worker), Connection()
    worker.cfg, worker.wsgi, worker.alive, worker.nr, worker.max_requests = (
        Config(),
        app,
        True,
        0,
        9,
    )
    worker.log, worker.ends = SimpleNamespace(access=print, debug=print), {}
    peer, us = ("127.0.0.1", 50000), ("127.0.0.1", 80)
    head = b"%s / HTTP/1.1\r\nHost: x\r\n\r\n" % method
    parser = http.get_parser(worker.cfg, iter([head]), peer)
    worker.handle_request(us, next(parser), connection, peer)
    return connection.sent


@pytest.mark.parametrize(
    ("method", "headers", "pieces", "calls"),
    [
        (b"GET", [("Content-Length", "2")], [b"ok"], 1),
        (b"GET", [("Content-Length", "4")], [b"ok", b"ok"], 2),
        (b"GET", [], [b"ok", b"ok"], 3),
        (b"GET", [], [b"", b"ok"], 3),
        (b"GET", [("Content-Length", "0")], [], 1),
        (b"HEAD", [("Content-Length", "2")], [b"ok"], 1),
    ],
    ids=["one piece", "two", "chunked", "nothing at first", "empty", "HEAD"],
)
def test_the_head_leaves_with_the_first_piece_of_the_body_and_nothing_else_changes(
    monkeypatch, method, headers, pieces, calls
):
    monkeypatch.setattr(util, "http_date", lambda: "now")
    ours = sent(method, headers, pieces)
    monkeypatch.setattr(wsgi, "Response", Answer.__base__)
    theirs = sent(method, headers, pieces)
    assert b"".join(ours) == b"".join(theirs)
    assert [len(ours), len([each for each in ours if each])] == [calls, calls]
