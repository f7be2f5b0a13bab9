"""Assembles the pages of the documentation site: `assemble.py FOLDER`.

On GitHub a page of docs/ may link to any file of the repository, such as a program of the cookbook.
In the site each of those files becomes a page too. The navigation is the index in docs/README.md.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
# Code, which is left alone, or the target of a link to a file.
_LINK: Final = re.compile(
    r"^(`{3,}).*?^\1|`[^`\n]*`|\]\((?![a-z]+:|#)(?P<path>[^)\s#]+)", re.MULTILINE | re.DOTALL
)
_SECTION: Final = re.compile(r"\*\*(.+)\*\*")
_ROW: Final = re.compile(r"\| \[(.+?)\]\((\S+?)\) \|.*")


def navigation(index: str) -> list[dict[str, Any]]:
    """The navigation that the tables of docs/README.md describe: a section for each."""
    found: list[dict[str, Any]] = [{"Home": "README.md"}]
    pages: list[dict[str, str]] = []
    for line in index.splitlines():
        if section := _SECTION.fullmatch(line):
            pages = []
            found.append({section[1]: pages})
        elif row := _ROW.fullmatch(line):
            pages.append({row[1]: address(normpath(f"docs/{row[2]}"))})
    return found


def address(path: str) -> str:
    """The path in the site of a file of the repository, as Markdown."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path == "README.md":
        return "overview.md"  # docs/README.md is the site's index
    return path if path.endswith(".md") else f"{path}.md"


def page(path: str) -> tuple[str, set[str]]:
    """The Markdown of a file's page, and the existing files that it links to.

    Args:
        path: The file, relative to the repository.
    """
    text = (ROOT / path).read_text("utf-8")
    if not path.endswith(".md"):
        language = PurePosixPath(path).suffix.removeprefix(".")
        return f"# {path}\n\n``````{language}\n{text.rstrip()}\n``````\n", set()
    linked: set[str] = set()

    def pointed(link: re.Match[str]) -> str:
        target = normpath(PurePosixPath(path).parent / (link["path"] or "."))
        if not link["path"] or not (ROOT / target).is_file():
            return link[0]  # code, or a dead link, which the build reports
        linked.add(target)
        return f"]({relpath(address(target), PurePosixPath(address(path)).parent)}"

    return _LINK.sub(pointed, text), linked


def pages() -> dict[str, str]:
    """All pages of the site by their addresses: those of docs/, and what these link to."""
    found: dict[str, str] = {}
    waiting = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")}
    while waiting:
        path = waiting.pop()
        found[address(path)], linked = page(path)
        waiting |= {link for link in linked if address(link) not in found}
    return found


def main(folder: Path) -> None:
    """Writes the pages and the settings of the site into a folder, in place of what is there."""
    shutil.rmtree(folder, ignore_errors=True)
    for target, text in pages().items():
        file = folder / "pages" / target
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    assets = folder / "pages" / "assets"
    assets.mkdir()
    shutil.copy(Path(__file__).with_name("iframe-worker.js"), assets)
    settings = Path(__file__).with_name("mkdocs.yml").read_text("utf-8")
    index = navigation((ROOT / "docs" / "README.md").read_text("utf-8"))
    # JSON is YAML.
    (folder / "mkdocs.yml").write_text(f"{settings}\nnav: {json.dumps(index)}\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
