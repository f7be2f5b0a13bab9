"""Ledgers to report on: rows of a month, some with names that nobody should trust."""

from __future__ import annotations

import datetime as dt
import json
import random
from typing import TYPE_CHECKING, Any

from openrouter_adapter.catalog import Catalog
from openrouter_adapter.ledger.rows import Row

if TYPE_CHECKING:
    from openrouter_adapter.ledger import Ledger

NOW = dt.datetime(2026, 11, 27, 15, 20, tzinfo=dt.timezone.utc)
SCRIPT = "<script>window.pwned=1</script>"
FORMULA = "=cmd()"
QUOTE = '"><img src=x onerror=window.pwned=2>'
BACKWARDS = "abc\u202edef"
MODELS = {
    "anthropic/claude-sonnet-4.5": (("Anthropic", "Amazon Bedrock"), 9_000_000, 2600),
    "openai/gpt-4o-mini": (("OpenAI", "Azure"), 400_000, 900),
    "google/gemini-2.5-flash-image": (("Google",), 39_000_000, 7200),
    "deepseek/deepseek-chat-v3.1": (("DeepInfra", "Novita", "Fireworks"), 700_000, 3100),
    "meta-llama/llama-3.3-70b-instruct": (("Groq", "DeepInfra"), 200_000, 700),
    "openai/text-embedding-3-small": (("OpenAI",), 2_000, 240),
    "qwen/qwen3-235b-a22b-2507": (("Novita",), 500_000, 4100),
    SCRIPT: (("DeepInfra",), 12_345, 800),
}
ERRORS = (
    "RateLimitError",
    "BadGatewayError",
    "Timeout",
    "BadRequestError",
    "ContextWindowExceeded",
)


def rows(count: int = 4000, days: int = 30, seed: int = 7) -> list[Row]:
    """Rows of the days before NOW."""
    chance = random.Random(seed)  # noqa: S311 - a sample
    return [_row(chance, number, days) for number in range(count)]


def _row(chance: random.Random, number: int, days: int) -> Row:
    model = chance.choices(list(MODELS), weights=[20, 30, 6, 16, 12, 20, 5, 1])[0]
    providers, price, pace = MODELS[model]
    ago = dt.timedelta(days=days * chance.betavariate(1, 1.4))
    row = Row(
        call_id=f"call-{number}",
        attempt=1,
        started_at=round((NOW - ago).timestamp() * 1e6),
        generation_id=f"gen-{number}",
        latency_ms=round(pace * chance.lognormvariate(0, 0.5)),
        model=model,
        provider=chance.choice(providers),
        endpoint="/embeddings" if "embedding" in model else "/chat/completions",
        user_id=chance.choice(["ada", "grace", "@alan", None]),
        key_name=chance.choice(["team-search", "key-0a1b2c3d4e5f"]),
        job=chance.choice(["nightly", None, None]),
        tags=json.dumps(sorted(chance.sample(["batch", "web", FORMULA, QUOTE, BACKWARDS], k=2))),
        outcome="ok",
    )
    _fill(row, chance, price)
    return row


def _fill(row: Row, chance: random.Random, price: int) -> None:
    what = chance.random()
    row.prompt_tokens = chance.randrange(50, 6000)
    if what < 0.05:
        row.outcome, row.error_class = "error", chance.choice(ERRORS)
        row.provider, row.prompt_tokens = None, 0
        row.cost, row.cost_status = 0, "billed"
        return
    row.completion_tokens = chance.randrange(10, 900)
    if what < 0.06:
        row.outcome = "left"
        return
    row.cost = (
        price * row.completion_tokens + price // 5 * row.prompt_tokens + chance.randrange(10**6)
    )
    row.cost_status = "billed"
    if what < 0.10:
        row.cache_hit, row.saved, row.cost, row.latency_ms = True, row.cost, 0, 3
    elif what < 0.4:
        row.cached_tokens = row.prompt_tokens // 2
        row.cache_write_tokens = row.prompt_tokens // 7
    elif what < 0.45:
        row.is_byok, row.upstream = True, row.cost * 19
    if "image" in row.model:
        row.image_tokens = row.completion_tokens // 2
    elif what > 0.7:
        row.reasoning_tokens = row.completion_tokens // 3


def fill(book: Ledger, **options: Any) -> None:
    """Write rows, and set budgets that they count under."""
    book.budget("everything", 400, per="month")
    book.budget(SCRIPT, "0.5", tag="batch", per="day")
    book.store.write(rows(**options))


def prices() -> Catalog:
    """A catalogue that knows two of the models."""
    return Catalog(
        [
            {
                "id": "anthropic/claude-sonnet-4.5",
                "pricing": {
                    "prompt": "0.000003",
                    "completion": "0.000015",
                    "input_cache_read": "0.0000003",
                    "input_cache_write": "0.00000375",
                },
            },
            {
                "id": "openai/gpt-4o-mini",
                "pricing": {
                    "prompt": "0.00000015",
                    "completion": "0.0000006",
                    "input_cache_read": "0.000000075",
                },
            },
        ]
    )
