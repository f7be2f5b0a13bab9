"""The examples of docs/ledger.md and docs/budgets.md run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import litellm
import pytest

from openrouter_adapter import ledger
from openrouter_adapter.ledger import Row

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["ledger.md", "budgets.md"])
def test_the_examples_of_a_page_run(
    page: str, emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_ADAPTER_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.setenv("OPENROUTER_API_BASE", emulator.base_url)
    monkeypatch.setenv("OPENROUTER_API_KEY", emulator.api_key)
    text = (ROOT / "docs" / page).read_text()
    examples = re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    assert len(examples) > 2
    try:
        exec("\n".join(examples), {"__name__": "__main__"})  # noqa: S102 - our own page
        assert ledger.is_enabled()
    finally:
        ledger.disable()
        import openrouter_adapter

        openrouter_adapter.unregister()


def test_the_page_names_every_column() -> None:
    text = (ROOT / "docs" / "ledger.md").read_text()
    hidden = {"hold_id", "asks", "ask_after"}
    for name in set(Row.__dataclass_fields__) - hidden:
        assert f"`{name}`" in text or (name.endswith("_tokens") and f"`{name[:-7]}`" in text), name


PROXY = """
import os, sys
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm
from openrouter_adapter import ledger, proxy, registration
assert registration.is_registered()
assert isinstance(proxy.handler, litellm.integrations.custom_logger.CustomLogger)
sys.exit(10 + ledger.is_enabled())
"""


@pytest.mark.parametrize(("is_set", "code"), [(False, 10), (True, 11)])
def test_the_proxy_writes_only_where_the_variable_is_set(
    is_set: bool, code: int, tmp_path: Path
) -> None:
    environment = dict(os.environ)
    environment.pop("OPENROUTER_ADAPTER_LEDGER", None)
    if is_set:
        environment["OPENROUTER_ADAPTER_LEDGER"] = str(tmp_path / "ledger.db")
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", PROXY], cwd=ROOT, env=environment, check=False
    )
    assert done.returncode == code
    assert litellm.budget_exceeded_status_code == 422
