"""`openrouter-adapter key`, `credits` and `generation`: what OpenRouter reports about each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from openrouter_adapter import money
from openrouter_adapter.cli._errors import friendly_errors
from openrouter_adapter.cli._ledger import find_ledger
from openrouter_adapter.cli._options import JsonOption, LedgerOption
from openrouter_adapter.cli._printing import (
    print_json,
    print_table,
    usd_text,
    visible_text,
    with_exact_money,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openrouter_adapter.ledger import Row

_WINDOWS = {"": "in total", "_daily": "today", "_weekly": "this week", "_monthly": "this month"}
_TOKENS = {
    "tokens_prompt": "prompt tokens",
    "tokens_completion": "completion tokens",
    "native_tokens_prompt": "billed prompt tokens",
    "native_tokens_cached": "of these cached",
    "native_tokens_completion": "billed completion tokens",
    "native_tokens_reasoning": "of these reasoning",
}


def key(as_json: JsonOption = False) -> None:
    """Show the key in use: its limit, the remainder, and its usage, in USD."""
    with friendly_errors():
        from openrouter_adapter import api

        found = api.get_key()
    if as_json:
        print_json(with_exact_money(found))
        return
    limit = found.get("limit")
    reset = found.get("limit_reset")
    byok = "counts" if found.get("include_byok_in_limit") else "does not count"
    rows = [
        ("label", visible_text(found.get("label"))),
        ("limit, USD", "none" if limit is None else usd_text(limit)),
        ("limit resets", visible_text(reset) if reset else "never"),
        ("left, USD", "no limit" if limit is None else usd_text(found.get("limit_remaining"))),
        ("BYOK in the limit", byok),
        ("expires", visible_text(found.get("expires_at"))),
        ("free tier", visible_text(found.get("is_free_tier"))),
    ]
    for ending, words in _WINDOWS.items():
        rows.append((f"usage {words}, USD", usd_text(found.get(f"usage{ending}"))))
    for ending, words in _WINDOWS.items():
        rows.append((f"BYOK usage {words}, USD", usd_text(found.get(f"byok_usage{ending}"))))
    print_table(("key", ""), rows, texts=2)


def credits_(as_json: JsonOption = False) -> None:
    """Show the account's credits in USD, with OPENROUTER_PROVISIONING_KEY."""
    with friendly_errors():
        from openrouter_adapter import api
        from openrouter_adapter.wire import connection, usage

        found = api.get_credits(api_key=connection.provisioning_key())
    bought, used = usage.usd(found.get("total_credits")), usage.usd(found.get("total_usage"))
    left = None if bought is None or used is None else money.plain(bought - used)
    if as_json:
        print_json({**with_exact_money(found), "left": left})
        return
    rows = [
        ("bought", usd_text(found.get("total_credits"))),
        ("used", usd_text(found.get("total_usage"))),
        ("left", visible_text(left)),
    ]
    print_table(("credits", "USD"), rows, texts=1)


def generation(
    name: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="A generation id of OpenRouter, or a call id of LiteLLM."
        ),
    ],
    as_json: JsonOption = False,
    where: LedgerOption = None,
) -> None:
    """Show one request: cost in USD, tokens, provider, latency, and its row in the ledger.

    A call id of LiteLLM is looked up in the ledger. If the call had several attempts, the last one
    is shown.
    """
    rows = _rows_of(name, where)
    generation_id = next((row.generation_id for row in rows if row.generation_id), None) or name
    with friendly_errors():
        from openrouter_adapter import api

        found = api.get_generation(generation_id)
    if as_json:
        print_json({**with_exact_money(found), "ledger": [_record(row) for row in rows]})
        return
    shown = [
        ("generation", visible_text(found.get("id"))),
        ("model", visible_text(found.get("model"))),
        ("provider", visible_text(found.get("provider_name"))),
        ("at", visible_text(found.get("created_at"))),
        ("cost, USD", usd_text(found.get("total_cost"))),
        ("own provider account (BYOK), USD", _upstream(found)),
        *((words, visible_text(found.get(field))) for field, words in _TOKENS.items()),
        ("latency, ms", visible_text(found.get("latency"))),
        ("generation time, ms", visible_text(found.get("generation_time"))),
        ("streamed", visible_text(found.get("streamed"))),
        ("cancelled", visible_text(found.get("cancelled"))),
        ("finish reason", visible_text(found.get("finish_reason"))),
    ]
    for row in rows:
        record = _record(row)
        shown += [
            ("LiteLLM call id, attempt", visible_text(f"{row.call_id}, {row.attempt}")),
            ("cost in the ledger, USD", record["cost"] or "unknown"),
        ]
    print_table(("request", ""), shown, texts=2)


def _upstream(found: dict[str, Any]) -> str:
    return usd_text(found.get("upstream_inference_cost")) if found.get("is_byok") else "0"


def _rows_of(name: str, where: str | None) -> Sequence[Row]:
    """The ledger's rows of a generation or a call, the latest first; none if there is no ledger."""
    with find_ledger(where) as book:
        if book is None:
            return []
        found = book.store.rows("generation_id = :name OR call_id = :name", name=name)
    return sorted(found, key=lambda row: (not row.cache_hit, row.attempt), reverse=True)


def _record(row: Row) -> dict[str, Any]:
    return {
        "call_id": row.call_id,
        "attempt": row.attempt,
        "cost": None if row.cost is None else money.plain(money.to_usd(row.cost)),
        "outcome": row.outcome,
        "cache_hit": row.cache_hit,
        "job": row.job,
        "key": row.key_name,
        "user": row.user_id,
    }
