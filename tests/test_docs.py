"""README and docs: every link has a target, and the lists are complete."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from lct.cli import main
from lct.config import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def section(title: str) -> str:
    """The README's text below a title, up to the next title of its level or above."""
    level, _, _ = title.partition(" ")
    _, found, rest = README.partition(f"\n{title}\n")
    assert found, title
    return re.split(rf"(?m)^#{{1,{len(level)}}} ", rest)[0]


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub derives from a page's titles."""
    titles = re.findall(r"(?m)^#+ (.+)$", page.read_text())
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_an_existing_file_and_title(page: Path) -> None:
    for target in re.findall(r"\]\(((?!https?:)[^)\s]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        file = (page.parent / name) if name else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_the_readme_links_to_every_page() -> None:
    linked = set(re.findall(r"\]\(docs/([\w.]+\.md)", section("## More")))
    assert linked == {page.name for page in PAGES if page.parent.name == "docs"}
    operators = section("## On real servers")
    assert {"docs/deploy.md", "docs/operations.md"} <= set(
        re.findall(r"\]\((docs/\w+\.md)", operators)
    )


def test_the_readme_lists_every_setting_with_its_default() -> None:
    rows = re.findall(r"(?m)^\| (`LCT_.*?) \| (.*?) \|", section("## Settings"))
    told = {name: cell for names, cell in rows for name in re.findall(r"`(LCT_\w+)`", names)}
    settings = {each.metadata["variable"]: each.default for each in fields(Settings)}
    assert set(told) == set(settings)
    del settings["LCT_VAR"]  # tests/test_config.py
    for folder in ("`var/`", "`~/.local/share/lct`", "`~/Library/Application Support/lct`"):
        assert folder in told["LCT_VAR"]
    for name, default in settings.items():
        if default is MISSING:
            assert told[name].startswith("required"), name
        elif default in (None, ""):
            assert re.match(r"not set|`http://127", told[name]), name
        else:
            shown = f"{default:g}" if isinstance(default, float) else str(default).lower()
            assert f"`{shown}" in told[name].lower(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_named_in_a_page_exists(page: Path) -> None:
    named = set(re.findall(r"(?:`|bin/)lct ([a-z][a-z-]+)", page.read_text()))
    assert named <= set(main.commands)


def test_the_layout_names_the_files_that_operators_need() -> None:
    layout = section("### Layout")
    for name in ("Dockerfile", "docker-compose.yml", "kube/", "azure-pipelines.yml", "lct/web/"):
        assert name in layout
        assert (ROOT / name).exists()
