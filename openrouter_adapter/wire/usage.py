"""Usage and cost of an answer: wire usage → LiteLLM's usage, the bill, hidden params.

Money is a `Decimal` made from the wire's own digits; floats appear only where LiteLLM's interface
needs them. See https://openrouter.ai/docs/use-cases/usage-accounting.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import httpx

from openrouter_adapter.money import decimal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm.types.utils import Usage

# Where LiteLLM's cost calculator looks for a provider's own price of a call.
COST_HEADER: Final = "llm_provider-x-litellm-response-cost"

# Headers of OpenRouter's cache of responses.
_CACHE_STATUS: Final = "x-openrouter-cache-status"
_SOURCE_ID: Final = "x-openrouter-cache-source-id"
_OF_CACHE: Final[Mapping[str, str]] = {
    "status": _CACHE_STATUS,
    "age": "x-openrouter-cache-age",
    "ttl": "x-openrouter-cache-ttl",
    "source_id": _SOURCE_ID,
}

# Fields of the wire that LiteLLM's usage only stores, without declaring them.
_UNDECLARED: Final = ("is_byok", "cost_details")

# Top-level fields of an answer that LiteLLM's response objects have a place for.
_PLACED: Final = frozenset(
    {"id", "object", "created", "model", "choices", "data", "usage", "system_fingerprint", "error"}
)


@dataclass(frozen=True, slots=True)
class Bill:
    """What OpenRouter charged for one request, in USD.

    `cost` was charged to the account's credits; None if OpenRouter did not report it.
    `upstream` is charged to your own provider account in addition: not zero only for BYOK.
    `usage` is the wire's, `model` and `provider` served the request; None if the wire had none.
    `is_cached` is True if OpenRouter's response cache answered, at no cost; `source_id` is the
    generation that first produced the answer.
    """

    cost: Decimal | None = None
    upstream: Decimal = Decimal(0)
    is_byok: bool = False
    generation_id: str | None = None
    model: str | None = None
    provider: str | None = None
    finish_reason: str | None = None
    usage: Mapping[str, Any] | None = None
    is_cached: bool = False
    source_id: str | None = None

    @property
    def total(self) -> Decimal | None:
        """The whole cost of the request, USD; None if unknown."""
        return None if self.cost is None else self.cost + self.upstream


def usd(value: Any) -> Decimal | None:
    """A JSON number of the wire as exact USD; None for anything else."""
    return None if isinstance(value, str) else decimal(value)


def _number(value: Any) -> Any:
    """A cost as a number, also if the wire has it as text."""
    if isinstance(value, dict):
        return {name: _number(one) for name, one in value.items()}
    amount = decimal(value) if isinstance(value, str) else None
    return value if amount is None else float(amount)


def read_bill(body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Bill:
    """The bill of an answer, of a stream's last chunk, or of an error that carries usage."""
    usage = body.get("usage")
    served: dict[str, Any] = {
        "generation_id": read_generation_id(body, headers),
        "model": _text(body.get("model")),
        "provider": _text(body.get("provider")) or _text(body.get("provider_name")),
        "finish_reason": _of_first_choice(body, "finish_reason"),
    }
    if headers and headers.get(_CACHE_STATUS) == "HIT":
        served |= {"is_cached": True, "source_id": headers.get(_SOURCE_ID), "cost": Decimal(0)}
    if not isinstance(usage, dict):
        return Bill(**served)
    is_byok = usage.get("is_byok") is True
    upstream = None
    if is_byok and isinstance(usage.get("cost_details"), dict):
        # Without BYOK this is a breakdown of `cost`; added, it would be counted twice.
        upstream = decimal(usage["cost_details"].get("upstream_inference_cost"))
    cost = decimal(usage.get("cost"))
    if cost is not None:
        served["cost"] = cost
    return Bill(upstream=upstream or Decimal(0), is_byok=is_byok, usage=usage, **served)


def read_generation_id(body: Mapping[str, Any], headers: Mapping[str, str] | None) -> str | None:
    """The request's id for `GET /generation`, from the headers or the body."""
    from_header = headers.get("x-generation-id") if headers else None
    return from_header or _text(body.get("id")) or _text(body.get("generation_id"))


def body_of_generation(generation: Mapping[str, Any]) -> dict[str, Any]:
    """The result of `GET /generation` in the form of an answer's body.

    The tokens are those that were billed: the provider's own count, if OpenRouter has it.
    """
    counts = (
        [generation.get(f"native_{name}"), generation.get(name)]
        for name in ("tokens_prompt", "tokens_completion")
    )
    prompt, answer = (next((n for n in one if n and isinstance(n, int)), 0) for one in counts)
    upstream = generation.get("upstream_inference_cost")
    return {
        "id": generation.get("id"),
        "model": generation.get("model"),
        "provider": generation.get("provider_name"),
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": answer,
            "total_tokens": prompt + answer,
            "cost": generation.get("total_cost"),
            "is_byok": generation.get("is_byok"),
            **({} if upstream is None else {"cost_details": {"upstream_inference_cost": upstream}}),
        },
    }


