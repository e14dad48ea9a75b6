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
from contextlib import contextmanager, suppress

import psutil
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

    def __init__(self, folder, cwd=None, umask=-1, command=START, **environ):
        self.folder = folder
        self.port = int(environ.setdefault("LCT_PORT", str(free_port())))
        defaults = {"LCT_VAR": str(folder), "LCT_HOST": "127.0.0.1", "LCT_WORKERS": "1"}
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            umask=umask,
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
        """The output up to a line that matches."""
        said = []
        while not (said and re.search(pattern, said[-1])):
            said.append(self.lines.get(timeout=seconds))
            assert said[-1], f"it exited and printed only {said}"
        return "".join(said)

    def ready(self):
        """The output until it serves."""
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
            with suppress(psutil.NoSuchProcess):
                if word in " ".join(psutil.Process(pid).cmdline()):
                    return pid
        return None

    def end(self, number=signal.SIGINT):
        """Send the signal; return the exit code and the seconds until the exit."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(20), time.monotonic() - began


@contextmanager
def starting(folder):
    """Yield a function that starts an `lct up` on this folder; kill what still runs at the end."""
    started = []

    def start(**options):
        started.append(Up(folder, **options))
        return started[-1]

    try:
        yield start
    finally:
        for each in started:
            if each.process.poll() is None:
                each.process.kill()
            each.process.wait()


@pytest.fixture
def up(tmp_path):
    with starting(tmp_path / "var") as start:
        yield start


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """An `lct up` that many tests share, restarted on the same folder if a test finds it ended.
    Its umask is 0, and no module in its working directory may be imported."""
    cwd = tmp_path_factory.mktemp("anywhere")
    for name in ("lct", "flask", "gunicorn", "redis", "nx_27017"):
        (cwd / f"{name}.py").write_text("raise SystemExit('imported from anywhere')")
    with starting(tmp_path_factory.mktemp("running") / "var") as start:
        kept = []

        def run():
            if not kept or kept[-1].process.poll() is not None:
                workers = 1 if kept else 2
                kept.append(start(cwd=cwd, umask=0, LCT_WORKERS=str(workers)))
                kept[-1].workers = workers
                kept[-1].said = kept[-1].ready()
            return kept[-1]

        yield run


def test_it_says_where_it_is_open_and_answers_there(running):
    lct = running()
    url = re.search(r"open at\s+(\S+)", lct.said)[1]
    assert url == f"http://127.0.0.1:{lct.port}"
    assert qr_code(url, coloured=False) in lct.said
    assert str(lct.folder) in lct.said
    assert answers(f"{url}/liveness")


def test_it_says_each_step(running):
    lct = running()
    first, *lines = lct.said.partition("lct is open")[0].splitlines()
    assert first == f"  lct {__version__}, data in {lct.folder}"
    assert [line.strip() for line in lines if line.strip()] == [
        "starting the store",
        "starting the bus",
        "starting the app",
        "checking the store's indexes",
    ]


def test_it_imports_nothing_from_its_working_directory(running):
    assert "imported from anywhere" not in running().said


def assert_private(lct):
    made = list(lct.folder.rglob("*"))
    assert {"lct.log", "store.log", "secret-key", "environ.json", "lock"} <= {p.name for p in made}
    assert any(path.parent.name == "store" for path in made)
    for path in made:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o077 == 0, path


def test_its_files_are_private_even_with_umask_zero(running):
    assert_private(running())


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


def guarded(url):
    return {
        "LCT_PUBLIC_URL": url,
        "LCT_TRUSTED_PROXIES": "1",
        "LCT_SECURE_COOKIES": "true",
        "LCT_ALLOWED_HOSTS": "10.0.0.7",
        "LCT_CREATE_PASSPHRASE": "open sesame",
    }


def test_it_serves_a_guarded_front_page_and_its_files_are_private_with_the_usual_umask(up):
    lct = up(umask=0o022, **guarded("http://lct.local:8080"))
    assert "open at  http://lct.local:8080" in lct.ready()
    assert_private(lct)


def test_a_guarded_front_page_below_a_prefix_is_served_from_given_servers(up, servers):
    given = {"LCT_MONGO_URI": servers.mongo_uri, "LCT_REDIS_URL": servers.redis_url}
    lct = up(**given, LCT_MONGO_DB="given", **guarded("https://cup.example/fifa"))
    assert "open at  https://cup.example/fifa" in lct.ready()
    assert lct.child("gunicorn")
    assert lct.child("store_server") is None
    assert lct.child("valkey") is None
    assert not (lct.folder / "store").exists()
    with pymongo.MongoClient(servers.mongo_uri) as client:
        client.drop_database("given")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_every_process_within_three_seconds_and_keeps_its_data(running, number):
    lct = running()
    with lct.store() as client:
        client["lct"]["kept"].insert_one({"_id": number})
    secret = (lct.folder / "secret-key").read_text()
    processes = lct.processes()
    assert len(processes) == 3 + lct.workers
    code, seconds = lct.end(number)
    assert code == 0
    assert seconds < 3
    assert not [pid for pid in processes if is_running(pid)]
    assert not list(lct.folder.glob("*.sock"))

    again = running()
    assert again is not lct
    with again.store() as client:
        assert client["lct"]["kept"].find_one({"_id": number})
    assert (again.folder / "secret-key").read_text() == secret
    assert len(secret.strip()) == 64
    assert stat.S_IMODE((again.folder / "secret-key").stat().st_mode) == 0o600


def test_interrupting_it_while_it_starts_ends_it_too(up):
    lct = up()
    wait_until(lambda: len(lct.processes()) >= 2, what="the first two children")
    processes = lct.processes()
    assert lct.end()[0] == 0
    assert not [pid for pid in processes if is_running(pid)]


def test_a_second_one_on_the_same_folder_is_refused_in_one_sentence(running):
    first = running()
    with starting(first.folder) as start:
        second = start()
        assert second.process.wait(10) == 1
    said = second.wait_for("Another")
    assert f"Another lct (process {first.process.pid}) is already running on this folder" in said
    assert said.count("\n") == 1
    assert answers(f"http://127.0.0.1:{first.port}/liveness")


def test_it_shows_all_addresses_and_follows_the_machine_to_another_network(up):
    if not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        pytest.skip("no unshare, nsenter or ip")
    if subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no network namespaces here")
    home, train, vpn = "192.168.1.20", "172.20.10.2", "10.8.0.6"
    quick = "import lct.laptop.network as n; n.LOOK_SECONDS = .2;" + START[-1]
    ip = "ip addr {} {}/24 dev lo".format
    begin = f'ip link set lo up; {ip("add", home)}; {ip("add", vpn)}; exec "$0" -P -c "{quick}"'
    lct = up(command=["unshare", "-n", "sh", "-c", begin, START[0]], LCT_HOST="0.0.0.0")
    said = lct.ready()

    def url(address):
        return f"http://{address}:{lct.port}"

    assert re.search(r"open at\s+(\S+)", said)[1] == url(home)
    assert f"Other addresses of this machine: {url(vpn)}\n" in said
    moves = f"{ip('del', home)}; {ip('add', train)}; {ip('del', vpn)}; {ip('add', vpn)}"
    inside = ["nsenter", "-t", str(lct.process.pid), "-n", "sh", "-c", moves]
    subprocess.run(inside, check=True)
    assert f"now open at  {url(train)}" in lct.wait_for("now open")
    shared = {"LCT_VAR": str(lct.folder)}
    wait_until(lambda: running_environ(shared)["LCT_PUBLIC_URL"] == url(train))
    (lct.folder / "address").write_text(url(vpn))  # as a worker does after the host's tap
    assert f"now open at  {url(vpn)}" in lct.wait_for("now open")
    assert lct.end()[0] == 0
    assert not (lct.folder / "addresses.json").exists()


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


@pytest.mark.parametrize(
    ("word", "name"), [("store", "store"), ("valkey", "bus"), ("gunicorn", "app")]
)
def test_a_child_that_is_killed_is_started_again(running, word, name):
    lct = running()
    killed = lct.child(word)
    os.kill(killed, signal.SIGKILL)
    assert "starting it again" in lct.wait_for(f"the {name} ended by itself", seconds=5)
    wait_until(lambda: lct.child(word) not in (None, killed), what="another process")
    wait_until(lambda: answers(f"http://127.0.0.1:{lct.port}/liveness"), what="an answer")
    with lct.store() as client:
        wait_until(lambda: client.admin.command("ping")["ok"], what="an answer of the store")


def test_another_command_on_the_laptop_finds_the_running_servers(running):
    lct = running()
    found = running_environ({"LCT_VAR": str(lct.folder), "LCT_PUBLIC_URL": "http://given"})
    assert found["LCT_MONGO_URI"].startswith("mongodb://%2F")
    assert found["LCT_PUBLIC_URL"] == "http://given"

    def run(*words):
        return subprocess.run(
            [sys.executable, "-m", "lct", *words],
            env={**clean_environ(), "LCT_VAR": str(lct.folder)},
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    said = run("demo")
    assert answers(re.search(r"board\s+(\S+)", said)[1])
    code = re.search(r"code\s+(\S+)", said)[1]
    assert "1 joined, 1 picked" in run("simulate", code, "--guests", "1", "--pace", "0")
    assert stat.S_IMODE((lct.folder / "environ.json").stat().st_mode) == 0o600


def test_no_process_outlives_it_when_it_is_killed_and_no_command_looks_for_it(running):
    lct = running()
    processes = lct.processes()
    assert len(processes) == 3 + lct.workers
    lct.process.kill()
    lct.process.wait()
    wait_until(lambda: not any(map(is_running, processes)), 5, "all processes ended")
    assert (lct.folder / "environ.json").exists()
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
