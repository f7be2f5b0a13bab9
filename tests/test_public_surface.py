"""Nothing public changes by accident."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path

import pytest

from tests import public_surface

ROOT = Path(__file__).parents[1]
# Every page and recipe with code in it.
PAGES = sorted(
    [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "cookbook").rglob("*.py")]
)


def test_the_public_names_are_those_that_are_kept() -> None:
    kept = json.loads(public_surface.KEPT_IN.read_text())
    assert public_surface.surface() == kept


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_imports_in_the_documents_are_public(page: Path) -> None:
    text = page.read_text()
    for module, names in re.findall(
        r"^ *from (openrouter_adapter[\w.]*) import ([\w, ]+)", text, re.MULTILINE
    ):
        for name in re.split(r", *", names.strip()):
            found = import_module(module)
            assert hasattr(found, name) or import_module(f"{module}.{name}"), f"{module}.{name}"
            assert module in {*public_surface.MODULES, "openrouter_adapter.proxy"}, module
