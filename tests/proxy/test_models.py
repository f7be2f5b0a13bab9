"""What the proxy says it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from openrouter_adapter import catalog

from .conftest import MASTER_KEY

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

    from .conftest import Caller, Proxy

pytestmark = pytest.mark.timeout(600)  # a proxy starts slowly on a busy machine


def test_a_wildcard_lists_the_models_of_the_catalogue(
    caller: Caller, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("OPENROUTER_ADAPTER_CACHE", str(tmp_path))
    known = catalog.load(base_url=emulator.base_url)

    listed = {model.id for model in caller.openai.models.list()}

    assert {f"openrouter/{model.id}" for model in known} <= listed
    assert "openrouter/anthropic/claude-haiku-4.5" in listed
    assert not any("*" in name for name in listed)


def test_the_proxy_knows_the_limits_and_prices_of_a_model(proxy: Proxy) -> None:
    answer = httpx.get(
        f"{proxy.url}/model/info", headers={"Authorization": f"Bearer {MASTER_KEY}"}, timeout=100
    )
    known = {row["model_name"]: row["model_info"] for row in answer.json()["data"]}
    model = known["openrouter/anthropic/claude-haiku-4.5"]
    assert (model["input_cost_per_token"], model["output_cost_per_token"]) == (1e-6, 5e-6)
    assert model["max_input_tokens"] == 200_000
