"""The examples of docs/proxy.md and the recipe, on a proxy that runs on their own YAML."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.documents import blocks

from .conftest import PAGE, RECIPE

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

    from .conftest import Caller, Proxy

pytestmark = pytest.mark.timeout(600)  # a proxy starts slowly on a busy machine


def test_the_examples_run_and_say_what_was_billed(
    proxy: Proxy, caller: Caller, emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    before = len(emulator.bill())
    namespace: dict[str, Any] = {}

    for example in blocks(PAGE, "python"):
        code = example.replace("http://localhost:4000", proxy.url).replace("sk-…", caller.key)
        exec(code, namespace)  # noqa: S102

    chat, stream, message = emulator.bill()[before:]
    printed = capsys.readouterr().out.splitlines()
    assert str(float(chat.cost)) in printed
    assert str(float(stream.cost)) in printed
    assert "The capital of France is Paris." in printed
    options = [request.body.get("provider") for request in emulator.requests[-3:]]
    assert options == [{"sort": "price"}, None, {"order": ["anthropic", "amazon-bedrock"]}]
    assert message.model_id == "anthropic/claude-haiku-4.5"


def test_the_recipe_costs_what_it_says(proxy: Proxy, caller: Caller, emulator: Emulator) -> None:
    before = len(emulator.bill())

    done = subprocess.run(  # noqa: S603
        [sys.executable, str(RECIPE / "ask.py")],
        env={**os.environ, "LITELLM_URL": proxy.url, "LITELLM_API_KEY": caller.key},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )

    told = re.findall(r"^cost: (\S+) USD$", done.stdout, re.MULTILINE)
    assert [Decimal(cost) for cost in told] == [row.cost for row in emulator.bill()[before:]]
    bodies = [request.body for request in emulator.requests[-2:]]
    assert [body["provider"]["sort"] for body in bodies] == ["price", "price"]
    assert {row.end_user_id for row in proxy.rows(caller, 2)} == {"cookbook"}


def test_the_recipe_has_the_wildcard_and_the_line_of_the_page() -> None:
    recipe, page = (
        yaml.safe_load(text)
        for text in ((RECIPE / "config.yaml").read_text(), blocks(PAGE, "yaml")[0])
    )
    assert recipe["model_list"][0] == page["model_list"][0]
    assert recipe["litellm_settings"] == page["litellm_settings"]
