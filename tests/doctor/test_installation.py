"""`openrouter-adapter doctor` on the installation, which is broken in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from openrouter_adapter import installing
from openrouter_adapter.doctor import State, installation
from tests.doctor.asking import KEY, one

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[2]

BROKEN = """
    import sys
    class Blocker:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in {blocked}:
                raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
    sys.meta_path.insert(0, Blocker())
    {more}
    from openrouter_adapter.cli import main
    sys.argv = ["openrouter-adapter", "doctor", "--offline", "--json"]
    main()
"""


def broken(blocked: tuple[str, ...] = (), more: str = "") -> tuple[int, dict[str, Any]]:
    """Return what is found where packages can't be imported, or LiteLLM is another."""
    code = dedent(BROKEN).format(blocked=repr(set(blocked) | {"nothing"}), more=more)
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "OPENROUTER_API_KEY": KEY},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_packages_that_litellm_needs_and_does_not_declare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    code, found = broken(("tenacity", "fastapi", "soundfile"))

    assert code == 1
    tenacity = one(found, "package", "tenacity can't be imported")
    assert (tenacity["state"], "pip install tenacity" in tenacity["advice"]) == ("wrong", True)
    for name in ("fastapi", "soundfile"):
        cached = one(found, "package", f"{name} can't be imported")
        assert cached["state"] == "note"
        assert installing.command("caching") in cached["advice"]


def test_no_litellm() -> None:
    code, found = broken(("litellm",))

    assert code == 1
    assert "pip install litellm" in one(found, "version", "LiteLLM can't be imported")["advice"]
    assert found["places"] == []


def test_a_litellm_that_lacks_places() -> None:
    lacking = (
        "import litellm.main, litellm.utils; "
        # Its name before LiteLLM 1.109, and since.
        "vars(litellm.main).pop('_is_claude_tool_target', None); "
        "vars(litellm.main).pop('is_claude_tool_target', None); "
        "del litellm.utils.ProviderConfigManager.get_provider_rerank_config"
    )
    code, found = broken(more=lacking)

    assert code == 1
    rerank = one(found, "registration", "get_provider_rerank_config")
    assert (rerank["state"], "calls of that raise" in rerank["text"]) == ("wrong", True)
    assert one(found, "registration", "_is_claude_tool_target")["state"] == "note"


def test_an_older_litellm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "_lowest_litellm", lambda: "99.1")

    [old] = [one for one in installation.versions() if one.state is State.wrong]

    assert "is older than 99.1" in old.text
    assert "pip install 'litellm>=99.1'" in old.advice


def test_the_lowest_litellm_is_the_one_in_our_metadata() -> None:
    text = (ROOT / "pyproject.toml").read_text()

    assert f'"litellm>={installation._lowest_litellm()}"' in text
