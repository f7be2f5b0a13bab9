"""Prices of requests, and the bill: one row for each generation id."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .catalog import Endpoint, Model

ZERO = Decimal(0)
# OpenRouter's fee on requests that run on the caller's own provider key.
BYOK_FEE = Decimal("0.05")


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one request, its searches, tools and surcharges."""

    prompt: int
    completion: int = 0
    reasoning: int = 0
    images: int = 0
    cached: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    native_searches: int = 0
    server_tools: dict[str, int] | None = None
    surcharge: Decimal = ZERO
    drawn: Decimal = ZERO
    """USD of images that are sold by the image or the megapixel."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one request in USD, exactly as in its answer.

    Attributes:
        total: Charged to the credits.
        upstream: The provider's charge for the inference.
        upstream_prompt: The prompt's part of it.
        upstream_completions: The completion's part of it.
        is_byok: Whether the provider charges the caller's own account.
    """

    total: Decimal = ZERO
    upstream: Decimal = ZERO
    upstream_prompt: Decimal = ZERO
    upstream_completions: Decimal = ZERO
    is_byok: bool = False


@dataclass(frozen=True, slots=True)
class BillRow:
    """One generation on the bill.

    Attributes:
        generation_id: The id that the answer carried.
        endpoint: The path below the base URL, such as `/chat/completions`.
        model: The slug that was served.
        provider: The provider that served it; empty if none did.
        tokens_prompt: Prompt tokens, cached ones included.
        tokens_completion: Completion tokens, reasoning and images included.
        cost: USD taken from the credits, equal to the wire's `usage.cost`.
        upstream_cost: USD of inference; in addition to `cost` only if `is_byok`.
        is_byok: Whether the caller's own provider key paid for the inference.
        tokens_cached: Prompt tokens read from a cache.
        tokens_cache_write: Prompt tokens written to a cache.
        tokens_reasoning: Completion tokens of reasoning.
        tokens_image: Completion tokens of images.
        streamed: Whether the answer was a stream.
        cancelled: Whether the caller left before the end.
        status: HTTP status of the answer, or of the error inside it.
        finish_reason: Why the answer ended; None for an error.
        native_finish_reason: The same in the provider's words.
        fault: The name of the fault that struck, if any.
        created_at: Seconds since 1970.
        model_id: The model's id, without a date, with its variant.
        key_hash: The key that paid, by the hash that `/keys` shows.
    """

    generation_id: str
    endpoint: str
    model: str
    provider: str
    tokens_prompt: int
    tokens_completion: int
    cost: Decimal
    upstream_cost: Decimal = ZERO
    is_byok: bool = False
    tokens_cached: int = 0
    tokens_cache_write: int = 0
    tokens_reasoning: int = 0
    tokens_image: int = 0
    streamed: bool = False
    cancelled: bool = False
    status: int = 200
    finish_reason: str | None = "stop"
    native_finish_reason: str | None = "stop"
    fault: str | None = None
    created_at: float = 0.0
    model_id: str = ""
    key_hash: str = ""


def row(
    generation_id: str,
    path: str,
    model: Model,
    endpoint: Endpoint,
    usage: Usage,
    cost: Cost,
    **more: Any,
) -> BillRow:
    """Return the row of a request that was served.

    Args:
        generation_id: The id that the answer carries.
        path: The endpoint's path.
        model: The model.
        endpoint: The provider's endpoint.
        usage: Its tokens.
        cost: Its price.
        **more: Further fields of the row.
    """
    return BillRow(
        generation_id=generation_id,
        endpoint=path,
        model=model.canonical_slug,
        model_id=model.id,
        provider=endpoint.provider,
        tokens_prompt=usage.prompt,
        tokens_completion=usage.completion,
        tokens_cached=usage.cached,
        tokens_cache_write=usage.cache_write + usage.cache_write_1h,
        tokens_reasoning=usage.reasoning,
        tokens_image=usage.images,
        cost=cost.total,
        upstream_cost=cost.upstream,
        is_byok=cost.is_byok,
        **more,
    )


def wire_number(amount: Decimal) -> float | int:
    """Return the JSON number of an amount; a whole one has no decimal point, as in JavaScript."""
    number = float(amount)
    return int(number) if number.is_integer() else number


def as_sent(amount: Decimal) -> Decimal:
    """Return an amount as the answer has it: the bill must be equal to a number of JSON."""
    return Decimal(repr(wire_number(amount)))


def price(usage: Usage, endpoint: Endpoint, *, is_byok: bool = False) -> Cost:
    """Return what a request costs at an endpoint's prices."""
    fresh = usage.prompt - usage.cached - usage.cache_write - usage.cache_write_1h

    def at(item: str, fallback: str = "") -> Decimal:
        amount = endpoint.price(item, usage.prompt)
        return amount or (endpoint.price(fallback, usage.prompt) if fallback else ZERO)

    prompt = (
        fresh * at("prompt")
        + usage.cached * at("input_cache_read", "prompt")
        + usage.cache_write * at("input_cache_write", "prompt")
        + usage.cache_write_1h * at("input_cache_write_1h", "input_cache_write")
    )
    completions = (
        (usage.completion - usage.images) * at("completion")
        + usage.images * at("image_output", "completion")
        + at("request")
        + usage.drawn
    )
    upstream = prompt + completions + usage.native_searches * at("web_search")
    total = (upstream * BYOK_FEE if is_byok else upstream) + usage.surcharge
    return Cost(
        total=as_sent(total),
        upstream=as_sent(upstream),
        upstream_prompt=as_sent(prompt),
        upstream_completions=as_sent(completions),
        is_byok=is_byok,
    )


def insured(usage: Usage, finish_reason: str | None) -> bool:
    """Return whether zero completion insurance waives the charge."""
    return finish_reason == "error" or (usage.completion == 0 and not finish_reason)


def chat_usage(usage: Usage, cost: Cost) -> dict[str, Any]:
    """Return the `usage` of a chat completion."""
    wire: dict[str, Any] = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "cost": wire_number(cost.total),
        "is_byok": cost.is_byok,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_write + usage.cache_write_1h,
            "audio_tokens": 0,
            "video_tokens": 0,
        },
        "cost_details": cost_details(cost),
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "image_tokens": usage.images,
            "audio_tokens": 0,
        },
    }
    if usage.server_tools is not None:
        wire["server_tool_use_details"] = usage.server_tools
        # OpenRouter leaves out `is_byok` if it ran the tools itself.
        if "tool_calls_executed" in usage.server_tools:
            del wire["is_byok"]
    return wire


def cost_details(cost: Cost) -> dict[str, float | int]:
    """Return `usage.cost_details`."""
    return {
        "upstream_inference_cost": wire_number(cost.upstream),
        "upstream_inference_prompt_cost": wire_number(cost.upstream_prompt),
        "upstream_inference_completions_cost": wire_number(cost.upstream_completions),
    }


class Bill:
    """All rows, in the order in which the requests ended."""

    def __init__(self) -> None:
        """Start empty."""
        self._rows: list[BillRow] = []
        self._places: dict[str, int] = {}
        self.total = ZERO

    def add(self, row: BillRow) -> None:
        """Append a row, which can then be found by its generation id."""
        self._places[row.generation_id] = len(self._rows)
        self._rows.append(row)
        self.total += row.cost

    def find(self, generation_id: str) -> BillRow | None:
        """Return the row of a generation id, None if there is none."""
        place = self._places.get(generation_id)
        return None if place is None else self._rows[place]

    def rows(self) -> list[BillRow]:
        """Return a copy of the rows."""
        return list(self._rows)
