"""The supply chain: pinned, hashed and licensed packages, a bill of materials, and no secrets.

Only the search for wheels needs a network. Known vulnerabilities change daily: `make audit`.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.markers import Marker
from packaging.requirements import Requirement

from tools import sbom

ROOT = Path(__file__).parent.parent
NAMES = ("requirements", "requirements-tracing", "requirements-dev")


# --- locks ----------------------------------------------------------------------------------------


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


class Pin(NamedTuple):
    """One entry of a lock. With a marker, it applies only to some Pythons and systems."""

    package: str
    version: str
    marker: str
    hashes: list[str]


def pins(name: str) -> Iterator[Pin]:
    """Every entry of a lock; fails at any other line."""
    text = (ROOT / f"{name}.lock").read_text()
    for entry in re.sub(r"(?m)^\s*#.*\n?", "", text).replace("\\\n", " ").splitlines():
        if entry.strip():
            exact = re.fullmatch(
                r"([a-z0-9][a-z0-9.-]*)==([\w.]+)(?: ; (.+?))?((?:\s+--hash=\S+)*)\s*", entry
            )
            assert exact, entry
            yield Pin(plain(exact[1]), exact[2], exact[3] or "", exact[4].split())


def locked(name: str) -> dict[str, str]:
    """Package -> version, for the entries that apply to this machine."""
    here = (pin for pin in pins(name) if not pin.marker or Marker(pin.marker).evaluate())
    return {pin.package: pin.version for pin in here}


def asked(name: str) -> list[Requirement]:
    """The requirements of a .in file and of the files that it includes."""
    lines = [line.strip() for line in (ROOT / f"{name}.in").read_text().splitlines()]
    included = [line.split()[1].removesuffix(".in") for line in lines if line.startswith("-r")]
    own = [Requirement(line) for line in lines if line and line[0] not in "#-"]
    return own + [each for other in included for each in asked(other)]


@pytest.mark.parametrize("name", NAMES)
def test_every_package_is_pinned_with_its_hashes(name: str) -> None:
    for pin in pins(name):
        assert pin.hashes, pin.package
        for each in pin.hashes:
            assert re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", each), pin.package


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_satisfies_its_in_file(name: str) -> None:
    given = locked(name)
    for wanted in asked(name):
        if not wanted.marker or wanted.marker.evaluate():
            version = given[plain(wanted.name)]
            assert wanted.specifier.contains(version), f"`make lock`: {wanted} is {version}"


def test_the_shipped_versions_are_the_tested_ones() -> None:
    tested = {(pin.package, pin.version): pin.hashes for pin in pins("requirements-dev")}
    for name in NAMES[:2]:
        for pin in pins(name):
            assert tested[pin.package, pin.version] == pin.hashes, f"`make lock`: {pin.package}"
    for package, version in locked("requirements-dev").items():
        assert metadata.version(package) == version, f"{package}: the environment is outdated"


# --- every common machine -------------------------------------------------------------------------

PYTHONS = ("3.11.0", "3.12", "3.13", "3.14")
# uv's names. 2.31 is the C library of Debian 11 and Ubuntu 20.04.
SYSTEMS = (
    "x86_64-manylinux_2_31",
    "aarch64-manylinux_2_31",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
)
# gevent has no wheels for Python 3.11.0 on a Mac.
OLDEST = {name: PYTHONS[1] if "apple" in name else PYTHONS[0] for name in SYSTEMS}
DRILL = (pytest.mark.drill,)
MACHINES = [
    # The oldest and the newest in every run, those between in the drills.
    pytest.param(python, system, marks=() if python in (OLDEST[system], PYTHONS[-1]) else DRILL)
    for system in SYSTEMS
    for python in PYTHONS[PYTHONS.index(OLDEST[system]) :]
]


def resolve(
    python: str, system: str, folder: Path, *names: str
) -> subprocess.CompletedProcess[str]:
    """Choose a wheel for each package of the locks, as that machine would; installs nothing."""
    command = ["uv", "pip", "install", "--dry-run", "--no-config", "--no-build", "--require-hashes"]
    command.append("--system-certs")  # as pip does
    command += ["--python-version", python, "--python-platform", system, "--target", str(folder)]
    command[0] = str(Path(sys.executable).parent / "uv")
    command += [part for name in names for part in ("-r", f"{name}.lock")]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("python", "system"), MACHINES)
def test_every_common_machine_finds_a_wheel_for_each_package(
    python: str, system: str, tmp_path: Path
) -> None:
    for names in (NAMES[:2], NAMES[2:]):  # for the image; for the tests
        done = resolve(python, system, tmp_path, *names)
        assert done.returncode == 0, done.stderr


def test_a_missing_wheel_is_reported(tmp_path: Path) -> None:
    done = resolve("3.11.0", SYSTEMS[-1], tmp_path, "requirements")
    assert done.returncode != 0
    assert "gevent" in done.stderr


def test_a_python_before_3_11_3_gets_the_async_timeout_that_redis_needs() -> None:
    (pin,) = (pin for pin in pins("requirements") if pin.package == "async-timeout")
    assert Marker(pin.marker).evaluate({"python_full_version": "3.11.2"})
    assert not Marker(pin.marker).evaluate({"python_full_version": "3.11.3"})


READY = "import sysconfig; sysconfig.get_config_vars()"
FIND = ROOT / "tools/find_python.sh"


def find_python(*named: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environ = dict(os.environ, **({"PATH": path} if path is not None else {}))
    return subprocess.run(
        ["/bin/sh", FIND, *named], capture_output=True, text=True, check=False, env=environ
    )


def pretend(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_make_takes_the_first_python_that_fits(tmp_path: Path) -> None:
    (tmp_path / "uname").symlink_to("/bin/uname")
    pretend(tmp_path, "python3", "echo is Python 3.9, and lct needs 3.11 to 3.14")
    pretend(tmp_path, "python3.14", "exit 127")  # like pyenv's shims for a missing version
    (tmp_path / "python3.12").symlink_to(sys.executable)
    assert find_python(path=str(tmp_path)).stdout == "python3.12\n"


def test_make_says_in_one_sentence_why_no_python_fits(tmp_path: Path) -> None:
    (tmp_path / "uname").symlink_to("/bin/uname")
    none = find_python(path=str(tmp_path))
    assert none.returncode == 1
    assert none.stderr == "lct: there is no python3 here; install Python 3.11 to 3.14.\n"
    pretend(tmp_path, "python3", "echo is Python 3.9, and lct needs 3.11 to 3.14")
    old = find_python(path=str(tmp_path))
    assert old.returncode == 1
    assert old.stderr == "lct: python3 is Python 3.9, and lct needs 3.11 to 3.14.\n"


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        ("sys.version_info = (3, 10, 9)", "is Python 3.10, and lct needs 3.11 to 3.14"),
        ("sys.version_info = (3, 15, 0)", "is Python 3.15, and lct needs 3.11 to 3.14"),
        (f"{READY}; sys.platform = 'darwin'; sys.version_info = (3, 11)", "lct needs 3.12 to"),
        ("sys.maxsize = 2**31 - 1", "lct needs a 64-bit Intel or ARM system"),
        ("import platform; platform.machine = lambda: 'armv7l'", "runs on armv7l"),
        ("import platform; platform.python_implementation = lambda: 'PyPy'", "usual build"),
        ("sys.modules['ensurepip'] = None", "apt install python3-venv"),
        ("import sysconfig; sysconfig.get_config_var = {'EXT_SUFFIX': '-musl.so'}.get", "musl"),
    ],
)
def test_make_says_why_a_python_cannot_run_lct(patch: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import sys\n{patch}\n")
    pretend(tmp_path, "python", f'PYTHONPATH="{tmp_path}" exec "{sys.executable}" "$@"')
    done = find_python(str(tmp_path / "python"))
    assert done.returncode == 1
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


def test_windows_is_sent_to_wsl_at_once(tmp_path: Path) -> None:
    pretend(tmp_path, "uname", "echo MINGW64_NT-10.0")
    done = find_python(path=str(tmp_path))
    assert done.returncode == 1
    assert "use WSL" in done.stderr


# --- licences -------------------------------------------------------------------------------------

# Licences allowed in a distributed image. MPL-2.0 requires nothing while its files are unchanged.
PERMISSIVE = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|ZPL|0BSD|MPL|Mozilla Public License"
)
# This classifier only means "and another one": the BSD licence is in the package.
EXCEPT = {("qrcode", "Other/Proprietary License")}


def licences(package: str) -> list[str]:
    """The licences that the installed package declares."""
    about = metadata.metadata(package)
    if expression := about.get("License-Expression"):
        return re.split(r" (?:AND|OR) ", expression)
    classifiers = about.get_all("Classifier") or []
    found = [each.split(" :: ")[-1] for each in classifiers if each.startswith("License")]
    return found or [(about.get("License") or "").splitlines()[0]]


@pytest.mark.parametrize("name", NAMES[:2])
def test_every_shipped_package_has_a_permissive_licence(name: str) -> None:
    for package in locked(name):
        for licence in licences(package):
            fine = PERMISSIVE.search(licence) and not re.search(r"GPL|GNU", licence)
            assert fine or (package, licence) in EXCEPT, f"{package}: {licence}"


def test_a_licence_that_is_not_permissive_is_found() -> None:
    assert [each for each in licences("yamllint") if not PERMISSIVE.search(each)]


# --- the bill of materials ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    return sbom.bom()


def faults(bill: dict[str, Any]) -> Any:
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill))


def test_the_bill_fits_the_cyclonedx_schema(bill: dict[str, Any]) -> None:
    assert faults(bill) is None
    assert faults({**bill, "components": [{"type": "library"}]})


def test_the_bill_lists_installed_and_vendored_packages(bill: dict[str, Any]) -> None:
    listed = {each["purl"]: each for each in bill["components"]}
    assert len(listed) == len(bill["components"])
    shipped = [*pins("requirements"), *pins("requirements-tracing")]
    python = {f"pkg:pypi/{pin.package}@{pin.version}" for pin in shipped}
    assert {purl for purl in listed if purl.startswith("pkg:pypi/")} == python
    vendored = {purl.rpartition("/")[2] for purl in listed if purl.startswith("pkg:npm/")}
    assert len(vendored) == len(list((ROOT / "static/vendor").iterdir()))
    assert "htmx.org@4.0.1" in vendored
    assert sbom.bom() == bill


# --- secrets --------------------------------------------------------------------------------------

# Files of hashes or encoded data. Other tests compare the hashes with their sources.
HASHES = re.compile(
    r"\.lock$|/SHA384$|^static/vendor/|\.png$|\.svg$|\.woff2$|^tests/data/draw-v2\.json$"
)
# Known false positives: an alphabet, and passwords that tests make up.
SEEN = {
    ("lct/domain/values.py", "Base64 High Entropy String"),
    ("tests/test_config.py", "Basic Auth Credentials"),
    ("tests/test_observability.py", "Basic Auth Credentials"),
    ("tests/test_webhook_addresses.py", "Basic Auth Credentials"),
}


def scan(folder: Path, files: list[str]) -> set[tuple[str, str]]:
    """(file, kind of secret). Words such as "password" are not searched for: dozens are followed by
    names of variables. tests/test_deploy.py checks the files where it matters."""
    tool = Path(sys.executable).parent / "detect-secrets"
    command = [tool, "scan", "--no-verify", "--disable-plugin", "KeywordDetector", *files]
    # Skip lines that no pattern can match: the same findings in half the time.
    environ = {**os.environ, "DETECT_SECRETS_PERF_PREGATE": "1"}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True, env=environ
    )
    results = json.loads(done.stdout)["results"]
    return {(file, each["type"]) for file, found in results.items() for each in found}


def test_no_file_has_a_secret() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    files = [file for file in listed if not HASHES.search(file) and (ROOT / file).is_file()]
    assert len(files) > 200
    assert scan(ROOT, files) == SEEN, "mark a false positive with `# pragma: allowlist secret`"


PLANTED = {
    "a key": lambda: f'LCT_SECRET_KEY = "{secrets.token_hex(32)}"',
    "a password in an address": lambda: "uri: mongodb://lct:" + "Tr0ub4dor@db.example/",
    "a private key": lambda: "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "MIIEowIBAAKCAQEA" * 4,
    "a GitHub token": lambda: "token: ghp_" + secrets.token_hex(18),
    "an Amazon key": lambda: "AKIA" + "IOSFODNN7EXAMPLQ",
    "an Azure storage key": lambda: "AccountKey=" + "Ab1+" * 21 + "Ab==",
}


def test_a_planted_secret_is_found(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("name: lct\n")
    for what, made in PLANTED.items():
        (tmp_path / f"{what}.py").write_text(made() + "\n")
    found = {file for file, _ in scan(tmp_path, [path.name for path in tmp_path.iterdir()])}
    assert found == {f"{what}.py" for what in PLANTED}
