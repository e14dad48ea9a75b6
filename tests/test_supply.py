"""What lct is made of: pinned, hashed and licensed packages, a bill of them, and no secrets.

All of it works without a network. Known vulnerabilities are in test_advisories.py.
"""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement

from . import sbom

ROOT = Path(__file__).parent.parent
NAMES = ("requirements", "requirements-tracing", "requirements-dev")


# --- locks ----------------------------------------------------------------------------------------


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(name: str) -> dict[str, tuple[str, list[str]]]:
    """Package -> (version, hashes); fails at a line that is anything else."""
    text = (ROOT / f"{name}.lock").read_text()
    found = {}
    for entry in re.sub(r"(?m)^\s*#.*\n?", "", text).replace("\\\n", " ").splitlines():
        if entry.strip():
            exact = re.fullmatch(
                r"([a-z0-9][a-z0-9.-]*)==([\w.]+)(?: ; [^-]+)?((?:\s+--hash=\S+)*)\s*", entry
            )
            assert exact, entry
            found[plain(exact[1])] = (exact[2], exact[3].split())
    return found


def asked(name: str) -> list[Requirement]:
    """What a .in file asks for, and those that it includes."""
    lines = [line.strip() for line in (ROOT / f"{name}.in").read_text().splitlines()]
    included = [line.split()[1].removesuffix(".in") for line in lines if line.startswith("-r")]
    own = [Requirement(line) for line in lines if line and line[0] not in "#-"]
    return own + [each for other in included for each in asked(other)]


@pytest.mark.parametrize("name", NAMES)
def test_every_package_is_pinned_with_its_hashes(name: str) -> None:
    for package, (_, hashes) in locked(name).items():
        assert hashes, package
        for each in hashes:
            assert re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", each), package


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_is_what_its_in_file_asks_for(name: str) -> None:
    given = locked(name)
    for wanted in asked(name):
        version, _ = given[plain(wanted.name)]
        assert wanted.specifier.contains(version), f"`make lock`: {wanted} is {version}"


def test_what_is_tested_is_what_is_shipped() -> None:
    tested = locked("requirements-dev")
    for name in NAMES[:2]:
        for package, pinned in locked(name).items():
            assert tested[package] == pinned, package
    here = {plain(r.name) for r in asked("requirements-dev") if not r.marker or r.marker.evaluate()}
    elsewhere = {plain(r.name) for r in asked("requirements-dev")} - here
    for package, (version, _) in tested.items():
        if package in elsewhere:
            continue  # for another system than this one
        assert metadata.version(package) == version, f"{package}: the environment is an old one"


# --- licences -------------------------------------------------------------------------------------

# What may be in an image that is passed on. MPL-2.0 asks for nothing as long as its files are not
# changed.
PERMISSIVE = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|ZPL|0BSD|MPL|Mozilla Public License"
)
# A classifier that says no more than "and some other one": the BSD licence is in the package.
EXCEPT = {("qrcode", "Other/Proprietary License")}


def licences(package: str) -> list[str]:
    """What the installed package says of its licence."""
    about = metadata.metadata(package)
    if expression := about.get("License-Expression"):
        return re.split(r" (?:AND|OR) ", expression)
    classifiers = about.get_all("Classifier") or []
    found = [each.split(" :: ")[-1] for each in classifiers if each.startswith("License")]
    return found or [(about.get("License") or "").splitlines()[0]]


@pytest.mark.parametrize("name", NAMES[:2])
def test_what_is_shipped_has_a_permissive_licence(name: str) -> None:
    for package in locked(name):
        for licence in licences(package):
            fine = PERMISSIVE.search(licence) and not re.search(r"GPL|GNU", licence)
            assert fine or (package, licence) in EXCEPT, f"{package}: {licence}"


def test_a_licence_that_is_not_permissive_is_noticed() -> None:
    assert [each for each in licences("yamllint") if not PERMISSIVE.search(each)]


# --- the bill of materials ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    return sbom.bom()


def faults(bill: dict[str, Any]) -> Any:
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill))


def test_the_bill_fits_the_schema_of_cyclonedx(bill: dict[str, Any]) -> None:
    assert faults(bill) is None
    assert faults({**bill, "components": [{"type": "library"}]})


def test_the_bill_lists_what_the_image_installs_and_what_is_vendored(bill: dict[str, Any]) -> None:
    listed = {each["purl"]: each for each in bill["components"]}
    assert len(listed) == len(bill["components"])
    pinned = {**locked("requirements"), **locked("requirements-tracing")}
    python = {f"pkg:pypi/{name}@{version}" for name, (version, _) in pinned.items()}
    assert {purl for purl in listed if purl.startswith("pkg:pypi/")} == python
    vendored = {purl.rpartition("/")[2] for purl in listed if purl.startswith("pkg:npm/")}
    assert len(vendored) == len(list((ROOT / "static/vendor").iterdir()))
    assert "htmx.org@4.0.1" in vendored
    assert sbom.bom() == bill


# --- secrets --------------------------------------------------------------------------------------

# Hashes are what these files are made of; tests compare them with what they are of.
HASHES = re.compile(r"\.lock$|/SHA384$|^static/vendor/|\.png$|\.svg$|\.woff2$")
# Seen, and none: an alphabet, and passwords that tests make up.
SEEN = {
    ("lct/domain/values.py", "Base64 High Entropy String"),
    ("tests/test_config.py", "Basic Auth Credentials"),
    ("tests/test_observability.py", "Basic Auth Credentials"),
    ("tests/test_webhook_addresses.py", "Basic Auth Credentials"),
}


def scan(folder: Path, files: list[str]) -> set[tuple[str, str]]:
    """(file, kind of secret). Words such as "password" are not looked for: there are dozens, with
    names of variables behind them, and tests/test_deploy.py reads the files where it matters."""
    tool = Path(sys.executable).parent / "detect-secrets"
    command = [tool, "scan", "--no-verify", "--disable-plugin", "KeywordDetector", *files]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    results = json.loads(done.stdout)["results"]
    return {(file, each["type"]) for file, found in results.items() for each in found}


def test_no_file_has_a_secret() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    files = [file for file in listed if not HASHES.search(file) and (ROOT / file).is_file()]
    assert len(files) > 200
    assert scan(ROOT, files) == SEEN, "a new one that is none gets `# pragma: allowlist secret`"


PLANTED = {
    "a key": lambda: f'LCT_SECRET_KEY = "{secrets.token_hex(32)}"',
    "a password in an address": lambda: "uri: mongodb://lct:" + "Tr0ub4dor@db.example/",
    "a private key": lambda: "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "MIIEowIBAAKCAQEA" * 4,
    "a token of GitHub": lambda: "token: ghp_" + secrets.token_hex(18),
    "a key of Amazon": lambda: "AKIA" + "IOSFODNN7EXAMPLQ",
    "a key of Azure's storage": lambda: "AccountKey=" + "Ab1+" * 21 + "Ab==",
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_secret_is_found(what: str, tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("name: lct\n")
    (tmp_path / "notes.py").write_text(PLANTED[what]() + "\n")
    assert {file for file, _ in scan(tmp_path, ["config.yml", "notes.py"])} == {"notes.py"}
