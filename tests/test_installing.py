"""How to install an extra: the command fits the way the package came, in messages and on pages."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from openrouter_adapter import installing
from openrouter_adapter.doctor import installation

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "openrouter_adapter"
PAGES = sorted(
    {
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *(one for one in (ROOT / "cookbook").rglob("*") if one.suffix in {".md", ".py", ".yaml"}),
        *(ROOT / "cookbook").glob("*.ipynb"),
    }
    - {ROOT / "CHANGELOG.md"}
)
OURS = "openrouter-adapter"


def came(monkeypatch: pytest.MonkeyPatch, folder: Path, record: Any) -> None:
    """Have the package installed from somewhere: a real `dist-info` in a folder, found first."""
    info = folder / "openrouter_adapter-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {OURS}\nVersion: 9.9\n")
    if record is not None:
        text = record if isinstance(record, str) else json.dumps(record)
        (info / "direct_url.json").write_text(text)
    monkeypatch.syspath_prepend(str(folder))
    assert metadata.version(OURS) == "9.9"


@pytest.mark.parametrize("record", [None, "not json", "[]", '{"url": 1}'])
def test_a_published_version_is_named(
    record: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    came(monkeypatch, tmp_path, record)

    assert installing.command("ray") == f"pip install {quoted(f'{OURS}[ray]')}"
    assert installing.command() == f"pip install {OURS}"
    assert (installing.checkout(), installing.source()) == (None, "an index of packages")


def quoted(text: str) -> str:
    mark = '"' if os.name == "nt" else "'"
    return f"{mark}{text}{mark}"


@pytest.mark.parametrize("editable", [False, True])
def test_a_checkout_is_named_by_its_folder(
    editable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = tmp_path / "a checkout"
    checkout.mkdir()
    came(monkeypatch, tmp_path, {"url": checkout.as_uri(), "dir_info": {"editable": editable}})

    edit = "-e " if editable else ""
    assert installing.checkout() == checkout
    assert installing.source() == f"the checkout {checkout}"
    assert installing.command("account", "ray") == (
        f"pip install {edit}{quoted(f'{checkout}[account,ray]')}"
    )
    monkeypatch.chdir(checkout)
    assert installing.command("ray") == f"pip install {edit}{quoted('.[ray]')}"
    assert installing.command() == f"pip install {edit}."


def test_a_repository_and_an_archive_are_named_by_their_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = {"vcs": "git", "commit_id": "abc"}
    came(monkeypatch, tmp_path, {"url": "https://git.example/it.git", "vcs_info": version})
    wanted = quoted(f"{OURS}[ray] @ git+https://git.example/it.git@abc")
    assert installing.command("ray") == f"pip install {wanted}"

    wheel = {"url": "file:///tmp/it.whl", "archive_info": {}}
    (tmp_path / "openrouter_adapter-9.9.dist-info" / "direct_url.json").write_text(
        json.dumps(wheel)
    )
    assert installing.command() == f"pip install {quoted(f'{OURS} @ file:///tmp/it.whl')}"
    assert installing.source() == "file:///tmp/it.whl"


@pytest.mark.parametrize("name", ["it's here", "plain", "a $HOME"])
@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell's words")
def test_a_shell_reads_the_folder_as_one_word(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    came(monkeypatch, tmp_path, {"url": (tmp_path / name).as_uri(), "dir_info": {}})

    assert shlex.split(installing.command("ray")) == ["pip", "install", f"{tmp_path / name}[ray]"]


def test_the_doctor_knows_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    came(monkeypatch, tmp_path, None)
    first = next(installation.versions())
    assert first.text.endswith(", installed from an index of packages")

    (tmp_path / "openrouter_adapter-9.9.dist-info" / "direct_url.json").write_text(
        json.dumps({"url": tmp_path.as_uri(), "dir_info": {}})
    )
    assert next(installation.versions()).text.endswith(f", installed from the checkout {tmp_path}")


def commands_of(page: Path) -> Iterator[tuple[str, str]]:
    """Each line with `pip install`, and what is installed there."""
    for line in page.read_text("utf-8").splitlines():
        for rest in re.findall(r"pip install ([^`#]*)", line):
            yield line, rest


def our_extras(requirement: str) -> list[str]:
    """The extras of this package that a command asks for."""
    found = re.findall(rf"(?<![\w.-])(?:\.|{OURS})\[([\w,-]+)\]", requirement)
    return [name for names in found for name in names.split(",")]


def test_the_walk_finds_the_commands() -> None:
    pages = {page.name for page in PAGES if list(commands_of(page))}
    assert {"README.md", "account.md", "scale.md", "proxy.md", "account.py"} <= pages


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_install_from_a_checkout_and_say_what_is_for_a_published_version(page: Path) -> None:
    extras = metadata.metadata(OURS).get_all("Provides-Extra") or []
    for line, rest in commands_of(page):
        # Nothing has been published under the name yet, so it never stands alone.
        if OURS in rest:
            assert "published" in line, line
            assert re.search(r"pip install [^`]*(?<![\w'])'?\.(\[|'|`|\s)", line), line
        assert set(our_extras(rest)) <= set(extras), line
        for word in re.findall(r"\S*\[\S*", rest):
            assert word[0] in "'\"", f"zsh takes {word} for a pattern: {line}"


def test_messages_take_the_command_from_one_function() -> None:
    found = []
    for file in SOURCES.rglob("*.py"):
        if file.name == "installing.py":
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found += [(file.name, node.value)] if "pip install" in node.value else []
    # Of other packages, and for another interpreter with what the launcher says.
    assert {name for name, _ in found} <= {"sitecustomize.py", "installation.py"}
    assert not [text for _, text in found if OURS in text]


def test_each_message_names_an_extra_that_there_is() -> None:
    extras = metadata.metadata(OURS).get_all("Provides-Extra") or []
    named = set()
    for file in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "installing.command":
                named |= {one.value for one in node.args if isinstance(one, ast.Constant)}
    assert named == {"account", "caching", "parquet", "postgres", "ray", "report"}
    assert named <= set(extras)
