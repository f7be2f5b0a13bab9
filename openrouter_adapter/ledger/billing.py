"""Costs and tokens of a row, from an answer, a failure or `GET /generation`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import httpx

from openrouter_adapter.admission import NotSentError
from openrouter_adapter.ledger import metadata
from openrouter_adapter.ledger.rows import BATCHES, BILLED, ERROR, OK, UNKNOWN_SOURCE
from openrouter_adapter.money import to_pico
from openrouter_adapter.wire.usage import bill_of_generation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from openrouter_adapter.ledger.rows import Row
    from openrouter_adapter.wire.usage import Bill

_NOT_SENT: Final = (
    NotSentError,
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.ProxyError,
)
_MOST_CAUSES: Final = 20


def read_bill(row: Row, bill: Bill) -> None:
    """Puts a bill's cost, tokens and provider into a row."""
    row.generation_id = metadata.label(bill.generation_id) or row.generation_id
    row.served_model = metadata.label(bill.model)
    row.provider = metadata.label(bill.provider)
    row.finish_reason = metadata.label(bill.finish_reason)
    if bill.usage is not None:
        read_tokens(row, bill.usage)
    row.is_byok = bill.is_byok
    if bill.is_cached:
        row.source_id = metadata.label(bill.source_id) or UNKNOWN_SOURCE
    if bill.cost is not None:
        # An amount too large for a row is not a real bill: the cost stays unknown.
        with contextlib.suppress(ValueError):
            put_cost(row, bill.cost, bill.upstream)


def read_job(row: Row, bill: Bill, failure: str | None) -> None:
    """Puts the end of a job into the row of the request that started it.

    With the caller's own provider key, a job reports OpenRouter's fee alone: then the cost stays
    unknown until `GET /generation` reports the provider's charge as well. For a batch, OpenRouter
    never reports more than the fee.
    """
    row.outcome = OK if failure is None else ERROR
    row.error_code = failure
    row.is_byok = bill.is_byok
    if row.endpoint == BATCHES:
        # Its generations are not known, and no `GET /generation` could report more.
        read_bill(row, bill)
    elif bill.cost is not None and not bill.is_byok:
        with contextlib.suppress(ValueError):
            put_cost(row, bill.cost, bill.upstream)


def put_cost(row: Row, cost: Decimal, upstream: Decimal) -> None:
    """Puts a billed cost, in USD, into a row."""
    row.cost, row.upstream = to_pico(cost), to_pico(upstream)
    row.cost_status = BILLED
    row.ask_after = None


def read_tokens(row: Row, usage: Mapping[str, Any]) -> None:
    """Puts the tokens of a wire usage into a row, whichever endpoint's names they have."""
    prompt = _details(usage, "prompt_tokens_details", "input_tokens_details")
    answer = _details(usage, "completion_tokens_details", "output_tokens_details")
    row.prompt_tokens = _count(usage.get("prompt_tokens") or usage.get("input_tokens"))
    row.completion_tokens = _count(usage.get("completion_tokens") or usage.get("output_tokens"))
    row.reasoning_tokens = _count(answer.get("reasoning_tokens"))
    row.image_tokens = _count(answer.get("image_tokens"))
    row.cached_tokens = _count(prompt.get("cached_tokens"))
    row.cache_write_tokens = _count(prompt.get("cache_write_tokens"))


def read_generation(row: Row, generation: Mapping[str, Any]) -> bool:
    """Puts what `GET /generation` reports into a row; returns whether it reports a cost."""
    bill = bill_of_generation(generation)
    if bill.cost is None:
        return False
    row.is_byok = bill.is_byok
    put_cost(row, bill.cost, bill.upstream)
    row.served_model = metadata.label(generation.get("model")) or row.served_model
    row.provider = metadata.label(generation.get("provider_name")) or row.provider
    row.finish_reason = metadata.label(generation.get("finish_reason")) or row.finish_reason
    for name, theirs in (
        ("prompt_tokens", ("native_tokens_prompt", "tokens_prompt")),
        ("completion_tokens", ("native_tokens_completion", "tokens_completion")),
        ("reasoning_tokens", ("native_tokens_reasoning",)),
        ("cached_tokens", ("native_tokens_cached",)),
        ("image_tokens", ("native_tokens_completion_images",)),
    ):
        counts = [_count(generation.get(one)) for one in theirs]
        setattr(row, name, next(filter(None, counts), getattr(row, name)))
    return True


def was_never_sent(failure: BaseException) -> bool:
    """Whether a request failed before it was sent: no connection, or none free."""
    cause: BaseException | None = failure
    for _ in range(_MOST_CAUSES):
        if cause is None:
            return False
        if isinstance(cause, _NOT_SENT):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _details(usage: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        found = usage.get(name)
        if isinstance(found, dict):
            return found
    return {}


def _count(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**53 else 0
