"""The activity of thirty days adds up to the bill; the official SDK is the client."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Client

errors = pytest.importorskip("openrouter.errors")

NOON = datetime(2026, 4, 29, 12, tzinfo=timezone.utc).timestamp()


@pytest.fixture
def client(emulate: Callable[..., Client]) -> Client:
    return emulate(clock=lambda: NOON)


def rows(manager: Any, **asked: Any) -> Any:
    return manager.analytics.get_user_activity(request=asked).data


def test_today_is_not_complete_yet(client: Client, manager: Any) -> None:
    client.chat()
    assert rows(manager) == []
    client.emulator.advance(hours=12)
    assert [row.date_ for row in rows(manager)] == ["2026-04-29"]


def test_the_sums_are_the_bills(client: Client, manager: Any) -> None:
    for _ in range(3):
        client.chat()
    client.chat(model="anthropic/claude-haiku-4.5", reasoning={"effort": "high"})
    client.send("POST", "/embeddings", {"model": "openai/text-embedding-3-small", "input": "one"})
    client.emulator.advance(days=1)
    client.chat("Tomorrow")
    client.emulator.advance(days=1)
    bill = client.emulator.bill()
    found = rows(manager)
    assert sum(row.requests for row in found) == len(bill)
    for row in found:
        own = [
            one
            for one in bill
            if (one.model_id, one.provider) == (row.model, row.provider_name)
            and datetime.fromtimestamp(one.created_at, timezone.utc).date().isoformat() == row.date_
        ]
        assert Decimal(repr(row.usage)) == pytest.approx(sum(one.cost for one in own))
        assert row.prompt_tokens == sum(one.tokens_prompt for one in own)
        assert row.completion_tokens == sum(one.tokens_completion for one in own)
        assert row.reasoning_tokens == sum(one.tokens_reasoning for one in own)
        assert row.model_permaslug == own[0].model
    assert [row.date_ for row in found] == ["2026-04-30"] + 3 * ["2026-04-29"]


def test_a_days_rows_by_model_and_provider(client: Client, manager: Any) -> None:
    client.chat(provider={"only": ["azure"]})
    client.chat()
    client.chat()
    client.emulator.advance(days=1)
    found = {row.provider_name: row.requests for row in rows(manager)}
    assert found == {"Azure": 1, "OpenAI": 2}
    assert len({row.endpoint_id for row in rows(manager)}) == 2


def test_thirty_days_and_no_more(client: Client, manager: Any) -> None:
    client.chat()
    client.emulator.advance(days=30)
    assert len(rows(manager)) == 1
    client.emulator.advance(days=1)
    assert rows(manager) == []


def test_one_date(client: Client, manager: Any) -> None:
    client.chat()
    client.emulator.advance(days=1)
    client.chat("Another day")
    client.emulator.advance(days=1)
    assert [row.requests for row in rows(manager, date_="2026-04-29")] == [1]
    assert rows(manager, date_="2026-04-28") == []
    for date in ("2026-05-01", "2026-03-01"):
        with pytest.raises(errors.BadRequestResponseError, match="within the last 30"):
            rows(manager, date_=date)
    assert client.manage("GET", "/activity?date=yesterday").status == 400


def test_one_key_also_when_it_is_gone(client: Client, manager: Any) -> None:
    made = manager.api_keys.create(name="Second")
    client.chat()
    client.chat(headers={"Authorization": f"Bearer {made.key}"})
    manager.api_keys.delete(hash=made.data.hash)
    client.emulator.advance(days=1)
    assert sum(row.requests for row in rows(manager)) == 2
    assert [row.requests for row in rows(manager, api_key_hash=made.data.hash)] == [1]
    assert rows(manager, api_key_hash="0" * 64) == []
    assert client.manage("GET", "/activity?api_key_hash=x").status == 400


def test_one_user_and_by_workspace(client: Client, manager: Any) -> None:
    made = manager.api_keys.create(
        name="Theirs", creator_user_id="user_2", workspace_id="00000000-0000-4000-8000-000000000002"
    )
    client.chat()
    client.chat(headers={"Authorization": f"Bearer {made.key}"})
    client.emulator.advance(days=1)
    assert [row.requests for row in rows(manager, user_id="user_2")] == [1]
    split = rows(manager, group_by="workspace")
    assert sorted(row.workspace_id[-1] for row in split) == ["1", "2"]
    assert [row.requests for row in rows(manager, workspace_id=split[0].workspace_id)] == [1]


def test_own_provider_keys_are_counted_apart(emulate: Callable[..., Client]) -> None:
    client = emulate(byok={"openai"})
    client.chat()
    client.emulator.advance(days=1)
    (row,) = client.manage("GET", "/activity").json["data"]
    (billed,) = client.emulator.bill()
    assert row["usage"] == float(billed.cost)
    assert row["byok_usage_inference"] == float(billed.upstream_cost)


def test_refused_requests_are_no_activity(client: Client, manager: Any) -> None:
    client.chat(headers={"x-emulator-fault": "status=502"})
    client.chat(headers={"x-emulator-fault": "error-in-200=502"})
    client.emulator.advance(days=1)
    assert rows(manager) == []


def test_an_inference_key_sees_none(client: Client) -> None:
    reply = client.get("/activity")
    assert reply.status == 403
    assert (
        reply.json["error"]["message"] == "Only management keys can fetch activity for an account"
    )
