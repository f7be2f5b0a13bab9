"""`openrouter-adapter key`, `credits` and `generation`: what OpenRouter says of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from openrouter_adapter import money
from openrouter_adapter.cli._api import amount, text
from openrouter_adapter.cli._errors import friendly_errors
from openrouter_adapter.cli._ledger import Where, find_ledger
from openrouter_adapter.cli._printing import print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openrouter_adapter.ledger import Row

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; money as exact decimal text.")]

_WINDOWS = {"": "ever", "_daily": "today", "_weekly": "this week", "_monthly": "this month"}
_TOKENS = {
    "tokens_prompt": "prompt tokens",
    "tokens_completion": "completion tokens",
    "native_tokens_prompt": "billed prompt tokens",
    "native_tokens_cached": "of them cached",
    "native_tokens_completion": "billed completion tokens",
    "native_tokens_reasoning": "of them reasoning",
}


def key(as_json: AsJson = False) -> None:
    """Shows the key in use: its limit, what is left of it, and its usage, in USD."""
    with friendly_errors():
        from openrouter_adapter import api

        found = api.get_key()
    if as_json:
        print_json(exact(found))
        return
    limit = found.get("limit")
    reset = found.get("limit_reset")
    byok = "counts" if found.get("include_byok_in_limit") else "does not count"
    rows = [
        ("label", text(found.get("label"))),
        ("limit, USD", "none" if limit is None else amount(limit)),
        ("limit resets", text(reset) if reset else "never"),
        ("left, USD", "no limit" if limit is None else amount(found.get("limit_remaining"))),
        ("BYOK in the limit", byok),
        ("expires", text(found.get("expires_at"))),
        ("free tier", text(found.get("is_free_tier"))),
    ]
    for ending, words in _WINDOWS.items():
        rows.append((f"usage {words}, USD", amount(found.get(f"usage{ending}"))))
    for ending, words in _WINDOWS.items():
        rows.append((f"BYOK usage {words}, USD", amount(found.get(f"byok_usage{ending}"))))
    print_table(("key", ""), rows, texts=2)


def credits_(as_json: AsJson = False) -> None:
    """Shows the account's credits in USD, with OPENROUTER_PROVISIONING_KEY."""
    with friendly_errors():
        from openrouter_adapter import api
        from openrouter_adapter.wire import connection, usage

        found = api.get_credits(api_key=connection.provisioning_key())
    bought, used = usage.usd(found.get("total_credits")), usage.usd(found.get("total_usage"))
    left = None if bought is None or used is None else money.plain(bought - used)
    if as_json:
        print_json({**exact(found), "left": left})
        return
    rows = [
        ("bought", amount(found.get("total_credits"))),
        ("used", amount(found.get("total_usage"))),
        ("left", text(left)),
    ]
    print_table(("credits", "USD"), rows, texts=1)


def generation(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="OpenRouter's id, or LiteLLM's call id.")
    ],
    as_json: AsJson = False,
    where: Where = None,
) -> None:
    """Shows one request: cost in USD, tokens, provider, latency; and its row in the ledger.

    A LiteLLM call id is looked up in the ledger; a call of several attempts has its last shown.
    """
    rows = _rows_of(name, where)
    generation_id = next((row.generation_id for row in rows if row.generation_id), None) or name
    with friendly_errors():
        from openrouter_adapter import api

        found = api.get_generation(generation_id)
    if as_json:
        print_json({**exact(found), "ledger": [_record(row) for row in rows]})
        return
    shown = [
        ("generation", text(found.get("id"))),
        ("model", text(found.get("model"))),
        ("provider", text(found.get("provider_name"))),
        ("at", text(found.get("created_at"))),
        ("cost, USD", amount(found.get("total_cost"))),
        ("own provider account (BYOK), USD", _upstream(found)),
        *((words, text(found.get(field))) for field, words in _TOKENS.items()),
        ("latency, ms", text(found.get("latency"))),
        ("generation time, ms", text(found.get("generation_time"))),
        ("streamed", text(found.get("streamed"))),
        ("cancelled", text(found.get("cancelled"))),
        ("finish reason", text(found.get("finish_reason"))),
    ]
    for row in rows:
        record = _record(row)
        shown += [
            ("LiteLLM call id, attempt", text(f"{row.call_id}, {row.attempt}")),
            ("cost in the ledger, USD", record["cost"] or "unknown"),
        ]
    print_table(("request", ""), shown, texts=2)


def exact(found: dict[str, Any]) -> dict[str, Any]:
    """OpenRouter's object with its money as exact decimal text."""
    return {
        name: amount(value) if _is_money(name, value) else value for name, value in found.items()
    }


def _is_money(name: str, value: Any) -> bool:
    named = name.startswith(("usage", "byok_usage", "limit", "total_")) or name.endswith("_cost")
    return named and isinstance(value, int | float) and not isinstance(value, bool)


def _upstream(found: dict[str, Any]) -> str:
    return amount(found.get("upstream_inference_cost")) if found.get("is_byok") else "0"


def _rows_of(name: str, where: str | None) -> Sequence[Row]:
    """The ledger's rows of a generation or a call, the latest first; none without a ledger."""
    with find_ledger(where) as book:
        if book is None:
            return []
        found = book.store.rows("generation_id = :name OR call_id = :name", name=name)
    return sorted(found, key=lambda row: (not row.cache_hit, row.attempt), reverse=True)


def _record(row: Row) -> dict[str, Any]:
    from openrouter_adapter import ledger

    return {
        "call_id": row.call_id,
        "attempt": row.attempt,
        "cost": None if row.cost is None else money.plain(ledger.to_usd(row.cost)),
        "outcome": row.outcome,
        "cache_hit": row.cache_hit,
        "job": row.job,
        "key": row.key_name,
        "user": row.user_id,
    }
