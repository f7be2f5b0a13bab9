"""Every name that OpenRouter takes finds its model."""

from __future__ import annotations

import pytest

from openrouter_adapter import catalog as package


@pytest.mark.parametrize(
    ("name", "model_id"),
    [
        ("openai/gpt-4o-mini", "openai/gpt-4o-mini"),
        ("openrouter/openai/gpt-4o-mini", "openai/gpt-4o-mini"),
        ("openai/gpt-5-mini-2025-08-07", "openai/gpt-5-mini"),
        ("anthropic/claude-4.5-haiku-20251001", "anthropic/claude-haiku-4.5"),
        ("anthropic/claude-haiku-4-5", "anthropic/claude-haiku-4.5"),
        ("openai/gpt-oss-20b:free", "openai/gpt-oss-20b:free"),
        ("anthropic/claude-3-7-sonnet-20250219:thinking", "anthropic/claude-3.7-sonnet:thinking"),
    ],
)
def test_ids_slugs_and_spellings(catalog: package.Catalog, name: str, model_id: str) -> None:
    found = catalog.find(name)
    assert found is not None
    assert (found.model.id, found.variants) == (model_id, frozenset())
    assert name in catalog


def test_a_free_variant_does_not_take_the_paid_model_s_slug(catalog: package.Catalog) -> None:
    assert not catalog["openai/gpt-oss-20b"].pricing.is_free
    assert catalog["openai/gpt-oss-20b:free"].pricing.is_free
    assert "minimax/minimax-m2" not in catalog, "only its free variant is listed"


@pytest.mark.parametrize(
    ("name", "model_id", "variants"),
    [
        ("openai/gpt-4o-mini:online", "openai/gpt-4o-mini", {"online"}),
        ("openai/gpt-oss-20b:free:online", "openai/gpt-oss-20b:free", {"online"}),
        ("openai/gpt-oss-20b:nitro:online", "openai/gpt-oss-20b", {"nitro", "online"}),
        ("openrouter/openai/gpt-5-mini-2025-08-07:floor", "openai/gpt-5-mini", {"floor"}),
    ],
)
def test_dynamic_variants(
    catalog: package.Catalog, name: str, model_id: str, variants: set[str]
) -> None:
    found = catalog.find(name)
    assert found is not None
    assert (found.model.id, found.variants) == (model_id, variants)


@pytest.mark.parametrize(
    "name",
    [
        "openai/gpt-4o-mini:free",
        "openai/gpt-4o-mini:extended",
        "openai/gpt-4o-mini@preset/x",
        "no/model",
        "",
    ],
)
def test_what_is_not_there(catalog: package.Catalog, name: str) -> None:
    assert catalog.find(name) is None
    assert name not in catalog
    with pytest.raises(KeyError):
        catalog[name]


def test_latest_aliases() -> None:
    rows = [
        {"id": "a/b-2", "pricing": {"prompt": "1", "completion": "2"}},
        {"id": "~a/b-latest", "alias_target": {"slug": "a/b-2", "name": "B"}},
        {"id": "~a/c-latest", "pricing": {"prompt": "3", "completion": "4"}},
    ]
    catalog = package.Catalog(rows)
    assert catalog["~a/b-latest"].id == "a/b-2"
    assert catalog["openrouter/~a/c-latest"].pricing.base["prompt"] == 3


def test_rows_that_say_little_or_nonsense() -> None:
    rows = [{}, {"id": 1}, {"id": "a/b"}, {"id": "c/d", "pricing": 1, "architecture": []}]
    catalog = package.Catalog(rows)
    assert [model.id for model in catalog] == ["a/b", "c/d"]
    model = catalog["a/b"]
    assert (model.window, model.longest, model.max_completion_tokens) == (None, None, None)
    assert model.output_modalities == ("text",)


def test_the_window_is_the_provider_s_where_it_is_smaller() -> None:
    row = {"id": "a/b", "context_length": 1000, "top_provider": {"context_length": 200}}
    model = package.Catalog([row])["a/b"]
    assert (model.window, model.longest) == (200, 1000)


def test_names_from_requests_don_t_fill_the_memory(
    catalog: package.Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openrouter_adapter.catalog.catalog._MOST_REMEMBERED", 10)
    for number in range(25):
        catalog.find(f"no/model-{number}")
    assert len(catalog._found) <= 10


def test_providers_are_known_by_their_slugs(wide_catalog: package.Catalog) -> None:
    first = wide_catalog.endpoints(wide_catalog["openai/gpt-oss-20b"])[0]
    assert first.is_named("DeepInfra")
    assert first.is_named("deepinfra/fp4")
    assert not first.is_named("deepinfra/fp8")
