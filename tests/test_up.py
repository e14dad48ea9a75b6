"""`lct up` starts everything on one laptop, keeps it running, and ends it without a trace."""

import json
import os
import queue
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time

import pymongo
import pytest

from lct import __version__
from lct.laptop.machine import listen, qr_code, web_address
from lct.places import ROOT
from lct.running import running_environ

from .support import answers, children_of, clean_environ, free_port, is_running, wait_until

pytestmark = pytest.mark.slow

START = [sys.executable, "-P", "-c", "import sys; from lct.laptop.up import run; sys.exit(run())"]


class Up:
    """One `lct up` in a folder of its own, on a port of 127.0.0.1."""

    def __init__(self, folder, cwd=None, **environ):
        self.folder = folder
        self.port = int(environ.setdefault("LCT_PORT", str(free_port())))
        defaults = {"LCT_VAR": str(folder), "LCT_HOST": "127.0.0.1", "LCT_WORKERS": "1"}
        self.process = subprocess.Popen(
            START,
            cwd=cwd,
            env={**clean_environ(), **defaults, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put("")

    def wait_for(self, pattern, seconds=30):
        """What it has said up to a line that matches."""
        said = []
        while not (said and re.search(pattern, said[-1])):
            said.append(self.lines.get(timeout=seconds))
            assert said[-1], f"it ended and said only {said}"
        return "".join(said)

    def ready(self):
        """What it has said until it serves."""
        return self.wait_for("Ctrl-C stops it")

    def store(self):
        environ = json.loads((self.folder / "environ.json").read_text())
        return pymongo.MongoClient(environ["LCT_MONGO_URI"])

    def processes(self):
        """The pids of the app, the store and the bus, and of the app's workers."""
        children = children_of(self.process.pid)
        return children + [pid for child in children for pid in children_of(child)]

    def child(self, word):
        """The pid of the child whose command has that word in it."""
        for pid in children_of(self.process.pid):
            asked = ["ps", "-ww", "-o", "args=", "-p", str(pid)]
            if word in subprocess.run(asked, capture_output=True, text=True, check=False).stdout:
                return pid
        return None

    def end(self, number=signal.SIGINT):
        """Interrupt it; the exit code and the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(20), time.monotonic() - began


@pytest.fixture
def up(tmp_path):
    started = []

    def start(**environ):
        started.append(Up(tmp_path / "var", **environ))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
        each.process.wait()


def test_it_says_where_it_is_open_and_answers_there(up):
    lct = up()
    said = lct.ready()
    url = re.search(r"open at\s+(\S+)", said)[1]
    assert url == f"http://127.0.0.1:{lct.port}"
    assert qr_code(url, coloured=False) in said
    assert str(lct.folder) in said
    assert answers(f"{url}/liveness")


def test_it_says_each_step(up):
    lct = up()
    assert lct.wait_for("starting the store").splitlines()[0] == (
        f"  lct {__version__}, data in {lct.folder}"
    )
    steps = [line.strip() for line in lct.wait_for("lct is open").splitlines() if line.strip()]
    assert steps[:-1] == ["starting the bus", "starting the app", "checking the store's indexes"]


@pytest.mark.parametrize(
    ("lacks", "answer"),
    [("home", "500"), ("templates", "a closed connection")],
)
def test_it_is_not_open_when_it_cannot_serve_its_front_page(up, tmp_path, lacks, answer):
    left_out = shutil.ignore_patterns("__pycache__", lacks)
    for folder in {"lct", "static", "templates"} - {lacks}:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=left_out)
    lct = up(PYTHONPATH=str(tmp_path))
    assert lct.process.wait(20) == 1
    said = lct.wait_for("TemplateNotFound")
    assert f"lct: The front page is answered with {answer}; the end of" in said
    assert "open at" not in said
    assert max(map(len, said.splitlines())) < 200


@pytest.mark.parametrize("url", ["https://cup.example/fifa", "http://lct.local:8080"])
def test_a_guarded_front_page_is_one_that_it_can_serve(up, url):
    guards = {"LCT_ALLOWED_HOSTS": "10.0.0.7", "LCT_CREATE_PASSPHRASE": "open sesame"}
    lct = up(LCT_PUBLIC_URL=url, LCT_TRUSTED_PROXIES="1", LCT_SECURE_COOKIES="true", **guards)
    assert f"open at  {url}" in lct.ready()


def test_it_imports_nothing_from_the_folder_that_it_is_started_in(up, tmp_path):
    for name in ("lct", "flask", "gunicorn", "redis", "nx_27017"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from anywhere')")
    lct = up(cwd=tmp_path)
    lct.ready()
    assert lct.end()[0] == 0


def test_interrupting_it_ends_every_process_within_three_seconds(up):
    lct = up(LCT_WORKERS="2")
    lct.ready()
    processes = lct.processes()
    assert len(processes) == 5
    code, seconds = lct.end()
    assert code == 0
    assert seconds < 3
    assert not [pid for pid in processes if is_running(pid)]
    assert not list(lct.folder.glob("*.sock"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_closed_terminal_or_a_stop_ends_it_too(up, number):
    lct = up()
    lct.ready()
    processes = lct.processes()
    assert lct.end(number)[0] == 0
    assert not [pid for pid in processes if is_running(pid)]


def test_interrupting_it_while_it_starts_ends_it_too(up):
    lct = up()
    wait_until(lambda: len(lct.processes()) >= 2, what="the first two children")
    processes = lct.processes()
    assert lct.end()[0] == 0
    assert not [pid for pid in processes if is_running(pid)]


def test_nothing_outlives_it_when_it_is_killed(up):
    lct = up()
    lct.ready()
    processes = lct.processes()
    lct.process.kill()
    lct.process.wait()
    wait_until(lambda: not any(map(is_running, processes)), 5, "an end of all processes")


def test_a_second_one_on_the_same_folder_is_refused_in_one_sentence(up):
    first = up()
    first.ready()
    second = up()
    assert second.process.wait(10) == 1
    said = second.wait_for("Another")
    assert f"Another lct (process {first.process.pid}) is already running on this folder" in said
    assert said.count("\n") == 1
    assert answers(f"http://127.0.0.1:{first.port}/liveness")


def test_a_busy_port_is_refused_in_one_sentence(up):
    with listen("127.0.0.1", 0) as other:
        port = other.getsockname()[1]
        lct = up(LCT_PORT=str(port))
        assert lct.process.wait(10) == 1
        assert lct.wait_for("Port") == (
            f"lct: Port {port} is taken by another program: set LCT_PORT to a free one.\n"
        )


def test_a_bad_setting_is_refused_in_one_sentence(up):
    lct = up(LCT_WORKERS="none")
    assert lct.process.wait(10) == 1
    assert lct.wait_for("LCT") == "lct: LCT_WORKERS must be a whole number, not 'none'.\n"


def test_data_and_secret_are_found_again_after_a_restart(up):
    lct = up()
    lct.ready()
    with lct.store() as client:
        client["lct"]["kept"].insert_one({"_id": "x"})
    secret = (lct.folder / "secret-key").read_text()
    lct.end()
    lct = up()
    lct.ready()
    with lct.store() as client:
        assert client["lct"]["kept"].find_one() == {"_id": "x"}
    assert (lct.folder / "secret-key").read_text() == secret
    assert len(secret.strip()) == 64
    assert stat.S_IMODE((lct.folder / "secret-key").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("word", "name"), [("store", "store"), ("valkey", "bus"), ("gunicorn", "app")]
)
def test_a_child_that_is_killed_is_started_again(up, word, name):
    lct = up()
    lct.ready()
    killed = lct.child(word)
    os.kill(killed, signal.SIGKILL)
    assert "starting it again" in lct.wait_for(f"the {name} ended by itself", seconds=5)
    wait_until(lambda: lct.child(word) not in (None, killed), what="another process")
    wait_until(lambda: answers(f"http://127.0.0.1:{lct.port}/liveness"), what="an answer")
    with lct.store() as client:
        wait_until(lambda: client.admin.command("ping")["ok"], what="an answer of the store")
    assert lct.end()[0] == 0


def test_given_servers_are_used_instead_of_own_ones(up, servers):
    lct = up(LCT_MONGO_URI=servers.mongo_uri, LCT_REDIS_URL=servers.redis_url, LCT_MONGO_DB="given")
    lct.ready()
    assert lct.child("store_server") is None
    assert lct.child("valkey") is None
    assert not (lct.folder / "store").exists()
    with pymongo.MongoClient(servers.mongo_uri) as client:
        client.drop_database("given")


def test_another_command_on_the_laptop_finds_the_running_servers(up):
    lct = up()
    lct.ready()
    found = running_environ({"LCT_VAR": str(lct.folder), "LCT_PUBLIC_URL": "http://given"})
    assert found["LCT_MONGO_URI"].startswith("mongodb://%2F")
    assert found["LCT_PUBLIC_URL"] == "http://given"

    def run(*words):
        return subprocess.run(
            [sys.executable, "-m", "lct", *words],
            env={**clean_environ(), "LCT_VAR": str(lct.folder)},
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    said = run("seed")
    assert answers(re.search(r"board\s+(\S+)", said)[1])
    code = re.search(r"code\s+(\S+)", said)[1]
    assert "1 joined, 1 picked" in run("simulate", code, "--guests", "1", "--pace", "0")
    assert stat.S_IMODE((lct.folder / "environ.json").stat().st_mode) == 0o600
    lct.process.kill()
    lct.process.wait()
    assert "LCT_MONGO_URI" not in running_environ({"LCT_VAR": str(lct.folder)})


@pytest.mark.parametrize(
    ("host", "port", "address"),
    [
        ("192.168.0.7", 8000, "http://192.168.0.7:8000"),
        ("192.168.0.7", 80, "http://192.168.0.7"),
        ("fd00::7", 8000, "http://[fd00::7]:8000"),
    ],
)
def test_an_address_is_written_as_people_type_it(host, port, address):
    assert web_address(host, port) == address
