"""How many requests an image call is: truly asynchronous, and `n` of them side by side.

The chat route answers a request with what the model makes, whatever `n` says; so `n` images
are `n` requests, and their images, usage and cost are added up.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from litellm.llms.custom_httpx.llm_http_handler import BaseLLMHTTPHandler

from openrouter_adapter import admission, errors, usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm.types.utils import ImageResponse

logger = logging.getLogger("openrouter_adapter")

# More at once would rather meet a rate limit than be faster.
MOST_AT_ONCE: Final = 16


class ImageHandler(BaseLLMHTTPHandler):
    """LiteLLM's HTTP handler for images; other providers pass through to LiteLLM's own."""

    def __init__(self, original: Any) -> None:
        self._original = original

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def image_generation_handler(self, *arguments: Any, **call: Any) -> Any:
        """Sends a call's requests; a coroutine of it where the call was asynchronous."""
        if call.get("custom_llm_provider") != errors.PROVIDER:
            return self._original.image_generation_handler(*arguments, **call)
        call_type = getattr(call.get("logging_obj"), "call_type", None)
        is_async = call_type == "aimage_generation" or call.pop("_is_async", False)
        parameters = call["image_generation_optional_request_params"]
        count = parameters.get("n", 1)
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise errors.bad_request(f"n={count!r}: give a whole number from 1", call["model"])
        if is_async:
            return self._send_async(count, call)
        if count == 1:
            return self._send(call)
        with ThreadPoolExecutor(min(count, MOST_AT_ONCE)) as pool:
            sent = [pool.submit(self._send, one) for one in _calls(count, call)]
            return _added_up([_outcome(future) for future in sent])

    def _send(self, call: dict[str, Any]) -> Any:
        admission.carry(call["litellm_params"], call)
        with admission.settled_on_failure(call["litellm_params"]):
            admission.listen(call.get("client"), call["litellm_params"], is_async=False)
            response: Any = super().image_generation_handler(**call)
            return response

    async def _send_async(self, count: int, call: dict[str, Any]) -> ImageResponse:
        limit = asyncio.Semaphore(MOST_AT_ONCE)
        handler: Any = super().image_generation_handler

        async def send(one: dict[str, Any]) -> ImageResponse:
            async with limit:
                admission.carry(one["litellm_params"], one)
                with admission.settled_on_failure(one["litellm_params"]):
                    admission.listen(one.get("client"), one["litellm_params"], is_async=True)
                    response: ImageResponse = await handler(**one, _is_async=True)
                    return response

        calls = _calls(count, call)
        return _added_up(await asyncio.gather(*map(send, calls), return_exceptions=True))


def _calls(count: int, call: dict[str, Any]) -> list[dict[str, Any]]:
    """The call `count` times; each has parameters of its own, which hold its ticket."""
    return [{**call, "litellm_params": dict(call["litellm_params"])} for _ in range(count)]


def _outcome(future: Any) -> Any:
    failure = future.exception()
    return future.result() if failure is None else failure


def _added_up(outcomes: Sequence[Any]) -> ImageResponse:
    """One response of several: all images, the sums of their usage and cost.

    Requests that failed beside others that did not are said in a warning, and what they cost is
    in the sum.

    Raises:
        The first failure, where there is nothing but failures.
    """
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    responses = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    if not responses:
        raise failures[0]
    whole: ImageResponse = responses[0]
    if len(outcomes) == 1:
        return whole
    if failures:
        logger.warning(
            "%d of %d image requests failed: %s", len(failures), len(outcomes), failures[0]
        )
    whole.data = [image for response in responses for image in response.data or ()]
    whole.usage = _sum_of_usage([response.usage for response in responses])
    facts = [response._hidden_params.get("openrouter", {}) for response in responses]
    charged = [one.get("cost") for one in facts]
    charged += [getattr(failure, "openrouter", {}).get("cost", 0) for failure in failures]
    _put_cost(whole, facts, charged)
    return whole


def _put_cost(whole: ImageResponse, facts: list[dict[str, Any]], charged: list[Any]) -> None:
    hidden = whole._hidden_params
    hidden["openrouter"] = {
        **facts[0],
        "generation_ids": [one["generation_id"] for one in facts if "generation_id" in one],
    }
    amounts = [usage.usd(cost) for cost in charged]
    if None in amounts:
        # One that is not known makes the sum unknown.
        hidden["openrouter"].pop("cost", None)
        hidden.pop("response_cost", None)
        hidden["additional_headers"].pop(usage.COST_HEADER, None)
        return
    cost = float(sum((amount for amount in amounts if amount is not None), Decimal(0)))
    hidden["openrouter"]["cost"] = hidden["response_cost"] = cost
    hidden["additional_headers"][usage.COST_HEADER] = cost


def _sum_of_usage(usages: list[Any]) -> Any:
    whole = usages[0]
    for other in usages[1:]:
        for name in ("input_tokens", "output_tokens", "total_tokens"):
            setattr(whole, name, getattr(whole, name) + getattr(other, name))
        for name in ("image_tokens", "text_tokens"):
            read, more = whole.input_tokens_details, other.input_tokens_details
            setattr(read, name, getattr(read, name) + getattr(more, name))
            whole.output_tokens_details[name] += other.output_tokens_details[name]
    for name in ("cost", "cost_details"):
        if hasattr(whole, name):
            delattr(whole, name)
    return whole
