"""What looks like a typo is sent unchanged, with one warning."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from openrouter_adapter.options import check, names

MODEL = "openai/gpt-4o-mini"


def test_an_unknown_word_is_sent_without_a_word(warnings: Any) -> None:
    fields = {"reasoning": {"effort": "ultra"}, "provider": {"sort": "fastest"}}
    check(fields, MODEL)
    assert fields == {"reasoning": {"effort": "ultra"}, "provider": {"sort": "fastest"}}
    assert warnings() == []


@pytest.mark.parametrize(
    ("fields", "place", "meant"),
    [
        ({"provder": {}}, "provder", "provider"),
        ({"topk": 5}, "topk", "top_k"),
        ({"provider": {"sotr": "price"}}, "provider.sotr", "sort"),
        ({"provider": {"max_price": {"promt": 1}}}, "provider.max_price.promt", "prompt"),
        ({"provider": {"order": ["opneai"]}}, "provider.order", "openai"),
        ({"provider": {"quantizations": ["int-8"]}}, "provider.quantizations", "int8"),
        ({"reasoning": {"effort": "hihg"}}, "reasoning.effort", "high"),
        ({"reasoning": {"effort": "HIGH"}}, "reasoning.effort", "high"),
        ({"plugins": [{"id": "file-praser"}]}, "plugins.id", "file-parser"),
        ({"plugins": [{"id": "web", "engin": "exa"}]}, "plugins.engin", "engine"),
        ({"plugins": {"web": {"engine": "nativ"}}}, "plugins.engine", "native"),
        ({"transforms": ["middleout"]}, "transforms", "middle-out"),
    ],
)
def test_a_slip_is_sent_with_one_warning(
    fields: dict[str, Any], place: str, meant: str, warnings: Any
) -> None:
    for _ in range(3):
        check(copy.deepcopy(fields), MODEL)
    assert len(warnings()) == 1
    assert warnings()[0].startswith(f"{place}: ")
    assert f"did you mean '{meant}'?" in warnings()[0]


@pytest.mark.parametrize(
    "fields",
    [
        # OpenAI's and LiteLLM's own names, near ours or not.
        {"top_p": 1, "top_n": 3, "model_list": [], "messages": [], "num_retries": 2},
        {"api_base": "x", "timeout": 3, "stream_timeout": 3, "user": "u", "tags": []},
        # Parameters of a provider, which OpenRouter hands on.
        {"safe_prompt": True, "raw_mode": True, "min_tokens": 4},
        # Other names of known providers, and new sizes.
        {"provider": {"order": ["OpenAI", "AtlasCloud", "deepinfra/turbo", "Z.AI"]}},
        {"provider": {"quantizations": ["fp12"]}},
    ],
)
def test_what_is_no_slip_gets_no_warning(fields: dict[str, Any], warnings: Any) -> None:
    check(fields, MODEL)
    assert warnings() == []


def test_warnings_come_to_an_end(warnings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "_MOST_WARNINGS", 2)
    for number in range(5):
        check({f"provider{number}x": 1}, MODEL)
    assert len(warnings()) == 2
