"""No locked package has a vulnerability that was known when .ci/advisories.json was made."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from . import advisories


@pytest.fixture(scope="module")
def snapshot() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(advisories.SNAPSHOT.read_text())
    return read


# --- the locks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", advisories.LOCKS)
def test_no_locked_package_has_a_known_vulnerability(lock: str, snapshot: dict[str, Any]) -> None:
    found = advisories.found(advisories.locked(lock), snapshot)
    assert not found, "upgrade what has one: `make lock UPGRADE=1`"


@pytest.mark.parametrize("lock", advisories.LOCKS)
def test_every_locked_package_was_looked_at(lock: str, snapshot: dict[str, Any]) -> None:
    missing = advisories.locked(lock).keys() - snapshot["packages"]
    assert not missing, "new since the snapshot was made: `make advisories`"


def test_every_line_of_a_lock_is_read() -> None:
    for lock in advisories.LOCKS:
        lines = (advisories.ROOT / lock).read_text().splitlines()
        assert len(advisories.locked(lock)) == sum(line[:1].isalnum() for line in lines) > 0


# --- the snapshot ---------------------------------------------------------------------------------


def test_the_snapshot_is_facts_with_a_date_and_sources(snapshot: dict[str, Any]) -> None:
    assert snapshot["newest"] >= "2024-09-09"
    assert any("pypa/advisory-database, CC-BY-4.0" in each for each in snapshot["sources"])
    assert snapshot["packages"] == sorted(set(snapshot["packages"]))
    for advisory in snapshot["advisories"]:
        assert advisory.keys() <= {"id", "aliases", "withdrawn", "affected"}
        for part in advisory["affected"]:
            assert part["package"] in snapshot["packages"]
            advisories.affects(part, "1.0")  # every bound can be read


@pytest.mark.parametrize(
    ("package", "vulnerable", "fixed", "known"),
    [
        ("flask", "2.2.4", "2.2.5", "PYSEC-2023-62"),
        ("flask", "2.3.0", "2.3.2", "PYSEC-2023-62"),
        ("flask-cors", "4.0.0", "4.0.1", "GHSA-84pr-m4jr-85g5"),
        ("jinja2", "2.11.2", "2.11.3", "PYSEC-2021-66"),
        ("pymongo", "4.6.2", "4.6.3", "GHSA-m87m-mmvp-v9qm"),
        ("redis", "4.4.2", "4.4.3", "PYSEC-2023-45"),
        ("werkzeug", "3.0.0", "3.0.1", "PYSEC-2023-221"),
    ],
)
def test_an_old_version_is_found_and_the_one_that_mended_it_is_not(
    package: str, vulnerable: str, fixed: str, known: str, snapshot: dict[str, Any]
) -> None:
    for version, expected in ((vulnerable, True), (fixed, False)):
        found = advisories.found({package: version}, snapshot)
        assert any(f"{package} {version}: {known}" in each for each in found) is expected


# --- OSV's rule -----------------------------------------------------------------------------------


def events(text: str) -> list[dict[str, str]]:
    kinds = {"+": "introduced", "-": "fixed", "=": "last_affected"}
    return [{kinds[each[0]]: each[1:]} for each in text.split()]


@pytest.mark.parametrize(
    ("ranges", "inside", "outside"),
    [
        ("+0 -2.0", "0 0.0a1 0.1 1.10 2.0rc1 2.0.dev1", "2.0 2.0.0 2.0.post1 2.1 10.0"),
        ("+1.2 =1.4", "1.2 1.2.0 1.3 1.4 1.4.0", "1.1 1.2rc1 1.4.post1 1.4.1 1.10"),
        ("+1.5", "1.5 2.0 1!0.1", "1.4 1.5b1"),
        ("+0 -1.6.2 +1.7 -1.7.4", "1.6.1 1.7 1.7.3", "1.6.2 1.6.9 1.7.4 2.0"),
        ("+1.7 -1.7.4 +0 -1.6.2", "1.6.1 1.7 1.7.3", "1.6.2 1.6.9 1.7.4 2.0"),  # in any order
        ("+2.0 =2.2 +3.0 -3.1", "2.2 3.0", "1.9 2.3 3.1"),
        ("+1.0 =1.0", "1.0", "0.9 1.0.post1 1.1"),
        ("=1.0 +1.0", "1.0", "0.9 1.0.post1 1.1"),
        ("+1.0 -2.0 +2.0 -3.0", "1.0 2.0 2.9", "0.9 3.0"),
        ("+5.1 -5.2b1", "5.1 5.2a9", "5.2b1 5.2"),
        ("", "", "1.0"),
    ],
)
def test_a_version_is_inside_from_introduced_until_fixed(
    ranges: str, inside: str, outside: str
) -> None:
    part = {"ranges": [events(ranges)]}
    for version in inside.split():
        assert advisories.affects(part, version), version
    for version in outside.split():
        assert not advisories.affects(part, version), version


def test_one_of_several_ranges_is_enough_and_so_is_a_listed_version() -> None:
    part = {"ranges": [events("+1.0 -1.1"), events("+2.0 -2.1")]}
    assert [advisories.affects(part, each) for each in ("1.0", "1.5", "2.0")] == [True, False, True]
    part = {"versions": ["1.0", "2.0rc1", "of old"]}
    assert [advisories.affects(part, each) for each in ("1", "2.0-rc.1", "2.0")] == [
        True, True, False,
    ]  # fmt: skip


# --- making one -----------------------------------------------------------------------------------


def record(name: str, package: str, ranges: str = "+0 -2.0", **more: Any) -> dict[str, Any]:
    """As OSV exports it, with more than is of use here."""
    affected = {
        "package": {"ecosystem": "PyPI", "name": package, "purl": f"pkg:pypi/{package}"},
        "ranges": [
            {"type": "GIT", "repo": "https://example.org", "events": [{"introduced": "0"}]},
            {"type": "ECOSYSTEM", "events": events(ranges)},
        ],
        "versions": ["1.0", "1.10"],
    }
    about = {"summary": "Words", "details": "Many words", "modified": "2026-01-02T03:04:05Z"}
    return {"id": name, **about, "affected": [affected], **more}


RECORDS = [
    record("PYSEC-2026-1", "Flask_Sock", aliases=["GHSA-1", "CVE-1"]),
    record("PYSEC-2026-2", "flask-sock", "+0", withdrawn="2026-02-03T00:00:00Z"),
    record("PYSEC-2026-3", "another", modified="2026-05-06T07:08:09Z"),
    record("GHSA-4", "six", "+1.0 =1.10"),
    {
        "id": "GHSA-6",
        "modified": "2026-01-01T00:00:00Z",
        "affected": [{"package": {"ecosystem": "npm", "name": "six"}, "versions": ["1.20"]}],
    },
    {
        "id": "MAL-5",
        "modified": "2026-01-01T00:00:00Z",
        "affected": [{"package": {"ecosystem": "PyPI", "name": "six"}, "versions": ["1.20"]}],
    },
]


@pytest.fixture(params=["zip", "json", "yaml"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    kind = request.param
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "all.zip", "w") as export:
            for each in RECORDS:
                export.writestr(f"{each['id']}.json", json.dumps(each))
        return tmp_path / "all.zip"
    for each in RECORDS:
        folder = tmp_path / "vulns" / each["affected"][0]["package"]["name"]
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(each)
        if kind == "yaml":  # as the PyPA writes it: what looks like a number is none
            text = text.replace('"1.20"', "1.20").replace('"1.10"', "1.10")
        (folder / f"{each['id']}.{kind}").write_text(text)
    return tmp_path / "vulns"


def test_a_snapshot_is_made_of_records(source: Path) -> None:
    made = advisories.snapshot(advisories.records(source), {"six", "flask-sock", "quiet"})
    assert made["newest"] == "2026-05-06"
    assert made["packages"] == ["flask-sock", "quiet", "six"]
    assert [each.split("/")[3] for each in made["sources"]] == ["github", "ossf", "pypa"]
    ids = [each["id"] for each in made["advisories"]]
    assert ids == ["GHSA-4", "MAL-5", "PYSEC-2026-1", "PYSEC-2026-2"]
    assert made["advisories"][2] == {
        "id": "PYSEC-2026-1",
        "aliases": ["CVE-1", "GHSA-1"],
        "affected": [{"package": "flask-sock", "ranges": [events("+0 -2.0")]}],
    }
    assert "ords" not in advisories.as_text(made)
    assert json.loads(advisories.as_text(made)) == made


def test_a_snapshot_that_was_made_finds_what_it_was_made_of(source: Path) -> None:
    made = advisories.snapshot(advisories.records(source), {"six", "flask-sock"})
    found = advisories.found({"flask-sock": "1.10", "six": "1.20", "quiet": "1"}, made)
    assert found == ["six 1.20: MAL-5", "flask-sock 1.10: PYSEC-2026-1 CVE-1 GHSA-1"]
    assert advisories.found({"flask-sock": "2.0", "six": "1.11"}, made) == []