def bill_of_generation(generation: Mapping[str, Any]) -> Bill:
    """The bill in a result of `GET /generation`; its cost is None if not known yet."""
    return read_bill(body_of_generation(generation))


def facts(body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The content of `_hidden_params["openrouter"]`. A key is missing if the wire had nothing."""
    usage = body.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    found = {
        "generation_id": read_generation_id(body, headers),
        "model": body.get("model"),
        "native_finish_reason": _of_first_choice(body, "native_finish_reason"),
        "cost": _number(usage.get("cost")),
        "cost_details": _number(usage.get("cost_details")),
        "is_byok": usage.get("is_byok"),
    }
    found |= {name: value for name, value in body.items() if name not in _PLACED}
    if headers and headers.get(_CACHE_STATUS):
        said = {name: headers.get(header) for name, header in _OF_CACHE.items()}
        found["response_cache"] = {name: value for name, value in said.items() if value}
        if headers[_CACHE_STATUS] == "HIT" and found["cost"] is None:
            found["cost"] = 0
    return {name: value for name, value in found.items() if value is not None}


def attach(
    hidden: dict[str, Any], body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Bill:
    """Puts the cost and OpenRouter's facts into a response's hidden params.

    Args:
        hidden: `response._hidden_params`.
        body: The wire's answer; of a stream, the accumulated one.
        headers: The response headers, which LiteLLM forwards to its callers.

    Returns:
        The bill, with which the attempt is finished.
    """
    from litellm.litellm_core_utils.core_helpers import process_response_headers

    forwarded: dict[str, Any] = {}
    if headers is not None:
        # By items: httpx decodes all headers again for each look-up, which takes 1 µs.
        raw = dict(headers.items())
        if isinstance(headers, httpx.Headers):
            headers = raw
        hidden["headers"] = raw
        forwarded = process_response_headers(raw)
        # Only usage.cost is the price: a header of this name would be of another origin.
        forwarded.pop(COST_HEADER, None)
    hidden["additional_headers"] = forwarded
    hidden["openrouter"] = facts(body, headers)
    served_by = _text(body.get("provider"))
    if served_by:
        # Where LiteLLM's logs look for it, from 1.109 on.
        hidden["upstream_provider"] = served_by
    bill = read_bill(body, headers)
    if bill.cost is not None:
        # Both: with the header alone LiteLLM 1.109 bills a deployment's custom price instead.
        forwarded[COST_HEADER] = hidden["response_cost"] = float(bill.cost)
    return bill


def tell_failed(details: dict[str, Any], bill: Bill) -> None:
    """Puts a failed stream's bill where LiteLLM's failure callbacks look for it.

    Without tokens, callbacks get no cost or, from LiteLLM 1.109 on, an estimate.

    Args:
        details: `logging_obj.model_call_details`.
        bill: The failed stream's bill.
    """
    if bill.cost is None or bill.usage is None:
        return
    wire = dict(bill.usage)
    _mirror(wire, "input_tokens", wire, "prompt_tokens")
    _mirror(wire, "output_tokens", wire, "completion_tokens")
    # The usage of a failure may have any form: then it is left out.
    with contextlib.suppress(ValueError, TypeError, AttributeError, OverflowError):
        details["combined_usage_object"] = litellm_usage(wire)
        details["response_cost"] = float(bill.cost)


def litellm_usage(wire: Mapping[str, Any]) -> Usage:
    """LiteLLM's usage object of a chat, with every field of the wire.

    Token counts that LiteLLM's own providers report under other names are under those, too:
    `cache_read_input_tokens`, `cache_creation_input_tokens`, `server_tool_use`.
    """
    from litellm.types.utils import Usage

    fields = dict(wire)
    if isinstance(fields.get("cost"), str):
        fields["cost"] = _number(fields["cost"])
    prompt = fields.get("prompt_tokens_details")
    if isinstance(prompt, dict):
        _mirror(prompt, "cached_tokens", fields, "cache_read_input_tokens")
        _mirror(prompt, "cache_write_tokens", fields, "cache_creation_input_tokens")
    tools = fields.get("server_tool_use_details")
    if isinstance(tools, dict):
        searches = tools.get("web_search_requests")
        if isinstance(searches, int) and "server_tool_use" not in fields:
            fields["server_tool_use"] = {"web_search_requests": searches}
    plain: dict[str, Any] = {name: fields.pop(name) for name in _UNDECLARED if name in fields}
    made = Usage(**fields)
    if plain:
        # As pydantic does for a field that the class doesn't declare, without its 2 µs for each.
        extra = made.model_extra
        assert extra is not None  # noqa: S101 - LiteLLM's class allows them
        extra.update(plain)
    return made


def _mirror(source: Mapping[str, Any], name: str, target: dict[str, Any], alias: str) -> None:
    if isinstance(source.get(name), int):
        target.setdefault(alias, source[name])


def _of_first_choice(body: Mapping[str, Any], name: str) -> str | None:
    choices = body.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return _text(choices[0].get(name))
    return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
