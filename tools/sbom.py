"""The software bill of materials, as CycloneDX JSON: `make sbom`.

Lists the packages of the two locks that the image installs, read by cyclonedx-py, and the files in
static/vendor.
"""

from __future__ import annotations

import base64
import configparser
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from lct import __version__

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.lock", "requirements-tracing.lock")
# Folder in static/vendor, without its version -> npm package and licence.
VENDORED = {
    "barlow-condensed": ("%40fontsource/barlow-condensed", "OFL-1.1"),
    "htmx": ("htmx.org", "0BSD"),
    "js-sha256": ("js-sha256", "MIT"),
    "qr": ("qr", "MIT"),
    "swagger-ui": ("swagger-ui-dist", "Apache-2.0"),
}


def bom() -> dict[str, Any]:
    """The document. The same files always give the same document."""
    parts = [part for lock in LOCKS for part in _locked(lock)]
    parts += [_vendored(folder) for folder in sorted((ROOT / "static/vendor").iterdir())]
    by_ref = {part["bom-ref"]: part for part in parts}
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    about = {name: setup["metadata"][name] for name in ("name", "description")}
    about |= {"version": __version__}
    licence = [{"expression": setup["metadata"]["license_expression"]}]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": about | {"type": "application", "bom-ref": "lct", "licenses": licence}
        },
        "components": list(by_ref.values()),
        "dependencies": [{"ref": "lct", "dependsOn": sorted(by_ref)}],
    }


def _locked(lock: str) -> list[dict[str, Any]]:
    command = ["requirements", lock, "--of", "JSON", "--sv", "1.6", "--output-reproducible"]
    command += ["--no-validate"]  # tests/test_supply.py checks the whole document
    tool = Path(sys.executable).parent / "cyclonedx-py"
    done = subprocess.run([tool, *command], cwd=ROOT, capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)["components"]
    for part in found:
        del part["description"]  # repeats the line of the lock
        part["bom-ref"] = part["purl"]
    return found


def _vendored(folder: Path) -> dict[str, Any]:
    name, _, version = folder.name.partition("@")
    package, licence = VENDORED[name]
    purl = f"pkg:npm/{package}@{version}"
    listed = re.findall(r"sha384-(\S+)\s+(\S+)", (folder / "SHA384").read_text())
    return {
        "type": "library",
        "bom-ref": purl,
        "name": package.replace("%40", "@"),
        "version": version,
        "purl": purl,
        "licenses": [{"license": {"id": licence}}],
        "components": [
            {
                "type": "file",
                "name": file,
                "hashes": [{"alg": "SHA-384", "content": base64.b64decode(digest).hex()}],
            }
            for digest, file in listed
        ],
    }


if __name__ == "__main__":
    print(json.dumps(bom(), indent=2))
