"""CONTRIBUTING, CI and the documentation site describe the project as it is."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.browser import Browser

ROOT = Path(__file__).parents[1]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
PYPROJECT = (ROOT / "pyproject.toml").read_text("utf-8")
SCRIPT = re.compile(r"\bscripts/[\w-]+")
PYTHONS = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PYPROJECT)
SITE = ROOT / "build" / "site" / "html"
# The search is in a shadow root.
SHADOWS = (
    "const shadows = [...document.querySelectorAll('*')].map((e) => e.shadowRoot).filter(Boolean);"
)
SEARCH_BOX = (
    SHADOWS + "return shadows.map((s) => s.activeElement).find((e) => e?.tagName === 'INPUT')"
)
FOUND = SHADOWS + "return shadows.flatMap((s) => [...s.querySelectorAll('a')]).map((a) => a.href)"


def load(path: str) -> Any:
    """Return a module that is in no package."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


assemble = load("scripts/site/assemble.py")
external_links = load("scripts/site/external_links.py")
search = load("scripts/site/search.py")


class Answer(BaseHTTPRequestHandler):
    """Answers with the status that the path names."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/")))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def answering() -> Iterator[str]:
    """The address of a server that answers with the status that a path names."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_no_module_is_longer_than_400_lines() -> None:
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text("utf-8").splitlines())
        for file in (ROOT / "openrouter_adapter").rglob("*.py")
    }
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def workflow(name: str) -> dict[str, Any]:
    jobs: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows" / name).read_text())["jobs"]
    return jobs


def commands(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def test_every_script_that_contributing_names_can_be_run() -> None:
    named = set(SCRIPT.findall(CONTRIBUTING))
    assert named >= {"scripts/check", "scripts/test", "scripts/docs", "scripts/release"}
    for script in named:
        assert os.access(ROOT / script, os.X_OK), script


def test_every_file_that_contributing_names_is_there() -> None:
    named = re.findall(
        r"`((?:openrouter_adapter|tests|docs)/[\w./]+|[\w.]+\.(?:cfg|toml))`", CONTRIBUTING
    )
    assert len(named) > 10
    for path in named:
        assert (ROOT / path).exists(), path


def test_every_file_that_the_architecture_names_is_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    named = re.findall(r"`([\w/]+\.(?:py|cfg))`", page)
    package = {
        str(path.relative_to(ROOT / "openrouter_adapter")).replace(os.sep, "/")
        for path in (ROOT / "openrouter_adapter").rglob("*.py")
    }
    # Within a paragraph on one folder, a file is named alone.
    alone = {path.rpartition("/")[2] for path in package}
    assert len(named) > 50
    for name in named:
        assert name in package | alone or (ROOT / name).exists(), name


def test_ci_checks_and_tests_on_every_python_that_the_package_declares() -> None:
    job = workflow("ci.yml")["test"]
    assert job["strategy"]["matrix"]["python"] == PYTHONS
    assert f'requires-python = ">={PYTHONS[0]}"' in PYPROJECT
    assert f"Python {PYTHONS[0]} to {PYTHONS[-1]}" in CONTRIBUTING
    assert commands(job) == ["scripts/check", "scripts/test"]


def test_ci_builds_the_documentation_and_runs_nightly_on_the_newest_litellm() -> None:
    assert commands(workflow("ci.yml")["docs"]) == ["scripts/docs"]
    assert commands(workflow("nightly.yml")["newest"]) == ["scripts/test --newest"]
    assert commands(workflow("nightly.yml")["links"]) == ["scripts/docs --external"]


def test_a_commit_is_checked_as_ci_checks_it() -> None:
    settings = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    [repository] = settings["repos"]
    assert [hook["entry"] for hook in repository["hooks"]] == ["scripts/check"]


def test_the_navigation_has_every_page_of_the_documentation() -> None:
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    [home, *sections] = assemble.navigation(index)
    listed = [
        address
        for section in sections
        for [pages] in [section.values()]
        for page in pages
        for address in page.values()
    ]
    assert home == {"Home": "README.md"}
    assert len(listed) == len(set(listed))
    assert set(listed) >= {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert set(listed) >= {"cookbook/README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"}


def test_the_site_has_every_file_that_a_page_links_to() -> None:
    pages = assemble.pages()
    assert pages.keys() >= {
        assemble.address(path.relative_to(ROOT).as_posix())
        for path in [*(ROOT / "docs").glob("*.md"), *(ROOT / "cookbook").glob("*.py")]
    }
    assert "[first_call.py](first_call.py.md)" in pages["cookbook/README.md"]
    assert "# cookbook/first_call.py\n\n``````py\n" in pages["cookbook/first_call.py.md"]
    assert "(cookbook/images.py.md)" in pages["images.md"]
    assert "(prices.md)" in pages["README.md"]


@pytest.mark.parametrize(
    "text", ["`[a](../README.md)`", "```md\n[a](../README.md)\n```", "[a](https://a.b/README.md)"]
)
def test_code_and_addresses_stay_as_they_are(text: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(assemble, "ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").touch()
    (tmp_path / "docs" / "a.md").write_text(f"{text} and [b](../README.md#b)")
    assert assemble.page("docs/a.md") == (f"{text} and [b](overview.md#b)", {"README.md"})


def test_an_address_outside_of_the_site_is_requested(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answering: str
) -> None:
    good, missing, forbidden = (f"{answering}/{code}" for code in (200, 404, 403))
    (tmp_path / "a.html").write_text(
        f'<a href="{good}#part">a</a><a href="{missing}">b</a><a href="{forbidden}">c</a>'
        '<a href="b.html">d</a><link href="http://127.0.0.1:9/">'
    )
    assert external_links.main(tmp_path) == 1
    assert capsys.readouterr().out == (
        f"{missing}: HTTP Error 404: Not Found\n3 addresses, 1 without an answer\n"
    )


def test_words_that_the_search_can_not_find_fail_the_build(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sections = [
        {"location": f"{page}#a", "title": "A", "text": f"About <b>{words}</b>."}
        for words, page in search.WANTED.items()
    ]
    (tmp_path / "search.json").write_text(json.dumps({"items": sections}))
    assert search.main(tmp_path) == 0

    (tmp_path / "search.json").write_text(json.dumps({"items": sections[1:]}))
    assert search.main(tmp_path) == 1
    assert capsys.readouterr().out.endswith("\nprompt caching: not in prompt_caching.html\n")


@pytest.mark.skipif(not SITE.exists(), reason="scripts/docs has not built the site")
@pytest.mark.parametrize(("words", "page"), search.WANTED.items())
def test_the_search_of_the_site_finds_a_page_without_a_server(
    words: str, page: str, browser: Browser
) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    browser.open(SITE / "index.html")
    browser.driver.find_element(By.CLASS_NAME, "md-search__button").click()
    box = WebDriverWait(browser.driver, 20).until(lambda _: browser.run(SEARCH_BOX))
    box.send_keys(words)
    WebDriverWait(browser.driver, 20).until(
        lambda _: any(f"/{page}?" in address for address in browser.run(FOUND))
    )
    assert [url for url in browser.requests() if not url.startswith(("file:", "about:"))] == []
    assert browser.errors() == []
