"""What a Messages request costs: the ledger equals the bill, and the worst case bounds it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from openrouter_adapter import ledger
from openrouter_adapter.catalog import Catalog
from openrouter_adapter.catalog.estimates.estimate import estimate
from openrouter_adapter.emulator import Emulator
from openrouter_adapter.emulator import models as emulated_models
from openrouter_adapter.money import to_pico, to_usd
from tests.anthropic_messages import wire
from tests.support.waiting import ahappens

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal
    from pathlib import Path

    from openrouter_adapter.ledger import Ledger

MODEL = "anthropic/claude-haiku-4.5"
PDF = base64.b64encode(b"%PDF-1.4 /Type /Page").decode()


@pytest.fixture
def enabled(tmp_path: Path) -> Iterator[Ledger]:
    yield ledger.enable(tmp_path / "ledger.db")
    ledger.disable()


@pytest.mark.usefixtures("emulated")
@pytest.mark.parametrize("has_cost", [False, True], ids=["by the generation", "in the stream"])
@pytest.mark.parametrize("way", wire.WAYS)
async def test_the_ledger_equals_the_bill(
    way: str, has_cost: bool, enabled: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Emulator(stream_cost=has_cost) as running:
        monkeypatch.setenv("OPENROUTER_API_BASE", running.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", running.api_key)
        for is_stream in (False, True):
            await wire.WAYS[way](stream=is_stream)

        def rows() -> list[Any]:
            enabled.flush()
            return [row for row in enabled.store.rows() if row.outcome == "ok"]

        assert await ahappens(lambda: len(rows()) == 2)
        bill = {row.generation_id: row for row in running.bill()}
        found = rows()
        assert {row.generation_id: row.cost for row in found} == {
            name: to_pico(row.cost) for name, row in bill.items()
        }
        for row in found:
            billed = bill[row.generation_id]
            assert row.endpoint == "/messages"
            assert row.prompt_tokens == billed.tokens_prompt
            assert row.completion_tokens == billed.tokens_completion
        # Without a cost in the stream, one question for it.
        asked = [one for one in running.requests if one.path == "/generation"]
        assert len(asked) == (0 if has_cost else 1)


async def test_a_budget_refuses_before_anything_is_sent(
    enabled: Ledger, emulated: Emulator
) -> None:
    enabled.budget("day", "0.000001", max_request_usd="0.5")
    for is_stream in (False, True):
        for way in wire.WAYS.values():
            with pytest.raises(litellm.BudgetExceededError, match="budget day"):
                await way(stream=is_stream)
    assert emulated.bill() == []


async def test_a_stream_without_a_cost_frees_its_reservation(
    enabled: Ledger, emulated: Emulator
) -> None:
    enabled.budget("day", 1, max_request_usd="0.5")
    await wire.anthropic_messages(stream=True)

    def state() -> Any:
        enabled.flush()
        return enabled.budgets()[0]

    assert await ahappens(lambda: emulated.bill() and state().held == 0)
    assert to_pico(state().spent) == to_pico(emulated.bill()[0].cost) > 0


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The emulator's models, with all providers."""
    return Catalog(emulated_models.listing()["data"]).with_endpoints(
        {
            model.id: emulated_models.endpoints_object(model)["data"]["endpoints"]
            for model in emulated_models.listed()
        }
    )


def worst(catalog: Catalog, *content: dict[str, Any], **fields: Any) -> Decimal:
    body = {
        "model": MODEL,
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}, *content]}],
        **fields,
    }
    found = estimate(body, "/messages", catalog).worst
    assert found is not None
    return found


def test_a_thinking_budget_above_max_tokens_is_added(catalog: Catalog) -> None:
    thinking = {"type": "enabled", "budget_tokens": 5000}
    assert worst(catalog, thinking=thinking) > 4 * worst(catalog)
    below = {"type": "enabled", "budget_tokens": 500}
    assert worst(catalog, thinking=below) == worst(catalog)


def test_documents_count_by_their_pages_and_texts(catalog: Catalog) -> None:
    def document(**source: Any) -> dict[str, Any]:
        return {"type": "document", "source": source}

    pdf = document(type="base64", media_type="application/pdf", data=PDF)
    by_url = document(type="url", url="https://birds.example/a.pdf")
    text = document(type="text", media_type="text/plain", data="Wrens are small. " * 1000)
    plain = worst(catalog)
    assert plain < worst(catalog, pdf) < worst(catalog, by_url)
    assert plain < worst(catalog, text) < worst(catalog, {**text, "citations": {"enabled": True}})
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [pdf]}
    assert worst(catalog, result) == pytest.approx(worst(catalog, pdf), rel=0.05)


def test_writing_for_an_hour_costs_more_than_for_five_minutes(catalog: Catalog) -> None:
    def system(ttl: str) -> list[dict[str, Any]]:
        control = {"type": "ephemeral", "ttl": ttl}
        return [{"type": "text", "text": "Be brief. " * 1000, "cache_control": control}]

    assert worst(catalog, system=system("5m")) < worst(catalog, system=system("1h"))
    top = {"cache_control": {"type": "ephemeral", "ttl": "1h"}, "system": "Be brief. " * 1000}
    assert worst(catalog, **top) >= worst(catalog, system=system("1h")) * 9 / 10  # type: ignore[operator]


def test_a_search_of_anthropics_costs_by_max_uses(catalog: Catalog) -> None:
    def search(uses: int) -> list[dict[str, Any]]:
        return [{"type": "web_search_20250305", "name": "web_search", "max_uses": uses}]

    assert worst(catalog) < worst(catalog, tools=search(1)) < worst(catalog, tools=search(5))


def test_tools_of_the_client_have_a_worst_case(catalog: Catalog) -> None:
    tools = [
        {"type": "bash_20250124", "name": "bash"},
        {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"},
    ]
    assert worst(catalog) < worst(catalog, tools=tools) < 3 * worst(catalog)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"context_management": {"edits": [{"type": "compact_20260112"}]}}, "compact"),
        ({"tools": [{"type": "openrouter:web_search"}]}, "openrouter:web_search"),
        ({"speed": "fast"}, "speed fast"),
    ],
)
def test_what_has_no_bound_says_why(fields: dict[str, Any], reason: str, catalog: Catalog) -> None:
    body = {"model": MODEL, "max_tokens": 10, "messages": wire.HELLO, **fields}
    found = estimate(body, "/messages", catalog)
    assert found.worst is None
    assert reason in str(found.unknown_because)


def test_the_most_expensive_of_anthropics_fallbacks_counts(catalog: Catalog) -> None:
    fallbacks = [{"model": "anthropic/claude-sonnet-4.5"}]
    assert worst(catalog, fallbacks=fallbacks) > worst(catalog)


async def test_the_bill_stays_below_the_worst_case(emulated: Emulator, catalog: Catalog) -> None:
    await wire.anthropic_messages(
        thinking={"type": "enabled", "budget_tokens": 1024}, max_tokens=2000
    )
    [bill] = emulated.bill()
    body = emulated.requests[-1].body
    assert body is not None
    found = estimate(body, "/messages", catalog).worst
    assert found is not None
    assert 0 < to_usd(to_pico(bill.cost)) <= found
