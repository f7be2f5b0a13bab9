"""The examples of docs/prices.md run, and its numbers are the code's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openrouter_adapter import catalog
from openrouter_adapter.catalog.estimates import surcharges, tokenizers
from openrouter_adapter.emulator import models as emulated_models
from openrouter_adapter.emulator.catalog import find

if TYPE_CHECKING:
    from .conftest import ModelServer

PAGE = (Path(__file__).parents[2] / "docs" / "prices.md").read_text(encoding="utf-8")


def test_the_examples_run(server: ModelServer) -> None:
    model = "meta-llama/llama-3.3-70b-instruct"
    server.answers[f"/models/{model}/endpoints"] = emulated_models.endpoints_object(find(model))
    namespace: dict[str, Any] = {}
    for example in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(example, namespace)  # noqa: S102 - our own page
    assert namespace["estimated"].worst > 0
    assert namespace["model"].id == "openai/gpt-5-mini"


def test_the_table_of_families_is_the_code_s() -> None:
    rows = re.findall(r"\| (\w+) \| ([\d.]+) \| ([\d.]+) \| ([\d,]+)", PAGE)
    assert len(rows) == 6
    for name, likely, worst, frame in rows:
        family = tokenizers.family(name, "openai/gpt-5")
        assert (family.likely, family.worst) == (float(likely), float(worst))
        assert family.frame == int(frame.replace(",", ""))


def test_prices_and_ages_are_the_code_s() -> None:
    assert f"{surcharges.EXA_RESULT} USD per result" in PAGE
    assert f"{surcharges.OCR_PAGE} USD per page" in PAGE
    assert f"{catalog.MAX_AGE / 3600:.0f} hours" in PAGE
