"""Tries `make run` as a new user would, on an empty Debian. Needs Linux, root and mmdebstrap.

Usage: python -m tools.fresh_machine <release>..., for example bookworm or trixie.

In each tree, root and an ordinary user start the committed checkout twice, in a folder with a space
and an umlaut in its name. The second start must take less than 3 s, so run this on an idle machine.
Everything listens on 127.0.0.1.
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

from tools.play_evening import play

CA_FILE = "/etc/ssl/certs/ca-certificates.crt"
USERS = ("root", "ola")
CHECKOUT = "Fußball Abend/lct"
FIRST_LINE, FIRST_START, SECOND_START, STOP = 1.0, 300.0, 3.0, 10.0
# The variables that tell pip and apt how to reach the package index.
REACH = re.compile(
    r"PIP_(CERT|(EXTRA_)?INDEX_URL|TRUSTED_HOST|PROXY|DEFAULT_TIMEOUT)|(?i:\w+_proxy)"
)
NOISE = re.compile(r"(?i)warning|notice|deprecat|error|traceback|\bpip\b|\*\*\*")
INSTALL = ["apt-get", "install", "-qq", "--no-install-recommends"]
# The mounts are in a namespace of their own, which ends with the command.
INSIDE = """
tree=$1 user=$2; shift 2
mount --rbind /dev "$tree/dev"
mount -t proc proc "$tree/proc"
exec chroot --userspec="$user" "$tree" env -i "$@"
"""


class Tree:
    """An empty Debian below a folder."""

    def __init__(self, folder: Path, release: str) -> None:
        self.folder = folder
        # A mirror's list may have expired; its signature is still checked.
        subprocess.run(
            ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase",
             "--include=make,python3,ca-certificates", "--skip=cleanup/apt/lists",
             '--aptopt=Acquire::Check-Valid-Until "false"',
             '--customize-hook=chroot "$1" useradd --create-home ola', release, folder],
            check=True,
        )  # fmt: skip
        for each in {CA_FILE, "/etc/resolv.conf", os.environ.get("PIP_CERT", CA_FILE)}:
            inside = folder / each[1:]
            inside.parent.mkdir(parents=True, exist_ok=True)
            if Path(each).is_file():
                inside.unlink(missing_ok=True)
                shutil.copy(each, inside)

    def command(self, user: str, folder: Path, *command: str, **environ: str) -> list[str]:
        """The command line that runs a command in the tree, without this machine's environment."""
        given = {
            "HOME": str(home(user)),
            "USER": user,
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "TERM": "xterm",
            **{name: value for name, value in os.environ.items() if REACH.fullmatch(name)},
            **environ,
        }
        return [
            "unshare", "--mount", "sh", "-ec", INSIDE, "sh", str(self.folder), user,
            *(f"{name}={value}" for name, value in given.items()),
            "sh", "-c", 'cd "$0" && exec "$@"', str(folder), *command,
        ]  # fmt: skip

    def run(self, user: str, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the tree to its end."""
        line = self.command(user, folder, *command)
        return subprocess.run(line, text=True, stdout=-1, stderr=subprocess.STDOUT, check=False)


class Terminal:
    """A command on its own terminal, as a person would run it."""

    def __init__(self, command: list[str]) -> None:
        self.began = time.monotonic()
        self.first_line: float | None = None
        self.text = ""
        self.status: int | None = None
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.execvp(command[0], command)  # noqa: S606
        self.reader = Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        """Read the output until the last process has closed the terminal."""
        with suppress(OSError):
            while piece := os.read(self.terminal, 4096):
                self.text += piece.decode(errors="replace")
                if self.first_line is None and "\n" in self.text:
                    self.first_line = self.passed()

    def passed(self) -> float:
        """The seconds since the start."""
        return time.monotonic() - self.began

    def ended(self) -> bool:
        """Whether the command has ended; its exit code, or minus its signal, is the status."""
        if self.status is None:
            ended, status = os.waitpid(self.process, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if ended else None
        return self.status is not None

    def interrupt(self) -> None:
        """Press Ctrl-C, and wait for the end."""
        os.write(self.terminal, b"\x03")
        until = time.monotonic() + STOP
        while not self.ended():
            expect(time.monotonic() < until, f"Ctrl-C ends it within {STOP:g} s", self.text)
            time.sleep(0.02)
        self.reader.join(STOP)
        os.close(self.terminal)


def processes(tree: Path) -> list[int]:
    """The processes whose root is the tree."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.path.samestat((each / "root").stat(), tree.stat()):
                found.append(int(each.name))
    return found


def home(user: str) -> Path:
    return Path("/root" if user == "root" else f"/home/{user}")


def expect(holds: bool, sentence: str, shown: object = "") -> None:
    """End with the sentence unless it holds."""
    if not holds:
        raise SystemExit(f"Does not hold: {sentence}.\n{shown}")


def serves(port: int, path: str = "/") -> bool:
    """Whether a page answers with 200; waits for the answer once the port is open."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@contextmanager
def running(tree: Tree, user: str) -> Iterator[tuple[int, float, float]]:
    """Run lct as a user until Ctrl-C; yields its port, and the seconds to first line and page."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"LCT_HOST": "127.0.0.1", "LCT_PORT": str(port)}
    terminal = Terminal(tree.command(user, home(user) / CHECKOUT, "make", "run", **settings))
    while not serves(port):
        expect(not terminal.ended(), "lct runs until Ctrl-C", terminal.text)
        expect(terminal.passed() < FIRST_START, "the first page comes", terminal.text)
        time.sleep(0.05)
    page = terminal.passed()
    yield port, terminal.first_line or page, page
    terminal.interrupt()
    # make ends by the signal itself, and prints "***" if its command did not exit with 0.
    expect(terminal.status == -signal.SIGINT, "Ctrl-C ends make", terminal.status)
    expect(not NOISE.search(terminal.text), "nothing distracts, and lct ends with 0", terminal.text)
    expect(not processes(tree.folder), "no process is left", processes(tree.folder))


def try_as(tree: Tree, user: str) -> bool:
    """Start, play, stop and start again; whether one of three restarts was quick."""
    with running(tree, user) as (port, line, page):
        code = play(f"http://127.0.0.1:{port}")
    print(f"  {user:4}  first line {line:.1f} s, first page {page:.1f} s; again", end="")
    quick, tries = False, 0
    while not quick and tries < 3:  # the machine may have been busy
        with running(tree, user) as (port, again_line, again):
            expect(serves(port, f"/t/{code}"), f"tournament {code} survives")
        print(f" {again_line:.1f} s, {again:.1f} s;", end="", flush=True)
        quick = max(line, again_line) < FIRST_LINE and again < SECOND_START
        tries += 1
    print(" quick" if quick else " TOO SLOW", flush=True)
    return quick


def try_release(folder: Path, release: str) -> bool:
    """Check that `make run` names missing packages, then run it; whether it starts quickly."""
    tree = Tree(folder, release)
    archive = subprocess.run(["git", "archive", "HEAD"], check=True, stdout=-1).stdout
    for user in USERS:
        checkout = folder / str(home(user) / CHECKOUT)[1:]
        checkout.mkdir(parents=True)
        subprocess.run(["tar", "-x", "-C", checkout], input=archive, check=True)
        tree.run("root", Path("/"), "chown", "-R", f"{user}:", str(home(user)))

    refusal = tree.run("ola", home("ola") / CHECKOUT, "make", "run").stdout
    packages = re.findall(r"(?m)^lct: .*apt install (\S+)\)\.$", refusal)
    expect(packages == ["python3-venv"], "without python3-venv one sentence says so", refusal)
    installed = tree.run("root", Path("/"), *INSTALL, *packages)
    expect(installed.returncode == 0, f"{packages} can be installed", installed.stdout)

    version = tree.run("root", Path("/"), "python3", "--version").stdout.strip()
    print(f"Debian {release}, {version}", flush=True)
    quick = [try_as(tree, user) for user in USERS]
    return all(quick)


def main() -> None:
    """Try each release in turn; the trees are removed."""
    expect(os.geteuid() == 0, "root runs this: it makes system trees and changes into them")
    # A shell lets its background jobs ignore Ctrl-C, and their children would, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not shutil.which("mmdebstrap"):
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run([*INSTALL, "mmdebstrap"], check=True)
    quick = []
    for release in sys.argv[1:]:
        with tempfile.TemporaryDirectory(prefix="lct-", dir="/var/tmp") as parent:
            folder = Path(parent) / release
            try:
                quick.append(try_release(folder, release))
            finally:
                for each in processes(folder):
                    os.kill(each, signal.SIGKILL)
    expect(all(quick), f"first line within {FIRST_LINE:g} s, second start in {SECOND_START:g} s")


if __name__ == "__main__":
    main()
