"""Known vulnerabilities of the locked packages, from a snapshot that needs no network.

`python -m tests.advisories [FROM]` makes the snapshot anew, of OSV's export of PyPI's records, or
of another zip or folder of such: `vulns` in a checkout of the PyPA advisory database is one. Only
facts are taken over, no descriptions. The format is https://ossf.github.io/osv-schema/.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from packaging.utils import canonicalize_name, canonicalize_version
from packaging.version import Version

ROOT = Path(__file__).parent.parent
SNAPSHOT = ROOT / ".ci/advisories.json"
LOCKS = ("requirements.lock", "requirements-tracing.lock", "requirements-dev.lock")
EXPORT = "https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip"
# Whose records they are, by the beginning of their ids.
SOURCES = {
    "GHSA": "https://github.com/github/advisory-database, CC-BY-4.0",
    "MAL": "https://github.com/ossf/malicious-packages, Apache-2.0",
    "PYSEC": "https://github.com/pypa/advisory-database, CC-BY-4.0",
}
BOUNDS = ("fixed", "introduced", "last_affected")  # not "limit", which is for commits


def locked(lock: str) -> dict[str, str]:
    """Package -> version."""
    pins = re.findall(r"(?m)^([\w.-]+)==([^\s;\\]+)", (ROOT / lock).read_text())
    return {canonicalize_name(name): version for name, version in pins}


# --- comparing ------------------------------------------------------------------------------------


def found(pinned: Mapping[str, str], snapshot: dict[str, Any]) -> list[str]:
    """A line for each package and advisory that its version falls under."""
    lines = []
    for advisory in snapshot["advisories"]:
        parts = [each for each in advisory["affected"] if each["package"] in pinned]
        hit = {each["package"] for each in parts if affects(each, pinned[each["package"]])}
        if "withdrawn" not in advisory:
            names = " ".join([advisory["id"], *advisory["aliases"]])
            lines += [f"{name} {pinned[name]}: {names}" for name in sorted(hit)]
    return lines


def affects(part: dict[str, Any], version: str) -> bool:
    """OSV's rule (the schema's section "Evaluation"): a listed version, or inside of a range."""
    listed = {canonicalize_version(each) for each in part.get("versions", [])}
    return canonicalize_version(version) in listed or any(
        _inside(events, version) for events in part.get("ranges", [])
    )


def _inside(events: list[dict[str, str]], version: str) -> bool:
    here, inside = _place(version), False
    for event in sorted(events, key=_when):
        [(kind, bound)] = event.items()
        if kind == "last_affected":
            inside = inside and here <= _place(bound)
        elif here >= _place(bound):
            inside = kind == "introduced"
    return inside


def _when(event: dict[str, str]) -> tuple[tuple[bool, Version], int]:
    """By version. At the same one: a branch is fixed, the next begins, and may end at once."""
    [(kind, bound)] = event.items()
    return _place(bound), BOUNDS.index(kind)


def _place(version: str) -> tuple[bool, Version]:
    """Where a version stands in the order; "0" is before all others, pre-releases of 0 too."""
    return version != "0", Version(version)


# --- making ---------------------------------------------------------------------------------------


def snapshot(records: Iterable[dict[str, Any]], packages: Iterable[str]) -> dict[str, Any]:
    """What is known of the packages; `newest` is the day of the newest record, whoever's it is."""
    looked_at, newest, kept = sorted(packages), "", {}
    for record in records:
        newest = max(newest, record["modified"][:10])
        parts = [_part(each) for each in record.get("affected", []) if _is_pypi(each)]
        if parts := [each for each in parts if each["package"] in looked_at]:
            facts = {"id": record["id"], "aliases": sorted(record.get("aliases", []))}
            if "withdrawn" in record:
                facts["withdrawn"] = record["withdrawn"]
            kept[record["id"]] = facts | {"affected": parts}
    sources = {SOURCES.get(each.partition("-")[0], "https://osv.dev") for each in kept}
    made = {"newest": newest, "sources": sorted(sources), "packages": looked_at}
    return made | {"advisories": [kept[each] for each in sorted(kept)]}


def _is_pypi(affected: dict[str, Any]) -> bool:
    """A record in PyPI's export may tell of npm's packages too, some with the same name."""
    return bool(affected.get("package", {}).get("ecosystem") == "PyPI")


def _part(affected: dict[str, Any]) -> dict[str, Any]:
    """One entry, without ranges of commits, and without versions where there are ranges."""
    ranges = [
        [event for event in each["events"] if event.keys() <= set(BOUNDS)]
        for each in affected.get("ranges", [])
        if each["type"] != "GIT"
    ]
    told = {"ranges": ranges} if ranges else {"versions": affected.get("versions", [])}
    return {"package": canonicalize_name(affected["package"]["name"]), **told}


def records(source: Path) -> Iterator[dict[str, Any]]:
    """Every record in a zip of JSON files, or in a folder of JSON and YAML files."""
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.suffix in {".json", ".yaml"}:
                # All as text: the version 1.10 is no number.
                yield yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
    else:
        with zipfile.ZipFile(source) as export:
            for name in export.namelist():
                yield json.loads(export.read(name))


def as_text(made: dict[str, Any]) -> str:
    """JSON with a line for each package and each advisory, so that changes can be read."""
    lines = ",\n".join(f"  {json.dumps(each)}" for each in made["advisories"])
    return json.dumps(made | {"advisories": None}, indent=1).replace("null", f"[\n{lines}\n ]")


def main(source: Path) -> None:
    made = snapshot(records(source), {name for lock in LOCKS for name in locked(lock)})
    SNAPSHOT.write_text(as_text(made) + "\n", encoding="utf-8")
    told = f"{len(made['advisories'])} advisories for {len(made['packages'])} packages"
    print(f"{told}; the newest record is of {made['newest']}")


if __name__ == "__main__":
    if sys.argv[1:]:
        main(Path(sys.argv[1]))
    else:
        with tempfile.NamedTemporaryFile() as file:
            with urllib.request.urlopen(EXPORT, timeout=60) as answer:
                shutil.copyfileobj(answer, file)
            file.flush()
            main(Path(file.name))
