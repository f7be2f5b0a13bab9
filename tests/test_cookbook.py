"""Every recipe runs as its reader runs it, and costs what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from openrouter_adapter.emulator import Emulator

ROOT = Path(__file__).parents[1]
RECIPES = sorted((ROOT / "cookbook").glob("*.py"))
# What the account of a recipe's reader has.
ACCOUNTS: dict[str, dict[str, Any]] = {
    "half_price": {"batch_seconds": 0},
    "presets": {"presets": {"short-answers": {"model": "openai/gpt-4o-mini", "max_tokens": 40}}},
}
# It starts a Ray cluster, in a dozen processes.
SLOW = {"batch_on_ray"}
SLOW_MARKS = (pytest.mark.slow, pytest.mark.timeout(300))
COST = re.compile(r"^cost: (\S+) USD$", re.MULTILINE)


def run(recipe: Path, emulator: Emulator, folder: Path) -> str:
    environment = {
        **os.environ,
        "OPENROUTER_API_KEY": emulator.api_key,
        "OPENROUTER_API_BASE": emulator.base_url,
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": "utf-8",
        # Where the catalogue is kept.
        "OPENROUTER_ADAPTER_CACHE": str(folder / "cache"),
    }
    finished = subprocess.run(  # noqa: S603
        [sys.executable, str(recipe)],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=280 if recipe.stem in SLOW else 100,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(recipe, id=recipe.stem, marks=SLOW_MARKS if recipe.stem in SLOW else ())
        for recipe in RECIPES
    ],
)
def test_a_recipe_costs_what_it_says(recipe: Path, tmp_path: Path) -> None:
    with Emulator(**ACCOUNTS.get(recipe.stem, {})) as emulator:
        printed = run(recipe, emulator, tmp_path)
        bill = emulator.bill()

    told = [Decimal(cost) for cost in COST.findall(printed)]
    assert told
    assert sum(told) == sum(row.cost for row in bill) > 0


def test_images_are_written_as_files_that_open(tmp_path: Path) -> None:
    with Emulator() as emulator:
        run(ROOT / "cookbook" / "images.py", emulator, tmp_path)

    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["lighthouse-1.png", "lighthouse-2.png"]
    assert all(file.read_bytes().startswith(b"\x89PNG\r\n\x1a\n") for file in files)


def test_the_list_of_recipes_has_each_of_them() -> None:
    listed = re.findall(
        r"^\| \[(\S+)\]\((\S+)\)", (ROOT / "cookbook/README.md").read_text(), re.MULTILINE
    )

    assert sorted(name for name, _ in listed) == [recipe.name for recipe in RECIPES]
    assert all(name == link for name, link in listed)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.stem)
def test_a_recipe_says_what_it_shows_and_what_it_costs(recipe: Path) -> None:
    text = recipe.read_text()

    assert text.startswith('"""')
    assert "Run it with OPENROUTER_API_KEY set. It costs " in text


NOTEBOOK = json.loads((ROOT / "cookbook" / "litellm_openrouter.ipynb").read_text("utf-8"))
CELLS = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def test_the_notebooks_cells_run_in_their_order_and_say_what_they_cost(
    emulated: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}
    for cell in CELLS:
        exec("".join(cell["source"]), names)  # noqa: S102 - our own notebook

    told = [Decimal(cost) for cost in COST.findall(capsys.readouterr().out)]
    assert sum(told) == sum(row.cost for row in emulated.bill()) > 0


def test_the_notebook_is_kept_without_outputs() -> None:
    assert NOTEBOOK["nbformat"] == 4
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in CELLS)
