"""The package: built as for PyPI, installed without a checkout, and used for an evening.

The paths contain spaces and umlauts.
"""

from __future__ import annotations

import email
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from email.message import Message
from itertools import takewhile
from pathlib import Path
from urllib.parse import urljoin
from urllib.request import urlopen

import pytest
from packaging.requirements import Requirement

from lct import __version__

from .http_client import House
from .support import free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
# The assets that a page or a stylesheet loads.
ASSET = re.compile(
    r"""(?:(?:href|src|data-qr)="|url\(["']?)([^"')?]+\.(?:css|js|woff2)(?:\?[^"')]*)?)["')]"""
)


def listed(*folders: str) -> set[str]:
    """The files of the repository, or of some of its folders."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name for name in said.splitlines() if (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel built from it."""
    source = tmp_path_factory.mktemp("Für Bastler")
    for name in listed():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, source / name)
    made = tmp_path_factory.mktemp("Für alle")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", made, source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Warning" not in done.stdout + done.stderr
    return made


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as opened:
        text = opened.read(f"lct-{__version__}.dist-info/METADATA").decode()
    return email.message_from_string(text)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin/ of a new venv with the wheel. lct's dependencies come from this environment."""
    made = tmp_path_factory.mktemp("Überall") / "mit Python"
    venv.create(made, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", made / "bin/python", "--quiet"]
    quick = ["--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", *quick, wheel], check=True)
    (packages,) = made.glob("lib/python3.*/site-packages")
    (packages / "more.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return made / "bin"


class Installed(House):
    """A running `lct up`, known only by its address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.host, _, port = url.removeprefix("http://").partition(":")
        self.port = int(port)

    def forget_limits(self) -> None:
        """Nothing has been counted yet."""


@pytest.fixture(scope="module")
def up(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """`lct up` in an empty folder with a minimal environment; Ctrl-C stops it at the end."""
    home, empty = tmp_path_factory.mktemp("Zuhause bei Özil"), tmp_path_factory.mktemp("Übrig")
    environ = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LCT_HOST": "127.0.0.1"}
    process = subprocess.Popen(
        [installed / "lct", "up"],
        env={**environ, "LCT_PORT": str(free_port())},
        cwd=empty,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout
        first = process.stdout.readline()
        assert first.startswith(f"  lct {__version__}, data in {home}/"), first
        said = "".join(takewhile(lambda line: "Ctrl-C stops it" not in line, process.stdout))
        found = re.search(r"open at\s+(\S+)", said)
        assert found, said
        yield Installed(found[1])
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stdout.read().strip() == ""
        assert list(empty.iterdir()) == []
    finally:
        process.kill()
        process.wait()


def test_the_wheel_has_every_file_of_lct_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = {name for name in opened.namelist() if ".dist-info/" not in name}
    assert {re.sub("^lct/(templates|static)/", r"\1/", name) for name in names} == listed(
        "lct", "templates", "static"
    )


def test_the_sdist_also_has_tests_and_docs_and_nothing_that_git_lacks(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as opened:
        names = {each.name.partition("/")[2] for each in opened if each.isfile()}
    made = {name for name in names if name in ("PKG-INFO", "setup.cfg") or ".egg-info/" in name}
    assert names - made <= listed()
    assert listed("lct", "templates", "static", "tests", "docs", "wsgi.py", "Makefile") <= names
    assert {name for name in listed() if name.startswith("requirements")} <= names


def test_the_metadata_lists_the_same_requirements_as_the_files(metadata: Message) -> None:
    wanted = {str(Requirement(each)) for each in metadata.get_all("Requires-Dist", [])}
    extra = asked("requirements-tracing.in", '; extra == "tracing"')
    assert wanted == asked("requirements.in") | extra
    assert metadata["Requires-Python"] == ">=3.11"


def asked(name: str, marker: str = "") -> set[str]:
    lines = (ROOT / name).read_text().splitlines()
    return {str(Requirement(line + marker)) for line in lines if line and line[0] != "#"}


def test_every_licence_is_in_the_wheel(wheel: Path, metadata: Message) -> None:
    licences = {
        name
        for name in listed("LICENSE", "static/vendor")
        if re.search(r"LICENSE|NOTICE", Path(name).name)
    }
    assert len(licences) >= 6
    assert set(metadata.get_all("License-File", [])) == licences
    assert metadata["License-Expression"] == "MIT AND 0BSD AND Apache-2.0 AND OFL-1.1"
    with zipfile.ZipFile(wheel) as opened:
        for name in licences:
            kept = opened.read(f"lct-{__version__}.dist-info/licenses/{name}")
            assert kept == (ROOT / name).read_bytes()


def test_lct_is_imported_from_the_wheel_only(installed: Path, tmp_path: Path) -> None:
    code = """if True:
        import sys
        from pathlib import Path
        import lct
        print(*[folder for folder in sys.path if Path(folder, "lct").exists()], sep="\\n")
        print(Path(lct.__file__).parent.parent)
    """
    said = subprocess.run(
        [installed / "python", "-c", code],
        cwd=tmp_path, env={}, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert said[1:] == said[:1]
    assert said[0].startswith(f"{installed.parent}/lib/")


def test_the_installed_package_runs_an_evening(up: Installed) -> None:
    evening = up.evening(limit=2)
    ola, max_ = evening.guest("Ola"), evening.guest("Max")
    assert evening.pick(ola, 0).status == 200
    assert evening.pick(max_, 0).status == 409
    assert evening.pick(max_, 1).status == 200
    assert evening.act("draw", attempt=1).status == 200
    assert evening.act("skip").status == 200
    for phone in (ola, max_):
        assert re.search(r"You play with Team [01]", phone.get(evening.at("me")).page.text)
    assert "The draw adds up" in ola.get(evening.at("verify")).page.text

    pages = [("", evening.host), (evening.at(), up.phone()), (evening.at("join"), up.phone())]
    pages += [(evening.at(page), evening.host) for page in ("organise", "history")]
    pages += [(evening.at(page), ola) for page in ("me", "verify")]
    pages += [("/swagger/index.html", up.phone()), ("/nothing", up.phone())]
    seen: set[str] = set()
    for path, phone in pages:
        answer = phone.get(path or "/")
        assert answer.status == (404 if path == "/nothing" else 200), path
        load(f"{up.url}{path}", answer.text, seen)
    names = {re.sub(r".*/static/|\?.*", "", address) for address in seen}
    served = {name.removeprefix("static/") for name in listed("static")}
    assert names == {name for name in served if re.search(r"\.(css|js|woff2)$", name)}


def load(page: str, text: str, seen: set[str]) -> None:
    """Load the assets of a page, as a browser does: styles, scripts, and the fonts of styles."""
    for name in ASSET.findall(text):
        address = urljoin(page, name.replace("&amp;", "&"))
        if address not in seen:
            seen.add(address)
            with urlopen(address, timeout=10) as answer:
                content = answer.read()
            assert content, address
            if ".css" in address:
                load(address, content.decode(), seen)


def test_every_command_is_installed(installed: Path, tmp_path: Path) -> None:
    def run(*words: str) -> str:
        return subprocess.run(
            [installed / "lct", *words],
            cwd=tmp_path, env={"HOME": str(tmp_path)}, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    assert run("--version") == f"lct {__version__}\n"
    assert "verify-draw" in run("--help")
