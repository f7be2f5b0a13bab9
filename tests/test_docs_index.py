"""A reader finds every page and recipe in two clicks, and no link of the docs is dead."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
INDEX = DOCS / "README.md"
COOKBOOK = ROOT / "cookbook" / "README.md"
PROJECT = {COOKBOOK, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"}
PAGES = sorted([*DOCS.glob("*.md"), *PROJECT, ROOT / "README.md"])
# A target in parentheses after a text in brackets, outside of code blocks.
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")
# A file, or a dotted name, of the package.
NAMED = re.compile(
    r"`((?:openrouter_adapter|tests|scripts|bench)/[\w/]+\.\w+|openrouter_adapter(?:\.\w+)+)"
)
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def links(page: Path) -> list[tuple[Path, str]]:
    """Return the files that a page links to, each with the anchor in it or an empty text."""
    found = []
    for target in LINK.findall(CODE.sub("", page.read_text("utf-8"))):
        path, _, anchor = target.partition("#")
        found.append(((page.parent / path).resolve() if path else page, anchor))
    return found


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of a page's headings as GitHub makes them."""
    text = CODE.sub("", page.read_text("utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return frozenset(
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in links(page):
        assert target.exists(), f"{target} is not there"
        if anchor:
            assert anchor in anchors(target), f"{target.name} has no #{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_and_name_of_the_package_that_a_page_names_is_there(page: Path) -> None:
    for name in NAMED.findall(page.read_text("utf-8")):
        # The changelog names what was.
        if page.name != "CHANGELOG.md":
            assert (ROOT / name).exists() if "/" in name else is_there(name), name


def is_there(name: str) -> bool:
    """Whether a module or an attribute of one is there, without importing it."""
    place = ROOT
    for step in name.split("."):
        if (place / step).is_dir():
            place /= step
        elif (place / f"{step}.py").is_file():
            place /= f"{step}.py"
        else:
            file = place / "__init__.py" if place.is_dir() else place
            return re.search(rf"\b{step}\b", file.read_text("utf-8")) is not None
    return True


def test_the_index_has_every_page() -> None:
    listed = {target for target, _ in links(INDEX)}
    assert listed == {*DOCS.glob("*.md"), *PROJECT} - {INDEX}


def test_the_cookbook_has_every_recipe() -> None:
    listed = {target for target, _ in links(COOKBOOK)}
    folder = COOKBOOK.parent
    assert listed >= {*folder.glob("*.py"), *folder.glob("*.ipynb")}


def test_an_entry_of_the_index_says_what_the_page_is_about() -> None:
    for line in INDEX.read_text("utf-8").splitlines():
        if line.startswith("| [") and not line.startswith("| [page"):
            _, about = line.strip("| ").split(" | ")
            assert len(about) > 10


def test_the_readme_leads_to_the_index_and_to_the_cookbook() -> None:
    listed = {target for target, _ in links(ROOT / "README.md")}
    assert listed >= {INDEX, COOKBOOK}
