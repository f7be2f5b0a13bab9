"""Requests to OpenRouter's Batch API, made from the keywords of LiteLLM's calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from openrouter_adapter import free_requests
from openrouter_adapter.batches import wire
from openrouter_adapter.free_requests import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT: Final = 600.0
"""Seconds for one request, unless the call has a `timeout`: LiteLLM's default for batches."""


def request(
    call: Mapping[str, Any], method: str = "GET", address: str = wire.PATH, **more: Any
) -> Request:
    """A request of a call.

    Args:
        call: The keywords of LiteLLM's call.
        method: The HTTP method.
        address: The path below the base URL.
        **more: Further fields of the request; `headers` are added to the call's.
    """
    import litellm

    everywhere: Any = litellm.headers
    given = {**(call.get("headers") or everywhere or {}), **(call.get("extra_headers") or {})}
    timeout = call.get("timeout") or call.get("request_timeout")
    return Request(
        method,
        address,
        TIMEOUT if timeout is None else timeout,
        headers={**given, **more.pop("headers", {})},
        api_key=call.get("api_key"),
        base_url=call.get("api_base") or call.get("base_url"),
        verify=call.get("ssl_verify"),
        **more,
    )


def retrieval(batch_id: str, call: Mapping[str, Any]) -> Request:
    """The request for a batch with its results."""
    return request(call, address=f"{wire.PATH}/{quote(batch_id, safe='')}")


def ended(
    batch_id: str, *, api_key: str | None = None, base_url: str | None = None
) -> dict[str, Any]:
    """The end of a batch in the form of `api.get_generation`, with the row's `outcome`.

    Raises:
        LookupError: the batch is not over.
        litellm.NotFoundError: there is no such batch.
        One of LiteLLM's other exceptions (see errors.py).
    """
    from litellm.exceptions import PaymentRequiredError

    call = {"api_key": api_key, "api_base": base_url}
    has_failed = False
    try:
        response = free_requests.send(retrieval(batch_id, call))
        batch = wire.parse(response.content, response.headers)
        if not batch.is_over:
            raise LookupError(f"{batch_id} is {batch.status}")
        bill, has_failed = batch.bill, batch.error is not None
    except PaymentRequiredError as failure:
        withheld = wire.withheld_bill(failure)
        if withheld is None:
            raise
        bill = withheld
    usage = bill.usage or {}
    return {
        "id": batch_id,
        "total_cost": None if bill.cost is None else str(bill.cost),
        "is_byok": bill.is_byok,
        "model": bill.model,
        "provider_name": bill.provider,
        "native_tokens_prompt": usage.get("prompt_tokens"),
        "native_tokens_completion": usage.get("completion_tokens"),
        "outcome": "error" if has_failed else "ok",
    }
